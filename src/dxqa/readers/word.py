"""Word (.docx): headings by style or outline level, paragraphs, lists, tables, text boxes, notes.

The XML is walked directly: python-docx's ``paragraph.text`` leaves out insertions, content controls
and text boxes.
"""

import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import docx
from docx.oxml import parse_xml
from docx.oxml.ns import qn

from dxqa.readers import package
from dxqa.readers.extracted import Writer, title
from dxqa.readers.reading import Extract, Reading
from dxqa.readers.rows import Cell, grid, names_stand_left

_HEADING = re.compile(r"(?:heading|見出し)\s*(\d)", re.IGNORECASE)
_TITLES = ("title", "表題")
_LIST = re.compile(r"list|箇条書き|段落番号", re.IGNORECASE)
_BODY_TEXT = 9
"""The outline level that stands for no heading."""
_BREAKS = {qn("w:br"): "\n", qn("w:cr"): "\n", qn("w:tab"): " ", qn("w:noBreakHyphen"): "-"}
# Deleted text, readings above words, fields' codes, and older copies of text boxes.
_LEFT_OUT = {
    qn(f"w:{name}") for name in ("del", "moveFrom", "rt", "instrText", "txbxContent", "pPr", "rPr")
} | {"{http://schemas.openxmlformats.org/markup-compatibility/2006}Fallback"}
_NOTES = {"footnotes": "脚注", "endnotes": "文末脚注"}


def read(path: Path) -> Reading:
    """Read a document in the order of its text.

    Raises:
        CorpusError: encrypted, damaged or too large unpacked.
    """
    package.check(path)
    document = docx.Document(str(path))
    reader = _Reader(document.styles)
    reader.blocks(document.element.body)
    for kind, name in _NOTES.items():
        for relation in document.part.rels.values():
            if relation.reltype.endswith(f"/{kind}") and not relation.is_external:
                reader.notes(name, parse_xml(relation.target_part.blob))
    text = reader.writer.text()
    return Reading((Extract(text, reader.title or title(text)),))


class _Reader:
    """Writes down one block after the other."""

    def __init__(self, styles: Any) -> None:  # noqa: ANN401 - python-docx's Styles
        self.writer = Writer()
        self.title = ""
        self._styles = {style.style_id: style for style in styles}

    def blocks(self, parent: Any) -> None:  # noqa: ANN401 - an element of lxml
        """Write the paragraphs and tables below an element, those in wrappers too."""
        for block in parent:
            if block.tag == qn("w:p"):
                self._paragraph(block)
            elif block.tag == qn("w:tbl"):
                self._table(block)
            elif block.tag not in _LEFT_OUT and isinstance(block.tag, str):
                self.blocks(block)

    def notes(self, name: str, root: Any) -> None:  # noqa: ANN401
        """Write footnotes or endnotes under a heading of their own."""
        texts = [_text(note) for note in root if not note.get(qn("w:type"))]
        if any(texts):
            self.writer.heading(1, name)
        for text in texts:
            self.writer.paragraph(text)

    def _paragraph(self, paragraph: Any) -> None:  # noqa: ANN401
        text, (kind, level) = _text(paragraph), self._kind(paragraph)
        if kind == "heading":
            self.writer.heading(level, text)
            self.title = self.title or (" ".join(text.split()) if level == 0 else "")
        elif kind == "item":
            self.writer.item(text)
        else:
            self.writer.paragraph(text)
        for box in _boxes(paragraph):
            self.blocks(box)

    def _kind(self, paragraph: Any) -> tuple[str, int]:  # noqa: ANN401
        """Return heading, item or text, and the level of a heading; the document's title is 0."""
        properties = paragraph.pPr
        level = properties.find(qn("w:outlineLvl")) if properties is not None else None
        if level is not None and (depth := int(level.get(qn("w:val"), _BODY_TEXT))) < _BODY_TEXT:
            return "heading", depth + 1
        for name, outline in self._style_line(paragraph.style):
            if name.lower() in _TITLES:
                return "heading", 0
            if found := _HEADING.fullmatch(name):
                return "heading", int(found.group(1))
            if outline < _BODY_TEXT:
                return "heading", outline + 1
            if _LIST.match(name) and "continue" not in name.lower():
                return "item", 0
        numbered = properties is not None and properties.numPr is not None
        return ("item" if numbered else "text"), 0

    def _style_line(self, style_id: str | None) -> Iterator[tuple[str, int]]:
        """Yield name and outline level of a style and of those that it is based on."""
        style = self._styles.get(style_id)
        for _ in range(_BODY_TEXT):
            if style is None:
                return
            level = style.element.find(f"{qn('w:pPr')}/{qn('w:outlineLvl')}")
            outline = _BODY_TEXT if level is None else int(level.get(qn("w:val"), _BODY_TEXT))
            yield style.name or "", outline
            style = getattr(style, "base_style", None)

    def _table(self, table: Any) -> None:  # noqa: ANN401
        rows = grid(_spanned([_cells(row) for row in table.iter(qn("w:tr")) if _in(row, table)]))
        rows = [row for row in rows if any(row)]
        if not rows:
            return
        if len(rows) == 1 or max(map(len, rows)) == 1:
            for row in rows:
                self.writer.paragraph("\n".join(cell for cell in row if cell))
        elif names_stand_left(rows):
            for name, value in rows:
                self.writer.row([name], [value or name])
        else:
            for row in rows[1:]:
                self.writer.row(rows[0], row)
        for box in table.iter(qn("w:txbxContent")):
            if _outermost(box):
                self.blocks(box)


