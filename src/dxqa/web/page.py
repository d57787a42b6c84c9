"""The page: a title, how far the preparations are, and a tab for each thing to do."""

from pathlib import Path
from typing import Any

import gradio as gr

from dxqa.web.admin import AdminRoom
from dxqa.web.chat import Chat
from dxqa.web.feedback import FeedbackStore
from dxqa.web.feedback_controls import FeedbackControls
from dxqa.web.journal import Journal
from dxqa.web.loading import IndexLoader
from dxqa.web.options import ServeOptions
from dxqa.web.status import status_html

TITLE = "自治体DX事例 Q&A"
_INTRODUCTION = (
    f"<header class='title'><h1>{TITLE.replace('&', '&amp;')}</h1>"
    "<p>自治体のDXの事例について、資料の原文を引用してお答えします。"
    "資料にないことには、ないとお答えします。</p></header>"
)


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
        store = FeedbackStore(options.feedback_file) if options.feedback else None
        self.journal = Journal(store, log_questions=options.log_questions)
        self.loader = IndexLoader(
            options.corpus,
            options.index,
            options.model,
            writer=options.writer,
            journal=self.journal,
        )
        with gr.Blocks(title=TITLE, analytics_enabled=False, fill_width=True) as self.blocks:
            self.timer = gr.Timer(0.5, active=False)
            gr.HTML(_INTRODUCTION, js_on_load=None)
            self.status = gr.HTML(self._status(), elem_id="status", js_on_load=None)
            self.retry = gr.Button("もう一度読み込む", elem_id="retry", visible=False)
            with gr.Tabs(elem_id="rooms"):
                self._lay_out_rooms()
            self._wire()

    def _lay_out_rooms(self) -> None:
        with gr.Tab("質問", id="chat", elem_id="room-chat"):
            self.chat = Chat(self.loader)
            FeedbackControls(self.chat.chat, self.chat.turns, self.journal)
        with gr.Tab("資料", id="documents", elem_id="room-documents") as tab:
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
            *[gr.update(interactive=ready) for _ in self.chat.controls],
        )

    def _status(self) -> str:
        return status_html(self.loader.state, self.loader.index)
