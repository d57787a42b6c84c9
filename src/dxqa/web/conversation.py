"""A conversation: its turns, how the next one comes about, and what the page shows of them."""

import logging
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from dxqa.errors import DxqaError
from dxqa.types import Answer
from dxqa.web.cards import evidence_html, shorten
from dxqa.web.html import escape
from dxqa.web.loading import IndexLoader
from dxqa.web.replies import copied_text, error_html, growing, pending_html, question_html

_LOG = logging.getLogger(__name__)
_LONGEST_SHOWN = 400
_EMPTY = (
    '<section class="evidence empty"><h2>回答の根拠</h2>'
    '<p>回答の中の番号 <span class="number">1</span> を押すと、'
    "引用した資料の原文がここに表示され、引用した文に印がつきます。</p></section>"
)
_UNEXPECTED = (
    "思わぬ問題が起きて、お答えできませんでした。質問は入力欄に残してあります。"
    "もう一度送信しても同じときは、サーバーを動かしている方にお知らせください。"
)


@dataclass(frozen=True, slots=True)
class Turn:
    """One question and what came of it.

    Attributes:
        reply: HTML for the chat.
        evidence: HTML of the passages; empty while there are none.
        failed: whether the question could not be answered nor declined, and so has no bearing on
            later questions.
        answer: what the reply shows; None while there is none.
    """

    question: str
    reply: str
    evidence: str = ""
    failed: bool = False
    answer: Answer | None = None


def respond(loader: IndexLoader, question: str, turns: Sequence[Turn]) -> Iterator[Turn]:
    """Yield the next turn as it grows; errors become turns that say what to do."""
    number = len(turns) + 1
    yield Turn(question, pending_html())
    history = [turn.question for turn in turns if not turn.failed]
    try:
        answer = loader.ask(question, history)
        index = loader.index
        documents = index.store.documents if index else {}
        button = _copy_button(copied_text(answer)) if answer.answered else ""
        evidence = button + evidence_html(number, answer, documents)
        for reply in growing(number, answer):
            yield Turn(question, reply, evidence, answer=answer)
    except DxqaError as error:
        yield Turn(question, error_html(str(error)), failed=True)
    except Exception:  # noqa: BLE001 - whatever it is, the page stays up
        _LOG.exception("質問に答えられませんでした")
        yield Turn(question, error_html(_UNEXPECTED), failed=True)


def messages(turns: Sequence[Turn]) -> list[dict[str, str]]:
    """Return what the chat shows."""
    shown: list[dict[str, str]] = []
    for turn in turns:
        if turn.question.strip():
            asked = turn.question if not turn.failed else shorten(turn.question, _LONGEST_SHOWN)
            shown.append({"role": "user", "content": question_html(asked)})
        shown.append({"role": "assistant", "content": turn.reply})
    return shown


def turn_at(turns: Sequence[Turn], message: int) -> Turn | None:
    """Return the turn that the message of this number in the chat belongs to."""
    seen = 0
    for turn in turns:
        seen += len(messages([turn]))
        if message < seen:
            return turn
    return None


def panel_html(turns: Sequence[Turn]) -> str:
    """Return the passages of every turn; the page shows one turn's at a time, at first the last."""
    groups = [
        f'<div class="turn" data-turn="{number}">{turn.evidence}</div>'
        for number, turn in enumerate(turns, start=1)
        if turn.evidence
    ]
    return f'<div class="panel">{"".join(groups) or _EMPTY}</div>'


def _copy_button(text: str) -> str:
    return (
        '<p class="copy"><span class="copied" role="status"></span>'
        '<button type="button" class="copy-answer" '
        f'data-copy="{escape(text)}">回答と出典をコピー</button></p>'
    )
