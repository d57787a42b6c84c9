"""Building an index while another one answers: questions go first."""

import threading
import time
from collections.abc import Sequence

import numpy as np

from dxqa.encoders import options_of
from dxqa.types import Encoder, Progress, Vectors

_BATCH = 8
"""Texts at a time, about a quarter of a second: that long a question may have to wait."""
_PATIENCE_S = 2.0
"""How long a batch lets questions go first, so that a build comes to an end on a busy day."""


class QuestionsFirst:
    """An encoder that embeds passages a few at a time, and not while a question is answered."""

    def __init__(self, encoder: Encoder, asking: threading.Lock) -> None:
        """Wrap an encoder; ``asking`` is held while a question is answered."""
        self.name = encoder.name
        self.dimension = encoder.dimension
        self.fingerprint = encoder.fingerprint
        self.options = options_of(encoder)
        self._encoder = encoder
        self._asking = asking

    def encode_queries(self, texts: Sequence[str]) -> Vectors:
        """Return ``(len(texts), dimension)`` float32, rows of unit length."""
        return self._encoder.encode_queries(texts)

    def encode_passages(self, texts: Sequence[str], progress: Progress | None = None) -> Vectors:
        """Return ``(len(texts), dimension)`` float32, rows of unit length."""
        vectors = np.zeros((len(texts), self.dimension), np.float32)
        for start in range(0, len(texts), _BATCH):
            self._give_way()
            batch = texts[start : start + _BATCH]
            vectors[start : start + len(batch)] = self._encoder.encode_passages(batch)
            if progress:
                progress(start + len(batch), len(texts))
        return vectors

    def _give_way(self) -> None:
        deadline = time.monotonic() + _PATIENCE_S
        while self._asking.locked() and time.monotonic() < deadline:
            time.sleep(0.01)
