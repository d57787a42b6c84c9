"""The chat: questions, answers as they grow, filters and history beside, passages below."""

import base64
import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

import gradio as gr

from dxqa.errors import ExportError
from dxqa.web.conversation import (
    Turn,
    history_of,
    messages,
    next_number,
    panel_html,
    placed,
    respond,
    stopped,
)
from dxqa.web.filters import FilterControls, chips_html, chosen
from dxqa.web.guard import asker_of
from dxqa.web.history import HISTORY, SAVE
from dxqa.web.loading import IndexLoader
from dxqa.web.requests import Request, from_json
from dxqa.web.transcript import TYPES, transcript
from dxqa.web.words import I18N, say

EXAMPLES = (
    "市長が最高デジタル責任者を務めている市は？",
    "福島県のアドバイザー派遣の満足度は？",
    "都城市と西会津町の推進体制を比べて",
    "西会津町のDX担当課と電話番号を教えて",
    "神戸市の事例を教えて",
    "自治体のDXが進まないのはなぜ？",
    "人口5万人以下の自治体の事例は？",
    "外部の人材を活用している自治体を教えて",
    "青森市はどんなDXに取り組んでいますか",
)
_HINT = f"<p class='hint'>{say('hint')}</p>"
_WELCOME = (
    f"<div class='welcome'><p><strong>{say('welcome')}</strong></p>"
    f"<p>{say('welcome-more')}</p></div>"
)
_DRAWER = f'<button type="button" id="open-side" aria-expanded="false">☰ {say("drawer")}</button>'
_SIDE = f'<button type="button" id="close-side">{say("close")}</button><h2>{say("filters")}</h2>'
_EDITING = (
    f'<p class="editing" role="status">{say("editing")}'
    f'<button type="button" id="stop-editing">{say("cancel")}</button></p>'
)
_CHANGED = (
    '<p class="changed" role="status">'
    "前回のあとで資料が変わったため、{}件の回答が前回と違います。</p>"
)
_QUIET: dict[str, Any] = {"show_progress": "hidden", "api_visibility": "private"}
_REOPENED = 8
"""Conversations reopened at a time: they come back when nobody asks, and each takes a thread."""
_BETWEEN_S = 0.5
"""How often a conversation that is reopened is shown while it grows."""
_CONNECT = "window.dxqa.connect(trigger, watch, props);"


