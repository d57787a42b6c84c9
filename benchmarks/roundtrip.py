"""Write documents of every format and encoding, read them again, and look for every sentence.

    python benchmarks/roundtrip.py --documents 1000

Each sentence bears a number of its own. It must stand whole in a passage of its own document and
nowhere else; offsets must hold; files read and files reported must add up to files written.
Exits with 1 and names what is wrong if anything is.
"""

import argparse
import collections
import csv
import io
import json
import random
import re
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import docx
import openpyxl
from reportlab.lib.pagesizes import A4
from reportlab.pdfbase import pdfmetrics
from reportlab.pdfbase.cidfonts import UnicodeCIDFont
from reportlab.pdfgen.canvas import Canvas

from dxqa.passages import split_passages
from dxqa.readers import Corpus, read_corpus
from dxqa.types import Document

ENCODINGS = ("utf-8", "utf-8-sig", "cp932", "euc_jp", "iso2022_jp_ext", "utf-16")
_FONT = "HeiseiMin-W3"
_PLACES = "川上村 豊中市 上士幌町 北見市 飯田市 海士町 神山町 日南町".split()
_ACTORS = "町長 企画課 情報政策係 地域おこし協力隊 高齢者 保護者 消防団 図書館 窓口の職員".split()
_MEANS = (
    "タブレット端末 予約システム オンライン申請 AIチャットボット RPA 電子地域通貨 ｽﾏｰﾄﾌｫﾝ".split()
)
_DEEDS = (
    "導入した 見直した 広げている 試している 取りやめた 住民と一緒に考えた 毎月点検している".split()
)
_WHYS = (
    "手続きを減らすため 憂慮される人手不足に備え 隣町と共同で 補助金を使って 説明会を重ね".split()
)
_NAMES = ("自治体名", "人口", "内容", "備考")
_NUMBER = re.compile(r"整理番号(\d+)号")


@dataclass(slots=True)
class Written:
    """One document as it was made: sentences of prose, and those in cells of tables."""

    title: str
    sections: list[tuple[str, list[str]]] = field(default_factory=list)
    rows: list[list[str]] = field(default_factory=list)

    @property
    def prose(self) -> list[str]:
        """All its sentences outside tables."""
        return [sentence for _, held in self.sections for sentence in held]


class Generator:
    """Makes documents of seeded random sentences."""

    def __init__(self, seed: int) -> None:
        """Seed it."""
        self.random = random.Random(seed)  # noqa: S311 - nothing secret
        self.count = 0

    def sentence(self) -> str:
        """Return a sentence that no other document has."""
        self.count += 1
        pick = self.random.choice
        figure = f"{self.random.randint(1, 9_999):,}{pick(['人', '万円', '件', '%', '世帯'])}"
        parts = [
            f"{pick(_PLACES)}の{pick(_ACTORS)}は、",
            f"{pick(_WHYS)}、" if self.random.random() < 0.6 else "",  # noqa: PLR2004
            f"{pick(_MEANS)}を{pick(_DEEDS)}（{figure}、整理番号{self.count}号）",
        ]
        return "".join(parts) + "。"

    def document(self) -> Written:
        """Return a document: one in five is a single sentence."""
        made = Written(f"取り組みの記録 {self.count}")
        short = self.random.random() < 0.2  # noqa: PLR2004
        for number in range(1 if short else self.random.randint(1, 5)):
            length = 1 if short else self.random.randint(1, 9)
            made.sections.append(
                (f"その{number + 1}　経過と結果", [self.sentence() for _ in range(length)])
            )
        for _ in range(0 if short else self.random.randint(1, 6)):
            people = f"{self.random.randint(100, 99_999):,}人"
            remark = "二行の\n備考" if self.random.random() < 0.3 else ""  # noqa: PLR2004
            made.rows.append([self.random.choice(_PLACES), people, self.sentence(), remark])
        return made


def _markdown(path: Path, made: Written, encoding: str) -> None:
    parts = [f"# {made.title}"]
    for heading, sentences in made.sections:
        parts += [f"## {heading}", "".join(sentences)]
    path.write_bytes("\n\n".join(parts).encode(encoding))


def _plain(path: Path, made: Written, encoding: str) -> None:
    parts = [made.title]
    for heading, sentences in made.sections:
        parts += [f"■ {heading}", "\r\n".join(sentences)]
    path.write_bytes("\r\n\r\n".join(parts).encode(encoding))


