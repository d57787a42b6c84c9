"""Files to documents, documents to sections."""

from pathlib import Path

import pytest

from dxqa.errors import CorpusError
from dxqa.readers import outline, read_corpus
from dxqa.types import Document

PAGE = """町の取り組み集

町の取り組み集

投稿者:

はじめの段落です。二つ目の文です。

目次
  1. 基本の考え方
  2. 事例

基本の考え方

握手の写真

考え方の本文です。

事例

「みんなで学ぶ」講座 【長野県川上村】

高原の畑

川上村は講座を開いた。

参考:講座の記録【長野県川上村】

窓口を一つに 【⼤阪府豊中市】

豊中市は窓口をまとめた。

以下は担当の一覧です。

事例 人口 担当課

⼤阪府豊中市 40.1万⼈ 市民部市民課

Tel:06-0000-0000

岐阜県川上村 0.4万人 企画課
"""


def _document(text: str, name: str = "page.txt") -> Document:
    return Document(name, "町の取り組み集", text, name)


def test_plain_text_headings_come_from_contents_and_case_marks() -> None:
    document = _document(PAGE)
    sections = outline(document).sections
    assert [s.heading_path[1:] for s in sections] == [
        (),
        ("基本の考え方",),
        ("事例", "「みんなで学ぶ」講座 【長野県川上村】"),
        ("事例", "窓口を一つに 【⼤阪府豊中市】"),
        ("事例", "事例 人口 担当課"),
        ("事例", "事例 人口 担当課"),
    ]
    bodies = [document.text[s.start : s.end] for s in sections]
    assert bodies[:4] == [
        "はじめの段落です。二つ目の文です。",
        "考え方の本文です。",
        "川上村は講座を開いた。",
        "豊中市は窓口をまとめた。",
    ]


def test_plain_text_captions_contents_and_references_are_no_prose() -> None:
    document = _document(PAGE)
    ignored = [document.text[a:b] for a, b in outline(document).ignored]
    for line in ("握手の写真", "高原の畑", "投稿者:", "参考:講座の記録【長野県川上村】"):
        assert line in ignored
    assert any(text.startswith("目次") for text in ignored)


def test_table_rows_are_tied_to_the_places_of_the_headings() -> None:
    sections = outline(_document(PAGE)).sections
    toyonaka, kawakami = sections[-2:]
    assert toyonaka.atomic
    assert toyonaka.metadata["municipality"] == "大阪府豊中市"
    assert toyonaka.metadata["population"] == 401_000
    assert toyonaka.metadata["tel"] == "06-0000-0000"
    assert toyonaka.metadata["department"] == "市民部市民課"
    # The heading says 長野県: the row's 岐阜県 is the table's slip.
    assert kawakami.metadata["municipality"] == "長野県川上村"
    # What the table knows of a place, its case knows too.
    case = next(s for s in sections if "豊中市" in str(s.heading_path) and not s.atomic)
    assert case.metadata["population"] == 401_000


def test_plain_text_without_headings_is_one_section() -> None:
    text = "一つの段落だけの文書です。\n次の行です。"
    sections = outline(_document(text)).sections
    assert [(s.start, s.end) for s in sections] == [(0, len(text))]


def test_short_lone_lines_are_headings_where_there_is_no_contents_list() -> None:
    text = "手引き\n\n目的\n\n目的の本文です。\n\n方法\n\n方法の本文です。\n"
    sections = outline(Document("a.txt", "手引き", text, "a.txt")).sections
    assert [s.heading_path for s in sections] == [("手引き", "目的"), ("手引き", "方法")]


def test_markdown_front_matter_and_nested_headings(tmp_path: Path) -> None:
    (tmp_path / "a.md").write_text(
        "---\ntitle: 題\npopulation: 1200\ntags: [あ, い]\n---\n前書き。\n\n"
        "# 大\n\n## 中\n\n本文。\n\n```\n# 見出しではない\n```\n\n# 次\n\n別の本文。\n",
        "utf-8",
    )
    document = read_corpus(tmp_path).documents[0]
    assert document.title == "題"
    assert document.metadata == {"title": "題", "population": 1200, "tags": "あ、い"}
    sections = outline(document).sections
    assert [s.heading_path for s in sections] == [("題",), ("題", "大", "中"), ("題", "次")]
    assert "# 見出しではない" in document.text[sections[1].start : sections[1].end]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "cp932", "euc_jp"])
def test_encodings_are_detected(tmp_path: Path, encoding: str) -> None:
    text = "町の取り組みを紹介する文書です。役場の職員が窓口の手続きを見直しました。\n" * 5
    (tmp_path / "a.txt").write_bytes(text.encode(encoding))
    assert read_corpus(tmp_path).documents[0].text == text


def test_line_breaks_stay_as_they_are(tmp_path: Path) -> None:
    (tmp_path / "a.md").write_bytes("# 題\r\n\r\n本文。\r\n".encode())
    document = read_corpus(tmp_path).documents[0]
    section = outline(document).sections[0]
    assert "\r\n" in document.text
    assert document.text[section.start : section.end].strip() == "本文。"


def test_unreadable_files_are_reported_and_the_rest_is_read(tmp_path: Path) -> None:
    (tmp_path / "good.md").write_text("# よい\n\n本文。\n", "utf-8")
    (tmp_path / "bad.md").write_text("---\na: [1\n---\n本文。\n", "utf-8")
    (tmp_path / "empty.txt").write_text("", "utf-8")
    (tmp_path / "photo.png").write_bytes(b"\x89PNG\0\0")
    (tmp_path / "binary.txt").write_bytes(bytes(range(256)) * 4)
    corpus = read_corpus(tmp_path)
    assert [d.doc_id for d in corpus.documents] == ["good.md"]
    reasons = {s.path.name: s.reason for s in corpus.skipped}
    assert set(reasons) == {"bad.md", "empty.txt", "photo.png", "binary.txt"}
    assert "YAML" in reasons["bad.md"]
    assert "空" in reasons["empty.txt"]
    assert ".png" in reasons["photo.png"]


def test_a_missing_or_useless_folder_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(CorpusError, match="--corpus"):
        read_corpus(tmp_path / "nowhere")
    (tmp_path / "photo.png").write_bytes(b"\x89PNG")
    with pytest.raises(CorpusError, match=r"photo\.png"):
        read_corpus(tmp_path)
