"""Figures and years in text, each with one canonical value whatever way it is written."""

import math
import re
from dataclasses import dataclass

from dxqa.japanese.normalize import normalize

# First Gregorian year of each era (the era's year 1).
_ERAS = {"令和": 2019, "平成": 1989, "昭和": 1926, "大正": 1912, "明治": 1868}
_LAST_YEAR = 9999
_ERA_LETTERS = {"R": "令和", "H": "平成", "S": "昭和"}
_DIGITS = {c: i for i, c in enumerate("〇一二三四五六七八九")}
_SMALL = {"十": 10, "百": 100, "千": 1000}
_LARGE = {"万": 10**4, "億": 10**8, "兆": 10**12}

# ASCII only: \d would also take the digits of other scripts, which have no normal form here.
_ARABIC = r"[0-9]{1,3}(?:,[0-9]{3})+(?:\.[0-9]+)?|[0-9]+(?:\.[0-9]+)?"
# One kanji digit alone is a figure only before a counter (四つ, but not 一部).
_COUNTER = "[つ人名年月日回件割個社次期本点%万億]"
_KANJI = rf"[〇一二三四五六七八九十百千]{{2,}}|[一二三四五六七八九十百千](?={_COUNTER})"
_ERA_YEAR = re.compile(
    rf"(令和|平成|昭和|大正|明治|(?<![A-Za-z])[RHS])\.?({_ARABIC}|{_KANJI}|元)(?=年|\.|$|[^\d])"
)
_WEST_YEAR = re.compile(r"(?<!\d)((?:18|19|20)[0-9]{2})年?")
_NUMBER = re.compile(rf"({_ARABIC}|{_KANJI})([千]?[万億兆])?")
_UNIT = re.compile(r"[%一-鿿ヶカケかつ]{0,2}")


@dataclass(frozen=True, slots=True)
class Quantity:
    """A figure in text.

    Attributes:
        value: the number, 万 and 億 multiplied out; for a year, the Gregorian year.
        unit: what follows the number (年, 人, %, …), at most two characters.
        start: offset in the original text.
        end: offset in the original text, unit excluded.
    """

    value: float
    unit: str
    start: int
    end: int

    @property
    def is_year(self) -> bool:
        """Whether ``value`` is a Gregorian calendar year."""
        return self.unit == "年" and self.value >= 1800  # noqa: PLR2004 - before any era here

    @property
    def term(self) -> str:
        """The same string for the same figure: ``#2021年`` for 令和3年 and 2021年."""
        return f"#{self.value:.12g}{'年' if self.is_year else ''}"


def find_quantities(text: str) -> list[Quantity]:
    """Find figures in order: Arabic or kanji digits, 万 and 億, era and Gregorian years."""
    normal = normalize(text)
    found: list[tuple[int, int, float, str]] = []
    for match in _figures(normal.text):
        value = _value(match)
        if value is None or (found and match.start() < found[-1][1]):
            continue
        start, unit = match.start(), _unit_of(normal.text, match)
        if found and start == found[-1][1] and normal.text[start - 1] in _LARGE:
            start, _, larger, _ = found.pop()  # 1億 2,000万 is one figure
            value += larger
        found.append((start, match.end(), value, unit))
    return [Quantity(v, unit, *normal.original_span(a, b)) for a, b, v, unit in found]


def _figures(text: str) -> list[re.Match[str]]:
    matches = [*_ERA_YEAR.finditer(text), *_NUMBER.finditer(text)]
    return sorted(matches, key=lambda m: (m.start(), -m.end()))


def _unit_of(text: str, match: re.Match[str]) -> str:
    if match.re is _ERA_YEAR:
        return "年"
    unit = _UNIT.match(text, match.end())
    found = unit.group() if unit else ""
    return "年" if found.startswith("年") and _WEST_YEAR.fullmatch(match.group()) else found


def _value(match: re.Match[str]) -> float | None:
    if match.re is _ERA_YEAR:
        era = _ERA_LETTERS.get(match.group(1), match.group(1))
        year = 1.0 if match.group(2) == "元" else _number(match.group(2))
        return None if year is None or year > _LAST_YEAR else _ERAS[era] + year - 1
    value = _number(match.group(1))
    if value is None:
        return None
    for unit in match.group(2) or "":
        value *= _SMALL.get(unit) or _LARGE[unit]
    return value if math.isfinite(value) else None  # hundreds of digits count nothing


def _number(digits: str) -> float | None:
    """Read Arabic digits with commas, or a kanji numeral (五十九, 二〇二一); None if neither."""
    if digits[0].isascii():
        return float(digits.replace(",", ""))
    if not any(c in _SMALL for c in digits):
        return float("".join(str(_DIGITS[c]) for c in digits))
    total, digit = 0, 0
    for c in digits:
        if c in _SMALL:
            total += (digit or 1) * _SMALL[c]
            digit = 0
        else:
            digit = _DIGITS[c]
    return float(total + digit)
