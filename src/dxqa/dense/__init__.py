"""The dense side of search: unit vectors in half precision on disk, and FAISS over them."""

from dxqa.dense.index import FLAT_LIMIT, DenseIndex
from dxqa.dense.vectors import HalfVectors, HalfVectorsWriter
from dxqa.types import Mask, Rows, Scores

__all__ = [
    "FLAT_LIMIT",
    "DenseIndex",
    "HalfVectors",
    "HalfVectorsWriter",
    "Mask",
    "Rows",
    "Scores",
]
