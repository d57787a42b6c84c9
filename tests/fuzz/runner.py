"""Targets under atheris, each in a process of its own: libFuzzer ends it when it is done.

    python -m tests.fuzz.runner TARGET,TARGET FOLDER LIBFUZZER_OPTION...

Findings are counted and the fuzzing goes on; figures lie in ``FOLDER/TARGET/figures.json``, of each
kind of finding the shortest input beside them.
"""

import contextlib
import json
import os
import sys
import time
import traceback
from collections import Counter
from pathlib import Path

import atheris

from dxqa.errors import DxqaError
from tests.fuzz.mutate import mutated
from tests.fuzz.target import Target

_EVERY_S = 0.5  # between two writings of the figures: the process ends without a word


class Recorder:
    """Runs a target and keeps what came of it."""

    def __init__(self, target: Target, folder: Path) -> None:
        self.target, self.folder = target, folder
        self.inputs = self.refused = 0
        self.findings: Counter[str] = Counter()
        self.shortest: dict[str, bytes] = {}
        self.slowest = (0.0, b"")
        self.written = 0.0

    def __call__(self, data: bytes) -> None:
        """Run one input, and count its processor time, whatever else the machine does."""
        begun = time.process_time()
        try:
            self.target.check(data)
        except DxqaError:
            self.refused += 1
        except Exception as error:  # noqa: BLE001 - that is what is looked for
            self._note(_kind(error), data)
        seconds = time.process_time() - begun
        if seconds > self.slowest[0]:
            self.slowest = (seconds, data)
        self.inputs += 1
        if time.monotonic() > self.written + _EVERY_S:
            self.written = time.monotonic()
            self.write()

    def _note(self, kind: str, data: bytes) -> None:
        self.findings[kind] += 1
        if len(data) < len(self.shortest.get(kind, data + b"\0")):
            self.shortest[kind] = data
            name = f"found-{sorted(self.shortest).index(kind)}"
            (self.folder / name).write_bytes(data)
            (self.folder / f"{name}.txt").write_text(
                f"{kind}\n{data!r}\n{traceback.format_exc()}", "utf-8", "backslashreplace"
            )

    def write(self) -> None:
        """Write the figures."""
        seconds, data = self.slowest
        (self.folder / "slowest").write_bytes(data)
        figures = {
            "inputs": self.inputs,
            "refused": self.refused,
            "findings": dict(self.findings),
            "slowest_s": round(seconds, 3),
            "slowest_bytes": len(data),
        }
        (self.folder / "figures.json").write_text(json.dumps(figures), "utf-8")


def _kind(error: Exception) -> str:
    """The class of an error and the innermost place in dxqa, or in the target, that it came by."""
    frames = traceback.extract_tb(error.__traceback__)
    ours = [f for f in frames if "/dxqa/" in f.filename or "/fuzz/" in f.filename] or frames
    where = ours[-1]
    return f"{type(error).__name__} at {Path(where.filename).name}:{where.lineno}"


def fuzz(target: Target, folder: Path, options: list[str]) -> None:
    """Fuzz until libFuzzer has had enough; it does not return."""
    seeds = folder / "seeds"
    seeds.mkdir(parents=True, exist_ok=True)
    for number, seed in enumerate(target.seeds()):
        (seeds / f"seed-{number}").write_bytes(seed)
        with contextlib.suppress(Exception):  # it is found again; what is loaded once is loaded now
            target.check(seed)

    def mutator(data: bytes, most: int, seed: int) -> bytes:
        # libFuzzer's own find what no text holds.
        return bytes(atheris.Mutate(data, most)) if seed % 3 == 0 else mutated(data, most, seed)

    own = [f"-max_len={target.largest}", f"-artifact_prefix={folder}/", *options, str(seeds)]
    atheris.Setup([sys.argv[0], *own], Recorder(target, folder), custom_mutator=mutator)
    atheris.Fuzz()


def main() -> None:
    """Import everything once, instrumented, and fuzz one target after the other."""
    names, folder, *options = sys.argv[1:]
    with atheris.instrument_imports(include=["dxqa"]):
        from tests.fuzz.targets import TARGETS  # noqa: PLC0415 - instrumented as it is imported
    for name in names.split(","):
        within = Path(folder) / name
        within.mkdir(parents=True, exist_ok=True)
        child = os.fork()
        if not child:
            log = os.open(within / "log", os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
            os.dup2(log, 1)
            os.dup2(log, 2)
            fuzz(TARGETS[name], within, options)
        code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        print(json.dumps({"name": name, "code": code}), flush=True)


if __name__ == "__main__":
    main()
