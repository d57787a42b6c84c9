"""Word and Excel files are zip archives of XML: checked before a library opens them."""

import codecs
import zipfile
import zlib
from collections.abc import Sequence
from pathlib import Path

from dxqa.errors import CorpusError

LARGEST_XML = 100 * 2**20
"""Bytes of XML in one file, unpacked."""
LARGEST = 300 * 2**20
"""Bytes of all of one file, pictures too, unpacked: libraries unpack them whether shown or not."""
_MOST_MEMBERS = 10_000
_MOST_TAGS = 5_000_000
"""Each of them becomes an object of a hundred bytes and more."""
_OLE = b"\xd0\xcf\x11\xe0"
_DOCTYPES = tuple("<!DOCTYPE".encode(e) for e in ("utf-8", "utf-16-le", "utf-16-be"))
_BEFORE_XML = codecs.BOM_UTF8 + codecs.BOM_UTF16_LE + codecs.BOM_UTF16_BE + b" \t\r\n\0"
_PIECE = 2**20
_DAMAGED = (
    zipfile.BadZipFile,
    zipfile.LargeZipFile,
    zlib.error,
    NotImplementedError,
    RuntimeError,  # an encrypted member
    EOFError,
)


def check(path: Path) -> None:
    """See to it that opening the archive takes bounded memory and no entities.

    Raises:
        CorpusError: encrypted, damaged, too large unpacked, or with a document type.
    """
    with path.open("rb") as file:
        if file.read(len(_OLE)) == _OLE:
            raise CorpusError(
                "パスワードで保護されているか、古い形式です。"
                "パスワードを外し、今の形式 (.docx .xlsx) で保存し直してください"
            )
    try:
        with zipfile.ZipFile(path) as archive:
            _check_members(archive)
    except _DAMAGED as error:
        raise CorpusError("ファイルが壊れているようです。保存し直してください") from error


def _check_members(archive: zipfile.ZipFile) -> None:
    members = archive.infolist()
    if len(members) > _MOST_MEMBERS:
        raise CorpusError(f"中のファイルが多すぎます ({_MOST_MEMBERS:,} 個まで)")
    # zipfile unpacks no more of a member than its header says.
    _check_unpacked(members, LARGEST)
    # A part is XML by what it says, not by its name.
    texts = [m for m in members if _is_xml(archive, m)]
    _check_unpacked(texts, LARGEST_XML)
    if sum(_checked_tags(archive, member) for member in texts) > _MOST_TAGS:
        raise CorpusError(
            f"中身が細かすぎます (タグ {_MOST_TAGS:,} 個まで)。分けて保存してください"
        )


def _check_unpacked(members: Sequence[zipfile.ZipInfo], most: int) -> None:
    if sum(member.file_size for member in members) > most:
        raise CorpusError(
            f"展開すると大きすぎます ({most // 2**20} MB まで)。分けて保存してください"
        )


def _is_xml(archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> bool:
    """Whether it may be XML; pictures of that kind (.svg) are none that is read here."""
    name = member.filename.lower()
    if name.endswith((".xml", ".rels", ".vml")):
        return True
    with archive.open(member) as file:
        begin = file.read(64).lstrip(_BEFORE_XML)
    return begin.startswith(b"<") and not name.endswith(".svg")


def _checked_tags(archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> int:
    """Return how many tags a part has."""
    before, count = b"", 0
    with archive.open(member) as file:
        while piece := file.read(_PIECE):
            if any(mark in before + piece for mark in _DOCTYPES):
                raise CorpusError("安全でない XML (DOCTYPE) が入っているため読みません")
            before, count = piece[-32:], count + piece.count(b"<")
    return count
