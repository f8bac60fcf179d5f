"""A small GPT over bytes, written as ONNX with random weights, and English text from Debian's documentation to train it on."""
import gzip
import pathlib
import re

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

# Packages of Debian 12 whose documentation is long English text.
TEXTS = ["/usr/share/doc/libpng16-16/libpng-manual.txt.gz", "/usr/share/doc/libslang2/slang.txt.gz", "/usr/share/doc/libslang2/slangfun.txt.gz",
         "/usr/share/doc/kbproto/xkbproto.txt.gz", "/usr/share/doc/xproto/x11protocol.txt.gz"]
LICENCES = "/usr/share/common-licenses"
VOCABULARY, LENGTH = 128, 128  # ASCII; bytes of a sample


def text():
    """ASCII bytes with runs of spaces as one."""
    parts = [gzip.open(p).read() for p in TEXTS if pathlib.Path(p).exists()]
    parts += [p.read_bytes() for p in sorted(pathlib.Path(LICENCES).iterdir()) if p.is_file() and not p.is_symlink()]
    return np.frombuffer(re.sub(rb"[^\x00-\x7f]", b"", re.sub(rb"[ \t]+", b" ", b"\n".join(parts))), np.uint8).astype(np.int64)


def samples(data):
    """Windows of LENGTH bytes and, for each, the byte behind it."""
    count = (len(data) - 1) // LENGTH
    return data[:count * LENGTH].reshape(count, LENGTH), data[1:count * LENGTH + 1].reshape(count, LENGTH)


class Builder:
    def __init__(self, seed):
        self.random = np.random.default_rng(seed)
        self.nodes, self.constants, self.count = [], [], 0

    def constant(self, value, name=None):
        self.count += name is None
        name = name or f"c{self.count}"
        self.constants.append(numpy_helper.from_array(np.asarray(value), name))
        return name

    def weight(self, name, *shape, deviation=0.02):
        return self.constant((self.random.standard_normal(shape) * deviation).astype(np.float32), name)

    def add(self, op, *inputs, **attributes):
        self.count += 1
        self.nodes.append(helper.make_node(op, inputs, [f"v{self.count}"], f"{op}_{self.count}", **attributes))
        return f"v{self.count}"

    def norm(self, x, name, width):
        return self.add("LayerNormalization", x, self.constant(np.ones(width, np.float32), f"{name}.scale"), self.constant(np.zeros(width, np.float32), f"{name}.shift"))

    def linear(self, x, name, inputs, outputs, deviation=0.02):
        return self.add("Add", self.add("MatMul", x, self.weight(f"{name}.weight", inputs, outputs, deviation=deviation)),
                        self.constant(np.zeros(outputs, np.float32), f"{name}.bias"))


def _attention(b, x, name, width, heads):
    shape = b.constant(np.array([0, LENGTH, heads, width // heads], np.int64))
    q, k, v = (b.add("Transpose", b.add("Reshape", b.linear(x, f"{name}.{part}", width, width), shape), perm=perm)
               for part, perm in (("query", [0, 2, 1, 3]), ("key", [0, 2, 3, 1]), ("value", [0, 2, 1, 3])))
    mask = b.constant(np.triu(np.full((LENGTH, LENGTH), -1e9, np.float32), 1))
    scores = b.add("Mul", b.add("MatMul", q, k), b.constant(np.float32((width // heads) ** -0.5)))
    mixed = b.add("MatMul", b.add("Softmax", b.add("Add", scores, mask), axis=-1), v)
    return b.add("Reshape", b.add("Transpose", mixed, perm=[0, 2, 1, 3]), b.constant(np.array([0, LENGTH, width], np.int64)))


def make(path, seed=1, width=128, layers=4, heads=4):
    """Pre-norm blocks as GPT-2 has them; output [n, classes, positions], as a cross-entropy reads it."""
    b = Builder(seed)
    deep = 0.02 / (2 * layers) ** 0.5  # of what is added to the residual stream
    x = b.add("Add", b.add("Gather", b.weight("embedding", VOCABULARY, width), "ids"), b.weight("position", LENGTH, width))
    for i in range(layers):
        mixed = _attention(b, b.norm(x, f"h{i}.norm1", width), f"h{i}", width, heads)
        x = b.add("Add", x, b.linear(mixed, f"h{i}.mix", width, width, deep))
        hidden = b.add("Gelu", b.linear(b.norm(x, f"h{i}.norm2", width), f"h{i}.up", width, 4 * width), approximate="tanh")
        x = b.add("Add", x, b.linear(hidden, f"h{i}.down", 4 * width, width, deep))
    logits = b.add("MatMul", b.norm(x, "norm", width), b.weight("head", width, VOCABULARY))
    b.nodes.append(helper.make_node("Transpose", [logits], ["logits"], "logits", perm=[0, 2, 1]))
    graph = helper.make_graph(b.nodes, "gpt", [helper.make_tensor_value_info("ids", TensorProto.INT64, ["n", LENGTH])],
                              [helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["n", VOCABULARY, LENGTH])], b.constants)
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 20)], ir_version=9), path)


def perplexity(session, ids, target):
    """exp of the mean negative log likelihood of the next byte."""
    total = 0.0
    for i in range(0, len(ids), 32):
        logits = session.run(None, {"ids": ids[i:i + 32]})[0].astype(np.float64)
        logits -= logits.max(1, keepdims=True)
        log = logits - np.log(np.exp(logits).sum(1, keepdims=True))
        total -= np.take_along_axis(log, target[i:i + 32][:, None], 1).sum()
    return float(np.exp(total / target.size))
