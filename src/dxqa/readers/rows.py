"""Rows of tables as text that can be read, embedded and quoted alone: 列名: 値、列名: 値."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from dxqa.errors import CorpusError
from dxqa.japanese import find_quantities
from dxqa.readers.place_metadata import place_metadata
from dxqa.types import MetadataValue

_SENTENCE_END = ("。", "！", "？", "!", "?")
_CELL = re.compile(r"(?:^|[、。！？!?])([^、。！？!?:]{1,20}): ([^、。]+)")
_COLUMNS = {
    "municipality": re.compile(r"自治体名?|団体名|市区?町村名?|municipality", re.IGNORECASE),
    "prefecture": re.compile(r"都道府県名?|prefecture", re.IGNORECASE),
    "population": re.compile(r"人口(?:\s*[(（]人[)）])?|population", re.IGNORECASE),
    "department": re.compile(r"担当課|担当部署|department", re.IGNORECASE),
    "tel": re.compile(r"電話(?:番号)?|tel", re.IGNORECASE),
}
_BROKEN = re.compile(r"(?<=[、。，．！？])\s*\n\s*")
_LONGEST_LABEL = 40
_WIDEST, _TALLEST = 200, 2000
_VALUE_LENGTH = 15
_MOST_CELLS = 1_000_000


@dataclass(frozen=True, slots=True)
class Cell:
    """A cell and how far it reaches over its neighbours."""

    text: str
    columns: int = 1
    rows: int = 1
    heading: bool = False


def row_text(names: Sequence[str], values: Sequence[str]) -> str:
    """Return the cells that are not empty, each after the name of its column."""
    text = ""
    for at, value in enumerate(values):
        if told := " ".join(_BROKEN.sub("", value).split()):
            name = " ".join(names[at].split()) if at < len(names) else ""
            between = "" if not text or text.endswith(_SENTENCE_END) else "、"
            text += between + (f"{name}: {told}" if name and name != told else told)
    return text


def row_label(text: str) -> str:
    """Return the first cell of a row's text."""
    return re.split(r"[、。]", text, maxsplit=1)[0][:_LONGEST_LABEL]


def row_metadata(text: str) -> dict[str, MetadataValue]:
    """Read municipality, population, department and telephone out of columns called so."""
    told: dict[str, str] = {}
    for name, value in _CELL.findall(text):
        for key, pattern in _COLUMNS.items():
            if pattern.fullmatch(name.strip()):
                told.setdefault(key, value.strip())
    town, prefecture = told.get("municipality", ""), told.get("prefecture", "")
    found = place_metadata(town if town.startswith(prefecture) else prefecture + town)
    if (people := _population(told.get("population", ""))) is not None:
        found["population"] = people
    return found | {key: told[key] for key in ("department", "tel") if key in told}


def grid(rows: Sequence[Sequence[Cell]]) -> list[list[str]]:
    """Lay cells out in columns; one that reaches over several rows is told in each of them.

    Raises:
        CorpusError: that makes more of them than any table has.
    """
    laid: list[list[str]] = []
    count = 0
    hanging: dict[int, tuple[int, str]] = {}
    for row in rows:
        line: list[str] = []
        for cell in row:
            _hang(line, hanging)
            reach = min(cell.columns, _WIDEST)
            if cell.rows > 1:
                hanging |= {
                    len(line) + n: (min(cell.rows, _TALLEST), cell.text) for n in range(reach)
                }
            line += [cell.text] * (reach if cell.heading else 1)
            line += [] if cell.heading else [""] * (reach - 1)
        _hang(line, hanging)
        hanging = {at: (left - 1, text) for at, (left, text) in hanging.items() if left > 1}
        laid.append(line)
        count += len(line)
        if count > _MOST_CELLS:
            raise CorpusError(
                f"表が大きすぎます (セル {_MOST_CELLS:,} 個まで)。分けて保存してください"
            )
    return laid


def names_stand_left(rows: Sequence[Sequence[str]]) -> bool:
    """Whether a table of two columns has its names in the first, as forms do."""
    first = rows[0]
    return (
        all(len(row) == len(("name", "value")) for row in rows)
        and bool(first[1])
        and (
            len(first[1]) > _VALUE_LENGTH
            or first[1].endswith(_SENTENCE_END)
            or bool(re.search(r"\d", first[1]))
        )
    )


def _hang(line: list[str], hanging: dict[int, tuple[int, str]]) -> None:
    while len(line) in hanging:
        line.append(hanging[len(line)][1])


def _population(told: str) -> int | None:
    if re.fullmatch(r"\d[\d,]*", told):
        return int(told.replace(",", ""))
    found = [q for q in find_quantities(told) if q.unit.startswith("人")]
    return round(found[0].value) if found else None
