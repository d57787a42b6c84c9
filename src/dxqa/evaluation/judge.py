"""One question against one index.

A question row: ``question``, ``type``, ``cases`` (municipalities whose passages answer),
``chapters`` (background chapters, any one of which answers), ``must`` (for every inner list, one of
its strings must stand in the answer after NFKC), ``answerable``, ``history``. Where ``answerable``
is null, nobody has judged the question yet: it is asked, and only whether it is answered counts.
"""

import unicodedata
from collections.abc import Mapping, Sequence
from typing import Any

import ir_measures
from ir_measures import R, Success, nDCG

from dxqa.evaluation.report import Report, Result
from dxqa.index import Index
from dxqa.types import Answer, Hit, Passage

_DEPTH = 10
# What each chapter label of the question files is called in headings.
_CHAPTER_WORDS = {"課題": "課題", "推進方法": "方法", "まとめ": "まとめ", "定義": "とは"}
_LEAD = "はじめに"

Row = Mapping[str, Any]


def evaluate(index: Index, questions: Sequence[Row]) -> Report:
    """Search and answer every question and compare with its labels.

    Args:
        index: what is judged.
        questions: rows of a question file; only ``question`` is needed.

    Raises:
        QuestionError: a question is empty or too long.
    """
    return Report(tuple(judge(index, number, row) for number, row in enumerate(questions, 1)))


def judge(index: Index, number: int, row: Row) -> Result:
    """Search and answer one question; ``number`` names it where it has no ``id``."""
    history = row.get("history") or []
    answer = index.ask(row["question"], history=history)
    labelled = row.get("answerable", True)
    answerable = None if labelled is None else bool(labelled)
    ranking: dict[str, float | None] = dict.fromkeys(("hit1", "hit3", "ndcg", "cases"))
    if answerable:
        hits = index.search(row["question"], k=_DEPTH, history=history)
        ranking = _ranking(index, row, hits)
    said = answer.answered and says(answer.text, row.get("must", ()))
    return Result(
        question_id=str(row.get("id", number)),
        question_type=str(row.get("type", "")),
        question=row["question"],
        answerable=answerable,
        **ranking,
        must=float(said) if answerable else None,
        precision=_precision(row, answer) if answerable else None,
        case_recall=_case_recall(row, answer) if answerable else None,
        answered=float(answer.answered),
        expected=_expected(row, answerable=answerable),
        got=" ".join(answer.text.split()),
    )


def is_right(row: Row, passage: Passage) -> bool:
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


def _ranking(index: Index, row: Row, hits: Sequence[Hit]) -> dict[str, float | None]:
    """Judge the hits as passages, and as the cases that they are of."""
    right = [p.passage_id for p in index.store.passages if is_right(row, p)]
    found = [(hit.passage.passage_id, hit.score) for hit in hits]
    measures = _measure(right, found, [Success @ 1, Success @ 3, nDCG @ _DEPTH])
    cases = row.get("cases") or ()
    places = dict.fromkeys(hit.passage.municipality or "" for hit in hits)
    ranked = [(place, -float(rank)) for rank, place in enumerate(places)]
    return {
        "hit1": measures["Success@1"],
        "hit3": measures["Success@3"],
        "ndcg": measures[f"nDCG@{_DEPTH}"],
        "cases": _measure(cases, ranked, [R @ _DEPTH])[f"R@{_DEPTH}"] if cases else None,
    }


def _measure(
    right: Sequence[str], found: Sequence[tuple[str, float]], measures: Sequence[Any]
) -> dict[str, float]:
    qrels = [ir_measures.Qrel("q", name, 1) for name in right]
    # Hits are spread over cases on purpose: their order counts, not their scores.
    run = [ir_measures.ScoredDoc("q", name, -float(at)) for at, (name, _) in enumerate(found)]
    values = ir_measures.calc_aggregate(measures, qrels, run)
    return {str(measure): float(value) for measure, value in values.items()}


def _precision(row: Row, answer: Answer) -> float | None:
    right = [is_right(row, citation.passage) for citation in answer.citations]
    return sum(right) / len(right) if right else None


def _case_recall(row: Row, answer: Answer) -> float | None:
    cases = set(row.get("cases") or ())
    cited = {citation.passage.municipality for citation in answer.citations}
    return len(cases & cited) / len(cases) if cases else None


def _expected(row: Row, *, answerable: bool | None) -> str:
    if answerable is None:
        return "(正解が未記入)"
    if not answerable:
        return "(資料にないと答える)"
    where = "、".join([*row.get("cases", ()), *row.get("chapters", ())])
    return f"{where} / " + " かつ ".join("|".join(group) for group in row.get("must", ()))
