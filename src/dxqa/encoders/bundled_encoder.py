"""The bundled model with what it makes of each token, which the verifier reads.

Importing this module loads torch.
"""

from collections import OrderedDict
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from sentence_transformers import SentenceTransformer

from dxqa.encoders.adapter import adapted_queries
from dxqa.encoders.bundled import BUNDLED_NAME, PROMPTS, fingerprint
from dxqa.encoders.sentence_transformer import (
    SentenceTransformerEncoder,
    load_model,
    quiet,
)
from dxqa.encoders.text import clean, unit_rows
from dxqa.types import TokenStates, Vectors

_REMEMBERED = 64  # questions


class BundledEncoder(SentenceTransformerEncoder):
    """A ``TokenEncoder``; the token states of a question come with its vector, at no more cost."""

    def __init__(self, model: SentenceTransformer, **options: Any) -> None:  # noqa: ANN401
        """Take what ``SentenceTransformerEncoder`` takes."""
        super().__init__(model, **options)
        self._states: OrderedDict[str, TokenStates] = OrderedDict()

    def encode_queries(self, texts: Sequence[str]) -> Vectors:
        """Return ``(len(texts), dimension)`` float32, rows of unit length."""
        if not texts:
            return np.zeros((0, self.dimension), np.float32)
        found = self._features(self._query_model, texts, self._query_prompt)
        for text, item in zip(texts, found, strict=True):
            self._states[text] = _token_states(item)
        while len(self._states) > _REMEMBERED:
            self._states.popitem(last=False)
        return unit_rows(np.stack([_array(item["sentence_embedding"]) for item in found]))

    def query_tokens(self, texts: Sequence[str]) -> list[TokenStates]:
        """Return the states of the tokens of each question, ``(tokens, dimension)`` float32."""
        known = [self._states.get(text) for text in texts]
        if all(states is not None for states in known):
            return [states for states in known if states is not None]
        found = self._features(self._query_model, texts, self._query_prompt)
        return [_token_states(item) for item in found]

    def passage_tokens(self, texts: Sequence[str]) -> list[TokenStates]:
        """Return the states of the tokens of each text, ``(tokens, dimension)`` float32."""
        found = self._features(self._model, texts, self._passage_prompt)
        return [_token_states(item) for item in found]

    def _features(
        self, model: SentenceTransformer, texts: Sequence[str], prompt: str
    ) -> list[dict[str, Any]]:
        with self._lock:
            found: Any = model.encode(
                [clean(text) for text in texts],
                prompt=prompt,
                output_value=None,
                batch_size=self._batch,
                show_progress_bar=False,
            )
        return list(found)


def load_bundled(folder: Path, name: str = BUNDLED_NAME) -> BundledEncoder:
    """Load the unpacked bundled model, with its adapter unless ``name`` says without.

    Raises:
        ModelError: the folder cannot be read.
    """
    with quiet():
        model = load_model(folder)
    return BundledEncoder(
        model,
        name=name,
        fingerprint=fingerprint(name),
        prompts=(PROMPTS["query"], PROMPTS["document"]),
        query_model=adapted_queries(model) if name == BUNDLED_NAME else None,
    )


def _token_states(item: dict[str, Any]) -> TokenStates:
    states: TokenStates = _array(item["token_embeddings"])
    kept: TokenStates = states[_array(item["attention_mask"]).astype(bool)]
    return kept


def _array(value: Any) -> Any:  # noqa: ANN401 - a torch tensor of whatever type
    return value.float().cpu().numpy()
