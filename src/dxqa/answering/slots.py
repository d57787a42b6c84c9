"""What a question asks to be told: a figure, a name, a date; and whether a sentence tells it.

A question names what it wants by 何 and a counter (何回), by a noun with a telling suffix
(回収率, 開催日), or by a word of its own (いくら, いつ). Whichever it is, the evidence must hold
something of that class.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass

from dxqa.japanese import find_quantities, normalize
from dxqa.tokenizer import tokenize

TEL = re.compile(r"(?<!\d)0\d{1,4}[-(]\d{1,4}[-)]\d{3,4}(?!\d)")

Told = Callable[[str], bool]


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
    told: Told


def asked_slots(question: str) -> list[Slot]:
    """Return what a question asks to be told.

    One that asks which place it is (「給料を国のお金で払っている市は？」) asks for figures and
    names only where it says 何, いくら or the like.
    """
    normal = normalize(question).text
    which = _WHICH.search(normal)
    found = [
        slot
        for slot in SLOTS
        if (asked := slot.asked.search(normal))
        and (not which or _INTERROGATIVE.search(asked.group()))
    ]
    counters = (match.group(1) for match in _COUNTED.finditer(normal))
    return found + [_slot(f"数 (何{c})", f"何{c}", _unit(c)) for c in counters]


def _slot(name: str, asked: str, told: Told) -> Slot:
    return Slot(name, re.compile(asked, re.IGNORECASE), told)


def _unit(*units: str) -> Told:
    return lambda text: any(q.unit.startswith(units) for q in find_quantities(text))


def _pattern(pattern: str) -> Told:
    compiled = re.compile(pattern, re.IGNORECASE)
    return lambda text: bool(compiled.search(text))


def _figure(text: str) -> bool:
    return any(not q.is_year for q in find_quantities(text))


def _often(text: str) -> bool:
    return bool(find_quantities(text)) or bool(re.search(r"毎[年月週日]|半年|半期|通期|定期", text))


def _year(text: str) -> bool:
    return any(q.is_year for q in find_quantities(text))


def _period(text: str) -> bool:
    years = [q for q in find_quantities(text) if q.is_year]
    return len(years) > 1 or bool(re.search(r"\d+(?:か|ヶ|カ)?年(?:間|計画)", text))


def _person(text: str) -> bool:
    return any("人名" in token.detail for token in tokenize(text))


# After a noun of two kanji or more: 回収率は, 利用者数を, 開催日って.
_ASKING = r"(?=[はをがっとも、?]|の?(?:教|知|内訳)|$)"
_NOUN = r"[一-鿿ァ-ヶーA-Z]{2,8}"
# Counters that no slot below knows.
_COUNTED = re.compile(r"何([条倍基頭匹羽軒棟隻両期版章節頁号行票席])")
_WHICH = re.compile(
    r"どこ(?!の(?:会社|企業|業者|メーカー|ベンダー|製品))|どの(?:自治体|市|町|村|県)|どちら"
    r"|(?:自治体|ところ|とこ|[市町村県])(?:は|って|なん)?[?。]?$"
)
_INTERROGATIVE = re.compile(r"何|いくら|いつ|いくつ|なん")
_WHEN = (
    r"いつ(?=頃|ごろ|から|まで|の|です|でしょ|で|に|、|\?|$|始|開|発|設|策|行|スタ|や)"
    r"|何月|何年度|時期は"
)

SLOTS: tuple[Slot, ...] = (
    _slot(
        "氏名",
        r"氏名|フルネーム|名字|何という(?:人|方)|(?:人|方|者|長|官|知事|CDO|さん)の?お?名前",
        _person,
    ),
    _slot(
        "金額",
        rf"いくら(?!でも)|金額|予算額|総額|何円|何[千百十]?[万億]円?(?!人)|運賃|価格|値段|給料|月給|報酬|手当"
        rf"|{_NOUN}(?:額|費|(?<!資)料|(?<![時世])代){_ASKING}",
        _unit("円", "千円", "ドル"),
    ),
    _slot("期間", r"期間|何年から|いつまで|何年まで|何か?年(?:計画|間)|任期は", _period),
    _slot("年", r"何年(?!度?間|から|まで|度)|西暦", _year),
    _slot(
        "日付",
        rf"日付|何月何日|何日|日程|日時|{_NOUN}(?<![休平毎曜])日{_ASKING}",
        _pattern(r"\d月|\d日|[月火水木金土日]曜"),
    ),
    _slot("時間", rf"何時間|何時(?!代)|時間数|{_NOUN}時間{_ASKING}", _unit("時", "分")),
    _slot("場所", r"会場|開催場所|住所|所在地|何階", _pattern(r"〒|丁目|番地|会場|\d階|会館")),
    _slot("人数", rf"何[名人](?!も)|人数|なんにん|総勢|[員者]数{_ASKING}", _unit("人", "名")),
    _slot(
        "数",
        rf"いくつ(?!か|も|あっ|の(?:自治|市|町|事例))|何種類|何項目|{_NOUN}(?<![複多少])数{_ASKING}",
        _figure,
    ),
    _slot(
        "件数",
        r"何(?:件|回|個|台|社|校|戸|世帯|団体|か所|ヶ所|カ所|箇所|部署|課|本(?!部)|冊|枚)",
        _often,
    ),
    _slot(
        "割合",
        rf"何(?:%|パーセント|割)|割合|倍率|{_NOUN}(?<![効比])率{_ASKING}",
        _unit("%", "割", "パーセ", "倍"),
    ),
    _slot("順位", r"何位|順位|ランキング|何番目", _unit("位", "番目")),
    _slot("点数", r"何点|点数|スコア|偏差値", _unit("点")),
    _slot("年齢", r"何歳|年齢|おいくつ", _unit("歳", "才")),
    _slot("面積や距離", r"面積|何平方|何キロ|距離", _unit("平", "km", "ha", "ヘ", "キロ")),
    _slot("電話番号", r"電話番号|TEL|何番に|tel\b|fax", _pattern(TEL.pattern)),
    _slot("メールアドレス", r"メール(?:アドレス)?(?!マ)|e-?mail", _pattern(r"[\w.]+@[\w.]+")),
    _slot("URL", r"URL|ユーアールエル", _pattern(r"https?://")),
    _slot(
        "会社名や製品名",
        r"(?:会社|企業|業者|ベンダー|メーカー|製品|商品|機種|ソフト|サービス)の?(?:名前?|名称)"
        r"|どこの(?:会社|企業|業者|メーカー|ベンダー|製品)|ベンダー|メーカー|受注|委託先|請け負",
        _pattern(r"株式会社|[A-Z][a-z]+(?:社|製)|委託"),
    ),
    _slot("時期", _WHEN, _pattern(r"年|月|時期|期|度|今後|将来|コロナ|契機|時間")),
)
