"""The bars of the engine (bench/reproduce/engine.tsv)."""
import json
import os
import pathlib
import shutil
import signal
import subprocess
import sys
import time

import numpy as np
import onnxruntime

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "tests" / "peers"))
from peer import fashion_test  # noqa: E402
from reproduce import Row  # noqa: E402


def demo(context):
    """The demo's report, made once."""
    def make():
        folder = context.out / "demo"
        shutil.rmtree(folder, ignore_errors=True)
        arguments = ["--samples", 4000, "--epochs", 1] if context.quick else []
        context.run(context.omni, "demo", "--output-dir", folder, *arguments)
        return {row["method"]: row for row in json.loads((folder / "report.json").read_text())["models"]}
    return context.once("demo", make), context.out / "demo"


def reference(model, inputs, threads=2):
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    options.intra_op_num_threads = threads
    options.log_severity_level = 3
    session = onnxruntime.InferenceSession(str(model), options, providers=["CPUExecutionProvider"])
    name = session.get_inputs()[0].name
    return np.concatenate([session.run(None, {name: inputs[i:i + 500]})[0] for i in range(0, len(inputs), 500)])


def ours(context, model, inputs, name, env=None, threads=None):
    folder = context.out / "run"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    np.save(folder / "in.npy", inputs)
    more = ["--threads", threads] if threads else []
    context.run(context.omni, "run", model, "--input", f"{name}={folder}/in.npy", "--output-dir", folder / "out", "--force", *more, env=env)
    return np.load(next((folder / "out").glob("*.npy")))


def input_name(model):
    return onnxruntime.InferenceSession(str(model), _unoptimized(), providers=["CPUExecutionProvider"]).get_inputs()[0].name


def E1(context):
    if os.geteuid() != 0:
        return Row("needs root for a chroot", None, command="tools/fresh")
    done = context.run("tools/fresh", "demo", "test", check=False)
    return Row(f"exit {done.returncode}", done.returncode == 0, [done.returncode], "tools/fresh demo test")


def E2(context):
    accuracy = demo(context)[0]["FP32"]["top1_accuracy"]
    return Row(f"{100 * accuracy:.2f} %", accuracy >= 0.90, [accuracy], "make demo")


def E3(context):
    rows = demo(context)[0]
    bounds = {"fp16": 0.1, "int8-dynamic": 0.5, "int8-static": 1.0, "int4-weight": 2.0}
    lost = {method: 100 * rows[method]["accuracy_lost"] for method in bounds}
    return Row(", ".join(f"{m} {v:.2f}" for m, v in lost.items()), all(lost[m] < b for m, b in bounds.items()), [lost], "make demo")


def E4(context):
    rows = demo(context)[0]
    bounds = {"fp16": 48, "int8-static": 72, "int4-weight": 83}
    smaller = {method: 100 * rows[method]["reduction"] for method in bounds}
    return Row(", ".join(f"{m} {v:.1f} %" for m, v in smaller.items()), all(smaller[m] >= b for m, b in bounds.items()), [smaller], "make demo")


def E5(context):
    _, folder = demo(context)
    images, _ = fashion_test(1000 if context.quick else 10000)
    holds, parts, runs = True, [], []
    for file, bound in [("fp32", 1.0), ("fp16", 0.999), ("int8-static", 0.995), ("int8-dynamic", 0.995)]:
        model = folder / f"{file}.onnx"
        a, b = ours(context, model, images, input_name(model)), reference(model, images)
        same = a.argmax(1) == b.argmax(1)
        if file == "fp32":
            top = np.sort(b, axis=1)
            same |= top[:, -1] - top[:, -2] <= 1e-4
            worst = float(np.abs(a - b).max())
            holds &= worst <= 1e-4
            parts.append(f"logits {worst:.1e}")
        share = float(same.mean())
        holds &= share >= bound
        parts.append(f"{file} {100 * share:.2f} %")
        runs.append({"file": file, "agreement": share})
    return Row(", ".join(parts), holds, runs, "python bench/reproduce/reproduce.py engine E5")


def E6(context):
    model = context.shared / "models/mobilenetv2_int8_static/model.onnx"
    data = context.shared / "data/imagenet-sample"
    if not model.exists():
        return Row("../shared is not there", None)
    options = ["--resize", 256, "--crop", 224, "--mean", "0.485,0.456,0.406", "--std", "0.229,0.224,0.225"]
    answer = context.json("eval", model, "--data", data, *options)
    folder = context.out / "imagenet"
    folder.mkdir(parents=True, exist_ok=True)
    right = 0
    lines = [line.split(maxsplit=1) for line in (data / "labels.txt").read_text().splitlines() if line.strip()]
    session = onnxruntime.InferenceSession(str(model), _unoptimized(), providers=["CPUExecutionProvider"])
    name = session.get_inputs()[0].name
    for label, file in lines:
        pixels = preprocess(data / file)
        right += int(session.run(None, {name: pixels})[0].reshape(-1).argmax()) == int(label)
    mine = round(answer["top1_accuracy"] * len(lines))
    return Row(f"{mine} of {len(lines)} pictures, ONNX Runtime {right}", mine >= right - 1, [mine, right], f"omni eval {model.name} --data imagenet-sample …")


