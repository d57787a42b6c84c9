"""Which municipalities a question means, however they are typed.

Everything is derived from the names in the index and the analyser's readings: 宮崎県都城市 is known
as 都城市, 都城, みやこのじょう, ミヤコノジョウ, miyakonojo and, one slip away, as 宮古城市.
"""

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from functools import cached_property

import jaconv
from rapidfuzz.distance import Levenshtein

from dxqa.japanese import PREFECTURES, Place, normalize, parse_place
from dxqa.retrieval.spellings import (
    SUFFIX_READINGS,
    fold_romaji,
    is_own_run,
    is_place,
    place_groups,
    reading_inside,
    romaji_stems,
    same_romaji,
)
from dxqa.tokenizer import tokenize

_WITH_SUFFIX = re.compile(r"([一-鿿々ぁ-んァ-ヶー]{2,6}?)([県府市区町村])(?![一-鿿])")
_ROMAJI_WORD = re.compile(r"[A-Za-zÀ-ɏ]+(?:['-][A-Za-zÀ-ɏ]+)*")
_TYPO_LENGTH = 2
_SHORT_READING = 3
# 埼玉県庁, 宮崎県として: the prefecture is meant, not the towns in it.
_AS_ITSELF = re.compile(r"[都道府県]?庁|自体|として|が(?!つ)")


@dataclass(frozen=True, slots=True)
class Mentions:
    """What a question names.

    Attributes:
        known: full names of municipalities in the index, in order of appearance.
        unknown: other places as typed (渋谷区); nothing in the index is about them.
        prefectures: prefectures that are no case themselves but hold cases (山形県).
        remarks: for the reader: a prefecture that does not fit, a slip that was mended.
        rest: the question in normal form with the names blanked out.
        text: the question in normal form with known names in their usual form.
    """

    known: tuple[str, ...] = ()
    unknown: tuple[str, ...] = ()
    prefectures: tuple[str, ...] = ()
    remarks: tuple[str, ...] = ()
    rest: str = ""
    text: str = ""


@dataclass(frozen=True)
class _Name:
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
class _Scan:
    """A question while its names are taken out one by one; spaces stand for what is taken."""

    text: str
    found: list[tuple[int, str]] = field(default_factory=list)
    spans: list[tuple[int, int, str]] = field(default_factory=list)
    prefectures: list[tuple[int, str]] = field(default_factory=list)
    unknown: list[tuple[int, str]] = field(default_factory=list)
    remarks: list[str] = field(default_factory=list)

    def take(self, start: int, end: int) -> None:
        self.text = self.text[:start] + " " * (end - start) + self.text[end:]

    def take_name(self, start: int, end: int, name: "_Name") -> None:
        """Note a known name; the text keeps its length, so that offsets stay true."""
        self.found.append((start, name.full))
        self.spans.append((start, end, name.short))
        self.take(start, end)

    def rewritten(self, original: str) -> str:
        """The question with each known name in its usual form."""
        for start, end, short in sorted(self.spans, reverse=True):
            original = original[:start] + short + original[end:]
        return original


