"""What a question names, and the question while its names are taken out one by one."""

from dataclasses import dataclass, field
from functools import cached_property

import jaconv

from dxqa.japanese import Place
from dxqa.retrieval.spellings import fold_romaji, reading_inside


@dataclass(frozen=True, slots=True)
class Mentions:
    """What a question names.

    Attributes:
        known: full names of municipalities in the index, in order of appearance.
        unknown: other places as typed (渋谷区); nothing in the index is about them.
        prefectures: prefectures that are no case themselves but hold cases (山形県).
        ambiguous: what was typed (府中市), with the full names that it may stand for.
        remarks: for the reader: a prefecture that does not fit, a slip that was mended.
        rest: the question in normal form with the names blanked out.
        text: the question in normal form with known names in their usual form.
    """

    known: tuple[str, ...] = ()
    unknown: tuple[str, ...] = ()
    prefectures: tuple[str, ...] = ()
    ambiguous: tuple[tuple[str, tuple[str, ...]], ...] = ()
    remarks: tuple[str, ...] = ()
    rest: str = ""
    text: str = ""


@dataclass(frozen=True)
class Name:
    """One municipality of the index and the ways to write it."""

    full: str
    place: Place

    @cached_property
    def short(self) -> str:
        """Without the prefecture: 都城市; the whole name for a prefecture."""
        return self.place.town or self.place.prefecture

    @cached_property
    def stem(self) -> str:
        """Without 県, 市, 町: 都城."""
        return self.short if self.short == "北海道" else self.short[:-1]

    @cached_property
    def reading(self) -> str:
        """Katakana of the stem."""
        return reading_inside(self.short, self.stem)

    @cached_property
    def romaji(self) -> str:
        """Latin letters of the stem, long vowels folded: oita, miyakonojo."""
        return fold_romaji(str(jaconv.kana2alphabet(jaconv.kata2hira(self.reading))))


@dataclass
class Scan:
    """A question while its names are taken out one by one; spaces stand for what is taken."""

    text: str
    found: list[tuple[int, str]] = field(default_factory=list)
    spans: list[tuple[int, int, str]] = field(default_factory=list)
    prefectures: list[tuple[int, str]] = field(default_factory=list)
    unknown: list[tuple[int, str]] = field(default_factory=list)
    ambiguous: list[tuple[str, tuple[str, ...]]] = field(default_factory=list)
    remarks: list[str] = field(default_factory=list)

    def take(self, start: int, end: int) -> None:
        """Blank out what is understood."""
        self.text = self.text[:start] + " " * (end - start) + self.text[end:]

    def take_name(self, start: int, end: int, name: "Name") -> None:
        """Note a known name; the text keeps its length, so that offsets stay true."""
        self.found.append((start, name.full))
        self.spans.append((start, end, name.short))
        self.take(start, end)

    def mentions(self, original: str) -> Mentions:
        """Return what was found in ``original``, the text that the scan began with."""
        return Mentions(
            known=_ordered(self.found),
            unknown=_ordered(self.unknown),
            prefectures=_ordered(self.prefectures),
            ambiguous=tuple(dict.fromkeys(self.ambiguous)),
            remarks=tuple(dict.fromkeys(self.remarks)),
            rest=self.text,
            text=self._rewritten(original),
        )

    def _rewritten(self, original: str) -> str:
        for start, end, short in sorted(self.spans, reverse=True):
            original = original[:start] + short + original[end:]
        return original


def _ordered(found: list[tuple[int, str]]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(name for _, name in sorted(found)))
