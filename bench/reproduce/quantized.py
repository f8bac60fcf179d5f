"""A float model, static-quantized by ONNX Runtime's own quantizer, beside ONNX Runtime as the reference (bar M5).

  python quantized.py OMNI MODEL INPUTS.npz QDQ|QOperator FOLDER

A value that lies in the middle between two bytes goes up in one order of summing and down in another, and in a deep network one such byte moves many
after it. How many is measured on ONNX Runtime itself: the same model with every scale an ulp larger, and smaller (`nudged`). Where that alone moves more than one
output element in two hundred by more than a step, the outputs are chance, and the row is judged between the quantized tensors instead: the model is
cut at each, and what follows starts from ONNX Runtime's own bytes (`cut`). The float path (lowering off) is compared there too.
"""
import contextlib
import dataclasses
import io
import logging
import pathlib
import re
import sys
import tempfile

import numpy as np
import onnx
import onnxruntime
from onnxruntime.quantization import CalibrationDataReader, QuantFormat, QuantType, quantize_static
from onnxruntime.quantization.shape_inference import quant_pre_process

import zoo


logging.disable(logging.WARNING)  # the quantizer warns of every tensor it leaves alone
onnxruntime.set_default_logger_severity(4)


class NotQuantizable(Exception):
    """The quantizer itself refuses the model."""


class Samples(CalibrationDataReader):
    """The inputs, and three noisy copies of their floats."""

    def __init__(self, inputs):
        random = np.random.default_rng(3)
        noisy = lambda v: v + 0.1 * random.standard_normal(v.shape).astype(v.dtype) * (v.std() + 1e-3) if v.dtype.kind == "f" else v
        self.rows = iter([inputs] + [{k: noisy(v).astype(v.dtype) for k, v in inputs.items()} for _ in range(3)])

    def get_next(self):
        return next(self.rows, None)


# The operators of a network with attention that are quantized. Quantized at every operator, the quantizer's default, the output of ViT-tiny is up to 14
# steps off the float model's, and which bytes it has is chance: ONNX Runtime's own optimizations change a quarter of them by more than a step.
PRODUCTS = ["Conv", "Gemm", "MatMul"]


def has_attention(model):
    producers = {name: node.op_type for node in model.graph.node for name in node.output}
    return any(node.op_type == "MatMul" and producers.get(node.input[0]) in ("Softmax", "Where") for node in model.graph.node)


def quantize(path, inputs, form, folder):
    folder.mkdir(parents=True, exist_ok=True)
    target = folder / f"{re.sub(r'[^A-Za-z0-9]+', '_', str(path))[-80:]}.{form}.onnx"
    if target.exists():
        return target
    prepared = target.with_suffix(".prepared")
    try:
        with contextlib.redirect_stdout(io.StringIO()):
            quant_pre_process(str(path), str(prepared), skip_symbolic_shape=True)
            operators = PRODUCTS if has_attention(onnx.load(prepared)) else None
            per_channel = form == "QDQ" and next(o.version for o in onnx.load(prepared).opset_import if o.domain in ("", "ai.onnx")) >= 13
            quantize_static(str(prepared), str(target), Samples(inputs), quant_format=getattr(QuantFormat, form), activation_type=QuantType.QUInt8,
                            weight_type=QuantType.QInt8, per_channel=per_channel, op_types_to_quantize=operators)
        onnxruntime.InferenceSession(str(target), providers=["CPUExecutionProvider"])
    except Exception as error:
        target.unlink(missing_ok=True)
        raise NotQuantizable(str(error)[:200]) from error
    finally:
        prepared.unlink(missing_ok=True)
    return target


def step_of(model, output, value):
    """The scale of the last quantization on the way to the output, else 1/255 of its range."""
    producers = {name: node for node in model.graph.node for name in node.output}
    constants = {t.name: onnx.numpy_helper.to_array(t) for t in model.graph.initializer}
    name = output
    while name in producers:
        node = producers[name]
        if node.op_type == "DequantizeLinear" and node.input[1] in constants and constants[node.input[1]].size == 1:
            return float(constants[node.input[1]].reshape(-1)[0])
        if node.op_type not in ("Reshape", "Transpose", "Flatten", "Squeeze", "Unsqueeze", "Identity", "Relu", "MaxPool", "Slice", "Split", "Concat"):
            break
        name = node.input[0]
    if value.size == 0:
        return 1.0
    return float(value.max() - (value.min() if value.size > 1 else min(value.min(), 0))) / 255


def _type(value):
    return onnx.helper.np_dtype_to_tensor_dtype(np.asarray(value).dtype)


def cut(target, inputs, folder, floats):
    """The model cut at every quantized activation, its inputs (ONNX Runtime's bytes there), and what ONNX Runtime has for its outputs.

    Outputs are the quantized activations, or with `floats` what QuantizeLinear would read, and those of the model.
    """
    model = onnx.load(target)
    graph = model.graph
    values = zoo.reference(_with_outputs(target, folder), inputs)
    made = {name: node for node in graph.node if node.op_type != "Constant" for name in node.output if name}
    quantized = [name for name in made if name in values and np.asarray(values[name]).dtype in (np.uint8, np.int8)]
    renamed = {name: f"bytes{i}" for i, name in enumerate(quantized)}
    feeds, wanted, nodes = dict(inputs), {}, []
    for node in graph.node:
        for i, name in enumerate(node.input):
            if name in renamed:
                node.input[i] = renamed[name]
                feeds[renamed[name]] = np.asarray(values[name])
        if floats and node.op_type == "QuantizeLinear" and node.output[0] in renamed:
            if node.input[0] in made and node.input[0] not in renamed:
                wanted[f"float{len(wanted)}"] = node.input[0]
            continue
        nodes.append(node)
    if not floats:
        wanted.update((f"result{i}", name) for i, name in enumerate(quantized))
    nodes += [onnx.helper.make_node("Identity", [name], [key]) for key, name in wanted.items()]
    wanted.update((o.name, o.name) for o in graph.output if not (floats and o.name in renamed))
    graph.input.extend(onnx.helper.make_tensor_value_info(name, _type(v), v.shape) for name, v in feeds.items() if name not in inputs)
    del graph.node[:], graph.value_info[:], graph.output[:]
    graph.node.extend(nodes)
    graph.output.extend(onnx.helper.make_tensor_value_info(key, _type(values[name]), None) for key, name in wanted.items())
    file = folder / "cut.onnx"
    onnx.save(model, file)
    used = {name for node in nodes for name in node.input}
    return file, {name: v for name, v in feeds.items() if name in used or name in inputs}, {key: np.asarray(values[name]) for key, name in wanted.items()}


