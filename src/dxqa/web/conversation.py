"""A conversation: its turns, how the next one comes about, and what the page shows of them."""

import contextlib
import logging
from collections.abc import Generator, Iterator, Sequence
from dataclasses import dataclass, replace

from dxqa.answering.follow_ups import follow_ups
from dxqa.errors import DxqaError
from dxqa.index import Index
from dxqa.types import Answer
from dxqa.web import asides
from dxqa.web.cards import evidence_html, shorten
from dxqa.web.html import escape
from dxqa.web.loading import IndexLoader
from dxqa.web.replies import (
    copied_text,
    error_html,
    growing,
    pending_html,
    question_html,
    stopped_html,
)
from dxqa.web.requests import Request
from dxqa.web.words import say

_LOG = logging.getLogger(__name__)
_LONGEST_SHOWN = 400
_EMPTY = (
    f'<section class="evidence empty"><h2>{say("evidence")}</h2>'
    f"<p>{say('evidence-none')}</p></section>"
)
_UNEXPECTED = (
    "思わぬ問題が起きて、お答えできませんでした。質問は入力欄に残してあります。"
    "もう一度送信しても同じときは、サーバーを動かしている方にお知らせください。"
)


@dataclass(frozen=True, slots=True)
class Turn:
    """One question and what came of it.

    Attributes:
        number: stays the same whatever happens to other turns; part of ids.
        reply: HTML for the chat.
        evidence: HTML of the passages; empty while there are none.
        answer: None while it is not there, and where it cannot be.
        failed: whether the question could not be answered nor declined, and so has no bearing on
            later questions.
        whole: whether nothing more comes.
    """

    number: int
    request: Request
    reply: str
    evidence: str = ""
    answer: Answer | None = None
    failed: bool = False
    whole: bool = True


def respond(
    loader: IndexLoader, request: Request, number: int, *, asker: str = "", repeated: bool = False
) -> Iterator[Turn]:
    """Yield a turn as it grows; errors become turns that say what to do.

    Who closes the iterator gives up the turn's place in the line.
    """
    pending = Turn(number, request, pending_html(), whole=False)
    yield pending
    asking = loader.asking(
        request.question, request.history, request.all_filters, asker=asker, repeated=repeated
    )
    try:
        answer = yield from _until_answered(pending, asking)
        yield from _growing(Turn(number, request, "", answer=answer), answer, loader.index)
    except DxqaError as error:
        yield _failed(number, request, str(error))
    except Exception:  # noqa: BLE001 - whatever it is, the page stays up
        _LOG.exception("質問に答えられませんでした")
        yield _failed(number, request, _UNEXPECTED)


def _until_answered(
    pending: Turn, asking: Generator[int, None, Answer]
) -> Generator[Turn, None, Answer]:
    """Yield the turn that waits, with how many come before it, and return the answer."""
    with contextlib.closing(asking):
        while True:
            try:
                before = next(asking)
            except StopIteration as end:
                answer: Answer = end.value
                return answer
            yield replace(pending, reply=pending_html(before))


def _growing(turn: Turn, answer: Answer, index: Index | None) -> Iterator[Turn]:
    number, request = turn.number, turn.request
    documents = index.store.documents if index else {}
    button = _copy_button(copied_text(answer)) if answer.answered else ""
    shown = "" if answer.choices else evidence_html(number, answer, documents)
    evidence = button + shown
    before = asides.conditions_html(answer, request.filters, request.undone)
    after = _next_html(answer, request, index) + asides.actions_html()
    steps = list(growing(number, answer, before, after))
    for step, reply in enumerate(steps, start=1):
        yield replace(turn, reply=reply, evidence=evidence, whole=step == len(steps))


def _next_html(answer: Answer, request: Request, index: Index | None) -> str:
    """Return what to ask or do next."""
    if answer.choices:
        return asides.questions_html("choices", answer.choices)
    if answer.answered:
        return asides.questions_html("follow-ups", follow_ups(answer, index.store) if index else ())
    held = list(index.store.municipalities) if index else []
    return asides.next_steps_html(
        answer, held, filtered=bool(request.filters), follows=bool(request.history)
    )


def _failed(number: int, request: Request, message: str) -> Turn:
    reply = error_html(number, message, asides.actions_html())
    return Turn(number, request, reply, failed=True)


def stopped(turns: Sequence[Turn]) -> list[Turn]:
    """Return the turns, those that are still growing given up."""
    return [
        turn
        if turn.whole
        else Turn(
            turn.number,
            turn.request,
            stopped_html(turn.number, asides.actions_html()),
            failed=True,
        )
        for turn in turns
    ]


def placed(turns: Sequence[Turn], turn: Turn) -> list[Turn]:
    """Return the turns with this one in the place of the one of its number, or at the end."""
    if any(one.number == turn.number for one in turns):
        return [turn if one.number == turn.number else one for one in turns]
    return [*turns, turn]


def next_number(turns: Sequence[Turn]) -> int:
    """Return a number that no turn has."""
    return max((turn.number for turn in turns), default=0) + 1


def history_of(turns: Sequence[Turn]) -> tuple[str, ...]:
    """Return the questions that the next one may refer to."""
    return tuple(turn.request.question for turn in turns if not turn.failed)


def messages(turns: Sequence[Turn]) -> list[dict[str, str]]:
    """Return what the chat shows."""
    shown: list[dict[str, str]] = []
    for turn in turns:
        question = turn.request.question
        if question.strip():
            asked = question if not turn.failed else shorten(question, _LONGEST_SHOWN)
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
        f'<div class="turn" data-turn="{turn.number}">{turn.evidence}</div>'
        for turn in turns
        if turn.evidence
    ]
    return f'<div class="panel">{"".join(groups) or _EMPTY}</div>'


def _copy_button(text: str) -> str:
    return (
        '<p class="copy"><span class="copied" role="status"></span>'
        '<button type="button" class="copy-answer" '
        f'data-copy="{escape(text)}">{say("copy")}</button></p>'
    )
