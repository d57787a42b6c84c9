"""The text of formats that have no plain text of their own, and the sections of such a text.

A line that begins with ``#`` is a heading and one that begins with ``|`` a row of a table. What a
document itself says never begins a line with either: ``Writer`` puts a blank before it.
"""

import re
from collections.abc import Iterator, Sequence

from dxqa.errors import CorpusError
from dxqa.readers.place_metadata import heading_metadata
from dxqa.readers.rows import row_label, row_metadata, row_text
from dxqa.types import Document, Section

_HEADING = re.compile(r"(#{1,9}) +(\S.*)")
_LINE = re.compile(r"[^\n]*\n|[^\n]+")
_BREAKS = re.compile(r"\r\n?|[\v\f\x85\u2028\u2029]")
_CONTROL = re.compile(r"[\x00-\x08\x0e-\x1f\x7f\ufffe\uffff]")
_RULE = re.compile(r"[\s|:–-]*")
_LONGEST_ROW = 600
"""Characters; a longer row is no single passage, since the encoder would not read its end."""
_DEEPEST = 9
_MOST_CHARACTERS = 50_000_000
"""Of one document: rows repeat the names of columns, and merged cells, as often as a file likes."""


class Writer:
    """Collects headings, paragraphs, items and rows into one text."""

    def __init__(self) -> None:
        """Begin with nothing."""
        self._parts: list[str] = []
        self._last = ""
        self._length = 0

    def heading(self, level: int, text: str) -> None:
        """Add a heading, level 1 being the highest."""
        if name := " ".join(clean(text).split()):
            self._add("heading", f"{'#' * max(1, min(level, _DEEPEST))} {name}")

    def paragraph(self, text: str) -> None:
        """Add a paragraph; its line breaks stay."""
        if body := _body(text):
            self._add("paragraph", body)

    def item(self, text: str) -> None:
        """Add an item of a list."""
        if body := _body(text).lstrip():
            self._add("item", f"- {body}")

    def row(self, names: Sequence[str], values: Sequence[str]) -> None:
        """Add a row of a table under the names of its columns."""
        if text := row_text(names, [clean(value) for value in values]):
            self._add("row", f"| {text}")

    def text(self) -> str:
        """Return all of it."""
        return "".join(self._parts) + "\n" if self._parts else ""

    def _add(self, kind: str, part: str) -> None:
        if self._parts:
            together = kind == self._last and kind in ("item", "row")
            self._parts.append("\n" if together else "\n\n")
        self._parts.append(part)
        self._length += len(part)
        if self._length > _MOST_CHARACTERS:
            raise CorpusError(
                f"取り出した文字が多すぎます ({_MOST_CHARACTERS // 10_000:,} 万字まで)。"
                "分けて保存してください"
            )
        self._last = kind


def clean(text: str) -> str:
    """Return text with ordinary line breaks, without control characters and broken characters."""
    whole = _CONTROL.sub("", _BREAKS.sub("\n", text))
    return whole.encode("utf-8", "replace").decode("utf-8")


def title(text: str) -> str:
    """Return the first heading of an extracted text, or ``""``."""
    found = re.search(rf"^{_HEADING.pattern}$", text, re.MULTILINE)
    return found.group(2).strip() if found else ""


def sections(document: Document) -> Iterator[Section]:
    """Yield the prose below each heading, and each row of a table."""
    path: list[tuple[int, str]] = []
    prose: list[tuple[int, int]] = []
    for match in _LINE.finditer(document.text):
        start, line = match.start(), match.group().rstrip()
        heading = _HEADING.fullmatch(line)
        if not (heading or line.startswith("|")):
            prose += [(start, start + len(line))] if line.strip() else []
            continue
        yield from _prose(document, path, prose)
        prose = []
        if heading:
            level, name = len(heading.group(1)), heading.group(2)
            path = [*((lv, held) for lv, held in path if lv < level), (level, name)]
        elif not _RULE.fullmatch(line):
            yield _row(document, path, start, line)
    yield from _prose(document, path, prose)


def _prose(
    document: Document, path: Sequence[tuple[int, str]], lines: Sequence[tuple[int, int]]
) -> Iterator[Section]:
    if lines:
        names = _names(document, path)
        metadata = {**document.metadata, **heading_metadata(names)}
        yield Section(document.doc_id, names, lines[0][0], lines[-1][1], metadata)


def _row(document: Document, path: Sequence[tuple[int, str]], start: int, line: str) -> Section:
    begin = start + len(line) - len(line[1:].lstrip())
    text = document.text[begin : start + len(line)]
    names = _names(document, path)
    long = len(text) > _LONGEST_ROW
    return Section(
        document.doc_id,
        (*names, row_label(text)) if long else names,
        begin,
        start + len(line),
        {**document.metadata, **heading_metadata(names), **row_metadata(text)},
        atomic=not long,
    )


def _names(document: Document, path: Sequence[tuple[int, str]]) -> tuple[str, ...]:
    return (document.title, *(name for _, name in path if name != document.title))


def _body(text: str) -> str:
    lines = (line.strip() for line in clean(text).split("\n"))
    return "\n".join(f" {ln}" if ln.startswith(("#", "|")) else ln for ln in lines if ln)
