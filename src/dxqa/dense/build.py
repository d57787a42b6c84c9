"""FAISS indexes out of vectors on disk, block by block and the same each time."""

import math
from collections.abc import Iterator
from contextlib import contextmanager

import faiss
import numpy as np

from dxqa.dense.vectors import HalfVectors
from dxqa.types import Progress, Vectors

_BLOCK = 10_000  # rows in memory at a time
_TRAIN_ROWS = 40  # for each cluster; FAISS asks for 39
_ROUNDS = 8  # of k-means: the recall is that of 20


def flat(vectors: HalfVectors, progress: Progress | None) -> faiss.Index:
    """Return an index that compares all rows, in half precision."""
    kind = faiss.ScalarQuantizer.QT_fp16
    index = faiss.IndexScalarQuantizer(vectors.dimension, kind, faiss.METRIC_INNER_PRODUCT)
    _add(index, vectors, progress)
    return index


def clustered(vectors: HalfVectors, progress: Progress | None) -> faiss.Index:
    """Return inverted lists of clusters with product codes of 4 bits, compared in registers.

    Jégou, Douze and Schmid (2011); André, Kermarrec and Le Scouarnec, "Quicker ADC" (2019).
    """
    clusters = 4 * math.isqrt(len(vectors))
    dimension = vectors.dimension
    index = faiss.IndexIVFPQFastScan(
        faiss.IndexFlatIP(dimension),
        dimension,
        clusters,
        dimension // 2 if dimension % 2 == 0 else dimension,  # codes, each of two numbers
        4,
        faiss.METRIC_INNER_PRODUCT,
    )
    index.cp.niter = _ROUNDS
    index.cp.spherical = True
    with _one_thread():  # several add rows in the order in which they get to them
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
