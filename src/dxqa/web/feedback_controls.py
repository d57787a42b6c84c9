"""👍 and 👎 below each answer, and the question why not."""

import hashlib
import json
from dataclasses import replace
from typing import Any

import gradio as gr

from dxqa.web.conversation import Turn, turn_at
from dxqa.web.feedback import Feedback, Verdict
from dxqa.web.journal import Journal
from dxqa.web.requests import Request
from dxqa.web.words import I18N

REASONS = (
    "答えが間違っている",
    "質問とずれている",
    "足りないことがある",
    "資料にあるはずなのに、出てこない",
    "分かりにくい",
)
_LONGEST_COMMENT = 1000
_TITLE = "お知らせ"
_KEPT = "ありがとうございます。記録しました。"
_NOT_KEPT = "記録できませんでした。回答はそのままお使いいただけます。"
_ASKING = (
    "<h2>どこがよくありませんでしたか</h2>"
    "<p>「よくないね」を記録しました。よろしければ理由をお聞かせください。"
    "電話番号やメールアドレスは伏せて、このサーバーの中だけに残します。"
    "氏名は伏せられません。書かないでください。</p>"
)


class FeedbackControls:
    """Rates the answers of a chat; laid out where it is made, and there only when asked for."""

    def __init__(self, chat: gr.Chatbot, turns: gr.State, journal: Journal) -> None:
        """Lay the question out and wire it up; nothing at all where nothing is kept."""
        self.journal = journal
        if journal.store is None:
            return
        chat.feedback_options = ("Like", "Dislike")
        self.rated = gr.State(None)
        with gr.Column(elem_id="rating", visible=False) as self.why:
            gr.HTML(_ASKING, js_on_load=None)
            self.reason = gr.Radio(list(REASONS), label=I18N("理由"), elem_id="reason")
            self.comment = gr.Textbox(
                label=I18N("詳しく（書かなくてもかまいません）"),
                lines=2,
                max_lines=4,
                max_length=_LONGEST_COMMENT,
                elem_id="comment",
            )
            with gr.Row():
                self.send = gr.Button(I18N("理由を送る"), variant="primary", elem_id="send-reason")
                self.close = gr.Button(I18N("閉じる"), elem_id="close-reason")
        self._wire(chat, turns)

    def _wire(self, chat: gr.Chatbot, turns: gr.State) -> None:
        quiet: dict[str, Any] = {"show_progress": "hidden", "api_visibility": "private"}
        asked = [self.why, self.reason, self.comment, self.rated]
        chat.like(self._rate, inputs=[turns], outputs=asked, **quiet)
        self.send.click(
            self._explain,
            inputs=[self.rated, self.reason, self.comment],
            outputs=[self.why],
            **quiet,
        )
        self.close.click(lambda: gr.update(visible=False), outputs=[self.why], **quiet)

    def _rate(self, turns: list[Turn], given: gr.LikeData, request: gr.Request) -> tuple[Any, ...]:
        """Keep a rating at once; after a 👎, ask for the reason."""
        index = given.index if isinstance(given.index, int) else given.index[0]
        turn = turn_at(turns, index)
        if turn is None or turn.answer is None:
            gr.Info("この返事は評価の対象ではありません。", title=_TITLE)
            return gr.update(visible=False), None, "", None
        verdict: Verdict = "up" if given.liked is True else "down"
        feedback = Feedback.of(verdict, turn.answer, turn.request.history)
        key = _key(str(request.session_hash), turn.request)
        if not self.journal.keep(feedback, turn=key):
            gr.Warning(_NOT_KEPT, title=_TITLE)
            return gr.update(visible=False), None, "", None
        if verdict == "up":
            gr.Info(_KEPT, title=_TITLE)
        return gr.update(visible=verdict == "down"), None, "", (key, feedback)

    def _explain(
        self, rated: tuple[str, Feedback] | None, reason: str | None, comment: str
    ) -> dict[str, Any]:
        """Add the reason to the rating that was just given."""
        if rated is not None and (reason or comment.strip()):
            key, feedback = rated
            told = replace(feedback, reason=reason or "", comment=comment.strip())
            if self.journal.keep(told, turn=key):
                gr.Info(_KEPT, title=_TITLE)
            else:
                gr.Warning(_NOT_KEPT, title=_TITLE)
        return gr.update(visible=False)


def _key(session: str, request: Request) -> str:
    """Name a turn, so that a second rating replaces the first; no text can be read from it."""
    told = json.dumps([session, request.to_json()], sort_keys=True)
    return hashlib.sha256(told.encode()).hexdigest()
