"""Changes to an input that keep it text: libFuzzer's own cut Japanese characters to pieces."""

import random
from collections.abc import Callable

from tests.fuzz.target import bytes_of, text_of

SEPARATOR = "\x1e"
"""Between the parts of an input: a question, earlier questions, filters."""

PIECES = (
    # names, whole and not, in every way of typing them
    *"宮崎県 都城市 都城 みやこのじょう ミヤコノジョウ miyakonojo 宮古城市 福島県 西会津町 会津若松市".split(),
    *"酒田市 さかだし 舟形町 上里町 大分県 神戸市 横浜市以外 あわら市 愛媛県庁 府中市 渋谷区 四国 西日本".split(),
    # what questions are made of
    *"人口 3万人以下の 10万人以上 未満 超える いちばん多い 最少 町だけ 県の事例 「町」は その財源は？".split(),
    *"電話番号 担当課 誰 いくら いつ 何台 何％ 何社 なぜ 比べて 一覧 全部 教えて そこは 同市の 体制".split(),
    *"令和３年度 平成元年 R3 一二三〇 十百千 千万億兆 1億2,000万 1,000 〇〇〇 一〇〇〇〇 9e999".split(),
    # what is kept from others
    *"090-1234-5678 taro@example.jp 〒123-4567 1234-5678-9012 内線12 アットマーク [at] +81-3".split(),
    # JSON, YAML, CSV, Markdown, HTML, ranges
    *"{\"a\":1} [] null NaN -Infinity 1e999 \\ud800 : - # ## | ``` --- ... .. 1.2.3.. ..-. &a *a !!python".split(),
    *"<b> </b> <!-- <script> &amp; <table> <td colspan=9999> <a:b <!DOCTYPE [1] [^1] =1+1 @x +x".split(),
    *"。 、 「 」 『 【 】 （ ） ・ ： ； ？！ ー － — 〜 々 ゝ 参考: 目次 1. （1） ① ■ ※ Q. A:".split(),
    "\n", "\r\n", "\n\n", "\t", " ", "　", "\0", "\x07", "\x1b$B", "\x7f", "\x85", "\u2028", "\ufeff",
    "\u200b", "\u202e", "\u2066", "\u00ad", "\u0301", "\u3099", "\u309a", "ﾊﾟ", "ｶﾞ", "㍻", "㌔", "ﷺ", "⻄",
    "\U000e0041", "\U0010ffff", "\ufffe", "👨‍👩‍👧", "\udc80", "\udcff", "İ", "ß", "ǅ", "٣", "Ⅷ", "①", "½", "縣",
    SEPARATOR, SEPARATOR + ">", SEPARATOR + "?", '{"prefecture":"山形県"}', '{"population":"..30000"}',
)  # fmt: skip
_MOST_TIMES = (2, 3, 16, 100, 700)

Mutation = Callable[[str, random.Random], str]


def mutated(data: bytes, most: int, seed: int) -> bytes:
    """Return the input changed in one to three places, at most ``most`` bytes."""
    chance = random.Random(seed)  # noqa: S311 - not for secrets
    text = text_of(data)
    for _ in range(chance.randint(1, 3)):
        text = chance.choice(_MUTATIONS)(text, chance)
    return bytes_of(text)[:most]


def _insert(text: str, chance: random.Random) -> str:
    at = chance.randint(0, len(text))
    return text[:at] + chance.choice(PIECES) + text[at:]


def _repeat(text: str, chance: random.Random) -> str:
    start, end = _span(text, chance)
    return text[:end] + text[start:end] * chance.choice(_MOST_TIMES) + text[end:]


def _repeat_piece(text: str, chance: random.Random) -> str:
    at = chance.randint(0, len(text))
    return text[:at] + chance.choice(PIECES) * chance.choice(_MOST_TIMES) + text[at:]


def _delete(text: str, chance: random.Random) -> str:
    start, end = _span(text, chance)
    return text[:start] + text[end:]


def _replace(text: str, chance: random.Random) -> str:
    start, end = _span(text, chance)
    return text[:start] + chance.choice(PIECES) + text[end:]


def _move(text: str, chance: random.Random) -> str:
    start, end = _span(text, chance)
    rest, at = text[:start] + text[end:], chance.randint(0, len(text))
    return rest[:at] + text[start:end] + rest[at:]


def _any_character(text: str, chance: random.Random) -> str:
    at = chance.randint(0, len(text))
    code = chance.choice((0x80, 0x3100, 0xA000, 0xD800, 0x10000, 0x110000))
    character = chr(chance.randrange(code))
    return text[:at] + ("\udc80" if "\ud800" <= character <= "\udfff" else character) + text[at:]


def _span(text: str, chance: random.Random) -> tuple[int, int]:
    start = chance.randint(0, len(text))
    return start, min(len(text), start + chance.choice((1, 1, 2, 5, 20, 100)))


_MUTATIONS: tuple[Mutation, ...] = (
    _insert, _insert, _repeat, _repeat_piece, _delete, _replace, _move, _any_character,
)  # fmt: skip
