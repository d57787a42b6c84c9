"""FAISS indexes out of vectors on disk, block by block and the same each time."""

import math
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import faiss
import numpy as np

from dxqa.dense.vectors import HalfVectors
from dxqa.types import Progress, Vectors

_BLOCK = 10_000  # rows in memory at a time
_SAMPLE = 20_000  # rows of which the ranges of the 8-bit codes are learnt
_LINKS = 32  # HNSW, for each row
_WIDTH = 40  # HNSW: neighbours kept while a row is linked
_TRAIN_ROWS = 40  # for each cluster; FAISS asks for 39
_ROUNDS = 8  # of k-means: the recall is that of 20

_BYTES = faiss.ScalarQuantizer.QT_8bit


def flat(vectors: HalfVectors, progress: Progress | None) -> faiss.Index:
    """Return an index that compares all rows, in half precision."""
    kind = faiss.ScalarQuantizer.QT_fp16
    index = faiss.IndexScalarQuantizer(vectors.dimension, kind, faiss.METRIC_INNER_PRODUCT)
    _add(index, vectors, progress)
    return index


def hnsw(vectors: HalfVectors, progress: Progress | None) -> faiss.Index:
    """Return a graph of neighbours: Malkov and Yashunin (2018)."""
    stubs: Any = faiss  # the type stubs take the kind of code for a quantiser
    index: faiss.IndexHNSW = stubs.IndexHNSWSQ(
        vectors.dimension, _BYTES, _LINKS, faiss.METRIC_INNER_PRODUCT
    )
    index.hnsw.efConstruction = _WIDTH
    index.train(_sample(vectors, _SAMPLE))
    with _one_thread():  # several link rows in the order in which they get to them
        _add(index, vectors, progress)
    return index


def clustered(vectors: HalfVectors, progress: Progress | None) -> faiss.Index:
    """Return inverted lists of clusters (IVF): Jégou, Douze and Schmid (2011)."""
    clusters = 4 * math.isqrt(len(vectors))
    index = faiss.IndexIVFScalarQuantizer(
        faiss.IndexFlatIP(vectors.dimension),
        vectors.dimension,
        clusters,
        _BYTES,
        faiss.METRIC_INNER_PRODUCT,
    )
    index.by_residual = False  # rows are coded as they are, not as they differ from their centre
    index.cp.niter = _ROUNDS
    index.cp.spherical = True
    index.train(_sample(vectors, _TRAIN_ROWS * clusters))
    _add(index, vectors, progress)
    return index


def _sample(vectors: HalfVectors, size: int) -> Vectors:
    numbers = np.random.default_rng(0).permutation(len(vectors))[:size]
    return vectors.rows(np.sort(numbers))


def _add(index: faiss.Index, vectors: HalfVectors, progress: Progress | None) -> None:
    for start in range(0, len(vectors), _BLOCK):
        numbers = np.arange(start, min(start + _BLOCK, len(vectors)))
        index.add(vectors.rows(numbers))
        if progress:
            progress(index.ntotal, len(vectors))


@contextmanager
def _one_thread() -> Iterator[None]:
    """Have FAISS work in one thread for this caller; others are not concerned."""
    before = faiss.omp_get_max_threads()
    faiss.omp_set_num_threads(1)
    try:
        yield
    finally:
        faiss.omp_set_num_threads(before)