def _unoptimized():
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    options.log_severity_level = 3
    return options


def preprocess(path):
    """torchvision's: shorter side to 256 (antialiased bilinear), centre 224, mean and standard deviation."""
    from PIL import Image
    picture = Image.open(path).convert("RGB")
    width, height = picture.size
    scale = 256 / min(width, height)
    picture = picture.resize((round(width * scale), round(height * scale)), Image.BILINEAR)
    left, top = (picture.width - 224) // 2, (picture.height - 224) // 2
    x = np.asarray(picture.crop((left, top, left + 224, top + 224)), np.float32) / 255
    x = (x - np.array([0.485, 0.456, 0.406], np.float32)) / np.array([0.229, 0.224, 0.225], np.float32)
    return x.transpose(2, 0, 1)[None].astype(np.float32)


def E7(context):
    _, folder = demo(context)
    images, _ = fashion_test(500)
    model = folder / "int8-static.onnx"
    sets = [isa for isa in ("avx512vnni", "avx2", "scalar") if _runs_isa(context, isa)]
    results = [ours(context, model, images, input_name(model), env={"OMNI_ISA": isa}).tobytes() for isa in sets]
    same = len(set(results)) == 1
    mobile = context.shared / "models/mobilenetv2_int8_static"
    if mobile.exists():
        x = np.load(mobile / "input_0.npy")
        outs = [ours(context, mobile / "model.onnx", x, input_name(mobile / "model.onnx"), env={"OMNI_ISA": isa}).tobytes() for isa in sets]
        same &= len(set(outs)) == 1
    return Row(f"{', '.join(sets)}: {'identical' if same else 'different'}", same, [sets], "OMNI_ISA=… omni run")


def _runs_isa(context, isa):
    flags = pathlib.Path("/proc/cpuinfo").read_text()
    return {"avx512vnni": "avx512_vnni" in flags, "avx2": "avx2" in flags, "scalar": True}[isa]


def E8(context):
    _, folder = demo(context)
    images, _ = fashion_test(500)
    same, parts = True, []
    for file in ("fp32", "int8-static"):
        model = folder / f"{file}.onnx"
        results = {ours(context, model, images, input_name(model), threads=t).tobytes() for t in (1, 2, 5)}
        same &= len(results) == 1
        parts.append(f"{file} {'identical' if len(results) == 1 else 'different'}")
    trained = set()
    for threads in (1, 2, 5):
        out = context.out / f"threads{threads}.onnx"
        context.run(context.omni, "new", "lenet5", "-o", context.out / "new.onnx", "--force")
        part = "fashion-mnist@train" + ("@0:2000" if context.quick else "")
        context.run(context.omni, "train", context.out / "new.onnx", "--data", part, "--epochs", 1, "--threads", threads, "-o", out, "--force")
        trained.add(out.read_bytes())
    same &= len(trained) == 1
    parts.append(f"one epoch {'identical' if len(trained) == 1 else 'different'}")
    return Row(", ".join(parts), same, [], "omni run --threads 1|2|5; omni train --epochs 1 --threads 1|2|5")


def _ctest(context, pattern, preset="release"):
    build = context.root / "build" / preset
    context.run("cmake", "--preset", preset, "--log-level=WARNING")
    context.run("cmake", "--build", build, "-j", str(os.cpu_count()))
    return context.run("ctest", "--test-dir", build, "-R", pattern, "--no-tests=error", check=False)


def E9(context):
    done = _ctest(context, "llocation")
    return Row("0" if done.returncode == 0 else "the test fails", done.returncode == 0, [done.returncode], "ctest -R llocation")


def E10(context):
    done = _ctest(context, "orrupt", "asan")
    return Row("clean" if done.returncode == 0 else done.stdout[-400:], done.returncode == 0, [done.returncode], "ctest --preset asan -R orrupt")


def E11(context):
    minutes = "0.2" if context.quick else "10"
    done = context.run("tools/fuzz", minutes, check=False)
    return Row("no finding" if done.returncode == 0 else done.stdout[-400:], done.returncode == 0, [done.returncode], f"tools/fuzz {minutes}")


def E12(context):
    done = context.run("tools/run-tests", "asan", "tsan", check=False)
    return Row("clean" if done.returncode == 0 else done.stdout[-400:], done.returncode == 0, [done.returncode], "make test-asan test-tsan")


def _kernels(context):
    return context.once("kernels", lambda: json.loads(context.run("taskset", "-c", "0", context.build / "bench/kernel_bench", 8 if context.quick else 40)))


