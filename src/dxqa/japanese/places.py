"""Names of prefectures and municipalities as they stand in text."""

import re
from dataclasses import dataclass

from dxqa.japanese.normalize import normalize

PREFECTURES = tuple(
    "北海道 青森県 岩手県 宮城県 秋田県 山形県 福島県 茨城県 栃木県 群馬県 埼玉県 千葉県 東京都 "
    "神奈川県 新潟県 富山県 石川県 福井県 山梨県 長野県 岐阜県 静岡県 愛知県 三重県 滋賀県 京都府 "
    "大阪府 兵庫県 奈良県 和歌山県 鳥取県 島根県 岡山県 広島県 山口県 徳島県 香川県 愛媛県 高知県 "
    "福岡県 佐賀県 長崎県 熊本県 大分県 宮崎県 鹿児島県 沖縄県".split()
)


def _from_to(first: str, last: str) -> tuple[str, ...]:
    return PREFECTURES[PREFECTURES.index(first) : PREFECTURES.index(last) + 1]


_KYUSHU = _from_to("福岡県", "沖縄県")
_EAST = _from_to("北海道", "静岡県")
REGIONS = {
    "東北": _from_to("青森県", "福島県"),
    "関東": _from_to("茨城県", "神奈川県"),
    "首都圏": ("埼玉県", "千葉県", "東京都", "神奈川県"),
    "北陸": ("富山県", "石川県", "福井県"),
    "甲信越": ("新潟県", "山梨県", "長野県"),
    "東海": ("岐阜県", "静岡県", "愛知県", "三重県"),
    "中部": _from_to("新潟県", "愛知県"),
    "近畿": _from_to("三重県", "和歌山県"),
    "関西": _from_to("滋賀県", "和歌山県"),
    "中国": _from_to("鳥取県", "山口県"),
    "四国": _from_to("徳島県", "高知県"),
    "九州": _KYUSHU,
    "東日本": _EAST,
    "西日本": _from_to("愛知県", "沖縄県"),
}
"""Prefectures by region; where usage varies (中部, 近畿), the wider sense."""

_PREFECTURE = "|".join(PREFECTURES)
_FULL_NAME = re.compile(rf"({_PREFECTURE})?([^\s、。,・:|]{{1,7}}?[市区町村])?")


@dataclass(frozen=True, slots=True)
class Place:
    """A prefecture (``town`` empty) or a municipality (``prefecture`` empty where not given)."""

    prefecture: str
    town: str

    @property
    def name(self) -> str:
        """Full name, e.g. 宮崎県都城市."""
        return self.prefecture + self.town

    @property
    def kind(self) -> str:
        """都道府県, 市, 区, 町 or 村."""
        return self.town[-1] if self.town else "都道府県"


def parse_place(name: str) -> Place | None:
    """Read a whole string as the name of one place; None if it is something else."""
    match = _FULL_NAME.fullmatch(normalize(name).text.strip())
    if match is None or not match.group():
        return None
    return Place(match.group(1) or "", match.group(2) or "")
