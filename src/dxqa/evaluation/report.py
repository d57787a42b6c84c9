"""Results of many questions as a table, with confidence intervals."""

import unicodedata
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

MEASURES = {
    "hit1": "hit@1",
    "hit3": "hit@3",
    "ndcg": "nDCG@10",
    "cases": "cases@10",
    "must": "must",
    "precision": "citation",
    "case_recall": "cited",
    "answered": "answered",
}
_OVERALL = {True: "[回答できる]", False: "[回答できない]", None: "[未判定]"}
_RESAMPLES = 2000
_NAME_WIDTH = 17
_CELL_WIDTH = 18


@dataclass(frozen=True, slots=True)
class Result:
    """How one question fared, each measure 0..1; None where a measure does not apply.

    Attributes:
        question_id: the row's ``id``, else its number from 1.
        question_type: the row's ``type``, else ``""``.
        question: as asked.
        hit1: the first hit is of a right case or chapter.
        hit3: one of the first three is.
        ndcg: nDCG@10 over passages, every passage of a right case or chapter being relevant.
        cases: share of the right cases among the first ten hits.
        must: the answer says what it must.
        precision: share of the citations that are of a right case or chapter.
        case_recall: share of the right cases that are cited.
        answered: whether it was answered; right for answerable questions only.
        answerable: None where nobody has said yet whether the documents answer the question.
        expected: in words, for a list of failures.
        got: the answer's text on one line.
    """

    question_id: str
    question_type: str
    question: str
    answerable: bool | None
    hit1: float | None
    hit3: float | None
    ndcg: float | None
    cases: float | None
    must: float | None
    precision: float | None
    case_recall: float | None
    answered: float
    expected: str
    got: str

    @property
    def right(self) -> bool:
        """Whether the outcome is as it should be: answered with what it must say, or declined.

        So is any outcome of a question that nobody has judged yet.
        """
        if self.answerable is None:
            return True
        return bool(self.must) if self.answerable else not self.answered


@dataclass(frozen=True, slots=True)
class Interval:
    """A mean with the 95 % interval of the percentile bootstrap (Efron and Tibshirani, 1993).

    Attributes:
        mean: of the sample.
        low: lower end of the interval.
        high: upper end.
        count: size of the sample.
    """

    mean: float
    low: float
    high: float
    count: int


@dataclass(frozen=True, slots=True)
class Report:
    """Results of all questions."""

    results: tuple[Result, ...]

    def groups(self) -> dict[str, list[Result]]:
        """Return the results by type, then all answerable, unanswerable and unjudged ones."""
        groups: dict[str, list[Result]] = {}
        for result in self.results:
            groups.setdefault(result.question_type, []).append(result)
        for result in self.results:
            groups.setdefault(_OVERALL[result.answerable], []).append(result)
        return groups

    def by_type(self) -> dict[str, dict[str, Any]]:
        """Return the mean of each measure for each group, with ``n`` and the intervals."""
        table: dict[str, dict[str, Any]] = {}
        for name, results in self.groups().items():
            found = {measure: interval(values(results, measure)) for measure in MEASURES}
            table[name] = {
                "n": len(results),
                **{m: round(i.mean, 4) if i else None for m, i in found.items()},
                "intervals": {
                    m: [round(i.low, 4), round(i.high, 4)] for m, i in found.items() if i
                },
            }
        return table

    def table(self) -> str:
        """Return a table for reading: one row a group, means with 95 % intervals."""
        header = "".join(f"{label:>{_CELL_WIDTH}}" for label in MEASURES.values())
        rows = [f"{'type':<{_NAME_WIDTH}}{'n':>4}{header}"]
        for name, results in self.groups().items():
            cells = "".join(_cell(interval(values(results, m))) for m in MEASURES)
            rows.append(f"{_padded(name)}{len(results):>4}{cells}")
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


def values(results: Sequence[Result], measure: str) -> list[float]:
    """Return the values of one measure, where it applies."""
    return [v for result in results if (v := getattr(result, measure)) is not None]


def interval(sample: Sequence[float]) -> Interval | None:
    """Return the mean of a sample with its interval; None of an empty one."""
    if not sample:
        return None
    data = np.asarray(sample, dtype=float)
    draws = np.random.default_rng(0).integers(0, len(data), (_RESAMPLES, len(data)))
    low, high = np.percentile(data[draws].mean(axis=1), [2.5, 97.5])
    return Interval(float(data.mean()), float(low), float(high), len(data))


def _cell(found: Interval | None) -> str:
    text = "-" if found is None else f"{found.mean:.3f} [{found.low:.2f},{found.high:.2f}]"
    return f"{text:>{_CELL_WIDTH}}"


def _padded(name: str) -> str:
    wide = sum(unicodedata.east_asian_width(c) == "W" for c in name)
    return name + " " * (_NAME_WIDTH - len(name) - wide)
