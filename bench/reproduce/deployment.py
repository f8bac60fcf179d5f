"""docs/deployment-table.md: where every model that is shipped, shared or fetched can go, as `omni device recommend` answers.

  python deployment.py OMNI CACHE SHARED FOLDER     writes the page; FOLDER: for models that are made
"""
import dataclasses
import json
import pathlib
import subprocess
import sys

import onnx

import shapes
import zoo

ROOT = pathlib.Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs" / "deployment-table.md"
SHIPPED = ("lenet-300-100", "lenet5", "mlp-2nn", "cnn-fedavg", "resnet20", "mobilenet-small")
# Names begin so; everything else that is fetched looks at pictures.
HEARS = ("silero", "faster_whisper", "basic_pitch", "swift_f0", "openwakeword")
READS = ("magika", "nakdimon", "tashkeel", "transformer")
VISION_MS = 200


@dataclasses.dataclass
class Model:
    name: str
    kind: str  # vision, audio or text
    path: pathlib.Path
    sizes: list  # NAME=SIZES


def kind_of(name):
    return "audio" if name.startswith(HEARS) else "text" if name.startswith(READS) else "vision"


def sizes_of(path, arrays):
    names = {i.name for i in onnx.load(path, load_external_data=False).graph.input}
    return [f"{name}={','.join(map(str, value.shape))}" for name, value in arrays.items() if name in names and value.shape]


def models(omni, cache, shared, folder):
    folder.mkdir(parents=True, exist_ok=True)
    for name in SHIPPED:
        path = folder / f"{name}.onnx"
        subprocess.run([omni, "new", name, "-o", path, "--force"], check=True, capture_output=True)
        yield Model(name, "vision", path, [])
    for path in sorted((shared / "models").glob("*/model.onnx")):
        arrays = {}
        for name, file in zip(json.loads((path.parent / "meta.json").read_text())["inputs"], sorted(path.parent.glob("input_*.npy"))):
            arrays[name] = zoo.np.load(file)
        yield Model(f"{path.parent.name} (shared)", kind_of(path.parent.name), path, sizes_of(path, arrays))
    for entry in zoo.entries():
        path = zoo.fetch(entry, cache / "zoo")
        yield Model(entry.name, kind_of(entry.name), path, sizes_of(path, zoo.make_inputs(entry.settings[0])))
    yield Model("ResNet-50", "vision", shapes.resnet50(folder / "resnet50.onnx"), [])
    yield Model("transformer, 353 million", "text", shapes.decoder(folder / "small.onnx", shapes.SMALL_LAYERS, **shapes.SMALL), [])


def recommend(omni, model, devices, *options):
    command = [omni, "device", "recommend", model.path, "--json", "--progress", "none", *options]
    command += [word for name in devices for word in ("--device", name)]
    command += [word for size in model.sizes for word in ("--shape", size)]
    command += ["--max-latency", f"{VISION_MS}ms"] if model.kind == "vision" else []
    done = subprocess.run(list(map(str, command)), capture_output=True, text=True)
    if done.returncode not in (0, 1):
        raise RuntimeError(f"{model.name}: {done.stderr.strip()}")
    return json.loads(done.stdout)["result"]["devices"]


def deeper(omni, folder, devices, limits):
    """The large decoder's answers: its layers are alike, so what two of them take beyond one is what each takes."""
    shallow = [Model("", "text", shapes.decoder(folder / f"large{layers}.onnx", layers, **shapes.LARGE), []) for layers in (1, 2)]
    one, two = (recommend(omni, model, devices) for model in shallow)
    answers = []
    for device, a, b in zip(devices, one, two):
        second, fitting = {c["method"]: c for c in b["candidates"]}, []
        candidates = []
        for c in a["candidates"]:
            grown = {key: c[key] + (shapes.LARGE_LAYERS - 1) * (second[c["method"]][key] - c[key]) for key in ("size_bytes", "peak_bytes", "p95_ms")}
            candidates.append({**c, **grown})
            if grown["size_bytes"] <= limits[device]["max_model_size_mb"] and grown["peak_bytes"] <= limits[device]["ram_mb"] and c["accuracy_loss"] <= 0.05:
                fitting.append(candidates[-1])
        best = min(fitting, key=lambda c: (c["accuracy_loss"], c["p95_ms"], c["size_bytes"]), default=None)
        answers.append({"device": device, "feasible": best is not None, "candidates": candidates, **({"method": best["method"]} if best else {})})
    return answers


