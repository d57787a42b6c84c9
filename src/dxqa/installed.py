"""Whether what pip installed is still what pip installed: each file against pip's own record."""

import base64
import hashlib
from importlib.metadata import FileHash, PackageNotFoundError, PackagePath, files
from pathlib import Path

from dxqa.errors import PackageError

_NAMED = 3


def verify_installed(name: str) -> int:
    """Check the files of an installed package; return how many there were with a checksum.

    Of a package that is not installed, or by a link to its source, that is none or few.

    Raises:
        PackageError: a file is missing or altered.
    """
    recorded = [(file, file.hash) for file in _files(name) if file.hash]
    altered = [str(file) for file, hash_ in recorded if not _is_intact(file, hash_)]
    if altered:
        first = "、".join(altered[:_NAMED]) + ("、…" if altered[_NAMED:] else "")
        raise PackageError(
            f"パッケージ {name} に、入れたときと違うファイルが {len(altered)} 件あります: {first}。"
            "壊れたか書き換えられています。信頼できる元から "
            f"pip install --force-reinstall --no-deps {name} で入れ直してください。"
        )
    return len(recorded)


def _files(name: str) -> list[PackagePath]:
    try:
        return files(name) or []
    except PackageNotFoundError:
        return []


def _is_intact(file: PackagePath, recorded: FileHash) -> bool:
    try:
        digest = hashlib.new(recorded.mode, Path(file.locate()).read_bytes()).digest()
    except OSError:
        return False
    return base64.urlsafe_b64encode(digest).rstrip(b"=").decode() == recorded.value
