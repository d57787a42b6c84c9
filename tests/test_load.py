"""More askers than can be answered: a page whose line stands still, and what each is told."""

import asyncio
import contextlib
import json
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

import gradio as gr
import httpx
import pytest

from dxqa import Index
from dxqa.errors import BusyError
from dxqa.web import ServeOptions
from dxqa.web.line import Line
from dxqa.web.loading import State
from dxqa.web.page import Page
from dxqa.web.server import app_options, launch_options
from tests.conftest import HashEncoder
from tests.served import free_port

MOST = 2
QUESTION = "甲町は何を配っていますか"


@dataclass
class Office:
    """A page that is served, and its line, in which ``MOST`` may wait while it stands still."""

    page: Page
    url: str
    go_on: threading.Event = field(default_factory=threading.Event)
    programs: ThreadPoolExecutor = field(default_factory=lambda: ThreadPoolExecutor(8))

    def stand_still(self) -> None:
        begun = threading.Event()

        def work() -> None:
            begun.set()
            self.go_on.wait()

        self.page.loader.line.hand_in(work, "at work")
        begun.wait()

    def ask(self, question: str = QUESTION, timeout: float = 60) -> httpx.Response:
        told = {"data": [question, None, None]}
        return httpx.post(
            f"{self.url}gradio_api/run/ask", json=told, timeout=timeout, trust_env=False
        )

    def ask_meanwhile(self, question: str) -> "Future[httpx.Response]":
        """Ask, and return once that is in the line."""
        before = self.waiting
        asked = self.programs.submit(self.ask, question)
        self.wait_until(lambda: self.waiting == before + 1)
        return asked

    @property
    def waiting(self) -> int:
        line = self.page.loader.line
        with line._changed:
            line._forget_who_left()
            return line._count()

    def wait_until(self, holds: Callable[[], bool]) -> None:
        deadline = time.monotonic() + 60
        while not holds():
            assert time.monotonic() < deadline
            time.sleep(0.02)


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Page]:
    folder = tmp_path_factory.mktemp("load")
    corpus = folder / "corpus"
    corpus.mkdir()
    (corpus / "a.md").write_text("# 甲町\n\n甲町は、防災アプリを配っている。\n", "utf-8")
    options = ServeOptions(corpus=corpus, index=folder / "index", feedback=False)

    async def launched() -> Page:  # without a running loop, Gradio makes ones that it never closes
        page = Page(options)
        told = {**launch_options(options), "app_kwargs": app_options(page.loader, options)}
        page.blocks.launch(server_name="127.0.0.1", server_port=free_port(), **told)
        return page

    page = asyncio.run(launched())
    page.loader._index = Index.build(corpus, encoder=HashEncoder())
    page.loader.state = State("ready")
    yield page
    page.blocks.close(verbose=False)


@pytest.fixture
def office(page: Page) -> Iterator[Office]:
    page.loader.line = Line(MOST)
    made = Office(page, page.blocks.local_url)
    made.stand_still()
    yield made
    made.go_on.set()
    made.programs.shutdown()


def test_more_than_the_line_holds_are_told_so_at_once(office: Office) -> None:
    taken = [office.ask_meanwhile(f"{QUESTION} {number}") for number in range(MOST)]
    refused = office.ask()
    assert refused.status_code == 503
    assert refused.headers["retry-after"] == "10"
    assert "混み合っています" in refused.json()["error"]
    assert "もう一度送信してください" in refused.json()["error"]
    office.go_on.set()
    told = [asked.result().json()["data"][0]["question"] for asked in taken]
    assert told == [f"{QUESTION} {number}" for number in range(MOST)]
    assert office.ask().status_code == 200


def test_other_functions_of_the_page_answer_while_the_line_is_full(office: Office) -> None:
    taken = [office.ask_meanwhile(QUESTION) for _ in range(MOST)]
    assert httpx.get(f"{office.url}health", trust_env=False).status_code == 200
    assert httpx.get(office.url, trust_env=False).status_code == 200
    assert not any(asked.done() for asked in taken)


def test_a_program_that_hangs_up_gives_up_its_place(office: Office) -> None:
    with pytest.raises(httpx.ReadTimeout):
        office.ask(timeout=0.2)
    office.wait_until(lambda: office.waiting == 0)


