"""Bytes into every reader, then into passages."""

import io
import json
import math
import tempfile
import zipfile
from collections.abc import Callable
from functools import cache, partial
from pathlib import Path

import docx
import openpyxl
from reportlab.pdfgen.canvas import Canvas

from dxqa.passages import split_passages
from dxqa.readers.corpus import read_file
from dxqa.types import Document
from tests.fuzz.target import Target

_TEXTS = {
    ".md": "---\ntitle: 題\npopulation: 4800\nday: 2024-01-02\n---\n# 見出し\n本文です。\n\n"
    "## 【福島県】\n- 一\n",
    ".txt": "題\n\n目次\n\n1. 一章\n2. 二章\n\n一章\n\n取組【宮崎県都城市】\n\n本文です。\n\n"
    "参考: あ\n\n"
    "自治体 人口 電話\n宮崎県都城市 16万人 0986-23-1111 課\n",
    ".html": "<meta charset=utf-8><title>題</title><main><h1>見出し</h1><p>本文。"
    "<ruby>字<rt>じ</rt></ruby>"
    "<table><tr><th>名<th>値<tr><td rowspan=2>あ<td colspan=3>い</table><ul><li>項",
    ".csv": '自治体,人口,電話\n宮崎県都城市,"16万人\nほど",0986-23-1111\n',
    ".tsv": "自治体\t人口\n宮崎県都城市\t160640\n",
    ".jsonl": '{"id": 1, "title": "題", "text": "本文です。", "metadata": {"population": 4800}}\n'
    '{"text": "二行目\\ud83d"}\n',
}


@cache
def _folder() -> Path:
    return Path(tempfile.mkdtemp(prefix="dxqa-fuzz-"))


def check_file(suffix: str, data: bytes) -> None:
    """Read bytes as a file of this suffix, and split what it says."""
    path = _folder() / f"a{suffix}"
    path.write_bytes(data)
    for document in read_file(path, _folder()).documents:
        check_document(document)


def check_document(document: Document) -> None:
    """Every passage and sentence stands where it says; metadata are what JSON can hold."""
    text = document.text
    for told in (text, document.title, document.doc_id):
        told.encode("utf-8")
    for value in document.metadata.values():
        _check_value(value)
    for passage in split_passages(document):
        assert text[passage.start : passage.end] == passage.text != ""
        spans = [passage.start, *(at for span in passage.sentences for at in span), passage.end]
        assert spans == sorted(spans)
        assert passage.sentences
        for value in passage.metadata.values():
            _check_value(value)


def _check_value(value: object) -> None:
    assert isinstance(value, str | int | float | bool)
    assert isinstance(value, str) or math.isfinite(value)
    json.dumps(value).encode("utf-8")


def check_sidecar(suffix: str, data: bytes) -> None:
    (_folder() / "b.txt").write_bytes("本文です。\n".encode())
    beside = _folder() / f"b.txt{suffix}"
    beside.write_bytes(data)
    try:
        (document,) = read_file(_folder() / "b.txt", _folder()).documents
        check_document(document)
    finally:
        beside.unlink()


def check_member(suffix: str, member: str, data: bytes) -> None:
    """Put bytes in the place of one file within a sound Office file."""
    written = io.BytesIO()
    with (
        zipfile.ZipFile(io.BytesIO(_office(suffix))) as sound,
        zipfile.ZipFile(written, "w") as archive,
    ):
        for info in sound.infolist():
            if info.filename != member:
                archive.writestr(info.filename, sound.read(info))
        archive.writestr(member, data)
    check_file(suffix, written.getvalue())


@cache
def _office(suffix: str) -> bytes:
    written = io.BytesIO()
    if suffix == ".docx":
        document = docx.Document()
        document.add_heading("見出し", 1)
        document.add_paragraph("本文です。")
        cell = document.add_table(2, 2).cell(0, 0)
        cell.text = "名"
        document.save(written)
    elif suffix == ".xlsx":
        book = openpyxl.Workbook()
        sheet = book.worksheets[0]
        for row in (["自治体", "人口"], ["宮崎県都城市", 160640], ["=A1", 0.5]):
            sheet.append(row)
        sheet.merge_cells("A4:B5")
        book.save(written)
    else:
        canvas = Canvas(written, pageCompression=0)
        canvas.drawString(72, 700, "Population 160640")
        canvas.showPage()
        canvas.drawString(72, 700, "Page 2")
        canvas.save()
    return written.getvalue()


def _member(suffix: str, member: str) -> list[bytes]:
    with zipfile.ZipFile(io.BytesIO(_office(suffix))) as sound:
        return [sound.read(member)]


def _texts(suffix: str) -> list[bytes]:
    text = _TEXTS[suffix]
    return [text.encode(), text.encode("cp932", "replace"), text.encode("utf-16")]


def _file(suffix: str, seeds: Callable[[], list[bytes]], largest: int = 4096) -> Target:
    return Target(f"read{suffix}", partial(check_file, suffix), seeds, largest)


_SHEET, _BOOK, _WORDS = "xl/worksheets/sheet1.xml", "xl/workbook.xml", "word/document.xml"

TARGETS = (
    *(_file(suffix, partial(_texts, suffix)) for suffix in _TEXTS),
    _file(".pdf", lambda: [_office(".pdf")], 8192),
    _file(".docx", lambda: [_office(".docx")], 65536),
    _file(".xlsx", lambda: [_office(".xlsx")], 16384),
    *(
        Target(
            f"read{suffix}:{Path(member).stem}",
            partial(check_member, suffix, member),
            partial(_member, suffix, member),
            8192,
        )
        for suffix, member in ((".docx", _WORDS), (".xlsx", _SHEET), (".xlsx", _BOOK))
    ),
    Target(
        "sidecar.yaml",
        partial(check_sidecar, ".yaml"),
        lambda: [b"title: a\npopulation: .nan\nday: 2024-01-02\nn: {a: [1, 2]}\n"],
    ),
    Target(
        "sidecar.json",
        partial(check_sidecar, ".json"),
        lambda: [b'{"title": "a", "population": 1e400, "n": {"a": [1]}, "t": true}'],
    ),
)
