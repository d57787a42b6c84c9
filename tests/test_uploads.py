"""Documents through the page: taken in whole, below one folder, never over another."""

from pathlib import Path

import pytest
from reportlab.pdfgen.canvas import Canvas

from dxqa.errors import CorpusError
from dxqa.readers import read_corpus
from dxqa.types import Document
from dxqa.web.admin import Rights
from dxqa.web.options import ServeOptions
from dxqa.web.passwords import PasswordHash
from dxqa.web.uploads import LARGEST_BYTES, Uploads

TEXT = "# 題\n\n本文である。\n"


@pytest.fixture
def uploads(tmp_path: Path) -> Uploads:
    return Uploads(tmp_path / "corpus")


@pytest.fixture
def source(tmp_path: Path) -> Path:
    path = tmp_path / "source.md"
    path.write_text(TEXT, "utf-8")
    return path


def test_an_upload_is_part_of_the_corpus(uploads: Uploads, source: Path) -> None:
    assert uploads.add(source, "新しい 事例.md") == "新しい 事例.md"
    [document] = read_corpus(uploads.corpus).documents
    assert document.doc_id == "uploads/新しい 事例.md"
    assert document.text == TEXT


@pytest.mark.parametrize(
    "name",
    ["../../etc/a.md", "..\\..\\a.md", "/etc/a.md", "C:\\temp\\a.md", "a/../../a.md"],
)
def test_a_path_is_only_a_name(uploads: Uploads, source: Path, name: str) -> None:
    assert uploads.add(source, name) == "a.md"
    assert [path.name for path in uploads.folder.iterdir()] == ["a.md"]
    assert {path.name for path in uploads.corpus.parent.iterdir()} == {"corpus", "source.md"}


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("", "名前"),
        ("..", "名前"),
        (".hidden.md", "名前"),
        ("a\n.md", "名前"),
        ("a\u202e.md", "名前"),
        ("a:b.md", "名前"),
        ("長" * 100 + ".md", "長すぎます"),
        ("a.pptx", "形式"),
        ("a.md.exe", "形式"),
        ("a", "形式"),
    ],
)
def test_other_names_are_refused(uploads: Uploads, source: Path, name: str, message: str) -> None:
    with pytest.raises(CorpusError, match=message):
        uploads.add(source, name)
    assert uploads.names() == []


def test_nothing_is_overwritten(uploads: Uploads, source: Path) -> None:
    uploads.add(source, "が.md")
    source.write_text("# 別\n\n別の本文。\n", "utf-8")
    with pytest.raises(CorpusError, match="同じ名前"):
        uploads.add(source, "か\u3099.md")  # the same name, spelt with a combining mark
    assert (uploads.folder / "が.md").read_text("utf-8") == TEXT


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "空"),
        (b"\x00\xff\xfe\x00\x81" * 9, "文字コード"),
        (b"---\na: [\n---\nx", "front|メタデータ|YAML"),
        (b"x" * (LARGEST_BYTES + 1), "大きすぎます"),
    ],
)
def test_what_cannot_be_read_is_refused(
    uploads: Uploads, source: Path, data: bytes, message: str
) -> None:
    source.write_bytes(data)
    with pytest.raises(CorpusError, match=message):
        uploads.add(source, "a.md")
    assert not uploads.folder.exists() or not list(uploads.folder.iterdir())


def test_a_folder_that_cannot_be_made_is_explained(tmp_path: Path, source: Path) -> None:
    (tmp_path / "file").write_text("x")
    with pytest.raises(CorpusError, match="保存できません"):
        Uploads(tmp_path / "file").add(source, "a.md")


def test_only_uploads_are_removed(uploads: Uploads, source: Path) -> None:
    uploads.add(source, "a.md")
    kept = uploads.corpus / "b.md"
    kept.write_text(TEXT, "utf-8")
    for name in ("../b.md", str(kept), "b.md", ""):
        with pytest.raises(CorpusError, match="ありません"):
            uploads.remove(name)
    uploads.remove("a.md")
    assert uploads.names() == []
    assert kept.exists()


def test_what_the_index_does_not_know_yet(uploads: Uploads, source: Path) -> None:
    def held(name: str, text: str) -> tuple[str, Document]:
        return f"uploads/{name}", Document(f"uploads/{name}", name, text)

    uploads.add(source, "same.md")
    uploads.add(source, "new.md")
    uploads.add(source, "changed.md")
    indexed = dict([held("same.md", TEXT), held("changed.md", "古い"), held("gone.md", TEXT)])
    assert uploads.pending(indexed) == ["追加：new.md", "変更：changed.md", "削除：gone.md"]
    assert uploads.pending({}) == ["追加：changed.md", "追加：new.md", "追加：same.md"]


def test_uploads_of_other_formats(uploads: Uploads, tmp_path: Path) -> None:
    lines, scan = tmp_path / "a.jsonl", tmp_path / "b.pdf"
    lines.write_text('{"text": "一。"}\n{"text": "二。"}\n', "utf-8")
    canvas = Canvas(str(scan))
    canvas.rect(10, 10, 99, 99, fill=1)
    canvas.save()
    uploads.add(lines, "a.jsonl")
    with pytest.raises(CorpusError, match=r"b\.pdf: .*画像だけの PDF.*OCR"):
        uploads.add(scan, "b.pdf")
    assert uploads.pending({}) == ["追加：a.jsonl"]
    indexed = {d.doc_id: d for d in read_corpus(uploads.corpus).documents}
    assert list(indexed) == ["uploads/a.jsonl#1行目", "uploads/a.jsonl#2行目"]
    assert uploads.pending(indexed) == []
    (uploads.folder / "a.jsonl").write_text('{"text": "三。"}\n', "utf-8")
    assert uploads.pending(indexed) == ["変更：a.jsonl"]
    uploads.remove("a.jsonl")
    assert uploads.pending(indexed) == ["削除：a.jsonl"]


@pytest.mark.parametrize(
    ("password", "read_only", "unlocked", "change", "read"),
    [
        (False, False, False, True, True),
        (False, True, False, False, False),
        (True, False, False, False, False),
        (True, False, True, True, True),
        (True, True, False, False, False),
        (True, True, True, False, True),
    ],
)
def test_rights(  # noqa: PLR0913 - a truth table
    tmp_path: Path, *, password: bool, read_only: bool, unlocked: bool, change: bool, read: bool
) -> None:
    path = tmp_path / "admin"
    path.write_text(str(PasswordHash.of("x")), "utf-8")
    rights = Rights(ServeOptions(admin_password=path if password else None, read_only=read_only))
    assert rights.may_change(unlocked=unlocked) == change
    assert rights.may_read_feedback(unlocked=unlocked) == read
