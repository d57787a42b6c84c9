"""An inverted index built in bounded memory: sorted runs on disk, merged by ranges of hashes.

Manning, Raghavan and Schütze, "Introduction to Information Retrieval" (2008), 4.2 (sort-based
indexing in blocks) and 7.1.3 (champion lists). The files, all .npy; posting lists lie one after
another in the order of ``terms``:

    terms            uint64   hashes of the terms, ascending
    offsets          int64    where the postings of each term begin, and the end of the last
    rows             uint32   of the passages that hold the term, ascending within a term
    scores           float32  BM25 of the term in that passage
    champion_terms   uint32   numbers of the terms with more than CHAMPIONS postings, ascending
    champion_rows    uint32   CHAMPIONS of each, those with the highest scores, ascending
    champion_scores  float32
    forward          uint32   numbers of the terms of each passage, as often as they occur
    forward_offsets  int64    where each passage begins, and the end of the last
"""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

from dxqa.arrays import ArrayWriter, open_array
from dxqa.lexical.hashes import EMPTY, Hashes
from dxqa.types import Scores

# Passages are short: a word said twice says little more than once. Chosen on JSQuAD.
K1, B = 0.5, 0.5

CHAMPIONS = 8192
"""Postings that a question reads of a term that has more."""

_RUN_TERMS = 4_000_000  # sorted in memory at once: some 200 MB
_RUN_PASSAGES = 1 << 16  # so that a passage's place in its run fits 16 bits, which sort fastest
_MERGED = 8_000_000  # postings in memory at once: some 500 MB


def frequency_part(counts: NDArray[Any], length: int, average: float) -> Scores:
    """Return what BM25 makes of how often terms occur in one passage, without their idf.

    Args:
        counts: of each term.
        length: of the passage, in terms.
        average: of the passages' lengths.
    """
    norm = K1 * (1 - B + B * length / max(1e-9, average))
    return (counts / (counts + norm)).astype(np.float32)


Run = NDArray[np.void]
_RUN = np.dtype([("hash", np.uint64), ("row", np.uint32), ("count", np.uint32)])
_FILES: dict[str, DTypeLike] = {
    "terms": np.uint64,
    "offsets": np.int64,
    "rows": np.uint32,
    "scores": np.float32,
    "champion_terms": np.uint32,
    "champion_rows": np.uint32,
    "champion_scores": np.float32,
}


