"""The files of an inverted index, memory-mapped; ``writer`` says what they hold."""

import math
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from dxqa.arrays import open_array
from dxqa.lexical.hashes import Hashes, term_hashes
from dxqa.lexical.writer import CHAMPIONS
from dxqa.types import Scores


class Span(NamedTuple):
    """Where a term's postings lie."""

    term: int
    start: int
    end: int


Spans = Mapping[str, Span]
"""Of those terms of a question that the index holds."""

Held = tuple[NDArray[np.integer], Scores]
"""Where a term is held, each place once and ascending, and its scores there."""


class PostingLists:
    """For each term the rows of the passages that hold it, and its BM25 scores there."""

    def __init__(self, folder: Path) -> None:
        self._terms: Hashes = open_array(folder / "terms.npy")
        self._offsets = open_array(folder / "offsets.npy")
        self._rows = open_array(folder / "rows.npy")
        self._scores = open_array(folder / "scores.npy")
        self._champion_terms = open_array(folder / "champion_terms.npy")
        self._champion_rows = open_array(folder / "champion_rows.npy")
        self._champion_scores = open_array(folder / "champion_scores.npy")
        self._forward = open_array(folder / "forward.npy")
        self._forward_offsets = open_array(folder / "forward_offsets.npy")
        self.size = len(self._forward_offsets) - 1

    @property
    def average_length(self) -> float:
        """How many terms a passage has, each counted as often as it occurs."""
        return len(self._forward) / max(1, self.size)

    def spans(self, terms: Iterable[str]) -> Spans:
        """Look terms up."""
        names = list(terms)
        if not names or not len(self._terms):
            return {}
        hashes = term_hashes(names)
        numbers = np.minimum(np.searchsorted(self._terms, hashes), len(self._terms) - 1)
        known = self._terms[numbers] == hashes
        columns = (known, numbers, self._offsets[numbers], self._offsets[numbers + 1])
        found = zip(names, *(column.tolist() for column in columns), strict=True)
        return {name: Span(*span) for name, held, *span in found if held}

    def idf(self, span: Span | None) -> float:
        """Return ``ln(1 + (N - df + 0.5) / (df + 0.5))``; df is 0 for an unknown term."""
        frequency = span.end - span.start if span else 0
        return math.log1p((self.size - frequency + 0.5) / (frequency + 0.5))

    def held(self, span: Span, among: NDArray[np.uint32] | None) -> Held:
        """Return all rows that hold a term, or the places in ``among`` of those that do.

        Args:
            span: of the term.
            among: rows, ascending.
        """
        rows, scores = self._rows[span.start : span.end], self._scores[span.start : span.end]
        if among is None:
            return rows, scores
        if not len(among):
            return rows[:0], scores[:0]
        if len(rows) < len(among):
            places = np.minimum(among.searchsorted(rows), len(among) - 1)
            same = among[places] == rows
            return places[same], scores[same]
        places = np.minimum(rows.searchsorted(among), len(rows) - 1)
        same = rows[places] == among
        return np.flatnonzero(same), scores[places[same]]

    def champions(self, span: Span) -> Held:
        """Return rows that hold a term, those with the highest scores if many do."""
        if span.end - span.start <= CHAMPIONS:
            return self.held(span, None)
        first = CHAMPIONS * int(self._champion_terms.searchsorted(np.uint32(span.term)))
        chosen = slice(first, first + CHAMPIONS)
        return self._champion_rows[chosen], self._champion_scores[chosen]

    def forward(self, row: int) -> Hashes:
        """Return the hashes of the terms of a passage."""
        start, end = self._forward_offsets[row : row + 2]
        hashes: Hashes = self._terms[self._forward[start:end]]
        return hashes