def _html(path: Path, made: Written, encoding: str) -> None:
    name = {"cp932": "Shift_JIS", "utf-8-sig": "utf-8"}.get(encoding, encoding.replace("_", "-"))
    name = "iso-2022-jp" if encoding == "iso2022_jp_ext" else name
    body = "".join(
        f"<h2>{heading}</h2><ul>" + "".join(f"<li>{s}\n</li>" for s in sentences) + "</ul>"
        for heading, sentences in made.sections
    )
    rows = "".join(
        "<tr>" + "".join(f"<td>{c}</td>" for c in row) + "</tr>" for row in (_NAMES, *made.rows)
    )
    declared = f'<meta charset="{name}">' if len(made.title) % 2 else ""
    page = (
        f"<!DOCTYPE html><html><head>{declared}<title>{made.title}</title></head><body>"
        f"<header><nav>メニュー</nav></header><main><h1>{made.title}</h1>{body}"
        f"<table>{rows if made.rows else ''}</table></main><footer>役場</footer></body></html>"
    )
    path.write_bytes(page.encode(encoding))


def _pdf(path: Path, made: Written, _: str) -> None:
    """Long lines are broken and pages are short, so that sentences run over both."""
    canvas = Canvas(str(path), pagesize=A4)
    lines: list[str] = []
    for heading, sentences in made.sections:
        text = "".join(sentences)
        lines += [heading, *re.findall(r"(?:[A-Z]+|.){1,38}", text)]
    size = 11
    for start in range(0, len(lines), size):
        canvas.setFont(_FONT, 11)
        canvas.drawString(60, 800, "取り組みの記録")
        for number, line in enumerate(lines[start : start + size]):
            canvas.drawString(60, 760 - 20 * number, line)
        canvas.drawString(290, 30, f"- {start // size + 1} -")
        canvas.showPage()
    canvas.save()


def _word(path: Path, made: Written, _: str) -> None:
    document = docx.Document()
    document.add_heading(made.title, 0)
    for heading, sentences in made.sections:
        document.add_heading(heading, 1)
        document.add_paragraph(sentences[0])
        for sentence in sentences[1:]:
            document.add_paragraph(sentence, style="List Bullet")
    if made.rows:
        table = document.add_table(rows=0, cols=len(_NAMES))
        for row in (_NAMES, *made.rows):
            for cell, value in zip(table.add_row().cells, row, strict=True):
                cell.text = value
    document.save(str(path))


def _excel(path: Path, made: Written, _: str) -> None:
    book = openpyxl.Workbook()
    sheet: Any = book.active
    sheet.title = "経過"
    for row in [("番号", "内容"), *enumerate(made.prose)]:
        sheet.append(row)
    if made.rows:
        table = book.create_sheet("一覧")
        for values in (_NAMES, *made.rows):
            table.append(list(values))
    book.save(path)


def _csv(path: Path, made: Written, encoding: str) -> None:
    text = io.StringIO(newline="")
    writer = csv.writer(text, delimiter="\t" if path.suffix == ".tsv" else ",")
    writer.writerows([_NAMES, *made.rows, *(["", "", s, ""] for s in made.prose)])
    path.write_bytes(text.getvalue().encode(encoding))


def _json_lines(path: Path, made: Written, encoding: str) -> None:
    record = {"id": made.title, "title": made.title, "text": "\n\n".join(made.prose), "年度": 2024}
    text = json.dumps(record, ensure_ascii=False) + "\n{broken\n"
    path.write_bytes(text.encode(encoding))


_WRITERS: dict[str, Callable[[Path, Written, str], None]] = {
    ".md": _markdown, ".txt": _plain, ".html": _html, ".pdf": _pdf, ".docx": _word,
    ".xlsx": _excel, ".csv": _csv, ".tsv": _csv, ".jsonl": _json_lines,
}  # fmt: skip
_DAMAGES = ("cut.docx", "cut.xlsx", "scan.pdf", "empty.csv", "photo.png", "noise.txt")
_BINARY = (".pdf", ".docx", ".xlsx")
_WITH_TABLES = (".html", ".docx", ".xlsx", ".csv", ".tsv")
_TABLES_ONLY = (".xlsx", ".csv", ".tsv")


