"""Documents to Sections: which lines are headings, and which lines are no prose at all."""

from dataclasses import dataclass
from pathlib import Path

from dxqa.readers import markdown, plaintext
from dxqa.types import Document, Section


@dataclass(frozen=True, slots=True)
class Outline:
    """The sections of a document in order, and the lines left out of them.

    ``ignored`` holds half-open spans of captions, contents lists and other page furniture.
    """

    sections: tuple[Section, ...]
    ignored: tuple[tuple[int, int], ...] = ()


def outline(document: Document) -> Outline:
    """Split a document at its headings, Markdown or plain text by the suffix of its path."""
    if _is_markdown(document.path or document.doc_id):
        return Outline(tuple(markdown.sections(document)))
    sections, ignored = plaintext.sections(document)
    return Outline(tuple(sections), tuple(ignored))


def document_title(text: str, path: Path) -> str:
    """The first heading or title line of a text, else the file's name."""
    found = markdown.title(text) if _is_markdown(path.name) else plaintext.title(text)
    return found or path.stem


def _is_markdown(name: str) -> bool:
    return name.lower().endswith((".md", ".markdown"))
