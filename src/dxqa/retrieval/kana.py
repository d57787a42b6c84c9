"""Questions typed in kana alone, as phones and hurried people type them.

The analyser breaks がいぶじんざい into fragments. Where a question has next to no kanji, runs of
kana are read as the words of the index (and of the thesaurus) that sound the same.
"""

import re
from collections.abc import Iterable
from functools import cached_property

import jaconv

from dxqa.tokenizer import Token, tokenize

_KANJI = re.compile(r"[一-鿿]")
_KANA_RUN = re.compile(r"[ぁ-ゖァ-ヺー]{4,}")
_MOST_KANJI = 0.2
_SHORTEST = 3
_LONGEST = 16


class KanaLexicon:
    """Words by their reading, collected when the first question in kana comes."""

    def __init__(self, texts: Iterable[str]) -> None:
        """Take the texts whose nouns, and the compounds that they form, are to be known."""
        self._texts = texts
        self._collected: dict[str, str] = {}

    def rewrite(self, text: str) -> str:
        """Write kana runs with the words of the lexicon if ``text`` has next to no kanji."""
        if not _KANA_RUN.search(text) or len(_KANJI.findall(text)) > _MOST_KANJI * len(
            text.replace(" ", "")
        ):
            return text
        return _KANA_RUN.sub(lambda match: self._words_in(match.group()), text)

    @cached_property
    def _words(self) -> dict[str, str]:
        for text in self._texts:
            for run in _noun_runs(tokenize(text)):
                self._add(run)
        return self._collected

    def _add(self, run: list[Token]) -> None:
        for first in range(len(run)):
            for last in range(first, min(len(run), first + 4)):
                part = run[first : last + 1]
                reading = "".join(t.reading for t in part)
                surface = "".join(t.surface for t in part)
                fits = _SHORTEST <= len(reading) <= _LONGEST and len(surface) > 1
                if fits and _KANJI.search(surface):
                    self._collected.setdefault(reading, surface)

    def _words_in(self, run: str) -> str:
        """Replace the longest readings first, from the left."""
        kana = str(jaconv.hira2kata(run))
        written, at = "", 0
        while at < len(kana):
            size = next(
                (
                    n
                    for n in range(min(_LONGEST, len(kana) - at), _SHORTEST - 1, -1)
                    if kana[at : at + n] in self._words
                ),
                0,
            )
            written += self._words[kana[at : at + size]] if size else run[at]
            at += max(size, 1)
        return written


def _noun_runs(tokens: Iterable[Token]) -> list[list[Token]]:
    """Return runs of adjacent nouns and affixes whose readings are known."""
    runs: list[list[Token]] = [[]]
    for token in tokens:
        if token.pos in ("名詞", "接尾辞", "接頭辞") and token.reading:
            runs[-1].append(token)
        elif runs[-1]:
            runs.append([])
    return runs
