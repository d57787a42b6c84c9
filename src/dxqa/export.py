"""Answers to take along: text, Markdown, CSV, JSON and Word, with every source.

All text from documents stays text: it opens no markup in Markdown and no formula in Excel, and what
cannot be seen of it is shown (``visible``), except in JSON, which is for programs.
"""

import csv
import io
import json
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from dxqa.errors import ExportError
from dxqa.exchange import answer_json
from dxqa.types import Answer, Citation, Part, Passage, Statement
from dxqa.visible import visible

if TYPE_CHECKING:  # an extra, loaded only to write Word files
    from docx.document import Document as WordDocument
    from docx.text.paragraph import Paragraph

_DECLINED = "資料に答えが見当たりません。"
_SOURCES = "出典"
_PORTRAIT_COLUMNS = 4
"""More of them need a page of Word turned to landscape."""
_BOM = "\ufeff"
"""By which Excel knows UTF-8."""

_NOT_XML = re.compile(r"[^ -\uD7FF\uE000-\uFFFD\U00010000-\U0010FFFF]")
_MARKUP = re.compile(r"([\\`*_\[\]{}~|#$^])")
_LINE_START = re.compile(r"^(?:(?=[-+=:%])|(\(?[0-9A-Za-z]+)(?=[.)]))")
"""What Markdown reads as a list or a rule, at the start of a line only."""
_ENTITIES = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;"})
_FORMULA = re.compile(r"[=+\-@\t\r\n＝＋－＠]")

_SUFFIXES = {".txt": "text", ".md": "markdown", ".csv": "csv", ".json": "json", ".docx": "word"}


@dataclass(frozen=True, slots=True)
class _Row:
    """One line of a table: the name of a case, the statements in each cell, and all of them."""

    label: str
    cells: tuple[tuple[Statement, ...], ...]

    @property
    def numbers(self) -> list[int]:
        """Of the citations that back this row."""
        return sorted({n for cell in self.cells for said in cell for n in said.numbers})


@dataclass(frozen=True, slots=True)
class _Table:
    header: tuple[str, ...]
    rows: tuple[_Row, ...]


def to_text(answer: Answer) -> str:
    """Return the answer as a terminal shows it, its evidence below."""
    lines = [answer.text, *(["", "根拠:"] if answer.citations else [])]
    for citation in answer.citations:
        quote = " ".join(citation.quote.split())
        lines += [f"[{citation.number}] {where(citation.passage)}", f"    「{quote}」"]
    return "\n".join(map(visible, lines))


def where(passage: Passage) -> str:
    """Say in which document and under which headings a passage stands."""
    return f"{passage.doc_id}: {' > '.join(passage.heading_path)}"


def to_json(answer: Answer) -> str:
    """Return the ``--json`` object on one line; lone surrogates are escaped, as UTF-8 has none."""
    line = json.dumps(answer_json(answer), ensure_ascii=False)
    return line.encode("utf-8", "backslashreplace").decode("utf-8")


def to_markdown(answer: Answer) -> str:
    """Return the answer with headings, bullets or a table, and its sources as footnotes."""
    blocks = [f"# {_escaped(answer.question)}", *map(_escaped, _paragraphs(answer))]
    table = _table(answer)
    blocks += [_markdown_table(table)] if table else _markdown_parts(answer.parts)
    blocks += [f"[^{c.number}]: {_escaped(_source(c))}" for c in answer.citations]
    return "\n\n".join(blocks)


def to_csv(answer: Answer) -> str:
    """Return a table of what is said: by case, or statement by statement; remarks come last.

    Cells that a spreadsheet would take for a formula begin with an apostrophe.
    """
    table = _table(answer) or _listing(answer)
    sources = {c.number: f"[{c.number}] {_source(c)}" for c in answer.citations}
    written = io.StringIO()
    writer = csv.writer(written)
    writer.writerow(map(_harmless, (*table.header, _SOURCES)))
    for row in table.rows:
        cells = ["\n".join(map(_marked, cell)) for cell in row.cells]
        told = "\n".join(sources[n] for n in row.numbers if n in sources)
        writer.writerow(map(_harmless, (row.label, *cells, told)))
    for note in answer.notes:
        writer.writerow([_harmless(note), *[""] * len(table.header)])
    return written.getvalue()


