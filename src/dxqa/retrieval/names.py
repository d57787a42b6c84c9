"""Which municipalities a question means, however they are typed.

Everything is derived from the names in the index and the analyser's readings: 宮崎県都城市 is known
as 都城市, 都城, みやこのじょう, ミヤコノジョウ, miyakonojo and, one slip away, as 宮古城市.
"""

import re
from collections.abc import Callable, Iterable, Sequence
from functools import cached_property, lru_cache

import jaconv
from rapidfuzz.distance import Levenshtein

from dxqa.japanese import PREFECTURES, REGIONS, normalize, parse_place
from dxqa.retrieval.mentions import Mentions, Name, Scan
from dxqa.retrieval.spellings import (
    SUFFIX_READINGS,
    is_own_run,
    is_place,
    one_slip,
    place_groups,
    reading_inside,
    romaji_stems,
    same_romaji,
    slipped_length,
    voiceless,
)
from dxqa.tokenizer import tokenize

_WITH_SUFFIX = re.compile(r"([一-鿿々ぁ-んァ-ヶー]{2,6}?)([県府市区町村])(?![一-鿿])")
_KANA_RUN = re.compile(r"[ぁ-ゖァ-ヺー]{4,}")
_ROMAJI_WORD = re.compile(r"[A-Za-zÀ-ɏ]+(?:['-][A-Za-zÀ-ɏ]+)*")
_TYPO_LENGTH = 2
_SHORT_READING = 3
_REMEMBERED = 1024  # runs of kana, デジタル among them
# 埼玉県庁, 宮崎県として: the prefecture is meant, not the towns in it.
_AS_ITSELF = re.compile(r"[都道府県]?庁|自体|として|が(?!つ)")


