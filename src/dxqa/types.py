"""The words of dxqa as frozen types; see docs/architecture.md for what each stands for.

Offsets are code points into ``Document.text``, half-open, as in Python slices.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

MetadataValue = str | int | float | bool
Metadata = Mapping[str, MetadataValue]
Vectors = NDArray[np.float32]
"""Shape ``(n, dim)``, rows of unit length."""
Rows = NDArray[np.intp]
Scores = NDArray[np.float32]
Mask = NDArray[np.bool_]
"""Whether each row is meant, shape ``(n,)``."""

Progress = Callable[[int, int], None]
"""Called with ``(done, total)`` passages."""


@dataclass(frozen=True, slots=True)
class Document:
    """One file, or one record of a file that holds many.

    Attributes:
        doc_id: unique within an index; the path below the corpus folder.
        title: what the document is called.
        text: of Markdown and plain text the whole file exactly as decoded, front matter included;
            of other formats what a person can read of it (docs/documents.md).
        path: where it was read from, or ``""`` for a document made in memory. Its suffix
            selects how headings are found.
        metadata: front matter and the like; may be empty.
    """

    doc_id: str
    title: str
    text: str
    path: str = ""
    metadata: Metadata = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Section:
    """The body below one heading: ``document.text[start:end]``, heading line excluded.

    Attributes:
        doc_id: of the document that it is part of.
        heading_path: the headings above it, outermost first.
        start: offset of its first character.
        end: offset after its last.
        metadata: what holds for it: the document's, and what a heading or row adds.
        atomic: a table row: becomes one passage and is not split into sentences.
    """

    doc_id: str
    heading_path: tuple[str, ...]
    start: int
    end: int
    metadata: Metadata = field(default_factory=dict)
    atomic: bool = False


@dataclass(frozen=True, slots=True)
class Passage:
    """What is embedded and cited. Invariant: ``document.text[start:end] == text``.

    Attributes:
        passage_id: unique within an index.
        doc_id: of the document that it stands in.
        heading_path: the headings above it, outermost first.
        start: offset of its first character.
        end: offset after its last.
        text: up to 300 characters; a long sentence or a row of a table up to 600.
        metadata: of its section; what filters look at.
        sentences: half-open spans ``(start, end)`` into the document, in order, inside the passage.
    """

    passage_id: str
    doc_id: str
    heading_path: tuple[str, ...]
    start: int
    end: int
    text: str
    metadata: Metadata = field(default_factory=dict)
    sentences: tuple[tuple[int, int], ...] = ()

    @property
    def municipality(self) -> str | None:
        """Full name such as 宮崎県都城市, or None for a passage about no single one."""
        value = self.metadata.get("municipality")
        return str(value) if value else None


@dataclass(frozen=True, slots=True)
class Hit:
    """One search result.

    Attributes:
        passage: what was found.
        rank: from 1, the best.
        score: what ``rank`` is by; higher is better, and comparable across questions of one index.
        dense_score: the part of ``score`` that vectors give.
        lexical_score: the part that words and runs of characters give.
    """

    passage: Passage
    rank: int
    score: float
    dense_score: float
    lexical_score: float


@dataclass(frozen=True, slots=True)
class Citation:
    """Evidence for one claim. Invariant: ``document.text[start:end] == quote``.

    Attributes:
        number: of its mark in ``Answer.text``, from 1.
        passage: which it stands in.
        quote: one or more sentences, word for word.
        start: offset of its first character in the document.
        end: offset after its last.
    """

    number: int
    passage: Passage
    quote: str
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Statement:
    """One sentence of an answer.

    Attributes:
        text: without citation marks.
        numbers: of the citations that back it; empty where it says that nothing is said.
        aspect: what it is about (体制, 財源), where an answer is laid out by aspects.
    """

    text: str
    numbers: tuple[int, ...] = ()
    aspect: str = ""


@dataclass(frozen=True, slots=True)
class Part:
    """Statements about one case or chapter.

    Attributes:
        label: its name; ``""`` for none.
        statements: in the order of the answer.
    """

    label: str
    statements: tuple[Statement, ...]


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer made of cited sentences, or a refusal (``answered`` is false).

    ``text`` is the whole answer as it is read; ``lead`` and ``parts`` are the same, laid out for
    tables and documents.

    Attributes:
        question: as asked.
        text: the answer as it is read, with marks such as ``[1]``.
        citations: what the marks stand for, by number.
        hits: the passages nearest to the question, best first.
        kind: form of the answer: fact, contact, card, list, compare, explain; declined; or
            ambiguous, which asks back.
        confidence: 0..1, how surely the citations answer the question.
        timings_ms: milliseconds per step.
        notes: remarks that the reader should see (an assumed filter, a discrepancy).
        lead: the sentence before the parts; of a refusal, what is missing.
        parts: the statements, by case or chapter.
        choices: questions to choose from, where it asks back.
        conditions: metadata keys that the question itself filters by, with its words for it.
    """

    question: str
    text: str
    citations: tuple[Citation, ...]
    hits: tuple[Hit, ...]
    kind: str
    confidence: float
    timings_ms: Mapping[str, float] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    lead: str = ""
    parts: tuple[Part, ...] = ()
    choices: tuple[str, ...] = ()
    conditions: Mapping[str, str] = field(default_factory=dict)

    @property
    def answered(self) -> bool:
        """False when the corpus does not say, or the question may mean several things."""
        return self.kind not in ("declined", "ambiguous")

    def to_markdown(self) -> str:
        """Return the answer for a document, its sources as footnotes."""
        from dxqa.export import to_markdown  # noqa: PLC0415 - formats know Answer, not it them

        return to_markdown(self)

    def to_json(self) -> str:
        """Return the answer as ``--json`` prints it, on one line."""
        from dxqa.export import to_json  # noqa: PLC0415

        return to_json(self)


