"""The block of metadata between two ``---`` lines at the top of a Markdown file."""

import datetime as dt
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass

from dxqa.errors import CorpusError
from dxqa.readers import yaml_metadata
from dxqa.types import Metadata, MetadataValue

MOST_VALUES = 200
LONGEST = 20_000
"""Characters of all the metadata of a document: each of its passages carries them."""

_LARGEST_NUMBER = 2**53
_BLOCK = re.compile(r"---[ \t]*\r?\n(.*?\r?\n)?---[ \t]*(?:\r?\n|$)", re.DOTALL)


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
    loaded = yaml_metadata.load(match.group(1) or "", "先頭のメタデータ", first_line=2)
    if not isinstance(loaded, dict | None):
        raise CorpusError("先頭のメタデータが「キー: 値」の形になっていません")
    return FrontMatter(scalars(loaded or {}), match.end())


def scalars(loaded: Mapping[object, object]) -> dict[str, MetadataValue]:
    """Return what YAML or JSON holds as simple values; keys without one are left out.

    Raises:
        CorpusError: there are too many, or too long ones.
    """
    values = {_text(key): _scalar(value) for key, value in loaded.items()}
    length = sum(len(key) + len(value) for key, value in values.items() if isinstance(value, str))
    if len(values) > MOST_VALUES or length > LONGEST:
        raise CorpusError(
            f"メタデータが多すぎます ({MOST_VALUES} 項目、合わせて {LONGEST:,} 字まで)"
        )
    return {key: value for key, value in values.items() if value is not None}


def _scalar(value: object) -> MetadataValue | None:
    if isinstance(value, int | float) and not abs(value) <= _LARGEST_NUMBER:
        # Also what is no number at all (.nan), which no JSON can hold.
        if isinstance(value, int) or math.isfinite(value):
            raise CorpusError("メタデータの数が大きすぎます")
        return str(value)
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
