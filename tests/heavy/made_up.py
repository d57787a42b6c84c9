"""A corpus of made-up municipalities: large enough to be searched by candidates, quick to embed."""

import random
from collections.abc import Sequence

from dxqa import Document, Index
from dxqa.retrieval import Filters, matches
from dxqa.types import Hit, MetadataValue
from tests.conftest import HashEncoder

DOCUMENTS = 130
SECTIONS = 50
PASSAGES = DOCUMENTS * SECTIONS

_TIE = 1e-4

HOSTILE = (
    '" or 1 == 1 or "',
    "' or 1 == 1 or '",
    '") or (id != "',
    "\\",
    '\\"',
    "末尾が\\",
    "%",
    "_",
    "{filter}",
    "100%_確実",
    "改行\nと\tタブ",
    "絵文字🏯と𠮷野家",
    "null",
    "nan",
    "]",
    "a" * 300,
)
"""Values of the key ``note``, which would change a filter's meaning if they were not escaped."""

_PREFECTURES = ("長野県", "宮崎県", "愛媛県", "北海道", "東京都", "大阪府", "福岡県")
_KINDS = ("市", "町", "村")
_CHARACTERS = "山川田野島浜崎原井上下中北南西東小松竹杉森林石岩池沼谷坂橋"
_SUBJECTS = (
    "住民票 税証明 母子手帳 図書館 防災無線 除雪 保育所 学校給食 水道料金 道路補修 農地台帳".split()
)
_ADJUNCTS = "申請 予約 通知 台帳 窓口 点検 相談 調査 決裁 会議録 支払い 検索".split()
_MEANS = "スマートフォン タブレット 生成AI 電子署名 衛星画像 チャット QRコード 音声認識".split()
_EFFECTS = "待ち時間 印刷費 残業時間 問い合わせ 往復の回数 入力の誤り 郵送費 保管場所".split()


def documents(count: int = DOCUMENTS, sections: int = SECTIONS) -> list[Document]:
    """Return ``count`` documents of ``sections`` passages each, always the same."""
    return [document(number, sections) for number in range(count)]


def document(number: int, sections: int = SECTIONS, version: int = 0) -> Document:
    """Return one document; another version tells of other means and effects."""
    chance = random.Random(f"{number} {version}")  # noqa: S311 - texts, not secrets
    name = "".join(random.Random(number).sample(_CHARACTERS, 2))  # noqa: S311
    kind, prefecture = _KINDS[number % 3], _PREFECTURES[number % len(_PREFECTURES)]
    metadata: dict[str, MetadataValue] = {
        "municipality": f"{prefecture}{name}{kind}",
        "prefecture": prefecture,
        "kind": kind,
        "population": 1000 * (number + 1),
        "share": number / 8,
        "paid": number % 2 == 0,
        "note": HOSTILE[number % len(HOSTILE)],
    }
    if number % 5 == 0:
        metadata['備考 "その1"'] = "あり"
    body = "\n\n".join(f"## 取り組み{at}\n\n{_section(chance)}" for at in range(sections))
    name = f"{number:03}.md"
    return Document(name, f"報告{number}", f"# 報告{number}\n\n{body}\n", name, metadata)


def _section(chance: random.Random) -> str:
    subject, adjunct = chance.choice(_SUBJECTS), chance.choice(_ADJUNCTS)
    means, effect = chance.choice(_MEANS), chance.choice(_EFFECTS)
    amount, year = chance.randrange(10, 9000), chance.randrange(2, 8)
    return (
        f"{subject}の{adjunct}に{means}を使い始めた。令和{year}年度の費用は{amount}万円である。"
        f"{effect}が{chance.randrange(5, 95)}パーセント減った。"
    )


def questions(count: int, seed: int = 0) -> list[str]:
    """Return colloquial questions on what the passages tell of."""
    chance = random.Random(seed)  # noqa: S311
    return [
        f"{chance.choice(_SUBJECTS)}の{chance.choice(_ADJUNCTS)}に{chance.choice(_MEANS)}を使って"
        f"{chance.choice(_EFFECTS)}が減ったのは、{chance.randrange(10, 9000)}万円かけたところ？"
        for _ in range(count)
    ]


def names(hits: Sequence[Hit]) -> list[str]:
    """Return what was found, best first."""
    return [hit.passage.passage_id for hit in hits]


def recall(found: Sequence[Hit], exact: Sequence[Hit]) -> float:
    """Return the share of the exact hits that was found; one as good as the last counts as found.

    Hits that list cases are not in the order of their scores.
    """
    if not exact:
        return float(not found)
    wanted, last = set(names(exact)), min(hit.score for hit in exact)
    good = (hit.passage.passage_id in wanted or abs(hit.score - last) < _TIE for hit in found)
    return min(1.0, sum(good) / len(exact))


def fulfilled(index: Index, filters: Filters) -> int:
    """Return how many passages fulfil the filters, counted one by one."""
    return sum(matches(passage.metadata, filters) for passage in index.store.passages)


def encoder() -> HashEncoder:
    """Return the tests' encoder: vectors alike for texts alike."""
    return HashEncoder()
