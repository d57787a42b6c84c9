"""The two search engines alone, over synthetic passages: what they take to build and to search.

    python benchmarks/engines.py --passages 1000000 --folder /tmp/engines

Vectors lie in 20,000 clusters whose sizes follow Zipf's law; terms do too, with 75 words and 75
pairs of words a passage, and 250 trigrams. A question is made of a passage: two vectors near that
of the passage, eight of its words with two others each, seven of its pairs, thirty of its trigrams.
One process builds, another loads and searches, so that its memory is that of searching. The folder
(7 KB a passage) is left for a second look with ``--step search``.
All times are of the clock but "processor", which other programs lengthen less.
"""

import argparse
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dxqa.dense import DenseIndex, HalfVectors, HalfVectorsWriter, Mask, Rows, Scores
from dxqa.lexical import LexicalIndex, term_hashes
from dxqa.lexical.hashes import Hashes
from dxqa.types import Vectors

DIMENSION = 384
CLUSTERS = 20_000
_NOISE = 0.42  # nearest neighbours then have a cosine of .88, the tenth of .87
_BLOCK = 10_000
_QUESTIONS = 200
_K = 200


def clustered_vectors(count: int, seed: int, dimension: int = DIMENSION) -> Iterator[Vectors]:
    """Yield ``count`` rows of unit length in blocks; other seeds, others of the same clusters."""
    fixed = np.random.default_rng(0)
    scale = np.arange(1, dimension + 1, dtype=np.float32) ** -0.3  # as real ones, of unequal spread
    scale /= np.linalg.norm(scale)
    turn = np.linalg.qr(fixed.normal(size=(dimension, dimension)))[0].astype(np.float32)
    centres = _unit(scale * fixed.standard_normal((CLUSTERS, dimension), dtype=np.float32))
    rng = np.random.default_rng([seed, count])
    shares = _zipf(CLUSTERS, shift=10)
    for start in range(0, count, _BLOCK):
        size = min(_BLOCK, count - start)
        noise = scale * rng.standard_normal((size, dimension), dtype=np.float32)
        rows = centres[rng.choice(CLUSTERS, size, p=shares)] + np.float32(_NOISE) * noise
        yield _unit(rows @ turn)


def _unit(rows: Vectors) -> Vectors:
    unit: Vectors = rows / np.linalg.norm(rows, axis=1, keepdims=True)
    return unit


def _zipf(size: int, shift: float, exponent: float = 1.0) -> NDArray[np.float64]:
    weights = (np.arange(size) + shift) ** -exponent
    shares: NDArray[np.float64] = weights / weights.sum()
    return shares


@dataclass(frozen=True)
class Vocabulary:
    """Terms named by a letter and their rank, which occur by Zipf's law."""

    letter: str
    size: int
    shift: float
    exponent: float

    def names(self, ranks: Rows) -> list[str]:
        """Return the terms of these ranks."""
        return [f"{self.letter}{rank}" for rank in ranks]

    def draw(self, shape: tuple[int, ...], rng: np.random.Generator) -> Rows:
        """Return ranks of terms."""
        return rng.choice(self.size, shape, p=_zipf(self.size, self.shift, self.exponent))


WORDS = Vocabulary("w", 200_000, 20, 1.0)  # the most frequent in every third passage
PAIRS = Vocabulary("p", 2_000_000, 100, 0.8)
TRIGRAMS = Vocabulary("t", 500_000, 50, 0.9)


def passage_hashes(count: int, seed: int, parts: list[tuple[Vocabulary, int]]) -> Iterator[Hashes]:
    """Yield the hashes of ``count`` passages, so many of each vocabulary."""
    tables = [(v, term_hashes(v.names(np.arange(v.size))), length) for v, length in parts]
    rng = np.random.default_rng(seed)
    for start in range(0, count, _BLOCK):
        size = min(_BLOCK, count - start)
        drawn = [table[v.draw((size, length), rng)] for v, table, length in tables]
        yield from np.concatenate(drawn, axis=1)


