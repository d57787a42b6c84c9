"""What an index is made of: files, and the code that reads and analyses them.

As long as neither changes, building again makes the same.
"""

import hashlib
import re
from functools import cache
from importlib.metadata import PackageNotFoundError, requires, version
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path

from dxqa.encoders.cache import sha256_of
from dxqa.readers.corpus import corpus_files

_MODULES = ("japanese", "readers", "passages.py", "tokenizer.py", "types.py")


def file_digests(corpus: Path) -> dict[str, str]:
    """Return the sha256 of every file that a corpus is read from, by its path below ``corpus``."""
    found: dict[str, str] = {}
    for path in corpus_files(corpus):
        name = path.name if path == corpus else path.relative_to(corpus).as_posix()
        try:
            found[name] = sha256_of(path)
        except OSError as error:  # the reader reports it
            found[name] = str(error.strerror)
    return found


@cache
def pipeline_digest() -> str:
    """Return a digest of the code that reads and analyses, and of the packages it may use.

    An optional reader that is installed later thus makes the next build read again what had been
    skipped.
    """
    digest = hashlib.sha256()
    package = files("dxqa")
    for name in _MODULES:
        for source in _sources(package / name):
            digest.update(source)
    for requirement in sorted(requires("dxqa") or []):
        needed = re.split(r"[^\w.-]", requirement, maxsplit=1)[0]
        digest.update(f"{needed} {_version(needed)}\n".encode())
    return digest.hexdigest()[:32]


def _sources(place: Traversable) -> list[bytes]:
    if place.is_file():
        return [place.read_bytes()] if place.name.endswith(".py") else []
    inner = sorted(place.iterdir(), key=lambda item: item.name)
    return [source for item in inner if item.name != "__pycache__" for source in _sources(item)]


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return ""
