"""Excel (.xlsx): a sheet is a heading, a row one passage under the names of its columns."""

import datetime as dt
import math
import re
import warnings
import zipfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import openpyxl
from openpyxl.utils import range_boundaries
from openpyxl.worksheet.worksheet import Worksheet

from dxqa.errors import CorpusError
from dxqa.readers import package
from dxqa.readers.extracted import Writer
from dxqa.readers.reading import Extract, Loss, Reading
from dxqa.readers.sheet import write_table

_MOST_CELLS = 2_000_000
"""Of all sheets together, empty ones within the used area too: openpyxl makes an object of each."""
_TOO_LARGE = (
    f"大きすぎます (すべてのシートでセル {_MOST_CELLS:,} 個まで)。"
    "使っていない行や列を削除するか、分けて保存してください"
)
_MERGED = re.compile(rb"<(?:\w+:)?mergeCell\s[^>]*?ref=[\"']([A-Za-z0-9:$]+)")
_PERCENT = re.compile(r"0(?:\.(0+))?%")


def read(path: Path) -> Reading:
    """Read every sheet, hidden ones too; of formulas, the values last computed.

    Raises:
        CorpusError: encrypted, damaged or too large unpacked.
    """
    package.check(path)
    texts = list(_sheets(path))
    _check_merged(texts)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of parts that are not text (data validation, styles)
        book = openpyxl.load_workbook(path, data_only=True)
        formulas = openpyxl.load_workbook(path) if any(b"<f" in text for text in texts) else None
    writer = Writer()
    losses: list[Loss] = []
    left = _MOST_CELLS
    for sheet in book.worksheets:
        cells = sheet.max_row * sheet.max_column
        if cells > left:
            losses.append(Loss(f"シート {sheet.title}", _TOO_LARGE))
            continue
        left -= cells
        if reason := _write(sheet, writer):
            losses.append(Loss(f"シート {sheet.title}", reason))
        if formulas and (count := _not_computed(sheet, formulas[sheet.title])):
            losses.append(
                Loss(
                    f"シート {sheet.title} の数式",
                    f"計算結果が保存されていないセルが {count:,} 個あります。"
                    "Excel で開いて保存し直してください",
                )
            )
    return Reading((Extract(writer.text()),), tuple(losses))


def _write(sheet: Worksheet, writer: Writer) -> str:
    """Write one sheet down; return why it could not be, else ``""``."""
    rows = [[_shown(cell) for cell in row] for row in sheet.iter_rows()]
    for area in sheet.merged_cells.ranges:
        # Merged cells tell the same in each row; names of columns in each column, too.
        top, left = area.min_row - 1, area.min_col - 1
        for row in range(top + 1, min(area.max_row, len(rows))):
            rows[row][left] = rows[top][left]
    if not any(any(row) for row in rows):
        return "空です"
    writer.heading(1, sheet.title)
    write_table(writer, rows)
    return ""


def _shown(cell: Any) -> str:  # noqa: ANN401 - a cell may be of several classes
    """Return a value as Excel shows it, as far as it matters in a sentence."""
    value = cell.value
    if value is None:
        return ""
    if isinstance(value, dt.date):
        return _day(value)
    if isinstance(value, bool) or not isinstance(value, int | float):
        return str(value)
    return _number(value, str(cell.number_format))


def _number(value: float, layout: str) -> str:
    if percent := _PERCENT.search(layout):
        return f"{value:.{len(percent.group(1) or '')}%}"
    number = f"{value:.15g}" if isinstance(value, float) else str(value)
    if "#,##0" not in layout or "e" in number:
        return number
    whole, point, rest = number.partition(".")
    return f"{int(whole):,}{point}{rest}"


def _day(value: dt.date) -> str:
    day = f"{value.year}年{value.month}月{value.day}日"
    timed = isinstance(value, dt.datetime) and (value.hour or value.minute)
    return f"{day} {value:%H:%M}" if timed else day


def _check_merged(texts: Iterable[bytes]) -> None:
    """Refuse merged cells of a size for which openpyxl would fill the memory."""
    refs = [ref.decode("ascii") for text in texts for ref in _MERGED.findall(text)]
    bounds = [range_boundaries(ref) for ref in refs]
    cells = sum(
        (right - left + 1) * (bottom - top + 1) if top and left and right and bottom else math.inf
        for left, top, right, bottom in bounds
    )
    if cells > _MOST_CELLS:
        raise CorpusError("結合したセルが大きすぎます。結合を解いて保存し直してください")


def _sheets(path: Path) -> Iterator[bytes]:
    with zipfile.ZipFile(path) as archive:
        for name in archive.namelist():
            if name.startswith("xl/worksheets/") and name.endswith(".xml"):
                yield archive.read(name)


def _not_computed(values: Worksheet, formulas: Worksheet) -> int:
    if formulas.max_row * formulas.max_column > _MOST_CELLS:
        return 0
    return sum(
        cell.data_type == "f" and values[cell.coordinate].value is None
        for row in formulas.iter_rows()
        for cell in row
    )
