"""The engine within the index's folder: FAISS for vectors, posting lists for words."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from dxqa.dense import DenseIndex
from dxqa.engines.engine import About, Contents, Sought, Within, Written
from dxqa.lexical import LexicalIndex
from dxqa.types import Rows

FAISS_FILE = "passages.faiss"


@dataclass(frozen=True, slots=True)
class Faiss:
    """Chooses FAISS, the default."""

    name: ClassVar[str] = "FAISS"

    def write(
        self,
        contents: Contents,
        before: About | None,  # noqa: ARG002 - a FAISS index is trained on all vectors anew
    ) -> Written:
        """Write the FAISS index beside the vectors."""
        kind = DenseIndex.build(contents.dense.vectors, contents.folder / FAISS_FILE)
        return Written({}, kind, None, (), finish=_nothing, undo=_nothing)

    def open(self, contents: Contents, about: About) -> "FaissEngine":  # noqa: ARG002
        """Return what searches the files."""
        return FaissEngine(contents.dense, contents.lexical)


class FaissEngine:
    """Searches the files of one generation."""

    name: ClassVar[str] = "FAISS"
    settings = Faiss()
    local = True

    def __init__(self, dense: DenseIndex, lexical: LexicalIndex) -> None:
        self._dense = dense
        self._lexical = lexical

    def candidates(self, sought: Sought, k: int, within: Within | None = None) -> Rows:
        """Return the ``k`` rows nearest to each vector and the ``k`` that cover most."""
        allowed = within.allowed if within else None
        nearest = self._dense.nearest(sought.vectors, k, allowed)
        covering = self._lexical.candidates(sought.concepts, sought.pairs, k, allowed)
        return np.concatenate([nearest, covering])

    def is_whole(self) -> bool:
        """Whether the files are there: loading has checked that."""
        return True


def _nothing() -> None:
    """There is no second place to bring up to date."""
