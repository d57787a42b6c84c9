"""Metadata of a file in a file of its own beside it: ``報告.pdf.yaml`` for ``報告.pdf``."""

import json
from pathlib import Path

from dxqa.errors import CorpusError
from dxqa.readers import yaml_metadata
from dxqa.readers.encoding import decode
from dxqa.readers.formats import SUFFIXES
from dxqa.readers.frontmatter import scalars
from dxqa.types import Metadata

_SUFFIXES = (".yaml", ".yml", ".json")
_LARGEST = 2**20


def is_sidecar(path: Path) -> bool:
    """Whether a name is that of a document with a further suffix."""
    return path.suffix.lower() in _SUFFIXES and Path(path.stem).suffix.lower() in SUFFIXES


def sidecars(path: Path) -> list[Path]:
    """Return the sidecar files of a document that are there; only the first is heeded."""
    names = (path.with_name(path.name + suffix) for suffix in _SUFFIXES)
    return [name for name in names if name.is_file()]


def read(path: Path) -> Metadata:
    """Read a sidecar file.

    Raises:
        CorpusError: neither YAML nor JSON, or no mapping.
    """
    try:
        if path.stat().st_size > _LARGEST:
            raise CorpusError("メタデータのファイルが大きすぎます")
        text = decode(path.read_bytes())
        json_file = path.suffix.lower() == ".json"
        loaded = json.loads(text) if json_file else yaml_metadata.load(text, "メタデータ")
    except OSError as error:
        raise CorpusError(f"ファイルを開けません ({error.strerror})") from error
    except (ValueError, RecursionError) as error:
        line = getattr(error, "lineno", None)
        told = f" ({line} 行目)" if line else ""
        raise CorpusError(f"メタデータを JSON として読めません{told}") from error
    if not isinstance(loaded, dict):
        raise CorpusError("メタデータが「キー: 値」の形になっていません")
    return scalars(loaded)
