"""The line below the title: what is held, or how far the preparations are."""

from dxqa.index import Index
from dxqa.web.html import escape
from dxqa.web.loading import State

_LOADING = "準備中です。10秒ほどで質問できるようになります。"
_BUILDING = "はじめての起動なので、資料の索引を作っています。1〜2分で質問できるようになります。"


def status_html(state: State, index: Index | None) -> str:
    """Return what to show for a state."""
    if state.stage == "failed":
        shown = "<br>".join(escape(line) for line in state.message.splitlines())
        return (
            '<div class="status failed" role="alert"><strong>準備できませんでした</strong>'
            f"<p>{shown}</p></div>"
        )
    if state.stage == "ready" and index is not None:
        warning = f'<p class="warning">{escape(state.message)}</p>' if state.message else ""
        return f'<div class="status ready" role="status">{escape(holdings(index))}{warning}</div>'
    told = _BUILDING if state.stage == "building" else _LOADING
    return f'<div class="status busy"><p role="status">{told}</p>{_bar(state)}</div>'


def holdings(index: Index) -> str:
    """Say what the index holds."""
    cases = len(index.store.municipalities)
    counted = f"{cases:,} 自治体の事例" if cases else f"{len(index.store.documents):,} 文書"
    skipped = len(index.store.manifest.skipped)
    left_out = f"、読み込めなかったファイル {skipped:,} 件" if skipped else ""
    return f"収録：{counted}、{len(index.store.passages):,} か所の記述{left_out}"


def _bar(state: State) -> str:
    if not state.total:
        return '<progress aria-label="準備の進み具合"></progress>'
    percent = state.done * 100 // state.total
    return (
        f'<progress aria-label="準備の進み具合" max="{state.total}" value="{state.done}">'
        "</progress>"
        f'<p class="count">{state.done:,} / {state.total:,} 文 （{percent} %）</p>'
    )
