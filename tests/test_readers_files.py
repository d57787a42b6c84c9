"""Files of a folder: encodings, sidecar files, links, and the round trip of generated documents."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from dxqa.errors import CorpusError
from dxqa.readers import corpus_files, read_corpus
from dxqa.readers.encoding import decode
from tests.conftest import ROOT

ENCODINGS = ["utf-8", "utf-8-sig", "cp932", "euc_jp", "iso2022_jp", "utf-16"]
SHORT = [
    "南",
    "埼玉県",
    "罹災証明書",
    "氏名,住所,電話",
    "粟島浦村",
    "カタカナ",
    "１２３",
    "番地・丁目",
]


@pytest.mark.parametrize("encoding", ENCODINGS)
@pytest.mark.parametrize("text", SHORT)
def test_short_texts_are_decoded_right(encoding: str, text: str) -> None:
    assert decode(text.encode(encoding)) == text


@pytest.mark.parametrize("text", ["①㈱髙橋", "山﨑町長が№1と述べた。", "ｽﾏｰﾄﾌｫﾝを配った。"])
def test_characters_of_vendors(text: str) -> None:
    assert decode(text.encode("cp932")) == text


def test_a_declared_encoding_is_heeded_where_it_fits() -> None:
    assert decode("憂慮".encode("euc_jp"), "EUC-JP") == "憂慮"
    assert decode("町の窓口。".encode(), "Shift_JIS") == "町の窓口。"
    assert decode("町の窓口。".encode("cp932"), "no-such-encoding") == "町の窓口。"


@pytest.mark.parametrize(
    "data", [b"\x89PNG\r\n\x1a\n\0\0", bytes(range(256)), b"\xff\xfe\0", b"\x80\xff"]
)
def test_what_is_no_text_is_refused(data: bytes) -> None:
    with pytest.raises(CorpusError, match="文字コード"):
        decode(data)


def test_sidecar_files_tell_metadata_and_win_over_front_matter(tmp_path: Path) -> None:
    (tmp_path / "a.md").write_text("---\ntitle: 前\nkind: 村\nx: 1\n---\n本文。\n", "utf-8")
    (tmp_path / "a.md.yaml").write_bytes("title: 後\nmunicipality: 長野県川上村\n".encode("cp932"))
    (tmp_path / "b.csv").write_text("名前,値\n甲,1\n", "utf-8")
    (tmp_path / "b.csv.json").write_text('{"年度": 2024, "無": null, "組": ["あ", "い"]}', "utf-8")
    (tmp_path / "c.jsonl").write_text('{"text": "一。"}\n{"text": "二。", "年度": 1}\n', "utf-8")
    (tmp_path / "c.jsonl.yml").write_text("年度: 2025", "utf-8")
    corpus = read_corpus(tmp_path)
    assert corpus.skipped == ()
    first, *rest = corpus.documents
    assert first.title == "後"
    assert first.metadata == {
        "title": "後",
        "municipality": "長野県川上村",
        "prefecture": "長野県",
        "kind": "村",
        "x": 1,
    }
    assert [d.metadata for d in rest] == [{"年度": 2024, "組": "あ、い"}, *[{"年度": 2025}] * 2]


def test_useless_sidecar_files_are_reported(tmp_path: Path) -> None:
    (tmp_path / "a.md").write_text("本文。\n", "utf-8")
    (tmp_path / "a.md.yaml").write_text("ok: 1\na: [1\n", "utf-8")
    (tmp_path / "a.md.json").write_text("{}", "utf-8")
    (tmp_path / "b.md").write_text("本文。\n", "utf-8")
    (tmp_path / "b.md.yml").write_text("- 1\n", "utf-8")
    (tmp_path / "gone.pdf.yaml").write_text("a: 1\n", "utf-8")
    (tmp_path / "other.yaml").write_text("a: 1\n", "utf-8")
    corpus = read_corpus(tmp_path)
    assert [d.doc_id for d in corpus.documents] == ["a.md", "b.md"]
    told = {s.path.name: s.reason for s in corpus.skipped}
    assert set(told) == {"a.md.yaml", "a.md.json", "b.md.yml", "gone.pdf.yaml", "other.yaml"}
    assert "YAML" in told["a.md.yaml"]
    assert "gone.pdf" in told["gone.pdf.yaml"]


def test_files_that_take_part(tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    (outside / "deep").mkdir(parents=True)
    (outside / "secret.md").write_text("秘密。\n", "utf-8")
    corpus = tmp_path / "corpus"
    (corpus / ".hidden").mkdir(parents=True)
    (corpus / "sub").mkdir()
    for name in ("b.md", "b.md.yaml", "sub/a.png", ".hidden/c.md", ".d.md", "~$e.docx"):
        (corpus / name).write_text("a: 本文。\n", "utf-8")
    (corpus / "in.md").symlink_to(corpus / "b.md")
    (corpus / "out.md").symlink_to(outside / "secret.md")
    (corpus / "outdir").symlink_to(outside)
    (corpus / "loop").symlink_to(corpus)
    (corpus / "broken.md").symlink_to(corpus / "nowhere.md")
    os.mkfifo(corpus / "pipe.md")
    names = [p.relative_to(corpus).as_posix() for p in corpus_files(corpus)]
    assert names == ["b.md", "b.md.yaml", "in.md", "sub/a.png"]
    found = read_corpus(corpus)
    assert [d.doc_id for d in found.documents] == ["b.md", "in.md"]
    skipped = {s.path.name for s in found.skipped}
    assert skipped == {"a.png", "out.md", "outdir", "loop", "broken.md", "pipe.md"}


def test_one_file_brings_its_sidecar_file(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text("名前,値\n甲,1\n", "utf-8")
    (tmp_path / "a.csv.yaml").write_text("title: 題\n", "utf-8")
    assert list(corpus_files(path)) == [path, tmp_path / "a.csv.yaml"]
    [document] = read_corpus(path).documents
    assert (document.doc_id, document.title) == ("a.csv", "題")


def test_importing_dxqa_and_reading_markdown_loads_no_library_of_other_formats() -> None:
    code = (
        "import sys; from dxqa.readers import read_corpus; import dxqa; read_corpus('corpus');"
        "print([m for m in ('selectolax', 'pypdfium2', 'docx', 'openpyxl') if m in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "[]"


@pytest.mark.parametrize("seed", [1, 2])
def test_generated_documents_come_back_whole(seed: int) -> None:
    done = subprocess.run(
        [sys.executable, "benchmarks/roundtrip.py", "--documents", "120", "--seed", str(seed)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "documents 120 + damaged and reported 6;" in done.stdout


def test_a_record_of_json_lines_may_not_leave_its_file(tmp_path: Path) -> None:
    records = [{"id": "../../etc", "text": "本文。"}, {"id": "../../etc", "text": "本文。"}]
    (tmp_path / "a.jsonl").write_text("\n".join(map(json.dumps, records)), "utf-8")
    corpus = read_corpus(tmp_path)
    assert corpus.documents[0].path == str(tmp_path / "a.jsonl")
    assert [s.path.parent for s in corpus.skipped] == [tmp_path]
