"""Files made to fill the memory, to keep a reader busy or to lead it astray: refused by name.

``python -m tests.bombs`` tells of each what reading it takes; tests/heavy reads all of them.
"""

import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from dxqa import Index
from dxqa.cli import main
from dxqa.errors import CorpusError
from dxqa.passages import split_passages
from dxqa.readers import apart, read_corpus
from dxqa.visible import visible
from dxqa.web.uploads import LARGEST_BYTES, Uploads
from tests import bombs
from tests.conftest import HashEncoder

REFUSED = {
    "laughs.md": "別名",
    "merged.md": "別名",
    "large.md": "長すぎ",
    "deep-yaml.md": "YAML として読めません",
    "number.md": "長すぎ",
    "date.md": "YAML として読めません",
    "tag-python.md": "YAML として読めません",
    "tag-module.md": "YAML として読めません",
    "tag-new.md": "YAML として読めません",
    "tag-local.md": "YAML として読めません",
    "long-line.md": "改行のない部分",
    "long-line.txt": "改行のない部分",
    "long-line.csv": "行目",
    "long-line.jsonl": "1 行が長すぎます",
    "deep.jsonl": "JSON",
    "digits.jsonl": "JSON",
    "keys.jsonl": "メタデータが多すぎます",
    "header.csv": "文字が多すぎます",
    "deep.html": "入れ子",
    "cells.html": "表が大きすぎます",
    "xml.docx": "展開すると",
    "deep.docx": "壊れて",
    "parts.docx": "中のファイルが多すぎます",
    "lying.docx": "壊れて",
    "overlapping.docx": "展開すると",
    "entities.docx": "DOCTYPE",
    "external.docx": "DOCTYPE",
    "external.xlsx": "DOCTYPE",
    "entities.xlsx": "DOCTYPE",
    "far.xlsx": "大きすぎます",
    "wide.xlsx": "大きすぎます",
    "cells.xlsx": "細かすぎます",
    "strings.xlsx": "細かすぎます",
    "elements.docx": "細かすぎます",
    "pages.pdf": "PDF",
    "loop.pdf": "PDF",
}
"""File to what its reason says."""

READ = {"brackets.md", "quotes.md", "lists.md", "nested.pdf", "huge-page.pdf", "tag-binary.md"}
"""Odd files that hold a document all the same."""


def test_bombs_are_refused_by_name_in_bounded_memory_and_the_rest_is_built(tmp_path: Path) -> None:
    corpus = tmp_path / "corpus"
    corpus.mkdir()
    for path in bombs.made(corpus, [*REFUSED, *READ]):
        assert path.stat().st_size < LARGEST_BYTES or path.name.startswith("long-line"), path
    (corpus / "good.md").write_text("# 題\n\n窓口を予約制にした。\n", "utf-8")
    told = json.loads(_apart(_READ_ALL, str(corpus)).stdout)
    assert set(told["read"]) == {*READ, "good.md"}
    assert set(told["skipped"]) == set(REFUSED)
    wrong = {name: told["skipped"][name] for name, why in REFUSED.items()
             if why not in told["skipped"][name]}  # fmt: skip
    assert wrong == {}
    assert told["megabytes"] < 800
    assert not Path("pwned").exists()


_READ_ALL = """
import json, resource, sys
resource.setrlimit(resource.RLIMIT_AS, (3 * 2**30,) * 2)
from dxqa.readers import read_corpus
found = read_corpus(sys.argv[1])
most = int(open("/proc/self/status").read().partition("VmHWM:")[2].split()[0])
told = {s.path.name: s.reason for s in found.skipped}
read = [d.doc_id for d in found.documents]
print(json.dumps({"skipped": told, "read": read, "megabytes": most / 1024}))
"""


