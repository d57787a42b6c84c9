"""What is indexed, and what people said of it, as HTML."""

import base64
import datetime as dt
from collections.abc import Mapping, Sequence
from itertools import islice

from dxqa.encoders import BASE_NAME, BUNDLED_NAME
from dxqa.index import Index
from dxqa.web.feedback import Feedback, question_file
from dxqa.web.html import escape
from dxqa.web.loading import State

SHOWN = 200
"""How many pieces of feedback the page lists; the file has them all."""

_MODELS = {
    BUNDLED_NAME: "同梱のモデル (multilingual-e5-small、質問用に追加学習)",
    BASE_NAME: "同梱のモデル (multilingual-e5-small)",
}
_MOST_LISTED = 500  # documents
_VERDICTS = {"declined": "答えられず", "down": "よくないね", "up": "いいね"}


def holdings_html(index: Index | None) -> str:
    """Return what the index in use holds, and what was left out of it."""
    if index is None:
        return '<section class="holdings"><p>準備中です。しばらくお待ちください。</p></section>'
    manifest = index.store.manifest
    facts = {
        "文書": f"{manifest.documents:,} 件",
        "箇所": f"{manifest.passages:,} か所",
        "作成": _local_time(manifest.created),
        "モデル": _MODELS.get(manifest.model, manifest.model),
    }
    if manifest.model_options or manifest.model not in _MODELS:
        facts["次元"] = f"{manifest.dimension:,}"
    if index.reranker is not None:
        facts["並べ替え"] = index.reranker.name
    rows = "".join(f"<dt>{name}</dt><dd>{escape(value)}</dd>" for name, value in facts.items())
    return (
        f'<section class="holdings"><h2>検索に使っている資料</h2><dl>{rows}</dl>'
        f"{_skipped_html(manifest.skipped)}{_documents_html(index)}</section>"
    )


def pending_html(pending: Sequence[str]) -> str:
    """Return what the index in use does not know of yet."""
    if not pending:
        return '<p class="pending none">追加や削除は、すべて検索に反映されています。</p>'
    items = "".join(f"<li>{escape(line)}</li>" for line in pending)
    return (
        '<div class="pending some"><p><strong>まだ検索に反映されていません。</strong>'
        f"「検索に反映する」を押してください。</p><ul>{items}</ul></div>"
    )


def rebuilding_html(state: State | None) -> str:
    """Return how far a build is, or how it ended."""
    if state is None:
        return ""
    if state.stage == "failed":
        shown = "<br>".join(escape(line) for line in state.message.splitlines())
        return (
            '<div class="outcome fault" role="alert"><strong>反映できませんでした。</strong>'
            f"これまでの資料でお答えを続けています。<br>{shown}</div>"
        )
    if state.stage == "ready":
        return (
            '<div class="outcome good" role="status"><strong>検索に反映しました。</strong>'
            f"{escape(state.message)}</div>"
        )
    return _progress_html(state)


def messages_html(good: Sequence[str], bad: Sequence[str]) -> str:
    """Return what came of an action, item by item."""
    parts = [
        f'<div class="outcome {kind}" role="{role}"><ul>'
        + "".join(f"<li>{escape(line)}</li>" for line in lines)
        + "</ul></div>"
        for kind, role, lines in (("good", "status", good), ("fault", "alert", bad))
        if lines
    ]
    return "".join(parts)