def write(folder: Path, count: int, seed: int) -> tuple[dict[str, Written], set[str]]:
    """Write documents by file name, and damaged files; return both, the damaged by name."""
    pdfmetrics.registerFont(UnicodeCIDFont(_FONT))
    generator = Generator(seed)
    kinds = [(s, e) for s in _WRITERS for e in (ENCODINGS if s not in _BINARY else ("",))]
    made, damaged = {}, set()
    for number in range(count):
        suffix, encoding = kinds[number % len(kinds)]
        path = folder / f"{number:04}-{encoding or 'binary'}{suffix}"
        document = generator.document()
        _WRITERS[suffix](path, document, encoding)
        made[path.name] = document
        if number % 20 == 0:
            damaged.add(_damage(folder, number, path))
    return made, damaged


def _damage(folder: Path, number: int, like: Path) -> str:
    """Write a file that cannot be read."""
    kind = ("cut.docx", "cut.xlsx", "scan.pdf", "empty.csv", "photo.png", "noise.txt")[
        number // 20 % 6
    ]
    path = folder / f"{number:04}-{kind}"
    if kind == "scan.pdf":
        canvas = Canvas(str(path))
        canvas.rect(100, 100, 200, 200, fill=1)
        canvas.save()
    elif kind.startswith("cut"):
        path.write_bytes(b"PK\x03\x04" + like.read_bytes()[:200])
    else:
        path.write_bytes(b"" if kind == "empty.csv" else bytes(range(256)) * 4)
    return path.name


def faults(made: dict[str, Written], damaged: set[str], corpus: Corpus) -> list[str]:
    """Return what is wrong, a line each."""
    documents = {Path(d.path).name: d for d in corpus.documents}
    found = [f"{name}: 読まれていない" for name in made.keys() - documents.keys()]
    found += [f"{name}: 読まれた" for name in documents.keys() & damaged]
    reported = {s.path.name for s in corpus.skipped}
    expected = damaged | {f"{n} (2行目)" for n in made if n.endswith(".jsonl")}
    found += [f"{name}: 報告の過不足" for name in reported ^ expected]
    places: dict[str, set[str]] = collections.defaultdict(set)
    for name, document in documents.items():
        found += _faults_of(name, document, made[name], places)
    return found + [f"{n}: {where}" for n, where in places.items() if len(where) > 1]


def _faults_of(
    name: str, document: Document, made: Written, places: dict[str, set[str]]
) -> list[str]:
    passages = split_passages(document)
    suffix = Path(name).suffix
    spans = {document.text[a:b] for p in passages for a, b in p.sentences}
    found = [
        f"{name}: {p.passage_id} の位置がずれている"
        for p in passages
        if document.text[p.start : p.end] != p.text
        or any(not p.start <= a < b <= p.end for a, b in p.sentences)
    ]
    for number in _NUMBER.findall(" ".join(p.text for p in passages)):
        places[number].add(name)
    prose = () if suffix in _TABLES_ONLY else made.prose
    cells = [*(made.prose if suffix in _TABLES_ONLY else ())]
    cells += [row[2] for row in made.rows] if suffix in _WITH_TABLES else []
    found += [f"{name}: 文がない: {s}" for s in prose if s not in spans]
    found += [f"{name}: 行がない: {s}" for s in cells if sum(f"内容: {s}" in t for t in spans) != 1]
    headings = {h for p in passages for h in p.heading_path}
    if suffix == ".pdf" and not any(re.fullmatch(r"\d+ページ", h) for h in headings):
        found.append(f"{name}: ページ番号がない")
    return found


def main(arguments: Sequence[str] | None = None) -> int:
    """Write, read, compare, print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--documents", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=7)
    options = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        made, damaged = write(folder, options.documents, options.seed)
        start = time.perf_counter()
        corpus = read_corpus(folder)
        seconds = time.perf_counter() - start
        wrong = faults(made, damaged, corpus)
        files = len(list(folder.iterdir()))
    sentences = sum(len(d.prose) + len(d.rows) for d in made.values())
    print(
        f"files {files} = documents {len(corpus.documents)} + damaged and reported {len(damaged)}; "
        f"parts reported {len(corpus.skipped) - len(damaged)}; sentences {sentences}; "
        f"faults {len(wrong)}; read in {seconds:.1f} s"
    )
    print("\n".join(wrong[:20]))
    return 1 if wrong or files != len(corpus.documents) + len(damaged) else 0


if __name__ == "__main__":
    sys.exit(main())
