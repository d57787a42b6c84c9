"""Filters beside the chat, from the metadata of the index; what is set shows as chips."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import gradio as gr

from dxqa.japanese import PREFECTURES
from dxqa.store import Store
from dxqa.visible import visible
from dxqa.web.html import escape, exact
from dxqa.web.words import I18N, say

_KINDS = ("都道府県", "市", "区", "町", "村")
_BANDS = (
    ("1万人未満", "..9999"),
    ("1万〜5万人", "10000..49999"),
    ("5万〜30万人", "50000..299999"),
    ("30万〜100万人", "300000..999999"),
    ("100万人以上", "1000000.."),
)
_NO_FACET = frozenset(
    "municipality kind prefecture population department tel official_page reference source note"
    " title".split()
)
_MOST_VALUES = 30
_NAMES = {"theme": "テーマ", "topic": "テーマ", "category": "分類"}

Chosen = Mapping[str, list[str]]
"""Metadata key to the values of which one is enough."""


@dataclass(frozen=True, slots=True)
class Facets:
    """What can be chosen: labels with their values, in the order to show."""

    kinds: list[str]
    prefectures: list[str]
    populations: list[tuple[str, str]]
    others: list[tuple[str, str]]


def facets(store: Store) -> Facets:
    """Read off an index what its cases can be told apart by."""
    cases = [store.passages.metadata_of(rows[0]) for rows in store.municipalities.values()]
    kinds = {str(case.get("kind")) for case in cases}
    prefectures = {str(case.get("prefecture")) for case in cases}
    numbers = [n for case in cases if isinstance(n := case.get("population"), int | float)]
    return Facets(
        [kind for kind in _KINDS if kind in kinds],
        [prefecture for prefecture in PREFECTURES if prefecture in prefectures],
        [band for band in _BANDS if any(_inside(number, band[1]) for number in numbers)],
        _others([document.metadata for document in store.documents.described()]),
    )


def _inside(number: float, band: str) -> bool:
    low, high = band.split("..")
    return float(low or 0) <= number <= float(high or "inf")


def _others(metadata: Sequence[Mapping[str, object]]) -> list[tuple[str, str]]:
    """Return the values of any other key that sorts documents: few values, some of them shared."""
    found: list[tuple[str, str]] = []
    for key in sorted({key for one in metadata for key in one} - _NO_FACET):
        counts = Counter(str(one[key]) for one in metadata if key in one)
        if 1 < len(counts) <= _MOST_VALUES and max(counts.values()) > 1:
            name = _NAMES.get(key, key)
            found += [(visible(f"{name}：{value}"), f"{key}={value}") for value in sorted(counts)]
    return found


def chosen(
    kinds: Sequence[str],
    prefectures: Sequence[str],
    populations: Sequence[str],
    others: Sequence[str],
) -> dict[str, list[str]]:
    """Return what the controls hold as filters for ``Index.ask``."""
    found = {"kind": kinds, "prefecture": prefectures, "population": populations}
    filters = {key: list(values) for key, values in found.items() if values}
    for other in others or ():
        key, _, value = other.partition("=")
        filters.setdefault(key, []).append(value)
    return filters


def said(filters: Chosen) -> dict[str, str]:
    """Say filters in words, by key."""
    names = {"kind": "種別", "prefecture": "都道府県", "population": "人口", **_NAMES}
    bands = {band: label for label, band in _BANDS}
    return {
        key: f"{names.get(key, key)}：{'・'.join(bands.get(value, value) for value in values)}"
        for key, values in filters.items()
    }


def chips_html(filters: Chosen) -> str:
    """Return what is set as chips; pressing one takes the filter away."""
    chips = [
        f'<button type="button" class="chip" data-unset="{exact(key)}">{escape(word)}'
        '<span aria-hidden="true"> ×</span><span class="unseen">を外す</span></button>'
        for key, word in said(filters).items()
    ]
    heading = f'<span class="of">{say("filtered-by")}</span>'
    return f'<p class="chips">{heading}{"".join(chips)}</p>' if chips else ""


class FilterControls:
    """The controls, laid out where they are made; their choices come with the index."""

    def __init__(self) -> None:
        """Lay the controls out, empty."""
        self._found: tuple[Store, Facets] | None = None
        self.kinds = gr.CheckboxGroup([], label=I18N("kind"), elem_id="filter-kind")
        self.populations = gr.CheckboxGroup(
            [], label=I18N("population"), elem_id="filter-population"
        )
        self.prefectures = gr.Dropdown(
            [], label=I18N("prefecture"), elem_id="filter-prefecture", multiselect=True
        )
        self.others = gr.Dropdown(
            [], label=I18N("other-keys"), elem_id="filter-other", multiselect=True, visible=False
        )

    @property
    def all(self) -> list[gr.components.Component]:
        """In the order that ``chosen`` takes."""
        return [self.kinds, self.prefectures, self.populations, self.others]

    @property
    def changes(self) -> list[Callable[..., object]]:
        """The events by which one of the controls says that it has changed."""
        groups = (self.kinds.change, self.populations.change)
        return [*groups, self.prefectures.change, self.others.change]

    def offer(self, store: Store | None) -> list[dict[str, object]]:
        """Return the choices that an index gives, one update for each control."""
        if store is None:
            return [gr.update() for _ in self.all]
        if self._found is None or self._found[0] is not store:
            self._found = store, facets(store)
        found = self._found[1]
        each = (found.kinds, found.prefectures, found.populations, found.others)
        return [gr.update(choices=choices, visible=bool(choices)) for choices in each]

    def without(self, key: str) -> list[dict[str, object]]:
        """Return the updates that take one filter away."""
        keys = ("kind", "prefecture", "population")
        emptied = key if key in keys else ""
        return [gr.update(value=[]) if name == emptied else gr.update() for name in (*keys, "")]
