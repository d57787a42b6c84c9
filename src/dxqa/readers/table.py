"""A table in plain text: a line of labels, then rows that begin with a place.

Rows may be broken over several lines and blank lines; a row goes on until the next begins.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from dxqa.japanese import PREFECTURES, find_quantities, normalize, parse_place
from dxqa.readers.place_metadata import place_metadata
from dxqa.types import MetadataValue

_BETWEEN_LABELS = re.compile(r"[ \t　|]+")
_FEWEST_LABELS, _LONGEST_LABEL = 3, 10
_LONGEST_ROW = 600
"""Characters of a row that are looked at."""
_ROW_START = re.compile(rf"({'|'.join(PREFECTURES)})(\S{{0,8}}?[市区町村])?\S{{0,2}}\s")
_TEL = re.compile(r"(?:tel|電話|℡)?\s*[:.]?\s*(0\d{1,4}-\d{1,4}-\d{3,4})", re.IGNORECASE)
_CONTINUED = re.compile(r"tel|電話|fax|℡|e-?mail|お問い?合わせフォーム|https?:", re.IGNORECASE)
_OFFICE = re.compile(r"\S*?[部局課室係班当](?:\s+\S*?[部局課室係班当])*(?=\s|$)")


@dataclass(frozen=True, slots=True)
class Table:
    """``rows`` are half-open spans into the document; ``blocks`` counts the blocks it took."""

    header: str
    rows: tuple[tuple[int, int], ...]
    blocks: int


class Places:
    """The full names that a document's own headings use, by town."""

    def __init__(self) -> None:
        """Know none yet."""
        self._names: dict[str, set[str]] = {}

    def add(self, name: str) -> None:
        """Take up a name."""
        if place := parse_place(name):
            self._names.setdefault(place.town, set()).add(name)

    def known(self, name: str) -> str:
        """The document's own name for a place, its town being the same."""
        place = parse_place(name)
        same_town = self._names.get(place.town, set()) if place and place.town else set()
        return next(iter(same_town)) if len(same_town) == 1 and name not in same_town else name


def read(text: str, blocks: Sequence[tuple[int, int]], first: int = 0) -> Table | None:
    """Read a table that begins at the block of this number; None if none does."""
    header = text[slice(*blocks[first])].partition("\n")[0].strip()
    if not _are_labels(header):
        return None
    rows: list[tuple[int, int]] = []
    taken = 0
    for at in range(first, len(blocks)):
        lines = [s for s in _lines(text, *blocks[at]) if text[s[0] : s[1]].strip() != header]
        if taken and not _belongs(text, lines, begun=bool(rows)):
            break
        taken += 1
        for line in lines:
            if _ROW_START.match(normalize(text[line[0] : line[1]]).text + " "):
                rows.append(line)
            elif rows:
                rows[-1] = (rows[-1][0], line[1])
    return Table(header, tuple(rows), taken) if rows else None


def row_metadata(row: str, places: Places) -> dict[str, MetadataValue]:
    """Read place, population (persons), telephone and department out of a row.

    A row whose town is among ``places`` with another prefecture is that town's: headings are more
    careful than tables.
    """
    line = " ".join(normalize(row[:_LONGEST_ROW]).text.split())
    start = _ROW_START.match(line + " ")
    if start is None:
        return {}
    metadata = place_metadata(places.known(start.group(1) + (start.group(2) or "")))
    rest = line[start.end() :]
    for quantity in find_quantities(rest):
        if quantity.unit.startswith("人"):
            metadata["population"] = round(quantity.value)
            rest = rest[quantity.end + 1 :].strip()
            break
    if tel := _TEL.search(rest):
        metadata["tel"] = tel.group(1)
        rest = rest[: tel.start()]
    if offices := _OFFICE.findall(rest.strip()):
        metadata["department"] = offices[-1]
    return metadata


def _lines(text: str, start: int, end: int) -> list[tuple[int, int]]:
    found = re.finditer(r"[^\r\n]+", text[start:end])
    lines = ((start + m.start(), start + m.start() + len(m.group().rstrip())) for m in found)
    return [(first, last) for first, last in lines if first < last]


def _belongs(text: str, lines: list[tuple[int, int]], *, begun: bool) -> bool:
    if not lines:  # the labels once more
        return begun
    first = normalize(text[lines[0][0] : lines[0][1]]).text
    return bool(_ROW_START.match(first + " ") or (begun and _CONTINUED.search(first)))


def _are_labels(header: str) -> bool:
    labels = [label for label in _BETWEEN_LABELS.split(header) if label]
    short = all(len(label) <= _LONGEST_LABEL and label.split() == [label] for label in labels)
    return short and len(labels) >= _FEWEST_LABELS and not re.search(r"[。:：]", header)
