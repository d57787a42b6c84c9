"""Every format through read_corpus: what stands in the passages, under which headings."""

import csv
import io
import json
import struct
import zipfile
from pathlib import Path
from typing import Any

import docx
import openpyxl
import pytest
from docx.oxml import parse_xml
from docx.oxml.ns import nsdecls
from reportlab.pdfbase import pdfmetrics
from reportlab.pdfbase.cidfonts import UnicodeCIDFont
from reportlab.pdfgen.canvas import Canvas

from dxqa import Index
from dxqa.errors import CorpusError
from dxqa.passages import split_passages
from dxqa.readers import Corpus, apart, read_corpus
from dxqa.types import Document, Passage
from tests.conftest import HashEncoder

FONT = "HeiseiMin-W3"
pdfmetrics.registerFont(UnicodeCIDFont(FONT))


def only(path: Path) -> tuple[Document, list[Passage]]:
    """The one document of a file, its passages checked."""
    corpus = read_corpus(path)
    assert not corpus.skipped
    [document] = corpus.documents
    passages = split_passages(document)
    for passage in passages:
        assert document.text[passage.start : passage.end] == passage.text
        assert all(passage.start <= a < b <= passage.end for a, b in passage.sentences)
    return document, passages


def shown(passages: list[Passage]) -> list[tuple[tuple[str, ...], str]]:
    return [(p.heading_path[1:], p.text) for p in passages]


def reasons(corpus: Corpus) -> dict[str, str]:
    return {s.path.name: s.reason for s in corpus.skipped}


def pdf(path: Path, pages: list[list[str]], **options: Any) -> Path:  # noqa: ANN401
    canvas = Canvas(str(path), **options)
    for lines in pages:
        canvas.setFont(FONT, 11)
        for number, line in enumerate(lines):
            canvas.drawString(60, 760 - 20 * number, line)
        canvas.showPage()
    canvas.save()
    return path


# HTML


PAGE = """<!DOCTYPE html><html><head><meta charset="utf-8"><title>川上村 | 窓口</title>
<style>p{}</style><script>var a = "<p>台本</p>";</script></head><body>
<header><a href="/">ホーム</a></header><nav>メニュー</nav>
<ol class="breadcrumb"><li>トップ</li></ol><div id="cookie-banner">クッキーに同意</div>
<div class="main"><h1>窓口のご案内</h1><p>窓口は、
   予約制です。<br>電話でも<b>受け</b>付けます。</p>
<h2>持ち物【長野県川上村】</h2><ul><li>印鑑<ul><li>認め印でも可</li></ul></li><li>身分証</li></ul>
<p># 記号から始まる文です。</p><p><ruby>憂慮<rp>(</rp><rt>ゆうりょ</rt></ruby>する。</p>
<h3>連絡先</h3><table><tr><th>担当</th><th>電話</th></tr>
<tr><td rowspan="2">総務課</td><td>0267-00-0001</td></tr><tr><td>0267-00-0002</td></tr></table>
<table><tr><th>人口</th><td>4,000人</td></tr><tr><th>面積</th><td>209 km²</td></tr></table>
</div><footer>役場の住所</footer></body></html>"""


def test_html_keeps_headings_lists_and_tables_and_leaves_out_furniture(tmp_path: Path) -> None:
    path = tmp_path / "a.html"
    path.write_text(PAGE, "utf-8")
    document, passages = only(path)
    assert document.title == "窓口のご案内"
    contact = ("持ち物【長野県川上村】", "連絡先")
    assert shown(passages) == [
        ((), "窓口は、予約制です。\n電話でも受け付けます。"),
        (
            ("持ち物【長野県川上村】",),
            "- 印鑑\n- 認め印でも可\n- 身分証\n\n # 記号から始まる文です。\n\n憂慮する。",
        ),
        (contact, "担当: 総務課、電話: 0267-00-0001"),
        (contact, "担当: 総務課、電話: 0267-00-0002"),
        (contact, "人口: 4,000人"),
        (contact, "面積: 209 km²"),
    ]
    assert [p.municipality for p in passages] == [None, *["長野県川上村"] * 5]
    assert passages[4].metadata["population"] == 4000


def test_html_prefers_the_element_marked_as_main(tmp_path: Path) -> None:
    path = tmp_path / "a.htm"
    path.write_text("<p>外の文。</p><main><p>中の文。</p></main><p>外の文。</p>", "utf-8")
    assert [p.text for p in only(path)[1]] == ["中の文。"]


