"""Search and answers against labelled questions, by type of question.

A question row: ``question``, ``type``, ``cases`` (municipalities whose passages answer),
``chapters`` (background chapters, any one of which answers), ``must`` (for every inner list, one of
its strings must stand in the answer after NFKC), ``answerable``, ``history``.
"""

import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from dxqa.index import Index
from dxqa.types import Answer, Hit, Passage

_DEPTH = 10
# What each chapter label of the question files is called in headings.
_CHAPTER_WORDS = {"課題": "課題", "推進方法": "方法", "まとめ": "まとめ", "定義": "とは"}
_LEAD = "はじめに"
_MEASURES = {
    "hit1": "hit@1",
    "hit3": "hit@3",
    "cases": "cases@10",
    "must": "must",
    "precision": "citation",
    "answered": "answered",
}


@dataclass(frozen=True, slots=True)
class Result:
    """How one question fared; None where a measure does not apply.

    Attributes:
        hit1: the first hit is of a right case or chapter.
        hit3: one of the first three is.
        cases: share of the right cases among the first ten hits.
        must: the answer says what it must.
        precision: share of the citations that are of a right case or chapter.
        answered: whether it was answered; right for answerable questions only.
    """

    question_id: str
    question_type: str
    question: str
    answerable: bool
    hit1: float | None
    hit3: float | None
    cases: float | None
    must: float | None
    precision: float | None
    answered: float
    expected: str
    got: str

    @property
    def right(self) -> bool:
        """Whether the outcome is as it should be: answered with what it must say, or declined."""
        return bool(self.must) if self.answerable else not self.answered


@dataclass(frozen=True, slots=True)
class Report:
    """Results of all questions."""

    results: tuple[Result, ...]

    def by_type(self) -> dict[str, dict[str, float | int | None]]:
        """Return the mean of each measure for each type, and for all answerable/unanswerable."""
        groups: dict[str, list[Result]] = {}
        for result in self.results:
            groups.setdefault(result.question_type, []).append(result)
            groups.setdefault("[回答できる]" if result.answerable else "[回答できない]", []).append(
                result
            )
        return {name: _means(group) for name, group in groups.items()}

    def table(self) -> str:
        """Return a table for reading, one row a type."""
        rows = [f"{'type':<16}{'n':>5}" + "".join(f"{m:>10}" for m in _MEASURES.values())]
        for name, means in self.by_type().items():
            cells = "".join(f"{_cell(means[m]):>10}" for m in _MEASURES)
            width = 16 - sum(unicodedata.east_asian_width(c) == "W" for c in name)
            rows.append(f"{name:<{width}}{means['n']:>5}{cells}")
        return "\n".join(rows)

    def failures(self) -> str:
        """List the questions that went wrong, expected beside actual."""
        return "\n".join(
            f"{r.question_id} [{r.question_type}] {r.question}\n"
            f"    期待: {r.expected}\n    実際: {r.got}"
            for r in self.results
            if not r.right or r.hit1 == 0
        )

    def to_dict(self) -> dict[str, Any]:
        """Return everything as plain data."""
        return {"by_type": self.by_type(), "results": [asdict(r) for r in self.results]}


def evaluate(index: Index, questions: Sequence[Mapping[str, Any]]) -> Report:
    """Search and answer every question and compare with its labels."""
    return Report(tuple(_evaluate(index, number, row) for number, row in enumerate(questions, 1)))


def is_right(row: Mapping[str, Any], passage: Passage) -> bool:
    """Whether a passage is of a case or chapter that answers the question."""
    if passage.municipality:
        return passage.municipality in row.get("cases", ())
    return chapter(passage) in row.get("chapters", ())


def chapter(passage: Passage) -> str:
    """Return the label of the chapter a passage stands in: front matter first, else headings."""
    if label := passage.metadata.get("chapter"):
        return str(label)
    headings = passage.heading_path[1:2]
    if not headings:
        return _LEAD
    return next((label for label, word in _CHAPTER_WORDS.items() if word in headings[0]), "")


def says(text: str, must: Sequence[Sequence[str]]) -> bool:
    """Whether a text holds at least one string of every list, after NFKC."""
    plain = unicodedata.normalize("NFKC", text)
    return all(any(unicodedata.normalize("NFKC", m) in plain for m in group) for group in must)


def _evaluate(index: Index, number: int, row: Mapping[str, Any]) -> Result:
    history = row.get("history") or []
    hits = index.search(row["question"], k=_DEPTH, history=history)
    answer = index.ask(row["question"], history=history)
    answerable = bool(row.get("answerable", True))
    right = [is_right(row, hit.passage) for hit in hits]
    return Result(
        question_id=str(row.get("id", number)),
        question_type=str(row.get("type", "")),
        question=row["question"],
        answerable=answerable,
        hit1=float(any(right[:1])) if answerable else None,
        hit3=float(any(right[:3])) if answerable else None,
        cases=_case_recall(row, hits) if answerable else None,
        must=float(answer.answered and says(answer.text, row.get("must", ())))
        if answerable
        else None,
        precision=_precision(row, answer) if answerable else None,
        answered=float(answer.answered),
        expected=_expected(row, answerable=answerable),
        got=" ".join(answer.text.split()),
    )


def _case_recall(row: Mapping[str, Any], hits: Sequence[Hit]) -> float | None:
    cases = set(row.get("cases", ()))
    if not cases:
        return None
    return len(cases & {hit.passage.municipality for hit in hits}) / len(cases)


def _precision(row: Mapping[str, Any], answer: Answer) -> float | None:
    right = [is_right(row, citation.passage) for citation in answer.citations]
    return sum(right) / len(right) if right else None


def _expected(row: Mapping[str, Any], *, answerable: bool) -> str:
    if not answerable:
        return "(資料にないと答える)"
    where = "、".join([*row.get("cases", ()), *row.get("chapters", ())])
    return f"{where} / " + " かつ ".join("|".join(group) for group in row.get("must", ()))


def _means(results: Sequence[Result]) -> dict[str, float | int | None]:
    means: dict[str, float | int | None] = {"n": len(results)}
    for measure in _MEASURES:
        values = [v for r in results if (v := getattr(r, measure)) is not None]
        means[measure] = round(sum(values) / len(values), 4) if values else None
    return means


def _cell(value: float | None) -> str:
    return "-" if value is None else f"{value:.3f}"
