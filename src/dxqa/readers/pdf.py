"""PDF: the text layer page by page; a page is a heading, so that citations name it.

PDFium finds the lines. Lines that a page's width has broken are put together again, and so is a
sentence that runs over a page break: it stands on the page where it begins.
"""

import re
import threading
import unicodedata
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import pypdfium2

from dxqa.errors import CorpusError
from dxqa.japanese import split_sentences
from dxqa.readers.extracted import Writer, clean
from dxqa.readers.reading import Extract, Loss, Reading

_PDFIUM = threading.Lock()  # it is not made for several threads
_PASSWORD_ERROR = 4
_NUMBER = re.compile(r"\d+")
_SENTENCE_END = re.compile(r"[。．！？!?:：][」』）)]*$")
_NEW_LINE = re.compile(r"\s*(?:[-–—・*●○■◆•※▼▲□◇]|[(（]?\d{1,2}[)）.．](?!\d)|[①-⑳])")
_CELL_GAP = re.compile(r"(?<=[^\x00-\x7f]) (?=\S)|(?<=\S) (?=[^\x00-\x7f])")
_FEWEST_GAPS = 2
_FULL = 0.75
"""A line this near to the width of the page's lines goes on in the next."""
_NARROWEST = 20
_MOST_BROKEN = 0.3
_MOST_PAGES = 10_000
"""A few lines of PDF can stand for a million pages that are all the same."""
_MOST_CHARACTERS = 50_000_000


@dataclass(frozen=True, slots=True)
class _Page:
    number: int
    lines: tuple[str, ...]


def read(path: Path) -> Reading:
    """Read the text layer.

    Raises:
        CorpusError: encrypted, damaged, or only images.
    """
    with _PDFIUM:
        texts = _texts(path)
    pages, losses = [], []
    for number, text in enumerate(texts, start=1):
        if text is None:
            continue
        if reason := _unreadable(text):
            losses.append((number, reason))
        else:
            pages.append(_Page(number, tuple(clean(text).split("\n"))))
    if not pages:
        raise CorpusError(
            losses[0][1]
            if losses and "化け" in losses[0][1]
            else "文字の情報がありません。紙を読み取った画像だけの PDF のようです。"
            "文字認識 (OCR) をかけて保存し直してください"
        )
    return Reading((Extract(_text(pages)),), tuple(_runs(losses)))


def _texts(path: Path) -> list[str | None]:
    """Return the text of each page; None for an empty sheet, ``""`` for one of images."""
    try:
        document = pypdfium2.PdfDocument(path)
    except pypdfium2.PdfiumError as error:
        if getattr(error, "err_code", None) == _PASSWORD_ERROR:
            raise CorpusError(
                "パスワードで保護されています。パスワードを外して保存し直してください"
            ) from error
        raise CorpusError("PDF が壊れているようです。作り直してください") from error
    try:
        return list(_page_texts(document))
    finally:
        document.close()


def _page_texts(document: pypdfium2.PdfDocument) -> Iterator[str | None]:
    if len(document) > _MOST_PAGES:
        raise CorpusError(
            f"ページが多すぎます ({_MOST_PAGES:,} ページまで)。分けて保存してください"
        )
    length = 0
    for number in range(len(document)):
        text = _page_text(document, number)
        length += len(text or "")
        if length > _MOST_CHARACTERS:
            raise CorpusError(
                f"文字が多すぎます ({_MOST_CHARACTERS // 10_000:,} 万字まで)。"
                "分けて保存してください"
            )
        yield text


def _page_text(document: pypdfium2.PdfDocument, number: int) -> str | None:
    try:
        page = document[number]
        text = str(page.get_textpage().get_text_bounded())
        blank = not text.strip() and next(iter(page.get_objects()), None) is None
    except pypdfium2.PdfiumError:
        return ""
    return None if blank else text


def _unreadable(text: str) -> str:
    """Say why the text of a page is of no use; ``""`` where it is."""
    marks = [c for c in text if not c.isspace()]
    if not marks:
        return "文字の情報がありません (画像だけのページのようです)"
    broken = sum(c == "\ufffd" or unicodedata.category(c) in ("Co", "Cn", "Cc") for c in marks)
    if broken > _MOST_BROKEN * len(marks):
        return "文字が化けて取り出せません。元の文書から PDF を作り直してください"
    return ""