def build(folder: Path, count: int) -> None:
    """Build all engines, saying how long each took."""
    folder.mkdir(parents=True, exist_ok=True)
    with HalfVectorsWriter(folder / "vectors.npy", DIMENSION) as file:
        for block in clustered_vectors(count, seed=0):
            file.append(block)
    vectors = HalfVectors.open(folder / "vectors.npy")
    start, worked = time.perf_counter(), time.process_time()
    kind = DenseIndex.build(vectors, folder / "dense.faiss")
    spent, worked = time.perf_counter() - start, time.process_time() - worked
    print(f"dense ({kind}) built in {spent:.0f} s, {worked:.0f} s of one processor")
    for name, parts in (("words", [(WORDS, 75), (PAIRS, 75)]), ("trigrams", [(TRIGRAMS, 250)])):
        drawing = [0.0]
        start = time.perf_counter()
        LexicalIndex.build(folder / name, _timed(passage_hashes(count, 0, parts), drawing))
        spent = time.perf_counter() - start - drawing[0]
        print(f"{name} built in {spent:.0f} s, besides drawing them in {drawing[0]:.0f} s")
    print(f"memory at its peak: {_status('VmHWM'):.0f} MB, mapped files included")
    size = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
    print(f"on disk: {size / count:.0f} bytes a passage")


def _timed(passages: Iterator[Hashes], spent: list[float]) -> Iterator[Hashes]:
    while True:
        start = time.perf_counter()
        passage = next(passages, None)
        spent[0] += time.perf_counter() - start
        if passage is None:
            return
        yield passage


def _status(name: str) -> float:
    """Return a figure of /proc/self/status in MB."""
    status = Path("/proc/self/status").read_text("ascii")
    return int(status.split(f"{name}:")[1].split()[0]) / 1024


@dataclass(frozen=True)
class Question:
    """What one question asks of the engines."""

    vectors: Vectors
    concepts: list[dict[str, float]]
    pairs: list[str]
    trigrams: list[dict[str, float]]


def questions() -> list[Question]:
    """Return questions about passages drawn as those of the index."""
    rng = np.random.default_rng(1)
    near = np.concatenate(list(clustered_vectors(_QUESTIONS, seed=1)))
    found = []
    for vector in near:
        noise = 0.2 * _unit(rng.standard_normal((2, DIMENSION), dtype=np.float32))
        words = np.array(WORDS.names(WORDS.draw((24,), rng))).reshape(8, 3)
        found.append(
            Question(
                vectors=_unit(vector + noise.astype(np.float32)),
                concepts=[dict(zip(map(str, row), (1.0, 0.8, 0.6), strict=True)) for row in words],
                pairs=PAIRS.names(PAIRS.draw((7,), rng)),
                trigrams=[{name: 1.0} for name in TRIGRAMS.names(TRIGRAMS.draw((30,), rng))],
            )
        )
    return found


@dataclass(frozen=True)
class Engines:
    """All that is searched."""

    vectors: HalfVectors
    dense: DenseIndex
    words: LexicalIndex
    trigrams: LexicalIndex

    @classmethod
    def load(cls, folder: Path) -> "Engines":
        """Load what ``build`` wrote."""
        vectors = HalfVectors.open(folder / "vectors.npy")
        dense = DenseIndex.load(vectors, folder / "dense.faiss")
        return cls(vectors, dense, *(LexicalIndex.load(folder / n) for n in ("words", "trigrams")))

    def search(self, question: Question, allowed: Mask | None) -> dict[str, float]:
        """Search and score as a question does, and return the milliseconds of each step."""
        times: dict[str, float] = {}

        def timed(name: str, step: Callable[[], Any]) -> Any:  # noqa: ANN401
            start = time.perf_counter()
            result = step()
            times[name] = (time.perf_counter() - start) * 1000
            return result

        asked = (question.concepts, question.pairs)
        worked = time.process_time()
        near = timed("dense", lambda: self.dense.nearest(question.vectors, _K, allowed))
        cover = timed("lexical", lambda: self.words.candidates(*asked, _K, allowed))
        rows = np.union1d(near, cover)
        timed("cosines", lambda: self.vectors.cosines(question.vectors, rows))
        timed("coverage", lambda: self.words.coverage(*asked, rows))
        timed("trigrams", lambda: self.trigrams.coverage(question.trigrams, rows=rows))
        times |= {"all": sum(times.values()), "candidates": len(rows)}
        return times | {"processor": (time.process_time() - worked) * 1000}


