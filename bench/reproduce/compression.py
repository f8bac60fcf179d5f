"""The bars of compression (bench/reproduce/compression.tsv)."""
import os
import pathlib
import re
import subprocess
import tempfile
import time

import numpy as np
import onnxruntime

import static_int8
from reproduce import Row

OBSERVERS = {"minmax": "MinMax", "percentile": "Percentile", "entropy": "Entropy"}


def _cache():
    return pathlib.Path(os.environ.get("OMNI_CACHE_DIR", pathlib.Path.home() / ".cache" / "omni"))


def _compress(context, model, method, target, *options):
    context.run(context.omni, "compress", model, "--method", method, *options, "-o", target, "--force", "--progress", "none")
    return target


def _compare(name, model, sets, agreement, context, folder):
    """A row an observer: omni's and ONNX Runtime's quantizer on the same samples, both run by ONNX Runtime."""
    calibration, samples = sets
    input_name = onnxruntime.InferenceSession(str(model), providers=["CPUExecutionProvider"]).get_inputs()[0].name
    data = folder / f"{name}.npz"
    np.savez(data, **{input_name: np.stack(calibration)})
    truth = static_int8.outputs(model, input_name, samples)
    rows = []
    for observer, method in OBSERVERS.items():
        ours = _compress(context, model, "int8-static", folder / "ours.onnx", "--observer", observer, "--data", data, "--samples", len(calibration))
        row = {"model": name, "observer": observer}
        for who, path in (("ours", ours), ("theirs", static_int8.theirs(model, input_name, calibration, method, folder / "theirs.onnx"))):
            values = static_int8.outputs(path, input_name, samples)
            row[who] = {"snr_db": static_int8.signal_to_noise(truth, values), "agreement": agreement(truth, values)}
        row["holds"] = row["ours"]["snr_db"] >= row["theirs"]["snr_db"] - 0.1 and row["ours"]["agreement"] >= row["theirs"]["agreement"] - 0.5
        rows.append(row)
    return rows


def C14(context):
    models = context.shared / "models"
    if not models.exists():
        return Row("../shared is not there", None)
    if not pathlib.Path(static_int8.FONTS).exists():
        return Row("fonts-dejavu-core is not installed", None)
    count = (16, 20) if context.quick else (32, 50)
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        rows = _compare("yolox_nano", models / "yolox_nano" / "model.onnx", static_int8.detector_pictures(context.shared, count), static_int8.detector_agreement,
                        context, folder)
        count = (count[0], 4 * count[1])
        rows += _compare("ch_PP-OCRv4_rec", models / "ch_PP-OCRv4_rec_infer" / "model.onnx", static_int8.text_lines(count), static_int8.text_agreement, context, folder)
    text = "; ".join(f"{r['model']} {r['observer']} {r['ours']['snr_db']:.2f} dB ({r['theirs']['snr_db']:.2f}), {r['ours']['agreement']:.1f} % "
                     f"({r['theirs']['agreement']:.1f})" for r in rows)
    return Row(text + " (ONNX Runtime's)", all(r["holds"] for r in rows), rows, "bench/reproduce/run compression C14")


def _trained(context, folder):
    """LeNet-5 after two epochs of Fashion-MNIST, and the test pictures."""
    context.run(context.omni, "new", "lenet5", "-o", folder / "new.onnx", "--force")
    context.run(context.omni, "train", folder / "new.onnx", "--data", "fashion-mnist", "--epochs", 2, "-o", folder / "lenet5.onnx", "--force", "--progress", "none")
    return folder / "lenet5.onnx"


def C17(context):
    """Every method's ONNX file in ONNX Runtime; ours through `omni predict` on the same samples."""
    runs = []
    count = 1000 if context.quick else 10000
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        model = _trained(context, folder)
        for method in ("fp16", "bf16", "int8-dynamic", "int8-static", "int8-weight", "int4-weight", "gptq"):
            path = _compress(context, model, method, folder / f"{method}.onnx", *(["--data", "fashion-mnist@train@0:512"] if method in ("int8-static", "gptq") else []))
            row = {"method": method}
            runs.append(row)
            try:
                session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
            except Exception as error:
                row["error"] = str(error)[-200:]
                continue
            row["agreement"] = _top1_agreement(context, path, session, count)
    bad = [r for r in runs if r.get("agreement", 0) < 0.995]
    text = ", ".join(f"{r['method']} {100 * r['agreement']:.2f} %" if "agreement" in r else f"{r['method']}: {r['error']}" for r in runs)
    return Row(f"LeNet-5, {count} pictures: {text}", not bad, runs, "bench/reproduce/run compression C17")


def _top1_agreement(context, path, session, count):
    """Share of the first test pictures of Fashion-MNIST on which both engines have the same class."""
    def pictures():
        import gzip
        raw = gzip.open("/usr/share/datasets/fashion-mnist/t10k-images-idx3-ubyte.gz").read()
        return np.frombuffer(raw, np.uint8, offset=16).reshape(-1, 1, 28, 28)[:count].astype(np.float32) / 255
    x = context.once(f"fashion{count}", pictures)
    name = session.get_inputs()[0].name
    ours = []
    with tempfile.TemporaryDirectory() as folder:
        for start in range(0, count, 1000):
            np.save(f"{folder}/x.npy", x[start:start + 1000])
            context.run(context.omni, "run", path, "--input", f"{name}={folder}/x.npy", "--output-dir", f"{folder}/out", "--force", "-q")
            ours.append(np.load(next(pathlib.Path(f"{folder}/out").glob("*.npy"))).argmax(1))
    theirs = np.concatenate([session.run(None, {name: x[i:i + 1000]})[0].argmax(1) for i in range(0, count, 1000)])
    return float((np.concatenate(ours) == theirs).mean())


def _high_water(command):
    """The most memory a command ever had, in MB."""
    process = subprocess.Popen([str(c) for c in command], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    most = 0
    while process.poll() is None:
        with open(f"/proc/{process.pid}/status", errors="replace") as status:
            found = re.search(r"VmHWM:\s+(\d+)", status.read())
        most = max(most, int(found.group(1)) if found else 0)
        time.sleep(0.01)
    if process.returncode != 0:
        raise RuntimeError(process.stderr.read()[-500:])
    return most / 1024


def C20(context):
    model = next(iter(sorted((_cache() / "exports").glob("mobilenet_v2.*.onnx"))), None)
    pictures = sorted((context.shared / "data" / "imagenet-sample").glob("*.JPEG"))
    if model is None or not pictures:
        return Row("no MobileNetV2 in OMNI_CACHE_DIR/exports (bench/reproduce/run models M4 makes it), or no ../shared", None)
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        (folder / "data" / "all").mkdir(parents=True)
        for i in range(1000):  # four links to each of the 250
            os.symlink(pictures[i % len(pictures)], folder / "data" / "all" / f"{i}.jpeg")
        np.save(folder / "x.npy", np.zeros((1, 3, 224, 224), np.float32))
        session = _high_water([context.omni, "run", model, "--input", f"x={folder}/x.npy"])
        calibration = _high_water([context.omni, "compress", model, "--method", "int8-static", "--observer", "mse", "--data", folder / "data", "--samples", 1000,
                                   "--resize", 256, "--crop", 224, "-o", folder / "out.onnx", "--progress", "none"])
    return Row(f"{calibration - session:.1f} MB ({calibration:.1f} against {session:.1f})", calibration - session <= 64, [session, calibration],
               "omni compress mobilenet_v2.onnx --method int8-static --observer mse --samples 1000")
