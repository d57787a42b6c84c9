"""One normal form for questions and passages, with a map back to the original characters.

NFKC does most of it (full-width letters, half-width kana, Kangxi radicals). What it misses is in
``data/characters.tsv``: the CJK radicals supplement (⻄ → 西), old character forms (縣 → 県) and
dashes. Sources: Unicode's EquivalentUnifiedIdeograph property; the 1949 and 2010 lists of common
characters with their former shapes.
"""

import re
import unicodedata
from dataclasses import dataclass
from functools import cache, lru_cache
from importlib.resources import files
from itertools import accumulate

# More marks than Unicode's stream-safe format has (UAX 15) are no writing, and dear to compose.
_UNIT = re.compile(r"(?s).[\u0300-\u036f\u3099\u309a\uff9e\uff9f]{0,30}")
_REMEMBERED = 2000  # characters: the maps of longer texts would fill the memory
# Control characters and lone surrogates, which the analyser cannot take.
_UNWRITABLE = ("Cc", "Cs")
_KATAKANA_DASH = re.compile(r"(?<=[ァ-ヺー])[-‐‑‒–—―−](?=[ァ-ヺー]|$|[^0-9A-Za-z\s])")


@dataclass(frozen=True, slots=True)
class Normalized:
    """A normalised text and where each of its characters came from.

    Attributes:
        text: the normal form, of length n.
        starts: for each of the n characters, the offset in the original where its source begins.
        ends: for each of the n characters, the offset in the original just past its source.
    """

    text: str
    starts: tuple[int, ...]
    ends: tuple[int, ...]

    def original_span(self, start: int, end: int) -> tuple[int, int]:
        """Map a half-open span of ``text`` to the half-open span of the original it came from."""
        if start >= end:
            at = self.starts[start] if start < len(self.starts) else (self.ends or (0,))[-1]
            return at, at
        return self.starts[start], self.ends[end - 1]


def normalize(text: str) -> Normalized:
    """Normalise ``text``; every character of the result can be traced to the original."""
    return _remembered(text) if len(text) <= _REMEMBERED else _normalized(text)


@lru_cache(maxsize=4096)
def _remembered(text: str) -> Normalized:
    return _normalized(text)


def _normalized(text: str) -> Normalized:
    units = _UNIT.findall(text)
    forms = [_normal_form(unit) for unit in units]
    joined = _KATAKANA_DASH.sub("ー", "".join(forms))
    if len(units) == len(text) and all(len(form) == 1 for form in forms):  # as nearly always
        return Normalized(joined, tuple(range(len(text))), tuple(range(1, len(text) + 1)))
    offsets = list(accumulate(map(len, units), initial=0))
    starts = [at for at, form in zip(offsets, forms, strict=False) for _ in form]
    ends = [at for at, form in zip(offsets[1:], forms, strict=True) for _ in form]
    return Normalized(joined, tuple(starts), tuple(ends))


@lru_cache(maxsize=65536)
def _normal_form(unit: str) -> str:
    if unicodedata.category(unit[0]) in _UNWRITABLE and not unit[0].isspace():
        return " " * len(unit)
    table = _character_table()
    form = unicodedata.normalize("NFKC", "".join(table.get(c, c) for c in unit))
    return "".join(table.get(c, c) for c in form)


@cache
def _character_table() -> dict[str, str]:
    lines = files("dxqa").joinpath("data/characters.tsv").read_text("utf-8").splitlines()
    rows = (line.split("\t") for line in lines if line and not line.startswith("#"))
    return {source: target for target, sources in rows for source in sources}
