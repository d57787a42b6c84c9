"""What every encoder does to texts before and to vectors after."""

import re

import numpy as np
from numpy.typing import ArrayLike

from dxqa.types import Vectors

_SURROGATE = re.compile("[\ud800-\udfff]")


def clean(text: str) -> str:
    """Replace lone surrogates: they cannot be written as UTF-8, which the tokenizer needs."""
    return _SURROGATE.sub("\ufffd", text)


def unit_rows(rows: ArrayLike) -> Vectors:
    """Scale rows to unit length in float32: bfloat16 has only three digits."""
    vectors: Vectors = np.array(rows, np.float32)
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    vectors /= np.maximum(lengths, np.float32(1e-12))
    return vectors
