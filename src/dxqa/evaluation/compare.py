"""Two configurations on the same questions: which is better, and is that more than chance?"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from dxqa.evaluation.report import MEASURES, Interval, Report, interval

_PERMUTATIONS = 10_000


@dataclass(frozen=True, slots=True)
class Comparison:
    """One measure of one group, second configuration minus first.

    Attributes:
        group: a type of question, or all that can or cannot be answered.
        measure: a field of ``Result``, such as ``hit1``.
        difference: mean of the paired differences, with its 95 % interval.
        better: questions on which the second is better.
        worse: questions on which it is worse.
        p: two-sided, of the paired randomisation test (Fisher; Smucker et al., CIKM 2007).
    """

    group: str
    measure: str
    difference: Interval
    better: int
    worse: int
    p: float

    def line(self) -> str:
        """Return one line of the comparison table."""
        d = self.difference
        return (
            f"{self.group} {MEASURES[self.measure]}: {d.mean:+.3f} [{d.low:+.2f},{d.high:+.2f}]"
            f"  良 {self.better} / 悪 {self.worse} / 計 {d.count}  p={self.p:.3f}"
        )

    def to_dict(self) -> dict[str, Any]:
        """Return plain data."""
        return asdict(self)


def compare(first: Report, second: Report) -> list[Comparison]:
    """Compare two reports on the same questions, group by group.

    Args:
        first: what ``second`` is measured against.
        second: of the same questions, by ``question_id``.

    Returns:
        Those measures of those groups in which anything differs.
    """
    seconds = {r.question_id: r for r in second.results}
    found: list[Comparison] = []
    for group, results in first.groups().items():
        for measure in MEASURES:
            pairs = [
                (getattr(r, measure), getattr(seconds[r.question_id], measure)) for r in results
            ]
            differences = [b - a for a, b in pairs if a is not None and b is not None]
            change = interval(differences)
            if change is not None and any(differences):
                better = sum(d > 0 for d in differences)
                worse = sum(d < 0 for d in differences)
                p = randomisation_p(differences)
                found.append(Comparison(group, measure, change, better, worse, p))
    return found


def randomisation_p(differences: Sequence[float]) -> float:
    """Return how often random signs make the mean difference at least as large."""
    data = np.asarray(differences, dtype=float)
    signs = np.random.default_rng(0).choice([-1.0, 1.0], (_PERMUTATIONS, len(data)))
    extreme = np.abs(signs @ data) >= abs(data.sum()) - 1e-12
    return float((extreme.sum() + 1) / (_PERMUTATIONS + 1))
