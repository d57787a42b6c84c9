"""A table in plain text: a line of labels, then rows that begin with a place.

Rows may be broken over several lines and blank lines; a row goes on until the next begins.
"""

import re
from dataclasses import dataclass

from dxqa.japanese import PREFECTURES, find_quantities, normalize, parse_place
from dxqa.readers.place_metadata import place_metadata
from dxqa.types import MetadataValue

_LABELS = re.compile(r"\S{1,10}(?:[ \t　|]+\S{1,10}){2,}")
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


def read(text: str, blocks: list[tuple[int, int]]) -> Table | None:
    """Read a table that begins at the first of these blocks; None if none does."""
    start, end = blocks[0]
    header, _, _ = text[start:end].partition("\n")
    if not _LABELS.fullmatch(header.strip()) or re.search(r"[。:：]", header):
        return None
    rows: list[tuple[int, int]] = []
    taken = 1
    for start, end in blocks:
        lines = [s for s in _lines(text, start, end) if text[s[0] : s[1]].strip() != header.strip()]
        if (start, end) != blocks[0] and not _belongs(text, lines, begun=bool(rows)):
            break
        for line in lines:
            if _ROW_START.match(normalize(text[line[0] : line[1]]).text + " "):
                rows.append(line)
            elif rows:
                rows[-1] = (rows[-1][0], line[1])
        taken = blocks.index((start, end)) + 1
    return Table(header.strip(), tuple(rows), taken) if rows else None


def row_metadata(row: str, places: list[str]) -> dict[str, MetadataValue]:
    """Read place, population (persons), telephone and department out of a row.

    ``places`` are the full names that the document's own headings use. A row whose town is among
    them with another prefecture is that town's: headings are more careful than tables.
    """
    line = " ".join(normalize(row).text.split())
    start = _ROW_START.match(line + " ")
    if start is None:
        return {}
    metadata = place_metadata(_known(start.group(1) + (start.group(2) or ""), places))
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
    found = re.finditer(r"[^\r\n]*\S", text[start:end])
    return [(start + m.start(), start + m.end()) for m in found]


def _belongs(text: str, lines: list[tuple[int, int]], *, begun: bool) -> bool:
    first = normalize(text[lines[0][0] : lines[0][1]]).text
    return bool(_ROW_START.match(first + " ") or (begun and _CONTINUED.search(first)))


def _known(name: str, places: list[str]) -> str:
    """The document's own name for a place, its town being the same."""
    place = parse_place(name)
    if place is None or name in places or not place.town:
        return name
    same_town = [p for p in places if (found := parse_place(p)) and found.town == place.town]
    return same_town[0] if len(same_town) == 1 else name
