"""Morphological analysis with fugashi (MeCab) and the UniDic dictionary that pip installs."""

import re
import threading
from dataclasses import dataclass
from functools import cache, lru_cache
from itertools import pairwise
from typing import Any

import fugashi

from dxqa.japanese import find_quantities, normalize

# Words that carry no subject of their own; UniDic lemmas.
_STOP = frozenset(
    "為る 居る 有る 成る 為さる 出来る 言う 行く 来る 仕舞う 下さる 頂く 呉れる 置く 見る 御座る "
    "御 事 物 者 所 時 為 方 様 訳 筈 内 中 上 等 他 何 誰 何処 何時 何れ 何の 幾つ 幾ら "
    "如何 如何に 此れ 其れ 此の 其の 無い 良い 教える 知る 願う 下さい 思う 考える くださる".split()
)
_PHRASE = re.compile(r"[^\W_]{3,}")
_HIRAGANA = re.compile(r"[ぁ-ゖー]+")
# MeCab keeps one sentence at a time, and the nodes read it only when they are looked at.
_TAGGING = threading.Lock()
_CONTENT = frozenset(["名詞", "動詞", "形容詞", "形状詞", "接尾辞", "接頭辞", "副詞"])


@dataclass(frozen=True, slots=True)
class Token:
    """One morpheme; ``start`` and ``end`` are offsets in the original text.

    Attributes:
        lemma: UniDic dictionary form, lower case; the surface for unknown words.
        pos: part of speech, e.g. 名詞.
        detail: its subclasses joined by ``-``, e.g. 固有名詞-地名.
        reading: katakana; empty for unknown words.
    """

    surface: str
    lemma: str
    pos: str
    detail: str
    reading: str
    start: int
    end: int

    @property
    def is_content(self) -> bool:
        """Whether the word says what a text is about."""
        return self.pos in _CONTENT and self.lemma not in _STOP


@lru_cache(maxsize=2048)
def tokenize(text: str) -> tuple[Token, ...]:
    """Analyse ``text`` in normal form; blanks are left out."""
    normal = normalize(text)
    tokens: list[Token] = []
    at = 0
    with _TAGGING:
        for node in _tagger()(normal.text):
            start = normal.text.find(node.surface, at)
            at = start + len(node.surface)
            tokens.append(_token(node, normal.original_span(start, at)))
    return tuple(tokens)


def terms(text: str) -> list[str]:
    """Return the lexical terms of ``text``, repeated as often as they occur.

    Lemmas of content words, and one canonical term for each figure and year, so that 2021年度 and
    令和3年度 meet.
    """
    lemmas = [token.lemma for token in tokenize(text) if token.is_content]
    return lemmas + [quantity.term for quantity in find_quantities(text)]


def pairs(text: str) -> list[str]:
    """Return each two content words that follow one another, as one term.

    They stand for proximity: デジタル followed by 戦略 says more than both words somewhere.
    """
    lemmas = [token.lemma for token in tokenize(text) if token.is_content]
    return [f"{first} {second}" for first, second in pairwise(lemmas)]


def trigrams(text: str) -> list[str]:
    """Return each three characters that follow one another within a word or phrase.

    They meet where the analyser cuts differently, or where a word is misspelt. Three hiragana
    are left out: they are mostly endings.
    """
    runs = _PHRASE.findall(normalize(text).text.lower())
    found = (run[at : at + 3] for run in runs for at in range(len(run) - 2))
    return [three for three in found if not _HIRAGANA.fullmatch(three)]


@cache
def _tagger() -> fugashi.Tagger:
    return fugashi.Tagger()


def _token(node: Any, span: tuple[int, int]) -> Token:  # noqa: ANN401 - fugashi has no types
    feature = node.feature
    lemma = (feature.lemma or node.surface).split("-")[0] or node.surface
    return Token(
        surface=node.surface,
        lemma=lemma.lower(),
        pos=feature.pos1,
        detail=f"{feature.pos2}-{feature.pos3}",
        reading=feature.kana or "",
        start=span[0],
        end=span[1],
    )
