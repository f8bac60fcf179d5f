"""The bars of the models (bench/reproduce/models.tsv)."""
import dataclasses
import json
import math
import os
import pathlib
import subprocess
import sys
import tempfile

import numpy as np
import onnx
import onnxruntime

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "tests" / "peers"))
import changing_shapes  # noqa: E402
import quantized  # noqa: E402
import zoo  # noqa: E402
from reproduce import Row  # noqa: E402

SUITE = pathlib.Path("/usr/share/libonnx-testdata/data")


def cache():
    return pathlib.Path(os.environ.get("OMNI_CACHE_DIR", pathlib.Path.home() / ".cache" / "omni"))


def M1(context):
    passed = total = 0
    runs = []
    for part in ("node", "pytorch-converted", "pytorch-operator", "simple"):
        done = context.run(context.omni, "conformance", SUITE / part, "--json", "--progress", "none", check=False)
        result = json.loads(done.stdout)["result"]
        here = {key: result[key] for key in ("passed", "failed", "unsupported")}
        runs.append({"part": part, **here})
        passed += here["passed"]
        total += sum(here.values())
    return Row(f"{passed} of {total}, {100 * passed / total:.2f} %", passed / total >= 0.97, runs, f"omni conformance {SUITE}/node …")


def built_test(context, name, folder="tests", arguments=()):
    """Builds a test executable and runs it."""
    context.run("cmake", "--build", context.build, "-j", str(os.cpu_count()), "--target", name)
    return context.run(context.build / folder / name, *arguments, check=False)


def M2(context):
    done = context.run(sys.executable, "tests/peers/conformance.py", context.omni, check=False)
    last = (done.stdout.strip().splitlines() or [done.stderr[-300:]])[-1]
    return Row(last, done.returncode == 0, [done.returncode], "python tests/peers/conformance.py omni")


def real_models():
    """Name, path and inputs of every setting of the zoo; the path is the Exception where a model cannot be fetched."""
    for entry in zoo.entries():
        try:
            path = zoo.fetch(entry, cache() / "zoo")
        except Exception as error:  # one model's failure is a row
            path = error
        for setting in entry.settings:
            yield entry.name, path, zoo.make_inputs(setting)


def present(path):
    if isinstance(path, Exception):
        raise path
    return path


def exported_models():
    folder = cache() / "exports"
    for path in sorted(folder.glob("*.onnx")):
        inputs = dict(np.load(folder / (path.name.split(".")[0] + ".npz")))
        names = {i.name for i in onnx.load(path, load_external_data=False).graph.input}
        yield path.stem, path, {name: value for name, value in inputs.items() if name in names}


def _equal(context, models, command):
    ratios, runs = {}, []
    for name, path, inputs in models:
        try:
            ratio = zoo.compare(context.omni, present(path), inputs)
        except Exception as error:
            ratio = math.inf
            runs.append({"model": name, "error": str(error)})
        runs.append({"model": name, "of_the_bound": ratio})
        ratios[name] = max(ratio, ratios.get(name, 0))
    bad = [name for name, ratio in ratios.items() if not ratio <= 1]
    worst = max(ratios, key=ratios.get) if ratios else "-"
    text = f"{len(ratios) - len(bad)} of {len(ratios)} equal, worst {worst} at {ratios.get(worst, 0):.2g} of the bound" + (f"; not {', '.join(bad)}" if bad else "")
    return Row(text, bool(ratios) and not bad, runs, command)


def M3(context):
    row = _equal(context, real_models(), "python bench/reproduce/zoo.py omni CACHE")
    if not (context.shared / "models").exists():
        return Row("../shared is not there", None)
    shared = built_test(context, "onnx_models_test")
    row.measured += f"; ../shared/models: {'equal' if shared.returncode == 0 else 'not equal'}"
    row.holds = row.holds and shared.returncode == 0 and len(zoo.entries()) >= 15
    return row


def _exports():
    python = cache() / "torch" / "bin" / "python"
    if python.exists():
        subprocess.run([python, "-W", "ignore", "bench/reproduce/exports.py", cache() / "exports"], check=True, capture_output=True)
    return any((cache() / "exports").glob("*.onnx"))