def feedback_html(kept: Sequence[Feedback], trouble: str) -> str:
    """Return the newest feedback as a table, and all of it as a file to download."""
    warned = (
        f'<div class="outcome fault" role="alert">記録できなかったことがあります。{escape(trouble)}'
        "</div>"
        if trouble
        else ""
    )
    if not kept:
        return f"{warned}<p>まだ記録はありません。</p>"
    rows = "".join(map(_feedback_row, kept[:SHOWN]))
    rest = f"（新しい {SHOWN:,} 件を表示）" if len(kept) > SHOWN else ""
    return (
        f"{warned}<p>{len(kept):,} 件{rest}　{_download(kept)}</p>"
        '<p class="hint">ファイルは「dxqa evaluate ファイル名」で使えます。'
        "正解はまだ入っていません。答えられるはずの質問なら answerable を true、"
        "資料にない質問なら false に直し、cases と must に正解を書くと採点されます。"
        "null のままなら、答えたかどうかだけを数えます。</p>"
        '<div class="scroll" tabindex="0" role="region" aria-label="質問の記録"><table><thead><tr>'
        '<th scope="col">日時</th><th scope="col">種類</th><th scope="col">質問</th>'
        '<th scope="col">理由</th><th scope="col">回答</th></tr></thead>'
        f"<tbody>{rows}</tbody></table></div>"
    )


def _feedback_row(feedback: Feedback) -> str:
    before = f"<small>（前の質問：{_japanese(' → '.join(feedback.history))}）</small>"
    cells = (
        _local_time(feedback.time),
        _VERDICTS[feedback.verdict],
        _japanese(feedback.question) + (before if feedback.history else ""),
        "　".join(filter(None, (escape(feedback.reason), _japanese(feedback.comment)))),
        f"<details><summary>表示</summary>{_japanese(feedback.answer)}</details>",
    )
    return "<tr>" + "".join(f"<td>{cell}</td>" for cell in cells) + "</tr>"


def _japanese(text: str) -> str:
    """Return a text of others, which is Japanese whatever language the page is in."""
    return f'<span lang="ja">{escape(text)}</span>' if text else ""


def _download(kept: Sequence[Feedback]) -> str:
    """The file itself in the link, so that none lies about on the server."""
    data = base64.b64encode(question_file(kept).encode()).decode("ascii")
    return (
        '<a class="download" download="dxqa-questions.jsonl" '
        f'href="data:application/x-ndjson;base64,{data}">質問ファイルに書き出す</a>'
    )


def _skipped_html(skipped: Mapping[str, str]) -> str:
    if not skipped:
        return ""
    items = "".join(
        f"<li>{_japanese(path)}：<span>{escape(reason)}</span></li>"
        for path, reason in skipped.items()
    )
    return (
        f'<div class="outcome warn"><strong>読み込めなかったファイルが {len(skipped):,} 件'
        f"あります。</strong><ul>{items}</ul></div>"
    )


def _documents_html(index: Index) -> str:
    documents = islice(index.store.documents.described(), _MOST_LISTED)
    rows = "".join(
        f"<tr><td>{_japanese(document.title)}</td><td>{_japanese(document.doc_id)}</td>"
        f'<td class="count">{count:,}</td></tr>'
        for document, count in zip(documents, index.store.passage_counts, strict=False)
    )
    left_out = len(index.store.documents) - _MOST_LISTED
    rows += f'<tr><td colspan="3">ほか {left_out:,} 件</td></tr>' if left_out > 0 else ""
    return (
        '<div class="scroll" tabindex="0" role="region" aria-label="文書の一覧"><table><thead><tr>'
        '<th scope="col">文書</th><th scope="col">ファイル</th><th scope="col">箇所</th>'
        f"</tr></thead><tbody>{rows}</tbody></table></div>"
    )


def _progress_html(state: State) -> str:
    told = "検索に反映しています。この間も、これまでの資料で質問できます。"
    if not state.total:
        bar, count = '<progress aria-label="反映の進み具合"></progress>', "文書を読んでいます"
    else:
        bar = (
            f'<progress aria-label="反映の進み具合" max="{state.total}" value="{state.done}">'
            "</progress>"
        )
        count = f"{state.done:,} / {state.total:,} 文"
    counted = f'<p class="count">{count}</p>'
    return f'<div class="status busy"><p role="status">{told}</p>{bar}{counted}</div>'


def _local_time(utc: str) -> str:
    return dt.datetime.fromisoformat(utc).astimezone().strftime("%Y年%m月%d日 %H:%M")