def _text(element: Any) -> str:  # noqa: ANN401
    """Return the text of an element; paragraphs in it end a line."""
    parts: list[str] = []
    for child in element:
        if child.tag == qn("w:t"):
            parts.append(child.text or "")
        elif child.tag in _BREAKS:
            parts.append(_BREAKS[child.tag])
        elif child.tag not in _LEFT_OUT and isinstance(child.tag, str):
            parts.append(_text(child) + ("\n" if child.tag == qn("w:p") else ""))
    return "".join(parts).strip("\n")


def _boxes(paragraph: Any) -> list[Any]:  # noqa: ANN401
    return [box for box in paragraph.iter(qn("w:txbxContent")) if _outermost(box, paragraph)]


def _outermost(box: Any, top: Any = None) -> bool:  # noqa: ANN401
    """Whether no other box, and no older copy, stands around a text box."""
    for around in box.iterancestors():
        if around is top:
            return True
        if around.tag in _LEFT_OUT:
            return False
    return True


def _in(row: Any, table: Any) -> bool:  # noqa: ANN401
    return next(row.iterancestors(qn("w:tbl"))) is table


def _cells(row: Any) -> list[tuple[Cell, bool]]:  # noqa: ANN401
    """Return the cells of a row, and whether each goes on from the row above."""
    found = []
    for cell in row.iter(qn("w:tc")):
        if next(cell.iterancestors(qn("w:tr"))) is not row:
            continue
        span = cell.find(f"{qn('w:tcPr')}/{qn('w:gridSpan')}")
        merged = cell.find(f"{qn('w:tcPr')}/{qn('w:vMerge')}")
        goes_on = merged is not None and merged.get(qn("w:val"), "continue") == "continue"
        columns = int(span.get(qn("w:val"), 1)) if span is not None else 1
        found.append((Cell(" ".join(_text(cell).split()), columns), goes_on))
    return found


def _spanned(rows: Sequence[Sequence[tuple[Cell, bool]]]) -> list[list[Cell]]:
    """Tell what a merged cell says in every row that it reaches over; names in every column."""
    laid: list[list[Cell]] = []
    above: dict[int, str] = {}
    for number, row in enumerate(rows):
        at, line = 0, []
        for cell, goes_on in row:
            text = above.get(at, "") if goes_on else cell.text
            above[at] = text
            line.append(Cell(text, cell.columns, heading=number == 0))
            at += cell.columns
        laid.append(line)
    return laid
