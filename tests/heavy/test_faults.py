"""Faults of a served page that take their time: each with its message, and recovery by itself."""

import contextlib
import datetime as dt
import os
import shutil
import signal
import socket
import sqlite3
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import closing
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any

import httpx
import pytest

from dxqa import Index
from dxqa.store import verify
from tests.models import save_static
from tests.served import ANSWER, DECLINED, Served, asked_meanwhile, case, served
from tests.test_writer import Server as LanguageModel
from tests.test_writer import _begin as begin
from tests.test_writer import closes, garbage

pytestmark = pytest.mark.heavy


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_static(tmp_path_factory.mktemp("model") / "small")


@pytest.fixture
def folder(tmp_path: Path, model: Path) -> Path:
    """Where a server's things lie, with an index of the small model."""
    return prepared(tmp_path / "served", model)


def prepared(folder: Path, model: Path) -> Path:
    corpus = folder / "corpus"
    corpus.mkdir(parents=True)
    for number, name in enumerate(("川上村", "山下町")):
        text = case(name, ANSWER.removeprefix("川上村は、") if not number else "窓口を減らした。")
        (corpus / f"{number}.md").write_text(text, "utf-8")
    Index.build(corpus, encoder=str(model), folder=folder / "index")
    return folder


def serving(
    folder: Path, *options: str, **more: object
) -> contextlib.AbstractContextManager[Served]:
    return served(folder, *options, corpus={}, **more)


# What the server finds when it starts.


def test_a_server_started_over_a_damaged_index_says_so_and_recovers_by_itself(folder: Path) -> None:
    server = Served(folder)
    [vectors] = server.index.glob("generation-*/passage_vectors.npy")
    whole = vectors.read_bytes()
    vectors.write_bytes(whole[:-1] + b"?")
    try:
        server.start(ready=False)
        assert server.stage() == "failed"
        assert "まだ準備中です" in server.text()
        told = server.events("notice")[-1]["message"]
        assert "passage_vectors.npy" in told
        assert "dxqa build --force" in told
        vectors.write_bytes(whole)
        (server.index / "manifest.json").touch()  # as a copy put back has a time of its own
        server.wait_for(lambda: server.stage() == "ready")
        assert ANSWER in server.text()
    finally:
        server.stop(signal.SIGTERM)


def test_files_shortened_in_place_end_the_server_and_the_next_start_names_one(
    folder: Path,
) -> None:
    """The fault that no program survives that maps its files: SIGBUS; systemd starts it again."""
    with serving(folder) as server:
        for path in server.index.glob("generation-*/**/*"):
            if path.is_file():
                os.truncate(path, 0)
        with contextlib.suppress(httpx.TransportError):
            server.text("山下町について教えて")
        assert server.process.wait(20) == -signal.SIGBUS
        server.forget()
        server.start(ready=False)
        assert server.stage() == "failed"
        assert "書き換わっています" in server.events("notice")[-1]["message"]


# Rights.


@pytest.fixture
def open_folder(model: Path) -> Iterator[Path]:
    """A folder that somebody who is not root owns and reaches."""
    if os.geteuid():
        pytest.skip("only root can be somebody else")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        folder.chmod(0o755)
        inner = prepared(folder / "served", shutil.copytree(model, folder / "model"))
        (inner / "tmp").mkdir()
        for path in (folder, *folder.rglob("*")):
            os.chown(path, 65534, 65534)
        yield inner


