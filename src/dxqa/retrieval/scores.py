"""Scores of the rows that a question is answered from, and of no others."""

from functools import cached_property
from typing import Self, overload

import numpy as np
from numpy.typing import NDArray

from dxqa.types import Rows, Scores


class RowScores:
    """One score a row considered; any other row has -inf.

    A large index has millions of rows, of which a question considers some hundreds.

    Attributes:
        rows: considered, ascending: ``(considered,)``.
        values: their scores: ``(considered,)``.
    """

    def __init__(self, rows: Rows, values: Scores) -> None:
        self.rows = rows
        self.values = values

    @overload
    def __getitem__(self, row: int) -> float: ...

    @overload
    def __getitem__(self, row: Rows) -> Scores: ...

    def __getitem__(self, row: int | Rows) -> float | Scores:
        found = self._at(np.asarray(row))
        return float(found) if isinstance(row, int | np.integer) else found

    def __add__(self, other: "RowScores") -> Self:
        """Add scores of the same rows."""
        return type(self)(self.rows, self.values + other.values)

    def __rmul__(self, factor: float) -> Self:
        return type(self)(self.rows, np.float32(factor) * self.values)

    def holds(self, row: int) -> bool:
        """Whether the row was considered."""
        return bool(np.isfinite(self[row]))

    @property
    def best(self) -> float:
        """The highest score; -inf of no rows."""
        return float(self.values.max(initial=-np.inf))

    @cached_property
    def order(self) -> Rows:
        """The rows considered, best first."""
        return self.rows[np.argsort(-self.values, kind="stable")]

    def _at(self, rows: NDArray[np.int_]) -> Scores:
        if not len(self.rows):
            return np.full(rows.shape, -np.inf, dtype=np.float32)
        at = np.minimum(np.searchsorted(self.rows, rows), len(self.rows) - 1)
        return np.where(self.rows[at] == rows, self.values[at], np.float32(-np.inf))
