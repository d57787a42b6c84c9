"""HTML: the main text of a page, with headings, lists and tables.

What to leave out is told by elements, roles and the names that web sites give to navigation,
footers and cookie banners, never by how long a text is: a short paragraph is as good as another.
"""

import re
from collections.abc import Sequence
from pathlib import Path

from selectolax.lexbor import LexborHTMLParser, LexborNode

from dxqa.errors import CorpusError
from dxqa.readers.encoding import decode
from dxqa.readers.extracted import Writer
from dxqa.readers.reading import Extract, Reading
from dxqa.readers.rows import Cell, grid, names_stand_left

_CHARSET = re.compile(rb"<meta[^>]{0,200}?charset\s*=\s*[\"']?\s*([\w-]+)", re.IGNORECASE)
_XML_CHARSET = re.compile(rb"<\?xml[^>]{0,100}?encoding\s*=\s*[\"']([\w-]+)", re.IGNORECASE)
_DECLARED_WITHIN = 4096
_MAINS = ("main", "[role=main]", "article", "#tmp_contents, #contents, #content, #main, #honbun")
_LEFT_OUT = frozenset(
    "script style noscript template nav footer aside form button select iframe object svg canvas "
    "video audio rt rp head dialog menu".split()
)
_ROLES = frozenset("navigation banner contentinfo search complementary dialog alertdialog".split())
_NAMED = re.compile(
    r"(?:^|[\s_-])(?:breadcrumbs?|topic-?path|pankuzu|(?:global|local|side|g|l)-?(?:nav|menu)\w*|"
    r"side-?bar|nav(?:igation)?|cookie\w*|consent\w*|skip(?:-?(?:link|nav|to)\w*)?|sns\w*|share|"
    r"page-?top|(?:site|global|page)?-?footer|foot|(?:site|global)-?header|banner)(?=$|[\s_-])",
    re.IGNORECASE,
)
_BLOCKS = frozenset(
    "address article blockquote body caption center dd details div dl dt fieldset figcaption "
    "figure header hgroup hr legend main ol p pre section summary ul table tbody thead tfoot tr "
    "td th".split()
)
# Elements that hold nothing, or end where the next begins: they do not nest.
_FLAT = frozenset(
    "area base br col dd dt hr img input li link meta option p param source td th tr wbr".split()
)
_TAG = re.compile(r"<(/?)([a-zA-Z][\w-]*)")
_DEEPEST = 5_000
_HEADINGS = {f"h{level}": level for level in range(1, 7)}
_BREAK = "\u2028"
_BETWEEN_LINES = re.compile(r"(?<=[^\x00-\x7f])[ \t]*[\r\n]\s*(?=[^\x00-\x7f])")


def read(path: Path) -> Reading:
    """Read a saved page.

    Raises:
        CorpusError: not text, or a page without text of its own.
    """
    text = _decode(path.read_bytes())
    _check_depth(text)
    tree = LexborHTMLParser(text)
    names = [" ".join(h.text().split()) for h in tree.css("h1")]
    page = tree.css_first("title")
    fallback = " ".join(page.text().split()) if page else ""
    main = _main(tree)
    reader = _Reader()
    if main is not None:
        reader.read(main)
    body = reader.writer.text()
    if not body:
        raise CorpusError("本文が見つかりません。画面に表示してから保存し直してください")
    return Reading((Extract(body, names[0] if len(names) == 1 and names[0] else fallback),))


def _decode(data: bytes) -> str:
    head = data[:_DECLARED_WITHIN]
    found = _CHARSET.search(head) or _XML_CHARSET.search(head)
    return decode(data, found.group(1).decode("ascii") if found else "")


def _check_depth(text: str) -> None:
    """Refuse what the parser would take hours for: its time grows with the square of the depth."""
    depth = 0
    for match in _TAG.finditer(text):
        if match.group(2).lower() not in _FLAT:
            depth = max(0, depth + (-1 if match.group(1) else 1))
            if depth > _DEEPEST:
                raise RecursionError


def _main(tree: LexborHTMLParser) -> LexborNode | None:
    """Return the element that holds the text: the one so marked, else the whole body."""
    for selector in _MAINS:
        found = [node for node in tree.css(selector) if node.text().strip()]
        if len(found) == 1:
            return found[0]
    return tree.body


