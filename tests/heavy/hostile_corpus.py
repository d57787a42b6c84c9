"""A corpus in which every place that can hold text holds a payload."""

import csv
import html
import io
import json
from collections.abc import Sequence
from pathlib import Path

import docx
import openpyxl
import yaml

_LONGEST_NAME = 180  # bytes
_NOT_IN_NAMES = str.maketrans({"/": "／", "\0": None})
_GROUP = 20


def one_line(text: str) -> str:
    return " ".join(text.split())


def town(number: int, payload: str) -> str:
    """What the municipality of a payload is called."""
    return f"長野県第{number}{one_line(payload)}村"


def question(number: int, payload: str) -> str:
    return f"第{number}号の窓口では何を配りましたか。{payload}"


def file_name(number: int, payload: str, suffix: str) -> str:
    name = f"{number:03}{payload.translate(_NOT_IN_NAMES)}".encode()[:_LONGEST_NAME]
    return name.decode("utf-8", "ignore") + suffix


def write(folder: Path, payloads: dict[int, str]) -> None:
    """Write documents of every format, each payload in all of them."""
    for number, payload in payloads.items():
        (folder / file_name(number, payload, ".md")).write_text(_markdown(number, payload), "utf-8")
        _with_sidecar(folder, number, payload)
        (folder / file_name(number, payload, ".png")).write_bytes(b"\x89PNG")
    (folder / "all.html").write_text(_html(payloads), "utf-8")
    (folder / "raw.html").write_text(_raw_html(payloads), "utf-8")
    (folder / "all.csv").write_text(_csv(payloads), "utf-8")
    (folder / "all.jsonl").write_text(_json_lines(payloads), "utf-8")
    _word(folder / "all.docx", payloads)
    _excel(folder / "all.xlsx", payloads)
    uploads = folder / "uploads"
    uploads.mkdir()
    for number, payload in payloads.items():
        name = file_name(number, f"up {payload}", ".txt")
        (uploads / name).write_text(f"第{number}号の届け出である。{payload}\n", "utf-8")


def metadata(number: int, payload: str) -> dict[str, object]:
    told = one_line(payload)
    return {
        "title": f"{told} 題{number}",
        "municipality": town(number, payload),
        "prefecture": f"長野{told}県" if number % 2 else "長野県",
        "kind": "村" if number % 3 else told,
        "population": told if number % 2 else 4000 + number,
        "department": f"{told}課",
        "tel": f"0267-00-0001 {told}",
        "official_page": f"https://example.invalid/{told}",
        "reference": told,
        "source": payload,
        # Few values, of which some are shared: a filter of the page.
        f"分野{number // _GROUP}": told if number % _GROUP else "共通",
        f"{told[:40]}": "鍵",
    }


def _markdown(number: int, payload: str) -> str:
    told = one_line(payload)
    head = yaml.safe_dump(metadata(number, payload), allow_unicode=True, width=10_000)
    return (
        f"---\n{head}---\n\n# {told}\n\n第{number}号の窓口では、{told} を配った。\n\n"
        f"{payload}\n\n## {told} 体制\n\n第{number}号の体制は、{told} 課が担う。"
        f"費用は{number}万円である。\n\n"
        f"> 引用「{told}」である。\n\n- {told}\n- `{told}`\n\n"
        f"| 項目 {told} | 内容 |\n|---|---|\n| 第{number}号 | {told} |\n"
    )


def _with_sidecar(folder: Path, number: int, payload: str) -> None:
    path = folder / f"side-{number}.txt"
    path.write_text(f"第{number}号の覚え書きである。{payload}\n", "utf-8")
    told = {**metadata(number, payload), "municipality": town(number, payload)}
    path.with_name(f"{path.name}.json").write_text(json.dumps(told, ensure_ascii=False), "utf-8")


def _html(payloads: dict[int, str]) -> str:
    rows = "".join(
        f"<h2>{html.escape(p)}</h2><p>第{n}号の頁である。{html.escape(p)}</p><table><tr>"
        f"<th>{html.escape(p)}</th><th>値</th></tr><tr><td>{html.escape(p)}</td><td>{n}</td></tr>"
        "</table>"
        for n, p in payloads.items()
    )
    return f"<title>{html.escape(next(iter(payloads.values())))}</title><main>{rows}</main>"


def _raw_html(payloads: dict[int, str]) -> str:
    return "".join(f"<p>第{n}号の生の頁である。</p>{p}\n" for n, p in payloads.items())


def _csv(payloads: dict[int, str]) -> str:
    written = io.StringIO(newline="")
    rows = [[f"長野県第{n}表村", p, f"第{n}号の表である。{p}"] for n, p in payloads.items()]
    csv.writer(written).writerows([["自治体名", "内容", "覚え"], *rows])
    return written.getvalue()


def _json_lines(payloads: dict[int, str]) -> str:
    records = [
        {
            "id": f"{n}{p}",
            "title": p,
            "text": f"第{n}号の記録である。{p}",
            "metadata": {"department": p, p[:40]: p},
        }
        for n, p in payloads.items()
    ]
    return "\n".join(json.dumps(record, ensure_ascii=False) for record in records)


def _word(path: Path, payloads: dict[int, str]) -> None:
    document = docx.Document()
    table = document.add_table(rows=0, cols=2)
    for number, payload in payloads.items():
        document.add_heading(payload, 1)
        document.add_paragraph(f"第{number}号の文書である。{payload}")
        first, second = table.add_row().cells
        first.text, second.text = f"第{number}号", payload
    document.save(str(path))


def _excel(path: Path, payloads: dict[int, str]) -> None:
    book = openpyxl.Workbook()
    sheet = book.worksheets[0]
    sheet.title = "<img src=x onerror=alert(1)>"[:31].replace("/", "")
    rows: Sequence[tuple[str, str]] = [
        ("名前", "内容"),
        *((f"第{n}号", p) for n, p in payloads.items()),
    ]
    for at, (name, payload) in enumerate(rows, start=1):
        sheet.cell(at, 1, name)
        sheet.cell(at, 2, payload).data_type = "s"  # also what begins with =
    book.save(path)
