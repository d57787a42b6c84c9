"""The training data: groups of passages on one theme with the questions that people ask of them.

One line of ``data/*.jsonl`` is a group::

    {"topic": "…", "theme": "…",
     "passages": [{"id": "a", "municipality": "…" | "", "heading": "…", "sentences": ["…", …]}, …],
     "questions": [{"question": "…", "type": "spoken", "answers": ["a.1"]}, …]}

``a.1`` is the second sentence of passage ``a``. Every passage of the group that answers is listed,
so the others are hard negatives: the same theme, but another fact, municipality or slot.
``unanswerable.jsonl`` holds questions that the passages of a group do not answer.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

DATA = Path(__file__).parent / "data"
UNANSWERABLE = Path(__file__).parent / "unanswerable.jsonl"

TYPES = frozenset("terse spoken paraphrase keywords name typo followup list reason".split())

HELD_BACK = frozenset(["移住・定住", "環境・ごみ", "議会・選挙"])
"""Topics that training never sees: validation over whole topics."""


@dataclass(frozen=True, slots=True)
class Passage:
    """A few sentences under a heading, in the register of official documents."""

    municipality: str
    heading: str
    sentences: tuple[str, ...]

    @property
    def text(self) -> str:
        """What the encoder reads, in the form of `dxqa.passages.encoder_text`."""
        return f"{self.context}\n{''.join(self.sentences)}"

    @property
    def context(self) -> str:
        """The municipality and the heading."""
        return f"{self.municipality} {self.heading}".strip()

    def sentence(self, number: int) -> str:
        """One sentence under its heading, as the sentence view of an index reads it."""
        return f"{self.context}\n{self.sentences[number]}"


@dataclass(frozen=True, slots=True)
class Question:
    """A question; ``answers`` are (passage id, number of the sentence)."""

    text: str
    type: str
    answers: tuple[tuple[str, int], ...]


@dataclass(frozen=True, slots=True)
class Group:
    """Passages on one theme, by id, and questions about them."""

    topic: str
    theme: str
    passages: dict[str, Passage]
    questions: tuple[Question, ...]


def read_groups(*paths: Path) -> Iterator[Group]:
    """Yield the groups of ``paths`` (default: all of ``data/``).

    Raises:
        ValueError: a line is not in the form above; the message says where.
    """
    for path in paths or sorted(DATA.glob("*.jsonl")):
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1):
            try:
                yield _group(json.loads(line))
            except (KeyError, TypeError, ValueError, IndexError) as error:
                raise ValueError(f"{path.name}:{number}: {error!r}") from error


@dataclass(frozen=True, slots=True)
class NearMiss:
    """A question that no passage of a group answers.

    Attributes:
        kind: attribute (a detail not given of something told), swapped (told of another
            municipality), whole or background (the theme, but nothing told).
        near: (passage id, number of the sentence) that comes nearest.
    """

    topic: str
    theme: str
    text: str
    kind: str
    near: tuple[str, int]


def read_unanswerable(path: Path = UNANSWERABLE) -> Iterator[NearMiss]:
    """Yield the near misses, in the order of the file."""
    for line in path.read_text(encoding="utf-8").splitlines():
        row = json.loads(line)
        for question in row["unanswerable"]:
            name, _, number = question["near"].partition(".")
            yield NearMiss(
                row["topic"],
                row["theme"],
                question["question"],
                question["kind"],
                (name, int(number)),
            )


def _group(row: dict[str, Any]) -> Group:
    passages = {
        p["id"]: Passage(p["municipality"], p["heading"], tuple(p["sentences"]))
        for p in row["passages"]
    }
    questions = tuple(_question(q, passages) for q in row["questions"])
    return Group(row["topic"], row["theme"], passages, questions)


def _question(row: dict[str, Any], passages: dict[str, Passage]) -> Question:
    if row["type"] not in TYPES:
        raise ValueError(f"unknown type {row['type']!r} of {row['question']!r}")
    answers = []
    for answer in row["answers"]:
        name, _, number = answer.partition(".")
        answers.append((name, int(number)))
        if int(number) >= len(passages[name].sentences):
            raise ValueError(f"{answer} is not there, for {row['question']!r}")
    if not answers:
        raise ValueError(f"no answer to {row['question']!r}")
    return Question(row["question"], row["type"], tuple(answers))