class _Reader:
    """Walks down the tree and writes a block whenever one ends."""

    def __init__(self) -> None:
        self.writer = Writer()
        self._words: list[str] = []
        self._in_item = False

    def read(self, node: LexborNode) -> None:
        """Write down all below a node."""
        self._children(node)
        self._flush()

    def _children(self, node: LexborNode) -> None:
        for child in node.iter(include_text=True):
            self._node(child)

    def _node(self, node: LexborNode) -> None:
        tag = node.tag or ""
        if tag == "-text":
            self._words.append(node.text(deep=False))
        elif tag == "br":
            self._words.append(_BREAK)
        elif tag in _HEADINGS:
            self._heading(node, _HEADINGS[tag])
        elif tag.startswith("-") or _is_furniture(node):
            return
        elif tag == "table" and not _is_layout(node):
            self._table(node)
        elif tag == "li":
            self._flush()
            self._in_item = True
            self._children(node)
            self._flush()
        elif tag in _BLOCKS:
            self._flush()
            self._children(node)
            self._flush()
        else:
            self._children(node)

    def _heading(self, node: LexborNode, level: int) -> None:
        self._flush()
        self.writer.heading(level, _inline(node))

    def _table(self, node: LexborNode) -> None:
        self._flush()
        if caption := node.css_first("caption"):
            self.writer.paragraph(_inline(caption))
        lines = [_cells(row) for row in node.css("tr")]
        rows = [row for row in grid(lines) if any(row)]
        if not rows:
            return
        first = next(line for line in lines if any(cell.text for cell in line))
        left = len(first) > 1 and first[0].heading and not first[-1].heading
        if left or (not first[0].heading and names_stand_left(rows)):
            for name, *values in rows:
                self.writer.row([name] * len(values), values if any(values) else [name])
        elif len(rows) == 1:
            self.writer.row([], rows[0])
        else:
            for row in rows[1:]:
                self.writer.row(rows[0], row)

    def _flush(self) -> None:
        text = _collapsed("".join(self._words))
        self._words.clear()
        if text:
            (self.writer.item if self._in_item else self.writer.paragraph)(text)
            self._in_item = False


def _is_furniture(node: LexborNode) -> bool:
    tag, told = node.tag or "", node.attributes
    if tag in _LEFT_OUT or (told.get("role") or "").lower() in _ROLES:
        return True
    if "hidden" in told or told.get("aria-hidden") == "true":
        return True
    named = f"{told.get('id') or ''} {told.get('class') or ''}"
    if tag == "header" and not _within(node, ("main", "article", "section")):
        return True
    return bool(_NAMED.search(named)) and node.css_first("main, h1") is None


def _within(node: LexborNode, tags: Sequence[str]) -> bool:
    around = node.parent
    while around is not None:
        if around.tag in tags:
            return True
        around = around.parent
    return False


def _is_layout(table: LexborNode) -> bool:
    """Whether a table only puts things beside one another."""
    inner = any(held != table for held in table.css("table"))
    return inner or table.css_first("h1, h2, h3, h4, ul, ol") is not None


def _cells(row: LexborNode) -> list[Cell]:
    return [
        Cell(
            _inline(cell).replace("\n", " "),
            _span(cell, "colspan"),
            _span(cell, "rowspan"),
            cell.tag == "th",
        )
        for cell in row.css("th, td")
    ]


def _span(cell: LexborNode, name: str) -> int:
    told = cell.attributes.get(name) or ""
    return max(1, int(told)) if re.fullmatch(r"[0-9]{1,4}", told) else 1


def _inline(node: LexborNode) -> str:
    """Return the text of an element without markup; readings above words are left out."""
    words: list[str] = []

    def walk(held: LexborNode) -> None:
        for child in held.iter(include_text=True):
            tag = child.tag or ""
            if tag == "-text":
                words.append(child.text(deep=False))
            elif tag in _BLOCKS or tag in ("br", "li"):
                words.append(_BREAK)
                walk(child)
            elif tag not in _LEFT_OUT and not tag.startswith("-"):
                walk(child)

    walk(node)
    return _collapsed("".join(words))


def _collapsed(text: str) -> str:
    """Treat blanks as a browser does; a line break in the source parts no Japanese words."""
    joined = _BETWEEN_LINES.sub("", text)
    lines = (re.sub(r"[ \t\r\n\f\xa0]+", " ", line).strip() for line in joined.split(_BREAK))
    return "\n".join(line for line in lines if line)
