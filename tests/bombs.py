"""Small files that would fill the memory, or keep a reader busy for ever, if nothing stopped them.

Each maker writes one file. ``python -m tests.bombs`` reads every one of them in a process of its
own and prints what it took and what was said.
"""

import io
import json
import subprocess
import sys
import time
import zipfile
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path

import docx
import openpyxl

Maker = Callable[[Path], object]

_LAUGHS = 30
_TAGS = {
    "python": "!!python/object/apply:os.system ['touch pwned']",
    "module": "!!python/module:os",
    "new": "!!python/object/new:os.system [touch pwned]",
    "binary": "!!binary aGVsbG8=",
    "local": "!reboot now",
}


def laughs(depth: int = _LAUGHS) -> str:
    """YAML: lists of the list before, twice each."""
    lines = ["a0: &a0 [ha, ha]"]
    lines += [f"a{n}: &a{n} [*a{n - 1}, *a{n - 1}]" for n in range(1, depth)]
    return "\n".join(lines)


def merged(depth: int = _LAUGHS) -> str:
    """YAML: mappings merged with the mapping before, twice each."""
    lines = ["a0: &a0 {k: v}"]
    lines += [f"a{n}: &a{n} {{<<: [*a{n - 1}, *a{n - 1}]}}" for n in range(1, depth)]
    return "\n".join(lines)


def front_matter(yaml: str) -> Maker:
    return lambda path: path.write_text(f"---\n{yaml}\n---\n\n# 題\n\n本文である。\n", "utf-8")


def text(content: Callable[[], str]) -> Maker:
    return lambda path: path.write_text(content(), "utf-8")


def _office(kind: str) -> dict[str, bytes]:
    """The members of a small whole file."""
    written = io.BytesIO()
    if kind == "docx":
        document = docx.Document()
        document.add_paragraph("本文である。")
        document.save(written)
    else:
        book = openpyxl.Workbook()
        book.worksheets[0].append(["名前", "値"])
        book.worksheets[0].append(["甲", "乙"])
        book.save(written)
    with zipfile.ZipFile(written) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def office(kind: str, change: Callable[[dict[str, bytes]], object]) -> Maker:
    """A file of Word or Excel, its members changed."""

    def make(path: Path) -> None:
        members = _office(kind)
        change(members)
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
            for name, data in members.items():
                archive.writestr(name, data)

    return make


def body(paragraphs: Callable[[], bytes]) -> Callable[[dict[str, bytes]], object]:
    """Put something in the place of a Word file's text."""

    def change(members: dict[str, bytes]) -> None:
        whole = members["word/document.xml"]
        begin, end = whole.index(b"<w:body>") + 8, whole.index(b"<w:sectPr")
        members["word/document.xml"] = whole[:begin] + paragraphs() + whole[end:]

    return change


def sheet(rows: Callable[[], bytes]) -> Callable[[dict[str, bytes]], object]:
    """Put something in the place of an Excel file's rows."""

    def change(members: dict[str, bytes]) -> None:
        whole = members["xl/worksheets/sheet1.xml"]
        begin, end = whole.index(b"<sheetData>") + 11, whole.index(b"</sheetData>")
        members["xl/worksheets/sheet1.xml"] = whole[:begin] + rows() + whole[end:]

    return change


def renamed(kind: str, member: str, name: str, data: bytes) -> Maker:
    """The XML that matters under a name that no check of names would look at."""

    def change(members: dict[str, bytes]) -> None:
        whole = members.pop(member)
        members[name] = data + whole[whole.find(b"?>") + 2 if b"?>" in whole[:99] else 0 :]
        for other in ("[Content_Types].xml", "_rels/.rels", "xl/_rels/workbook.xml.rels"):
            if other in members:
                told = members[other].replace(member.encode(), name.encode())
                members[other] = told

    return office(kind, change)


