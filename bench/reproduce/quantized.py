"""A float model, static-quantized by ONNX Runtime's own quantizer, beside ONNX Runtime as the reference (bar M5)."""
import contextlib
import io
import pathlib
import re

import numpy as np
import onnx
from onnxruntime.quantization import CalibrationDataReader, QuantFormat, QuantType, quantize_static
from onnxruntime.quantization.shape_inference import quant_pre_process

import zoo


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


def quantize(path, inputs, form, folder):
    folder.mkdir(parents=True, exist_ok=True)
    target = folder / f"{re.sub(r'[^A-Za-z0-9]+', '_', str(path))[-80:]}.{form}.onnx"
    if target.exists():
        return target
    prepared = target.with_suffix(".prepared")
    try:
        with contextlib.redirect_stdout(io.StringIO()):
            quant_pre_process(str(path), str(prepared), skip_symbolic_shape=True)
            quantize_static(str(prepared), str(target), Samples(inputs), quant_format=getattr(QuantFormat, form), activation_type=QuantType.QUInt8,
                            weight_type=QuantType.QInt8, per_channel=form == "QDQ")
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


def compare(omni, path, inputs, form, folder):
    """The share of output elements within one step, their number, and how far the model run without integer lowering is from the reference (of 1e-3)."""
    target = quantize(path, inputs, form, pathlib.Path(folder))
    model = onnx.load(target)
    theirs = zoo.reference(target, inputs)
    mine = zoo.ours(omni, target, inputs)
    apart = zoo.compare(omni, target, inputs, ["--disable-pass", "lower_qdq"])
    good = count = 0
    for name, value in theirs.items():
        value = np.asarray(value)
        if value.dtype.kind != "f":
            continue
        a = mine[re.sub(r"[^A-Za-z0-9._-]", "_", name)]
        good += int((np.abs(a.astype(np.float64) - value) <= step_of(model, name, value) * (1 + 1e-4)).sum())
        count += value.size
    if count == 0:
        raise NotQuantizable("no output is of floats")
    return good / count, count, apart
