"""Fuzz targets and print the figures: ``python -m tests.fuzz TARGET|all [--runs N] [--seconds S]``.

It ends with 1 where anything was found; the inputs lie in ``--folder``.
"""

import argparse
import json
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from tests.fuzz.targets import TARGETS

_COVERED = re.compile(r"cov: (\d+) ft: (\d+)")
_HANGS_S = 60
_NOTHING: dict[str, Any] = {
    "inputs": 0, "refused": 0, "findings": {}, "slowest_s": 0, "slowest_bytes": 0, "edges": 0,
}  # fmt: skip


def fuzzed(
    names: Sequence[str], folder: Path, *, runs: int = -1, seconds: int = 0, seed: int = 1
) -> Iterator[tuple[str, dict[str, Any]]]:
    """Fuzz targets one after the other; yield the name and the figures of each."""
    command = [
        *(sys.executable, "-m", "tests.fuzz.runner", ",".join(names), str(folder)),
        *(f"-runs={runs}", f"-max_total_time={seconds}", f"-timeout={_HANGS_S}"),
        *("-rss_limit_mb=4096", "-print_final_stats=1", f"-seed={seed}"),
    ]
    quiet = {**os.environ, "OMP_NUM_THREADS": "1"}
    folder.mkdir(parents=True, exist_ok=True)
    with (
        (folder / "runner.log").open("wb") as log,
        subprocess.Popen(command, stdout=subprocess.PIPE, stderr=log, env=quiet) as runner,
    ):
        for line in runner.stdout or ():
            done = json.loads(line)
            yield done["name"], _figures(folder / done["name"], done["code"])
    if runner.returncode:
        yield "runner", {**_NOTHING, "findings": {f"ended with {runner.returncode}": 1}}


def _figures(folder: Path, code: int) -> dict[str, Any]:
    """Read what a target and libFuzzer have written."""
    figures = dict(_NOTHING)
    if (folder / "figures.json").exists():
        figures |= json.loads((folder / "figures.json").read_text("utf-8"))
    told = (folder / "log").read_text("utf-8", "replace")
    figures["edges"] = max((int(m[1]) for m in _COVERED.finditer(told)), default=0)
    if executed := re.search(r"stat::number_of_executed_units:\s*(\d+)", told):
        figures["inputs"] = int(executed[1])
    if code:
        figures["findings"] = {**figures["findings"], f"ended with {code}": 1}
    return figures


def _line(name: str, figures: dict[str, Any]) -> str:
    slowest = f"{figures['slowest_s']:.2f} s ({figures['slowest_bytes']:,} bytes)"
    return (
        f"{name:20} {figures['inputs']:>9,} inputs, {figures['refused']:>7,} refused, "
        f"{figures['edges']:>6,} edges, slowest {slowest}: {figures['findings'] or 'no findings'}"
    )


def main() -> int:
    """Fuzz what is asked for and print a line for each target."""
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    parser.add_argument("target", choices=["all", *TARGETS], metavar="TARGET", nargs="+")
    parser.add_argument("--runs", type=int, default=-1, help="inputs a target")
    parser.add_argument("--seconds", type=int, default=0, help="at most so long a target")
    parser.add_argument("--seed", type=int, default=1, help="another one, other inputs")
    parser.add_argument("--folder", type=Path, default=None)
    told = parser.parse_args()
    folder = told.folder or Path(tempfile.mkdtemp(prefix="dxqa-fuzz-"))
    names = list(TARGETS) if "all" in told.target else told.target
    if told.runs < 0 and not told.seconds:
        parser.error("--runs or --seconds is needed")
    found = inputs = 0
    limits = {"runs": told.runs, "seconds": told.seconds, "seed": told.seed}
    for name, figures in fuzzed(names, folder, **limits):
        inputs += figures["inputs"]
        found += sum(figures["findings"].values())
        print(_line(name, figures), flush=True)
    print(f"{inputs:,} inputs, {found:,} findings; {folder}")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
