"""A float model, static-quantized by ONNX Runtime's own quantizer, beside ONNX Runtime as the reference (bar M5).

  python quantized.py OMNI MODEL INPUTS.npz QDQ|QOperator FOLDER

A value that lies in the middle between two bytes goes up in one order of summing and down in another, and in a deep network one such byte moves many
after it: ONNX Runtime with and without its optimizations gives outputs that differ in up to a quarter of their bytes. So the float path (lowering
off) is compared between the quantized tensors: each is cut, and what follows it starts from ONNX Runtime's own bytes (`cut`).
"""
import contextlib
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
            quantize_static(str(prepared), str(target), Samples(inputs), quant_format=getattr(QuantFormat, form), activation_type=QuantType.QUInt8,
                            weight_type=QuantType.QInt8, per_channel=form == "QDQ", op_types_to_quantize=operators)
    except Exception as error:
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
    return float(value.max() - value.min()) / 255 if value.size else 1.0


def cut(target, inputs, folder):
    """The model cut at every quantized activation, and its inputs: the bytes that ONNX Runtime has there. Its outputs are what was quantized."""
    model = onnx.load(target)
    graph = model.graph
    constants = {t.name for t in graph.initializer}
    cuts = [node for node in graph.node if node.op_type == "QuantizeLinear" and node.input[0] not in constants]
    names = [node.output[0] for node in cuts]
    whole = onnx.load(target)
    known = {o.name for o in whole.graph.output}
    whole.graph.output.extend(onnx.ValueInfoProto(name=name) for name in names if name not in known)
    file = folder / "whole.onnx"
    onnx.save(whole, file)
    values = zoo.reference(file, inputs)
    feeds = dict(inputs)
    renamed = {}
    for i, name in enumerate(names):
        renamed[name] = f"bytes{i}"
        feeds[renamed[name]] = values[name]
        graph.input.append(onnx.helper.make_tensor_value_info(renamed[name], onnx.helper.np_dtype_to_tensor_dtype(values[name].dtype), values[name].shape))
    for node in graph.node:
        for i, name in enumerate(node.input):
            node.input[i] = renamed.get(name, name)
    kept = [node for node in graph.node if node not in cuts]
    floats = sorted({node.input[0] for node in cuts} - {i.name for i in graph.input})
    rest = [o.name for o in graph.output if o.name not in renamed and o.name not in floats]
    kept += [onnx.helper.make_node("Identity", [name], [f"float{i}"]) for i, name in enumerate(floats)]
    del graph.node[:], graph.value_info[:], graph.output[:]
    graph.node.extend(kept)
    graph.output.extend([onnx.ValueInfoProto(name=name) for name in rest] + [onnx.ValueInfoProto(name=f"float{i}") for i in range(len(floats))])
    for output in graph.output:
        output.type.tensor_type.elem_type = onnx.TensorProto.FLOAT
    file = folder / "cut.onnx"
    onnx.save(model, file)
    return file, {name: value for name, value in feeds.items() if any(i.name == name for i in graph.input)}


def without_lowering(omni, target, inputs, form):
    """How far the float path is from ONNX Runtime's, of the bound of M3, cut at the quantized tensors; None in QOperator form, where nothing is float."""
    if form != "QDQ":
        return None
    with tempfile.TemporaryDirectory() as folder:
        model, feeds = cut(target, inputs, pathlib.Path(folder))
        return zoo.compare(omni, model, feeds, ["--disable-pass", "lower_qdq"])


def within_a_step(model, theirs, mine):
    """How many output elements are within one step, and how many there are."""
    good = count = 0
    for name, value in theirs.items():
        value = np.asarray(value)
        if value.dtype.kind != "f":
            continue
        a = mine[re.sub(r"[^A-Za-z0-9._-]", "_", name)]
        if a.shape != value.shape:
            raise RuntimeError(f"shape {a.shape}, ONNX Runtime has {value.shape}")
        good += int((np.abs(a.astype(np.float64) - value) <= step_of(model, name, value) * (1 + 1e-4)).sum())
        count += value.size
    if count == 0:
        raise NotQuantizable("no output is of floats")
    return good, count


def compare(omni, path, inputs, form, folder):
    """Elements within one step, elements, the same for ONNX Runtime with all its optimizations, and how far the float path is (without_lowering)."""
    target = quantize(path, inputs, form, pathlib.Path(folder))
    model = onnx.load(target)
    theirs = zoo.reference(target, inputs)
    good, count = within_a_step(model, theirs, zoo.ours(omni, target, inputs))
    optimized = {re.sub(r"[^A-Za-z0-9._-]", "_", name): np.asarray(value) for name, value in zoo.reference(target, inputs, optimized=True).items()}
    return good, count, within_a_step(model, theirs, optimized)[0], without_lowering(omni, target, inputs, form)


if __name__ == "__main__":
    omni_, model_, npz, form_, folder_ = sys.argv[1:]
    names_ = {i.name for i in onnx.load(model_, load_external_data=False).graph.input}
    print(compare(omni_, model_, {k: v for k, v in np.load(npz).items() if k in names_}, form_, folder_))
