"""Rows of a sheet, from Excel or CSV: titles above, the names of the columns, then one row each."""

from collections.abc import Sequence

from dxqa.readers.extracted import Writer


def write_table(writer: Writer, rows: Sequence[Sequence[str]]) -> None:
    """Write every row under the names of its columns.

    Lines above the names that fill one cell only are titles and remarks; the names stand in the
    first line with more. A table of one line is told as it is.
    """
    filled = [row for row in rows if any(value.strip() for value in row)]
    first = next((n for n, row in enumerate(filled) if _count(row) > 1), 0)
    for row in filled[:first]:
        writer.paragraph("\n".join(filter(None, row)))
    names = filled[first] if filled else []
    for row in filled[first + 1 :]:
        writer.row(names, row)
    if len(filled) == first + 1:
        writer.row([], names)


def _count(row: Sequence[str]) -> int:
    return sum(bool(value.strip()) for value in row)
