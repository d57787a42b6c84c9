"""What both integrations share: missing packages, no connections, many threads, the examples."""

import json
import re
import subprocess
import sys
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from dxqa import Index
from dxqa.errors import QuestionError
from dxqa.integrations.findings import Options, find
from dxqa.types import Vectors
from tests.conftest import CORPUS, ROOT, HashEncoder

QUESTIONS = ["推進体制は？", "外部人材は？", "財源は？", "町長は何をしましたか", "デザイン思考とは"]


@pytest.fixture(scope="module")
def hashed() -> Index:
    return Index.build(CORPUS / "cases", encoder=HashEncoder())


def _run(code: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", code, *arguments], capture_output=True, text=True, check=False
    )


@pytest.mark.parametrize(
    ("module", "package", "extra"),
    [
        ("langchain", "langchain_core", "langchain"),
        ("llamaindex", "llama_index", "llamaindex"),
    ],
)
def test_a_missing_package_is_named_with_its_extra(module: str, package: str, extra: str) -> None:
    code = f"""
import sys
sys.modules[{package!r}] = None
from dxqa import DxqaError
try:
    import dxqa.integrations.{module}
except DxqaError as error:
    assert isinstance(error, ImportError)
    print(error)
"""
    assert f"pip install 'dxqa[{extra}]'" in _run(code).stdout


def test_neither_integration_opens_a_connection_or_tracks(tmp_path: Path, hashed: Index) -> None:
    hashed.save(tmp_path)
    code = """
import sys
tried = []
def hear(event, arguments):
    if event in ("socket.connect", "socket.getaddrinfo", "socket.sendto", "urllib.Request"):
        tried.append((event, repr(arguments)))
sys.addaudithook(hear)
import asyncio
from llama_index.core import Settings
from llama_index.core.llms import MockLLM
from llama_index.core.query_engine import RetrieverQueryEngine
from langsmith.utils import tracing_is_enabled
from dxqa import Index
from dxqa.integrations import langchain, llamaindex
from dxqa.types import Vectors
from tests.conftest import HashEncoder
index = Index.load(sys.argv[1], encoder=HashEncoder())
first = langchain.DxqaRetriever(index=index)
second = llamaindex.DxqaRetriever(index)
assert first.invoke("推進体制は？") and asyncio.run(first.ainvoke("推進体制は？"))
assert second.retrieve("推進体制は？") and asyncio.run(second.aretrieve("推進体制は？"))
assert str(RetrieverQueryEngine.from_args(second, llm=MockLLM()).query("推進体制は？"))
assert not tracing_is_enabled()
print("tried:", tried)
import socket
try:
    socket.create_connection(("127.0.0.1", 9), timeout=1)
except OSError:
    pass
print("heard:", bool(tried))
"""
    ran = _run(code, str(tmp_path))
    assert ran.stdout == "tried: []\nheard: True\n", ran.stderr


class Busy(HashEncoder):
    """Notes how many threads are in it at once."""

    def __init__(self) -> None:
        super().__init__()
        self._inside = 0
        self.most = 0

    def encode_queries(self, texts: Sequence[str]) -> Vectors:
        self._inside += 1
        self.most = max(self.most, self._inside)
        time.sleep(0.002)
        self._inside -= 1
        return super().encode_queries(texts)


def test_many_threads_find_what_one_finds_one_at_a_time() -> None:
    index = Index.build(CORPUS / "cases", encoder=(busy := Busy()))
    asked = [Options(k=4, only_evidence=evidence) for evidence in (False, True)]
    work = [(question, options) for question in QUESTIONS for options in asked]
    alone = [find(index, *one) for one in work]
    with ThreadPoolExecutor(8) as pool:
        together = list(pool.map(lambda one: find(index, *one), work * 4))
    assert together == alone * 4
    assert busy.most == 1


@pytest.mark.parametrize("options", [{"filter": {"kind": "市"}}, {"history": "体制は？"}])
def test_options_that_would_do_nothing_are_refused(hashed: Index, options: Options) -> None:
    with pytest.raises(QuestionError, match=next(iter(options))):
        find(hashed, "財源は？", options)


def test_metadata_is_json_and_leads_to_the_words(hashed: Index) -> None:
    for evidence in (False, True):
        found = find(hashed, "酒田市の体制は？", {"only_evidence": evidence})
        assert len({one.finding_id for one in found}) == len(found)
        for one in found:
            place = json.loads(json.dumps(one.metadata, allow_nan=False))
            assert place == one.metadata
            text = hashed.store.documents[place["doc_id"]].text
            assert text[place["start"] : place["end"]] == one.text
            assert all(place["start"] <= a < b <= place["end"] for a, b in place["sentences"])


def test_evidence_is_what_the_answer_cites_and_nothing_where_it_declines(index: Index) -> None:
    question = "酒田市の外部人材について教えて"
    found = find(index, question, {"only_evidence": True})
    assert [one.text for one in found] == [c.quote for c in index.ask(question).citations]
    for told_nowhere in ("北海道札幌市の取り組みは？", "その財源は？"):
        assert not index.ask(told_nowhere).answered
        assert find(index, told_nowhere, {"only_evidence": True}) == []
        assert find(index, told_nowhere, {})
    followed: Options = {"only_evidence": True, "history": ["酒田市の外部人材について教えて"]}
    assert "特別交付税" in "".join(one.text for one in find(index, "その財源は？", followed))


@pytest.mark.parametrize("name", ["langchain_retriever", "llamaindex_retriever"])
def test_examples_run(
    name: str,
    index: Index,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    index.save(tmp_path)
    path = ROOT / "examples" / f"{name}.py"
    monkeypatch.setattr(sys, "argv", [str(path), str(tmp_path)])
    exec(compile(path.read_text("utf-8"), path, "exec"), {"__name__": "__main__"})  # noqa: S102
    printed = capsys.readouterr().out
    assert re.match(r"1\. 埼玉県上里町：.*\(\d+-\d+字目\)\n2\. ", printed)
    assert "山形県: 山形県舟形町、山形県酒田市\n" in printed
    assert "その財源は？: 山形県酒田市\n" in printed
    assert printed.count("(原文どおり)") >= 2
    assert "(原文と違います)" not in printed
    assert "札幌市: 0 件\n" in printed
    assert "質問: 酒田市の外部人材について教えて\n" in printed
    assert printed.endswith("資料には記載がありません。\n")


def test_the_documentation_runs(
    index: Index, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    index.save(tmp_path / "index")
    monkeypatch.chdir(tmp_path)
    held: dict[str, Any] = {}
    for code in _python("docs/integrations.md"):
        exec(code, held)  # noqa: S102
    assert held["documents"][0].metadata["municipality"] == "山形県酒田市"
    assert len(held["quotes"]) >= 2
    assert held["nothing"] == []
    assert held["nodes"][0].metadata["municipality"] == "山形県酒田市"


@pytest.mark.parametrize("name", ["README.md", "README.ja.md"])
def test_the_readme_shows_what_the_documentation_runs(name: str) -> None:
    shown = next(code for code in _python(name) if "integrations" in code)
    run = _python("docs/integrations.md")[0]
    lines = [line.partition("  #")[0] for line in shown.splitlines() if line]
    assert len(lines) >= 3
    assert all(line in run.splitlines() for line in lines)


def _python(name: str) -> list[str]:
    return re.findall(
        r"^```python\n(.*?)^```", (ROOT / name).read_text("utf-8"), re.MULTILINE | re.DOTALL
    )
