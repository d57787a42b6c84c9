"""Bytes to text: UTF-8 or one of the encodings in which Japanese is still saved.

Each candidate is decoded strictly. Where several fit, as they do for short texts, the one that
reads like Japanese wins: kana and everyday kanji count for it, half-width kana, rare kanji and
private characters against it.
"""

import codecs
import re
import unicodedata

from dxqa.errors import CorpusError

_BOMS = {
    codecs.BOM_UTF8: "utf-8-sig",
    codecs.BOM_UTF16_LE: "utf-16",
    codecs.BOM_UTF16_BE: "utf-16",
}
_ISO_2022 = re.compile(rb"\x1b[$(]")
_SEVEN_BIT = ("iso2022_jp", "iso2022_jp_ext", "iso2022_jp_2004")
# The variants of 2004 know the characters of vendors (①, ㈱) that EUC-JP proper does not.
_EIGHT_BIT = ("euc_jp", "cp932", "euc_jis_2004", "shift_jis_2004")
_DECLARED = {"shift_jis": "cp932", "x-sjis": "cp932", "sjis": "cp932", "windows-31j": "cp932"}
_COMMON_KANJI = range(0xB0, 0xD0)
"""First bytes of the kanji of JIS level 1 in EUC-JP."""
_OF_VENDORS = frozenset("髙﨑濵①②③④⑤⑥⑦⑧⑨⑩⑪⑫⑬⑭⑮⑯⑰⑱⑲⑳ⅠⅡⅢⅣⅤⅥⅦⅧⅨⅩ㈱㈲㈹㍻№℡㎡㎏㎞")
"""Those of CP932's additions that people use, names above all."""
_PLAUSIBLE = 0.4
_SAMPLE = 20_000


def decode(data: bytes, declared: str = "") -> str:
    """Decode a text as the encoding that its bytes show; a byte order mark is left out.

    Line breaks stay as they are, so that offsets count the file's own characters.

    Args:
        data: the whole file.
        declared: the encoding that the file names itself; heeded where it fits.

    Raises:
        CorpusError: empty, binary, or in an encoding that cannot be told.
    """
    if not data.strip():
        raise CorpusError("ファイルが空です")
    text = _decoded(data, declared)
    if text is None or "\0" in text:
        raise CorpusError("文字コードを判定できません。UTF-8 で保存し直してください")
    if not text.strip():
        raise CorpusError("ファイルが空です")
    return text


def _decoded(data: bytes, declared: str) -> str | None:
    for mark, encoding in _BOMS.items():
        if data.startswith(mark):
            return _strict(data, encoding)
    if _ISO_2022.search(data) and data.isascii():
        return next(filter(None, (_strict(data, e) for e in _SEVEN_BIT)), None)
    named = _DECLARED.get(declared.lower().strip(), declared.strip())
    for encoding in filter(None, (named, "utf-8")):
        if (text := _strict(data, encoding)) is not None:
            return text
    return _most_plausible(data)


def _strict(data: bytes, encoding: str) -> str | None:
    try:
        return data.decode(encoding)
    except (UnicodeDecodeError, LookupError):
        return None


def _most_plausible(data: bytes) -> str | None:
    texts = [text for e in _EIGHT_BIT if (text := _strict(data, e)) is not None]
    best = max(texts, key=_plausibility, default=None)
    return best if best is not None and _plausibility(best) >= _PLAUSIBLE else None


def _plausibility(text: str) -> float:
    """Return the mean of what its characters speak for its being Japanese, at most 1."""
    telling = [
        c for c in text[:_SAMPLE] if not (c.isascii() and c.isprintable()) and c not in "\r\n\t"
    ]
    return sum(map(_weight, telling)) / len(telling) if telling else 1.0


def _weight(character: str) -> float:
    if "ぁ" <= character <= "ヿ" or character in "、。「」・ー　":
        return 1.0
    if character in _OF_VENDORS:
        return 0.8
    if "\uff61" <= character <= "\uff9f":  # half-width kana
        return 0.4
    category = unicodedata.category(character)
    if category in ("Cc", "Co", "Cn"):
        return -2.0
    try:
        first = character.encode("euc_jp")[0]
    except UnicodeEncodeError:
        return 0.2
    return 0.9 if first in _COMMON_KANJI or first in (0xA1, 0xA3) else 0.3
