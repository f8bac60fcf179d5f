"""Every network of `omni new`, exported as ONNX: logits in ONNX Runtime within 1e-4 of ours."""
import json
import pathlib
import tempfile

import numpy as np

from peer import check, omni, reference, run_omni

NETWORKS = ["lenet-300-100", "lenet5", "mlp-2nn", "cnn-fedavg", "resnet20", "mobilenet-small"]

with tempfile.TemporaryDirectory() as temporary:
    folder = pathlib.Path(temporary)
    for name in NETWORKS:
        model = folder / f"{name}.onnx"
        omni("new", name, "-o", model)
        described = json.loads(omni("inspect", model, "--json"))["result"]
        value = described["inputs"][0]
        shape = [8 if size < 1 or i == 0 else size for i, size in enumerate(value["shape"])]
        x = np.random.default_rng(1).normal(size=shape).astype(np.float32)
        ours = next(iter(run_omni(model, {value["name"]: x}, folder / name).values()))
        theirs = reference(model, {value["name"]: x})[0]
        worst = float(np.abs(ours - theirs).max() / max(1.0, float(np.abs(theirs).max())))
        check(ours.shape == theirs.shape and worst <= 1e-4, f"{name}: logits differ by {worst:.2e} (<= 1e-4)")
