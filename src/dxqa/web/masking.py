"""What points at a person is taken out of a text before it is kept: numbers to call, addresses.

Patterns are looked for in a text of the same length in which every way of writing a digit or a
dash is one character (アットマーク is アットマ-ク there); what they find is replaced in the text.
"""

import re
import unicodedata

from dxqa.japanese import PREFECTURES

_DASHES = "‐‑‒–—―−﹣ー─━~〜ｰ"
_SAME = str.maketrans("〇零一二三四五六七八九" + _DASHES, "00123456789" + "-" * len(_DASHES))
_GAP = r"[-.()・/ _の]{0,3}"
_AMOUNT = r"(?!\s*(?:[円件戸年万千億兆%]|世帯|人(?!番号)))"
"""No amount: 「100-2000人」 is no postal code, 「123456789012円」 is nobody's number."""
_YEARS = r"(?!(?:(?:19|20)\d{2}[- ]){2}(?:19|20)\d{2})"
_NO_DATE = r"(?<![12]\d{3}[-/.])(?<![12]\d{3}[-/.]\d\d[-/.])"
_ADDRESS = r"(?:〒|郵便番号|住所|所在地|本籍|自宅|宛先|宛て先|あて先|送付先|送り先|届け先)"
_PREFECTURE = "|".join(PREFECTURES)

_AT = r"\s*(?:@|[(\[<{【]\s*(?:at|アット(?:マ-ク)?|@)\s*[)\]>}】]|アットマ-ク)\s*"
_DOT = r"(?:\.|\s*[(\[]\s*(?:dot|ドット)\s*[)\]]\s*|\s*ドット\s*)"
# From where such a run begins: tried from each of its characters, it would take the square.
_MAIL_SIGNS = r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~.-]"
_MAIL_NAME = rf"(?<!{_MAIL_SIGNS}){_MAIL_SIGNS}+"
_MAIL_HOST = rf"(?:[A-Za-z0-9-]+{_DOT})+[A-Za-z]{{2,}}"
_FOURS = r"\d{4}(?P<gap>[- ]?)\d{4}(?P=gap)\d{4}(?:(?P=gap)\d{4})?"
_TO_CALL = r"(?:電話番号|電話|携帯番号|携帯|TEL|FAX|ファックス|ファクス|[☎📞])\D{0,4}"

# What is replaced is the group ``it``, so that the word before a number stays.
_PATTERNS = (
    ("【メールアドレス】", rf"(?P<it>{_MAIL_NAME}{_AT}{_MAIL_HOST})"),
    ("【メールアドレス】", r"(?P<it>(?<![\w.+-])[\w.+-]+@[\w-]+(?:\.[\w-]+)+)"),
    ("【電話番号】", rf"(?P<it>\(?\+{_GAP}81(?:{_GAP}\d){{9,11}})(?!\d)"),
    ("【電話番号】", rf"(?<![\d,])(?<!\d\.){_NO_DATE}(?P<it>\(?0(?:{_GAP}\d){{9,10}})(?!\d)"),
    ("【番号】", rf"(?<![\d,.]){_YEARS}(?P<it>{_FOURS})(?![\d,]){_AMOUNT}"),
    ("【番号】", rf"(?<![\d,.])(?P<it>\d{{10,}})(?![\d,]){_AMOUNT}"),
    ("【郵便番号】", rf"{_ADDRESS}\D{{0,4}}(?P<it>\d{{3}}-?\d{{4}})(?![\d-]){_AMOUNT}"),
    ("【郵便番号】", rf"(?<![\d.,-])(?P<it>\d{{3}}-\d{{4}})(?=\s{{0,2}}(?:{_PREFECTURE}))"),
    ("【電話番号】", rf"{_TO_CALL}(?P<it>\d{{1,5}}[-() ]{{1,2}}\d{{4}}|\d{{6,11}})(?!\d)"),
    ("【電話番号】", r"内線\D{0,4}(?P<it>\d{2,6})"),
)
_COMPILED = tuple((token, re.compile(pattern, re.IGNORECASE)) for token, pattern in _PATTERNS)


def masked(text: str) -> str:
    """Return ``text`` in NFKC, a word in the place of each address, telephone or long number."""
    characters = unicodedata.normalize("NFKC", text)
    normal = "".join(c for c in characters if unicodedata.category(c) != "Cf")
    for token, pattern in _COMPILED:
        plain = normal.translate(_SAME)
        for found in reversed(list(pattern.finditer(plain))):
            start, end = found.span("it")
            normal = normal[:start] + token + normal[end:]
    return normal
