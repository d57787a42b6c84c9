"""Filters over metadata: what they mean, wherever they are applied."""

import re
from collections.abc import Mapping, Sequence

from dxqa.errors import QuestionError
from dxqa.japanese import normalize
from dxqa.types import Metadata, MetadataValue

Wanted = MetadataValue | Sequence[MetadataValue] | None

Filters = Mapping[str, Wanted]
"""Key to the value wanted, to several of which one is enough, or to a range ``"10000..50000"``.

None asks nothing of the key, even where the question does.
"""

_RANGE = re.compile(r"\s*(-?[\d.]+)?\s*\.\.\s*(-?[\d.]+)?\s*")


def matches(metadata: Metadata, filters: Filters) -> bool:
    """Whether metadata fulfils every filter.

    Args:
        metadata: of a passage.
        filters: as for ``Index.search``.

    Raises:
        QuestionError: a range is asked of a value that is no number.
    """
    return all(_matches(metadata.get(key), wanted) for key, wanted in filters.items())


def bounds_of(wanted: str) -> tuple[str | None, str | None] | None:
    """Return the lower and the upper bound of a range, or None for what is no range."""
    found = _RANGE.fullmatch(wanted)
    if found is None or wanted.strip() == "..":
        return None
    low, high = found.groups()
    return low, high


def same_text(value: MetadataValue) -> str:
    """Return what two values have in common that are the same as text."""
    return normalize(str(value)).text


def _matches(value: MetadataValue | None, wanted: Wanted) -> bool:
    if wanted is None:
        return True
    if isinstance(wanted, str):
        bounds = bounds_of(wanted)
        if bounds:
            return value is not None and _within(value, *bounds)
        return value is not None and same_text(value) == same_text(wanted)
    if isinstance(wanted, Sequence):
        return any(_matches(value, one) for one in wanted)
    return value == wanted


def _within(value: MetadataValue, low: str | None, high: str | None) -> bool:
    if not isinstance(value, int | float):
        raise QuestionError(f"範囲で絞り込めるのは数値の項目だけです: {value}")
    return (low is None or float(low) <= value) and (high is None or value <= float(high))