@pytest.mark.parametrize(
    ("label", "encoding"),
    [
        ("Shift_JIS", "cp932"),
        ("euc-jp", "euc_jp"),
        ("iso-2022-jp", "iso2022_jp"),
        ("utf-8", "utf-8"),
    ],
)
def test_html_heeds_the_declared_charset(tmp_path: Path, label: str, encoding: str) -> None:
    path = tmp_path / "a.html"
    path.write_bytes(f"<meta charset={label}><p>憂慮</p>".encode(encoding))
    assert "憂慮" in only(path)[0].text


def test_html_nested_beyond_reason_or_without_text_is_reported(tmp_path: Path) -> None:
    (tmp_path / "deep.html").write_text("<div>" * 200_000 + "深い", "utf-8")
    (tmp_path / "empty.html").write_text("<body><script>load()</script></body>", "utf-8")
    (tmp_path / "good.md").write_text("# 題\n\n本文。\n", "utf-8")
    corpus = read_corpus(tmp_path)
    assert len(corpus.documents) == 1
    assert set(reasons(corpus)) == {"deep.html", "empty.html"}
    assert "入れ子" in reasons(corpus)["deep.html"]
    assert "本文が見つかりません" in reasons(corpus)["empty.html"]


# PDF


def test_pdf_pages_are_headings_and_broken_lines_are_joined(tmp_path: Path) -> None:
    first = "川上村は、高齢者が使いやすい窓口をめざして予約の仕組みを見直し、職員が端末を"
    second = "持って各家庭を訪ねる取り組みを始めた。費用は3,200万円である。次の年度には、少しず"
    third = "つ手続きを減らしていく。"
    head = "令和6年度 報告書"
    path = pdf(
        tmp_path / "報告.pdf",
        [
            [head, first, second, "- 1 -"],
            [head, third + "以上である。", "・別の項目", "- 2 -"],
            [head, "最後のページである。", "- 3 -"],
        ],
    )
    document, passages = only(path)
    assert document.title == "報告"
    joined = first + second + third
    assert shown(passages) == [
        (("1ページ",), f"{head}\n\n{joined}"),
        (("2ページ",), "以上である。\n\n・別の項目"),
        (("3ページ",), "最後のページである。"),
    ]
    sentences = {document.text[a:b] for p in passages for a, b in p.sentences}
    assert "次の年度には、少しずつ手続きを減らしていく。" in sentences


def test_pdf_numbers_in_the_last_line_are_no_page_numbers(tmp_path: Path) -> None:
    path = pdf(tmp_path / "a.pdf", [["表である。", "500"], ["表である。", "700"]])
    text = only(path)[0].text
    assert "500" in text
    assert "700" in text


def test_pdf_pages_without_text_are_reported_and_blank_ones_are_not(tmp_path: Path) -> None:
    canvas = Canvas(str(tmp_path / "a.pdf"))
    for kind in ("text", "image", "image", "blank"):
        canvas.setFont(FONT, 11)
        if kind == "text":
            canvas.drawString(60, 700, "本文である。")
        elif kind == "image":
            canvas.rect(10, 10, 99, 99, fill=1)
        canvas.showPage()
    canvas.save()
    corpus = read_corpus(tmp_path)
    assert len(corpus.documents) == 1
    assert set(reasons(corpus)) == {"a.pdf (2〜3ページ)"}
    assert "画像だけ" in reasons(corpus)["a.pdf (2〜3ページ)"]


def test_scanned_encrypted_and_damaged_pdfs_are_refused(tmp_path: Path) -> None:
    canvas = Canvas(str(tmp_path / "scan.pdf"))
    canvas.rect(10, 10, 99, 99, fill=1)
    canvas.save()
    whole = pdf(tmp_path / "locked.pdf", [["秘密"]], encrypt="secret").read_bytes()
    (tmp_path / "cut.pdf").write_bytes(whole[:300])
    (tmp_path / "good.md").write_text("# 題\n\n本文。\n", "utf-8")
    told = reasons(read_corpus(tmp_path))
    assert set(told) == {"scan.pdf", "locked.pdf", "cut.pdf"}
    assert "OCR" in told["scan.pdf"]
    assert "パスワード" in told["locked.pdf"]
    assert "壊れて" in told["cut.pdf"]


# Word


