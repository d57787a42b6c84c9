"""What a served page stands on is harmed while people ask: they go on being answered.

One real server over a small model, all its files on a small disk of their own. Each test leaves it
answering again, without a restart. The slow faults are in ``tests/heavy/test_faults.py``.
"""

import json
import shutil
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from dxqa import Index
from tests.models import save_static
from tests.served import ANSWER, CORPUS, DECLINED, Served, case, served
from tests.test_store import mounted

NEW = case("森田町", "電子入札を始めた。")
ON_NEW = "森田町の電子入札は？"


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_static(tmp_path_factory.mktemp("model") / "small")


@pytest.fixture(scope="module")
def server(model: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    disk = tmp_path_factory.mktemp("faults") / "disk"
    with mounted(disk, "-t", "tmpfs", "-o", "size=24m", "tmpfs"):
        Index.build(_corpus(disk), encoder=str(model), folder=disk / "index")
        with served(disk) as server:
            yield server


def _corpus(folder: Path) -> Path:
    (folder / "corpus").mkdir()
    for name, text in CORPUS.items():
        (folder / "corpus" / name).write_text(text, "utf-8")
    return folder / "corpus"


@pytest.fixture(autouse=True)
def answers(server: Served) -> Iterator[None]:
    """Before and after each fault, the question is answered."""
    yield
    assert ANSWER in server.text()


@contextmanager
def full(server: Served) -> Iterator[None]:
    """Leave no room at all on the server's disk."""
    filler = server.folder / "filler"
    with filler.open("wb", buffering=0) as file:
        for size in (2**20, 2**12, 1):
            try:
                while True:
                    file.write(b"\0" * size)
            except OSError:
                pass
    try:
        yield
    finally:
        filler.unlink()


def test_an_index_that_is_deleted_is_made_again_from_the_page(server: Served) -> None:
    shutil.rmtree(server.index)
    assert ANSWER in server.text()
    server.wait_for(lambda: "索引がありません" in server.progress())
    assert "これまでの資料でお答えを続けています" in server.progress()
    server.press("build")
    server.wait_for(lambda: "検索に反映しました" in server.progress())
    assert Index.load(server.index).store.manifest.documents == 2


def test_what_another_process_builds_is_taken_up_by_itself(server: Served) -> None:
    (server.corpus / "c.md").write_text(NEW, "utf-8")
    held = Index.load(server.index)
    Index.build(server.corpus, encoder=held.encoder, folder=server.index, previous=held)
    server.wait_for(lambda: server.documents() == 3)
    assert "電子入札を始めた" in server.text(ON_NEW)
    assert "検索に反映しました" in server.progress()


def tells(server: Served, text: str) -> Callable[[], bool]:
    return lambda: text in server.progress()


def test_a_damaged_index_is_told_and_the_old_one_answers(server: Served) -> None:
    manifest = server.index / "manifest.json"
    whole = manifest.read_bytes()
    for damaged, told in (
        (whole[:100], "目録が壊れています"),
        (b"", "目録が壊れています"),
        (whole.replace(b'"documents": 3', b'"documents": 4'), "書き換わっています"),
    ):
        manifest.write_bytes(damaged)
        server.wait_for(tells(server, told))
        assert ANSWER in server.text()
    manifest.write_bytes(whole)
    server.wait_for(lambda: "反映できませんでした" not in server.progress())


@pytest.mark.parametrize("damaged", ["manifest.json", "generation-*/passages.jsonl"])
def test_a_damaged_index_is_replaced_from_the_page(server: Served, damaged: str) -> None:
    [path] = server.index.glob(damaged)
    other = path.with_name("other")  # as a copy that comes to an end too early
    other.write_bytes(path.read_bytes()[:-1])
    other.replace(path)
    server.press("build")
    server.wait_for(lambda: "検索に反映しました" in server.progress())
    assert Index.load(server.index).store.manifest.documents == server.documents()


def test_an_index_of_another_model_is_taken_up_with_its_model(
    server: Served, tmp_path: Path
) -> None:
    other = save_static(tmp_path / "other", salt="other")
    Index.build(server.corpus, encoder=str(other), folder=server.index)
    server.wait_for(lambda: "ほかで作られた索引を読み込みました" in server.log)
    assert ANSWER in server.text()
    (server.corpus / "d.md").write_text(case("野原市", "窓口を減らした。"), "utf-8")
    server.press("build")
    server.wait_for(lambda: server.documents() == len(list(server.corpus.glob("*.md"))))
    assert Index.load(server.index).store.manifest.model == str(other)


def test_an_index_of_another_version_is_never_replaced_from_the_page(server: Served) -> None:
    manifest = server.index / "manifest.json"
    whole = manifest.read_bytes()
    manifest.write_text(json.dumps({**json.loads(whole), "format_version": 99}), "utf-8")
    server.press("build")
    server.wait_for(lambda: "版 99" in server.progress())
    assert b'"format_version": 99' in manifest.read_bytes()
    assert ANSWER in server.text()
    manifest.write_bytes(whole)


def test_a_corpus_that_is_gone_leaves_the_index(server: Served) -> None:
    server.corpus.rename(server.folder / "aside")
    server.press("build")
    server.wait_for(lambda: "コーパスのフォルダが見つかりません" in server.progress())
    assert ANSWER in server.text()
    (server.folder / "aside").rename(server.corpus)
    server.press("build")
    server.wait_for(lambda: "検索に反映しました" in server.progress())


def test_an_uploads_folder_that_is_gone_is_made_again(server: Served) -> None:
    assert "戊.md を追加しました" in server.upload("戊.md", "# 戊町\n\n本文。\n".encode())
    shutil.rmtree(server.corpus / "uploads")
    assert "追加：戊.md" not in server.progress()
    assert "戊.md を追加しました" in server.upload("戊.md", "# 戊町\n\n本文。\n".encode())
    assert "追加：戊.md" in server.progress()
    (server.corpus / "uploads" / "戊.md").unlink()


def test_a_full_disk_stops_no_answer_and_loses_nothing(server: Served) -> None:
    before = (server.index / "manifest.json").read_bytes()
    kept = len(rows(server))
    with (server.corpus / "a.md").open("r+b") as file, full(server):
        for _ in range(40):  # the log's last block has room for some
            assert ANSWER in server.text()
        assert server.ask(DECLINED)[0] == 200
        reply = server.upload("己.md", "# 己町\n\n本文。\n".encode() * 1000)
        assert "空きがないため、受け取れませんでした" in reply
        assert "読み書きできません" in server.press("show-feedback")
        text = file.read().replace("県が負担".encode(), "国が負担".encode())
        file.seek(0)
        file.write(text)
        file.flush()
        server.press("build")
        server.wait_for(lambda: "以前の索引はそのままです" in server.progress())
        assert ANSWER in server.text()
    assert not list(server.corpus.rglob("*己*"))
    assert (server.index / "manifest.json").read_bytes() == before
    assert server.ask(DECLINED)[0] == 200
    assert len(rows(server)) == kept + 1
    assert any(event.get("lost") for event in server.events("log"))
    server.press("build")
    server.wait_for(lambda: "検索に反映しました" in server.progress())
    assert "費用は国が負担する" in server.text("川上村の費用は？")


def rows(server: Served) -> list[tuple[str]]:
    if not server.feedback.exists():
        return []
    with closing(sqlite3.connect(server.feedback)) as connection:
        return connection.execute("SELECT question FROM feedback").fetchall()


def told_of_feedback(server: Served) -> str:
    server.ask(DECLINED)
    return str(server.events("feedback")[-1].get("message", ""))


def test_feedback_that_cannot_be_kept_stops_no_answer(server: Served) -> None:
    assert told_of_feedback(server) == ""
    with closing(sqlite3.connect(server.feedback)) as other:
        other.execute("BEGIN EXCLUSIVE")
        assert "ほかのプログラムが使っていないか" in told_of_feedback(server)
        other.rollback()
    kept = rows(server)
    assert told_of_feedback(server) == ""
    assert len(rows(server)) == len(kept) + 1


def test_a_feedback_file_that_is_damaged_or_gone_is_begun_anew(server: Served) -> None:
    assert told_of_feedback(server) == ""
    for path in server.folder.glob("feedback.db*"):
        path.unlink()
    assert told_of_feedback(server) == ""
    assert len(rows(server)) == 1
    damaged = bytearray(server.feedback.read_bytes())
    damaged[:200] = b"x" * 200
    for path in server.folder.glob("feedback.db*"):
        path.unlink()
    server.feedback.write_bytes(damaged)
    assert "壊れているようです" in told_of_feedback(server)
    assert "壊れているようです" in server.press("show-feedback")
    assert server.feedback.read_bytes() == damaged
    server.feedback.unlink()
    server.feedback.mkdir()
    assert "読み書きできません" in told_of_feedback(server)
    server.feedback.rmdir()
    assert told_of_feedback(server) == ""
    assert len(rows(server)) == 1
