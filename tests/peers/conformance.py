"""The node cases of the newest onnx wheel: nothing unexpected, and at least 92 % of those of the types that we hold."""
import json
import pathlib
import subprocess
import sys
import tempfile

import onnx

import onnx_cases
from peer import check

SHARE = 0.92
HERE = pathlib.Path(__file__).parent
P = onnx.TensorProto
TYPES = {P.FLOAT, P.FLOAT16, P.BFLOAT16, P.DOUBLE, P.INT8, P.UINT8, P.INT16, P.UINT16, P.INT32, P.UINT32, P.INT64, P.UINT64, P.BOOL, P.INT4, P.UINT4, P.STRING}


def element_types(model):
    """Of everything that goes in or out of a model, elements of sequences and optionals too."""
    def walk(kind):
        which = kind.WhichOneof("value")
        if which == "tensor_type":
            yield kind.tensor_type.elem_type
        elif which in ("sequence_type", "optional_type"):
            yield from walk(getattr(kind, which).elem_type)
    for value in [*model.graph.input, *model.graph.output]:
        yield from walk(value.type)


with tempfile.TemporaryDirectory() as temporary:
    folder = pathlib.Path(temporary)
    ours = set()
    for case in onnx_cases.load_model_tests(kind="node"):
        onnx_cases.write_case(case, folder / case.name)
        if set(element_types(case.model)) <= TYPES:
            ours.add(case.name)
    command = [sys.argv[1], "conformance", str(folder), "--expected", str(HERE / "onnx_expected.txt"), "--list", "--json", "--progress", "none"]
    done = subprocess.run(command, capture_output=True, text=True)
    check(done.returncode in (0, 1), f"omni conformance ran: {done.stderr}")
    result = json.loads(done.stdout)["result"]
    for case in result["unexpected"]:
        print(f"unexpected: {case['name']}: {case['reason']}")
    check(not result["unexpected"], "no case fails that is not listed, and none that is listed passes")
    missed = {case["name"] for case in result["cases"]} & ours
    share = 1 - len(missed) / len(ours)
    check(share >= SHARE, f"{len(ours) - len(missed)} of {len(ours)} cases of our types pass: {share:.2%} (>= {SHARE:.0%})")