def _gemm(context, bounds):
    rows = _kernels(context)
    best = {row["kernel"] + " " + row["isa"]: row["share"] for row in rows}
    holds = all(share >= bounds[name] for name, share in best.items())
    return Row(", ".join(f"{name} {100 * share:.1f} %" for name, share in best.items()), holds, rows, "build/release/bench/kernel_bench")


def E13(context):
    return _gemm(context, {"gemm_f32 avx2": 0.85, "gemm_f32 avx512": 0.85, "gemm_int8 avx512vnni": 0.75, "gemm_int8 avx2": 0.65})


def E14(context):
    return _gemm(context, {"gemm_f32 avx2": 0.92, "gemm_f32 avx512": 0.92, "gemm_int8 avx512vnni": 0.85, "gemm_int8 avx2": 0.75})


def _library():
    folder = pathlib.Path(onnxruntime.__file__).parent / "capi"
    return next(folder.glob("libonnxruntime.so*"))


def _latencies(context):
    def make():
        _, folder = demo(context)
        models = {"LeNet-5 f32": folder / "fp32.onnx", "LeNet-5 INT8": folder / "int8-static.onnx"}
        mobile = context.shared / "models/mobilenetv2_int8_static/model.onnx"
        if mobile.exists():
            models["MobileNetV2 INT8"] = mobile
        seconds = "2s" if context.quick else "10s"
        return {name: context.json("bench", model, "--vs", "onnxruntime", "--onnxruntime", _library(), "--threads", 1, "--time-budget", seconds)
                for name, model in models.items()}
    return context.once("latencies", make)


def _ratios(context, bounds):
    answers = _latencies(context)
    ratio = {name: answer["ratio"] for name, answer in answers.items()}
    holds = len(ratio) == 3 and all(ratio[name] <= bounds[name] for name in ratio)
    return Row(", ".join(f"{name} {value:.2f}" for name, value in ratio.items()), holds, [answers], "omni bench MODEL --vs onnxruntime --threads 1")


def E15(context):
    return _ratios(context, {"LeNet-5 f32": 1.2, "LeNet-5 INT8": 1.2, "MobileNetV2 INT8": 1.0})


def E16(context):
    return _ratios(context, {"LeNet-5 f32": 0.8, "LeNet-5 INT8": 0.8, "MobileNetV2 INT8": 0.55})


def E17(context):
    cache = pathlib.Path(os.environ.get("OMNI_CACHE_DIR", pathlib.Path.home() / ".cache" / "omni")) / "torch"
    python = cache / "bin" / "python"
    if not python.exists():
        return Row(f"PyTorch is not installed in {cache} (python3 -m venv, pip install torch numpy)", None)
    done = json.loads(context.run(python, "bench/reproduce/train_beside_pytorch.py", context.omni))
    return Row(f"{done['ratio']:.2f}", done["ratio"] <= 0.5, done["runs"], "bench/reproduce/train_beside_pytorch.py")


def E18(context):
    work = context.out / "kill"
    shutil.rmtree(work, ignore_errors=True)
    work.mkdir(parents=True)
    context.run(context.omni, "new", "lenet5", "-o", work / "new.onnx")
    command = [context.omni, "train", work / "new.onnx", "--data", "fashion-mnist@train@0:12000", "--epochs", 3, "--progress", "none", "--force"]
    start = time.time()
    context.run(*command, "-o", work / "whole.onnx", "--directory", work / "whole")
    length = time.time() - start
    random = np.random.default_rng(1)
    same, runs = 0, []
    for i in range(2 if context.quick else 10):
        moment = float(random.uniform(0.02, 0.98) * length)
        here = [str(c) for c in [*command, "-o", work / f"{i}.onnx", "--directory", work / f"{i}"]]
        process = subprocess.Popen(here, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        time.sleep(moment)
        process.send_signal(signal.SIGKILL)
        process.wait()
        context.run(*here, *(["--resume"] if any((work / f"{i}").glob("*")) else []))
        equal = (work / f"{i}.onnx").read_bytes() == (work / "whole.onnx").read_bytes()
        same += equal
        runs.append({"killed_after_s": moment, "identical": equal})
    return Row(f"{same} of {len(runs)}", same == len(runs), runs, "omni train … --directory D, SIGKILL, --resume")


def E19(context):
    place = context.out / "ci"
    shutil.rmtree(place, ignore_errors=True)
    place.mkdir(parents=True)
    context.run("git", "clone", "-q", context.root, place / "main")
    if context.shared.exists():
        (place / "shared").symlink_to(context.shared.resolve())
    start = time.time()
    done = context.run(".ci/run", check=False, cwd=place / "main")
    seconds = time.time() - start
    if done.returncode != 0:
        return Row(f"exit {done.returncode}: {done.stdout[-400:]}", False, [seconds], ".ci/run")
    shutil.rmtree(place)
    return Row(f"{seconds / 60:.0f} minutes, packages as this machine has them", seconds <= 3600, [seconds], ".ci/run in a fresh clone")
