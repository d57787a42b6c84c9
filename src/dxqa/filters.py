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
_MOST_VALUES = 1000
_LONGEST_TEXT = 1000


def checked(given: object) -> Filters:
    """Return filters as they were given, after a look at them: programs can send anything.

    Raises:
        QuestionError: something else than keys and values, or more than anybody needs.
    """
    if not isinstance(given, Mapping) or not all(isinstance(key, str) for key in given):
        raise QuestionError("絞り込みは、項目名と値の組で指定してください。")
    values = [one for value in given.values() for one in _listed(value)]
    if len(given) + len(values) > _MOST_VALUES:
        raise QuestionError(f"絞り込みの値が多すぎます。{_MOST_VALUES:,} 個までにしてください。")
    for value in values:
        _check_value(value)
    return given


def _listed(value: object) -> Sequence[object]:
    return value if isinstance(value, Sequence) and not isinstance(value, str) else [value]


def _check_value(value: object) -> None:
    if value is not None and not isinstance(value, str | int | float):
        raise QuestionError(f"絞り込みの値は、文字か数値で指定してください: {str(value)[:40]}")
    if isinstance(value, str) and len(value) > _LONGEST_TEXT:
        raise QuestionError(f"絞り込みの値が長すぎます。{_LONGEST_TEXT:,} 字までにしてください。")
    if isinstance(value, str) and (bounds := bounds_of(value)):
        _check_bounds(value, bounds)


def _check_bounds(value: str, bounds: tuple[str | None, str | None]) -> None:
    try:
        [float(bound) for bound in bounds if bound is not None]
    except ValueError as error:
        raise QuestionError(
            f"絞り込みの範囲が数値になっていません: {value[:40]}。10000..50000 のように"
            "書いてください。"
        ) from error


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
