"""The cited passages as HTML: one card a passage, every quoted span marked with its number."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

from dxqa.readers.frontmatter import split_front_matter
from dxqa.types import Answer, Citation, Document, Hit, Passage
from dxqa.visible import visible
from dxqa.web.html import escape
from dxqa.web.words import say

NEAREST = 3
"""How many passages a declined answer shows."""

_DETAILS = ("reference", "official_page", "source")
_AROUND = 300
"""Characters shown before a passage and after it, as far as whole lines go."""
_WEB_ADDRESS = re.compile(r"https?://[^\s\"'<>]+")

Documents = Mapping[str, Document]


@dataclass(frozen=True, slots=True)
class Card:
    """One passage and the citations into it, in the order of their numbers."""

    passage: Passage
    citations: tuple[Citation, ...] = ()


def evidence_html(turn: int, answer: Answer, documents: Documents, *, of_case: bool = False) -> str:
    """Return the passages behind the answer of one turn; every id carries the turn's number.

    Args:
        turn: its number.
        answer: with citations, or hits where it declines.
        documents: by id.
        of_case: whether the answer is a case that was opened rather than asked for.
    """
    cards = cited_cards(answer.citations) if answer.answered else nearest_cards(answer.hits)
    shown = "".join(card_html(turn, place, card, documents) for place, card in enumerate(cards))
    told = "case-" if of_case else ""
    kind, heading = ("cited", f"{told}evidence") if answer.answered else ("nearest", "nearest")
    return (
        f'<section class="evidence {kind}" id="evidence-{turn}" '
        f'aria-labelledby="evidence-{turn}-title">'
        f'<h2 id="evidence-{turn}-title">{say(heading)}</h2>'
        f'<p class="about" lang="ja">「{escape(shorten(answer.question))}」</p>'
        f'<p class="remark">{say(f"{heading}-about")}</p>{shown}'
        f'<p class="back"><a href="#answer-{turn}">{say(f"{told}back")}</a></p></section>'
    )


def cited_cards(citations: Sequence[Citation]) -> list[Card]:
    """Gather citations by passage, in the order of their first numbers."""
    gathered: dict[str, list[Citation]] = {}
    for citation in sorted(citations, key=lambda c: c.number):
        gathered.setdefault(citation.passage.passage_id, []).append(citation)
    return [Card(found[0].passage, tuple(found)) for found in gathered.values()]


def nearest_cards(hits: Sequence[Hit]) -> list[Card]:
    """Return the first few passages found, without marks."""
    return [Card(hit.passage) for hit in hits[:NEAREST]]


def card_html(turn: int, place: int, card: Card, documents: Documents) -> str:
    """Return one card; ``data-cites`` lists the numbers that lead to it."""
    passage = card.passage
    title, path = _headings(passage, documents)
    cites = " ".join(str(citation.number) for citation in card.citations)
    numbers = "".join(f'<span class="number">{c.number}</span>' for c in card.citations)
    name = f"card-{turn}-{place}"
    trail = f'<p class="path" lang="ja">{escape(" › ".join(path))}</p>' if path else ""
    return (
        f'<article class="card" id="{name}" data-cites="{cites}" tabindex="-1" '
        f'aria-labelledby="{name}-title">'
        f'<header><h3 id="{name}-title" lang="ja">{numbers}{escape(title)}</h3>{trail}</header>'
        f'<p class="passage" lang="ja">{marked_text(passage, card.citations)}</p>'
        f"{_around(card, documents)}{_details(passage)}</article>"
    )


def _around(card: Card, documents: Documents) -> str:
    """Return the passage within the text before and after it, folded away."""
    passage = card.passage
    document = documents.get(passage.doc_id)
    if document is None:
        return ""
    before, after = surroundings(passage, document)
    if not (before.strip() or after.strip()):
        return ""
    return (
        f'<details class="around"><summary>{say("around")}</summary>'
        f'<p class="text" lang="ja"><span>{escape(before)}</span>'
        f"<strong>{escape(passage.text)}</strong><span>{escape(after)}</span></p></details>"
    )


def surroundings(passage: Passage, document: Document) -> tuple[str, str]:
    """Return the text before a passage and after it, cut at line ends; no front matter."""
    text = document.text
    body = split_front_matter(text).end if document.doc_id.endswith(".md") else 0
    first = max(body, passage.start - _AROUND)
    last = min(len(text), passage.end + _AROUND)
    before, after = text[first : passage.start], text[passage.end : last]
    if first == passage.start - _AROUND and "\n" in before:
        before = before[before.index("\n") + 1 :]
    if last == passage.end + _AROUND and "\n" in after:
        after = after[: after.rindex("\n")]
    return before.lstrip("\n"), after.rstrip()


def marked_text(passage: Passage, citations: Sequence[Citation]) -> str:
    """Return the passage with every quoted span in ``<mark>``, each opened by its number.

    Spans may overlap: the text is cut at every end of a span, and a piece under several spans is
    one mark with several numbers in ``data-cites``.
    """
    size = len(passage.text)
    spans = [
        (c.number, max(0, c.start - passage.start), min(size, c.end - passage.start))
        for c in citations
    ]
    cuts = sorted({0, size, *(at for _, start, end in spans for at in (start, end))})
    return "".join(_piece(passage.text, spans, start, end) for start, end in pairwise(cuts))


def shorten(text: str, most: int = 60) -> str:
    """Return ``text`` on one line of at most ``most`` characters."""
    line = " ".join(text.split())
    return line if len(line) <= most else f"{line[: most - 1]}…"


def _piece(text: str, spans: Sequence[tuple[int, int, int]], start: int, end: int) -> str:
    shown = escape(text[start:end])
    over = [number for number, first, last in spans if first <= start and end <= last]
    if not over:
        return shown
    opening = [number for number, first, _ in spans if first == start and number in over]
    labels = "".join(f'<span class="number">{number}</span>' for number in opening)
    return f'{labels}<mark data-cites="{" ".join(map(str, over))}">{shown}</mark>'


def _headings(passage: Passage, documents: Documents) -> tuple[str, list[str]]:
    """Return what a card is called, and the headings below that."""
    document = documents.get(passage.doc_id)
    title = document.title if document else passage.doc_id
    path = [heading for heading in passage.heading_path if heading != title]
    if passage.municipality:
        return passage.municipality, path
    return title, path


def _details(passage: Passage) -> str:
    told = [(key, str(passage.metadata[key])) for key in _DETAILS if passage.metadata.get(key)]
    rows = "".join(f'<dt>{say(key)}</dt><dd lang="ja">{_linked(value)}</dd>' for key, value in told)
    rows += f'<dt>{say("file")}</dt><dd lang="ja">{escape(passage.doc_id)}</dd>'
    return f"<dl>{rows}</dl>"


def _linked(value: str) -> str:
    """Return a web address as a link, which only a click follows, and all else as text."""
    shown = escape(value)
    if not _WEB_ADDRESS.fullmatch(value) or visible(value) != value:
        return shown
    return f'<a href="{shown}" target="_blank" rel="noopener noreferrer">{shown}</a>'
