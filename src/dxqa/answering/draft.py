"""Drafts of answers, and how they are put into words with numbered citations."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from dxqa.answering.evidence import Evidence
from dxqa.filters import matches
from dxqa.japanese import normalize
from dxqa.retrieval import Retrieval
from dxqa.store import Store
from dxqa.types import Answer, Citation, Part, Statement

NOT_SAID = "資料に記載がありません。"


@dataclass(frozen=True, slots=True)
class Claim:
    """One statement. Without ``text``, the evidence itself is the statement."""

    evidence: tuple[Evidence, ...]
    text: str = ""
    aspect: str = ""


@dataclass(frozen=True, slots=True)
class Group:
    """Claims about one case or chapter, under its name (``""`` for none)."""

    label: str
    claims: Sequence[Claim]


@dataclass(frozen=True, slots=True)
class Draft:
    """An answer before it is put into words.

    Attributes:
        confidence: None where it is to be computed from the evidence.
        missing: what was asked for and is not in the corpus, in Japanese.
    """

    kind: str
    lead: str
    groups: tuple[Group, ...]
    confidence: float | None = None
    missing: Sequence[str] = ()

    @property
    def evidence(self) -> list[Evidence]:
        """All evidence, in the order of the text."""
        return [e for group in self.groups for claim in group.claims for e in claim.evidence]


class _Citations:
    """Numbers citations in the order in which the text needs them."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._numbers: dict[tuple[str, int, int], Citation] = {}

    def numbers(self, evidence: Sequence[Evidence]) -> tuple[int, ...]:
        return tuple(dict.fromkeys(self._cite(e).number for e in evidence))

    def all(self) -> tuple[Citation, ...]:
        return tuple(self._numbers.values())

    def _cite(self, evidence: Evidence) -> Citation:
        sentence = evidence.sentence
        passage = self._store.passages[sentence.passage]
        key = (passage.doc_id, sentence.start, sentence.end)
        if key not in self._numbers:
            quote = self._store.text(sentence)
            number = len(self._numbers) + 1
            self._numbers[key] = Citation(number, passage, quote, sentence.start, sentence.end)
        return self._numbers[key]


def render(draft: Draft, retrieval: Retrieval, store: Store) -> Answer:
    """Put a draft that answers a question into words."""
    remarks = remarks_on(retrieval)
    said = worded(draft, store, retrieval.query.question, remarks)
    return replace(said, hits=retrieval.hits)


def worded(draft: Draft, store: Store, question: str, remarks: Sequence[str] = ()) -> Answer:
    """Put a draft into words under what is asked, after remarks."""
    citations = _Citations(store)
    lead = unmarked(draft.lead)
    parts = tuple(_part(group, store, citations) for group in draft.groups)
    return Answer(
        question=question,
        text="\n".join([*remarks, *_lines(lead, parts)]).strip(),
        citations=citations.all(),
        hits=(),
        kind=draft.kind,
        confidence=round(draft.confidence or 0.0, 3),
        notes=tuple(remarks),
        lead=lead,
        parts=parts,
    )


def _part(group: Group, store: Store, citations: _Citations) -> Part:
    statements = tuple(
        Statement(
            text=unmarked(claim.text) or plain(store, claim.evidence[0]),
            numbers=citations.numbers(claim.evidence),
            aspect=claim.aspect,
        )
        for claim in group.claims
    )
    return Part(unmarked(group.label), statements or (Statement(NOT_SAID),))


def _lines(lead: str, parts: Sequence[Part]) -> Iterator[str]:
    if lead:
        yield lead
    for part in parts:
        if part.label:
            yield from ("", f"■ {part.label}")
        for said in part.statements:
            aspect = f"{said.aspect}: " if said.aspect else ""
            yield f"・{aspect}{with_marks(said)}"


def with_marks(said: Statement) -> str:
    """Return a statement with the numbers of its citations."""
    return said.text + "".join(f"[{n}]" for n in said.numbers)


def _without_population(retrieval: Retrieval) -> list[str]:
    """Say which cases a population filter leaves out because the corpus does not give theirs."""
    if "population" not in retrieval.query.filters:
        return []
    store = retrieval.store
    unknown = [
        name
        for name, rows in store.municipalities.items()
        if not any("population" in store.passages.metadata_of(row) for row in rows)
    ]
    return [f"※ {'、'.join(unknown)}は、人口の記載がないため含みません。"] if unknown else []


def plain(store: Store, evidence: Evidence) -> str:
    """A quoted sentence in normal form, as it may stand in an answer."""
    return unmarked(normalize(store.text(evidence.sentence)).text)


def unmarked(text: str) -> str:
    """Return words of documents or users on one line, in which a [1] is no citation mark."""
    return re.sub(r"\[(\d+)\]", r"［\1］", " ".join(text.split()))


def hidden_places(retrieval: Retrieval) -> list[str]:
    """Return the municipalities asked for that filters given leave out.

    What the question itself sets as a condition hides none that it names: it may be misread.
    """
    query, store = retrieval.query, retrieval.store
    given = {key: value for key, value in query.filters.items() if key not in query.conditions}
    if not given:
        return []
    return [
        name
        for name in query.places
        if not any(matches(store.passages[r].metadata, given) for r in store.municipalities[name])
    ]


def remarks_on(retrieval: Retrieval) -> list[str]:
    """Say how the question was read where that is not plain."""
    mentions = retrieval.query.mentions
    remarks = [f"※ {remark}" for remark in mentions.remarks]
    hidden = hidden_places(retrieval)
    if 0 < len(hidden) < len(retrieval.query.places):
        remarks.append(f"※ {'、'.join(hidden)}は、選ばれている絞り込みの外なので、含めていません。")
    if mentions.unknown and retrieval.query.places:
        remarks.append(f"※ {'、'.join(mentions.unknown)}の事例は、資料にありません。")
    if retrieval.query.filters_said:
        remarks.append(f"※ {'、'.join(retrieval.query.filters_said)}の事例にしぼりました。")
        remarks += _without_population(retrieval)
    if retrieval.query.inherited:
        remarks.append(
            f"※ これまでの質問から、{'、'.join(retrieval.query.places)}についてお答えします。"
        )
    return list(map(unmarked, remarks))