class Gazetteer:
    """Recognises the municipalities of one index, and tells other places from them."""

    def __init__(self, names: Iterable[str], occurs: Callable[[str], bool]) -> None:
        """Take full names, and a test whether a word occurs anywhere in the index."""
        places = ((name, parse_place(name)) for name in names)
        self._names = [_Name(name, place) for name, place in places if place]
        self._occurs = occurs

    def recognise(self, question: str) -> Mentions:
        """Find every place in a question, surest ways first."""
        original = normalize(question).text
        scan = _Scan(original)
        self._by_characters(scan)
        self._by_reading(scan)
        self._by_romaji(scan)
        self._by_likeness(scan)
        self._other_places(scan)
        return Mentions(
            known=_ordered(scan.found),
            unknown=_ordered(scan.unknown),
            prefectures=_ordered(scan.prefectures),
            remarks=tuple(dict.fromkeys(scan.remarks)),
            rest=scan.text,
            text=scan.rewritten(original),
        )

    def _by_characters(self, scan: _Scan) -> None:
        """Take names as written: in full, without the prefecture, without 県 or 市."""
        forms = [
            (form, n) for n in self._names for form in dict.fromkeys((n.full, n.short, n.stem))
        ]
        for form, name in sorted(forms, key=lambda pair: -len(pair[0])):
            for match in list(re.finditer(re.escape(form), scan.text)):
                if self._is_whole(scan.text, match, name):
                    start = self._with_prefecture(scan, match.start(), name)
                    scan.take_name(start, match.end(), name)

    def _is_whole(self, text: str, match: re.Match[str], name: _Name) -> bool:
        """Whether a stem stands for itself: 福島 in 福島市 is another place."""
        if match.group() in (name.full, name.short):
            following = text[match.end() : match.end() + 4]
            return name.place.town != "" or not self._town_follows(match.group(), following)
        following = text[match.end() : match.end() + 1]
        before = text[match.start() - 1 : match.start()]
        if following and following in "都道府県市区町村郡":
            return False
        return len(match.group()) > 1 and not (before and before in "東西南北新")

    def _town_follows(self, prefecture: str, following: str) -> bool:
        """Whether a town that is no case follows its prefecture: 福島県会津若松市."""
        tokens = tokenize(prefecture + following)
        after = [t for t in tokens if t.start >= len(prefecture)]
        return bool(after) and "地名" in after[0].detail

    def _with_prefecture(self, scan: _Scan, start: int, name: _Name) -> int:
        """Return where the name begins with the prefecture typed before it, right or wrong."""
        for prefecture in PREFECTURES if name.place.town else ():
            if scan.text[:start].endswith(prefecture):
                if prefecture != name.place.prefecture:
                    scan.remarks.append(
                        f"ご質問の「{prefecture}{name.short}」は、資料では「{name.full}」です。"
                    )
                return start - len(prefecture)
        return start

    def _by_reading(self, scan: _Scan) -> None:
        """Take names typed in kana; a short reading needs its 市 or 町, or a run of its own."""
        kana = str(jaconv.hira2kata(scan.text))
        for name in sorted(self._names, key=lambda n: -len(n.reading)):
            if not name.reading:
                continue
            suffixes = "|".join(SUFFIX_READINGS.get(name.short[-1], ())) or "(?!)"
            pattern = rf"{name.reading}(?:({suffixes})|[{name.short[-1]}])?"
            for match in list(re.finditer(pattern, kana)):
                own_run = is_own_run(kana, match)
                if match.group() != name.reading or own_run or len(name.reading) > _SHORT_READING:
                    scan.take_name(match.start(), match.end(), name)
                    kana = str(jaconv.hira2kata(scan.text))

    def _by_romaji(self, scan: _Scan) -> None:
        for match in list(_ROMAJI_WORD.finditer(scan.text)):
            words = romaji_stems(match.group())
            name = next(
                (n for n in self._names if any(same_romaji(w, n.romaji) for w in words)), None
            )
            if name:
                scan.take_name(match.start(), match.end(), name)

    def _by_likeness(self, scan: _Scan) -> None:
        """Take names with one slip, unless what is typed is itself a place that exists."""
        for match in list(_WITH_SUFFIX.finditer(scan.text)):
            stem, suffix = match.groups()
            if (
                is_place(match.group())
                and reading_inside(match.group(), stem) not in self._readings
            ):
                continue
            for length in range(len(stem), 1, -1):
                name = self._alike(stem[-length:], suffix)
                if name:
                    start = match.end() - 1 - length
                    scan.remarks.append(
                        f"「{scan.text[start : match.end()]}」を「{name.full}」と読みました。"
                    )
                    scan.take_name(start, match.end(), name)
                    break

    @cached_property
    def _readings(self) -> frozenset[str]:
        return frozenset(name.reading for name in self._names)

    def _alike(self, stem: str, suffix: str) -> _Name | None:
        """Return the one name of this suffix that sounds the same or is one character off."""
        candidates = [n for n in self._names if n.short[-1] == suffix]
        reading = reading_inside(stem + suffix, stem)
        same_sound = [n for n in candidates if reading and n.reading == reading]
        one_off = [
            n
            for n in candidates
            if max(len(stem), len(n.stem)) >= _TYPO_LENGTH
            and Levenshtein.distance(stem, n.stem) == 1
        ]
        found = same_sound or one_off
        return found[0] if len(found) == 1 else None

    def _other_places(self, scan: _Scan) -> None:
        """Take the places that are left: a prefecture that holds cases, or nothing we know."""
        held = {n.place.prefecture for n in self._names}
        for group in place_groups(scan.text):
            start, end = group[0].start, group[-1].end
            typed = scan.text[start:end]
            prefecture = next((p for p in PREFECTURES if typed in (p, p[:-1])), "")
            itself = _AS_ITSELF.match(scan.text, end)
            if prefecture in held and not itself:
                scan.prefectures.append((start, prefecture))
            elif (
                prefecture or typed[-1] in "都道府県市区町村" or not self._occurs(group[-1].surface)
            ):
                scan.unknown.append((start, prefecture or typed))
            else:
                continue
            scan.take(start, end)


def _ordered(found: list[tuple[int, str]]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(name for _, name in sorted(found)))