class Chat:
    """The controls of the chat and the functions behind them, laid out where it is made."""

    def __init__(self, loader: IndexLoader, tab: gr.Tab) -> None:
        """Lay the chat out and wire it up."""
        self.loader = loader
        self.turns = gr.State([])
        self.editing = gr.State(0)
        # Buttons in HTML of our own set events off by it, and what the browser is to keep or to
        # download comes back in its value; nothing of it shows.
        self.bridge = gr.HTML(None, html_template="", js_on_load=_CONNECT, visible="hidden")
        with gr.Row(elem_id="desk", equal_height=False):
            with gr.Column(scale=0, min_width=240, elem_id="side"):
                self._lay_out_side()
            with gr.Column(scale=3, min_width=320, elem_id="talk"):
                self._lay_out_talk()
            with gr.Column(scale=2, min_width=320, elem_id="sources"):
                self.panel = gr.HTML(panel_html([]), elem_id="panel", js_on_load=None)
        self._wire()
        # Another index may have come while another tab was open.
        tab.select(self._offer, outputs=self.filters.all, **_QUIET)

    @property
    def controls(self) -> list[gr.components.Component]:
        """What is updated when the index is ready."""
        return [self.question, self.send, *self.filters.all]

    def readiness(self) -> list[dict[str, Any]]:
        """Return an update for each of ``controls``."""
        ready = gr.update(interactive=self.loader.index is not None)
        return [ready, ready, *self._offer()]

    def _offer(self) -> list[dict[str, Any]]:
        index = self.loader.index
        return self.filters.offer(index.store if index else None)

    def _lay_out_side(self) -> None:
        gr.HTML(_SIDE, js_on_load=None)
        self.filters = FilterControls()
        gr.HTML(HISTORY, js_on_load=None)

    def _lay_out_talk(self) -> None:
        gr.HTML(_DRAWER, elem_id="drawer", js_on_load=None)
        self.chat = gr.Chatbot(
            elem_id="chat",
            show_label=False,
            label=I18N("chat-label"),
            height=None,
            autoscroll=False,
            buttons=[],
            latex_delimiters=[],
            placeholder=_WELCOME,
            examples=[{"text": question} for question in EXAMPLES],
            feedback_options=None,
        )
        self.chips = gr.HTML("", elem_id="chips", js_on_load=None)
        self.notice = gr.HTML("", elem_id="notice", js_on_load=None)
        with gr.Row(elem_id="ask", equal_height=True):
            self._lay_out_asking()
        with gr.Row(elem_id="below"):
            gr.HTML(_HINT, js_on_load=None)
            gr.HTML(SAVE, elem_id="save", js_on_load=None)
            self.clear = gr.Button(I18N("new"), elem_id="clear", size="sm", min_width=96)

    def _lay_out_asking(self) -> None:
        self.question = gr.Textbox(
            elem_id="question",
            label=I18N("chat"),
            show_label=False,
            placeholder=I18N("placeholder"),
            lines=1,
            max_lines=6,
            scale=8,
            autofocus=True,
            interactive=False,
            html_attributes=gr.InputHTMLAttributes(autocomplete="off"),
        )
        self.send = gr.Button(
            I18N("send"),
            elem_id="send",
            variant="primary",
            scale=1,
            min_width=88,
            interactive=False,
        )
        self.stop = gr.Button(I18N("stop"), elem_id="stop", scale=1, min_width=88, visible=False)

    def _wire(self) -> None:
        shown = [
            self.chat, self.panel, self.question, self.turns, self.bridge,
            self.send, self.stop, self.editing, self.notice,
        ]  # fmt: skip
        # Who asks waits in the loader's line, where all have their turn, and not before it.
        asking: dict[str, Any] = {"outputs": shown, "concurrency_limit": None, **_QUIET}
        held = [self.turns, self.editing, *self.filters.all]
        running: list[Any] = [
            *(event(self._ask, inputs=[self.question, *held], **asking)
              for event in (self.question.submit, self.send.click)),
            self.chat.example_select(self._ask_example, inputs=held, **asking),
            self.bridge.submit(self._act, inputs=held, **asking),
            self.bridge.select(self._reopen, **{**asking, "concurrency_limit": _REOPENED}),
        ]  # fmt: skip
        for answered in running[:2]:
            # Another index may have come since the page was opened.
            answered.then(self._offer, outputs=self.filters.all, **_QUIET)
        self.stop.click(self._stop, self.turns, shown, cancels=running, **_QUIET)
        self.clear.click(self._begin_anew, outputs=shown, cancels=running, **_QUIET)
        self.bridge.delete(self._delete, self.turns, shown, **_QUIET)
        self.bridge.edit(self._edit, self.turns, shown, **_QUIET)
        self.bridge.download(self._save, self.turns, self.bridge, **_QUIET)
        for change in self.filters.changes:
            change(self._chips, self.filters.all, self.chips, **_QUIET)
        self.bridge.apply(self._unset, outputs=self.filters.all, **_QUIET)

    def _ask(
        self, asker: gr.Request, question: str, turns: list[Turn], editing: int, *set_: list[str]
    ) -> Iterator[tuple[Any, ...]]:
        """Answer what is typed, as a new turn or in the place of the one being mended."""
        mended = _find(turns, editing)
        history = mended.request.history if mended else history_of(turns)
        request = Request(question, history, chosen(*set_))
        number = mended.number if mended else next_number(turns)
        yield from self._grow(request, number, turns, asker)

    def _ask_example(
        self,
        asker: gr.Request,
        picked: gr.SelectData,
        turns: list[Turn],
        editing: int,
        *set_: list[str],
    ) -> Iterator[tuple[Any, ...]]:
        yield from self._ask(asker, str(picked.value["text"]), turns, editing, *set_)

    def _act(
        self,
        asker: gr.Request,
        event: gr.EventData,
        turns: list[Turn],
        editing: int,
        *set_: list[str],
    ) -> Iterator[tuple[Any, ...]]:
        """Do what a button in the chat says: ask a question, or ask one of a turn again."""
        del editing
        told: dict[str, Any] = event._data  # noqa: SLF001 - Gradio has no other way to it
        asked = from_json(told.get("request"))
        turn = _find(turns, told.get("turn"))
        if asked is not None:
            request = replace(asked, filters=chosen(*set_)) if told.get("filtered") else asked
            yield from self._grow(request, next_number(turns), turns, asker)
        elif turn is not None:
            yield from self._grow(_again(turn, told), turn.number, turns, asker)

    def _reopen(self, event: gr.EventData) -> Iterator[tuple[Any, ...]]:
        """Ask the questions of a conversation that the browser kept."""
        told = event._data.get("turns")  # noqa: SLF001
        turns: list[Turn] = []
        changed, shown = 0, 0.0
        asked = [(kept, from_json(kept)) for kept in (told if isinstance(told, list) else [])]
        questions = [(kept, request) for kept, request in asked if request is not None]
        for kept, request in questions:
            *_, turn = respond(self.loader, request, next_number(turns), repeated=True)
            turns = [*turns, turn]
            changed += turn.answer is not None and turn.answer.text != kept.get("text")
            notice = _CHANGED.format(changed) if changed else ""
            last = kept is questions[-1][0]
            # All turns are sent each time: every one of a long conversation would be too much.
            if last or time.monotonic() - shown > _BETWEEN_S:
                # Until all are there, what the browser has kept is more than what would replace it.
                whole = last and not any(one.failed for one in turns)
                yield self._shown(turns, turn, panel=last, notice=notice, kept=whole)
                shown = time.monotonic()

    def _grow(
        self, request: Request, number: int, turns: Sequence[Turn], asker: gr.Request
    ) -> Iterator[tuple[Any, ...]]:
        """Show a turn as it grows; what could not be answered stays in the text box."""
        evidence = ""
        for turn in respond(self.loader, request, number, asker=asker_of(asker)):
            panel_changed = turn.evidence != evidence or turn.failed
            evidence = turn.evidence
            yield self._shown(placed(turns, turn), turn, panel=panel_changed)

    def _shown(
        self,
        turns: Sequence[Turn],
        turn: Turn | None = None,
        *,
        panel: bool = True,
        notice: str = "",
        kept: bool = True,
    ) -> tuple[Any, ...]:
        """Return what all of the chat's outputs show; ``turn`` is the one at work.

        The browser keeps the conversation once it is not at work, unless ``kept`` is false.
        """
        busy = turn is not None and not turn.whole
        return (
            messages(turns),
            panel_html(turns) if panel else gr.skip(),
            _typed(turn),
            list(turns),
            gr.skip() if busy or not kept else {"record": _record(turns), "at": time.time()},
            gr.update(visible=not busy),
            gr.update(visible=busy),
            0,
            notice,
        )

    def _stop(self, turns: list[Turn]) -> tuple[Any, ...]:
        # Where none was growing, a conversation was being reopened: see there.
        return self._shown(stopped(turns), kept=not all(turn.whole for turn in turns))

    def _begin_anew(self) -> tuple[Any, ...]:
        shown = list(self._shown([]))
        shown[2] = ""
        return tuple(shown)

    def _delete(self, event: gr.EventData, turns: list[Turn]) -> tuple[Any, ...]:
        gone = event._data.get("turn")  # noqa: SLF001
        return self._shown([turn for turn in turns if turn.number != gone])

    def _edit(self, event: gr.EventData, turns: list[Turn]) -> tuple[Any, ...]:
        """Put a question back into the text box; 0 leaves all as it was."""
        turn = _find(turns, event._data.get("turn"))  # noqa: SLF001
        kept = [gr.skip()] * 7
        kept[2] = turn.request.question if turn else ""
        return (*kept, turn.number if turn else 0, _EDITING if turn else "")

    def _save(self, event: gr.EventData, turns: list[Turn]) -> Any:  # noqa: ANN401 - or a skip
        """Hand the conversation to the browser as a file; no copy stays on the server."""
        form = str(event._data.get("form"))  # noqa: SLF001
        if form not in TYPES:
            return gr.skip()
        try:
            content = transcript(turns, form)
        except ExportError as error:
            gr.Warning(str(error), duration=None, title="")
            return gr.skip()
        suffix, media = TYPES[form]
        told = base64.b64encode(content).decode("ascii")
        return {"file": told, "suffix": suffix, "type": media, "at": time.time()}

    def _chips(self, *set_: list[str]) -> str:
        return chips_html(chosen(*set_))

    def _unset(self, event: gr.EventData) -> list[dict[str, Any]]:
        return self.filters.without(str(event._data.get("key")))  # noqa: SLF001


