"""The page: what stands where, and what each control sets going."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import gradio as gr

from dxqa.web.conversation import Turn, messages, panel_html, respond
from dxqa.web.loading import IndexLoader
from dxqa.web.status import status_html

TITLE = "自治体DX事例 Q&A"
EXAMPLES = (
    "市長が最高デジタル責任者を務めている市は？",
    "福島県のアドバイザー派遣の満足度は？",
    "都城市と西会津町の推進体制を比べて",
    "西会津町のDX担当課と電話番号を教えて",
    "自治体のDXが進まないのはなぜ？",
    "人口5万人以下の自治体の事例は？",
    "外部の人材を活用している自治体を教えて",
    "青森市はどんなDXに取り組んでいますか",
)
_INTRODUCTION = (
    f"<header class='title'><h1>{TITLE.replace('&', '&amp;')}</h1>"
    "<p>自治体のDXの事例について、資料の原文を引用してお答えします。"
    "資料にないことには、ないとお答えします。</p></header>"
)
_HINT = "<p class='hint'>Enterで送信、Shift+Enterで改行</p>"
_PLACEHOLDER = (
    "<div class='welcome'><p><strong>知りたいことを、ふだんの言葉で尋ねてください。</strong></p>"
    "<p>下の例を押しても質問できます。続けて「では人口は？」のように尋ねることもできます。</p></div>"
)


def build_app(
    corpus: str | Path, index_folder: str | Path, *, model: str | None = None
) -> gr.Blocks:
    """Return the page; the index begins to load in the background with the first visit."""
    blocks: gr.Blocks = Page(IndexLoader(corpus, index_folder, model)).blocks
    return blocks


class Page:
    """The controls of the page and the functions behind them."""

    def __init__(self, loader: IndexLoader) -> None:
        """Lay the page out and wire it up."""
        self.loader = loader
        with gr.Blocks(title=TITLE, analytics_enabled=False, fill_width=True) as self.blocks:
            self.turns = gr.State([])
            self.timer = gr.Timer(0.5, active=False)
            gr.HTML(_INTRODUCTION, js_on_load=None)
            self.status = gr.HTML(self._status(), elem_id="status", js_on_load=None)
            self.retry = gr.Button("もう一度読み込む", elem_id="retry", visible=False)
            with gr.Row(elem_id="desk", equal_height=False):
                with gr.Column(scale=3, min_width=320, elem_id="talk"):
                    self._lay_out_chat()
                with gr.Column(scale=2, min_width=320, elem_id="sources"):
                    self.panel = gr.HTML(panel_html([]), elem_id="panel", js_on_load=None)
            self._wire()

    def _lay_out_chat(self) -> None:
        self.chat = gr.Chatbot(
            elem_id="chat",
            show_label=False,
            label="質問と回答",
            height=None,
            autoscroll=False,
            buttons=[],
            latex_delimiters=[],
            placeholder=_PLACEHOLDER,
            examples=[{"text": question} for question in EXAMPLES],
            feedback_options=None,
        )
        with gr.Row(elem_id="ask", equal_height=True):
            self.question = gr.Textbox(
                elem_id="question",
                label="質問",
                show_label=False,
                placeholder="質問を入力してください",
                lines=1,
                max_lines=6,
                scale=8,
                autofocus=True,
                interactive=False,
                html_attributes=gr.InputHTMLAttributes(autocomplete="off"),
            )
            self.send = gr.Button(
                "送信", elem_id="send", variant="primary", scale=1, min_width=88, interactive=False
            )
        with gr.Row(elem_id="below"):
            gr.HTML(_HINT, js_on_load=None)
            self.clear = gr.Button("新しい会話", elem_id="clear", size="sm", min_width=96)

    def _wire(self) -> None:
        quiet: dict[str, Any] = {"show_progress": "hidden", "api_visibility": "private"}
        readiness = [self.status, self.question, self.send, self.retry, self.timer]
        self.blocks.load(self._start, outputs=readiness, **quiet)
        self.timer.tick(self._readiness, outputs=readiness, **quiet)
        self.retry.click(self._start, outputs=readiness, **quiet)
        shown = [self.chat, self.panel, self.question, self.turns]
        asking: dict[str, Any] = {"outputs": shown, "concurrency_limit": 8, **quiet}
        for event in (self.question.submit, self.send.click):
            event(self._ask, inputs=[self.question, self.turns], **asking)
        self.chat.example_select(self._ask_example, inputs=[self.turns], **asking)
        self.clear.click(self._begin_anew, outputs=shown, **quiet)

    def _ask(self, question: str, turns: list[Turn]) -> Iterator[tuple[Any, ...]]:
        """Show the next turn as it grows; what could not be answered stays in the text box."""
        shown = ""
        for turn in respond(self.loader, question, turns):
            grown = [*turns, turn]
            panel = panel_html(grown) if turn.evidence != shown else gr.skip()
            shown = turn.evidence
            yield messages(grown), panel, question if turn.failed else "", grown

    def _ask_example(self, turns: list[Turn], picked: gr.SelectData) -> Iterator[tuple[Any, ...]]:
        yield from self._ask(str(picked.value["text"]), turns)

    def _begin_anew(self) -> tuple[Any, ...]:
        return [], panel_html([]), "", []

    def _start(self) -> tuple[Any, ...]:
        self.loader.start()
        return self._readiness()

    def _readiness(self) -> tuple[Any, ...]:
        """Return the status and which controls work; the timer runs until all do."""
        state = self.loader.state
        ready = state.stage == "ready"
        return (
            self._status(),
            gr.update(interactive=ready),
            gr.update(interactive=ready),
            gr.update(visible=state.stage == "failed"),
            gr.Timer(active=not ready),
        )

    def _status(self) -> str:
        return status_html(self.loader.state, self.loader.index)
