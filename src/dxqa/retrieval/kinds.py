"""Which form of answer a question wants."""

import re

_COMPARE = re.compile(r"比較|比べ|違い|違う|異な|並べ|見比|対比|それぞれ|どちら")
_CONTACT = re.compile(
    r"電話|tel\b|ＴＥＬ|連絡先|番号|何番|担当課|担当部署|問い?合わせ|人口|何人くらいの[市町村県]|FAX",
    re.IGNORECASE,
)
_PLACES = (
    r"(?:自治体|市町村|市町|団体|[市町村県](?!長|民|議|役|内|全体|の[^例事])"
    r"|ところ|とこ|役場|事例|例|ケース)"
)
_LIST = re.compile(
    rf"全部|ぜんぶ|すべて|全て|一覧|列挙|リスト|いくつ(?:あ|の[自市町])|抜き出|挙げて|ピックアップ|洗い出|"
    rf"{_PLACES}(?:は|を|って|が|も)?(?:[、 ]*)(?:どこ|どれ|ある|あり|教え|知り|全|ない|[?？。]|$)|"
    rf"どこ(?:の|が|です|でしょ|[?？。]|$)|どの(?:自治体|市|町|県)|(?:自治体|市町村|事例|ところ)(?:と|は|を|の(?:名|一))"
)
_ALL = re.compile(
    r"全部|ぜんぶ|すべて|全て|残らず|一通り|ひととおり|一覧|列挙|リスト|いくつ|複数|抜き出|挙げて|洗い出"
    r"|並べて|拾って|拾い出|どの(?:自治体|市|町|県)|どこどこ|どことど|どこがあ"
    r"|(?:自治体|市町村|事例|団体)(?:は|を|って|と|の|が|で|$)"
)
_ABOUT_SOURCE = re.compile(r"(?:この|本)(?:記事|資料|文書|文章|稿|サイト)")
_EXPLAIN = re.compile(
    r"なぜ|どうして|理由|方法|どうすれ|どうやっ|とは|って何|意味|課題|背景|きっかけ|流れ|手順|経緯"
)


def question_kind(question: str, places: int) -> str:
    """Return fact, contact, list, compare or explain.

    Args:
        question: in normal form.
        places: how many municipalities it is about.
    """
    if places > 1:
        return "compare"
    if places == 1:
        return "contact" if _CONTACT.search(question) else "fact"
    if _LIST.search(question) and not _ABOUT_SOURCE.search(question):
        return "list"
    if _CONTACT.search(question) and not _EXPLAIN.search(question):
        return "contact"
    return "explain" if _EXPLAIN.search(question) or not _COMPARE.search(question) else "compare"


def asks_for_all(question: str) -> bool:
    """Whether a list question (in normal form) wants every case rather than one (「…した町」)."""
    return bool(_ALL.search(question))
