"""Sections to passages: pieces short enough to embed and to read, cut at sentence ends."""

from collections.abc import Iterable, Iterator

from dxqa.japanese import split_sentences
from dxqa.readers import outline
from dxqa.types import Document, Passage, Section

PASSAGE_CHARACTERS = 300
"""A passage grows to at most this length; the encoder reads about 500 characters."""

_LONGEST_SENTENCE = 600
_LONGEST_HEADING = 200

Span = tuple[int, int]


def split_passages(document: Document) -> list[Passage]:
    """Split a document at its headings, then at paragraph and sentence ends."""
    spans = [
        (section, group)
        for section in outline(document).sections
        for group in _groups(document.text, section)
    ]
    return [_passage(document, *span, number) for number, span in enumerate(spans, start=1)]


def encoder_text(passage: Passage) -> str:
    """What the encoder reads: the passage under its headings, the place named once."""
    return f"{context(passage)}\n{passage.text}"


def in_context(passage: Passage, sentence: str) -> str:
    """Return one sentence of a passage under its headings, the place named once."""
    return f"{context(passage)}\n{sentence}"


def context(passage: Passage) -> str:
    """The municipality and the headings that a passage stands under, the innermost first."""
    parts = [passage.municipality or "", *reversed(passage.heading_path)]
    return " ".join(part for part in dict.fromkeys(parts) if part)


def _passage(document: Document, section: Section, group: list[Span], number: int) -> Passage:
    start = _line_start(document.text, group[0][0], section.start)
    end = group[-1][1]
    return Passage(
        passage_id=f"{document.doc_id}#{number}",
        doc_id=document.doc_id,
        heading_path=tuple(map(_shortened, section.heading_path)),
        start=start,
        end=end,
        text=document.text[start:end],
        metadata={**document.metadata, **section.metadata},
        sentences=tuple(group),
    )


def _shortened(heading: str) -> str:
    """Every passage below a heading carries it: a line of 100,000 characters is none to carry."""
    return heading if len(heading) <= _LONGEST_HEADING else f"{heading[: _LONGEST_HEADING - 1]}…"


def _line_start(text: str, start: int, lowest: int) -> int:
    """Take a list marker before a sentence into the passage."""
    line = max(lowest, text.rfind("\n", lowest, start) + 1)
    marker = text[line:start]
    return line + len(marker) - len(marker.lstrip()) if len(marker) < len("10. – ") else start


def _groups(text: str, section: Section) -> Iterator[list[Span]]:
    """Yield runs of sentences, one run a passage; paragraphs stay whole where they fit."""
    if section.atomic:
        yield [(section.start, section.end)]
        return
    group: list[Span] = []
    for paragraph in _paragraphs(text, section):
        for piece in _fitting(paragraph):
            if group and piece[-1][1] - group[0][0] > PASSAGE_CHARACTERS:
                yield group
                group = []
            group.extend(piece)
    if group:
        yield group


def _paragraphs(text: str, section: Section) -> Iterator[list[Span]]:
    sentences = split_sentences(text, section.start, section.end)
    paragraph: list[Span] = []
    for span in _short(sentences):
        if paragraph and text.count("\n", paragraph[-1][1], span[0]) > 1:
            yield paragraph
            paragraph = []
        paragraph.append(span)
    if paragraph:
        yield paragraph


def _fitting(paragraph: list[Span]) -> list[list[Span]]:
    """Return the paragraph whole, or sentence by sentence if it is too long for one passage."""
    if paragraph[-1][1] - paragraph[0][0] <= PASSAGE_CHARACTERS:
        return [paragraph]
    return [[span] for span in paragraph]


def _short(sentences: Iterable[Span]) -> Iterator[Span]:
    """Cut what has no full stop for very long (tables, logs) into pieces an encoder can read."""
    for start, end in sentences:
        for begin in range(start, end, _LONGEST_SENTENCE):
            yield begin, min(end, begin + _LONGEST_SENTENCE)
