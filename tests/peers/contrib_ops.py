"""Operators of com.microsoft and ai.onnx.ml beside ONNX Runtime: models of one node each, random inputs, all run by `omni conformance`.

Usage: contrib_ops.py OMNI [FOLDER]. The cases stay in FOLDER where it is given.
"""
import json
import pathlib
import sys
import tempfile

import numpy as np
import onnx
import onnxruntime
from onnx import TensorProto, helper, numpy_helper

import peer
from ml_cases import CASES

OPSETS = {"": 21, "com.microsoft": 1, "ai.onnx.ml": 5}


def tensor_type(value):
    return TensorProto.STRING if value.dtype == object else helper.np_dtype_to_tensor_dtype(value.dtype)


def shape_of(case, name, value):
    """Batch and length by name where the case says so; heads and sizes are always known."""
    named = {4: (0, 2), 3: (0, 1), 2: (0,), 1: (0,)}.get(value.ndim, ()) if case.symbolic else ()
    return [f"{name}_{d}" if d in named else size for d, size in enumerate(value.shape)]


def model_of(case, outputs):
    """The model of a case; `outputs` are its results once they are known, to state their types."""
    names, inputs, constants = [], [], []
    for name, value in case.inputs:
        names.append("" if value is None else name)
        if value is None:
            continue
        if name in case.constants:
            constants.append(numpy_helper.from_array(value, name))
        else:
            inputs.append(helper.make_tensor_value_info(name, tensor_type(value), shape_of(case, name, value)))
    while names and not names[-1]:
        names.pop()
    nodes = [helper.make_node(case.op, names, case.outputs, domain=case.domain, name="node", **case.attributes)]
    results = [name for name in case.outputs if name]
    if case.atol >= 1:  # bytes may differ by a step, which only floats are compared with
        nodes = [helper.make_node(case.op, names, ["bytes"], domain=case.domain, name="node", **case.attributes), helper.make_node("Cast", ["bytes"], results, to=TensorProto.FLOAT)]
    if outputs is None:
        infos = [onnx.ValueInfoProto(name=name) for name in results]
    else:
        infos = [helper.make_tensor_value_info(name, tensor_type(v), v.shape) for name, v in zip(results, outputs)]
    graph = helper.make_graph(nodes, "case", inputs, infos, constants)
    opsets = [helper.make_opsetid(domain, case.opsets.get(domain, version)) for domain, version in OPSETS.items()]
    return helper.make_model(graph, opset_imports=opsets, ir_version=10)


def write(case, folder):
    """One case with what ONNX Runtime answers, as a folder of `omni conformance`."""
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    options.log_severity_level = 4
    session = onnxruntime.InferenceSession(model_of(case, None).SerializeToString(), options, providers=["CPUExecutionProvider"])
    fed = [(name, value) for name, value in case.inputs if value is not None and name not in case.constants]
    outputs = session.run(None, dict(fed))
    outputs = [np.asarray(v) for v in outputs]
    data = folder / case.name / "test_data_set_0"
    data.mkdir(parents=True)
    (folder / case.name / "model.onnx").write_bytes(model_of(case, outputs).SerializeToString())
    (folder / case.name / "data.json").write_text(json.dumps({"rtol": case.rtol, "atol": case.atol}))
    for i, (name, value) in enumerate(fed):
        (data / f"input_{i}.pb").write_bytes(numpy_helper.from_array(value, name).SerializeToString())
    for i, (name, value) in enumerate(zip(filter(None, case.outputs), outputs)):
        (data / f"output_{i}.pb").write_bytes(numpy_helper.from_array(value, name).SerializeToString())


def main():
    with tempfile.TemporaryDirectory() as scratch:
        folder = pathlib.Path(sys.argv[2] if len(sys.argv) > 2 else scratch)
        broken = []
        for case in CASES:
            try:
                write(case, folder)
            except Exception as error:  # whatever ONNX Runtime raises: the case is wrong
                broken.append(f"{case.name}: {error}")
        for line in broken:
            print("no reference:", line)
        print(peer.omni("conformance", folder, "--list"))
        peer.check(not broken, f"ONNX Runtime runs all {len(CASES)} cases")


if __name__ == "__main__":
    main()
