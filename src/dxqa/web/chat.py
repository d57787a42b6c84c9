"""The chat: questions, answers as they grow, and the passages beside them."""

from collections.abc import Iterator
from typing import Any

import gradio as gr

from dxqa.web.conversation import Turn, messages, panel_html, respond
from dxqa.web.loading import IndexLoader

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
_HINT = "<p class='hint'>Enterで送信、Shift+Enterで改行</p>"
_PLACEHOLDER = (
    "<div class='welcome'><p><strong>知りたいことを、ふだんの言葉で尋ねてください。</strong></p>"
    "<p>下の例を押しても質問できます。続けて「では人口は？」のように尋ねることもできます。</p></div>"
)


class Chat:
    """The controls of the chat and the functions behind them, laid out where it is made."""

    def __init__(self, loader: IndexLoader) -> None:
        """Lay the chat out and wire it up."""
        self.loader = loader
        self.turns = gr.State([])
        with gr.Row(elem_id="desk", equal_height=False):
            with gr.Column(scale=3, min_width=320, elem_id="talk"):
                self._lay_out()
            with gr.Column(scale=2, min_width=320, elem_id="sources"):
                self.panel = gr.HTML(panel_html([]), elem_id="panel", js_on_load=None)
        self._wire()

    @property
    def controls(self) -> list[gr.components.Component]:
        """What works only once the index is ready."""
        return [self.question, self.send]

    def _lay_out(self) -> None:
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
