"""Filters: what they let through here, and what the expression made of them does on a server."""

import json
from collections import defaultdict
from typing import Any

from dxqa.engines.milvus.filters import COLUMNS, NUMBER, expression, fields_of
from dxqa.filters import checked, matches
from dxqa.types import Metadata
from tests.fuzz.target import Target, bytes_of, text_of

_METADATA: tuple[Metadata, ...] = (
    {},
    {"prefecture": "山形県", "kind": "町", "municipality": "山形県舟形町", "population": 4800},
    {"population": 1.5, "": "", "#": "x", "a": "1", "b": True, "c": -0.0, "d": 10**20},
    {"population": "四千", "prefecture": 'a"b\\', "kind": "\ud800", "a": 1, "x\n": "y"},
)
_SEEDS: tuple[dict[str, object], ...] = (
    {"prefecture": "山形県", "population": "..30000"},
    {"kind": ["市", "町"], "a": 1, "population": "10000..50000", "b": None},
    {"a": '" or 1 == 1 or "', "d": 1e20, "x\n": "y", "": "-1.5.."},
)


class _Missing:
    """Compares with nothing, as a field that a passage lacks does on a server."""

    __eq__ = __le__ = __ge__ = __gt__ = lambda *_: False
    __hash__ = object.__hash__


def check_filters(data: bytes) -> None:
    try:
        filters = json.loads(text_of(data))
    except (ValueError, RecursionError):
        return
    told = checked(filters)
    asked = expression(told)
    for metadata in _METADATA:
        if matches(metadata, told) and asked:
            assert _evaluated(asked, metadata), (asked, metadata)


def _evaluated(asked: str, metadata: Metadata) -> bool:
    """Read an expression as Python, whose grammar holds all that ours are made of."""
    fields = fields_of(metadata)
    held: dict[str, Any] = {name: fields[name] for name in (*COLUMNS, NUMBER)}
    for name in ("metadata", "numbers"):
        told = fields[name]
        assert isinstance(told, dict)
        held[name] = defaultdict(_Missing, told)
    return bool(eval(asked, {"__builtins__": {}}, held))  # noqa: S307 - a breakout is a finding


def _seeds() -> list[bytes]:
    return [bytes_of(json.dumps(filters, ensure_ascii=False)) for filters in _SEEDS]


TARGETS = (Target("filters", check_filters, _seeds, largest=2048),)
