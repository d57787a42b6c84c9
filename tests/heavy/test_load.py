"""Many askers at once before a real server with the real model, and stopping it under load."""

import asyncio
import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

from dxqa import Index
from dxqa.web.line import MOST_WAITING
from tests.conftest import CORPUS, ROOT

pytestmark = pytest.mark.heavy
TOPICS = ("推進体制", "財源", "成果", "課題", "今後の予定", "担当課の電話番号")


@dataclass
class Server:
    """A real ``dxqa serve``."""

    url: str
    process: subprocess.Popen[bytes]
    log: Path

    def events(self, name: str) -> list[dict[str, Any]]:
        lines = self.log.read_text("utf-8").splitlines()
        return [event for event in map(json.loads, lines) if event["event"] == name]


@pytest.fixture(scope="module")
def server(index: Index, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """One for all the tests; the last one stops it."""
    tmp_path = tmp_path_factory.mktemp("load")
    index.save(tmp_path / "index")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "dxqa.cli", "serve", "--port", str(port)]
    log = tmp_path / "server.log"
    with (
        log.open("wb") as told,
        subprocess.Popen(
            [*command, "--corpus", str(CORPUS), "--index", str(tmp_path / "index")],
            cwd=ROOT,
            stderr=told,
            env={**os.environ, "OMP_WAIT_POLICY": "PASSIVE"},
        ) as process,
    ):
        served = Server(f"http://127.0.0.1:{port}", process, log)
        try:
            asyncio.run(until_ready(served))
            yield served
        finally:
            process.kill()
            sys.stdout.write(log.read_text("utf-8"))


async def until_ready(server: Server) -> None:
    async with client(server) as program:
        for _ in range(600):
            assert server.process.poll() is None
            try:
                if (await program.get("/health")).is_success:
                    return
            except httpx.TransportError:
                pass
            await asyncio.sleep(0.3)
    pytest.fail("the server did not come up")


@asynccontextmanager
async def client(server: Server) -> AsyncIterator[httpx.AsyncClient]:
    limits = httpx.Limits(max_connections=None)
    async with httpx.AsyncClient(
        base_url=server.url, timeout=300, trust_env=False, limits=limits
    ) as made:
        yield made


async def ask(program: httpx.AsyncClient, question: str, asker: str) -> httpx.Response:
    told = {"data": [question, None, None], "session_hash": asker}
    return await program.post("/gradio_api/run/ask", json=told)


def questions(index: Index, count: int) -> list[str]:
    """Each with a number of its own."""
    places = list(index.store.municipalities)
    return [
        f"{places[n % len(places)]}の{TOPICS[n % len(TOPICS)]}は？（{n}）" for n in range(count)
    ]


def assert_its_own(reply: httpx.Response, question: str, index: Index) -> None:
    [answer] = reply.json()["data"]
    assert answer["question"] == question
    assert answer["text"] == index.ask(question).text


def test_each_of_many_is_told_what_she_asked_or_that_it_is_busy(
    server: Server, index: Index
) -> None:
    asked = questions(index, 2 * MOST_WAITING)

    async def all_at_once() -> tuple[list[httpx.Response], httpx.Response]:
        async with client(server) as program:
            asking = [ask(program, question, f"asker{n}") for n, question in enumerate(asked)]
            together = asyncio.gather(*asking)
            await asyncio.sleep(0.5)
            health = await program.get("/health")
            return list(await together), health

    replies, health = asyncio.run(all_at_once())
    assert health.status_code == 200
    refused = [reply for reply in replies if reply.status_code == 503]
    assert refused
    assert all("混み合っています" in reply.json()["error"] for reply in refused)
    assert all(int(reply.headers["retry-after"]) > 0 for reply in refused)
    pairs = zip(replies, asked, strict=True)
    answered = [(reply, question) for reply, question in pairs if reply not in refused]
    assert len(answered) >= MOST_WAITING
    for reply, question in answered:
        assert_its_own(reply, question, index)


def test_what_was_taken_is_answered_before_it_stops(server: Server, index: Index) -> None:
    asked = questions(index, 40)
    before: list[int] = []

    async def stopped_meanwhile() -> tuple[list[httpx.Response], httpx.Response]:
        async with client(server) as program:
            asking = [
                asyncio.create_task(ask(program, question, f"asker{n}"))
                for n, question in enumerate(asked)
            ]
            await asyncio.wait(asking, return_when=asyncio.FIRST_COMPLETED)
            server.process.send_signal(signal.SIGTERM)
            for _ in range(1000):
                if server.events("notice")[-1]["message"].startswith("終了します"):
                    break
                await asyncio.sleep(0.02)
            late = await ask(program, asked[0], "late")
            before.append(sum(task.done() for task in asking))
            return list(await asyncio.gather(*asking)), late

    replies, late = asyncio.run(stopped_meanwhile())
    assert server.process.wait(60) == 0
    assert [event["answered"] for event in server.events("stop")] == [True]
    refused = [reply for reply in replies if reply.status_code != 200]  # came too late to be taken
    for reply in (late, *refused):
        assert reply.status_code == 503
        assert "終了するところ" in reply.json()["error"]
    assert len(replies) - len(refused) > before[0]
    for reply, question in zip(replies, asked, strict=True):
        if reply not in refused:
            assert_its_own(reply, question, index)
