"""All cases at a glance as HTML: a tile map of the prefectures, filters, and a card a case.

The browser filters and selects by itself (cases.js), by the data attributes given here.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from functools import cache
from importlib.resources import files
from zlib import crc32

from dxqa.japanese import normalize
from dxqa.types import Case, Citation, Document
from dxqa.web.html import escape, exact

MOST_COMPARED = 5

_KINDS = ("都道府県", "市", "区", "町", "村")
_SHORT = 2
_NOTHING = (
    '<p class="none" id="cases-none" hidden><span>あてはまる事例がありません。'
    "言葉を変えるか、条件を外してください。</span> "
    '<button type="button" id="ask-words">同じ言葉で質問する</button></p>'
)
_MORE = '<p class="more"><button type="button" id="more-cases" hidden></button></p>'


@cache
def tiles() -> dict[str, tuple[int, int]]:
    """Return row and column of every prefecture on the tile map."""
    lines = files("dxqa").joinpath("data/tilemap.tsv").read_text("utf-8").splitlines()
    rows = (line.split("\t") for line in lines if not line.startswith("#"))
    return {name: (int(row), int(column)) for name, row, column in rows}


def browse_html(cases: Sequence[Case], documents: Mapping[str, Document]) -> str:
    """Return map, filters and cards; the documents where none of them is about a municipality."""
    if not cases:
        return _documents_html(documents)
    cards = "".join(_card(number, case) for number, case in enumerate(cases))
    return (
        f'<div class="browse" data-drawn="{crc32(cards.encode()):x}">'
        f'<div class="where">{map_html(cases)}</div>'
        f'<div class="what">{_filters(cases)}{_NOTHING}'
        f'<div class="case-cards">{cards}</div>{_MORE}</div></div>{_TRAY}'
    )


def map_html(cases: Sequence[Case]) -> str:
    """Return the tile map: prefectures with cases are buttons that tell how many."""
    counts = Counter(case.prefecture for case in cases)
    shown = "".join(_tile(name, counts[name]) for name in tiles())
    elsewhere = sum(count for name, count in counts.items() if name not in tiles())
    remark = f"<p class='remark'>都道府県がわからない事例：{elsewhere:,}件</p>" if elsewhere else ""
    return (
        '<details id="map" open><summary><h2 id="map-title">都道府県からさがす</h2></summary>'
        '<p class="remark">件数のある都道府県を押すと、その事例だけを表示します。</p>'
        f'<div class="tilemap" role="group" aria-labelledby="map-title">{shown}</div>'
        f"{remark}</details>"
    )


def _tile(name: str, count: int) -> str:
    row, column = tiles()[name]
    place = f'style="grid-area:{row}/{column}"'
    label = name if name == "北海道" else name[:-1]
    size = ' class="long"' if len(label) > _SHORT else ""
    label = f'<span{size} lang="ja">{label}</span>'
    if not count:
        return f'<span class="tile" {place} aria-hidden="true">{label}</span>'
    return (
        f'<button type="button" class="tile" {place} data-prefecture="{name}" aria-pressed="false">'
        f'{label} <span class="count">{count:,}件</span></button>'
    )


def _filters(cases: Sequence[Case]) -> str:
    counts = Counter(case.kind for case in cases)
    kinds = [kind for kind in _KINDS if counts[kind]] + sorted(set(counts) - {*_KINDS, ""})
    options = "".join(
        f'<option value="{exact(k)}">{escape(k)}（{counts[k]:,}件）</option>' for k in kinds
    )
    return (
        '<form class="case-filters" role="search" aria-label="事例のしぼり込み">'
        '<label>言葉でさがす<input type="search" id="case-words" autocomplete="off" '
        'placeholder="自治体名、取り組みなど（本文も探します）"></label>'
        f'<label>種類<select id="case-kind"><option value="">すべて</option>{options}</select>'
        "</label>"
        '<p class="chosen"><span role="status"><span id="case-count"></span> '
        '<span id="case-matches"></span></span>'
        '<button type="button" id="case-reset" hidden>条件をすべて外す</button></p></form>'
    )


def _card(number: int, case: Case) -> str:
    name, title = escape(case.name), f"case-{number}"
    words = " ".join((case.name, case.summary.quote if case.summary else "", *case.aspects))
    aspects = "".join(f"<li>{escape(aspect)}</li>" for aspect in case.aspects)
    told = f'<ul class="aspects" aria-label="記載のある項目">{aspects}</ul>' if aspects else ""
    return (
        f'<article class="case" aria-labelledby="{title}" data-name="{exact(case.name)}" '
        f'data-prefecture="{exact(case.prefecture)}" data-kind="{exact(case.kind)}" '
        f'data-words="{exact(normalize(words).text.lower())}">'
        f'<h3 id="{title}" lang="ja">{name}</h3><p class="facts">{escape(_facts(case))}</p>'
        f'{_summary(case.summary)}<p class="matched" hidden></p>{told}'
        f'<p class="acts"><button type="button" class="open-case" aria-describedby="{title}">'
        '事例を開く</button><label><input type="checkbox" class="pick-case" '
        f'aria-describedby="{title}">比較に加える</label></p></article>'
    )


def _facts(case: Case) -> str:
    people = f"人口 {case.population:,}人" if case.population is not None else "人口の記載なし"
    return "　".join(filter(None, (case.kind, people)))


def _summary(cited: Citation | None) -> str:
    if cited is None:
        return '<p class="summary unsaid">概要の記載がありません。</p>'
    where = " › ".join((*cited.passage.heading_path[-1:], cited.passage.doc_id))
    quote = " ".join(cited.quote.split())
    return (
        f'<blockquote class="summary" lang="ja">{escape(quote)}</blockquote>'
        f'<p class="where-from">出典：<span lang="ja">{escape(where)}</span></p>'
    )


def _documents_html(documents: Mapping[str, Document]) -> str:
    rows = "".join(
        f"<li lang='ja'><strong>{escape(d.title)}</strong><span>{escape(d.doc_id)}</span></li>"
        for d in documents.values()
    )
    held = f'<ul class="documents">{rows}</ul>' if rows else "<p>収録している文書がありません。</p>"
    return (
        '<div class="no-cases"><h2>収録している文書</h2>'
        f"<p>この資料には、自治体ごとの事例として読める部分がありません。</p>{held}</div>"
    )


_TRAY = (
    f'<div class="tray" data-most="{MOST_COMPARED}" hidden><p><span id="tray-told" role="status">'
    '</span> <span id="tray-names" lang="ja"></span></p><p class="acts">'
    '<button type="button" id="compare-cases" disabled>比較する</button>'
    '<button type="button" id="unpick-cases">選択を外す</button></p></div>'
)
"""What is selected for a comparison; the browser fills it."""
