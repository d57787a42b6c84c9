"""The arithmetic of the evaluation."""

import pytest

from dxqa.evaluation import Report, Result, compare, says
from dxqa.evaluation.compare import randomisation_p
from dxqa.evaluation.report import interval


def _result(number: int, hit1: float, must: float = 1.0) -> Result:
    return Result(
        question_id=str(number),
        question_type="fact",
        question="問",
        answerable=True,
        hit1=hit1,
        hit3=1.0,
        ndcg=hit1,
        cases=None,
        must=must,
        precision=None,
        case_recall=None,
        answered=1.0,
        expected="甲",
        got="乙",
    )


def test_means_leave_out_what_does_not_apply() -> None:
    means = Report((_result(1, 1.0), _result(2, 0.0))).by_type()["fact"]
    assert means["hit1"] == (1 + 0) / 2
    assert means["n"] == 2
    assert means["cases"] is None
    low, high = means["intervals"]["hit1"]
    assert 0 <= low <= 0.5 <= high <= 1


def test_an_interval_narrows_with_more_questions() -> None:
    few, many = interval([0.0, 1.0] * 5), interval([0.0, 1.0] * 500)
    assert few is not None
    assert many is not None
    assert few.mean == many.mean == 0.5
    assert many.high - many.low < few.high - few.low
    assert interval([]) is None


def test_must_wants_one_of_every_list_after_nfkc() -> None:
    assert says("満足度は９５％以上", [["95%"], ["満足", "好評"]])
    assert not says("満足度は95%", [["95%"], ["費用"]])


def test_comparison_counts_better_and_worse() -> None:
    first = Report(tuple(_result(n, 0.0) for n in range(8)))
    second = Report(tuple(_result(n, 1.0 if n < 7 else 0.0) for n in range(8)))
    change = next(c for c in compare(first, second) if c.measure == "hit1" and c.group == "fact")
    assert (change.better, change.worse) == (7, 0)
    assert change.difference.mean == pytest.approx(7 / 8)
    assert change.p < 0.05
    assert "+0.875" in change.line()
    assert compare(first, first) == []


def test_randomisation_of_signs() -> None:
    # Two equal differences: of the four sign patterns, two are as extreme.
    assert randomisation_p([1.0, 1.0]) == pytest.approx(0.5, abs=0.03)
    assert randomisation_p([1.0, -1.0]) == pytest.approx(1.0)


def test_failures_show_expected_beside_actual() -> None:
    text = Report((_result(1, 0.0, must=0.0),)).failures()
    assert "期待: 甲" in text
    assert "実際: 乙" in text
