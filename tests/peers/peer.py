"""What the comparisons share: running `omni`, running ONNX Runtime, the test images."""
import gzip
import pathlib
import subprocess
import sys

import numpy as np
import onnxruntime

FASHION = pathlib.Path("/usr/share/datasets/fashion-mnist")


def omni(*arguments):
    """Runs the command; fails loudly with what it wrote."""
    command = [sys.argv[1], *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode != 0:
        raise SystemExit(f"{' '.join(command)}: exit {done.returncode}\n{done.stdout}{done.stderr}")
    return done.stdout


def run_omni(model, inputs, folder):
    """Outputs by name, of `omni run`."""
    folder.mkdir(parents=True, exist_ok=True)
    arguments = []
    for name, value in inputs.items():
        np.save(folder / f"in_{name}.npy", value)
        arguments += ["--input", f"{name}={folder}/in_{name}.npy"]
    omni("run", model, *arguments, "--output-dir", folder / "out", "--force")
    return {path.stem: np.load(path) for path in (folder / "out").glob("*.npy")}


def reference(model, inputs):
    """Outputs in order, of ONNX Runtime without graph optimizations: the reference for values."""
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    options.log_severity_level = 3
    session = onnxruntime.InferenceSession(str(model), options, providers=["CPUExecutionProvider"])
    return session.run(None, inputs)


def fashion_test(count=10000):
    """Images f32[count,1,28,28] in [0, 1] and labels of the Fashion-MNIST test set."""
    with gzip.open(FASHION / "t10k-images-idx3-ubyte.gz") as file:
        images = np.frombuffer(file.read()[16:], np.uint8).reshape(-1, 1, 28, 28)
    with gzip.open(FASHION / "t10k-labels-idx1-ubyte.gz") as file:
        labels = np.frombuffer(file.read()[8:], np.uint8)
    return images[:count].astype(np.float32) / np.float32(255), labels[:count].astype(np.int64)


def check(condition, message):
    if not condition:
        raise SystemExit("FAILED: " + message)
    print("ok: " + message)
