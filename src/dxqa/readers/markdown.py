"""Sections of a Markdown document, by CommonMark's headings."""

import re
from collections.abc import Iterator
from itertools import accumulate, pairwise

from markdown_it import MarkdownIt
from markdown_it.token import Token

from dxqa.readers.frontmatter import split_front_matter
from dxqa.readers.place_metadata import heading_metadata
from dxqa.types import Document, Section

# What stands within lines, and where links lead, is not looked at: brackets enough take it hours.
_BLOCKS = MarkdownIt("commonmark").disable(["inline", "reference"])
_LINE = re.compile(r"[^\r\n]*(?:\r\n|\r|\n|$)")


def title(text: str) -> str | None:
    """Return the first heading of the text, or None."""
    return next((heading for _, heading, _, _ in _headings(text)), None)


def sections(document: Document) -> Iterator[Section]:
    """Yield what stands below each heading; text before the first belongs to the title."""
    text = document.text
    path: list[tuple[int, str]] = []
    begin = split_front_matter(text).end
    for level, heading, start, end in [*_headings(text), (0, "", len(text), len(text))]:
        if text[begin:start].strip():
            names = tuple(name for _, name in path if name != document.title)
            metadata = {**document.metadata, **heading_metadata(names)}
            yield Section(document.doc_id, (document.title, *names), begin, start, metadata)
        path = [*((lv, name) for lv, name in path if lv < level), (level, heading)]
        begin = end


def _headings(text: str) -> Iterator[tuple[int, str, int, int]]:
    """Yield level, text, and the span of each heading's lines."""
    body = split_front_matter(text).end
    lines = [m.group() for m in _LINE.finditer(text, body)]
    offsets = list(accumulate((len(line) for line in lines), initial=body))
    tokens: list[Token] = _BLOCKS.parse(text[body:])
    for opening, inline in pairwise(tokens):
        if opening.type == "heading_open" and opening.map and opening.level == 0:
            first, last = opening.map
            yield int(opening.tag[1:]), inline.content.strip(), offsets[first], offsets[last]
