"""Embedding by one process, by sentence-transformers' pool and by a Ray cluster, as ratios.

    python benchmarks/distributed.py [--rounds N] [--texts N]

Two threads in all for each: one process with two, a pool of two processes with one each, and two
nodes of a Ray cluster on this machine (tests/heavy/ray_nodes.py) with one each. The ways take
turns. The rate is that of texts while all are at work, their models loaded; ratios are those of the
medians. What getting there costs is seen from the seconds until the first and the last block.
"""

import argparse
import json
import os
import platform
import random
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any
from unittest import mock

sys.path.insert(0, str(Path(__file__).parents[1]))
from tests.heavy.ray_nodes import HEAD, SECOND, Nodes

from build import gather
from dxqa.encoders import (
    distributed_encoder,
    encode_blocks,
    load_encoder,
    pool,
    processes,
    ray_worker,
)

ROOT = Path(__file__).parents[1]
THREADS = 2
BLOCK = 64
WAYS = ("one process", "pool", "Ray")


class TimedWorker(ray_worker.EmbeddingWorker):
    """Tells with the name of its node when it began and ended a block."""

    def _answer(self, row: dict[str, Any]) -> dict[str, Any]:
        start = time.time()
        answer = super()._answer(row)
        return answer | {"node": f"{answer['node']} {start} {time.time()}"}


def blocks(texts: Sequence[str], size: int) -> list[list[str]]:
    """Return blocks of texts, each with short and long ones."""
    return [list(texts[start : start + size]) for start in range(0, len(texts), size)]


def texts_of(count: int) -> list[str]:
    """Return so many texts: those of corpus/ over and over, numbered and shuffled."""
    found = gather(10**6)
    texts = [f"{found[n % len(found)]}({n})" for n in range(count)]
    random.Random(0).shuffle(texts)  # noqa: S311 - an order, not a secret
    return texts


def measure(way: str, texts: Sequence[str], address: str) -> dict[str, float]:
    """Return seconds until the first block is done, those of all, and the rate when at work."""
    import torch  # noqa: PLC0415

    from dxqa.encoders import sentence_transformer  # noqa: PLC0415

    torch.set_num_threads(1 if way == "pool" else THREADS)
    places = ["cpu"] * THREADS if way == "pool" else []
    start = time.perf_counter()
    encoder: Any = distributed_encoder(address=address) if way == "Ray" else load_encoder()
    cut = blocks(texts, BLOCK * max(1, len(places)))
    with (
        mock.patch.object(processes, "THREADS", 1),
        mock.patch.object(sentence_transformer, "devices", return_value=places),
        mock.patch.object(ray_worker, "EmbeddingWorker", TimedWorker),
        encoder.expecting(len(texts)) if way == "Ray" else pool(encoder, len(texts)),
    ):
        ends = [time.perf_counter() for _ in encode_blocks(encoder, cut, lambda _: None)]
    rate = (len(texts) - len(cut[0])) / (ends[-1] - ends[0])
    if way == "Ray":  # blocks are done before they come in order: the workers' own clocks tell
        rate = rate_together(encoder.nodes)
    return {"first": ends[0] - start, "all": time.perf_counter() - start, "rate": rate}


def rate_together(told: Iterable[str]) -> float:
    """Return texts a second while every node was at work, its model loaded."""
    spans: dict[str, list[tuple[float, float]]] = {}
    for node, start, end in map(str.split, told):
        spans.setdefault(node, []).append((float(start), float(end)))
    if len(spans) < THREADS:
        raise SystemExit("Not every node has worked: more texts are needed (--texts).")
    begin = max(min(end for _, end in own) for own in spans.values())
    finish = min(max(end for _, end in own) for own in spans.values())
    every = [span for own in spans.values() for span in own]
    shares = [max(0, min(e, finish) - max(s, begin)) / (e - s) for s, e in every]
    return BLOCK * sum(shares) / (finish - begin)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--texts", type=int, default=1024)
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
                print(way, found[way][-1], file=sys.stderr, flush=True)
    print(f"{platform.machine()}, {os.cpu_count()} cores, {count} texts, {rounds} rounds")
    medians = {
        way: {key: statistics.median(run[key] for run in runs) for key in runs[0]}
        for way, runs in found.items()
    }
    one = medians["one process"]
    for way, told in medians.items():
        print(
            f"{way:12}{told['rate']:7.1f} texts/s at work   {told['rate'] / one['rate']:.2f} times "
            f"one process   first block after {told['first']:.1f} s, all after {told['all']:.1f} s"
        )


if __name__ == "__main__":
    main()
