"""CSV and TSV: a row is one passage under the names of its columns."""

import csv
import io
from pathlib import Path

from dxqa.errors import CorpusError
from dxqa.readers.encoding import decode
from dxqa.readers.extracted import Writer
from dxqa.readers.reading import Extract, Reading
from dxqa.readers.sheet import write_table

_LONGEST_FIELD = 100_000
_SAMPLE = 10_000


def read(path: Path) -> Reading:
    """Read all rows; quoted fields may hold line breaks.

    Raises:
        CorpusError: not text, or quotes that never end.
    """
    text = decode(path.read_bytes())
    separator = "\t" if path.suffix.lower() == ".tsv" else _separator(text)
    csv.field_size_limit(_LONGEST_FIELD)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=separator, strict=True)
    try:
        rows = list(reader)
    except csv.Error as error:
        raise CorpusError(
            f'{reader.line_num} 行目を表として読めません。引用符 (") の対応を確かめてください'
        ) from error
    writer = Writer()
    write_table(writer, rows)
    return Reading((Extract(writer.text()),))


def _separator(text: str) -> str:
    """Return the mark that parts the fields of the first line; some CSV files have others."""
    first = text[:_SAMPLE].lstrip().partition("\n")[0]
    return max(",\t;", key=first.count) if "," not in first else ","