@dataclass
class Tab:
    """A page that is open, by what its browser sends and gets."""

    office: Office
    name: str = "tab"
    event: str = ""
    seen: list[str] = field(default_factory=list)

    @property
    def function(self) -> dict[str, Any]:
        config = httpx.get(f"{self.office.url}config", trust_env=False).json()
        send = next(c["id"] for c in config["components"] if c["props"].get("elem_id") == "send")
        found: dict[str, Any] = next(
            f for f in config["dependencies"] if [send, "click"] in map(list, f["targets"])
        )
        return found

    def ask(self, question: str) -> None:
        function = self.function
        data: list[Any] = [question, None, None, *[[] for _ in function["inputs"][3:]]]
        told = {"data": data, "fn_index": function["id"], "session_hash": self.name}
        reply = self._post("queue/join", told)
        self.event = reply["event_id"]

    @contextlib.contextmanager
    def watching(self) -> Iterator[Iterator[str]]:
        """Yield the messages that come, as the browser does while it waits."""
        address = f"{self.office.url}gradio_api/queue/data?session_hash={self.name}"
        with httpx.stream("GET", address, timeout=60, trust_env=False) as stream:
            yield (json.dumps(json.loads(line[6:]), ensure_ascii=False)
                   for line in stream.iter_lines() if line.startswith("data: "))  # fmt: skip

    def stop(self) -> None:
        told = {"session_hash": self.name, "fn_index": self.function["id"], "event_id": self.event}
        self._post("cancel", told)

    def _post(self, path: str, told: dict[str, Any]) -> dict[str, Any]:
        address = f"{self.office.url}gradio_api/{path}"
        reply = httpx.post(address, json=told, trust_env=False)
        found: dict[str, Any] = reply.raise_for_status().json()
        return found


def until(messages: Iterator[str], words: str) -> str:
    return next(message for message in messages if words in message)


def test_a_page_tells_how_many_come_first_and_then_the_answer(office: Office) -> None:
    taken = office.ask_meanwhile(QUESTION)
    tab = Tab(office)
    tab.ask(QUESTION)
    with tab.watching() as messages:
        until(messages, "順番を待っています。前に 1 件の質問があります")
        office.go_on.set()
        until(messages, "process_completed")
    assert taken.result().status_code == 200


def test_a_page_that_is_refused_says_so_and_keeps_the_question(office: Office) -> None:
    for number in range(MOST):
        Tab(office, f"tab{number}").ask(QUESTION)
    office.wait_until(lambda: office.waiting == MOST)
    tab = Tab(office, "one more")
    tab.ask("聞きたいこと")
    with tab.watching() as messages:
        told = until(messages, "混み合っています")
    assert "もう一度送信してください" in told
    assert "聞きたいこと" in told


def test_who_presses_stop_gives_up_the_place(office: Office) -> None:
    tab = Tab(office, "stopped")
    tab.ask(QUESTION)
    with tab.watching() as messages:
        until(messages, "資料を調べています")
        office.wait_until(lambda: office.waiting == 1)
        tab.stop()
        office.wait_until(lambda: office.waiting == 0)


def test_who_closes_the_page_gives_up_the_place(office: Office) -> None:
    tab = Tab(office, "closed")
    tab.ask(QUESTION)
    with tab.watching() as messages:
        until(messages, "資料を調べています")
        office.wait_until(lambda: office.waiting == 1)
    office.wait_until(lambda: office.waiting == 0)


def test_gradio_counts_no_events(office: Office) -> None:
    office.go_on.set()
    for number in range(3):
        tab = Tab(office, f"counted{number}")
        tab.ask(QUESTION)
        with tab.watching() as messages:
            until(messages, "process_completed")
    queue = office.page.blocks._queue
    assert len(queue.event_analytics) <= 1
    assert queue.event_count_at_last_cache == 0


def test_a_closed_line_is_told_to_monitors_and_askers(office: Office) -> None:
    taken = office.ask_meanwhile(QUESTION)
    assert not office.page.loader.close(0)
    health = httpx.get(f"{office.url}health", trust_env=False)
    assert (health.status_code, health.json()["stage"]) == (503, "closed")
    refused = office.ask()
    assert refused.status_code == 503
    assert "終了するところ" in refused.json()["error"]
    office.go_on.set()
    assert taken.result().status_code == 200


def test_a_conversation_that_cannot_be_reopened_whole_is_not_kept_in_place_of_it(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    def busy(*_: object) -> None:
        raise BusyError("混み合っています。")

    monkeypatch.setattr(office.page.loader.line, "turn", busy)

    kept = {"turns": [{"question": QUESTION, "text": "前の回答"}]}
    shown = list(office.page.chat._reopen(gr.EventData(None, kept)))
    assert all("record" not in step[4] for step in shown)
