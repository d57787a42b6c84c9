"""Which reader reads which files; libraries are loaded when a file needs them."""

import importlib
from collections.abc import Callable
from pathlib import Path

from dxqa.errors import CorpusError
from dxqa.readers import markdown, plaintext
from dxqa.readers.encoding import decode
from dxqa.readers.frontmatter import split_front_matter
from dxqa.readers.reading import Extract, Reading

LARGEST_BYTES = 200 * 2**20
LONGEST_LINE = 100_000
"""Characters without a line break; the rules that find sentences are made for less."""

MARKDOWN = (".md", ".markdown")
_READERS = {
    ".html": "html",
    ".htm": "html",
    ".pdf": "pdf",
    ".docx": "word",
    ".xlsx": "excel",
    ".xlsm": "excel",
    ".csv": "delimited",
    ".tsv": "delimited",
    ".jsonl": "json_lines",
    ".ndjson": "json_lines",
}
SUFFIXES = (*MARKDOWN, ".txt", *_READERS)
BY_LIBRARIES = (".html", ".htm", ".pdf", ".docx", ".xlsx", ".xlsm")
"""Suffixes of formats that libraries read; see ``apart``."""
EXTRACTED = tuple(_READERS)
"""Suffixes of formats whose text is extracted; see ``extracted``."""

_INSTEAD = {".doc": ".docx", ".xls": ".xlsx", ".rtf": ".docx", ".odt": ".docx", ".ods": ".xlsx"}
_PACKAGES = {
    "selectolax": "selectolax",
    "pypdfium2": "pypdfium2",
    "docx": "python-docx",
    "openpyxl": "openpyxl",
}


def read(path: Path) -> Reading:
    """Read the documents in one file.

    Raises:
        CorpusError: of another format, too large, damaged, or its library is not installed.
    """
    suffix = path.suffix.lower()
    if suffix not in SUFFIXES:
        instead = f"。{_INSTEAD[suffix]} で保存し直してください" if suffix in _INSTEAD else ""
        raise CorpusError(f"対応していない形式です ({path.suffix or '拡張子なし'}){instead}")
    try:
        _check_size(path)
        reading = _reader(suffix)(path)
    except CorpusError:
        raise
    except OSError as error:
        raise CorpusError(f"ファイルを開けません ({error.strerror or error})") from error
    except RecursionError as error:
        raise CorpusError("入れ子が深すぎて読めません") from error
    except MemoryError as error:
        raise CorpusError("読むのにメモリが足りません。分けて保存してください") from error
    except Exception as error:  # libraries raise anything at all on damaged files
        raise CorpusError(f"ファイルが壊れているようです ({type(error).__name__})") from error
    if not any(extract.text.strip() for extract in reading.extracts):
        lost = "".join(f" ({loss.part}: {loss.reason})" for loss in reading.losses[:1])
        raise CorpusError(f"本文がありません{lost}")
    return reading


def check_lines(text: str) -> None:
    """Refuse lines for which what is done with sentences is not made.

    Raises:
        CorpusError: one is too long.
    """
    if any(len(line) > LONGEST_LINE for line in text.splitlines()):
        raise CorpusError(f"改行のない部分が長すぎます ({LONGEST_LINE:,} 字まで)")


def _reader(suffix: str) -> Callable[[Path], Reading]:
    if suffix not in _READERS:
        return _read_text
    try:
        module = importlib.import_module(f"dxqa.readers.{_READERS[suffix]}")
    except ModuleNotFoundError as error:
        package = _PACKAGES.get((error.name or "").partition(".")[0])
        if package is None:
            raise
        raise CorpusError(
            f"この形式を読むには {package} が必要です。"
            "pip install 'dxqa[documents]' でインストールしてください"
        ) from error
    reader: Callable[[Path], Reading] = module.read
    return reader


def _check_size(path: Path) -> None:
    size = path.stat().st_size
    if size == 0:
        raise CorpusError("ファイルが空です")
    if size > LARGEST_BYTES:
        raise CorpusError(
            f"大きすぎます ({size / 2**20:,.0f} MB)。{LARGEST_BYTES // 2**20} MB までです"
        )


def _read_text(path: Path) -> Reading:
    """Read Markdown or plain text exactly as it stands."""
    text = decode(path.read_bytes())
    check_lines(text)
    if path.suffix.lower() not in MARKDOWN:
        return Reading((Extract(text, plaintext.title(text) or ""),))
    metadata = split_front_matter(text).metadata
    title = str(metadata.get("title") or markdown.title(text) or "")
    return Reading((Extract(text, title, metadata),))
