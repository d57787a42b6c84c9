"""Changes to an input that keep it text: libFuzzer's own cut Japanese characters to pieces."""

import json
import random
from collections.abc import Callable
from pathlib import Path

from tests.fuzz.target import bytes_of, text_of

SEPARATOR = "\x1e"
"""Between the parts of an input: a question, earlier questions, filters."""

_LINES = Path(__file__).with_name("pieces.txt").read_text("utf-8").splitlines()
PIECES: tuple[str, ...] = tuple(json.loads(line) for line in _LINES if not line.startswith("#"))
_MOST_TIMES = (2, 3, 16, 100, 700)

Mutation = Callable[[str, random.Random], str]


def mutated(data: bytes, most: int, seed: int) -> bytes:
    """Return the input changed in one to three places, at most ``most`` bytes."""
    chance = random.Random(seed)  # noqa: S311 - not for secrets
    text = text_of(data)
    for _ in range(chance.randint(1, 3)):
        text = chance.choice(_MUTATIONS)(text, chance)
    return bytes_of(text)[:most]


def _insert(text: str, chance: random.Random) -> str:
    at = chance.randint(0, len(text))
    return text[:at] + chance.choice(PIECES) + text[at:]


def _repeat(text: str, chance: random.Random) -> str:
    start, end = _span(text, chance)
    return text[:end] + text[start:end] * chance.choice(_MOST_TIMES) + text[end:]


def _repeat_piece(text: str, chance: random.Random) -> str:
    at = chance.randint(0, len(text))
    return text[:at] + chance.choice(PIECES) * chance.choice(_MOST_TIMES) + text[at:]


def _delete(text: str, chance: random.Random) -> str:
    start, end = _span(text, chance)
    return text[:start] + text[end:]


def _replace(text: str, chance: random.Random) -> str:
    start, end = _span(text, chance)
    return text[:start] + chance.choice(PIECES) + text[end:]


def _move(text: str, chance: random.Random) -> str:
    start, end = _span(text, chance)
    rest, at = text[:start] + text[end:], chance.randint(0, len(text))
    return rest[:at] + text[start:end] + rest[at:]


def _any_character(text: str, chance: random.Random) -> str:
    at = chance.randint(0, len(text))
    code = chance.choice((0x80, 0x3100, 0xA000, 0xD800, 0x10000, 0x110000))
    character = chr(chance.randrange(code))
    return text[:at] + ("\udc80" if "\ud800" <= character <= "\udfff" else character) + text[at:]


def _span(text: str, chance: random.Random) -> tuple[int, int]:
    start = chance.randint(0, len(text))
    return start, min(len(text), start + chance.choice((1, 1, 2, 5, 20, 100)))


_MUTATIONS: tuple[Mutation, ...] = (
    _insert, _insert, _repeat, _repeat_piece, _delete, _replace, _move, _any_character,
)  # fmt: skip
