"""The bars of devices (bench/reproduce/device.tsv)."""
import json
import math
import os
import pathlib
import statistics
import subprocess
import time


import deployment
import models
import quantized
from reproduce import Row

NETWORKS = ("lenet-300-100", "lenet5", "cnn-fedavg", "mlp-2nn", "resnet20", "mobilenet-small")
GREY = ("lenet-300-100", "lenet5", "cnn-fedavg", "mlp-2nn")  # whose inputs are Fashion-MNIST's
EXPORTS = ("bert", "gpt2", "vit_tiny", "lstm_tagger", "gru", "mobilenet_v2", "resnet18", "resnet50", "efficientnet_b0", "unet")


def folder(context):
    path = context.out / "device"
    path.mkdir(parents=True, exist_ok=True)
    return path


def probe(context, name="first"):
    """A fresh probe: its profile and the seconds it took."""
    def make():
        path = folder(context) / f"{name}.yaml"
        start = time.time()
        context.run(context.omni, "device", "probe", "-o", path, "--force", "--progress", "none", *(["--time-budget", "3s"] if context.quick else []))
        return path, time.time() - start
    return context.once(("probe", name), make)


def networks(context):
    """Name, path and arguments that give shapes: networks of `omni new`, f32 and INT8, and exports from PyTorch, as they are and quantized."""
    def make():
        rows = []
        for name in NETWORKS:
            path = folder(context) / f"{name}.onnx"
            context.run(context.omni, "new", name, "-o", path, "--force")
            rows.append((name, path, []))
            small = folder(context) / f"{name}-int8.onnx"
            method = ["int8-static", "--data", "fashion-mnist@0:256"] if name in GREY else ["int8-dynamic"]
            context.run(context.omni, "compress", path, "--method", *method, "-o", small, "--force", "--progress", "none")
            rows.append((f"{name} INT8", small, []))
        for name, path, inputs in models.exported_models():
            if not name.endswith(".script") or name.split(".")[0] not in EXPORTS:
                continue
            shapes = [word for key, value in inputs.items() if value.shape for word in ("--shape", f"{key}={','.join(map(str, value.shape))}")]
            rows.append((name.split(".")[0], path, shapes))
            try:
                rows.append((f"{name.split('.')[0]} INT8", quantized.quantize(path, inputs, "QDQ", models.cache() / "quantized"), shapes))
            except Exception:  # the quantizer refuses some
                continue
        return rows
    return context.once("networks", make)


def _measured(context):
    """Mean milliseconds by path and threads: the median of three rounds over all networks, so that one disturbed moment does not count."""
    rounds = {}
    for _ in range(1 if context.quick else 3):
        for _, path, shapes in networks(context):
            for threads in (1, 2):
                mean = context.json("bench", path, *shapes, "--threads", threads, "--time-budget", "500ms")["omni"]["latency_mean_ms"]
                rounds.setdefault((path, threads), []).append(mean)
    return {key: statistics.median(means) for key, means in rounds.items()}


def _predictions(context):
    def make():
        profile, _ = probe(context)
        rows, means = [], _measured(context)
        for name, path, shapes in networks(context):
            for threads in (1, 2):
                measured = means[path, threads]
                done = context.run(context.omni, "predict", path, *shapes, "--device", profile, "--threads", threads, "--json", check=False)
                predicted = json.loads(done.stdout)["result"]["latency"]
                rows.append({"model": name, "threads": threads, "measured_ms": measured, "predicted_ms": predicted["mean_ms"],
                             "error": abs(predicted["mean_ms"] / measured - 1), "inside": predicted["low_ms"] <= measured <= predicted["high_ms"]})
        return rows
    return context.once("predictions", make)


def _errors(context):
    rows = _predictions(context)
    worst = max(rows, key=lambda row: row["error"])
    mean = statistics.mean(row["error"] for row in rows)
    inside = statistics.mean(row["inside"] for row in rows)
    text = f"{100 * mean:.1f} % over {len(rows)} measurements of {len({row['model'] for row in rows})} networks, worst {worst['model']} {100 * worst['error']:.0f} %"
    return rows, mean, inside, text


def D1(context):
    rows, mean, _, text = _errors(context)
    return Row(text, mean <= 0.20 and len({row["model"] for row in rows}) >= 12, rows, "omni device probe; omni predict MODEL --device FILE; omni bench MODEL")


