"""Measures the bars of one list: prints id, bar, measured, holds; writes build/reproduce/NAME.json; resumes where it was interrupted.

A measurement is a function `ID(context)` of bench/reproduce/NAME.py that returns a Row. `holds` None: not measured here, with the reason in `measured`.
"""
import dataclasses
import importlib
import json
import os
import pathlib
import subprocess
import sys
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
OUT = ROOT / "build" / "reproduce"


@dataclasses.dataclass
class Row:
    measured: str
    holds: bool | None
    runs: list = dataclasses.field(default_factory=list)
    command: str = ""


class Context:
    def __init__(self):
        self.quick = os.environ.get("QUICK") == "1"
        self.root = ROOT
        self.out = OUT
        self.shared = ROOT.parent / "shared"
        self.build = OUT / "tree"
        self.omni = self.build / "omni"
        self.cache = {}

    def run(self, *command, check=True, env=None, cwd=None, timeout=None):
        """Runs a command and returns what it wrote to stdout; with check a failure raises."""
        done = subprocess.run([str(c) for c in command], capture_output=True, text=True, cwd=cwd or ROOT, timeout=timeout,
                              env={**os.environ, **(env or {})})
        if check and done.returncode != 0:
            raise RuntimeError(f"{' '.join(map(str, command))}: exit {done.returncode}: {(done.stderr or done.stdout)[-2000:]}")
        return done.stdout if check else done

    def json(self, *command, env=None):
        return json.loads(self.run(self.omni, *command, "--json", env=env))["result"]

    def once(self, key, make):
        if key not in self.cache:
            self.cache[key] = make()
        return self.cache[key]

    def build_release(self):
        """A clean release build of its own."""
        self.run("cmake", "--preset", "release", "-B", self.build, "--log-level=WARNING", "-DOMNI_TESTS=ON")
        self.run("cmake", "--build", self.build, "-j", str(os.cpu_count()), "--target", "omni", "kernel_bench")


def fingerprint():
    head = subprocess.run(["git", "rev-parse", "HEAD"], capture_output=True, text=True, cwd=ROOT).stdout.strip()
    dirty = subprocess.run(["git", "status", "--porcelain"], capture_output=True, text=True, cwd=ROOT).stdout
    return head + ("+" if dirty else "") + (" quick" if os.environ.get("QUICK") == "1" else "")


def bars(name):
    rows = []
    for line in (ROOT / "bench" / "reproduce" / f"{name}.tsv").read_text().splitlines():
        if line.strip():
            identity, kind, claim, bar = line.split("\t")
            rows.append({"id": identity, "kind": kind, "claim": claim, "bar": bar})
    return rows


def main():
    if len(sys.argv) < 2:
        raise SystemExit("usage: bench/reproduce/run NAME [ID …]")
    name, wanted = sys.argv[1], set(sys.argv[2:])
    OUT.mkdir(parents=True, exist_ok=True)
    sys.path.insert(0, str(ROOT / "bench" / "reproduce"))
    measures = importlib.import_module(name)
    state_file = OUT / f"{name}.partial.json"
    mark = fingerprint()
    state = json.loads(state_file.read_text()) if state_file.exists() else {}
    if state.get("mark") != mark:
        state = {"mark": mark, "rows": {}}
    context = Context()
    context.build_release()
    failed, rows = False, []
    for bar in bars(name):
        if wanted and bar["id"] not in wanted:
            continue
        if bar["id"] not in state["rows"]:
            print(f"{bar['id']}: measuring …", file=sys.stderr, flush=True)
            start = time.time()
            try:
                measure = getattr(measures, bar["id"], None)
                row = measure(context) if measure else Row("nothing measures this line yet", None)
            except Exception as error:  # a measurement that breaks is a bar that does not hold
                row = Row(f"failed: {error}", False)
            state["rows"][bar["id"]] = {**dataclasses.asdict(row), "seconds": round(time.time() - start, 1)}
            temporary = state_file.with_suffix(".tmp")
            temporary.write_text(json.dumps(state))
            os.replace(temporary, state_file)
        row = {**bar, **state["rows"][bar["id"]]}
        rows.append(row)
        holds = {True: "yes", False: "NO", None: "not measured"}[row["holds"]]
        print(f"{row['id']}\t{row['kind']}\t{row['bar']}\t{row['measured']}\t{holds}", flush=True)
        failed |= row["kind"] == "must" and row["holds"] is not True
    (OUT / f"{name}.json").write_text(json.dumps(rows, indent=1))
    if context.quick:
        print("QUICK=1: this run does not count as holding")
    raise SystemExit(1 if failed or context.quick else 0)


if __name__ == "__main__":
    main()
