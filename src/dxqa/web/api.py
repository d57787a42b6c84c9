"""The same functions for programs: named HTTP endpoints, which are MCP tools as well.

The docstrings of the endpoints are what programs, and the people who write them, are shown: they
are Japanese like all that users read. Results are those of the ``--json`` contract.
"""

import json
import logging
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from typing import Any, cast

import gradio as gr
from anyio import from_thread
from gradio.events import api

from dxqa.errors import BusyError, DxqaError, QuestionError
from dxqa.exchange import answer_json, case_json, hit_json, statements_json
from dxqa.index import Index
from dxqa.web.guard import asker_of, mark_busy
from dxqa.web.line import finished
from dxqa.web.loading import IndexLoader

MOST_HITS = 100
_LOG = logging.getLogger(__name__)
_UNEXPECTED = (
    "思わぬ問題が起きました。もう一度試しても同じときは、サーバーを動かしている方に"
    "お知らせください。"
)
_DIRECT = re.compile(r"/gradio_api/(run|api)/")
"""Where the connection of the call is that of its reply."""
Strings = list[str] | None
Filters = dict[str, Any] | None
Caller = gr.Request | None


def serves_mcp(*, by_password: bool) -> bool:
    """Whether the tools are served by MCP: with the extra ``mcp``, and only to all or to none.

    Gradio asks for no password where it serves MCP.
    """
    return not by_password and find_spec("mcp") is not None


class Api:
    """The endpoints over one index; made inside the page's blocks.

    They bypass Gradio's queue: it would send a call by MCP through a second connection to this
    same server.
    """

    def __init__(self, loader: IndexLoader) -> None:
        """Name the endpoints."""
        self.loader = loader
        for endpoint in self.endpoints():
            # Those who call by Gradio's queue all the same wait in our line, not in that one.
            api(endpoint, api_name=endpoint.__name__, queue=False, concurrency_limit=None)

    def endpoints(self) -> tuple[Callable[..., Any], ...]:
        """Return the functions by whose names programs call."""
        return self.search, self.ask, self.list_cases, self.get_case

    def search(
        self,
        question: str,
        k: int = 5,
        filters: Filters = None,
        history: Strings = None,
        _request: Caller = None,
    ) -> dict[str, Any]:
        """自治体DX事例の資料から、質問に近い箇所を近い順に返します。

        返すもの: question と hits（rank, score, passage_id, doc_id, heading_path, municipality,
        text, start, end）

        Args:
            question: 知りたいこと。ふだんの日本語の文章で、2,000字まで。
            k: 返す件数。1から100まで。
            filters: しぼり込み。例 {"prefecture": "山形県", "population": "..30000"}
            history: それまでの質問。古い順。「その財源は？」のような続きの質問のときに渡します。
        """
        with _clearly(_request):
            _check(k=(k, int), filters=(filters, dict), history=(history, list))
            _check_question(question, history)
            if k > MOST_HITS:
                raise QuestionError(f"k は {MOST_HITS} 以下にしてください: {k}")
            steps = self.loader.holding(
                lambda index: index.search(question, k=k, filters=filters, history=history or ()),
                asker_of(_request),
            )
            hits = finished(steps, still_there(_request))
            return _told({"question": question, "hits": [hit_json(h) for h in hits]}, _request)

    def ask(
        self,
        question: str,
        history: Strings = None,
        filters: Filters = None,
        _request: Caller = None,
    ) -> dict[str, Any]:
        """自治体DX事例の資料を引用して、質問に答えます。資料にないことには、ないと答えます。

        返すもの: question, answered（資料に答えがなければ false）, kind, confidence,
        text（[1] は引用の番号）, citations（番号、資料、見出し、引用した文）, timings_ms

        Args:
            question: 知りたいこと。ふだんの日本語の文章で、2,000字まで。
            history: それまでの質問。古い順。「その財源は？」のような続きの質問のときに渡します。
            filters: しぼり込み。例 {"prefecture": "山形県", "population": "..30000"}
        """
        with _clearly(_request):
            _check(filters=(filters, dict), history=(history, list))
            _check_question(question, history)
            asker = asker_of(_request)
            steps = self.loader.asking(question, history or [], filters, asker=asker)
            answer = finished(steps, still_there(_request))
            return _told(answer_json(answer), _request)

    def list_cases(
        self, prefecture: str = "", kind: str = "", _request: Caller = None
    ) -> dict[str, Any]:
        """資料にある自治体の事例を一覧で返します。

        返すもの: cases（name, prefecture, kind, population, summary（引用）,
        aspects（記載のある項目））

        Args:
            prefecture: 都道府県名でしぼり込みます。例 福島県。空なら全国。
            kind: 都道府県、市、区、町、村のどれかでしぼり込みます。空ならすべて。
        """
        with _clearly(_request):
            _check(prefecture=(prefecture, str), kind=(kind, str))
            cases = self.loader.held(Index.cases, asker_of(_request))
            wanted = [
                case_json(case)
                for case in cases
                if prefecture in ("", case.prefecture) and kind in ("", case.kind)
            ]
            return _told({"cases": wanted}, _request)

    def get_case(self, name: str, _request: Caller = None) -> dict[str, Any]:
        """一つの自治体の事例を、体制、取り組み、財源、成果、課題、今後、連絡先に分けて返します。

        返すもの: ask と同じ項目と、statements（label, aspect, text, numbers。
        numbers は引用の番号で、空なら資料に記載がありません）

        Args:
            name: 自治体名。例 宮崎県都城市。ほかと区別できれば 都城市 でもかまいません。
        """
        with _clearly(_request):
            _check(name=(name, str))
            card = self.loader.held(lambda index: index.card(name), asker_of(_request))
            return _told({**answer_json(card), "statements": statements_json(card)}, _request)