def D2(context):
    rows, mean, inside, text = _errors(context)
    return Row(f"{text}; {100 * inside:.0f} % inside", mean <= 0.12 and inside >= 0.90, rows, "as D1")


def _peak(context, *command):
    """The least of three: the system maps more of a file than is read where it has it at hand anyway."""
    return min(context.json(*command)["process_peak_bytes"] for _ in range(3))


def _table(context):
    path = folder(context) / "data.csv"
    lines = [",".join([f"x{i}" for i in range(784)] + ["label"])]
    lines += [",".join([str((row * 7 + i * 3) % 10) for i in range(784)] + [str(row % 10)]) for row in range(96)]
    path.write_text("\n".join(lines) + "\n")
    return path


def D3(context):
    rows = []

    def row(name, what, measured, predicted):
        off = abs(measured - predicted)
        rows.append({"model": name, "what": what, "measured_mb": measured / 1e6, "predicted_mb": predicted / 1e6, "holds": off <= max(0.05 * measured, 1e6)})

    grown = lambda path, *options: json.loads(context.run(context.omni, "predict", path, *options, "--json", check=False).stdout)["result"]["memory"]["growth_bytes"]
    tiny = networks(context)[0][1]
    options = ["--runs", 3, "--warmup", 1, "--threads", 2]
    base, base_grown = _peak(context, "bench", tiny, *options), grown(tiny)
    for name, path, shapes in networks(context)[1:]:
        row(name, "inference", _peak(context, "bench", path, *shapes, *options) - base, grown(path, *shapes) - base_grown)
    data = _table(context)
    out = folder(context) / "trained.omni"
    train = lambda path, optimizer: _peak(context, "train", path, "--data", data, "--epochs", 2, "--batch", 32, "--optimizer", optimizer, "--threads", 2, "--force", "-o", out)
    for optimizer in ("sgd", "adam"):
        wishes = ["--train", "--batch", 32, "--optimizer", optimizer]
        base, base_grown = train(tiny, optimizer), grown(tiny, *wishes)
        for name in GREY[1:]:
            path = folder(context) / f"{name}.onnx"
            row(name, f"training with {optimizer}", train(path, optimizer) - base, grown(path, *wishes) - base_grown)
    # Within a budget that takes activations computed again.
    path, base, base_grown = folder(context) / "resnet20.onnx", train(tiny, "sgd"), grown(tiny, "--train", "--batch", 32)
    whole = json.loads(context.run(context.omni, "predict", path, "--train", "--batch", 32, "--json", check=False).stdout)["result"]["memory"]
    budget = ["--memory-budget", f"{int(0.7 * whole['growth_bytes'] + whole['process_bytes'] + 4e6)}B"]
    lean = context.json("train", path, "--data", data, "--epochs", 2, "--batch", 32, "--threads", 2, "--force", "-o", out, *budget)
    row("resnet20", "training within a budget", lean["process_peak_bytes"] - base, lean["memory_budget"]["growth_bytes"] - base_grown)
    bad = [f"{r['model']} {r['what']}" for r in rows if not r["holds"]]
    return Row(f"{len(rows) - len(bad)} of {len(rows)} within 5 % or 1 MB" + (f"; not {', '.join(bad)}" if bad else ""), not bad, rows, "omni predict MODEL; omni bench MODEL")


def D4(context):
    root = pathlib.Path("/sys/fs/cgroup/memory")
    limit_file, tasks = ("memory.limit_in_bytes", "tasks") if root.is_dir() else ("memory.max", "cgroup.procs")
    group = (root if root.is_dir() else pathlib.Path("/sys/fs/cgroup")) / f"omni_{os.getpid()}"
    try:
        group.mkdir()
    except OSError as error:
        return Row(f"no cgroup can be made: {error}", None)
    rows = []
    try:
        for megabytes in (256, 64, 16):
            (group / limit_file).write_text(str(megabytes * 1000 * 1000))
            for name, path, shapes in networks(context):
                done = context.run(context.omni, "predict", path, *shapes, "--memory-budget", f"{megabytes}MB", "--json", check=False)
                fits = json.loads(done.stdout)["result"]["memory_budget"]["missing_bytes"] == 0
                command = [context.omni, "bench", path, *shapes, "--runs", 3, "--warmup", 1, "--memory-budget", f"{megabytes}MB", "--threads", 2]
                inside = subprocess.run(["sh", "-c", f'echo $$ > {group / tasks}; exec "$@"', "sh", *map(str, command)], capture_output=True, text=True)
                rows.append({"model": name, "limit_mb": megabytes, "fits": fits, "exit": inside.returncode, "holds": inside.returncode == (0 if fits else 3)})
    finally:
        group.rmdir()
    bad = [f"{r['model']} in {r['limit_mb']} MB: exit {r['exit']}" for r in rows if not r["holds"]]
    return Row(f"{len(rows) - len(bad)} of {len(rows)} pairs as predicted, {sum(r['fits'] for r in rows)} run" + (f"; not {', '.join(bad[:5])}" if bad else ""), not bad, rows,
               "omni bench MODEL --memory-budget LIMIT inside the group")


