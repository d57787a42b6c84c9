"""Documents to Sections: which lines are headings, and which lines are no prose at all."""

from dataclasses import dataclass

from dxqa.readers import extracted, markdown, plaintext
from dxqa.readers.formats import EXTRACTED, MARKDOWN
from dxqa.types import Document, Section


@dataclass(frozen=True, slots=True)
class Outline:
    """The sections of a document, and the lines left out of them.

    Attributes:
        sections: in order.
        ignored: half-open spans of captions, contents lists and other page furniture.
    """

    sections: tuple[Section, ...]
    ignored: tuple[tuple[int, int], ...] = ()


def outline(document: Document) -> Outline:
    """Split a document at its headings; the suffix of its path tells how they are marked."""
    name = (document.path or document.doc_id).lower()
    if name.endswith(MARKDOWN):
        return Outline(tuple(markdown.sections(document)))
    if name.endswith(EXTRACTED):
        return Outline(tuple(extracted.sections(document)))
    sections, ignored = plaintext.sections(document)
    return Outline(tuple(sections), tuple(ignored))
