"""Sentences that passed and statements of the extractive answer, put together as prose."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import groupby

from dxqa.answering.checking import is_told, overlap
from dxqa.answering.draft import with_marks
from dxqa.types import Part, Statement


def merge(parts: Sequence[Part], kept: Sequence[Statement]) -> tuple[Part, ...]:
    """Put each sentence where the statements stand that it speaks for, and keep what none tells.

    Sentences about several parts come first.
    """
    homes = {s: next((p for p in parts if _speaks_of(s, p)), None) for s in kept}
    across = tuple(s for s in kept if homes[s] is None)
    merged = [_written(p, [s for s in kept if homes[s] is p]) for p in parts]
    return (*([Part("", across)] if across else []), *merged)


def _speaks_of(sentence: Statement, part: Part) -> bool:
    return {n for said in part.statements for n in said.numbers}.issuperset(sentence.numbers)


def _written(part: Part, sentences: Sequence[Statement]) -> Part:
    """One part in its own order: at each statement what speaks for it, or else itself."""
    placed: dict[int, list[Statement]] = {}
    for sentence in sentences:
        at = _nearest(sentence, part)
        aspect = part.statements[at].aspect
        placed.setdefault(at, []).append(replace(sentence, aspect=aspect))
    merged: list[Statement] = []
    for at, said in enumerate(part.statements):
        beside = [s for group in placed.values() for s in group if s.aspect == said.aspect]
        merged += [*placed.get(at, []), *([] if is_told(said, beside) else [said])]
    return Part(part.label, tuple(merged))


def _nearest(sentence: Statement, part: Part) -> int:
    """Which statement a sentence speaks for: of those on its citations, the one most like it."""
    said = part.statements
    same = [i for i, one in enumerate(said) if not set(one.numbers).isdisjoint(sentence.numbers)]
    return max(same, key=lambda i: overlap(said[i].text, sentence.text))


def lines(lead: str, parts: Sequence[Part]) -> Iterator[str]:
    """Yield the lines of an answer in prose: a paragraph for each part, or for each aspect."""
    if lead:
        yield lead
    for part in parts:
        if part.label:
            yield from ("", f"■ {part.label}")
        for aspect, said in groupby(part.statements, key=lambda s: s.aspect):
            yield (f"・{aspect}: " if aspect else "") + " ".join(with_marks(s) for s in said)