def _runs(losses: Sequence[tuple[int, str]]) -> Iterator[Loss]:
    """Put pages that follow one another, lost for the same reason, into one."""
    all_lost = set(losses)
    for at, (number, reason) in enumerate(losses):
        if at and losses[at - 1] == (number - 1, reason):
            continue
        last = number
        while (last + 1, reason) in all_lost:
            last += 1
        yield Loss(f"{number}ページ" if last == number else f"{number}〜{last}ページ", reason)


def _text(pages: Sequence[_Page]) -> str:
    writer = Writer()
    carried = ""
    bodies = [_paragraphs(page) for page in _without_furniture(pages)]
    for at, (page, (paragraphs, goes_on)) in enumerate(zip(pages, bodies, strict=True)):
        mine = [carried + paragraphs[0], *paragraphs[1:]] if paragraphs else [carried]
        carried = ""
        mine = [p for p in mine if p]
        if mine and goes_on and at + 1 < len(pages) and bodies[at + 1][0]:
            mine[-1], rest = _over_break(mine[-1], bodies[at + 1][0][0])
            bodies[at + 1][0][0] = rest
        writer.heading(1, f"{page.number}ページ")
        for paragraph in mine:
            writer.paragraph(paragraph)
    return writer.text()


def _over_break(before: str, after: str) -> tuple[str, str]:
    """Move the end of a sentence from the next page to where it begins."""
    if _NEW_LINE.match(after):
        return before, after
    joined = _join(before, after)
    ends = [end for _, end in split_sentences(joined)]
    cut = next((end for end in ends if end > len(before)), len(joined))
    return joined[:cut], joined[cut:].lstrip()


def _paragraphs(page: _Page) -> tuple[list[str], bool]:
    """Return the page's paragraphs, and whether the last line goes on."""
    lines = [line.strip() for line in page.lines if line.strip()]
    widths = sorted(map(_width, lines))
    full = max(_NARROWEST, _FULL * widths[int(0.9 * (len(widths) - 1))]) if widths else 0
    paragraphs: list[str] = []
    goes_on = False
    for line in lines:
        if goes_on and not _NEW_LINE.match(line):
            paragraphs[-1] = _join(paragraphs[-1], line)
        else:
            paragraphs.append(line)
        row = len(_CELL_GAP.findall(line)) >= _FEWEST_GAPS
        goes_on = _width(line) >= full and not row and not _SENTENCE_END.search(line)
    return paragraphs, goes_on


def _join(before: str, after: str) -> str:
    """Put two lines together, with a blank where only Latin words end and begin."""
    latin = before.isascii() or (before[-1:].isalpha() and after[:1].isalpha())
    words = latin and before[-1:].isascii() and after[:1].isascii() and before[-1:] not in "-/"
    return f"{before} {after}" if words and after else before + after


def _width(line: str) -> int:
    return sum(2 if unicodedata.east_asian_width(c) in "WFA" else 1 for c in line)


def _without_furniture(pages: Sequence[_Page]) -> list[_Page]:
    """Leave out running heads and page numbers; what repeats is kept once, at an end."""
    found = [_Page(p.number, tuple(ln for ln in p.lines if ln.strip())) for p in pages]
    for edge in (0, -1):
        found = _without_edge(found, edge)
    return found


def _without_edge(pages: Sequence[_Page], edge: int) -> list[_Page]:
    with_lines = [page for page in pages if page.lines]
    counts = Counter(key for p in with_lines for key in _keys(p.lines[edge], p.number))
    often = {key for key, n in counts.items() if n >= 2 and n > len(with_lines) / 2}  # noqa: PLR2004
    kept: list[_Page] = []
    seen: set[str] = set()
    for page in pages if edge == 0 else reversed(pages):
        line = page.lines[edge] if page.lines else ""
        keys = _keys(line, page.number) & often
        if keys and (keys & seen or not re.search(r"[^\W\d_]", line.replace("ページ", ""))):
            lines = page.lines[1:] if edge == 0 else page.lines[:-1]
            kept.append(_Page(page.number, lines))
        else:
            kept.append(page)
        seen |= keys
    return kept if edge == 0 else kept[::-1]


def _keys(line: str, page: int) -> frozenset[str]:
    """Return the line as it is, and with each of its numbers counted from the page's."""
    counted = {
        line[: m.start()] + f"#{int(m.group()) - page}" + line[m.end() :]
        for m in _NUMBER.finditer(line[:200])
    }
    return frozenset({line, *counted}) if line.strip() else frozenset()
