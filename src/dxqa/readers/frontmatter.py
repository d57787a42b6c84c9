"""The block of metadata between two ``---`` lines at the top of a Markdown file."""

import datetime as dt
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass

import yaml

from dxqa.errors import CorpusError
from dxqa.types import Metadata, MetadataValue

_BLOCK = re.compile(r"---[ \t]*\r?\n(.*?\r?\n)?---[ \t]*(?:\r?\n|$)", re.DOTALL)


_LONGEST = 100_000
"""Characters of the block: reading YAML takes some 10 µs for each."""
_LARGEST_WHOLE = 2**53
"""Larger whole numbers are told apart as text only: other programs round them."""


@dataclass(frozen=True, slots=True)
class FrontMatter:
    """Parsed metadata; the body begins at offset ``end``."""

    metadata: Metadata
    end: int


def split_front_matter(text: str) -> FrontMatter:
    """Find the front matter of ``text``; without one, metadata is empty and ``end`` is 0.

    Raises:
        CorpusError: the block is not a YAML mapping.
    """
    match = _BLOCK.match(text)
    if match is None:
        return FrontMatter({}, 0)
    if match.end() > _LONGEST:
        raise CorpusError(f"先頭のメタデータが長すぎます ({_LONGEST:,} 字まで)")
    try:
        loaded = yaml.safe_load(match.group(1) or "")
    except (yaml.YAMLError, ValueError, RecursionError) as error:  # the 45th of a month
        mark = getattr(error, "problem_mark", None)
        line = f" ({mark.line + 2} 行目)" if mark else ""
        raise CorpusError(f"先頭のメタデータを YAML として読めません{line}") from error
    if not isinstance(loaded, dict | None):
        raise CorpusError("先頭のメタデータが「キー: 値」の形になっていません")
    return FrontMatter(scalars(loaded or {}), match.end())


def scalars(loaded: Mapping[object, object]) -> dict[str, MetadataValue]:
    """Return what YAML or JSON holds as simple values; keys without one are left out."""
    values = {_text(key): _scalar(value) for key, value in loaded.items()}
    return {key: value for key, value in values.items() if value is not None}


def _scalar(value: object) -> MetadataValue | None:
    if isinstance(value, float) and not math.isfinite(value):
        return _text(value)  # JSON has no such number
    if isinstance(value, int) and abs(value) > _LARGEST_WHOLE:
        return _text(value)
    if value is None or isinstance(value, int | float | bool):
        return value
    if isinstance(value, list):
        return "、".join(_text(item) for item in value)
    if isinstance(value, dt.date):
        return value.isoformat()
    return _text(value)


def _text(value: object) -> str:
    """JSON can escape half a character, which no file can hold."""
    try:
        return str(value).encode("utf-8", "replace").decode("utf-8")
    except (ValueError, RecursionError) as error:  # thousands of digits, or of lists in lists
        raise CorpusError("メタデータに、大きすぎる数か深すぎる入れ子があります") from error
