"""Programs as users: every endpoint through real clients, by HTTP and MCP, with the real model."""

import asyncio
import inspect
import json
import re
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import gradio as gr
import pytest
from gradio_client import Client
from mcp import ClientSession
from mcp.client.streamable_http import streamable_http_client
from mcp.types import CallToolResult, TextContent, Tool

from dxqa import Index
from dxqa.exchange import answer_json, case_json, hit_json, statements_json
from dxqa.web.api import Api, serves_mcp
from dxqa.web.loading import IndexLoader
from tests.e2e.browser import serving

NAMES = {"search", "ask", "list_cases", "get_case"}
QUESTION = "都城市の推進体制は？"
DOCS = Path(__file__).parents[1] / "docs/api.md"
Call = Callable[..., dict[str, Any]]


@pytest.fixture(scope="module")
def url(index: Index, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a server that is ready."""
    folder = tmp_path_factory.mktemp("api") / "index"
    index.save(folder)
    with serving(folder) as address:
        deadline = time.monotonic() + 240
        while post(address, "list_cases", ["", ""])[0] != 200:
            assert time.monotonic() < deadline
            time.sleep(0.5)
        yield address


@pytest.fixture(scope="module")
def call(url: str) -> Iterator[Call]:
    client = Client(url, verbose=False)

    def called(endpoint: str, /, **values: object) -> dict[str, Any]:
        result: dict[str, Any] = client.predict(**values, api_name=f"/{endpoint}")
        return result

    yield called
    client.close()


def post(url: str, name: str, data: list[object]) -> tuple[int, Any]:
    request = urllib.request.Request(  # noqa: S310 - http on this machine
        f"{url}gradio_api/run/{name}",
        json.dumps({"data": data}).encode(),
        {"Content-Type": "application/json"},
    )
    try:
        with urllib.request.urlopen(request, timeout=60) as reply:  # noqa: S310
            return reply.status, json.load(reply)
    except urllib.error.HTTPError as error:
        return error.code, json.load(error)


def by_mcp(url: str, tool: str, /, **values: object) -> CallToolResult:
    async def called() -> CallToolResult:
        async with (
            streamable_http_client(f"{url}gradio_api/mcp/") as (read, write, _),
            ClientSession(read, write) as session,
        ):
            await session.initialize()
            return await session.call_tool(tool, values)

    return asyncio.run(called())


def told(result: CallToolResult) -> dict[str, Any]:
    assert not result.isError, result
    (content,) = result.content
    assert isinstance(content, TextContent)
    said: dict[str, Any] = json.loads(content.text)
    return said


def untimed(answer: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in answer.items() if key != "timings_ms"}


def test_search_by_a_client_is_search(call: Call, index: Index) -> None:
    found = call("search", question=QUESTION, k=3, filters={"kind": "市"})
    hits = index.search(QUESTION, k=3, filters={"kind": "市"})
    assert found["question"] == QUESTION
    assert [hit["passage_id"] for hit in found["hits"]] == [h.passage.passage_id for h in hits]
    assert found["hits"][0].keys() == hit_json(hits[0]).keys()


def test_ask_by_a_client_is_ask(call: Call, index: Index) -> None:
    answer = call("ask", question="その財源は？", history=["酒田市の外部人材について教えて"])
    expected = index.ask("その財源は？", history=["酒田市の外部人材について教えて"])
    assert untimed(answer) == untimed(json.loads(expected.to_json()))


def test_cases_by_a_client_are_the_cases(call: Call, index: Index) -> None:
    assert call("list_cases")["cases"] == [case_json(case) for case in index.cases()]
    towns = call("list_cases", prefecture="福島県", kind="町")["cases"]
    assert [case["name"] for case in towns] == ["福島県西会津町"]


def test_a_case_by_a_client_is_its_card(call: Call, index: Index) -> None:
    card = index.card("宮崎県都城市")
    got = call("get_case", name="都城市")
    assert untimed(got) == {**untimed(answer_json(card)), "statements": statements_json(card)}


@pytest.mark.parametrize(
    ("name", "values", "message"),
    [
        ("ask", {"question": "  "}, "質問が空です"),
        ("ask", {"question": "長" * 2001}, "質問が長すぎます"),
        ("get_case", {"name": "青森市"}, "「青森市」の事例は、資料にありません"),
        ("search", {"question": QUESTION, "k": 0}, "k は 1 以上"),
        ("search", {"question": QUESTION, "k": 1000}, "k は 100 以下"),
        ("search", {"question": QUESTION, "history": [5]}, "history は"),
    ],
)
def test_errors_reach_a_client(
    call: Call, name: str, values: dict[str, object], message: str
) -> None:
    with pytest.raises(Exception, match=message):
        call(name, **values)


@pytest.mark.parametrize("wrong", [[5, None, None], [None, None, None], [QUESTION, "x", None]])
def test_values_of_a_wrong_kind_are_explained(url: str, wrong: list[object]) -> None:
    status, reply = post(url, "ask", wrong)
    assert status == 500
    assert "で指定してください" in reply["error"]


def test_an_index_that_is_not_ready_is_explained(tmp_path: Path) -> None:
    async def made() -> Api:
        # Within a running loop, since Gradio otherwise makes loops that it never closes.
        with gr.Blocks():
            return Api(IndexLoader(tmp_path, tmp_path / "index"))

    with pytest.raises(gr.Error, match="まだ準備中です"):
        asyncio.run(made()).list_cases()


def test_nothing_else_of_the_page_is_offered(url: str) -> None:
    offered = Client(url, verbose=False).view_api(return_format="dict", print_info=False)
    assert set(offered["named_endpoints"]) == {f"/{name}" for name in NAMES}
    assert not offered["unnamed_endpoints"]


def tools(url: str) -> dict[str, Tool]:
    async def listed() -> list[Tool]:
        async with (
            streamable_http_client(f"{url}gradio_api/mcp/") as (read, write, _),
            ClientSession(read, write) as session,
        ):
            await session.initialize()
            return (await session.list_tools()).tools

    return {tool.name: tool for tool in asyncio.run(listed())}


def test_mcp_offers_the_same_four_each_explained(url: str) -> None:
    offered = tools(url)
    assert set(offered) == NAMES
    for tool in offered.values():
        assert re.search(r"[ぁ-ん]", tool.description or "")
        for name, schema in tool.inputSchema["properties"].items():
            assert schema.get("description"), name
    assert offered["ask"].inputSchema["required"] == ["question"]


def test_search_by_mcp(url: str, index: Index) -> None:
    found = told(by_mcp(url, "search", question=QUESTION, k=2))
    expected = [hit.passage.passage_id for hit in index.search(QUESTION, k=2)]
    assert [hit["passage_id"] for hit in found["hits"]] == expected


def test_ask_by_mcp(url: str, index: Index) -> None:
    answer = told(by_mcp(url, "ask", question=QUESTION))
    assert untimed(answer) == untimed(json.loads(index.ask(QUESTION).to_json()))


def test_list_cases_by_mcp(url: str) -> None:
    cases = told(by_mcp(url, "list_cases", prefecture="山形県"))["cases"]
    assert {case["name"] for case in cases} == {"山形県舟形町", "山形県酒田市"}


def test_get_case_by_mcp(url: str, index: Index) -> None:
    got = told(by_mcp(url, "get_case", name="酒田市"))
    assert got["statements"] == statements_json(index.card("山形県酒田市"))


@pytest.mark.parametrize(
    ("name", "values", "message"),
    [
        ("ask", {"question": ""}, "質問が空です"),
        ("get_case", {"name": "青森市"}, "資料にありません"),
        ("search", {"question": QUESTION, "k": "三"}, "k|三"),
    ],
)
def test_errors_reach_mcp(url: str, name: str, values: dict[str, object], message: str) -> None:
    result = by_mcp(url, name, **values)
    assert result.isError
    (content,) = result.content
    assert isinstance(content, TextContent)
    assert re.search(message, content.text)


def documented() -> dict[str, set[str]]:
    """The endpoints of docs/api.md with their parameters."""
    text = DOCS.read_text("utf-8")
    sections = re.split(r"^### `(\w+)`$", text, flags=re.MULTILINE)[1:]
    return {
        name: set(re.findall(r"^\| `(\w+)` \|", body, re.MULTILINE))
        for name, body in zip(sections[::2], sections[1::2], strict=True)
    }


def test_the_documentation_names_endpoints_and_parameters_that_exist() -> None:
    real = {
        name: {p for p in inspect.signature(getattr(Api, name)).parameters if p[0] != "_"}
        - {"self"}
        for name in NAMES
    }
    assert documented() == real


def test_addresses_in_the_documentation_are_endpoints() -> None:
    text = DOCS.read_text("utf-8")
    called = re.findall(r"gradio_api/(?:run|call/v2)/(\w+)", text)
    called += re.findall(r'api_name="/(\w+)"', text)
    assert set(called) <= NAMES
    assert len(called) >= 3


def test_commands_of_the_documentation_work(url: str) -> None:
    bodies = re.findall(
        r"gradio_api/run/(\w+) .*?-d '(\{.*?\})'", DOCS.read_text("utf-8"), re.DOTALL
    )
    assert bodies
    for name, body in bodies:
        status, _ = post(url, name, json.loads(body)["data"])
        assert status == 200, name


def test_mcp_is_off_where_a_password_is_asked_for() -> None:
    assert serves_mcp(by_password=False)
    assert not serves_mcp(by_password=True)