def _apart(code: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run code in a process of its own, whose memory is its own too."""
    return subprocess.run(
        [sys.executable, "-c", code, *arguments],
        capture_output=True,
        text=True,
        check=True,
        timeout=300,
    )


@pytest.fixture
def other(monkeypatch: pytest.MonkeyPatch) -> Iterator[apart._Other]:
    """A reading process of this test alone."""
    made = apart._Other()
    monkeypatch.setattr(apart, "_OTHER", made)
    yield made
    made._end()


def good(path: Path) -> Path:
    path.write_text("<p>窓口を予約制にした。</p>", "utf-8")
    return path


@pytest.mark.usefixtures("other")
def test_reading_that_takes_too_long_is_given_up_and_the_next_file_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    list(bombs.made(tmp_path, ["attributes.html", "forms.pdf"]))
    good(tmp_path / "good.html")
    monkeypatch.setattr(apart, "LONGEST_S", 1.5)
    found = read_corpus(tmp_path)
    told = {s.path.name: s.reason for s in found.skipped}
    assert set(told) == {"attributes.html", "forms.pdf"}
    assert all("時間" in reason for reason in told.values())
    assert [d.text for d in found.documents] == ["窓口を予約制にした。\n"]


@pytest.mark.usefixtures("other")
def test_reading_that_takes_too_much_memory_or_crashes_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lines = {
        "pypdfium2": "import ctypes; ctypes.string_at(0)",  # a crash as a library's own
        "selectolax": "held = bytearray(8 * 2**30)",
    }
    for module, line in lines.items():
        (tmp_path / f"{module}.py").write_text(line, "utf-8")
    monkeypatch.syspath_prepend(tmp_path)
    corpus = tmp_path / "corpus"
    corpus.mkdir()
    list(bombs.made(corpus, ["loop.pdf"]))
    good(corpus / "a.html")
    (corpus / "good.md").write_text("窓口を予約制にした。\n", "utf-8")
    found = read_corpus(corpus)
    told = {s.path.name: s.reason for s in found.skipped}
    assert "途中で止まりました" in told["loop.pdf"]
    assert "メモリが足りません" in told["a.html"]
    assert len(found.documents) == 1


def test_the_reading_process_is_kept_retired_and_started_again(
    other: apart._Other, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = good(tmp_path / "a.html")
    apart.read(path)
    first = other._process
    apart.read(path)
    assert first is not None
    assert other._process is first
    first.kill()  # as the kernel does where memory is short
    first.wait()
    monkeypatch.setattr(apart, "_IDLE_S", 0.05)
    assert apart.read(path).extracts
    deadline = time.monotonic() + 10
    while other._process is not None and time.monotonic() < deadline:
        time.sleep(0.02)
    assert other._process is None
    assert apart.read(path).extracts


def test_the_reading_process_ends_with_its_parent(tmp_path: Path) -> None:
    path = good(tmp_path / "a.html")
    code = (
        "import os, signal, sys\nfrom pathlib import Path\nfrom dxqa.readers import apart\n"
        "apart.read(Path(sys.argv[1]))\nprint(apart._OTHER._process.pid, flush=True)\n"
        "os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(path)], capture_output=True, text=True, check=False
    )
    child = int(done.stdout)
    deadline = time.monotonic() + 10
    while _alive(child) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not _alive(child)


def _alive(pid: int) -> bool:
    try:
        return "\nState:\tZ" not in Path(f"/proc/{pid}/status").read_text("utf-8")
    except OSError:
        return False


@pytest.mark.usefixtures("other")
def test_two_threads_read_one_after_the_other(tmp_path: Path) -> None:
    paths = [good(tmp_path / f"{n}.html") for n in range(6)]
    read: list[str] = []
    threads = [
        threading.Thread(target=lambda p=path: read.append(apart.read(p).extracts[0].text))
        for path in paths
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert read == ["窓口を予約制にした。\n"] * 6


# Links, paths, and what is no file


def test_a_sidecar_that_is_a_link_out_of_the_corpus_is_not_read(tmp_path: Path) -> None:
    (tmp_path / "secret.yaml").write_text("title: 秘密\n", "utf-8")
    corpus = tmp_path / "corpus"
    corpus.mkdir()
    (corpus / "a.md").write_text("# 題\n\n本文。\n", "utf-8")
    (corpus / "a.md.yaml").symlink_to(tmp_path / "secret.yaml")
    for root in (corpus, corpus / "a.md"):
        found = read_corpus(root)
        assert [d.title for d in found.documents] == ["題"]
        assert (
            "フォルダの外へのリンク" in {s.path.name: s.reason for s in found.skipped}["a.md.yaml"]
        )
    (corpus / "a.md.yaml").unlink()
    os.mkfifo(corpus / "a.md.yaml")
    assert [s.path.name for s in read_corpus(corpus).skipped] == ["a.md.yaml"]


def test_a_corpus_that_is_a_link_itself_is_read(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "real/a.md").write_text("本文。\n", "utf-8")
    (tmp_path / "corpus").symlink_to(tmp_path / "real")
    assert [d.doc_id for d in read_corpus(tmp_path / "corpus").documents] == ["a.md"]


def test_names_that_are_no_text_and_control_a_terminal(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    corpus = tmp_path / "corpus"
    corpus.mkdir()
    names = [
        b"\xff.md",
        b"\x1b]0;pwned\x07.md",
        "甲\u202egnp.md".encode(),
        b"a\nb.md",
        b"c.xyz\x1b[",
    ]
    for name in names:
        Path(os.fsdecode(os.fsencode(corpus) + b"/" + name)).write_text("本文である。\n", "utf-8")
    index = Index.build(corpus, encoder=HashEncoder())
    index.save(tmp_path / "index")
    loaded = Index.load(tmp_path / "index", encoder=HashEncoder())
    assert len(loaded.store.documents) == 4
    told = loaded.ask("本文は？").to_markdown() + "".join(map(str, loaded.search("本文は？")))
    assert told
    assert main(["build", "--corpus", str(tmp_path / "no\x1b[2Jne")]) == 1
    shown = capsys.readouterr()
    assert "\x1b" not in shown.out + shown.err
    assert "⟨U+001B⟩" in shown.err


def test_an_upload_writes_through_no_link(tmp_path: Path) -> None:
    source = tmp_path / "source.txt"
    source.write_text("本文である。\n", "utf-8")
    victim = tmp_path / "victim"
    victim.write_text("大事なもの", "utf-8")
    outside = tmp_path / "outside"
    outside.mkdir()
    corpus = tmp_path / "corpus"
    (corpus / "uploads").mkdir(parents=True)
    (corpus / "uploads/.a.txt").symlink_to(victim)
    Uploads(corpus).add(source, "a.txt")
    assert victim.read_text("utf-8") == "大事なもの"
    assert not (corpus / "uploads/a.txt").is_symlink()
    (tmp_path / "other").mkdir()
    (tmp_path / "other/uploads").symlink_to(outside)
    with pytest.raises(CorpusError, match="リンク"):
        Uploads(tmp_path / "other").add(source, "a.txt")
    assert not list(outside.iterdir())


# What cannot be seen

UNSEEN = "令和\u202e6\u202c年\u200b度の\U000e0041予算は、\u2066三\u2069億円である。"


def test_what_cannot_be_seen_stays_in_quotes_and_is_shown_to_readers(tmp_path: Path) -> None:
    (tmp_path / "a.md").write_text(f"# 予算\n\n{UNSEEN}\n", "utf-8")
    [document] = read_corpus(tmp_path).documents
    [passage] = split_passages(document)
    assert passage.text == UNSEEN
    answer = Index.build(tmp_path, encoder=HashEncoder()).ask("令和6年度の予算は？")
    for citation in answer.citations:
        assert document.text[citation.start : citation.end] == citation.quote
    shown = visible(UNSEEN)
    assert shown == (
        "令和⟨U+202E⟩6⟨U+202C⟩年⟨U+200B⟩度の⟨U+E0041⟩予算は、⟨U+2066⟩三⟨U+2069⟩億円である。"
    )
    assert json.loads(answer.to_json())["question"] == "令和6年度の予算は？"


@pytest.mark.parametrize(
    "text",
    [
        "葛\U000e0100城市",
        "👨\u200d👩\u200d👧",
        "が\u3099",
        "❤\ufe0f\u200d🔥",
        "改\n行\tと\r\n",
        "全　角",
    ],
)
def test_what_japanese_needs_is_left_as_it_is(text: str) -> None:
    assert visible(text) == text


@pytest.mark.parametrize("text", ["宮\u200d崎", "\x1b[31m", "\x00", "\u3164", "a\u00adb", "\ud800"])
def test_other_characters_that_cannot_be_seen_are_shown(text: str) -> None:
    assert "⟨U+" in visible(text)