def _typed(turn: Turn | None) -> Any:  # noqa: ANN401 - or a skip
    """Return what the text box is to hold: as an answer grows, the next question may be in it."""
    if turn is not None and turn.failed:
        return turn.request.question
    sent = turn is not None and turn.answer is None
    return "" if sent else gr.skip()


def _find(turns: Sequence[Turn], number: object) -> Turn | None:
    return next((turn for turn in turns if turn.number == number), None)


def _again(turn: Turn, told: dict[str, Any]) -> Request:
    """Return what a turn asked, changed as a button says."""
    key, act = str(told.get("key")), told.get("act")
    conditions = turn.answer.conditions if turn.answer else {}
    if act == "without" and key in conditions:
        return turn.request.without(key, conditions[key])
    if act == "again":
        return turn.request.again_with(key)
    if act == "alone":
        return replace(turn.request, history=())
    if act == "unfilter":
        return replace(turn.request, filters={})
    return turn.request


def _record(turns: Sequence[Turn]) -> list[dict[str, Any]]:
    """Return what the browser keeps of a conversation: enough to ask it all again."""
    return [
        {
            **turn.request.to_json(),
            "number": turn.number,
            "text": turn.answer.text if turn.answer else "",
        }
        for turn in turns
        if not turn.failed
    ]
