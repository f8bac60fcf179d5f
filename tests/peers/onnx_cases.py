"""Writes the node cases that the installed onnx wheel generates: FOLDER/test_NAME/{model.onnx, data.json, test_data_set_N/…}.

Usage: onnx_cases.py FOLDER. data.json holds the tolerances of the case.
"""
import json
import pathlib
import sys

from onnx import TensorProto, numpy_helper
from onnx.backend.test.loader import load_model_tests


def as_proto(value, info):
    """A value of a data set as the message that its file holds."""
    kind = info.type.WhichOneof("value")
    if kind == "sequence_type":
        return numpy_helper.from_list(value, info.name)
    if kind == "optional_type":
        return numpy_helper.from_optional(value, info.name)
    if kind == "map_type":
        return numpy_helper.from_dict(value, info.name)
    return value if isinstance(value, TensorProto) else numpy_helper.from_array(value, info.name)


def write_case(case, folder):
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "model.onnx").write_bytes(case.model.SerializeToString())
    (folder / "data.json").write_text(json.dumps({"rtol": case.rtol, "atol": case.atol}))
    for n, (inputs, outputs) in enumerate(case.data_sets):
        data = folder / f"test_data_set_{n}"
        data.mkdir(exist_ok=True)
        for prefix, values, infos in (("input", inputs, case.model.graph.input), ("output", outputs, case.model.graph.output)):
            for i, (value, info) in enumerate(zip(values, infos)):
                (data / f"{prefix}_{i}.pb").write_bytes(as_proto(value, info).SerializeToString())


def main():
    target = pathlib.Path(sys.argv[1])
    cases = load_model_tests(kind="node")
    for case in cases:
        write_case(case, target / case.name)
    print(f"{len(cases)} cases in {target}")


if __name__ == "__main__":
    main()