def search(folder: Path) -> None:
    """Load and search, first cold, then warm, and compare with exact search."""
    before = _status("RssAnon"), _status("RssFile")
    start = time.perf_counter()
    engines = Engines.load(folder)
    print(f"loaded in {(time.perf_counter() - start) * 1000:.0f} ms ({engines.dense.kind})")
    count = len(engines.vectors)
    asked = questions()
    tenth = np.random.default_rng(2).random(count)
    for name, share in (("all", 1.0), ("1 %", 0.01), ("5 %", 0.05)):
        allowed = None if share == 1 else tenth < share
        for heat in ("first time", "again"):
            _report(f"{name}, {heat}", [engines.search(question, allowed) for question in asked])
        memory = _status("RssAnon") - before[0], _status("RssFile") - before[1]
        per_passage = sum(memory) * 2**20 / count
        print(
            f"  memory: {memory[0]:.0f} MB own, {memory[1]:.0f} MB mapped; {per_passage:.0f} B each"
        )
    for name, share in (("all", 1.0), ("1 %", 0.01), ("5 %", 0.05)):
        print(
            f"recall@10, {name}: {_recalls(engines, asked, None if share == 1 else tenth < share)}"
        )


def _report(name: str, times: list[dict[str, float]]) -> None:
    print(name)
    for step in times[0]:
        low, high = np.quantile([row[step] for row in times], [0.5, 0.95])
        print(f"  {step:10} p50 {low:7.2f}  p95 {high:7.2f}")


def _recalls(engines: Engines, asked: list[Question], allowed: Mask | None) -> str:
    """Return the recall of the 10 nearest, of 10 and of 200 found, and of the best covering."""
    hits = {"dense of 10": 0, "dense of 200": 0, "lexical of 200": 0}
    some = asked[:50]
    means = np.concatenate([_unit(q.vectors.mean(axis=0, keepdims=True)) for q in some])
    cosines = engines.vectors.products(means)
    for question, mean, cosine in zip(some, means, cosines.T, strict=True):
        best = _best(cosine, allowed)
        for k in (10, _K):
            found = engines.dense.nearest(mean[None], k, allowed)
            hits[f"dense of {k}"] += int(np.isin(best, found).sum())
        covering = engines.words.candidates(question.concepts, question.pairs, _K, allowed)
        exact = _best(engines.words.coverage(question.concepts, question.pairs), allowed)
        hits[f"lexical of {_K}"] += int(np.isin(exact, covering).sum())
    return ", ".join(f"{name} {hit / len(some) / 10:.3f}" for name, hit in hits.items())


def _best(scores: Scores, allowed: Mask | None) -> Rows:
    kept = scores if allowed is None else np.where(allowed, scores, -2)
    return np.argpartition(-kept, 10)[:10]


def main() -> None:
    """Build in one process and search in another."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--passages", type=int, default=100_000)
    parser.add_argument("--folder", type=Path, required=True)
    parser.add_argument("--step", choices=["both", "build", "search"], default="both")
    args = parser.parse_args()
    if args.step == "search":
        search(args.folder)
        return
    build(args.folder, args.passages)
    if args.step == "both":
        again = [sys.executable, __file__, "--folder", str(args.folder), "--step", "search"]
        subprocess.run(again, check=True)


if __name__ == "__main__":
    main()