class Gazetteer:
    """Recognises the municipalities of one index, and tells other places from them."""

    def __init__(self, names: Iterable[str], occurs: Callable[[str], bool]) -> None:
        """Take full names, and a test whether a word occurs anywhere in the index."""
        places = ((name, parse_place(name)) for name in names)
        self._names = [Name(name, place) for name, place in places if place]
        self._occurs = occurs
        self._slipped = lru_cache(_REMEMBERED)(self._slipped_names)

    def recognise(self, question: str) -> Mentions:
        """Find every place in a question, surest ways first."""
        original = normalize(question).text
        scan = Scan(original)
        self._by_characters(scan)
        self._by_reading(scan)
        self._by_romaji(scan)
        self._by_likeness(scan)
        self._by_slipped_reading(scan)
        self._other_places(scan)
        return scan.mentions(original)

    def _by_characters(self, scan: Scan) -> None:
        """Take names as written: in full, without the prefecture, without 県 or 市."""
        for form, names in self._forms.items():
            if form in scan.text:  # of thousands of names, a question holds one or two
                for match in list(re.finditer(re.escape(form), scan.text)):
                    self._take_one(scan, match, names)

    @cached_property
    def _forms(self) -> dict[str, list[Name]]:
        """Ways to write a name, the longest first; one may stand for several (府中市)."""
        forms: dict[str, list[Name]] = {}
        for name in self._names:
            for form in dict.fromkeys((name.full, name.short, name.stem)):
                forms.setdefault(form, []).append(name)
        return dict(sorted(forms.items(), key=lambda item: -len(item[0])))

    def _take_one(self, scan: Scan, match: re.Match[str], names: Sequence[Name]) -> None:
        """Take the name meant; where only the prefecture could tell and is not there, say so."""
        meant = [name for name in names if self._is_whole(scan.text, match, name)]
        before = scan.text[: match.start()]
        if len(meant) > 1:
            meant = [n for n in meant if before.endswith(n.place.prefecture)] or meant
        if len(meant) == 1:
            start = self._with_prefecture(scan, match.start(), meant[0])
            scan.take_name(start, match.end(), meant[0])
        elif meant:
            scan.ambiguous.append((match.group(), tuple(name.full for name in meant)))
            scan.take(match.start(), match.end())

    def _is_whole(self, text: str, match: re.Match[str], name: Name) -> bool:
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

    def _with_prefecture(self, scan: Scan, start: int, name: Name) -> int:
        """Return where the name begins with the prefecture typed before it, right or wrong."""
        for prefecture in PREFECTURES if name.place.town else ():
            if scan.text[:start].endswith(prefecture):
                if prefecture != name.place.prefecture:
                    scan.remarks.append(
                        f"ご質問の「{prefecture}{name.short}」は、資料では「{name.full}」です。"
                    )
                return start - len(prefecture)
        return start

    def _by_reading(self, scan: Scan) -> None:
        """Take names typed in kana; a short reading needs its 市 or 町, or a run of its own."""
        kana = str(jaconv.hira2kata(scan.text))
        for name in self._by_length_of_reading:
            if name.reading not in kana:
                continue
            suffixes = "|".join(SUFFIX_READINGS.get(name.short[-1], ())) or "(?!)"
            pattern = rf"{name.reading}(?:({suffixes})|[{name.short[-1]}])?"
            for match in list(re.finditer(pattern, kana)):
                own_run = is_own_run(kana, match)
                if match.group() != name.reading or own_run or len(name.reading) > _SHORT_READING:
                    scan.take_name(match.start(), match.end(), name)
                    kana = str(jaconv.hira2kata(scan.text))

    @cached_property
    def _by_length_of_reading(self) -> list[Name]:
        """The names whose readings are known, the longest first."""
        return sorted((n for n in self._names if n.reading), key=lambda n: -len(n.reading))

    def _by_romaji(self, scan: Scan) -> None:
        for match in list(_ROMAJI_WORD.finditer(scan.text)):
            words = romaji_stems(match.group())
            name = next(
                (n for n in self._names if any(same_romaji(w, n.romaji) for w in words)), None
            )
            if name:
                scan.take_name(match.start(), match.end(), name)

    def _by_likeness(self, scan: Scan) -> None:
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
                    self._take_mended(scan, match.end() - 1 - length, match.end(), name)
                    break

    def _by_slipped_reading(self, scan: Scan) -> None:
        """Take names typed in kana with one slip: みやこのじゅうし, さかだし."""
        for run in list(_KANA_RUN.finditer(scan.text)):
            found = self._slipped(str(jaconv.hira2kata(run.group())))
            if len({name.full for _, name in found}) == 1:
                length, name = max(found, key=lambda pair: pair[0])
                self._take_mended(scan, run.start(), run.start() + length, name)

    def _slipped_names(self, kana: str) -> list[tuple[int, Name]]:
        """Return the names that katakana begins with but for one slip, with how much it takes.

        With one slip, one of the first two signs is still there, in its place or beside it.
        """
        first, second = voiceless(kana[:1]), voiceless(kana[1:2])
        near = {
            name.full: name
            for sign, at in ((first, 0), (second, 1), (second, 0), (first, 1))
            for name in self._by_sign.get((sign, at), ())
        }
        lengths = ((slipped_length(kana, n.reading, n.short[-1]), n) for n in near.values())
        return [(length, name) for length, name in lengths if length]

    @cached_property
    def _by_sign(self) -> dict[tuple[str, int], list[Name]]:
        """Names by the first sign of their readings, and by the second."""
        signs: dict[tuple[str, int], list[Name]] = {}
        for name in self._names:
            for at, sign in enumerate(name.reading[:2]):
                signs.setdefault((voiceless(sign), at), []).append(name)
        return signs

    def _take_mended(self, scan: Scan, start: int, end: int, name: Name) -> None:
        scan.remarks.append(f"「{scan.text[start:end]}」を「{name.full}」と読みました。")
        scan.take_name(start, end, name)

    @cached_property
    def _readings(self) -> frozenset[str]:
        return frozenset(name.reading for name in self._names)

    def _alike(self, stem: str, suffix: str) -> Name | None:
        """Return the one name of this suffix that sounds the same or is one character off."""
        candidates = [n for n in self._names if n.short[-1] == suffix]
        reading = reading_inside(stem + suffix, stem)
        same_sound = [n for n in candidates if reading and n.reading == reading]
        kana = str(jaconv.hira2kata(stem))
        same_sound = same_sound or [n for n in candidates if one_slip(kana, n.reading)]
        one_off = [
            n
            for n in candidates
            if max(len(stem), len(n.stem)) >= _TYPO_LENGTH
            and Levenshtein.distance(stem, n.stem) == 1
        ]
        found = same_sound or one_off
        return found[0] if len(found) == 1 else None

    def _other_places(self, scan: Scan) -> None:
        """Take the places that are left: a prefecture that holds cases, or nothing we know."""
        held = {n.place.prefecture for n in self._names}
        for group in place_groups(scan.text):
            start, end = group[0].start, group[-1].end
            typed = scan.text[start:end]
            if typed in REGIONS:  # 四国の…: a filter, not a place of its own
                continue
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
