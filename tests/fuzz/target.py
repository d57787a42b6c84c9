"""What is fuzzed: a function of bytes that raises where something is wrong."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Target:
    """One function under test.

    Attributes:
        check: runs it on an input. A ``DxqaError`` is a refusal, as users get it; whatever else it
            raises is a finding, an ``AssertionError`` that of an invariant.
        seeds: what the fuzzer begins with, made by code.
        largest: bytes of an input.
    """

    name: str
    check: Callable[[bytes], None]
    seeds: Callable[[], Sequence[bytes]]
    largest: int = 4096


def text_of(data: bytes) -> str:
    """Return bytes as text; what is no UTF-8 becomes lone surrogates, which JSON can send too."""
    return data.decode("utf-8", "surrogateescape")


def bytes_of(text: str) -> bytes:
    """Return what ``text_of`` reads as this text."""
    try:
        return text.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:  # the other half of the surrogates
        return text.encode("utf-8", "surrogatepass")
