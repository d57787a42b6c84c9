"""What search and building need of an engine."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Protocol

from dxqa.dense import DenseIndex
from dxqa.filters import Filters
from dxqa.keys import Keys
from dxqa.lexical import Concept, LexicalIndex
from dxqa.types import Mask, Metadata, Rows, Vectors

About = Mapping[str, Any]
"""What a manifest says of the engine: its name, and where and how it holds the passages."""


@dataclass(frozen=True, slots=True)
class Sought:
    """A question, as far as candidates are found by it.

    Attributes:
        vectors: of the question, ``(q, dim)``.
        concepts: what each of its words may be called.
        pairs: terms of two words each.
    """

    vectors: Vectors
    concepts: Sequence[Concept]
    pairs: Sequence[str]


@dataclass(frozen=True, slots=True)
class Within:
    """Which passages may be candidates, said twice.

    Attributes:
        filters: over metadata, for who cannot see the passages.
        allowed: the same for each passage; this is what counts.
    """

    filters: Filters
    allowed: Mask


@dataclass(frozen=True)
class Contents:
    """What an engine finds passages by; row i of each belongs to passage i.

    Attributes:
        folder: of the generation, where an engine may keep files.
        fingerprint: of the encoder that made the vectors.
        ids: of the passages, unique.
        metadata: the distinct metadata.
        metadata_rows: for each passage, which of them.
        text_keys: of the texts that the vectors were made of.
        dense: the vectors; their FAISS index, where there is one.
        lexical: the terms.
    """

    folder: Path
    fingerprint: str
    ids: Sequence[str]
    metadata: Sequence[Metadata]
    metadata_rows: Rows
    text_keys: Keys
    dense: DenseIndex
    lexical: LexicalIndex

    def __len__(self) -> int:
        return len(self.ids)


class Engine(Protocol):
    """Finds the candidates of a question in one index."""

    name: ClassVar[str]

    @property
    def settings(self) -> "EngineSettings":
        """Which engine it is, and where."""

    @property
    def local(self) -> bool:
        """Whether few passages are quicker scored one and all than looked for."""

    def candidates(self, sought: Sought, k: int, within: Within | None = None) -> Rows:
        """Return rows: the ``k`` nearest by vector and the ``k`` that cover most, about."""

    def is_whole(self) -> bool:
        """Whether it has just the passages of its index."""


@dataclass(frozen=True, slots=True)
class Written:
    """What an engine has taken up, to be made the one in use or to be undone.

    Attributes:
        about: for the manifest.
        kind: what searches the vectors, for people.
        sent: passages sent to a server, or None.
        notes: what the builder should know, in Japanese.
        finish: called after the index's folder has switched.
        undo: called instead where it has not.
    """

    about: About
    kind: str
    sent: int | None
    notes: tuple[str, ...]
    finish: Callable[[], None]
    undo: Callable[[], None]


class EngineSettings(Protocol):
    """Which engine, and where it is."""

    name: ClassVar[str]

    def write(self, contents: Contents, before: About | None) -> Written:
        """Take up the passages of a new generation.

        Args:
            contents: of the generation.
            before: of the index that this one is built upon.
        """

    def open(self, contents: Contents, about: About) -> Engine:
        """Return what searches a generation that was written."""
