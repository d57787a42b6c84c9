"""Cold start of ``dxqa ask``, part by part, each run in a fresh process.

    python benchmarks/cold_start.py [--index DIR] [--runs N]

Without ``--index``, corpus/ is indexed first. Figures are medians in milliseconds, beside the same
with the bundled model in torch, which ``dxqa ask --batch`` and ``dxqa serve`` use. ``process`` is
the whole of ``dxqa ask QUESTION`` as typed, from its start to its end.
"""

import argparse
import json
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from dxqa import Index
from plots import bars

ROOT = Path(__file__).parents[1]
QUESTION = "市長が最高デジタル責任者を務めている市は？"
PARTS = """
import json, sys, time
marks = [("", time.perf_counter())]
mark = lambda name: marks.append((name, time.perf_counter()))
import numpy; mark("import numpy")
from dxqa.index import Index; mark("import dxqa.index")
from dxqa.encoders import load_encoder
store = Index.load(sys.argv[1]).store; mark("index")
encoder = load_encoder(store.manifest.model, light=sys.argv[2] == "light"); mark("encoder")
index = Index(store, encoder)
index.retriever.understand(sys.argv[3]); mark("understand, first")
answer = index.ask(sys.argv[3]); mark("ask")
parts = {name: 1000 * (b - a) for (_, a), (name, b) in zip(marks, marks[1:])}
parts |= {f"  of which {k}": v for k, v in answer.timings_ms.items() if k != "total"}
print(json.dumps(parts))
"""


def run(*arguments: str) -> tuple[float, str]:
    """Run Python; return the milliseconds it took and what it printed."""
    start = time.perf_counter()
    done = subprocess.run([sys.executable, *arguments], capture_output=True, text=True, check=True)
    return 1000 * (time.perf_counter() - start), done.stdout


def measure(index: str, kind: str) -> dict[str, float]:
    """Return the parts of one cold start."""
    parts = {"interpreter": run("-c", "pass")[0]}
    parts |= json.loads(run("-c", PARTS, index, kind, QUESTION)[1])
    if kind == "light":
        parts["process"] = run("-m", "dxqa.cli", "ask", QUESTION, "--index", index)[0]
    return parts


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--index", default=None)
    parser.add_argument("--runs", type=int, default=7)
    parser.add_argument("--plot", type=Path)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        if options.index is None:
            Index.build(ROOT / "corpus").save(folder)
        index = options.index or folder
        measure(index, "light")  # fills the system's file cache
        runs = [[measure(index, kind) for kind in ("light", "torch")] for _ in range(options.runs)]
    print(f"{platform.machine()}, {options.runs} runs, medians in ms\n{'':24}  light   torch")
    medians: dict[str, dict[str, float]] = {"light": {}, "torch": {}}
    for name in runs[0][0]:
        values = [[pair[side][name] for pair in runs if name in pair[side]] for side in (0, 1)]
        print(f"{name:24}" + "".join(f"{statistics.median(v):8.0f}" for v in values if v))
        for kind, found in zip(medians, values, strict=True):
            medians[kind] |= {name: statistics.median(found)} if found else {}
    if options.plot:
        bars(options.plot, {f"ms, {kind}": values for kind, values in medians.items()})


if __name__ == "__main__":
    main()