def write_index(folder: Path, passages: Iterable[Hashes]) -> None:
    """Write the files of an index below ``folder``, which is made.

    Args:
        folder: the runs are kept in it as long as this takes: 16 bytes a posting.
        passages: the hashes of the terms of each, as often as they occur.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(dir=folder, prefix="runs-") as aside:
        runs: list[Run] = []
        sizes: list[NDArray[np.intp]] = [np.zeros(1, dtype=np.intp)]
        for batch in _batches(passages):
            hashes, held = _without_empty(batch)
            path = Path(aside) / f"{len(runs)}.npy"
            np.save(path, _run(hashes, held, first=sum(map(len, sizes)) - 1))
            runs.append(open_array(path))
            sizes.append(held)
        offsets = np.cumsum(np.concatenate(sizes))
        np.save(folder / "forward_offsets.npy", offsets.astype(np.int64))
        _write_postings(folder, runs, np.diff(offsets))
        _write_forward(folder, runs)
        runs.clear()  # Windows removes no file that is mapped


def _batches(passages: Iterable[Hashes]) -> Iterator[list[Hashes]]:
    batch: list[Hashes] = []
    held = 0
    for passage in passages:
        batch.append(np.asarray(passage, dtype=np.uint64))
        held += len(passage)
        if held >= _RUN_TERMS or len(batch) == _RUN_PASSAGES:
            yield batch
            batch, held = [], 0
    if batch:
        yield batch


def _without_empty(batch: Sequence[Hashes]) -> tuple[Hashes, NDArray[np.intp]]:
    """Return the hashes of all passages one after another, and how many each has."""
    hashes = np.concatenate(batch)
    sizes = np.array([len(passage) for passage in batch], dtype=np.intp)
    real = hashes != EMPTY
    if not real.all():
        owner = np.repeat(np.arange(len(batch)), sizes)
        hashes, sizes = hashes[real], np.bincount(owner[real], minlength=len(batch))
    return hashes, sizes


def _run(hashes: Hashes, sizes: NDArray[np.intp], *, first: int) -> Run:
    """Return each term of each passage once, with its count, by hash and then by row."""
    order = np.argsort(hashes, kind="stable")
    by_hash = hashes[order]
    rows = np.repeat(np.arange(first, first + len(sizes), dtype=np.uint32), sizes)[order]
    starts = _starts((by_hash[1:] != by_hash[:-1]) | (rows[1:] != rows[:-1]), len(rows))
    run = np.empty(len(starts), dtype=_RUN)
    run["hash"], run["row"] = by_hash[starts], rows[starts]
    run["count"] = np.diff(starts, append=len(rows))
    return run


def _starts(changes: NDArray[np.bool_], size: int) -> NDArray[np.intp]:
    """Return where groups begin, by whether each element after the first differs from the last."""
    return np.concatenate([np.arange(min(size, 1)), np.flatnonzero(changes) + 1])


def _write_postings(folder: Path, runs: Sequence[Run], lengths: NDArray[np.intp]) -> None:
    weighing = _Weighing(lengths)
    with ExitStack() as stack:
        files = {
            name: stack.enter_context(ArrayWriter(folder / f"{name}.npy", dtype))
            for name, dtype in _FILES.items()
        }
        files["offsets"].append(np.zeros(1))
        for part in _merged(runs):
            starts = _starts(part["hash"][1:] != part["hash"][:-1], len(part))
            ends = np.append(starts[1:], len(part)).astype(np.intp)
            scores = weighing.scores(part, ends - starts)
            _append_champions(files, part, scores, (starts, ends))
            files["offsets"].append(files["rows"].count + ends)
            files["terms"].append(part["hash"][starts])
            files["rows"].append(part["row"])
            files["scores"].append(scores)


def _merged(runs: Sequence[Run]) -> Iterator[Run]:
    """Yield the runs merged, in parts that hold all postings of each of their terms."""
    parts = max(1, -(-sum(map(len, runs)) // _MERGED))
    limits = np.array([(part << 64) // parts for part in range(1, parts)], dtype=np.uint64)
    cuts = [[0, *np.searchsorted(run["hash"], limits), len(run)] for run in runs]
    for part in range(parts):
        pieces = [run[cut[part] : cut[part + 1]] for run, cut in zip(runs, cuts, strict=True)]
        postings = np.concatenate(pieces) if pieces else np.empty(0, dtype=_RUN)
        if len(postings):  # rows ascend from run to run
            yield postings[np.argsort(postings["hash"], kind="stable")]


@dataclass(frozen=True, slots=True)
class _Weighing:
    """BM25 of terms in passages of these lengths, in Lucene's variant."""

    lengths: NDArray[np.intp]

    def scores(self, postings: Run, frequencies: NDArray[np.intp]) -> Scores:
        average = max(1e-9, float(self.lengths.mean()))
        norms = K1 * (1 - B + B * self.lengths[postings["row"]] / average)
        rarity = np.log1p((len(self.lengths) - frequencies + 0.5) / (frequencies + 0.5))
        counts = postings["count"].astype(np.float64)
        scores: Scores = (np.repeat(rarity, frequencies) * counts / (counts + norms)).astype("f4")
        return scores


def _append_champions(
    files: dict[str, ArrayWriter],
    postings: Run,
    scores: Scores,
    spans: tuple[NDArray[Any], NDArray[Any]],
) -> None:
    for number in np.flatnonzero(spans[1] - spans[0] > CHAMPIONS):
        span = slice(spans[0][number], spans[1][number])
        best = np.sort(np.argpartition(-scores[span], CHAMPIONS)[:CHAMPIONS])
        files["champion_terms"].append(np.array([files["terms"].count + number]))
        files["champion_rows"].append(postings["row"][span][best])
        files["champion_scores"].append(scores[span][best])


def _write_forward(folder: Path, runs: Sequence[Run]) -> None:
    terms = open_array(folder / "terms.npy")
    with ArrayWriter(folder / "forward.npy", np.uint32) as file:
        for run in runs:
            numbers = np.repeat(np.searchsorted(terms, run["hash"]), run["count"])
            first = run["row"].min() if len(run) else 0
            places = np.repeat((run["row"] - first).astype(np.uint16), run["count"])
            file.append(numbers[np.argsort(places, kind="stable")])
