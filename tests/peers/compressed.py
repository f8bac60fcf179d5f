"""LeNet-5 trained for an epoch and compressed every way: top-1 in ONNX Runtime equal to ours (bar E5)."""
import pathlib
import tempfile

import numpy as np

from peer import check, fashion_test, omni, reference, run_omni

AGREEMENT = {"fp16": 0.999, "bf16": 0.999, "int8-dynamic": 0.995, "int8-static": 0.995, "int8-weight": 0.999, "int4-weight": 0.995}
images, labels = fashion_test(4000)

with tempfile.TemporaryDirectory() as temporary:
    folder = pathlib.Path(temporary)
    model = folder / "lenet5.onnx"
    omni("new", "lenet5", "-o", folder / "new.onnx")
    omni("train", folder / "new.onnx", "--data", "fashion-mnist@train@0:20000", "--epochs", 1, "-o", model)
    ours = next(iter(run_omni(model, {"input": images}, folder / "f32").values()))
    theirs = reference(model, {"input": images})[0]
    worst = float(np.abs(ours - theirs).max())
    check(worst <= 1e-4, f"f32: logits differ by {worst:.2e} (<= 1e-4)")
    same = ours.argmax(1) == theirs.argmax(1)
    top = np.sort(theirs, axis=1)
    tie = top[:, -1] - top[:, -2] <= 1e-4
    check(bool((same | tie).all()), "f32: the same top-1 on every image")
    print(f"f32: accuracy {float((ours.argmax(1) == labels).mean()):.4f}")
    for method, bound in AGREEMENT.items():
        compressed = folder / f"{method}.onnx"
        omni("compress", model, "--method", method, "--data", "fashion-mnist@train@0:512", "-o", compressed)
        ours = next(iter(run_omni(compressed, {"input": images}, folder / method).values()))
        theirs = reference(compressed, {"input": images})[0]
        agreement = float((ours.argmax(1) == theirs.argmax(1)).mean())
        check(agreement >= bound, f"{method}: top-1 equal on {100 * agreement:.2f} % (>= {100 * bound} %), "
                                  f"accuracy {float((ours.argmax(1) == labels).mean()):.4f}, {compressed.stat().st_size} bytes")
