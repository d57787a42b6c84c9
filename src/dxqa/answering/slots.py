"""What a question asks to be told: a figure, a name, a date; and whether a sentence tells it."""

import re
from collections.abc import Callable
from dataclasses import dataclass

from dxqa.japanese import find_quantities, normalize
from dxqa.tokenizer import tokenize

TEL = re.compile(r"(?<!\d)0\d{1,4}[-(]\d{1,4}[-)]\d{3,4}(?!\d)")
_MONEY = ("円", "千円", "ドル")
_PERIOD = re.compile(r"期間|何年から|いつまで|何年まで|何か?年(?:計画|間)")


@dataclass(frozen=True, slots=True)
class Slot:
    """Something asked for.

    Attributes:
        name: in Japanese, for 「…は記載がありません」.
        asked: whether a question (normal form) asks for it.
        told: whether a sentence (normal form) tells it.
    """

    name: str
    asked: re.Pattern[str]
    told: Callable[[str], bool]


def _has_unit(*units: str) -> Callable[[str], bool]:
    def told(sentence: str) -> bool:
        return any(q.unit.startswith(units) for q in find_quantities(sentence))

    return told


def _has_year(sentence: str) -> bool:
    return any(q.is_year for q in find_quantities(sentence))


def _has_period(sentence: str) -> bool:
    years = [q for q in find_quantities(sentence) if q.is_year]
    return len(years) > 1 or bool(re.search(r"\d+(?:か|ヶ|カ)?年(?:間|計画)", sentence))


def _has_person(sentence: str) -> bool:
    return any("人名" in token.detail for token in tokenize(sentence))


def _matches(pattern: str) -> Callable[[str], bool]:
    compiled = re.compile(pattern, re.IGNORECASE)
    return lambda sentence: bool(compiled.search(sentence))


SLOTS = (
    Slot("氏名", re.compile(r"氏名|お?名前は|何という(?:人|方)|フルネーム|名字"), _has_person),
    Slot(
        "金額",
        re.compile(
            r"いくら(?!でも)|何円|何[千百十]?[万億]円|金額|予算額|総額|運賃|料金|価格|値段|年収|給料|月給|報酬額"
        ),
        _has_unit(*_MONEY),
    ),
    Slot("期間", _PERIOD, _has_period),
    Slot(
        "人数",
        re.compile(r"何[名人](?!も)|人数|なんにん|総勢|(?:職員|隊員|推進員)数"),
        _has_unit("人", "名"),
    ),
    Slot(
        "電話番号",
        re.compile(r"電話番号|TEL|何番に|tel\b|fax", re.IGNORECASE),
        lambda s: bool(TEL.search(s)),
    ),
    Slot(
        "メールアドレス",
        re.compile(r"メール(?:アドレス)?|e-?mail", re.IGNORECASE),
        _matches(r"[\w.]+@[\w.]+"),
    ),
    Slot(
        "URL", re.compile(r"URL|ユーアールエル|アドレスは", re.IGNORECASE), _matches(r"https?://")
    ),
    Slot("住所", re.compile(r"住所|所在地"), _matches(r"〒|\d+-\d+|丁目|番地")),
    Slot("年齢", re.compile(r"何歳|年齢は|おいくつ"), _has_unit("歳", "才")),
    Slot(
        "時期",
        re.compile(r"いつ(?!も|で|やっ|の間|まで)|何年(?!から|まで|間)|何年度|何月|時期は"),
        _matches(r"年|月|時期|期|度|今後|将来|コロナ|契機"),
    ),
    Slot("割合", re.compile(r"何(?:%|パーセント|割)|割合は|率は"), _has_unit("%", "割", "パーセ")),
    Slot(
        "件数",
        re.compile(r"何(?:件|回|個|台|か所|ヶ所|カ所|社)|件数|回数|台数"),
        lambda s: bool(find_quantities(s)) or "毎" in s or "半" in s,
    ),
    Slot("順位", re.compile(r"何位|順位|ランキング"), _has_unit("位")),
    Slot("面積", re.compile(r"面積|何平方"), _has_unit("平", "km", "ha", "ヘ")),
)


def asked_slots(question: str) -> list[Slot]:
    """Return what a question asks to be told."""
    normal = normalize(question).text
    return [slot for slot in SLOTS if slot.asked.search(normal)]
