"""Conditions on metadata: given as filters, or understood from a question."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from dxqa.errors import QuestionError
from dxqa.japanese import Quantity, find_quantities, normalize
from dxqa.types import Metadata, MetadataValue

Filters = Mapping[str, MetadataValue | Sequence[MetadataValue]]
"""Key to the value wanted, to several of which one is enough, or to a range ``"10000..50000"``."""

_RANGE = re.compile(r"\s*(-?[\d.]+)?\s*\.\.\s*(-?[\d.]+)?\s*")
_ABOVE = re.compile(r"人?(?:以上|を?超|より(?:も)?(?:多|大き)|を?上回)")
_BELOW = re.compile(r"人?(?:以下|未満|より(?:も)?(?:少な|小さ)|を?下回|に?満たな|まで)")
_MOST = re.compile(r"(?:一番|もっとも|最も|いちばん)(多|大き|少な|小さ)|最(多|大|少|小)")
_KINDS = (
    (
        "都道府県",
        re.compile(
            r"県(?:庁|の(?:トップ|リーダー|長|事例|例|取)|で[はの]|は(?:[、?]|$)|はどこ|だけ|$)|都道府県|知事"
        ),
    ),
    (
        "市",
        re.compile(
            r"市(?:役所|の(?:トップ|リーダー|事例|例|取)|で[はの]|は(?:[、?]|$)|はどこ|だけ|を教|$)|大都市|市長"
        ),
    ),
    (
        "町",
        re.compile(
            r"町(?:役場|の(?:トップ|リーダー|事例|例|取|ナンバ)|で[はの]|は(?:[、?]|$)|はどこ|だけ|を教|$)|町長"
        ),
    ),
)


@dataclass(frozen=True, slots=True)
class Condition:
    """A range of a numeric key, both ends included; ``text`` says it in Japanese."""

    key: str
    low: float
    high: float
    text: str

    def holds(self, metadata: Metadata) -> bool:
        """Whether a passage's metadata fulfils it; a missing value does not."""
        value = metadata.get(self.key)
        return isinstance(value, int | float) and self.low <= value <= self.high


@dataclass(frozen=True, slots=True)
class Superlative:
    """The largest or the smallest of a numeric key."""

    key: str
    largest: bool


def matches(metadata: Metadata, filters: Filters) -> bool:
    """Whether metadata fulfils every filter.

    Raises:
        QuestionError: a range is asked of a value that is no number.
    """
    return all(_matches(metadata.get(key), wanted) for key, wanted in filters.items())


def population_condition(question: str) -> Condition | None:
    """Read 「人口100万人を超える」 and the like; strict bounds exclude the number itself."""
    normal = normalize(question).text
    if "人口" not in normal:
        return None
    for quantity in find_quantities(normal):
        after = normal[quantity.end :]
        if match := _ABOVE.match(after):
            low = quantity.value + (0 if "以上" in match.group() else 1)
            return _condition(normal, quantity, match, (low, float("inf")))
        if match := _BELOW.match(after):
            high = quantity.value - (0 if match.group()[-2:] in ("以下", "まで") else 1)
            return _condition(normal, quantity, match, (0.0, high))
    return None


def population_superlative(question: str) -> Superlative | None:
    """Read 「人口がいちばん多い」."""
    normal = normalize(question).text
    match = _MOST.search(normal)
    if match is None or "人口" not in normal:
        return None
    return Superlative("population", (match.group(1) or match.group(2)) in ("多", "大き", "大"))


def asked_kind(question: str) -> str | None:
    """Return 都道府県, 市 or 町 where a question asks for one of that kind (「…という町」)."""
    normal = normalize(question).text.rstrip("?。!. ")
    kinds = [kind for kind, pattern in _KINDS if pattern.search(normal)]
    return kinds[0] if len(kinds) == 1 and "市町村" not in normal else None


def _condition(
    text: str, quantity: Quantity, match: re.Match[str], bounds: tuple[float, float]
) -> Condition:
    said = text[quantity.start : quantity.end] + match.group()
    return Condition("population", *bounds, text=f"人口{said}")


def _matches(value: MetadataValue | None, wanted: MetadataValue | Sequence[MetadataValue]) -> bool:
    if isinstance(wanted, str):
        bounds = _RANGE.fullmatch(wanted)
        if bounds and wanted.strip() != "..":
            return value is not None and _within(value, *bounds.groups())
        return value is not None and normalize(str(value)).text == normalize(wanted).text
    if isinstance(wanted, Sequence):
        return any(_matches(value, one) for one in wanted)
    return value == wanted


def _within(value: MetadataValue, low: str | None, high: str | None) -> bool:
    if not isinstance(value, int | float):
        raise QuestionError(f"範囲で絞り込めるのは数値の項目だけです: {value}")
    return (low is None or float(low) <= value) and (high is None or value <= float(high))