def picture(members: dict[str, bytes]) -> None:
    """A picture of 3 GB of nothing, which packs well."""
    rels = members["word/_rels/document.xml.rels"]
    members["word/_rels/document.xml.rels"] = rels.replace(
        b"</Relationships>",
        b'<Relationship Id="rIdX" Target="media/a.png" Type="http://schemas.openxmlformats.org/'
        b'officeDocument/2006/relationships/image"/></Relationships>',
    )
    types = members["[Content_Types].xml"]
    members["[Content_Types].xml"] = types.replace(
        b"<Default ", b'<Default Extension="png" ContentType="image/png"/><Default ', 1
    )


def with_picture(path: Path) -> None:
    """A Word file whose picture unpacks to 3 GB."""
    office("docx", picture)(path)
    with (
        zipfile.ZipFile(path, "a", zipfile.ZIP_DEFLATED) as archive,
        archive.open("word/media/a.png", "w", force_zip64=True) as member,
    ):
        for _ in range(3 * 64):
            member.write(bytes(16 * 2**20))


def nested_zip(path: Path) -> None:
    """A zip of zips, and none of Word's parts."""
    inner = io.BytesIO()
    with zipfile.ZipFile(inner, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a.xml", bytes(50 * 2**20))
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for number in range(50):
            archive.writestr(f"{number}.zip", inner.getvalue())


def lying_zip(path: Path) -> None:
    """A zip whose directory claims a size of 10 bytes for a member of 60 MB."""
    office("docx", body(lambda: b"<w:p/>" * (10 * 2**20)))(path)
    data = bytearray(path.read_bytes())
    at = data.rfind(b"word/document.xml") - 46 + 24
    data[at : at + 4] = (10).to_bytes(4, "little")
    path.write_bytes(bytes(data))


def overlapping_zip(path: Path) -> None:
    """A zip whose entries all point at the same bytes."""
    office("docx", body(lambda: b"<w:p/>" * (2 * 2**20)))(path)
    with zipfile.ZipFile(path, "a", zipfile.ZIP_DEFLATED) as archive:
        whole = archive.getinfo("word/document.xml")
        for number in range(2000):
            twin = zipfile.ZipInfo(f"word/{number}.xml")
            for name in ("header_offset", "compress_size", "file_size", "CRC", "compress_type"):
                setattr(twin, name, getattr(whole, name))
            archive.filelist.append(twin)
            archive.NameToInfo[twin.filename] = twin
        setattr(archive, "_didModify", True)  # noqa: B010 - no part of its types


def pdf(objects: list[bytes]) -> Maker:
    """A PDF of these objects, numbered from 1; the first is the catalogue."""

    def make(path: Path) -> None:
        out = bytearray(b"%PDF-1.7\n")
        places = []
        for number, told in enumerate(objects, start=1):
            places.append(len(out))
            out += b"%d 0 obj\n" % number + told + b"\nendobj\n"
        start = len(out)
        out += b"xref\n0 %d\n0000000000 65535 f \n" % (len(objects) + 1)
        out += b"".join(b"%010d 00000 n \n" % place for place in places)
        out += b"trailer\n<< /Size %d /Root 1 0 R >>\n" % (len(objects) + 1)
        out += b"startxref\n%d\n%%%%EOF\n" % start
        path.write_bytes(bytes(out))

    return make


def stream(data: bytes, told: bytes = b"") -> bytes:
    packed = zlib.compress(data, 9)
    head = b"<< /Length %d /Filter /FlateDecode %s >>\nstream\n" % (len(packed), told)
    return head + packed + b"\nendstream"


_CATALOGUE = b"<< /Type /Catalog /Pages 2 0 R >>"
_FONT = b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>"
_PAGE = (
    b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 612 792] /Contents 4 0 R "
    b"/Resources << /Font << /F 5 0 R >> %s >> >>"
)


def one_page(content: bytes, resources: bytes = b"", *more: bytes) -> Maker:
    pages = b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>"
    return pdf([_CATALOGUE, pages, _PAGE % resources, stream(content), _FONT, *more])


