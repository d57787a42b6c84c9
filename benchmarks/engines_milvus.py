"""The engines side by side: the same passages in FAISS, Milvus 2.3.5 and milvus-lite, in one run.

    python -m benchmarks.engines_milvus [--passages 100000] [--folder DIR]

Passages and questions are those of ``scale.py``: real sentences, the real model's vectors. The
index is built once; then each engine takes up its vectors, terms and metadata ("insert": all that
``dxqa build`` has the engine do, index and flush included), and the same index asks it. The servers
are those of the tests (tests/heavy/servers.py), on this machine, in processes of their own.

``nearest`` compares the 200 candidates of each vector with the 10 nearest of all vectors,
``hits`` the ten hits of ``Index.search`` with those of scoring every passage. The filters leave
1 % and 10 % of the passages. Milliseconds are of the clock, one question after another.
"""

import argparse
import dataclasses
import platform
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).parent))  # as the other benchmarks are run

from tests.heavy.servers import KINDS, running

import scale
from dxqa import Index
from dxqa.engines import Contents, EngineSettings, Faiss, Milvus, Sought, Within
from dxqa.retrieval import matches, retriever
from dxqa.store.store import contents as contents_of

FILTERS: dict[str, dict[str, Any] | None] = {
    "": None,
    " 10 %": {"band": "10..19"},
    " 1 %": {"band": 7},
}
_K = 10
_CANDIDATES = 200

Figures = dict[str, float]


class Asked:
    """One index, its questions, and what is right."""

    def __init__(self, folder: Path, encoder: scale.PooledEncoder, count: int) -> None:
        self.index = Index.load(folder, encoder=encoder)
        self.encoder = encoder
        self.questions = scale.questions()[:count]
        encoder.asked = {question: row for row, question in enumerate(scale.questions())}
        self.allowed = {name: self._mask(filters) for name, filters in FILTERS.items()}
        self.best = {
            name: [self._hits_of_all(question, filters) for question in self.questions]
            for name, filters in FILTERS.items()
        }
        self.nearest = {name: list(self._nearest(name)) for name in FILTERS}

    @property
    def contents(self) -> Contents:
        """What engines take up."""
        store = self.index.store
        return contents_of(store.folder, store.manifest.fingerprint)

    def _mask(self, filters: dict[str, Any] | None) -> Any:  # noqa: ANN401
        if filters is None:
            return None
        fulfilled = np.array([matches(m, filters) for m in self.index.store.metadata])
        return fulfilled[self.index.store.passages.metadata_rows]

    def _hits_of_all(self, question: str, filters: dict[str, Any] | None) -> set[str]:
        limit = retriever.__dict__["_ALL_LIMIT"]
        retriever.__dict__["_ALL_LIMIT"] = len(self.index.store.passages)
        try:
            return _names(self.index, question, filters)
        finally:
            retriever.__dict__["_ALL_LIMIT"] = limit

    def _nearest(self, name: str) -> Iterator[Any]:
        products = self.index.store.dense.vectors.products(
            self.encoder.questions[: len(self.questions)]
        )
        for cosines in products.T:
            allowed = self.allowed[name]
            kept = cosines if allowed is None else np.where(allowed, cosines, -1)
            yield np.argpartition(-kept, _K)[:_K]


def _names(index: Index, question: str, filters: dict[str, Any] | None) -> set[str]:
    return {hit.passage.passage_id for hit in index.search(question, k=_K, filters=filters)}


def measured(asked: Asked, settings: EngineSettings, folder: Path) -> Figures:
    """Have an engine take up the passages, and ask it."""
    contents = dataclasses.replace(asked.contents, folder=folder)
    start = time.perf_counter()
    written = settings.write(contents, None)
    written.finish()
    spent = time.perf_counter() - start
    engine = settings.open(contents, written.about)
    index = Index(dataclasses.replace(asked.index.store, engine=engine), asked.encoder)
    found: Figures = {"insert passages/s": len(contents) / spent, "insert s": spent}
    for name, filters in FILTERS.items():
        scale.timed_ms(index, asked.questions[:2], filters)  # files come into the memory
        times, shares = zip(*_searched(asked, index, name), strict=True)
        found[f"search{name} p50 ms"] = statistics.median(times)
        found[f"search{name} p95 ms"] = sorted(times)[int(0.95 * len(times))]
        found[f"hits{name} recall@10"] = statistics.mean(s for s in shares if s is not None)
        found[f"nearest{name} recall@10"] = _nearest_recall(asked, engine, name)
    return found


def _searched(asked: Asked, index: Index, name: str) -> Iterator[tuple[float, float | None]]:
    """Yield for each question its milliseconds and its recall, None where there is nothing."""
    for question, best in zip(asked.questions, asked.best[name], strict=True):
        start = time.perf_counter()
        found = _names(index, question, FILTERS[name])
        spent = 1000 * (time.perf_counter() - start)
        # A question may name a prefecture that the filter leaves nothing of.
        yield spent, len(best & found) / len(best) if best else None


def _nearest_recall(asked: Asked, engine: Any, name: str) -> float:  # noqa: ANN401
    filters, allowed = FILTERS[name], asked.allowed[name]
    within = None if filters is None else Within(filters, allowed)
    shares = []
    for vector, best in zip(asked.encoder.questions, asked.nearest[name], strict=False):
        rows = engine.candidates(Sought(vector[None], [], []), _CANDIDATES, within)
        shares.append(float(np.isin(best, rows).mean()))
    return statistics.mean(shares)


def table(figures: dict[str, Figures]) -> str:
    """Return the figures in Markdown; times and rates with their ratio to the first engine's."""
    first = next(iter(figures.values()))
    lines = [f"| | {' | '.join(figures)} |", "|---|" + "---:|" * len(figures)]
    for what, base in first.items():
        if "recall" in what:
            cells = [f"{found[what]:.3f}" for found in figures.values()]
        else:
            cells = [f"{f[what]:,.1f} ({f[what] / base:.2f})" for f in figures.values()]
        lines.append(f"| {what} | {' | '.join(cells)} |")
    return "\n".join(lines)


def main() -> None:
    """Build once, have each engine take it up in turn, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--passages", type=int, default=100_000)
    parser.add_argument("--folder", type=Path, help="where the index is kept for another run")
    parser.add_argument("--questions", type=int, default=60)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as aside:
        folder = options.folder or Path(aside)
        folder.mkdir(parents=True, exist_ok=True)
        encoder = scale.real_vectors(folder)
        place = folder / str(options.passages)
        if not place.exists():
            print(
                f"index built in {scale.build(options.passages, place, encoder)['build s']:.0f} s"
            )
        asked = Asked(place, encoder, options.questions)
        figures = {"FAISS": measured(asked, Faiss(), _made(Path(aside) / "faiss"))}
        print("FAISS", figures["FAISS"], flush=True)
        for kind in KINDS:
            with running(kind, Path(aside) / kind.name / "data") as server:
                settings = Milvus(server.uri, collection="benchmark", timeout_s=300)
                figures[kind.name] = measured(asked, settings, _made(Path(aside) / f"i{kind.name}"))
            print(kind.name, figures[kind.name], flush=True)
    print(f"{options.passages:,} passages, {platform.machine()}\n")
    print(table(figures))


def _made(folder: Path) -> Path:
    folder.mkdir()
    return folder


if __name__ == "__main__":
    main()
