"""Serving: passwords, logs, health, and what the options of ``dxqa serve`` come to."""

import asyncio
import json
import logging
import re
import socket
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from starlette.applications import Starlette
from starlette.testclient import TestClient

from dxqa import Index
from dxqa.answering import Writer
from dxqa.cli import main
from dxqa.web import ServeOptions
from dxqa.web.journal import Journal
from dxqa.web.loading import MOST_WRITTEN, IndexLoader, State
from dxqa.web.logs import JsonHandler, event
from dxqa.web.passwords import (
    PasswordError,
    PasswordHash,
    read_password,
    read_users,
)
from dxqa.web.server import login, routes
from tests.conftest import HashEncoder

RIGHT = "正しい パスワード"
HASH = str(PasswordHash.of(RIGHT))


def test_a_hash_knows_its_password_and_no_other() -> None:
    found = PasswordHash.parse(HASH)
    assert found.matches(RIGHT)
    assert not found.matches(RIGHT + " ")
    assert not found.matches("")
    assert RIGHT not in HASH


def test_equal_passwords_have_different_hashes() -> None:
    assert str(PasswordHash.of("a")) != str(PasswordHash.of("a"))


def test_users(tmp_path: Path) -> None:
    path = tmp_path / "users.txt"
    path.write_text(f"# 総務課\n\nhanako:{HASH}\n山田 : {PasswordHash.of('b')}\n", "utf-8")
    users = read_users(path)
    assert users.may_enter("hanako", RIGHT)
    assert users.may_enter("山田", "b")
    assert not users.may_enter("hanako", "b")
    assert not users.may_enter("taro", RIGHT)
    assert not users.may_enter("", "")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", "一人も"),
        ("# だれもいない\n", "一人も"),
        ("hanako\n", "1 行目"),
        ("hanako:password\n", "1 行目"),
        (f":{HASH}\n", "1 行目"),
        (f"a:{HASH}\na:{HASH}\n", "2 行目"),
        ("a:scrypt$3$8$1$AAAA$AAAA\n", "1 行目"),
        ("a:md5$16384$8$1$AAAA$AAAA\n", "1 行目"),
        ("a:scrypt$16384$8$1$?$AAAA\n", "1 行目"),
    ],
)
def test_bad_user_files_are_explained(tmp_path: Path, content: str, message: str) -> None:
    path = tmp_path / "users.txt"
    path.write_text(content, "utf-8")
    with pytest.raises(PasswordError, match=message) as raised:
        read_users(path)
    assert "--hash-password" in str(raised.value)


def test_a_missing_user_file_is_explained(tmp_path: Path) -> None:
    with pytest.raises(PasswordError, match=r"none\.txt"):
        read_users(tmp_path / "none.txt")


def test_the_admin_password_is_never_kept_plain(tmp_path: Path) -> None:
    path = tmp_path / "admin.txt"
    path.write_text(f"{HASH}\n", "utf-8")
    assert read_password(path).matches(RIGHT)
    path.write_text("plain\n", "utf-8")
    with pytest.raises(PasswordError, match="ハッシュではありません"):
        read_password(path)


def test_hash_password_prints_a_hash_and_nothing_else() -> None:
    command = [sys.executable, "-m", "dxqa.cli", "serve", "--hash-password"]
    done = subprocess.run(
        command, input=f"{RIGHT}\n", capture_output=True, check=True, encoding="utf-8"
    )
    [line] = done.stdout.splitlines()
    assert PasswordHash.parse(line).matches(RIGHT)