def flate(path: Path) -> None:
    """A page whose contents unpack to half a gigabyte."""
    one_page(b"0 0 m\n" * (80 * 2**20))(path)


def same_page_for_ever(path: Path) -> None:
    """Ten levels of ten branches that all lead to one page: ten thousand million pages."""
    levels = 10
    said = stream(b"BT /F 12 Tf 72 700 Td (" + b"a word " * 500 + b") Tj ET")
    objects = [_CATALOGUE, b"", _PAGE % b"", said, _FONT]
    for level in range(levels):
        kid = 3 if level == 0 else 5 + level
        kids = b"%d 0 R " % kid * 10
        objects.append(b"<< /Type /Pages /Kids [%s] /Count %d >>" % (kids, 10 ** (level + 1)))
    objects[1] = objects.pop()
    pdf(objects)(path)


def forms_of_forms(path: Path) -> None:
    """Forms that draw the next one ten times, twenty deep."""
    first, depth = 6, 20
    forms = []
    for level in range(depth):
        last = level + 1 == depth
        drawn = b"BT /F 9 Tf 9 9 Td (deep) Tj ET" if last else b"/X Do " * 10
        inner = (
            b"/Font << /F 5 0 R >>" if last else b"/XObject << /X %d 0 R >>" % (first + level + 1)
        )
        told = b"/Type /XObject /Subtype /Form /BBox [0 0 9 9] /Resources << %s >>" % inner
        forms.append(stream(drawn, told))
    one_page(b"/X Do", b"/XObject << /X 6 0 R >>", *forms)(path)


def nested_objects(path: Path) -> None:
    """Arrays within arrays, half a million deep."""
    one_page(b"BT /F 12 Tf 72 700 Td (deep) Tj ET", b"", b"[" * 500_000 + b"]" * 500_000)(path)


def huge_page(path: Path) -> None:
    """A page of astronomical size with a word in each corner."""
    pages = b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>"
    page = (_PAGE % b"").replace(b"[0 0 612 792]", b"[0 0 99999999999 99999999999]")
    said = stream(b"BT /F 12 Tf 9 9 Td (near) Tj 9999999999 0 Td (far) Tj ET")
    pdf([_CATALOGUE, pages, page, said, _FONT])(path)


def csv_rows(name: str, rows: int) -> Maker:
    return text(lambda: f"{name},値\n" + "a,b\n" * rows)


