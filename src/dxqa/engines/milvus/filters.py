"""Filters as Milvus reads them, and texts in a form that no server reads otherwise than we do.

An expression lets through every passage that ``dxqa.filters.matches`` does, and in rare cases more
(numbers beyond 2**53, a text asked of a number): the engine compares what comes back once more.

No text of a user stands in an expression unless it is harmless. Quotes, backslashes, control
characters, lone surrogates and whatever is very long are stored, and asked for, as a hash: there is
nothing to escape, and nothing that two servers could unescape in two ways.
"""

import hashlib
import math
import re
from collections.abc import Sequence

from dxqa.filters import Filters, Wanted, bounds_of, same_text
from dxqa.types import Metadata, MetadataValue

COLUMNS = ("municipality", "prefecture", "kind")
"""Metadata that has a field of its own, as text."""
NUMBER = "population"
"""Metadata that has a field of its own, as an integer."""

LONGEST = 256
"""Bytes of a text that is stored as it is."""
_EMPTY = "#empty"
"""The name of the key that is empty, and of no other: neither as it is nor a hash."""
_NO_NUMBER = -(2**53)
_HIGHEST = 2**53 - 1
_LONGEST_EXPRESSION = 50_000
_HARMLESS = re.compile(
    "(?!#)[^\x00-\x1f\x7f-\x9f\"'\\\\{}$\u2028\u2029\ud800-\udfff\ufffe-\U0010ffff]*"
)
_LARGEST_FLOAT = 1e308


def stored(text: str) -> str:
    """Return a text as the server holds it: as it is, or as ``#`` and its hash."""
    data = text.encode("utf-8", "surrogatepass")
    if _HARMLESS.fullmatch(text) and len(data) <= LONGEST:
        return text
    return "#" + hashlib.blake2b(data, digest_size=16).hexdigest()


def fields_of(metadata: Metadata) -> dict[str, object]:
    """Return the fields of a passage that filters are asked of."""
    texts = {_name(key): stored(same_text(value)) for key, value in metadata.items()}
    numbers = {_name(k): n for k, v in metadata.items() if (n := _number(v)) is not None}
    population = _number(metadata.get(NUMBER))
    return {
        **{key: texts.pop(key, "") for key in COLUMNS},
        NUMBER: _NO_NUMBER if population is None else _whole(population),
        "metadata": texts,
        "numbers": {key: number for key, number in numbers.items() if key != NUMBER},
    }


def expression(filters: Filters) -> str:
    """Return the condition that these filters are to the server; empty for none."""
    found = [_condition(key, wanted) for key, wanted in filters.items()]
    joined = " and ".join(f"({part})" for part in found if part)
    return joined if len(joined) <= _LONGEST_EXPRESSION else ""


def ids_expression(ids: Sequence[str]) -> str:
    """Return the condition that a passage is one of these; ids as the server holds them."""
    return f"passage_id in [{_listed(ids)}]"


def _condition(key: str, wanted: Wanted) -> str:
    if wanted is None:
        return ""
    if isinstance(wanted, str):
        bounds = bounds_of(wanted)
        return _between(key, *bounds) if bounds else f"{_text_field(key)} == {_quoted(wanted)}"
    if not isinstance(wanted, Sequence):
        number = _number(wanted)
        return "" if number is None else _compared(key, "==", number)
    parts = [_condition(key, one) for one in wanted]  # not every server knows "in" within JSON
    return " or ".join(f"({part})" for part in parts) if all(parts) else ""


def _between(key: str, low: str | None, high: str | None) -> str:
    bounds = ((sign, _parsed(bound)) for sign, bound in ((">=", low), ("<=", high)))
    parts = [_compared(key, sign, bound) for sign, bound in bounds if bound is not None]
    if key == NUMBER:
        parts.append(f"{NUMBER} > {_NO_NUMBER}")
    return " and ".join(parts)


def _compared(key: str, sign: str, number: float) -> str:
    if key == NUMBER:
        return f"{NUMBER} {sign} {_whole(number)}"
    return f'numbers["{_name(key)}"] {sign} {number!r}'


def _parsed(bound: str | None) -> float | None:
    """Return a bound as a number; what is none binds nothing here, and is told of elsewhere."""
    try:
        return None if bound is None else _number(float(bound))
    except ValueError:
        return None


def _text_field(key: str) -> str:
    return key if key in COLUMNS else f'metadata["{_name(key)}"]'


def _name(key: str) -> str:
    return stored(key) or _EMPTY


def _quoted(text: str) -> str:
    return f'"{stored(same_text(text))}"'


def _listed(texts: Sequence[str]) -> str:
    return ", ".join(f'"{text}"' for text in texts)


def _number(value: MetadataValue | None) -> float | None:
    """Return a value that compares as a number does, None for any other."""
    if not isinstance(value, int | float) or value != value:  # noqa: PLR0124 - not a number
        return None
    return float(max(-_LARGEST_FLOAT, min(_LARGEST_FLOAT, value)))


def _whole(number: float) -> int:
    """Return the integer at or below a number: what compares with the one compares with the other.

    That is, a number within two bounds stays within them when all three are rounded down.
    """
    return max(_NO_NUMBER + 1, min(_HIGHEST, math.floor(number)))
