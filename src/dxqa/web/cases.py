"""The tab 「事例」: all cases, one of them opened, and several side by side."""

import base64
import re
from secrets import token_hex
from typing import Any

import gradio as gr

from dxqa.errors import BusyError, DxqaError, ExportError, QuestionError
from dxqa.export import to_csv, to_docx
from dxqa.index import Index
from dxqa.types import Answer
from dxqa.web.browse import MOST_COMPARED, browse_html
from dxqa.web.cards import Documents, evidence_html
from dxqa.web.case_search import CaseSearch, found_html
from dxqa.web.guard import asker_of
from dxqa.web.html import escape
from dxqa.web.loading import IndexLoader
from dxqa.web.tables import card_table_html, comparison_html

TURN = 0
"""In place of a turn of the chat, of which the first is 1."""

_BUSY = (
    '<p class="cases-busy" role="status">準備中です。準備が終わると、事例の一覧を表示します。</p>'
)
_LISTEN = (
    "element.addEventListener('open-cases', event => trigger('select', event.detail));"
    "element.addEventListener('search-cases', event => trigger('submit', event.detail));"
)
_BACK = '<p class="back-to-list"><button type="button" id="back-to-cases">← 一覧に戻る</button></p>'
_LONGEST_NAME = 60
_LONGEST_SEARCH = 200
_WORD = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"


class Cases:
    """The controls of the tab and the functions behind them, laid out where it is made."""

    def __init__(self, loader: IndexLoader, tab: gr.Tab) -> None:
        """Lay the tab out; its cases are fetched when it is opened."""
        self.loader = loader
        self._search: CaseSearch | None = None
        self.timer = gr.Timer(1, active=False)
        self.browser = gr.HTML(_BUSY, elem_id="cases", js_on_load=_LISTEN)
        self.found = gr.HTML("", elem_id="cases-found", js_on_load=None)
        self.view = gr.HTML("", elem_id="case-view", js_on_load=None)
        # Who waits does so in the loader's line, where all have their turn.
        quiet: dict[str, Any] = {"concurrency_limit": None, "show_progress": "hidden"}
        quiet["api_visibility"] = "private"
        for event in (tab.select, self.timer.tick):
            event(self._list, outputs=[self.browser, self.timer], **quiet)
        self.browser.select(self._open, outputs=[self.view], **quiet)
        self.browser.submit(self._find, outputs=[self.found], **quiet)

    def _list(self, request: gr.Request) -> tuple[Any, ...]:
        """Show all cases; the timer asks again until there is an index."""
        try:
            shown = self.loader.held(
                lambda index: browse_html(index.cases(), index.store.documents), asker_of(request)
            )
        except (QuestionError, BusyError):
            return _BUSY, gr.Timer(active=self.loader.state.stage != "failed")
        return shown, gr.Timer(active=False)

    def _find(self, typed: gr.EventData, request: gr.Request) -> str:
        """Look up the words that the browser tells in what the cases say."""
        words = str(getattr(typed, "words", ""))[:_LONGEST_SEARCH]
        try:
            return self.loader.held(lambda index: self._found(index, words), asker_of(request))
        except BusyError as error:
            return f'<p class="view-error" role="alert">{escape(str(error))}</p>'
        except QuestionError:
            return ""

    def _found(self, index: Index, words: str) -> str:
        if self._search is None or self._search.index is not index:
            self._search = CaseSearch(index)
        return found_html(words, self._search.find(words.split()))

    def _open(self, picked: gr.EventData, request: gr.Request) -> str:
        """Show the cases whose names the browser tells: one opened, several side by side."""
        names = getattr(picked, "names", None)
        try:
            if not isinstance(names, list) or not 1 <= len(names) <= MOST_COMPARED:
                raise QuestionError(f"事例を1件から{MOST_COMPARED}件まで選んでください。")
            known = [str(name) for name in names]
            shown = self.loader.held(lambda index: _opened(index, known), asker_of(request))
        except DxqaError as error:
            shown = f'<p class="view-error" role="alert" tabindex="-1">{escape(str(error))}</p>'
        # Also what is opened twice is drawn anew, so that the browser sees it come.
        return f'<div class="opened-case" data-drawn="{token_hex(4)}">{_BACK}{shown}</div>'


def _opened(index: Index, names: list[str]) -> str:
    answer = index.card(names[0]) if len(names) == 1 else index.compare(names)
    return view_html(answer, index.store.documents)


def view_html(answer: Answer, documents: Documents) -> str:
    """Return a case, or cases side by side, with ways to save it and the passages cited."""
    passages = evidence_html(TURN, answer, documents, of_case=True)
    table = card_table_html if answer.kind == "card" else comparison_html
    return (
        f'<div class="case-view is-{answer.kind}"><section id="answer-{TURN}">'
        f'<h2 tabindex="-1" lang="ja">{escape(answer.question)}</h2>{_saving(answer)}'
        f"{table(TURN, answer)}</section>{passages}</div>"
    )


def _saving(answer: Answer) -> str:
    """Return links that hold the files themselves, so that the server keeps none."""
    name = re.sub(r'[\\/:*?"<>|\s]', "_", answer.question)[:_LONGEST_NAME]
    csv = _file_link("CSVで保存", f"{name}.csv", "text/csv", f"\ufeff{to_csv(answer)}".encode())
    try:
        word = _file_link("Wordで保存", f"{name}.docx", _WORD, to_docx(answer))
    except ExportError as error:
        word = f"<details><summary>Wordで保存</summary><p>{escape(str(error))}</p></details>"
    return f'<div class="save">{csv}{word}</div>'


def _file_link(label: str, name: str, kind: str, content: bytes) -> str:
    data = base64.b64encode(content).decode("ascii")
    return f'<a download="{escape(name)}" href="data:{kind};base64,{data}">{label}</a>'