BOMBS: dict[str, Maker] = {
    "laughs.md": front_matter(laughs()),
    "merged.md": front_matter(merged()),
    "large.md": front_matter("\n".join(f"k{n}: [1, 2, 3]" for n in range(200_000))),
    "deep-yaml.md": front_matter("a: " + "[" * 40_000),
    "number.md": front_matter("a: 1" + ":59" * 60_000),
    "date.md": front_matter("a: 2024-13-45"),
    **{f"tag-{name}.md": front_matter(f"a: {tag}") for name, tag in _TAGS.items()},
    "long-line.md": text(lambda: "# 題\n\n" + "あ" * 10_000_000),
    "brackets.md": text(lambda: "# 題\n\n" + "\n\n".join(["[" * 50_000] * 20)),
    "stars.md": text(lambda: "# 題\n\n" + "\n\n".join(["*a **b " * 12_000] * 20)),
    "ticks.md": text(lambda: "# 題\n\n" + "".join("e" + "`" * n for n in range(440))),
    "links.md": text(lambda: "# 題\n\n" + "\n\n".join(["[a](<b" * 16_000] * 20)),
    "references.md": text(lambda: "# 題\n\n" + "[a]:\n" * 100_000),
    "quotes.md": text(lambda: "# 題\n\n" + ">" * 99_000 + " 深い引用。\n"),
    "lists.md": text(lambda: "# 題\n\n" + "- " * 49_000 + "深い項目。\n"),
    "indent.md": text(lambda: "# 題\n\n" + "\n".join(" " * n + "- 項目" for n in range(3_000))),
    "long-line.txt": text(lambda: "本文である。\n" + "あ" * 10_000_000),
    "long-line.csv": text(lambda: "名前,値\n甲," + "あ" * 10_000_000 + "\n"),
    "long-line.html": text(lambda: "<p>" + "あ" * 10_000_000),
    "long-line.jsonl": text(lambda: json.dumps({"text": "あ" * 4_000_000}) + "\n"),
    "deep.jsonl": text(lambda: '{"text": "本文。", "a": ' + "[" * 200_000 + "]" * 200_000 + "}\n"),
    "digits.jsonl": text(lambda: '{"text": "本文。", "a": ' + "9" * 1_000_000 + "}\n"),
    "keys.jsonl": text(
        lambda: json.dumps({"text": "本文。", **{f"k{n}": n for n in range(100_000)}})
    ),
    "header.csv": csv_rows("あ" * 90_000, 50_000),
    "deep.html": text(lambda: "<div>" * 100_000 + "深い"),
    "deep-spans.html": text(lambda: "<p>" + "<b><i>" * 40_000 + "深い"),
    "tables.html": text(lambda: "<table><tr><td>" * 20_000 + "深い"),
    "cells.html": text(
        lambda: (
            "<table><tr>"
            + "<td colspan=999 rowspan=9999>広い</td>" * 1_000
            + "</tr>"
            + "<tr><td>行</td></tr>" * 2_000
            + "</table>"
        )
    ),
    "attributes.html": text(
        lambda: "<p " + " ".join(f"a{n}=1" for n in range(300_000)) + ">本文</p>"
    ),
    "xml.docx": office("docx", body(lambda: b"<w:p/>" * (25 * 2**20))),
    "elements.docx": office("docx", body(lambda: b"<w:p/>" * (16 * 2**20))),
    "deep.docx": office("docx", body(lambda: b"<w:ins>" * 100_000 + b"</w:ins>" * 100_000)),
    "parts.docx": office(
        "docx", lambda members: members.update({f"word/{n}.xml": b"<a/>" for n in range(20_000)})
    ),
    "picture.docx": with_picture,
    "nested.docx": nested_zip,
    "lying.docx": lying_zip,
    "overlapping.docx": overlapping_zip,
    "merged-rows.docx": office(
        "docx",
        body(
            lambda: (
                b"<w:tbl><w:tr><w:tc><w:tcPr><w:vMerge w:val='restart'/></w:tcPr><w:p><w:r><w:t>"
                + "長".encode() * 90_000
                + b"</w:t></w:r></w:p></w:tc><w:tc><w:p><w:r><w:t>b</w:t></w:r></w:p></w:tc></w:tr>"
                + (
                    b"<w:tr><w:tc><w:tcPr><w:vMerge/></w:tcPr><w:p/></w:tc>"
                    b"<w:tc><w:p><w:r><w:t>c</w:t></w:r></w:p></w:tc></w:tr>"
                )
                * 50_000
                + b"</w:tbl>"
            )
        ),
    ),
    "entities.docx": renamed(
        "docx",
        "word/document.xml",
        "word/document.png",
        b'<!DOCTYPE w [<!ENTITY a "haha"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;">]>',
    ),
    "external.docx": renamed(
        "docx",
        "word/document.xml",
        "word/document.xml",
        b'<!DOCTYPE w [<!ENTITY a SYSTEM "file:///etc/passwd">]>',
    ),
    "external.xlsx": renamed(
        "xlsx",
        "xl/worksheets/sheet1.xml",
        "xl/worksheets/sheet1.xml",
        b'<!DOCTYPE w [<!ENTITY a SYSTEM "file:///etc/passwd">]>',
    ),
    "entities.xlsx": renamed(
        "xlsx",
        "xl/worksheets/sheet1.xml",
        "xl/worksheets/sheet1.bin",
        b'<!DOCTYPE w [<!ENTITY a "haha"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;">]>',
    ),
    "utf7.xlsx": office(
        "xlsx",
        lambda members: members.update(
            {
                "xl/worksheets/sheet1.xml": b'<?xml version="1.0" encoding="UTF-7"?>'
                b"+ADwAIQ-DOCTYPE a +AFs +ADwAIQ-ENTITY b +ACI-ha+ACIAPgBdAD4"
            }
        ),
    ),
    "wide.xlsx": office("xlsx", sheet(lambda: b'<row r="2200"><c r="CFP2200"><v>1</v></c></row>')),
    "far.xlsx": office(
        "xlsx", sheet(lambda: b'<row r="1048576"><c r="XFD1048576"><v>1</v></c></row>')
    ),
    "cells.xlsx": office(
        "xlsx", sheet(lambda: b"<row>" + b"<c><v>1</v></c>" * (6 * 2**20) + b"</row>")
    ),
    "strings.xlsx": office(
        "xlsx",
        lambda members: members.update(
            {
                "xl/sharedStrings.xml": b'<sst xmlns="http://schemas.openxmlformats.org/'
                b'spreadsheetml/2006/main">' + b"<si><t>a</t></si>" * (5 * 2**20) + b"</sst>"
            }
        ),
    ),
    "flate.pdf": flate,
    "pages.pdf": same_page_for_ever,
    "forms.pdf": forms_of_forms,
    "nested.pdf": nested_objects,
    "huge-page.pdf": huge_page,
    "loop.pdf": pdf([_CATALOGUE, b"<< /Type /Pages /Kids [2 0 R] /Count 9 >>"]),
}
"""Name of the file to what writes it."""