TokenStates = NDArray[np.float32]
"""Shape ``(tokens, dim)``: what an encoder makes of each token of one text, not scaled."""


@dataclass(frozen=True, slots=True)
class Case:
    """A municipality of the corpus at a glance.

    Attributes:
        name: full name, e.g. 宮崎県都城市.
        prefecture: its full name; empty where the corpus does not tell.
        kind: 都道府県, 市, 区, 町 or 村.
        population: in persons; None where the corpus does not tell.
        summary: the first sentence about it, where it has one.
        aspects: those that are told (体制, 財源), in the order of a card.
    """

    name: str
    prefecture: str
    kind: str
    population: int | None
    summary: Citation | None
    aspects: tuple[str, ...]


class Encoder(Protocol):
    """Turns texts into vectors; queries and passages are prefixed differently by most models."""

    @property
    def name(self) -> str:
        """What ``--model`` took."""

    @property
    def dimension(self) -> int:
        """Length of one vector."""

    @property
    def fingerprint(self) -> str:
        """Equal for equal vectors: changes with weights, prefixes or tokenizer."""

    def encode_queries(self, texts: Sequence[str]) -> Vectors:
        """Return ``(len(texts), dimension)`` float32, rows of unit length."""

    def encode_passages(self, texts: Sequence[str], progress: Progress | None = None) -> Vectors:
        """Return ``(len(texts), dimension)`` float32, rows of unit length."""


class Reranker(Protocol):
    """Judges question and passage together: slower than vectors, and better where it is good."""

    @property
    def name(self) -> str:
        """What ``--reranker`` took."""

    def scores(self, question: str, passages: Sequence[str]) -> Scores:
        """Return ``(len(passages),)`` float32, higher for a better passage."""


class TokenEncoder(Encoder, Protocol):
    """An encoder that also tells what it makes of each token."""

    def query_tokens(self, texts: Sequence[str]) -> list[TokenStates]:
        """Return the states of the tokens of each question."""

    def passage_tokens(self, texts: Sequence[str]) -> list[TokenStates]:
        """Return the states of the tokens of each text."""