NO_TORCH = "there is no PyTorch in OMNI_CACHE_DIR/torch (python3 -m venv; pip install torch torchvision onnx onnxscript)"


def M4(context):
    if not _exports():
        return Row(NO_TORCH, None)
    return _equal(context, exported_models(), "python bench/reproduce/exports.py FOLDER")


def M5(context):
    if not _exports():
        return Row(NO_TORCH, None)
    runs = []
    for name, path, inputs in [*real_models(), *exported_models()]:
        for form in ("QDQ", "QOperator"):
            row = {"model": name, "form": form}
            runs.append(row)
            try:
                row |= dataclasses.asdict(quantized.compare(context.omni, present(path), inputs, form, cache() / "quantized"))
            except quantized.NotQuantizable as error:
                row["left_out"] = str(error)
            except Exception as error:
                row["error"] = str(error)
    return _judge_quantized(runs)


def _judge_quantized(runs):
    rows = [run for run in runs if "elements" in run]
    determined = [run for run in rows if run["ulp"] >= 0.995]
    share = sum(run["within_a_step"] * run["elements"] for run in determined) / max(1, sum(run["elements"] for run in determined))
    bad = [run for run in determined if run["within_a_step"] < 0.99] + [run for run in rows if run["bytes"] < 0.999 or (run["floats"] or 0) > 1]
    errors = [run for run in runs if "error" in run]
    percent = lambda value: f"{100 * value:.2f} %"
    text = f"{percent(share)} of {len(determined)} rows, least {percent(min(run['within_a_step'] for run in determined))}; cut at the quantized tensors, all " \
           f"{len(rows)} rows: bytes within a step {percent(min(run['bytes'] for run in rows))}, float path {max(run['floats'] or 0 for run in rows):.2g} of 1e-3; " \
           f"{len(runs) - len(rows) - len(errors)} that the quantizer breaks"
    chance = [f"{run['model']} {run['form']} {percent(run['within_a_step'])} ({percent(run['ulp'])})" for run in rows if run["ulp"] < 0.995]
    if chance:
        text += f"; not determined to an ulp, share (ONNX Runtime's own): {', '.join(chance)}"
    for run in bad + errors:
        text += f"; NOT {run['model']} {run['form']}: {run}"
    return Row(text, share >= 0.999 and not bad and not errors, runs, "bench/reproduce/run models M5")


def M6(context):
    helper = onnx.helper
    value = lambda name: helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, [1])
    nodes = [helper.make_node("Own", ["x"], ["a"], "first", domain="com.acme"), helper.make_node("Other", ["a"], ["y"], "second", domain="org.example")]
    model = helper.make_model(helper.make_graph(nodes, "g", [value("x")], [value("y")]),
                              opset_imports=[helper.make_opsetid("", 17), helper.make_opsetid("com.acme", 3), helper.make_opsetid("org.example", 1)])
    with tempfile.TemporaryDirectory() as folder:
        onnx.save(model, f"{folder}/custom.onnx")
        done = context.run(context.omni, "inspect", f"{folder}/custom.onnx", check=False)
    said = all(word in done.stderr for word in ("com.acme.Own of opset 3", '"first"', "org.example.Other of opset 1", '"second"'))
    return Row(done.stderr.strip()[-200:], done.returncode == 2 and said, [done.returncode], "omni inspect custom.onnx")


def program(context, name):
    """A program of bench/, built."""
    context.run("cmake", "--build", context.build, "-j", str(os.cpu_count()), "--target", name)
    return context.build / "bench" / name


def M7(context):
    runs = 1000 if context.quick else 10000
    measured = {name: changing_shapes.growth(program(context, "memory_over_shapes"), name, runs) for name in changing_shapes.MODELS}
    worst = max(measured, key=lambda name: measured[name][0])
    text = ", ".join(f"{name} {100 * grown:+.2f} %" for name, (grown, _) in measured.items())
    return Row(text, measured[worst][0] <= 0.02, [{"model": name, "lines": lines} for name, (_, lines) in measured.items()],
               "python bench/reproduce/changing_shapes.py BUILD/bench/memory_over_shapes")


