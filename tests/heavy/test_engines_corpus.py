"""The main path on real data: the bundled model, corpus/, and the command line, on each server."""

import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from dxqa import Index
from dxqa.cli import main
from tests.conftest import CORPUS, ROOT
from tests.heavy.servers import Server

pytestmark = pytest.mark.heavy

_QUESTIONS = ROOT / "tests" / "quality" / "questions.jsonl"
_ASKED = 30


@pytest.fixture(scope="session")
def local(index: Index, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of an index over corpus/ with FAISS."""
    folder = tmp_path_factory.mktemp("local")
    index.save(folder)
    return folder


@pytest.fixture(scope="session")
def remote(
    milvus_server: Server, local: Path, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Path, str]:
    """The folder of the same index on a server, and what building it there printed."""
    folder = tmp_path_factory.mktemp(milvus_server.name) / "index"
    shutil.copytree(local, folder)  # so that only the engine changes
    command = [sys.executable, "-m", "dxqa.cli", "build", "--index", str(folder), "--corpus"]
    engine = [str(CORPUS), "--engine", "milvus", "--milvus-uri", milvus_server.uri]
    named = ["--milvus-collection", "corpus"]
    done = subprocess.run(
        [*command, *engine, *named], check=True, capture_output=True, text=True, timeout=300
    )
    return folder, done.stdout + done.stderr


@pytest.fixture
def typed(capfd: pytest.CaptureFixture[str]) -> Callable[..., Any]:
    """Type a command; get what it prints as JSON."""

    def run(*arguments: str) -> Any:  # noqa: ANN401
        assert not main(list(arguments))
        return [json.loads(line) for line in capfd.readouterr().out.splitlines()]

    return run


def asked() -> list[dict[str, Any]]:
    """Return questions spread over all that the quality tests ask."""
    lines = _QUESTIONS.read_text("utf-8").splitlines()
    return [json.loads(line) for line in lines[:: len(lines) // _ASKED]][:_ASKED]


def test_answers_are_those_of_faiss(remote: tuple[Path, str], local: Path, index: Index) -> None:
    there = Index.load(remote[0], encoder=index.encoder)
    here = Index.load(local, encoder=index.encoder)
    assert (there.store.engine.name, here.store.engine.name) == ("Milvus", "FAISS")
    different = [
        question["question"]
        for question in asked()
        if _answer(there, question) != _answer(here, question)
    ]
    assert not different


def _answer(index: Index, question: dict[str, Any]) -> tuple[str, str]:
    answer = index.ask(question["question"], history=question["history"])
    return answer.kind, answer.text


def test_the_command_line_end_to_end(
    remote: tuple[Path, str], local: Path, milvus_server: Server, typed: Callable[..., Any]
) -> None:
    folder, printed = remote
    assert "サーバーへ送信" in printed
    question = "市長が最高デジタル責任者を務めている市は？"
    [info] = typed("info", "--index", str(folder), "--json")
    assert milvus_server.uri in json.dumps(info, ensure_ascii=False)
    there, here = (
        typed("search", question, "--index", str(at), "--json") for at in (folder, local)
    )
    found = [[hit["passage_id"] for hit in row["hits"]] for row in (*there, *here)]
    assert found[0] == found[1]
    assert found[0]
    there, here = (typed("ask", question, "--index", str(at), "--json") for at in (folder, local))
    assert there[0]["answered"]
    assert there[0]["text"] == here[0]["text"]


def test_the_command_line_says_that_the_server_is_away(
    remote: tuple[Path, str],
    milvus_server: Server,
    capfd: pytest.CaptureFixture[str],
) -> None:
    milvus_server.stop()
    try:
        assert main(["search", "窓口は？", "--index", str(remote[0])])
    finally:
        milvus_server.start()
    said = capfd.readouterr().err
    assert milvus_server.uri in said
    assert "Traceback" not in said
