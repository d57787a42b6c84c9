"""What a question asks to be told: a figure, a name, a date; and whether a sentence tells it.

A question names what it wants by 何 and a counter (何回), by a noun with a telling suffix
(回収率, 開催日), or by a word of its own (いくら, いつ). Whichever it is, the evidence must hold
something of that class.
"""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from dxqa.japanese import Quantity, find_quantities, normalize
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
    found += [_someone(normal)] if _WHO.search(normal) else []
    counters = dict.fromkeys(_counters(normal))
    return found + [_slot(f"{_COUNT}何{c})", f"何{c}", _count(c)) for c in counters]


def _counters(question: str) -> Iterator[str]:
    """Yield what 何 counts, where it is a word of its own: 何社, but not 何社会."""
    ends = {token.end for token in tokenize(question)}
    return (m.group(1) for m in _COUNTED.finditer(question) if m.end() in ends)


def _slot(name: str, asked: str, told: Told) -> Slot:
    return Slot(name, re.compile(asked, re.IGNORECASE), told)


@dataclass(frozen=True, slots=True)
class _Units:
    """Told by a figure with one of these units."""

    units: tuple[str, ...]

    def __call__(self, text: str) -> bool:
        return any(q.unit.startswith(self.units) for q in find_quantities(text))

    def figures(self, text: str) -> list[str]:
        """Return the figures as written, with 約 before and 以上 or the like behind."""
        found = [q for q in find_quantities(text) if q.unit.startswith(self.units)]
        return [self._as_written(text, q) for q in found]

    def _as_written(self, text: str, figure: Quantity) -> str:
        start = figure.start - (text[: figure.start].endswith("約"))
        unit = next(u for u in self.units if figure.unit.startswith(u))
        more = _OR_MORE.match(text, figure.end + len(unit))
        return text[start : figure.end] + unit + (more.group() if more else "")


def is_plain(name: str) -> bool:
    """Whether a slot is asked for so plainly that evidence without it is no answer.

    Over 5,000 questions these were missing from 6 answers that were right and from 254 that were
    not; the others (金額, 期間, 人物) may be told in words.
    """
    return name in _PLAIN or name.startswith(_COUNT)


def told_figure(slot: Slot, text: str) -> str | None:
    """Return the figure or the date that a sentence (normal form) tells; None if not just one."""
    if isinstance(slot.told, _Units):
        found = slot.told.figures(text)
    else:
        found = [m.group() for m in _DATE.finditer(text)] if slot.name in _DATED else []
    return found[0] if len(found) == 1 else None


def _unit(*units: str) -> Told:
    return _Units(units)


def _count(counter: str) -> Told:
    """Return a test for a figure with this counter, or with one that counts the same."""
    if counter in _TIMES:
        return _often
    if counter in _THINGS:
        return _figure
    units = next((units for units in _SAME_UNITS if counter in units), (counter,))
    return _unit(*units)


def _someone(question: str) -> Slot:
    """Return the slot of 誰: a name, or an office or group that the question does not name."""

    def told(text: str) -> bool:
        offices = {match.group() for match in _OFFICE.finditer(text)}
        return _person(text) or any(office not in question for office in offices)

    return Slot("人物", _WHO, told)


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


_OR_MORE = re.compile(r"以上|以下|以内|未満|超|程度|余り|弱|強")
_DATED = ("年", "日付", "時期")
_DATE = re.compile(
    r"(?:(?:令和|平成|昭和)(?:[0-9]+|元)年度?|(?:19|20)[0-9]{2}年度?)(?:[0-9]{1,2}月)?(?:[0-9]{1,2}日)?"
)
# After a noun of two kanji or more: 回収率は, 利用者数を, 開催日って.
_ASKING = r"(?=[はをがっとも、?]|の?(?:教|知|内訳)|$)"
_NOUN = r"[一-鿿ァ-ヶーA-Z]{2,8}"
# 何台, 何か国, 何べん; the counters of the slots below are theirs (何円, 何年, 何時間, 何%).
_COUNTED = re.compile(
    r"何(?:か|カ|ヶ|ケ|箇)?(べん|へん|つ|種類|項目|団体|世帯|社(?!会)|国語|言語|事業|業務|分野|手続"
    r"|[条倍基頭匹羽軒棟隻両期版章節頁号行票席国件回度遍個台校戸所本冊枚機棚枠組店箱軒曲語](?!部))"
)
_TIMES = ("回", "度", "べん", "へん", "遍")
_THINGS = ("つ", "件", "個", "本", "種類", "項目", "分野", "事業", "業務")
_SAME_UNITS = (
    ("国", "国語", "言語", "か国", "カ国", "ヶ国", "語"),
    ("社", "企業"),
    ("所", "か所", "カ所"),
)
_WHO = re.compile(r"誰|だれ|どなた|(?:なんて|何て|どんな)(?:方|人)(?!法)")
_OFFICE = re.compile(
    r"(?:副|総括|統括|最高)?(?:[一-鿿ァ-ヶーA-Z]{0,8})(?:知事|市長|町長|村長|部長|課長|係長|次長|局長|室長|会長"
    r"|委員長|議長|本部長|幹事長|補佐官|参事|主幹|顧問|担当者|担当官|責任者|教授|職員|専門家|アドバイザー|リーダー"
    r"|コンサルタント|人材|企業|事業者|住民|市民|町民|県民|高齢者|学生|生徒|CDO|CIO|CXO)"
)
_WHICH = re.compile(
    r"どこ(?!の(?:会社|企業|業者|メーカー|ベンダー|製品))|どの(?:自治体|市|町|村|県)|どちら"
    r"|(?:自治体|ところ|とこ|[市町村県])(?:は|って|なん)?[?。]?$"
)
_INTERROGATIVE = re.compile(r"何|いくら|いつ|いくつ|なん|どこ|どちら")
_WHEN = (
    r"いつ(?=頃|ごろ|から|まで|の|です|でしょ|で|に|、|\?|$|始|開|発|設|策|行|スタ|や)"
    r"|何月|何年度|時期は"
)

_PLAIN = ("氏名", "会社名や製品名", "メールアドレス", "年齢", "時間", "日付", "年")
_COUNT = "数 ("

SLOTS: tuple[Slot, ...] = (
    _slot(
        "氏名",
        r"氏名|フルネーム|名字|何という(?:人|方)|(?:人|方|者|長|官|知事|CDO|さん)の?お?名前"
        r"|(?:さん|様|氏|長|官|者|知事|CDO)(?:は|って)?、?(?:なんて|何て|何という)(?:方|人|名)",
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
        rf"いくつ(?!か|も|あっ|の(?:自治|市|町|事例))|{_NOUN}(?<![複多少])数{_ASKING}",
        _figure,
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
        r"|(?:会社|企業|業者|ベンダー|メーカー)(?:は|って|、)?(?:どこ|どちら)(?!か)"
        r"|どこの(?:会社|企業|業者|メーカー|ベンダー|製品)|ベンダー|メーカー|受注|委託先|請け負",
        _pattern(r"株式会社|[A-Z][a-z]+(?:社|製)|委託"),
    ),
    _slot("時期", _WHEN, _pattern(r"年|月|時期|期|度|今後|将来|コロナ|契機|時間")),
)