def _speed(context):
    def make():
        library = next((pathlib.Path(onnxruntime.__file__).parent / "capi").glob("libonnxruntime.so*"))
        rows = {}
        for name, path, inputs in [*real_models(), *exported_models()]:
            if name in rows:
                continue
            if isinstance(path, Exception):
                rows[name] = {"error": str(path)}
                continue
            with tempfile.TemporaryDirectory() as folder:
                values = []
                for i, (key, value) in enumerate(inputs.items()):
                    np.save(f"{folder}/{i}.npy", value)
                    values += ["--input", f"{key}={folder}/{i}.npy"]
                done = context.run(context.omni, "bench", path, *values, "--vs", "onnxruntime", "--onnxruntime", library, "--threads", 1, "--time-budget",
                                   "1s" if context.quick else "5s", "--json", check=False)
            rows[name] = json.loads(done.stdout)["result"] if done.returncode == 0 else {"error": done.stderr.strip()[-200:]}
        return rows
    return context.once("speed", make)


def _ratios(context, mean_bound, row_bound):
    rows = _speed(context)
    ratios = {name: row["ratio"] for name, row in rows.items() if "ratio" in row}
    if not ratios:
        return Row("nothing could be measured", False, [rows])
    mean = math.exp(sum(map(math.log, ratios.values())) / len(ratios))
    worst = max(ratios, key=ratios.get)
    missing = [name for name in rows if name not in ratios]
    text = f"geometric mean {mean:.2f} of {len(ratios)}, worst {worst} {ratios[worst]:.2f}" + (f", not measured: {', '.join(missing)}" if missing else "")
    return Row(text, mean <= mean_bound and ratios[worst] <= row_bound and not missing, [rows], "omni bench MODEL --vs onnxruntime --threads 1")


def M8(context):
    return _ratios(context, 1.4, 2.5)


def M9(context):
    return _ratios(context, 0.9, 1.1)


def M10(context):
    minutes = 0.5 if context.quick else 10
    done = context.run("tools/fuzz", minutes, "onnx", "shapes", "run", check=False)
    return Row("; ".join(done.stdout.strip().splitlines()[-3:])[-400:], done.returncode == 0, [done.stdout[-4000:]], "tools/fuzz 10 onnx shapes run")


def M11(context):
    bars = built_test(context, "operators_page_test", arguments=["--gtest_filter=GradientBars.*"])
    closed_forms = built_test(context, "ops_test", folder="", arguments=["--gtest_filter=*Gradient*:*RoundClip*:*StopGradient*"])
    holds = bars.returncode == 0 and closed_forms.returncode == 0
    return Row("holds" if holds else (bars.stdout + closed_forms.stdout)[-300:], holds, [bars.returncode, closed_forms.returncode], "operators_page_test --gtest_filter=GradientBars.*")


CREATE_SESSION = """
import sys, time
import onnxruntime
options = onnxruntime.SessionOptions()
options.intra_op_num_threads = 1
start = time.perf_counter()
onnxruntime.InferenceSession(sys.argv[1], options, providers=["CPUExecutionProvider"])
print(time.perf_counter() - start)
"""


def M12(context):
    path = cache() / "exports" / "resnet50.script.onnx"
    if not _exports() or not path.exists():
        return Row(NO_TORCH, None)
    load = program(context, "load_model")

    ours, theirs = [], []
    for _ in range(5 if context.quick else 21):  # a process each, so that neither finds memory that an earlier session left
        ours.append([float(word) for word in context.run(load, path, 1).split()])
        theirs.append(float(context.run(sys.executable, "-c", CREATE_SESSION, path)))
    whole, other = float(np.median([row[0] for row in ours])), float(np.median(theirs))
    noise = abs(np.median([row[0] for row in ours[::2]]) / np.median([row[0] for row in ours[1::2]]) - 1)
    parts = [1e3 * float(np.median([row[i] for row in ours])) for i in (1, 2, 3)]
    text = f"{whole / other:.2f}: {1e3 * whole:.0f} ms (import {parts[0]:.0f}, passes {parts[1]:.0f}, plan {parts[2]:.0f}) to {1e3 * other:.0f} ms, noise {100 * noise:.1f} %"
    return Row(text, whole <= other, [ours, theirs], "bench/reproduce/run models M12")
