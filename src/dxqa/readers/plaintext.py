"""Sections of plain text as people save it from a web page: no mark-up, only conventions.

Blocks are runs of lines between blank ones. A contents list names the chapters; ``…【自治体】``
heads a case; ``参考:`` gives its reference; a line of labels followed by rows that begin with a
place is a table. Short lines without a full stop that are none of these are page furniture
(captions, menus).
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field, replace

from dxqa.japanese import normalize
from dxqa.readers import table
from dxqa.readers.place_metadata import marked_place, place_metadata
from dxqa.types import Document, MetadataValue, Section

_CONTENTS = re.compile(r"(contents|table of contents|目次|もくじ)\s*$", re.IGNORECASE)
_ENTRY = re.compile(r"\s*\d+[.)．]\s*(\S.*)")
_NUMBERED = re.compile(r"(第[0-9一二三四五六七八九十]+[章節編部]|[■◆●▼#]+)\s*\S")
_REFERENCE = re.compile(r"参考(?:文献|資料|URL)?\s*:(.*)")
_LINE = re.compile(r"[^\r\n]*(?:\r\n|\r|\n)|[^\r\n]+")
_LIST_ITEM = re.compile(r"\s*([-–—・*•○]|\d+[.)．]\s|[①-⑳])")
_PROSE_END = re.compile(r"[。．.!！?？:：、,)）」]\s*$")
_TABLE_LEAD = re.compile(r"以下|次の|下記|下表|一覧")
_SHORT = 40
_LONGEST_HEADING = 120


@dataclass(frozen=True, slots=True)
class _Block:
    start: int
    end: int
    lines: tuple[str, ...]

    @property
    def line(self) -> str:
        """The only line in normal form, or ``""`` for a block of several."""
        return normalize(self.lines[0]).text.strip() if len(self.lines) == 1 else ""


@dataclass(slots=True)
class _Draft:
    """A section while its end is not known yet."""

    heading_path: tuple[str, ...]
    metadata: dict[str, MetadataValue] = field(default_factory=dict)
    blocks: list[_Block] = field(default_factory=list)


def title(text: str) -> str | None:
    """Return the first line if it stands alone and is no sentence, else None."""
    first = next(_blocks(text), None)
    if first is None or len(first.lines) > 1 or len(first.line) > _LONGEST_HEADING:
        return None
    return first.lines[0].strip() if not first.line.endswith(("。", "、")) else None


def sections(document: Document) -> tuple[list[Section], list[tuple[int, int]]]:
    """Return the sections in order, and the spans of lines that belong to none."""
    reader = _Reader(document, list(_blocks(document.text)))
    reader.read()
    return reader.sections(), reader.ignored


class _Reader:
    """Walks over the blocks once, holding the section that is open."""

    def __init__(self, document: Document, blocks: list[_Block]) -> None:
        self.document = document
        self.blocks = blocks
        self.spans = [(block.start, block.end) for block in blocks]
        self.places = table.Places()
        self.chapters = _contents(blocks)
        self.ignored: list[tuple[int, int]] = []
        self.drafts = [_Draft((document.title,))]
        self.rows: list[Section] = []
        self.chapter: tuple[str, ...] = (document.title,)

    def read(self) -> None:
        at = 0
        while at < len(self.blocks):
            at += self._take(at)

    def sections(self) -> list[Section]:
        """Close all drafts; what a table says of a place goes to the sections of that place too."""
        doc_id = self.document.doc_id
        prose = [
            Section(doc_id, d.heading_path, d.blocks[0].start, d.blocks[-1].end, d.metadata)
            for d in self.drafts
            if d.blocks
        ]
        known = {str(r.metadata["municipality"]): r.metadata for r in self.rows}
        merged = [
            replace(
                s, metadata={**known.get(str(s.metadata.get("municipality")), {}), **s.metadata}
            )
            for s in prose
        ]
        return sorted([*merged, *self.rows], key=lambda s: s.start)

    def _take(self, at: int) -> int:  # noqa: PLR0911 - one line for each kind of block
        """Read the block at this place; return how many blocks it took."""
        block = self.blocks[at]
        if self._is_contents(at):
            return self._ignore(at, _contents_length(self.blocks, at))
        if block.line and self._is_title(block):
            return self._ignore(at, 1)
        if heading := self._heading(at):
            return self._open(block, heading)
        if found := table.read(self.document.text, self.spans, at):
            return self._take_table(at, found)
        if reference := _REFERENCE.fullmatch(block.line):
            self.drafts[-1].metadata["reference"] = reference.group(1).strip()
            return self._ignore(at, 1)
        if self._is_furniture(at):
            return self._ignore(at, 1)
        self._draft_for(at).blocks.append(block)
        return 1

    def _draft_for(self, at: int) -> _Draft:
        """The open section; a new one under the same heading if a line before was left out."""
        draft = self.drafts[-1]
        if draft.blocks and draft.blocks[-1] is not self.blocks[at - 1]:
            self.drafts.append(_Draft(draft.heading_path, draft.metadata))
        return self.drafts[-1]

    def _ignore(self, at: int, count: int) -> int:
        self.ignored += [(b.start, b.end) for b in self.blocks[at : at + count]]
        return count

    def _is_contents(self, at: int) -> bool:
        return bool(_CONTENTS.match(self.blocks[at].lines[0].strip())) and bool(self.chapters)

    def _is_title(self, block: _Block) -> bool:
        return block.line == normalize(self.document.title).text.strip()

    def _heading(self, at: int) -> str:
        block = self.blocks[at]
        line = block.line
        if not line or len(line) > _LONGEST_HEADING or _REFERENCE.match(line):
            return ""
        if line in self.chapters or _NUMBERED.match(line) or marked_place(line):
            return line
        bare = not self.chapters and len(line) <= _SHORT and not _PROSE_END.search(line)
        return line if bare and not self._after_heading(at) and self._before_prose(at) else ""

    def _after_heading(self, at: int) -> bool:
        return at > 0 and not self.drafts[-1].blocks and len(self.drafts) > 1

    def _before_prose(self, at: int) -> bool:
        following = self.blocks[at + 1 : at + 3]
        return any(len(b.lines) > 1 or _PROSE_END.search(b.line) for b in following)

    def _open(self, block: _Block, heading: str) -> int:
        case = marked_place(heading)
        metadata = place_metadata(case)
        name = block.lines[0].strip()
        if case:
            self.places.add(str(metadata.get("municipality", "")))
            self.drafts.append(_Draft((*self.chapter, name), dict(metadata)))
        else:
            self.chapter = (self.document.title, name)
            self.drafts.append(_Draft(self.chapter))
        return 1

    def _is_furniture(self, at: int) -> bool:
        """Whether a lone short line is a caption or a menu entry rather than prose."""
        line = self.blocks[at].line
        if not line or len(line) > _SHORT or _LIST_ITEM.match(line) or len(self.blocks) == 1:
            return False
        label = line.endswith(":") and not self._before_prose(at)
        return label or not _PROSE_END.search(line) or bool(re.fullmatch(r"[^。]*:", line))

    def _take_table(self, at: int, found: table.Table) -> int:
        """Add one section a row; a lead-in sentence right before the table goes with it."""
        draft, lead = self.drafts[-1], self.blocks[at - 1]
        if draft.blocks and draft.blocks[-1] is lead and _TABLE_LEAD.search(lead.line):
            self.ignored.append((lead.start, lead.end))
            draft.blocks.pop()
        path = (*self.chapter, found.header)
        for row in found.rows:
            metadata = table.row_metadata(self.document.text[row[0] : row[1]], self.places)
            self.rows.append(
                Section(self.document.doc_id, path, row[0], row[1], metadata, atomic=True)
            )
        # What follows a table is not part of the case before it.
        self.drafts.append(_Draft(self.chapter))
        return found.blocks


def _blocks(text: str) -> Iterator[_Block]:
    start = end = 0
    for match in _LINE.finditer(text):
        if match.group().isspace():
            yield from _block(text, start, end)
            start = match.end()
        end = match.end()
    yield from _block(text, start, end)


def _block(text: str, start: int, end: int) -> Iterator[_Block]:
    """Yield what stands between two offsets, the blanks around it left out, if anything does."""
    body = text[start:end]
    if body.strip():
        first = start + len(body) - len(body.lstrip())
        yield _Block(first, start + len(body.rstrip()), tuple(body.strip().splitlines()))


def _contents(blocks: list[_Block]) -> frozenset[str]:
    """Return the entries of the contents list in normal form; empty without such a list."""
    for at, block in enumerate(blocks):
        if _CONTENTS.match(block.lines[0].strip()):
            lines = [ln for b in blocks[at : at + _contents_length(blocks, at)] for ln in b.lines]
            entries = [_ENTRY.fullmatch(normalize(line).text) for line in lines]
            return frozenset(entry.group(1).strip() for entry in entries if entry)
    return frozenset()


def _contents_length(blocks: list[_Block], at: int) -> int:
    """Count the blocks of a contents list: its title and the block of entries."""
    if len(blocks[at].lines) > 1 or at + 1 == len(blocks):
        return 1
    entries = blocks[at + 1].lines
    return 2 if all(_ENTRY.fullmatch(line) for line in entries) else 1
