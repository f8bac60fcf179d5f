"""Small models whose sizes are all open: a convolutional network, an LSTM, a transformer block, one whose shapes depend on the data (bar M7).

  python changing_shapes.py PROGRAM [RUNS [NAME …]]    runs PROGRAM (bench/memory_over_shapes.cc) on each and prints how far resident memory grew after the first tenth
"""
import pathlib
import subprocess
import sys
import tempfile

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper


class Builder:
    def __init__(self):
        self.nodes, self.constants = [], []
        self.random = np.random.default_rng(1)

    def weight(self, *shape):
        name = f"w{len(self.constants)}"
        self.constants.append(numpy_helper.from_array((self.random.standard_normal(shape) / np.sqrt(shape[-1])).astype(np.float32), name))
        return name

    def constant(self, value, dtype=np.int64):
        name = f"c{len(self.constants)}"
        self.constants.append(numpy_helper.from_array(np.asarray(value, dtype), name))
        return name

    def add(self, op, *inputs, outputs=1, **attributes):
        names = [f"v{len(self.nodes)}_{i}" for i in range(outputs)]
        self.nodes.append(helper.make_node(op, list(inputs), names, **attributes))
        return names[0] if outputs == 1 else names

    def model(self, shape, result):
        x = helper.make_tensor_value_info("x", TensorProto.FLOAT, shape)
        self.nodes.append(helper.make_node("Identity", [result], ["y"]))
        y = helper.make_empty_tensor_value_info("y")
        y.type.tensor_type.elem_type = TensorProto.FLOAT
        graph = helper.make_graph(self.nodes, "g", [x], [y], self.constants)
        return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)


def convolutions():
    b = Builder()
    x = "x"
    for inputs, outputs in ((3, 16), (16, 32), (32, 32)):
        x = b.add("Relu", b.add("Conv", x, b.weight(outputs, inputs, 3, 3), b.weight(outputs), pads=[1, 1, 1, 1]))
    up = b.add("Resize", x, "", b.constant([1, 1, 2, 2], np.float32), mode="linear")
    pooled = b.add("MaxPool", up, kernel_shape=[2, 2], strides=[2, 2])
    return b.model(["n", 3, "h", "w"], b.add("Gemm", b.add("Flatten", b.add("GlobalAveragePool", b.add("Add", pooled, x))), b.weight(32, 10)))


def lstm():
    b = Builder()
    y = b.add("LSTM", "x", b.weight(2, 512, 24), b.weight(2, 512, 128), b.weight(2, 1024), outputs=3, hidden_size=128, direction="bidirectional")
    return b.model(["t", "n", 24], b.add("ReduceMean", y[0], axes=[0]))


def transformer():
    b = Builder()
    x = b.add("MatMul", "x", b.weight(32, 192))
    for _ in range(2):
        shape = b.add("Shape", x)
        size = b.add("Concat", b.add("Slice", shape, b.constant([0]), b.constant([2])), b.constant([4, 48]), axis=0)
        q, k, v = (b.add("Reshape", b.add("MatMul", x, b.weight(192, 192)), size) for _ in range(3))
        scores = b.add("MatMul", b.add("Transpose", q, perm=[0, 2, 1, 3]), b.add("Transpose", k, perm=[0, 2, 3, 1]))
        mixed = b.add("MatMul", b.add("Softmax", scores, axis=-1), b.add("Transpose", v, perm=[0, 2, 1, 3]))
        x = b.add("Add", x, b.add("Reshape", b.add("Transpose", mixed, perm=[0, 2, 1, 3]), shape))
        x = b.add("LayerNormalization", x, b.weight(192), b.weight(192))
    return b.model(["n", "t", 32], x)


def data_dependent():
    b = Builder()
    flat = b.add("Reshape", "x", b.constant([-1]))
    at = b.add("NonZero", b.add("Relu", flat))
    chosen = b.add("Gather", flat, b.add("Squeeze", at, b.constant([0])))
    half = b.add("Div", b.add("Shape", chosen), b.constant([2]))
    top = b.add("TopK", chosen, half, outputs=2)
    rows = b.add("Unsqueeze", top[0], b.constant([1]))
    wide = b.add("Relu", b.add("MatMul", rows, b.weight(1, 256)))
    return b.model(["n", "m"], b.add("Softmax", b.add("MatMul", wide, b.weight(256, 2048)), axis=-1))


MODELS = {"convolutions": convolutions, "lstm": lstm, "transformer": transformer, "data_dependent": data_dependent}


def growth(program, name, runs):
    """(resident memory at the end over that after the first tenth) - 1, and the lines of the program."""
    with tempfile.TemporaryDirectory() as folder:
        path = pathlib.Path(folder) / f"{name}.onnx"
        model = MODELS[name]()
        onnx.save(model, path)
        done = subprocess.run([str(program), str(path), str(runs)], capture_output=True, text=True)
        if done.returncode != 0:
            raise RuntimeError(f"{name}: {done.stderr.strip()}")
    lines = [[int(word) for word in line.split("\t")] for line in done.stdout.splitlines()]
    return lines[-1][2] / lines[0][2] - 1, lines


def main():
    program, runs, wanted = sys.argv[1], int(sys.argv[2]) if len(sys.argv) > 2 else 10000, sys.argv[3:]
    for name in MODELS:
        if wanted and name not in wanted:
            continue
        grown, lines = growth(program, name, runs)
        print(f"{name}\t{100 * grown:+.2f} %\t{lines[0][2] / 2**20:.1f} to {lines[-1][2] / 2**20:.1f} MiB\t{lines[-1][1]} plans", flush=True)


if __name__ == "__main__":
    main()