def limits_of(omni, device):
    shown = json.loads(subprocess.run([omni, "device", "show", device, "--json"], check=True, capture_output=True, text=True).stdout)["result"]
    return {figure["key"]: figure["value"] * 2**20 for figure in shown["figures"] if figure["key"] in ("ram_mb", "max_model_size_mb")}


def compute(omni, cache, shared, folder):
    listed = json.loads(subprocess.run([omni, "device", "list", "--json"], check=True, capture_output=True, text=True).stdout)["result"]["profiles"]
    devices = [device["name"] for device in listed if device["origin"] == "shipped"]
    rows = [(model, recommend(omni, model, devices, "--until-fits")) for model in models(omni, cache, shared, folder)]
    large = Model("transformer, 2 467 million", "apart", folder, [])
    return devices, rows, (large, deeper(omni, folder, devices, {name: limits_of(omni, name) for name in devices}))


def chosen(answer):
    return next(c for c in answer["candidates"] if c["method"] == answer["method"])


def amount(value):
    return f"{value:.0f}" if value >= 9.95 else f"{value:.2g}"


def cell(answer):
    if answer["feasible"]:
        c = chosen(answer)
        return f"{c['method'] or 'yes'}, {amount(c['p95_ms'])} ms, {amount(c['peak_bytes'] / 1e6)} MB"
    best = min(answer["candidates"], key=lambda c: (len(c["misses"]), c["p95_ms"]))
    return f"**no**: {best['method'] or 'as it is'}, {amount(best['p95_ms'])} ms, {amount(best['size_bytes'] / 1e6)} MB file, {amount(best['peak_bytes'] / 1e6)} MB"


def share(pairs):
    good = sum(answer["feasible"] for answer in pairs)
    return f"{good} of {len(pairs)}, {100 * good / len(pairs):.1f} %"


def page(devices, rows, apart):
    everything = [answer for _, answers in rows for answer in answers]
    lines = ["# Where models can go", "",
             f"Made by `bench/reproduce/deployment.py` from `omni device recommend`; `bench/reproduce/run device D7` says whether it is current. {len(rows)} models (those that `omni new` makes,",
             f"those of `../shared/models`, those that `bench/reproduce/zoo.tsv` lists, a ResNet-50 and a transformer of Qwen2.5's shape) on {len(devices)} devices.", "",
             "A model deploys where its file is within `max_model_size_mb`, its predicted peak memory within `ram_mb`, what it loses within the study's bound of 5 %, and, of vision, the predicted 95th percentile",
             f"of a run is below {VISION_MS} ms. A cell says: the compression (`yes`: none), that percentile on all cores, the peak memory. Weights of models for Arm are counted as packed for scalar kernels. None of these",
             "devices was probed: times are worked out from figures in their profiles and are off by up to 2.5 times.", "",
             "| class | deploy |", "|---|---|"]
    for kind in ("vision", "audio", "text"):
        lines.append(f"| {kind} | {share([answer for model, answers in rows if model.kind == kind for answer in answers])} |")
    lines.append(f"| all | {share(everything)} |")
    for kind in ("vision", "audio", "text"):
        lines += ["", f"## {kind.capitalize()}", "", "| model | " + " | ".join(devices) + " |", "|---" * (len(devices) + 1) + "|"]
        lines += ["| " + " | ".join([model.name, *map(cell, answers)]) + " |" for model, answers in rows if model.kind == kind]
    model, answers = apart
    lines += ["", "## Apart", "",
              f"A transformer of {model.name.split(', ')[1]} parameters (Qwen2.5's shape, {shapes.LARGE_LAYERS} layers, 32 tokens at once), from one and two of its layers, which are alike: {share(answers)}.", "",
              "| model | " + " | ".join(devices) + " |", "|---" * (len(devices) + 1) + "|", "| " + " | ".join([model.name, *map(cell, answers)]) + " |", ""]
    return "\n".join(lines)


def decisions(text):
    """The page without its numbers, which differ from machine to machine by what the allocator wastes."""
    import re
    return re.sub(r"[0-9.]+(e[+]\d+)? (ms|MB)", "", text)


def main():
    omni, cache, shared, folder = map(pathlib.Path, sys.argv[1:5])
    PAGE.write_text(page(*compute(omni, cache, shared, folder)))


if __name__ == "__main__":
    main()
