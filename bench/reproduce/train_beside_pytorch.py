"""One epoch of LeNet-5 (batch 64) on Fashion-MNIST: `omni train` beside PyTorch on the CPU, same threads, alternating. Prints JSON."""
import gzip
import json
import pathlib
import subprocess
import sys
import tempfile
import time

import numpy as np
import torch

FASHION = pathlib.Path("/usr/share/datasets/fashion-mnist")
THREADS = 2


def read(name, skip):
    with gzip.open(FASHION / name) as file:
        return np.frombuffer(file.read()[skip:], np.uint8).copy()


images = torch.from_numpy(read("train-images-idx3-ubyte.gz", 16).reshape(-1, 1, 28, 28).astype(np.float32) / 255)
labels = torch.from_numpy(read("train-labels-idx1-ubyte.gz", 8).astype(np.int64))
torch.set_num_threads(THREADS)


def network():
    return torch.nn.Sequential(torch.nn.Conv2d(1, 20, 5), torch.nn.ReLU(), torch.nn.MaxPool2d(2), torch.nn.Conv2d(20, 50, 5), torch.nn.ReLU(),
                               torch.nn.MaxPool2d(2), torch.nn.Flatten(), torch.nn.Linear(800, 500), torch.nn.ReLU(), torch.nn.Linear(500, 10))


def epoch(model, optimizer):
    start = time.perf_counter()
    order = torch.randperm(len(images))
    for i in range(0, len(images), 64):
        batch = order[i:i + 64]
        optimizer.zero_grad(set_to_none=True)
        loss = torch.nn.functional.cross_entropy(model(images[batch]), labels[batch])
        loss.backward()
        optimizer.step()
    return time.perf_counter() - start


model = network()
optimizer = torch.optim.SGD(model.parameters(), lr=0.01, momentum=0.9)
epoch(model, optimizer)  # warm-up
runs = []
with tempfile.TemporaryDirectory() as folder:
    subprocess.run([sys.argv[1], "new", "lenet5", "-o", f"{folder}/new.onnx"], check=True, capture_output=True)
    for _ in range(3):
        theirs = epoch(model, optimizer)
        done = subprocess.run([sys.argv[1], "train", f"{folder}/new.onnx", "--data", "fashion-mnist@train", "--epochs", "2", "--batch", "64", "--threads",
                               str(THREADS), "-o", f"{folder}/out.onnx", "--force", "--json", "--progress", "none"], check=True, capture_output=True, text=True)
        mine = json.loads(done.stdout)["result"]["epochs"][-1]["time_s"]
        runs.append({"pytorch_s": theirs, "omni_s": mine, "ratio": mine / theirs})
print(json.dumps({"ratio": float(np.median([r["ratio"] for r in runs])), "runs": runs}))