def word(path: Path) -> Path:
    document = docx.Document()
    document.add_heading("川上村の記録", 0)
    document.add_paragraph("前書きである。")
    document.add_heading("体制【長野県川上村】", 1)
    document.add_paragraph("村長が本部長を務める。")
    document.add_paragraph("一つ目", style="List Bullet")
    document.add_paragraph("二つ目", style="List Number")
    paragraph = document.add_paragraph("本文に")
    paragraph._p.append(
        parse_xml(f'<w:ins {nsdecls("w")} w:id="1"><w:r><w:t>挿入された</w:t></w:r></w:ins>')
    )
    paragraph._p.append(
        parse_xml(
            f'<w:del {nsdecls("w")} w:id="2"><w:r><w:delText>消えた</w:delText></w:r></w:del>'
        )
    )
    paragraph.add_run("文。")
    paragraph._p.append(
        parse_xml(
            f"<w:r {nsdecls('w')}><w:pict><w:txbxContent>"
            "<w:p><w:r><w:t>囲みの文。</w:t></w:r></w:p></w:txbxContent></w:pict></w:r>"
        )
    )
    document.add_heading("費用", 2)
    table = document.add_table(rows=3, cols=2)
    cells = [("年度", "金額"), ("2023年", "30万円"), ("", "40万円")]
    for row, values in zip(table.rows, cells, strict=True):
        for cell, value in zip(row.cells, values, strict=True):
            cell.text = value
    table.cell(1, 0).merge(table.cell(2, 0))
    document.save(str(path))
    return path


def test_word_headings_lists_tables_insertions_and_text_boxes(tmp_path: Path) -> None:
    document, passages = only(word(tmp_path / "a.docx"))
    assert document.title == "川上村の記録"
    place = "体制【長野県川上村】"
    assert shown(passages) == [
        ((), "前書きである。"),
        (
            (place,),
            "村長が本部長を務める。\n\n- 一つ目\n- 二つ目\n\n本文に挿入された文。\n\n囲みの文。",
        ),
        ((place, "費用"), "年度: 2023年、金額: 30万円"),
        ((place, "費用"), "年度: 2023年、金額: 40万円"),
    ]
    assert [p.municipality for p in passages] == [None, *["長野県川上村"] * 3]


def test_word_forms_have_their_names_on_the_left(tmp_path: Path) -> None:
    document = docx.Document()
    table = document.add_table(rows=2, cols=2)
    values = ["人口", "4,000人", "面積", "209平方キロメートル"]
    for cell, value in zip((c for row in table.rows for c in row.cells), values, strict=True):
        cell.text = value
    document.save(str(tmp_path / "a.docx"))
    passages = only(tmp_path / "a.docx")[1]
    assert [p.text for p in passages] == ["人口: 4,000人", "面積: 209平方キロメートル"]


# Excel, CSV


def excel(path: Path) -> Path:
    book = openpyxl.Workbook()
    sheet: Any = book.active
    sheet.title = "事例"
    rows: list[list[Any]] = [
        ["令和6年度 事例の一覧"],
        ["都道府県", "市区町村", "人口", "割合", "内容"],
        ["長野県", "川上村", 4000, 0.255, "窓口を、\n予約制にした。"],
        [None, "飯田市", 94000, 0.5, None],
    ]
    for row in rows:
        sheet.append(row)
    for cell, layout in (("C3", "#,##0"), ("D3", "0.0%"), ("D4", "0%")):
        sheet[cell].number_format = layout
    sheet.merge_cells("A3:A4")
    book.create_sheet("空のシート")
    book.save(path)
    return path


def test_excel_rows_are_passages_under_the_names_of_their_columns(tmp_path: Path) -> None:
    corpus = read_corpus(excel(tmp_path / "a.xlsx"))
    assert reasons(corpus) == {"a.xlsx (シート 空のシート)": "空です"}
    passages = split_passages(corpus.documents[0])
    assert shown(passages) == [
        (("事例",), "令和6年度 事例の一覧"),
        (
            ("事例",),
            (
                "都道府県: 長野県、市区町村: 川上村、人口: 4,000、割合: 25.5%、"
                "内容: 窓口を、予約制にした。"
            ),
        ),
        (("事例",), "都道府県: 長野県、市区町村: 飯田市、人口: 94000、割合: 50%"),
    ]
    assert [p.municipality for p in passages] == [None, "長野県川上村", "長野県飯田市"]
    assert passages[1].metadata["population"] == 4000


