"""The page: a title, how far the preparations are, and a tab for each thing to do."""

from pathlib import Path
from typing import Any

import gradio as gr

from dxqa.web.admin import AdminRoom
from dxqa.web.api import Api
from dxqa.web.cases import Cases
from dxqa.web.chat import Chat
from dxqa.web.feedback import FeedbackStore
from dxqa.web.feedback_controls import FeedbackControls
from dxqa.web.journal import Journal
from dxqa.web.loading import IndexLoader
from dxqa.web.options import ServeOptions
from dxqa.web.status import status_html
from dxqa.web.words import I18N, say

TITLE = "自治体DX事例 Q&A"
_LEFT_OVER = (600, 3600)
"""Every how many seconds files are looked for that were uploaded and not used, and how old."""
_INTRODUCTION = f"<h1>{say('title')}</h1><p>{say('about')}</p>"
_LOG_OUT = f"<a class='log-out' href='logout'>{say('log-out')}</a>"


def build_app(
    corpus: str | Path, index_folder: str | Path, *, model: str | None = None
) -> gr.Blocks:
    """Return the page; the index begins to load in the background with the first visit."""
    options = ServeOptions(corpus=Path(corpus), index=Path(index_folder), model=model)
    blocks: gr.Blocks = Page(options).blocks
    return blocks


class Page:
    """What stands on the page, and the readiness of all of it."""

    def __init__(self, options: ServeOptions) -> None:
        """Lay the page out and wire it up."""
        self.options = options
        store = (
            FeedbackStore(options.feedback_file, days=options.feedback_days)
            if options.feedback
            else None
        )
        self.journal = Journal(store, log_questions=options.log_questions)
        self.loader = IndexLoader(
            options.corpus,
            options.index,
            options.model,
            writer=options.writer,
            journal=self.journal,
        )
        self.loader.reranker = options.reranker
        self.loader.engine = options.engine
        with gr.Blocks(
            title=TITLE, analytics_enabled=False, fill_width=True, delete_cache=_LEFT_OVER
        ) as self.blocks:
            self.timer = gr.Timer(0.5, active=False)
            leaving = _LOG_OUT if options.users else ""
            gr.HTML(f"<header class='title'>{_INTRODUCTION}{leaving}</header>", js_on_load=None)
            self.status = gr.HTML(self._status(), elem_id="status", js_on_load=None)
            self.retry = gr.Button(I18N("reload"), elem_id="retry", visible=False)
            with gr.Tabs(elem_id="rooms"):
                self._lay_out_rooms()
            self._wire()
            Api(self.loader)

    def _lay_out_rooms(self) -> None:
        with gr.Tab(I18N("chat"), id="chat", elem_id="room-chat") as tab:
            self.chat = Chat(self.loader, tab)
            FeedbackControls(self.chat.chat, self.chat.turns, self.journal)
        with gr.Tab(I18N("cases"), id="cases", elem_id="room-cases") as tab:
            Cases(self.loader, tab)
        with gr.Tab(I18N("documents"), id="documents", elem_id="room-documents") as tab:
            self.admin = AdminRoom(tab, self.loader, self.journal, self.options)

    def _wire(self) -> None:
        quiet: dict[str, Any] = {"show_progress": "hidden", "api_visibility": "private"}
        readiness = [self.status, self.retry, self.timer, *self.chat.controls]
        self.blocks.load(self._start, outputs=readiness, **quiet)
        self.timer.tick(self._readiness, outputs=readiness, **quiet)
        self.admin.timer.tick(self._status, outputs=[self.status], **quiet)
        self.retry.click(self._start, outputs=readiness, **quiet)

    def _start(self) -> tuple[Any, ...]:
        self.loader.start()
        return self._readiness()

    def _readiness(self) -> tuple[Any, ...]:
        """Return the status and which controls work; the timer runs until all do."""
        state = self.loader.state
        ready = state.stage == "ready"
        return (
            self._status(),
            gr.update(visible=state.stage == "failed"),
            gr.Timer(active=not ready),
            *self.chat.readiness(),
        )

    def _status(self) -> str:
        return status_html(self.loader.state, self.loader.index)