def to_docx(*answers: Answer) -> bytes:
    """Return answers as a Word file: for each a heading, table or bullets, and its sources.

    Raises:
        ExportError: python-docx is not installed.
    """
    document = _word_document()
    document.core_properties.title = _one_line(answers[0].question)[:255]
    for answer in answers:
        _word_answer(document, answer)
    written = io.BytesIO()
    document.save(written)
    return written.getvalue()


FORMATS: dict[str, Callable[[Answer], str]] = {
    "text": to_text,
    "markdown": to_markdown,
    "csv": to_csv,
    "json": to_json,
}
"""The formats that are text; ``word`` is the one that is not."""


def text_of(answer: Answer, form: str) -> str:
    """Return the answer in one of ``FORMATS``, its last line ended."""
    text = FORMATS[form](answer)
    return text if text.endswith("\n") else f"{text}\n"


def output_format(path: str, form: str | None, *, force: bool) -> str:
    """Return the format to save in: ``form``, or what the suffix of ``path`` says.

    Checks, before an answer is sought, all that would keep it from being saved.

    Raises:
        ExportError: the suffix says nothing, the file is there and ``force`` is not given, its
            folder is not, or python-docx is not installed.
    """
    target = Path(path)
    found = form or _SUFFIXES.get(target.suffix.lower())
    if found is None:
        raise ExportError(
            f"保存の形式がわかりません: {path}。ファイル名の終わりを {' '.join(_SUFFIXES)} の"
            "どれかにするか、--format で指定してください。"
        )
    if target.exists() and not force:
        raise ExportError(
            f"同じ名前のファイルがあります: {path}。"
            "別の名前にするか、上書きしてよければ --force を付けてください。"
        )
    if not target.absolute().parent.is_dir():
        raise ExportError(f"保存先のフォルダがありません: {path}。先にフォルダを作ってください。")
    if found == "word":
        _word_document()
    return found


def save(answer: Answer, path: str, form: str) -> None:
    """Write the answer to a file, over one that is there.

    Args:
        answer: what to write.
        path: of the file.
        form: ``text``, ``markdown``, ``csv``, ``json`` or ``word``.

    Raises:
        ExportError: the file cannot be written, or python-docx is not installed.
    """
    if form == "word":
        content = to_docx(answer)
    else:
        text = (_BOM if form == "csv" else "") + text_of(answer, form)
        content = text.encode("utf-8", "replace")
    try:
        Path(path).write_bytes(content)
    except OSError as error:
        raise ExportError(
            f"保存できません: {path} ({error.strerror})。"
            "ファイルを開いていれば閉じ、場所と書き込みの権限を確かめてください。"
        ) from error


def _paragraphs(answer: Answer) -> list[str]:
    """What stands between the heading and the statements."""
    declined = [] if answer.answered else [_DECLINED]
    return [text for text in (*declined, *answer.notes, answer.lead) if text.strip()]


def _source(citation: Citation) -> str:
    # Not in ASCII brackets: a reader that knows no footnotes would take it for a link's title.
    headings = " › ".join(citation.passage.heading_path)
    return _one_line(f"「{_one_line(citation.quote)}」 {headings}（{citation.passage.doc_id}）")


def _one_line(text: str) -> str:
    """Text on one line, without characters that no XML file, and so no Word file, may hold."""
    return " ".join(_NOT_XML.sub("", visible(" ".join(text.split()))).split())


def _table(answer: Answer) -> _Table | None:
    """Lay out a list, or a comparison by aspects, as a table; None for other answers."""
    if answer.kind == "list":
        rows = (_Row(p.label, (tuple(map(_with_aspect, p.statements)),)) for p in answer.parts)
        return _Table(("自治体", "記述"), tuple(rows))
    aspects = list(dict.fromkeys(said.aspect for p in answer.parts for said in p.statements))
    if answer.kind != "compare" or not any(aspects):
        return None
    return _Table(
        ("自治体", *(aspect or "記述" for aspect in aspects)),
        tuple(
            _Row(p.label, tuple(tuple(s for s in p.statements if s.aspect == a) for a in aspects))
            for p in answer.parts
        ),
    )


def _listing(answer: Answer) -> _Table:
    """Lay out any answer, a refusal too, one statement a row."""
    parts = answer.parts or (Part("", (Statement(answer.lead or answer.text),)),)
    rows = (
        _Row(" / ".join(filter(None, (part.label, said.aspect))), ((said,),))
        for part in parts
        for said in part.statements
    )
    return _Table(("項目", "記述"), tuple(rows))


