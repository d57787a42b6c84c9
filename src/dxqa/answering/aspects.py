"""The aspects that a case is told by: who does it, with what money, to what effect, and what next.

Which sentence is about which aspect is read off the heading it stands under and the words it holds
(data/aspects.tsv); where neither says so, the case does not tell it.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

from dxqa.tokenizer import terms

_HEADING = 2.0
_ENOUGH = 2.0  # the heading, or two words
_MOST = 2  # sentences for one aspect


@dataclass(frozen=True, slots=True)
class Aspect:
    """One aspect; ``headings`` are substrings of headings, ``cues`` lexical terms of sentences."""

    name: str
    headings: tuple[str, ...]
    cues: frozenset[str]

    def fit(self, headings: Sequence[str], words: Iterable[str]) -> float:
        """Return how surely a sentence is about this aspect: 2 for its heading, 1 for each word."""
        named = any(word in heading for heading in headings for word in self.headings)
        return _HEADING * named + len(self.cues.intersection(words))


@dataclass(frozen=True, slots=True)
class Told:
    """A sentence to be laid out: its row, the headings below the case's own, its terms."""

    row: int
    headings: tuple[str, ...]
    words: frozenset[str]


@cache
def aspects() -> tuple[Aspect, ...]:
    """Return the aspects in the order of a case card."""
    lines = files("dxqa").joinpath("data/aspects.tsv").read_text("utf-8").splitlines()
    return tuple(_aspect(line) for line in lines if not line.startswith("#"))


def named_aspects(question: str) -> list[Aspect]:
    """Return the aspects that a question names: 体制と財源を比べて."""
    return [a for a in aspects() if any(word in question for word in (a.name, *a.headings))]


def lay_out(told: Sequence[Told], wanted: Sequence[Aspect]) -> dict[str, list[int]]:
    """Give each aspect the sentences most surely about it, in their order; each sentence once.

    Args:
        told: the sentences of one case, in order.
        wanted: the aspects asked for; one that nothing tells gets an empty list.
    """
    fits = sorted(
        (
            (-aspect.fit(t.headings, t.words), at, aspect.name)
            for at, t in enumerate(told)
            for aspect in wanted
        ),
        key=lambda fit: fit[:2],
    )
    chosen: dict[str, list[int]] = {aspect.name: [] for aspect in wanted}
    used: set[int] = set()
    for negated, at, name in fits:
        if -negated >= _ENOUGH and at not in used and len(chosen[name]) < _MOST:
            chosen[name].append(at)
            used.add(at)
    return {name: [told[at].row for at in sorted(places)] for name, places in chosen.items()}


def _aspect(line: str) -> Aspect:
    name, headings, cues = line.split("\t")
    words = frozenset(term for cue in cues.split("、") for term in terms(cue))
    return Aspect(name, tuple(headings.split("、")), words)