def test_excel_formulas_never_computed_are_reported(tmp_path: Path) -> None:
    book = openpyxl.Workbook()
    sheet: Any = book.active
    for row in (["費目", "金額"], ["端末", 3], ["合計", "=SUM(B2:B2)"]):
        sheet.append(row)
    book.save(tmp_path / "a.xlsx")
    told = reasons(read_corpus(tmp_path))
    assert list(told) == ["a.xlsx (シート Sheet の数式)"]
    assert "1 個" in told["a.xlsx (シート Sheet の数式)"]


def test_excel_sheets_of_hostile_size_are_refused(tmp_path: Path) -> None:
    excel(tmp_path / "good.xlsx")
    book = openpyxl.Workbook()
    sheet: Any = book.active
    sheet["A1"], sheet["XFD1048576"] = "端", "端"
    sheet.title = "広い"
    book.create_sheet("よい").append(["名前", "値"])
    book.save(tmp_path / "wide.xlsx")
    with (
        zipfile.ZipFile(tmp_path / "good.xlsx") as good,
        zipfile.ZipFile(tmp_path / "merged.xlsx", "w") as bad,
    ):
        for name in good.namelist():
            bad.writestr(name, good.read(name).replace(b"A3:A4", b"A1:XFD1048576"))
    told = reasons(read_corpus(tmp_path))
    assert "大きすぎ" in told["wide.xlsx (シート 広い)"]
    assert "結合" in told["merged.xlsx"]


def test_csv_quoted_line_breaks_and_long_rows(tmp_path: Path) -> None:
    long = "この文はおよそ二十文字ほどの長さです。" * 50
    text = io.StringIO(newline="")
    csv.writer(text).writerows(
        [["自治体名", "内容"], ["長野県川上村", '一行目\n"二行目"。'], ["長野県飯田市", long]]
    )
    path = tmp_path / "a.csv"
    path.write_bytes(text.getvalue().encode("cp932"))
    first, *rest = only(path)[1]
    assert first.text == '自治体名: 長野県川上村、内容: 一行目 "二行目"。'
    assert len(first.sentences) == 1
    assert "".join(p.text for p in rest) == f"自治体名: 長野県飯田市、内容: {long}"
    assert {p.heading_path for p in rest} == {("a", "自治体名: 長野県飯田市")}
    assert {p.municipality for p in rest} == {"長野県飯田市"}


def test_tsv_and_wrong_quotes(tmp_path: Path) -> None:
    (tmp_path / "a.tsv").write_text("名前\t値\n甲, 乙\t1\n", "utf-16")
    (tmp_path / "b.csv").write_text('名前,値\n"甲,1\n', "utf-8")
    corpus = read_corpus(tmp_path)
    assert [p.text for p in split_passages(corpus.documents[0])] == ["名前: 甲, 乙、値: 1"]
    assert "引用符" in reasons(corpus)["b.csv"]


# JSON Lines


def test_json_lines_are_documents_and_wrong_lines_are_told_by_number(tmp_path: Path) -> None:
    records = [
        {"id": "甲", "title": "甲町", "text": "# 体制\n\n町長が指揮する。", "municipality": "甲町"},
        {"text": "題のない文。", "metadata": {"年度": 2024}},
        {"id": "甲", "text": "重なる id。"},
        {"id": "丙"},
        ["配列"],
    ]
    lines = [json.dumps(r, ensure_ascii=False) for r in records]
    (tmp_path / "a.jsonl").write_text("\n".join([*lines, "{", '{"text": "\\ud800"}']), "utf-8")
    corpus = read_corpus(tmp_path)
    assert [d.doc_id for d in corpus.documents] == ["a.jsonl#甲", "a.jsonl#2行目", "a.jsonl#7行目"]
    assert [d.title for d in corpus.documents] == ["甲町", "a 2行目", "a 7行目"]
    assert corpus.documents[0].metadata == {"municipality": "甲町", "kind": "町"}
    assert corpus.documents[1].metadata == {"年度": 2024}
    [passage] = split_passages(corpus.documents[0])
    assert (passage.heading_path, passage.text) == (("甲町", "体制"), "町長が指揮する。")
    assert {n: r[:4] for n, r in reasons(corpus).items()} == {
        "a.jsonl (3行目)": "id が",
        "a.jsonl (4行目)": "text",
        "a.jsonl (5行目)": '{"te',
        "a.jsonl (6行目)": "JSON",
    }


