"""Word and Excel files are zip archives of XML: checked before a library opens them."""

import zipfile
import zlib
from pathlib import Path

from dxqa.errors import CorpusError

LARGEST_XML = 100 * 2**20
"""Bytes of XML in one file, unpacked."""
_MOST_MEMBERS = 10_000
_OLE = b"\xd0\xcf\x11\xe0"
_DOCTYPES = tuple("<!DOCTYPE".encode(e) for e in ("utf-8", "utf-16-le", "utf-16-be"))
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
    texts = [m for m in members if m.filename.lower().endswith((".xml", ".rels", ".vml"))]
    # zipfile unpacks no more of a member than its header says.
    if len(members) > _MOST_MEMBERS or sum(m.file_size for m in texts) > LARGEST_XML:
        raise CorpusError(
            f"展開すると大きすぎます ({LARGEST_XML // 2**20} MB まで)。分けて保存してください"
        )
    for member in texts:
        if _has_document_type(archive, member):
            raise CorpusError("安全でない XML (DOCTYPE) が入っているため読みません")


def _has_document_type(archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> bool:
    before = b""
    with archive.open(member) as file:
        while piece := file.read(_PIECE):
            if any(mark in before + piece for mark in _DOCTYPES):
                return True
            before = piece[-32:]
    return False
