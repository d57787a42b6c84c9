"""Conditions on metadata: given as filters, or understood from a question."""

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace

from dxqa.japanese import REGIONS, find_quantities, normalize
from dxqa.types import MetadataValue

_ABOVE = re.compile(r"人?(?:以上|を?超(?:える|す)?|より(?:も)?(?:多い|大きい)|を?上回る)")
_BELOW = re.compile(
    r"人?(?:以下|未満|より(?:も)?(?:少ない|小さい)|を?下回る|に?満たない|に?届かない|に?達しない|を?切る|足らず|まで)"
)
# 100万人以上の自治体: 人口 goes without saying.
_INHABITANTS = re.compile(
    r"人(?:以上|以下|未満|を?超(?:える|の)?|より(?:多|少な)い|に?満たない|に?届かない|を切る)の?"
    r"(?:自治体|市町村|[都市町村県](?![長民])|役場|ところ|団体)"
)
_MOST = re.compile(
    r"(?:一番|もっとも|最も|いちばん|(?:どちら|どっち|どこ)(?:の(?:ほう|方))?が)(多|大き|少な|小さ)"
    r"|最(多|大|少|小)"
)
# 町だけ, 市に限って, 3万人以下の町で, 「町」は
_ONLY_KIND = re.compile(
    r"(都道府県|県|市|町)(?:の事例|の例)?(?:だけ|のみ|に(?:しぼ|絞|限)[っり]?て?)"
    r"|(?<=^の)(都道府県|県|市|町)(?=で|の|は)|(?<=[ 、]の)(都道府県|県|市|町)(?=で|の|は|を)"
    r"|「(都道府県|県|市|町)」(?=は|の|を)|(?<![一-鿿])(都道府県|県|市|町)が[^。、?]{1,12}(?:だけ|のみ)"
)
_REGIONS = "|".join(sorted(REGIONS.keys() - {"中国"}, key=len, reverse=True))
# 中国 alone is the country.
_REGION = re.compile(rf"(中国(?=地方)|{_REGIONS})(?:地方|地域|エリア)?(?=の|で|に)")
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
class Understood:
    """Filters read out of a question.

    Attributes:
        filters: to be applied.
        said: the same in Japanese, for the reader.
        rest: the question (normal form) without the words they were read from.
    """

    filters: dict[str, MetadataValue | Sequence[MetadataValue] | None]
    said: tuple[str, ...]
    rest: str


@dataclass(frozen=True, slots=True)
class Superlative:
    """The largest or the smallest of a numeric key."""

    key: str
    largest: bool


def understand_filters(
    question: str, prefectures: Sequence[str], keys: Collection[str]
) -> Understood:
    """Read 「人口3万人以下の町で」, 「県の事例だけ」, 「西日本の」 and named prefectures.

    Args:
        question: in normal form.
        prefectures: those named that hold cases without being one.
        keys: the metadata keys that the index has; no filter is read for others.
    """
    found = Understood({}, (), question)
    for key, read in (("population", _population), ("kind", _only_kind), ("prefecture", _region)):
        found = read(found) if key in keys else found
    if prefectures and "prefecture" not in found.filters:
        found.filters["prefecture"] = list(prefectures)
        found = replace(found, said=(*found.said, "、".join(prefectures)))
    return found


def _population(found: Understood) -> Understood:
    """Strict bounds (超える, 未満) exclude the number itself."""
    if "人口" not in found.rest and not _INHABITANTS.search(found.rest):
        return found
    for quantity in find_quantities(found.rest):
        above = _ABOVE.match(found.rest, quantity.end)
        match = above or _BELOW.match(found.rest, quantity.end)
        if match:
            number = round(quantity.value)
            low = number + (match.group()[-2:] != "以上")
            high = number - (match.group()[-2:] not in ("以下", "まで"))
            bounds = f"{low}.." if above else f"..{high}"
            said = f"人口{found.rest[quantity.start : match.end()]}"
            rest = found.rest[: quantity.start] + " " + found.rest[match.end() :]
            rest = re.sub(r"人口(?:が|は|の|で)?", " ", rest)
            return Understood({**found.filters, "population": bounds}, (*found.said, said), rest)
    return found


def _only_kind(found: Understood) -> Understood:
    match = _ONLY_KIND.search(found.rest)
    if match is None:
        return found
    said = next(k for k in match.groups() if k)
    kind = "都道府県" if said == "県" else said
    rest = found.rest[: match.start()] + " " + found.rest[match.end() :]
    return Understood({**found.filters, "kind": kind}, (*found.said, kind), rest)


def _region(found: Understood) -> Understood:
    match = _REGION.search(found.rest)
    if match is None:
        return found
    region = match.group(1)
    filters = {**found.filters, "prefecture": list(REGIONS[region])}
    rest = found.rest[: match.start()] + " " + found.rest[match.end() :]
    return Understood(filters, (*found.said, region), rest)


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