def _with_aspect(said: Statement) -> Statement:
    """The same statement, its aspect said in its text."""
    return replace(said, text=f"{said.aspect}: {said.text}", aspect="") if said.aspect else said


def _marked(said: Statement) -> str:
    return said.text + "".join(f"[{n}]" for n in said.numbers)


def _harmless(cell: str) -> str:
    shown = visible(cell)
    return f"'{shown}" if _FORMULA.match(shown) else shown


def _escaped(text: str) -> str:
    """Text as one line of Markdown that reads as nothing but this text."""
    marked = _MARKUP.sub(r"\\\1", _one_line(text)).translate(_ENTITIES)
    return _LINE_START.sub(lambda match: f"{match[1] or ''}\\", marked)


def _footnoted(said: Statement) -> str:
    return _escaped(said.text) + "".join(f"[^{n}]" for n in said.numbers)


def _markdown_parts(parts: Sequence[Part]) -> Iterator[str]:
    for part in parts:
        if part.label:
            yield f"## {_escaped(part.label)}"
        yield "\n".join(f"- {_footnoted(_with_aspect(said))}" for said in part.statements)


def _markdown_table(table: _Table) -> str:
    lines = [
        [_escaped(name) for name in table.header],
        ["---"] * len(table.header),
        *(
            [_escaped(row.label), *("<br>".join(map(_footnoted, cell)) for cell in row.cells)]
            for row in table.rows
        ),
    ]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _word_document() -> "WordDocument":
    try:
        from docx import Document  # noqa: PLC0415 - an extra
        from docx.oxml.ns import qn  # noqa: PLC0415
        from docx.shared import Mm  # noqa: PLC0415
    except ImportError as error:
        raise ExportError(
            "Word ファイルを作る部品がありません。pip install python-docx で入れるか、"
            ".md や .csv で保存してください。"
        ) from error
    document = Document()
    for language in document.styles.element.xpath("w:docDefaults//w:lang"):
        language.set(qn("w:eastAsia"), "ja-JP")  # Word then takes its Japanese fonts
    page = document.sections[0]
    page.page_width, page.page_height = Mm(210), Mm(297)
    document.core_properties.author = "dxqa"
    document.core_properties.comments = ""
    return document


def _word_answer(document: "WordDocument", answer: Answer) -> None:
    document.add_heading(_one_line(answer.question), level=1)
    for paragraph in _paragraphs(answer):
        document.add_paragraph(_one_line(paragraph))
    table = _table(answer)
    if table:
        _word_table(document, table)
    else:
        _word_parts(document, answer.parts)
    if answer.citations:
        document.add_heading(_SOURCES, level=2)
    for citation in answer.citations:
        document.add_paragraph(f"[{citation.number}] {_source(citation)}")


def _word_parts(document: "WordDocument", parts: Sequence[Part]) -> None:
    for part in parts:
        if part.label:
            document.add_heading(_one_line(part.label), level=2)
        for said in part.statements:
            _write(document.add_paragraph(style="List Bullet"), _with_aspect(said))


def _word_table(document: "WordDocument", table: _Table) -> None:
    from docx.enum.section import WD_ORIENT  # noqa: PLC0415 - an extra

    if len(table.header) > _PORTRAIT_COLUMNS:
        page = document.sections[0]
        page.orientation = WD_ORIENT.LANDSCAPE
        page.page_width, page.page_height = page.page_height, page.page_width
    grid = document.add_table(rows=1, cols=len(table.header), style="Table Grid")
    for cell, name in zip(grid.rows[0].cells, table.header, strict=True):
        cell.paragraphs[0].add_run(_one_line(name)).bold = True
    for row in table.rows:
        first, *others = grid.add_row().cells
        first.text = _one_line(row.label)
        for cell, statements in zip(others, row.cells, strict=True):
            for position, said in enumerate(statements):
                _write(cell.add_paragraph() if position else cell.paragraphs[0], said)


def _write(paragraph: "Paragraph", said: Statement) -> None:
    paragraph.add_run(_one_line(said.text))
    if said.numbers:
        paragraph.add_run("".join(f"[{n}]" for n in said.numbers)).font.superscript = True
