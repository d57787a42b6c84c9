"""Building an index while another one answers: questions go first."""

from collections.abc import Sequence
from functools import partial

import numpy as np

from dxqa.encoders import options_of
from dxqa.types import Encoder, Progress, Vectors
from dxqa.web.line import Line

_BATCH = 8
"""Texts at a time, about a quarter of a second: that long a question may have to wait."""


class QuestionsFirst:
    """An encoder that embeds passages a few at a time, when it is its turn in the line."""

    def __init__(self, encoder: Encoder, line: Line) -> None:
        """Wrap an encoder, which those in the line use as well."""
        self.name = encoder.name
        self.dimension = encoder.dimension
        self.fingerprint = encoder.fingerprint
        self.options = options_of(encoder)
        self._encoder = encoder
        self._line = line

    def encode_queries(self, texts: Sequence[str]) -> Vectors:
        """Return ``(len(texts), dimension)`` float32, rows of unit length."""
        return self._line.hand_in(partial(self._encoder.encode_queries, texts), None).result()

    def encode_passages(self, texts: Sequence[str], progress: Progress | None = None) -> Vectors:
        """Return ``(len(texts), dimension)`` float32, rows of unit length."""
        vectors = np.zeros((len(texts), self.dimension), np.float32)
        for start in range(0, len(texts), _BATCH):
            batch = texts[start : start + _BATCH]
            work = partial(self._encoder.encode_passages, batch)
            vectors[start : start + len(batch)] = self._line.hand_in(work, None).result()
            if progress:
                progress(start + len(batch), len(texts))
        return vectors