@pytest.mark.parametrize("root", ["dxqa", "/dxqa/", "/", "/a b", "ftp://x/y"])
def test_a_bad_root_path_is_wrong_usage(root: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as raised:
        main(["serve", "--root-path", root])
    assert raised.value.code == 2
    assert "--root-path" in capsys.readouterr().err


def test_a_bad_auth_file_is_status_1(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["serve", "--auth", str(tmp_path / "none")]) == 1
    assert "パスワードのファイル" in capsys.readouterr().err


def test_a_language_model_needs_both_options(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["serve", "--llm", "http://127.0.0.1:1/v1"])
    assert "--llm-model" in capsys.readouterr().err


def test_feedback_lies_beside_the_index() -> None:
    assert ServeOptions(index=Path("/a/index")).feedback_file == Path("/a/feedback.db")
    assert ServeOptions(feedback_db=Path("/b/x.db")).feedback_file == Path("/b/x.db")


def client(loader: IndexLoader, options: ServeOptions) -> TestClient:
    return TestClient(Starlette(routes=routes(loader, options)))


def test_health_tells_when_questions_are_answered(tmp_path: Path, index: Index) -> None:
    loader = IndexLoader(tmp_path, tmp_path)
    asked = client(loader, ServeOptions())
    reply = asked.get("/health")
    assert (reply.status_code, reply.json()["stage"]) == (503, "loading")
    loader.state = State("failed", message="秘密の場所")
    reply = asked.get("/health")
    assert reply.status_code == 503
    assert reply.json() == {"stage": "failed", "documents": 0, "passages": 0}
    loader._index, loader.state = index, State("ready")
    reply = asked.get("/health")
    assert reply.status_code == 200
    manifest = index.store.manifest
    assert reply.json() == {
        "stage": "ready",
        "documents": manifest.documents,
        "passages": manifest.passages,
    }


def test_read_only_takes_no_files(tmp_path: Path) -> None:
    loader = IndexLoader(tmp_path, tmp_path)
    files = {"files": ("a.md", b"x")}
    refused = client(loader, ServeOptions(read_only=True))
    assert refused.post("/gradio_api/upload", files=files).status_code == 403
    assert client(loader, ServeOptions()).post("/gradio_api/upload").status_code == 404


def test_a_login_is_logged_without_name_or_password(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "users.txt"
    path.write_text(f"hanako:{HASH}\n", "utf-8")
    may_enter = login(read_users(path))

    async def both() -> tuple[bool, bool]:
        return await may_enter("hanako", RIGHT), await may_enter("hanako", "geraten")

    assert asyncio.run(both()) == (True, False)
    log = capsys.readouterr().err
    assert [json.loads(line)["entered"] for line in log.splitlines()] == [True, False]
    assert not re.search(f"hanako|{RIGHT}|geraten", log)


def test_events_are_one_json_object_a_line(capsys: pytest.CaptureFixture[str]) -> None:
    event("ask", note="一行目\n二行目\ud800")
    [line] = capsys.readouterr().err.splitlines()
    assert json.loads(line)["note"] == "一行目\n二行目\ud800"


def test_a_logged_exception_tells_its_place_and_not_its_words(
    capsys: pytest.CaptureFixture[str],
) -> None:
    logger = logging.getLogger("test_server")
    logger.propagate = False
    logger.addHandler(JsonHandler())
    try:
        int("質問の文")
    except ValueError:
        logger.exception("答えられませんでした")
    log = capsys.readouterr().err
    told = json.loads(log)
    assert (told["error"], told["message"]) == ("ValueError", "答えられませんでした")
    assert "test_server.py" in told["at"][0]
    assert "質問の文" not in log


_PRINTING = """
import logging, sys, threading, traceback, warnings
from dxqa.web.logs import log_as_json, say

def fail():
    raise KeyError("質問の文")

with log_as_json():
    say("始めます。")
    print("ある行\\n次の", "行", file=sys.stderr)
    warnings.warn("古い書き方です")
    try:
        fail()
    except KeyError:
        traceback.print_exc()
    try:
        fail()
    except KeyError:
        logging.getLogger("some.library").exception("失敗")
    thread = threading.Thread(target=fail)
    thread.start()
    thread.join()
"""


def test_all_that_comes_to_a_log_file_is_json_without_questions() -> None:
    done = subprocess.run(
        [sys.executable, "-c", _PRINTING], capture_output=True, check=True, encoding="utf-8"
    )
    events = [json.loads(line) for line in done.stderr.splitlines()]
    printed = [e["message"] for e in events if e["event"] == "printed"]
    assert printed[:2] == ["ある行", "次の 行"]
    assert any("古い書き方です" in line for line in printed)
    raised = [(e["message"], e["at"][-1].split()[-1]) for e in events if e.get("error")]
    assert raised == [("uncaught", "fail"), ("失敗", "fail"), ("uncaught", "fail")]
    assert "質問の文" not in done.stderr


def test_a_language_model_that_fails_leaves_the_quotes_and_a_remark(
    tmp_path: Path, index: Index, capsys: pytest.CaptureFixture[str]
) -> None:
    with socket.socket() as closed:  # bound, and nobody listens
        closed.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{closed.getsockname()[1]}/v1"
        loader = IndexLoader(tmp_path, tmp_path, writer=Writer(url, "m"), journal=Journal())
        loader._index, loader.state = index, State("ready")
        answer = loader.ask("市長が最高デジタル責任者を務めている市は？", [])
    assert "都城市" in answer.text
    assert "原文の引用でお答えします" in answer.notes[0]
    assert answer.timings_ms["total"] >= answer.timings_ms["write"]
    assert json.loads(capsys.readouterr().err)["answered"] is True


def test_more_than_the_language_model_can_write_are_told_in_quotes(
    tmp_path: Path, index: Index
) -> None:
    loader = IndexLoader(tmp_path, tmp_path, writer=Writer("http://127.0.0.1:1/v1", "m"))
    loader._index, loader.state = index, State("ready")
    for _ in range(MOST_WRITTEN):
        loader._writing.acquire()
    answer = loader.ask("市長が最高デジタル責任者を務めている市は？", [])
    assert "都城市" in answer.text
    assert "混み合っているため" in answer.notes[0]
    assert not loader.close(0)  # eight are still being written
    loader._writing.release(MOST_WRITTEN)


def ready(corpus: Path, folder: Path, encoder: HashEncoder) -> IndexLoader:
    """A loader whose index is of another encoder than the real one, which would take its time."""
    (corpus / "a.md").write_text("# 甲町\n\n甲町は、防災アプリを配っている。\n", "utf-8")
    loader = IndexLoader(corpus, folder)
    loader._index = Index.build(corpus, encoder=encoder)
    loader._index.save(folder)
    loader.state = State("ready")
    return loader


@pytest.fixture
def corpus(tmp_path: Path) -> Path:
    folder = tmp_path / "corpus"
    folder.mkdir()
    return folder


def test_a_rebuild_embeds_what_is_new_and_is_saved(
    tmp_path: Path, corpus: Path, hash_encoder: HashEncoder
) -> None:
    loader = ready(corpus, tmp_path / "index", hash_encoder)
    old = loader.index
    (corpus / "b.md").write_text("# 乙町\n\n乙町は、窓口を予約制にした。\n", "utf-8")
    before = hash_encoder.encoded
    assert loader.rebuild()
    loader.join()
    assert loader.rebuilding
    assert loader.rebuilding.stage == "ready"
    assert "文書 2 件" in loader.rebuilding.message
    assert hash_encoder.encoded == before + 2  # a passage and its sentence
    assert loader.index is not old
    assert loader.index
    assert loader.index.encoder is hash_encoder
    assert set(loader.index.store.documents) == {"a.md", "b.md"}
    saved = Index.load(tmp_path / "index", encoder=hash_encoder)
    assert set(saved.store.documents) == {"a.md", "b.md"}


def test_a_failed_rebuild_leaves_the_old_index(
    tmp_path: Path, corpus: Path, hash_encoder: HashEncoder
) -> None:
    loader = ready(corpus, tmp_path / "index", hash_encoder)
    old = loader.index
    manifest = (tmp_path / "index" / "manifest.json").read_bytes()
    (corpus / "a.md").write_bytes(b"")
    assert loader.rebuild()
    loader.join()
    assert loader.rebuilding
    assert loader.rebuilding.stage == "failed"
    assert "ファイルが空です" in loader.rebuilding.message
    assert loader.index is old
    assert (tmp_path / "index" / "manifest.json").read_bytes() == manifest
    loader.ask("防災アプリは？", [])


def test_an_index_that_cannot_be_saved_does_not_take_over(
    tmp_path: Path, corpus: Path, hash_encoder: HashEncoder
) -> None:
    loader = ready(corpus, tmp_path / "index", hash_encoder)
    old = loader.index
    loader.folder = corpus / "a.md"  # a file, where a folder is wanted
    assert loader.rebuild()
    loader.join()
    assert loader.rebuilding
    assert "保存できません" in loader.rebuilding.message
    assert loader.index is old


def test_one_rebuild_at_a_time_and_none_before_the_index_is_there(
    tmp_path: Path, corpus: Path, hash_encoder: HashEncoder
) -> None:
    assert not IndexLoader(corpus, tmp_path / "none").rebuild()
    loader = ready(corpus, tmp_path / "index", hash_encoder)
    (corpus / "b.md").write_text("# 乙町\n\n乙町の本文。\n", "utf-8")
    answered = threading.Event()
    loader.line.hand_in(answered.wait)  # the rebuild gives way to a question
    assert loader.rebuild()
    assert not loader.rebuild()
    assert loader.at_work
    answered.set()
    loader.join()
    assert loader.rebuild()
    loader.join()