def _with_outputs(target, folder):
    """The same model with every result as an output."""
    model = onnx.load(target)
    known = {o.name for o in model.graph.output}
    names = {name: None for node in model.graph.node if node.op_type != "Constant" for name in node.output if name and name not in known}
    model.graph.output.extend(onnx.ValueInfoProto(name=name) for name in names)
    file = folder / "whole.onnx"
    onnx.save(model, file)
    return file


def cut_bytes(omni, target, inputs):
    """The share of all quantized activations' bytes within one step, each tensor computed from ONNX Runtime's bytes before it."""
    with tempfile.TemporaryDirectory() as folder:
        model, feeds, wanted = cut(target, inputs, pathlib.Path(folder), floats=False)
        mine = zoo.ours(omni, model, feeds)
    good = count = 0
    for name, value in wanted.items():
        if value.dtype in (np.uint8, np.int8):
            good += int((np.abs(mine[zoo.file_of(name)].astype(int) - value.astype(int)) <= 1).sum())
            count += value.size
    return good / count if count else 1.0


# What ONNX Runtime's Sigmoid is off by in its tails, between -12 and -8, in the worst case of a thousand; ours is at 1e-11 there.
TAIL = 1e-7


def cut_floats(omni, target, inputs, form):
    """How far the float path is from ONNX Runtime's, of the bound of M3, between the quantized tensors; None in QOperator form, where nothing is float."""
    if form != "QDQ":
        return None
    with tempfile.TemporaryDirectory() as folder:
        model, feeds, wanted = cut(target, inputs, pathlib.Path(folder), floats=True)
        mine = zoo.ours(omni, model, feeds, ["--disable-pass", "lower_qdq"])
    return max(zoo.worst(mine[zoo.file_of(name)], value, TAIL) for name, value in wanted.items())


def nudged(target, folder, towards):
    """The model with every scale of a tensor one ulp larger, or smaller: what another order of rounding does to it."""
    model = onnx.load(target)
    scales = {node.input[1] for node in model.graph.node if node.op_type in ("QuantizeLinear", "DequantizeLinear")}
    for tensor in model.graph.initializer:
        value = onnx.numpy_helper.to_array(tensor)
        if (tensor.name in scales or tensor.name.endswith("_scale")) and value.size == 1 and value.dtype == np.float32:
            tensor.CopyFrom(onnx.numpy_helper.from_array(np.nextafter(value, np.float32(towards)), tensor.name))
    file = folder / "nudged.onnx"
    onnx.save(model, file)
    return file


def within_a_step(model, theirs, mine):
    """How many output elements are within one step, and how many there are."""
    good = count = 0
    for name, value in theirs.items():
        value = np.asarray(value)
        if value.dtype.kind != "f":
            continue
        a = mine[zoo.file_of(name)]
        if a.shape != value.shape:
            raise RuntimeError(f"shape {a.shape}, ONNX Runtime has {value.shape}")
        good += int((np.abs(a.astype(np.float64) - value) <= step_of(model, name, value) * (1 + 1e-4)).sum())
        count += value.size
    if count == 0:
        raise NotQuantizable("no output is of floats")
    return good, count


@dataclasses.dataclass
class Agreement:
    elements: int
    within_a_step: float  # the share of the model's output elements
    ulp: float            # the same share of ONNX Runtime's against its own, when every scale is an ulp larger, or smaller: the lesser
    optimized: float      # the same share of ONNX Runtime's with all its optimizations against those without
    bytes: float          # cut_bytes
    floats: float | None  # cut_floats


def compare(omni, path, inputs, form, folder):
    target = quantize(path, inputs, form, pathlib.Path(folder))
    model = onnx.load(target)
    theirs = zoo.reference(target, inputs)
    named = lambda values: {zoo.file_of(name): np.asarray(value) for name, value in values.items()}
    good, count = within_a_step(model, theirs, zoo.ours(omni, target, inputs))
    optimized = within_a_step(model, theirs, named(zoo.reference(target, inputs, optimized=True)))[0]
    with tempfile.TemporaryDirectory() as place:
        ulp = min(within_a_step(model, theirs, named(zoo.reference(nudged(target, pathlib.Path(place), towards), inputs)))[0] for towards in (np.inf, 0))
    return Agreement(count, good / count, ulp / count, optimized / count, cut_bytes(omni, target, inputs), cut_floats(omni, target, inputs, form))


if __name__ == "__main__":
    omni_, model_, npz, form_, folder_ = sys.argv[1:]
    names_ = {i.name for i in onnx.load(model_, load_external_data=False).graph.input}
    print(compare(omni_, model_, {k: v for k, v in np.load(npz).items() if k in names_}, form_, folder_))
