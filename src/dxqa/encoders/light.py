"""The bundled model without torch: for one question in a fresh process.

Ready in a fraction of a second, where torch and its libraries alone take several to import. For
many texts the model in torch is faster.
"""

from collections import OrderedDict
from collections.abc import Sequence
from contextlib import AbstractContextManager
from importlib.resources import files
from pathlib import Path
from typing import Any

import numpy as np
from safetensors.numpy import load
from threadpoolctl import ThreadpoolController

from dxqa.encoders.bert import Bert, Updates
from dxqa.encoders.bundled import ADAPTER_FILE, BUNDLED_NAME, DIMENSION, PROMPTS, fingerprint
from dxqa.encoders.q4 import read_q4
from dxqa.encoders.text import clean, unit_rows
from dxqa.encoders.unigram import tokenize
from dxqa.encoders.unpack import LAYER_NAMES
from dxqa.types import Progress, TokenStates, Vectors

_REMEMBERED = 64  # questions


class LightEncoder:
    """A ``TokenEncoder`` with the bundled model's name and fingerprint, because it is the same."""

    dimension = DIMENSION

    def __init__(self, file: Path, name: str = BUNDLED_NAME) -> None:
        """Read the verified 4-bit file."""
        self.name = name
        self.fingerprint = fingerprint(name)
        self._model = read_q4(file)
        self._threads = ThreadpoolController()
        self._bert = Bert(self._model)
        with self._one_thread():
            updates = _adapter() if name == BUNDLED_NAME else {}
            self._query_bert = self._bert.updated(updates)
        self._states: OrderedDict[str, TokenStates] = OrderedDict()

    def encode_queries(self, texts: Sequence[str]) -> Vectors:
        """Return ``(len(texts), dimension)`` float32, rows of unit length."""
        return self._pooled(self.query_tokens(texts))

    def encode_passages(self, texts: Sequence[str], progress: Progress | None = None) -> Vectors:
        """Return ``(len(texts), dimension)`` float32, rows of unit length."""
        rows = []
        for done, text in enumerate(texts, start=1):
            rows += self.passage_tokens([text])
            if progress:
                progress(done, len(texts))
        return self._pooled(rows)

    def query_tokens(self, texts: Sequence[str]) -> list[TokenStates]:
        """Return the states of the tokens of each question, ``(tokens, dimension)`` float32."""
        new = [text for text in dict.fromkeys(texts) if text not in self._states]
        found = dict(zip(new, self._tokens(self._query_bert, new, PROMPTS["query"]), strict=True))
        states = [found[text] if text in found else self._states[text] for text in texts]
        self._states |= found
        while len(self._states) > _REMEMBERED:
            self._states.popitem(last=False)
        return states

    def passage_tokens(self, texts: Sequence[str]) -> list[TokenStates]:
        """Return the states of the tokens of each text, ``(tokens, dimension)`` float32."""
        return self._tokens(self._bert, texts, PROMPTS["document"])

    def _tokens(self, bert: Bert, texts: Sequence[str], prompt: str) -> list[TokenStates]:
        ids = tokenize(self._model, [prompt + clean(text) for text in texts])
        with self._one_thread():
            return [bert.states(row) for row in ids]

    def _one_thread(self) -> AbstractContextManager[Any]:
        """Matrices so small gain little by threads, and wait long for them on a busy machine."""
        limits: AbstractContextManager[Any] = self._threads.limit(limits=1, user_api="blas")
        return limits

    def _pooled(self, states: Sequence[TokenStates]) -> Vectors:
        means = [rows.mean(axis=0) for rows in states]
        return unit_rows(np.reshape(means, (len(means), self.dimension)))


def _adapter() -> Updates:
    """Return the adapter's updates under the 4-bit file's names."""
    tensors = load(files("dxqa").joinpath("data", ADAPTER_FILE).read_bytes())
    updates = {}
    for name in sorted(name.removesuffix(".up") for name in tensors if name.endswith(".up")):
        _, _, layer, part = name.split(".", 3)
        pair = (tensors[f"{name}.{side}"].astype(np.float32) for side in ("down", "up"))
        down, up = pair
        updates[f"l{layer}.{LAYER_NAMES[part]}.w"] = (down, up)
    return updates
