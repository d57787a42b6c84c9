"""The command line contract: one JSON object a line, exit status, messages."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from dxqa import Index
from dxqa.cli import main
from tests.conftest import CORPUS

SEARCH_HIT = {
    "rank", "score", "passage_id", "doc_id", "heading_path", "municipality", "text", "start", "end",
}  # fmt: skip
ASK = {"question", "answered", "kind", "confidence", "text", "citations", "timings_ms"}
CITATION = {
    "number", "passage_id", "doc_id", "heading_path", "municipality", "quote", "start", "end",
}  # fmt: skip


@pytest.fixture(scope="module")
def folder(index: Index, tmp_path_factory: pytest.TempPathFactory) -> str:
    path = tmp_path_factory.mktemp("index")
    index.save(path)
    return str(path)


def _json(capfd: pytest.CaptureFixture[str], *arguments: str) -> list[dict[str, object]]:
    assert main(arguments) == 0
    return [json.loads(line) for line in capfd.readouterr().out.splitlines()]


def test_search_json(folder: str, capfd: pytest.CaptureFixture[str]) -> None:
    [row] = _json(capfd, "search", "デザイン思考", "-k", "2", "--index", folder, "--json")
    assert set(row) == {"question", "hits"}
    hits = row["hits"]
    assert isinstance(hits, list)
    assert len(hits) == 2
    assert all(set(hit) == SEARCH_HIT for hit in hits)


def test_ask_json(folder: str, capfd: pytest.CaptureFixture[str]) -> None:
    question = "市長が最高デジタル責任者を務めている市は？"
    [row] = _json(capfd, "ask", question, "--index", folder, "--json")
    assert set(row) == ASK
    assert row["answered"] is True
    citations = row["citations"]
    assert isinstance(citations, list)
    assert all(set(citation) == CITATION for citation in citations)
    assert citations[0]["municipality"] == "宮崎県都城市"


def test_ask_declines_with_status_0(folder: str, capfd: pytest.CaptureFixture[str]) -> None:
    [row] = _json(capfd, "ask", "明日の東京の天気は？", "--index", folder, "--json")
    assert row["answered"] is False


def test_ask_with_history_and_filter(folder: str, capfd: pytest.CaptureFixture[str]) -> None:
    arguments = [
        "ask",
        "その財源は？",
        "--history",
        "酒田市の外部人材",
        "--index",
        folder,
        "--json",
    ]
    [row] = _json(capfd, *arguments)
    assert "特別交付税" in str(row["text"])
    arguments = ["search", "推進本部", "--filter", "kind=町", "--index", folder, "--json"]
    [row] = _json(capfd, *arguments)
    hits = row["hits"]
    assert isinstance(hits, list)
    assert all(hit["municipality"].endswith("町") for hit in hits)


def test_batch(folder: str, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    rows = [
        {"id": "x1", "question": "横浜市の担当課の電話番号は？", "history": []},
        {"question": "そこの人口は？", "history": ["神戸市の体制は？"]},
    ]
    path = tmp_path / "questions.jsonl"
    path.write_text("\n".join(json.dumps(row, ensure_ascii=False) for row in rows), "utf-8")
    first, second = _json(capfd, "ask", "--batch", str(path), "--index", folder, "--json")
    assert first["id"] == "x1"
    assert "id" not in second
    assert "151.8万人" in str(second["text"])


def test_plain_output_shows_the_evidence(folder: str, capfd: pytest.CaptureFixture[str]) -> None:
    assert main(["ask", "酒田市の電話番号", "--index", folder]) == 0
    out = capfd.readouterr().out
    assert "0234-43-8336" in out
    assert "根拠:" in out
    assert "cases/sakata.md" in out


def test_formats_and_files(folder: str, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    ask = ["ask", "都城市と酒田市の体制と財源を比べて", "--index", folder]
    assert main([*ask, "--format", "markdown"]) == 0
    assert "| 自治体 | 体制 | 財源 |\n" in capfd.readouterr().out
    path = tmp_path / "answer.csv"
    assert main([*ask, "--output", str(path)]) == 0
    output = capfd.readouterr()
    assert output.out == ""
    assert "保存しました" in output.err
    assert path.read_bytes().startswith("\ufeff自治体,体制,財源,出典\r\n".encode())
    assert main([*ask, "--output", str(path), "--json"]) == 1
    assert "--force" in capfd.readouterr().err
    assert main([*ask, "--output", str(path), "--json", "--force"]) == 0
    assert set(json.loads(path.read_text("utf-8"))) == ASK


def test_build_twice_does_nothing_the_second_time(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "c").mkdir()
    (tmp_path / "c" / "a.md").write_text("# 題\n\n本文である。\n", "utf-8")
    (tmp_path / "c" / "b.png").write_bytes(b"x")
    arguments = ["build", "--corpus", str(tmp_path / "c"), "--index", str(tmp_path / "i")]
    assert main(arguments) == 0
    output = capfd.readouterr()
    assert "文書 1" in output.out
    assert "b.png" in output.err  # nothing is dropped in silence
    assert main(arguments) == 0
    assert "変更はありませんでした" in capfd.readouterr().out
    assert main([*arguments, "--force"]) == 0
    assert "再利用 0" in capfd.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["ask", "質問", "--index", "/nowhere"], "dxqa build"),
        (["build", "--corpus", "/nowhere"], "--corpus"),
        (["ask", "--batch", "/nowhere.jsonl"], "質問ファイル"),
        (["ask", "質問", "--output", "/nowhere/a.md"], "フォルダ"),
        (["ask", "質問", "--output", "a.pdf"], "--format"),
    ],
)
def test_errors_are_status_1(
    arguments: list[str], message: str, capfd: pytest.CaptureFixture[str]
) -> None:
    assert main(arguments) == 1
    output = capfd.readouterr()
    assert output.out == ""
    assert message in output.err


def test_a_bad_line_in_a_question_file_is_named(
    folder: str, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "q.jsonl"
    path.write_text('{"question": "よい"}\n{"q": 1}\n', "utf-8")
    assert main(["ask", "--batch", str(path), "--index", folder, "--json"]) == 1
    assert "2 行目" in capfd.readouterr().err


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["ask"],
        ["ask", "x", "--batch", "y"],
        ["ask", "x", "--format", "pdf"],
        ["ask", "x", "--json", "--format", "csv"],
        ["ask", "--batch", "y", "--output", "z.md"],
        ["nothing"],
        ["search", "x", "--filter", "y"],
    ],
)
def test_wrong_usage_is_status_2(arguments: list[str], folder: str) -> None:
    with pytest.raises(SystemExit) as raised:
        main([*arguments, "--index", folder] if arguments[:1] == ["search"] else arguments)
    assert raised.value.code == 2


def test_stdout_is_utf8_json_only_in_a_bare_environment(folder: str) -> None:
    command = [
        sys.executable,
        "-m",
        "dxqa.cli",
        "ask",
        "酒田市の人口は？",
        "--index",
        folder,
        "--json",
    ]
    done = subprocess.run(
        command,
        capture_output=True,
        check=True,
        env={"LC_ALL": "C", "PATH": "/usr/bin:/bin", "HOME": "/root"},
    )
    [line] = done.stdout.decode("utf-8").splitlines()
    assert "9.9万人" in json.loads(line)["text"]


def test_evaluate(folder: str, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    rows = [
        {"id": "1", "type": "fact", "question": "福島県の派遣の満足度は？", "cases": ["福島県"],
         "chapters": [], "must": [["95%"]], "answerable": True, "history": []},
        {"id": "2", "type": "off_topic", "question": "今日の夕食は？", "cases": [], "chapters": [],
         "must": [], "answerable": False, "history": []},
    ]  # fmt: skip
    path = tmp_path / "q.jsonl"
    path.write_text("\n".join(json.dumps(r) for r in rows), "utf-8")
    [report] = _json(capfd, "evaluate", str(path), "--index", folder, "--json")
    by_type = report["by_type"]
    assert isinstance(by_type, dict)
    assert by_type["fact"]["hit1"] == by_type["fact"]["must"] == 1
    assert by_type["off_topic"]["answered"] == 0
    assert main(["evaluate", str(path), "--index", folder, "--failures"]) == 0
    assert "hit@1" in capfd.readouterr().out


def test_corpus_default_is_in_the_repository() -> None:
    assert CORPUS.is_dir()
