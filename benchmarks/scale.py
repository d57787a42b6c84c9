"""Search, memory, disk and loading by the number of passages, each beside the smallest.

    python benchmarks/scale.py [--sizes 1000 10000 100000] [--folder DIR] [--plot FILE.svg]

Passages are made of real sentences (JSQuAD's paragraphs), three each, in documents of 50 under
1,741 made-up municipalities. The vectors of the sentences are the real model's; embedding a million
passages would take a day, so a passage's vector is the mean of its sentences' with noise of its
own, and its terms are those of its sentences. All else is what ``Index.build`` does. Each index is
then loaded, searched and weighed in a process of its own. ``hits`` are compared with scoring every
passage; ``nearest`` with comparing every vector.
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
import zlib
from collections.abc import Iterator, Sequence
from functools import cached_property
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np

from dxqa import Document, Index
from dxqa.encoders import load_encoder
from dxqa.japanese import PREFECTURES, split_sentences
from dxqa.store import Source, Target, build_index
from dxqa.store import build as store_build
from dxqa.tokenizer import pairs, terms
from dxqa.types import Hit, Progress, Vectors
from plots import curves

EVAL = Path(__file__).parents[2] / "shared/eval"
SENTENCES = 3000
IN_PASSAGE = 3
PASSAGES = 50  # of one document
TOWNS = 1741
BANDS = 100
LONGEST = 90  # characters of a sentence, so that three make one passage
QUESTIONS = 200
EXACT = 20
NOISE = 0.03
SMALL = 5000  # passages; what a process needs anyway hides what they take
_ENDS = "市町村"
_CHARACTERS = "山川田野島浜崎原井上下中北南西東大小高松竹杉森林石岩池沼谷坂橋本村木花水金日月星"

Figures = dict[str, float]


class PooledEncoder:
    """Real vectors for a pool of sentences and for questions; means with noise for passages."""

    name = "pooled"
    fingerprint = "pooled"

    def __init__(self, sentences: Sequence[str], vectors: Vectors, questions: Vectors) -> None:
        self.rows = {text: row for row, text in enumerate(sentences)}
        self.vectors = vectors
        self.questions = questions
        self.dimension = vectors.shape[1]
        self.asked: dict[str, int] = {}

    def encode_queries(self, texts: Sequence[str]) -> Vectors:
        """Return the vectors of questions encoded before."""
        return self.questions[
            [self.asked.get(text, zlib.crc32(text.encode()) % QUESTIONS) for text in texts]
        ]

    def encode_passages(self, texts: Sequence[str], progress: Progress | None = None) -> Vectors:
        """Return the mean of the sentences' vectors, with noise that goes with the text."""
        del progress
        found = np.stack([self._mean(text) for text in texts])
        unit: Vectors = found / np.linalg.norm(found, axis=1, keepdims=True)
        return unit

    def _mean(self, text: str) -> Vectors:
        held = [self.rows[s] for s in pooled(text) if s in self.rows]
        held = held or [zlib.crc32(text.encode()) % len(self.rows)]
        chance = np.random.default_rng(zlib.crc32(text.encode()))
        noise = chance.standard_normal(self.dimension, dtype=np.float32)
        mean: Vectors = np.mean(self.vectors[held], axis=0) + np.float32(NOISE) * noise
        return mean


def pooled(text: str) -> list[str]:
    """Return the sentences of a text made of the pool."""
    body = text.rpartition("\n")[2]
    return [f"{sentence}。" for sentence in body.split("。") if sentence]


def sentence_pool() -> list[str]:
    """Return real sentences that can be told apart at 。 again."""
    rows = [json.loads(s) for s in (EVAL / "jsquad_passages.jsonl").read_text("utf-8").splitlines()]
    found = (r["text"][a:b] for r in rows for a, b in split_sentences(r["text"]))
    fit = (s for s in found if len(s) <= LONGEST and s.find("。") == len(s) - 1 and "\n" not in s)
    return list(dict.fromkeys(fit))[:SENTENCES]


def questions(first: int = 0) -> list[str]:
    """Return real questions on those paragraphs."""
    lines = (EVAL / "jsquad_questions.jsonl").read_text("utf-8").splitlines()
    return [json.loads(line)["question"] for line in lines[first : first + QUESTIONS]]


