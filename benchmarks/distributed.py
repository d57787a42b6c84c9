"""Embedding by one process, by sentence-transformers' pool and by a Ray cluster, as ratios.

    python benchmarks/distributed.py [--rounds N] [--texts N]

Two threads in all for each: one process with two, a pool of two processes with one each, and two
nodes of a Ray cluster on this machine (tests/heavy/ray_nodes.py) with one each. The ways take
turns; each is warm, the time is that of the blocks alone, and the ratios are those of the medians.
What getting ready costs (processes, models) is printed beside.
"""

import argparse
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from unittest import mock

sys.path.insert(0, str(Path(__file__).parents[1]))
from tests.heavy.ray_nodes import HEAD, SECOND, Nodes

from build import gather
from dxqa.encoders import distributed_encoder, encode_blocks, load_encoder, pool, processes

ROOT = Path(__file__).parents[1]
THREADS = 2
BLOCK = 256
WAYS = ("one process", "pool", "Ray")


def blocks(texts: Sequence[str], size: int) -> list[list[str]]:
    """Return the blocks of a build: texts of like length together."""
    ordered = sorted(texts, key=len, reverse=True)
    return [ordered[start : start + size] for start in range(0, len(ordered), size)]


def texts_of(count: int) -> list[str]:
    """Return so many texts: those of corpus/ over and over, numbered to be different."""
    found = gather(10**6)
    return [
        f"{text}({number // len(found)})"
        for number, text in zip(range(count), found * (count // len(found) + 1), strict=False)
    ]


def measure(way: str, texts: Sequence[str], address: str) -> dict[str, float]:
    """Return the seconds until an encoder is at work, and those of all texts."""
    import torch  # noqa: PLC0415

    from dxqa.encoders import sentence_transformer  # noqa: PLC0415

    torch.set_num_threads(1 if way == "pool" else THREADS)
    places = ["cpu"] * THREADS if way == "pool" else []
    start = time.perf_counter()
    encoder: Any = distributed_encoder(address=address) if way == "Ray" else load_encoder()
    with (
        mock.patch.object(processes, "THREADS", 1),
        mock.patch.object(sentence_transformer, "devices", return_value=places),
        encoder.expecting(len(texts)) if way == "Ray" else pool(encoder, len(texts)),
    ):
        # What is timed begins when the first blocks, which wait for the models, are done.
        warm = blocks(texts[: 2 * BLOCK], BLOCK)
        timed = blocks(texts, BLOCK * max(1, len(places)))
        stream = encode_blocks(encoder, [*warm, *timed], lambda _: None)
        for _ in warm:
            next(stream)
        ready = time.perf_counter()
        for _ in stream:
            pass
        return {"ready": ready - start, "work": time.perf_counter() - ready}


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--texts", type=int, default=2048)
    parser.add_argument("--way", choices=WAYS, help="measure only this, as a process of its own")
    parser.add_argument("--address", default="")
    options = parser.parse_args()
    if options.way:
        print(json.dumps(measure(options.way, texts_of(options.texts), options.address)))
        return
    compare(options.rounds, options.texts)


def compare(rounds: int, count: int) -> None:
    """Let the ways take turns, each time in a process of its own."""
    found: dict[str, list[dict[str, float]]] = {way: [] for way in WAYS}
    with tempfile.TemporaryDirectory(prefix="dxqa-") as name, Nodes(Path(name)) as nodes:
        nodes.start(HEAD)
        nodes.start(SECOND)
        for _ in range(rounds):
            for way in WAYS:
                command = [sys.executable, __file__, "--texts", str(count), "--way", way]
                done = nodes.run([*command, "--address", nodes.address])
                if done.returncode:
                    raise subprocess.CalledProcessError(
                        done.returncode, command, done.stdout, done.stderr
                    )
                found[way].append(json.loads(done.stdout.splitlines()[-1]))
    print(f"{platform.machine()}, {os.cpu_count()} cores, {count} texts, {rounds} rounds")
    one = statistics.median(run["work"] for run in found["one process"])
    for way, runs in found.items():
        work = statistics.median(run["work"] for run in runs)
        ready = statistics.median(run["ready"] for run in runs)
        print(
            f"{way:12}{count / work:8.1f} texts/s   {one / work:.2f} times one process   "
            f"ready after {ready:.1f} s"
        )


if __name__ == "__main__":
    main()