# Damage, limits, missing libraries


@pytest.mark.parametrize("suffix", [".docx", ".xlsx"])
def test_damaged_office_files_are_refused(tmp_path: Path, suffix: str) -> None:
    whole = (word if suffix == ".docx" else excel)(tmp_path / f"whole{suffix}").read_bytes()
    (tmp_path / f"cut{suffix}").write_bytes(whole[: len(whole) // 2])
    (tmp_path / f"locked{suffix}").write_bytes(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(500))
    with zipfile.ZipFile(tmp_path / f"other{suffix}", "w") as archive:
        archive.writestr("a.xml", "<a/>")
    told = reasons(read_corpus(tmp_path))
    told.pop("whole.xlsx (シート 空のシート)", None)
    assert set(told) == {f"cut{suffix}", f"locked{suffix}", f"other{suffix}"}
    assert "壊れて" in told[f"cut{suffix}"]
    assert "パスワード" in told[f"locked{suffix}"]


def test_bombs_and_entities_are_refused(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "bomb.docx", "w", zipfile.ZIP_DEFLATED) as archive:
        for number in range(11):
            archive.writestr(f"word/{number}.xml", bytes(10 * 2**20))
    whole = word(tmp_path / "whole.docx")
    with zipfile.ZipFile(whole) as good, zipfile.ZipFile(tmp_path / "dtd.docx", "w") as bad:
        for name in good.namelist():
            data = good.read(name)
            if name == "word/document.xml":
                data = data.replace(b"?>", b'?><!DOCTYPE a [<!ENTITY b "bbb">]>', 1)
            bad.writestr(name, data)
    told = reasons(read_corpus(tmp_path))
    assert set(told) == {"bomb.docx", "dtd.docx"}
    assert "大きすぎ" in told["bomb.docx"]
    assert "DOCTYPE" in told["dtd.docx"]


def test_very_long_lines_are_refused(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("「あ。" * 100_000, "utf-8")
    good, long = ({"text": t} for t in ("よい。", "「あ。" * 100_000))
    (tmp_path / "b.jsonl").write_text(json.dumps(good) + "\n" + json.dumps(long), "utf-8")
    corpus = read_corpus(tmp_path)
    assert [d.text for d in corpus.documents] == ["よい。"]
    assert set(reasons(corpus)) == {"a.txt", "b.jsonl (2行目)"}


@pytest.mark.parametrize(
    ("module", "package", "name"),
    [
        ("selectolax", "selectolax", "a.html"),
        ("pypdfium2", "pypdfium2", "a.pdf"),
        ("docx", "python-docx", "a.docx"),
        ("openpyxl", "openpyxl", "a.xlsx"),
    ],
)
def test_a_missing_library_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, module: str, package: str, name: str
) -> None:
    missing = f"raise ModuleNotFoundError(name={module!r})"
    (tmp_path / f"{module}.py").write_text(missing, "utf-8")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(apart, "_OTHER", apart._Other())  # a process that finds it so
    (tmp_path / name).write_bytes(struct.pack("<I", 1))
    with pytest.raises(CorpusError, match=rf"{package} が必要です.*dxqa\[documents\]"):
        read_corpus(tmp_path)


def test_an_index_of_all_formats_answers_out_of_each(tmp_path: Path) -> None:
    pdf(tmp_path / "a.pdf", [["前のページ。"], ["甲町は、防災無線を更新した。"]])
    word(tmp_path / "b.docx")
    excel(tmp_path / "c.xlsx")
    index = Index.build(tmp_path, encoder=HashEncoder())
    assert set(index.store.manifest.skipped) == {str(tmp_path / "c.xlsx (シート 空のシート)")}
    expected = {
        "防災無線を更新した": ("a.pdf", ("a", "2ページ")),
        "村長が本部長を務める": ("b.docx", ("川上村の記録", "体制【長野県川上村】")),
        "窓口を予約制にした": ("c.xlsx", ("c", "事例")),
    }
    for question, (doc_id, path) in expected.items():
        hit = index.search(question, k=1)[0]
        assert (hit.passage.doc_id, hit.passage.heading_path) == (doc_id, path)
    index.save(tmp_path / "index")
    assert (
        Index.load(tmp_path / "index", encoder=HashEncoder()).store.passages == index.store.passages
    )