def documents(passages: int, pool: Sequence[str]) -> Iterator[Document]:
    """Yield documents of 50 passages under made-up municipalities."""
    chance = random.Random(0)  # noqa: S311 - texts, not secrets
    prefectures = sorted(PREFECTURES)
    towns = [
        (chance.choice(prefectures), "".join(chance.sample(_CHARACTERS, 2)) + chance.choice(_ENDS))
        for _ in range(TOWNS)
    ]
    for number in range(-(-passages // PASSAGES)):
        held = min(PASSAGES, passages - number * PASSAGES)
        body = "\n\n".join(
            f"## 第{at}節\n\n{''.join(chance.sample(pool, IN_PASSAGE))}" for at in range(held)
        )
        prefecture, town = towns[number % TOWNS]
        metadata: dict[str, str | int | float | bool] = {
            "municipality": prefecture + town,
            "prefecture": prefecture,
            "band": number % BANDS,
        }
        yield Document(f"{number}.md", f"報告{number}", f"{body}\n", f"{number}.md", metadata)


def build(passages: int, folder: Path, encoder: PooledEncoder) -> Figures:
    """Build an index as ``Index.build`` does, but for the terms; return seconds and bytes."""
    known = {text: [*terms(text), *pairs(text)] for text in encoder.rows}
    store_build.__dict__["_words"] = lambda text: list(
        chain.from_iterable(known.get(s, ()) for s in pooled(text))
    )
    source = Source(list(documents(passages, list(encoder.rows))), {}, {})
    start = time.perf_counter()
    store, _ = build_index(Target(folder), source, encoder)
    files = [p for p in store.folder.rglob("*") if p.is_file()]
    return {
        "build s": time.perf_counter() - start,
        "disk bytes/passage": sum(p.stat().st_size for p in files) / len(store.passages),
    }


def resident() -> tuple[int, int]:
    """Return the bytes of this process in memory: its own, and those mapped from files."""
    lines = Path("/proc/self/status").read_text("utf-8").splitlines()
    fields = dict(line.split(":", 1) for line in lines)
    return tuple(1024 * int(fields[key].split()[0]) for key in ("RssAnon", "RssFile"))  # type: ignore[return-value]


def timed_ms(index: Index, asked: Sequence[str], filters: dict[str, Any] | None) -> list[float]:
    """Return the milliseconds of each search."""
    times = []
    for question in asked:
        start = time.perf_counter()
        index.search(question, k=10, filters=filters)
        times.append(1000 * (time.perf_counter() - start))
    return sorted(times)


class Measured:
    """One index, loaded in this process."""

    def __init__(self, folder: Path, encoder: PooledEncoder) -> None:
        self.before = resident()
        start = time.perf_counter()
        self.index = Index.load(folder, encoder=encoder)
        self.load_s = time.perf_counter() - start
        self.encoder = encoder
        self.asked = questions()
        encoder.asked = {question: row for row, question in enumerate(self.asked)}

    @cached_property
    def figures(self) -> Figures:
        """Everything there is to say of it."""
        index, passages = self.index, len(self.index.store.passages)
        start = time.perf_counter()
        index.search(self.asked[0])
        found: Figures = {"load s": self.load_s, "first search s": time.perf_counter() - start}
        for name, filters in (("", None), (" 1 %", {"band": 7})):
            timed_ms(index, questions(first=QUESTIONS), filters)  # files come into the memory
            times = timed_ms(index, self.asked, filters)
            found[f"search{name} p50 ms"] = statistics.median(times)
            found[f"search{name} p95 ms"] = times[int(0.95 * len(times))]
        own, mapped = (now - then for now, then in zip(resident(), self.before, strict=True))
        found["own bytes/passage"] = own / passages
        found["mapped bytes/passage"] = mapped / passages
        for name, filters in (("", None), (" 1 %", {"band": 7})):
            found[f"nearest{name} recall@10"] = self.nearest_recall(filters)
            found[f"hits{name} recall@10"], found[f"hits{name} worth"] = self.hits(filters)
        return found

    def nearest_recall(self, filters: dict[str, Any] | None) -> float:
        """Return the share of the 10 nearest vectors that the FAISS index finds among 200."""
        dense = self.index.store.dense
        rows = self.index.store.passages.metadata_rows
        bands = np.array([m["band"] == 7 for m in self.index.store.metadata])  # noqa: PLR2004
        allowed = bands[rows] if filters else None
        shares = []
        for vector in self.encoder.questions[: EXACT * 5]:
            cosines = dense.vectors.products(vector[None])[:, 0]
            if allowed is not None:
                cosines = np.where(allowed, cosines, -1)
            best = np.argpartition(-cosines, 10)[:10]
            shares.append(np.isin(best, dense.nearest(vector[None], 200, allowed)).mean())
        return float(np.mean(shares))

    def hits(self, filters: dict[str, Any] | None) -> tuple[float, float]:
        """Compare the hits with those of scoring every passage.

        Returns the share that is found as well, and how high the scores found are as a share.
        """
        shares, worths = [], []
        for question in self.asked[:EXACT]:
            found = self.index.search(question, k=10, filters=filters)
            every = self._of_all(question, filters)
            if every:  # a question may name a prefecture that the filter leaves nothing of
                names = {hit.passage.passage_id for hit in found}
                shares.append(sum(hit.passage.passage_id in names for hit in every) / len(every))
                worths.append(sum(h.score for h in found) / sum(h.score for h in every))
        return statistics.mean(shares), statistics.mean(worths)

    def _of_all(self, question: str, filters: dict[str, Any] | None) -> list[Hit]:
        from dxqa.retrieval import retriever  # noqa: PLC0415 - its limit is changed here alone

        limit = retriever.__dict__["_ALL_LIMIT"]
        retriever.__dict__["_ALL_LIMIT"] = len(self.index.store.passages)
        try:
            return self.index.search(question, k=10, filters=filters)
        finally:
            retriever.__dict__["_ALL_LIMIT"] = limit


def real_vectors(folder: Path) -> PooledEncoder:
    """Return the encoder, its vectors computed by the real model once and kept in ``folder``."""
    pool, path = sentence_pool(), folder / "pool.npz"
    if not path.exists():
        real = load_encoder()
        start = time.perf_counter()
        asked = np.concatenate([real.encode_queries([question]) for question in questions()])
        print(f"encode {1000 * (time.perf_counter() - start) / QUESTIONS:.1f} ms a question")
        np.savez(path, sentences=real.encode_passages(pool), questions=asked)
    kept = np.load(path)
    return PooledEncoder(pool, kept["sentences"], kept["questions"])


def main() -> None:
    """Build and measure one size after another, and print them beside the first."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sizes", type=int, nargs="+", default=[1000, 10_000, 100_000])
    parser.add_argument("--folder", type=Path, help="where the indexes are kept")
    parser.add_argument("--measure", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--plot", type=Path)
    options = parser.parse_args()
    if options.measure:
        encoder = real_vectors(options.measure.parent)
        print(json.dumps(Measured(options.measure, encoder).figures))
        return
    with tempfile.TemporaryDirectory() as aside:
        folder = options.folder or Path(aside)
        folder.mkdir(parents=True, exist_ok=True)
        sized = {size: of_size(size, folder) for size in options.sizes}
    print(f"{platform.processor() or platform.machine()}, {os.cpu_count()} cores")
    first = next(iter(sized.values()))
    for name in first:
        row = "  ".join(
            f"{f[name]:12,.3f} ({f[name] / (first[name] or 1):6.2f})" for f in sized.values()
        )
        print(f"{name:22} {row}")
    if options.plot:
        plot(sized, options.plot)


def of_size(size: int, folder: Path) -> Figures:
    """Build an index of so many passages, unless it is there, and measure it."""
    place = folder / str(size)
    built = folder / f"{size}.json"
    if not built.exists():
        built.write_text(json.dumps(build(size, place, real_vectors(folder))), "utf-8")
    command = [sys.executable, __file__, "--measure", str(place)]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    figures: Figures = {**json.loads(built.read_text("utf-8")), **json.loads(done.stdout)}
    print(size, json.dumps(figures), flush=True)
    return figures


def plot(sized: dict[int, Figures], path: Path) -> None:
    """Draw time, memory and recall by the number of passages."""
    drawn = {
        "ms": ("search p50 ms", "search 1 % p50 ms"),
        "bytes a passage": ("own bytes/passage", "mapped bytes/passage", "disk bytes/passage"),
        "recall@10": ("nearest recall@10", "nearest 1 % recall@10"),
    }
    large = {size: figures for size, figures in sized.items() if size > SMALL}
    curves(
        path,
        {
            unit: {name: {size: f[name] for size, f in large.items()} for name in names}
            for unit, names in drawn.items()
        },
    )


if __name__ == "__main__":
    main()