NOBODY = ("setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "--no-new-privs")


def test_rights_that_are_taken_away_and_given_back(open_folder: Path) -> None:
    home = {"HOME": str(open_folder), "DXQA_CACHE_DIR": str(open_folder / "cache")}
    with serving(open_folder, under=NOBODY, environment=home) as server:
        server.index.chmod(0)
        server.wait_for(lambda: "目録を読めません" in server.progress())
        assert ANSWER in server.text()
        server.index.chmod(0o755)
        server.wait_for(lambda: "目録を読めません" not in server.progress())
        server.index.chmod(0)
        server.press("build")
        server.wait_for(lambda: "書き込み権限を確認してください" in server.progress())
        server.index.chmod(0o755)
        server.press("build")  # what became of a build is told until the next one
        server.wait_for(lambda: "できません" not in server.progress())
        server.ask(DECLINED)
        server.feedback.chmod(0o400)
        for name in ("-wal", "-shm"):
            Path(f"{server.feedback}{name}").unlink(missing_ok=True)
        server.folder.chmod(0o500)
        server.ask(DECLINED)
        assert "書き込み権限を確かめてください" in server.events("feedback")[-1]["message"]
        server.folder.chmod(0o755)
        server.feedback.chmod(0o600)
        server.ask(DECLINED)
        assert server.events("feedback")[-1]["verdict"] == "declined"
        server.corpus.chmod(0)
        server.press("build")
        server.wait_for(lambda: "読み込める文書がありません" in server.progress())
        assert ANSWER in server.text()
        server.corpus.chmod(0o755)
        (server.corpus / "2.md").write_text(case("森田町", "電子入札を始めた。"), "utf-8")
        server.press("build")
        server.wait_for(lambda: server.documents() == 3)


# Signals.


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_ended_under_load_nothing_is_lost_or_damaged(folder: Path, number: signal.Signals) -> None:
    with serving(folder) as server:
        with asked_meanwhile(server) as seen:
            for at in range(4):
                server.ask(DECLINED)
                server.upload(f"{at}.md", case("森田町", f"第{at}号。" * 400).encode())
            kept = len(feedback(server))
            server.press("build")
            server.process.send_signal(number)
            server.process.wait(40)
        server.forget()
        assert sum(ANSWER in told for _, told in seen) > 3
        verify(server.index)
        assert len(feedback(server)) >= kept == 4
        assert {p.name for p in (server.corpus / "uploads").glob("*.md")} == names(4)
        server.start()
        assert ANSWER in server.text()
        server.press("build")
        server.wait_for(lambda: server.documents() == 6)


def names(count: int) -> set[str]:
    return {f"{at}.md" for at in range(count)}


def feedback(server: Served) -> list[tuple[str]]:
    with closing(sqlite3.connect(server.feedback)) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        return connection.execute("SELECT question FROM feedback").fetchall()


# Clocks.


def test_a_clock_that_leaps_locks_nobody_out_and_erases_nothing(folder: Path) -> None:
    clock = folder / "clock"
    clock.write_text("0", "ascii")
    off = {"DXQA_TEST_CLOCK": str(clock)}
    with serving(folder, module="tests.heavy.shifted", environment=off) as server:
        before = dt.datetime.now(dt.UTC).year
        for number, years in enumerate((0, 80, -56, 0), start=1):
            clock.write_text(str(years * 365), "ascii")
            assert ANSWER in server.text()
            server.ask(DECLINED)
            told = int(server.events("ask")[-1]["time"][:4])
            assert abs(told - before - years) <= 1
            assert len(feedback(server)) == number
            assert f"{number} 件" in server.press("show-feedback")
            assert "を追加しました" in server.upload(f"{number}.md", b"# x\n\nx.\n")


# Servers that hang.


def says_ten_megabytes(handler: BaseHTTPRequestHandler) -> None:
    begin(handler)
    for _ in range(10):
        handler.wfile.write(b"data: " + b"x" * 2**20)


def hangs_for_long(handler: BaseHTTPRequestHandler) -> None:
    handler.server.over.wait(90)  # type: ignore[attr-defined]


@pytest.fixture
def language_model() -> Iterator[LanguageModel]:
    server = LanguageModel()
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server
    server.over.set()
    server.shutdown()
    server.server_close()


def test_a_language_model_that_fails_or_hangs_holds_nobody_up_twice(
    folder: Path, language_model: LanguageModel
) -> None:
    with serving(folder, "--llm", language_model.url, "--llm-model", "m") as server:
        for script in (garbage, says_ten_megabytes, closes):
            language_model.script = script
            status, told = server.ask()
            assert status == 200
            assert ANSWER in told["text"]
            assert "原文の引用でお答えします" in told["text"]
            assert told["timings_ms"]["write"] < 10_000
        language_model.script = hangs_for_long
        asked = len(language_model.asked)
        hung: list[dict[str, Any]] = []
        asking = threading.Thread(target=lambda: hung.append(server.ask()[1]))
        asking.start()
        while len(language_model.asked) == asked:
            time.sleep(0.05)
        start = time.monotonic()
        assert "見つかりませんでした" in server.text(DECLINED)  # nothing to write: no waiting
        assert time.monotonic() - start < 5
        asking.join()
        assert ANSWER in hung[0]["text"]
        assert "応答がありません" in hung[0]["text"]
        assert 25_000 < hung[0]["timings_ms"]["write"] < 35_000
        told = server.ask()[1]
        assert ANSWER in told["text"]
        assert "さきほど時間内に応答しませんでした" in told["text"]
        assert told["timings_ms"]["write"] < 1000


# Resources.


def test_too_many_connections_are_waited_out(folder: Path) -> None:
    with serving(folder, under=("prlimit", "--nofile=160")) as server:
        held = []
        for _ in range(400):
            connection = socket.socket()
            connection.settimeout(2)
            with contextlib.suppress(OSError):
                connection.connect(("127.0.0.1", server.port))
                held.append(connection)
        time.sleep(2)
        for connection in held:
            connection.close()
        server.wait_for(lambda: server.stage() == "ready", 30)
        assert ANSWER in server.text()
        server.ask(DECLINED)
        assert feedback(server)
