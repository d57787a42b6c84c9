"""An encoder for builds: loaded when it is known how much there is to embed.

Often that is nothing, or one changed file, for which torch need not be imported.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Any

from dxqa.encoders.bundled import BASE_NAME, BUNDLED_NAME, DIMENSION, fingerprint, model_file
from dxqa.encoders.processes import pool
from dxqa.types import Encoder, Progress, Vectors

_FEW = 200
"""Texts up to which the light encoder is done sooner than torch is imported and the rest done."""

Load = Callable[[bool], Encoder]
"""Loads a model, light or not."""


class DeferredEncoder:
    """An ``Encoder`` that loads its model at the first need.

    It uses several processes where that pays off, and so is for programs whose main module may be
    imported again.
    """

    def __init__(self, name: str | None, load: Load) -> None:
        """Take a name for ``load_encoder``, and what loads that model."""
        self._load = load
        self._encoder: Encoder | None = None
        if name in (None, BUNDLED_NAME, BASE_NAME) and model_file():
            self.name = name or BUNDLED_NAME
            self.dimension, self.fingerprint = DIMENSION, fingerprint(self.name)
            self.options: dict[str, Any] = {}
        else:
            loaded = self._loaded(light=False)
            self.name = loaded.name
            self.dimension, self.fingerprint = loaded.dimension, loaded.fingerprint
            self.options = options_of(loaded)

    def encode_queries(self, texts: Sequence[str]) -> Vectors:
        """Return ``(len(texts), dimension)`` float32, rows of unit length."""
        return self._loaded(light=True).encode_queries(texts)

    def encode_passages(self, texts: Sequence[str], progress: Progress | None = None) -> Vectors:
        """Return ``(len(texts), dimension)`` float32, rows of unit length."""
        return self._loaded(light=len(texts) <= _FEW).encode_passages(texts, progress)

    @contextmanager
    def expecting(self, texts: int) -> Iterator[None]:
        """Get ready to encode so many texts until the end of the block."""
        if not texts:
            yield
            return
        with pool(self._loaded(light=texts <= _FEW), texts):
            yield

    def _loaded(self, *, light: bool) -> Encoder:
        if self._encoder is None:
            self._encoder = self._load(light)
        return self._encoder


def expecting(encoder: Encoder, texts: int) -> AbstractContextManager[None]:
    """Tell an encoder that can make use of it how many texts are coming."""
    own = getattr(encoder, "expecting", None)
    return own(texts) if own else nullcontext()


def options_of(encoder: Encoder) -> dict[str, Any]:
    """Return what ``load_encoder`` has to be told besides the name to load an encoder again."""
    return dict(getattr(encoder, "options", {}))