class Study:
    """The study's listing, as it stands there."""
    PROFILES = {"raspberry_pi_4": (None, 500), "jetson_nano": ("Maxwell (128 CUDA cores)", 2000), "android_high_end": ("Mali/Adreno", 1000), "android_mid_range": ("Mali/Adreno", 500)}

    @classmethod
    def recommend(cls, device, model_size_mb):
        gpu, limit = cls.PROFILES[device]
        recommendations = []
        if model_size_mb > limit:
            ratio = model_size_mb / limit
            if ratio > 4:
                recommendations.append("INT4 quantization + 70% pruning")
            elif ratio > 2:
                recommendations.append("INT8 quantization + 50% pruning")
            else:
                recommendations.append("INT8 quantization")
        recommendations.append("CPU-optimized inference (ONNX Runtime)" if gpu is None else "GPU acceleration available")
        return recommendations, model_size_mb <= limit * 2


def D5(context):
    rows = []
    for device, (_, limit) in Study.PROFILES.items():
        for times in (0.5, 1, 1.5, 2.5, 5):
            done = context.run(context.omni, "device", "recommend", "--model-size", f"{times * limit:g}MiB", "--device", device, "--rule", "study", "--json", check=False)
            answer = json.loads(done.stdout)["result"]
            expected = Study.recommend(device, times * limit)
            rows.append({"device": device, "times": times, "holds": (answer["recommendations"], answer["feasible"]) == expected and done.returncode == (0 if expected[1] else 1)})
    good = sum(row["holds"] for row in rows)
    return Row(f"{good} of {len(rows)} as the study's", good == len(rows), rows, "omni device recommend --model-size SIZE --device NAME --rule study")


def D6(context):
    first, seconds = probe(context)
    second, again = probe(context, "second")
    rows = []
    for name, path, shapes in networks(context):
        times = [json.loads(context.run(context.omni, "predict", path, *shapes, "--device", profile, "--json", check=False).stdout)["result"]["latency"]["mean_ms"] for profile in (first, second)]
        rows.append({"model": name, "first_ms": times[0], "second_ms": times[1], "apart": abs(math.log(times[0] / times[1]))})
    worst = max(rows, key=lambda row: row["apart"])
    apart = math.exp(worst["apart"]) - 1
    return Row(f"{max(seconds, again):.1f} s; predictions apart by {100 * apart:.0f} % at most ({worst['model']})", max(seconds, again) <= 20 and apart <= 0.10, rows, "omni device probe, twice")


def D7(context):
    if not (context.shared / "models").exists():
        return Row("../shared is not there", None)
    devices, rows, apart = deployment.compute(context.omni, models.cache(), context.shared, folder(context))
    current = deployment.decisions(deployment.page(devices, rows, apart)) == deployment.decisions(deployment.PAGE.read_text())
    answers = [answer for _, answers in rows for answer in answers]
    text = ", ".join(f"{kind} {deployment.share([a for model, each in rows if model.kind == kind for a in each])}" for kind in ("vision", "audio", "text"))
    text = f"{deployment.share(answers)} ({text}); apart {deployment.share(apart[1])}" + ("" if current else "; docs/deployment-table.md says otherwise")
    good = sum(a["feasible"] for a in answers) >= 0.9 * len(answers)
    return Row(text, current and good, [{"model": model.name, "device": a["device"], "feasible": a["feasible"]} for model, each in [*rows, apart] for a in each],
               "python bench/reproduce/deployment.py OMNI CACHE SHARED FOLDER")