def _measured(path: Path, limit_s: float = 150) -> str:
    """Read one file under a limit of memory, and say what came of it."""
    code = (
        "import resource, sys, json\n"
        "resource.setrlimit(resource.RLIMIT_AS, (6 * 2**30,) * 2)\n"
        "from pathlib import Path\nfrom dxqa.errors import CorpusError\n"
        "from dxqa.readers.corpus import read_file\n"
        "path = Path(sys.argv[1])\n"
        "try:\n    found = read_file(path, path.parent)\n"
        "    told = f'{sum(len(d.text) for d in found.documents):,} chars'\n"
        "    told += '; '.join([''] + [s.reason for s in found.skipped])\n"
        "except CorpusError as error:\n    told = str(error)\n"
        "most = Path('/proc/self/status').read_text().partition('VmHWM:')[2].split()[0]\n"
        "most = max(int(most), resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)\n"
        "print(f'{most / 1024:,.0f} MB  {told[:150]}')\n"
    )
    start = time.perf_counter()
    try:
        done = subprocess.run(
            [sys.executable, "-c", code, str(path)],
            capture_output=True, text=True, check=False, timeout=limit_s,
        )  # fmt: skip
    except subprocess.TimeoutExpired:
        return f"{limit_s:.0f} s  NOT DONE"
    took = time.perf_counter() - start
    last = (done.stderr.strip().splitlines() or [""])[-1]
    return f"{took:.1f} s  {done.stdout.strip() or f'ENDED {done.returncode} {last}'}"


def made(folder: Path, names: list[str] | None = None) -> Iterator[Path]:
    """Write the bombs one by one."""
    for name in names or list(BOMBS):
        BOMBS[name](folder / name)
        yield folder / name


if __name__ == "__main__":
    import tempfile

    with tempfile.TemporaryDirectory() as temporary:
        for bomb in made(Path(temporary), sys.argv[1:]):
            sys.stdout.write(
                f"{bomb.name:20} {bomb.stat().st_size:>11,} bytes  {_measured(bomb)}\n"
            )
            sys.stdout.flush()
            bomb.unlink()
