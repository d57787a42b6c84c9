"""How names sound and how they are spelled: readings, romaji, runs of kana, runs of place names."""

import re
import unicodedata
from collections.abc import Iterator

import jaconv
from rapidfuzz.distance import OSA, Levenshtein

from dxqa.tokenizer import Token, tokenize

SUFFIX_READINGS = {
    "県": ("ケン",),
    "府": ("フ",),
    "都": ("ト",),
    "道": (),
    "市": ("シ",),
    "区": ("ク",),
    "町": ("マチ", "チョウ"),
    "村": ("ムラ", "ソン"),
}
_SUFFIX_ROMAJI = ("ken", "shi", "machi", "cho", "mura", "son", "ku", "fu", "to", "city", "town")
_KANA_RUN = re.compile(r"[ァ-ヶー]+")
_ROMAJI_TYPO_LENGTH = 6
_SLIP_LENGTH = 4
_PARTICLES = "ノハデモニトガヲッ"


def fold_romaji(text: str) -> str:
    """Fold spellings of one sound: Ōita, Oita, Ooita and ohita are the same."""
    plain = "".join(
        c for c in unicodedata.normalize("NFD", text.lower()) if not unicodedata.combining(c)
    )
    plain = re.sub(r"[^a-z]", "", plain)
    for spelling, folded in (("si", "shi"), ("ti", "chi"), ("tu", "tsu"), ("zi", "ji")):
        plain = re.sub(rf"(?<![sc]){spelling}" if spelling == "si" else spelling, folded, plain)
    plain = re.sub(
        r"(?<=[a-z])hu", "fu", re.sub(r"oh(?![aiueoy])", "o", plain.replace("jyo", "jo"))
    )
    return re.sub(r"ou|oo", "o", re.sub(r"uu", "u", re.sub(r"ii", "i", plain)))


def romaji_stems(word: str) -> list[str]:
    """Return the word folded, as it is and without -shi, -ken and the like."""
    whole = fold_romaji(word)
    return [whole, *(whole.removesuffix(s) for s in _SUFFIX_ROMAJI if whole.endswith(s))]


def same_romaji(word: str, romaji: str) -> bool:
    """Whether two folded words are the same, or one slip apart if long enough."""
    slip = Levenshtein.distance(word, romaji)
    return slip == 0 or (slip == 1 and len(word) >= _ROMAJI_TYPO_LENGTH)


def one_slip(kana: str, reading: str) -> bool:
    """Whether katakana is one slip away from a reading: a wrong, missing, extra or swapped sign.

    Marks of voice are no slip of their own (サカダ, サカタ); short readings allow nothing else.
    """
    if not reading or not _KANA_RUN.fullmatch(kana):
        return False
    if voiceless(kana) == voiceless(reading):
        return True
    return len(reading) >= _SLIP_LENGTH and OSA.distance(kana, reading) == 1


def slipped_length(kana: str, reading: str, suffix: str) -> int:
    """Return how much of the beginning of a run of kana is a reading with one slip, or 0.

    A reading of few signs needs its 市 or 町 behind it, and after any reading there must be the end
    of the run or a particle: くるまはどこ is not 来島.
    """
    endings = ["", *SUFFIX_READINGS.get(suffix, ())]
    for ending in sorted(endings, key=len, reverse=True):
        whole = reading + ending
        for length in range(len(whole) + 1, len(whole) - 2, -1):
            typed, after = kana[:length], kana[length : length + 1]
            stem = typed.removesuffix(ending)
            fits = len(typed) == length and typed.endswith(ending) and one_slip(stem, reading)
            if fits and len(whole) > _SLIP_LENGTH and (not after or after in _PARTICLES):
                return length
    return 0


def voiceless(kana: str) -> str:
    """Strip the marks of voice: ガ is カ, パ is ハ."""
    return "".join(c for c in unicodedata.normalize("NFD", kana) if not unicodedata.combining(c))


def reading_inside(name: str, stem: str) -> str:
    """Katakana of ``stem`` as it reads inside ``name``; empty if any of it is unknown."""
    tokens = [t for t in tokenize(name) if t.start < len(stem)]
    if not tokens or tokens[-1].end != len(stem) or not all(t.reading for t in tokens):
        kana = str(jaconv.hira2kata(stem))
        return kana if _KANA_RUN.fullmatch(kana) else ""
    return "".join(t.reading for t in tokens)


def is_own_run(kana: str, match: re.Match[str]) -> bool:
    """Whether a match in katakana stands for itself: nothing but a particle touches it."""
    before, after = kana[: match.start()][-1:], kana[match.end() :][:1]
    return not _KANA_RUN.match(before) and (not _KANA_RUN.match(after) or after in _PARTICLES)


def is_place(text: str) -> bool:
    """Whether the analyser knows ``text``, with its 市 or 町, as a place."""
    tokens = tokenize(text)
    return bool(tokens) and "地名" in tokens[-2 if len(tokens) > 1 else -1].detail


def place_groups(text: str) -> Iterator[list[Token]]:
    """Yield runs of tokens that name one place: 東京都府中市, 渋谷区, 長野."""
    tokens = tokenize(text)
    at = 0
    while at < len(tokens):
        end = at
        while end < len(tokens) and "地名" in tokens[end].detail and not _is_country(tokens[end]):
            end += 1
            if end < len(tokens) and tokens[end].surface in SUFFIX_READINGS:
                end += 1
        if end > at:
            yield list(tokens[at:end])
        at = max(end, at + 1)


def _is_country(token: Token) -> bool:
    return token.lemma in ("日本", "ニッポン", "ニホン") or token.detail.endswith("国")