def _told(result: dict[str, Any], request: Caller) -> dict[str, Any]:
    """Return a result as its caller reads it: an object, or for MCP, which takes text, as JSON.

    Gradio hands ``str`` of whatever an endpoint returns to MCP, which is Python's form of a dict.
    """
    if request is not None and "/mcp" in request.url.path:
        return cast("dict[str, Any]", json.dumps(result, ensure_ascii=False))
    return result


def still_there(request: Caller) -> Callable[[], None]:
    """Return what raises an error once the caller of an endpoint has hung up, if that is known."""

    def check() -> None:
        direct = request is not None and _DIRECT.search(request.url.path)
        if direct and from_thread.run(request.request.is_disconnected):
            raise QuestionError("呼び出した側が待つのをやめました。")

    return check


@contextmanager
def _clearly(request: Caller) -> Iterator[None]:
    """Turn errors into ones that Gradio passes on to the caller with their message."""
    try:
        yield
    except BusyError as error:
        mark_busy(request)
        raise gr.Error(str(error), title="Busy", print_exception=False) from error
    except DxqaError as error:
        raise gr.Error(str(error), print_exception=False) from error
    except Exception as error:
        _LOG.exception("API の呼び出しに答えられませんでした")
        raise gr.Error(_UNEXPECTED, print_exception=False) from error


_KINDS = {str: "文字列", int: "整数", dict: "項目名と値の組", list: "文字列の並び"}


def _check(**given: tuple[object, type]) -> None:
    """Check the kind of each value given, None aside: JSON may hold anything."""
    for name, (value, kind) in given.items():
        wrong = not isinstance(value, kind) or isinstance(value, bool)
        optional = kind in (dict, list) and value is None
        if wrong and not optional:
            raise QuestionError(f"{name} は{_KINDS[kind]}で指定してください。")


def _check_question(question: object, history: Strings) -> None:
    _check(question=(question, str))
    for earlier in history or ():
        _check(history=(earlier, str))
