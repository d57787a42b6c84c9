"""The project's own evaluation questions are well formed and fit the digest.

``questions.jsonl`` has the keys of the shared development file and two more: ``split``, "tune" or
"report", and ``why``, a short phrase on what the row is there to check. Both halves have been
looked at by now; ``held_back.jsonl`` (no ``split``) is only ever measured.
"""

import json
import re
import unicodedata
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

HERE = Path(__file__).parent
CORPUS = HERE.parents[1] / "corpus"
KEYS = {
    "id",
    "type",
    "question",
    "cases",
    "chapters",
    "must",
    "answerable",
    "history",
    "split",
    "why",
}
COUNTS = {
    "fact": 35,
    "paraphrase": 45,
    "list": 25,
    "compare": 15,
    "background": 25,
    "contact": 20,
    "variant": 25,
    "followup": 20,
    "near_miss": 70,
    "off_topic": 30,
}
NEVER_ANSWERABLE = {"near_miss", "off_topic"}
UNANSWERABLE_CONTACTS = 3

Row = dict[str, Any]


def normalized(text: str) -> str:
    return unicodedata.normalize("NFKC", text)


def load_rows() -> list[Row]:
    text = (HERE / "questions.jsonl").read_text(encoding="utf-8")
    return [json.loads(line) for line in text.splitlines()]


def load_digest() -> dict[str, str]:
    """Map every municipality and chapter to the normalized text of its file in corpus/."""
    digest: dict[str, str] = {}
    for path in sorted(CORPUS.rglob("*.md")):
        text = path.read_text(encoding="utf-8")
        name = re.search(r"^(?:municipality|chapter): (.+)$", text, re.MULTILINE)
        if name is not None:
            digest[name[1]] = normalized(text)
    return digest


ROWS = load_rows()
DIGEST = load_digest()
ANSWERABLE = [row for row in ROWS if row["answerable"]]


def named(row: Row) -> str:
    return str(row["id"])


def is_strings(value: object) -> bool:
    return isinstance(value, list) and all(isinstance(item, str) and item for item in value)


@pytest.mark.parametrize("row", ROWS, ids=named)
def test_row_follows_the_schema(row: Row) -> None:
    assert set(row) == KEYS
    assert row["type"] in COUNTS
    assert row["split"] in {"tune", "report"}
    assert isinstance(row["answerable"], bool)
    assert isinstance(row["question"], str)
    assert row["question"].strip() == row["question"] != ""
    assert isinstance(row["why"], str)
    assert row["why"].isascii()
    assert 0 < len(row["why"]) <= 80
    for key in ("cases", "chapters", "history"):
        assert is_strings(row[key]) or row[key] == []
    assert isinstance(row["must"], list)
    assert all(is_strings(group) and group for group in row["must"])


@pytest.mark.parametrize("row", ROWS, ids=named)
def test_targets_go_with_answerability(row: Row) -> None:
    targets = [*row["cases"], *row["chapters"]]
    assert row["answerable"] == bool(targets) == bool(row["must"])
    assert len(set(targets)) == len(targets)
    assert set(targets) <= set(DIGEST)
    if row["type"] in NEVER_ANSWERABLE:
        assert not row["answerable"]
    elif row["type"] != "contact":
        assert row["answerable"]
    if row["type"] in {"list", "compare"}:
        assert len(row["cases"]) > 1
    if row["type"] == "background":
        assert row["chapters"]
        assert not row["cases"]


@pytest.mark.parametrize("row", ROWS, ids=named)
def test_only_followups_have_a_history(row: Row) -> None:
    assert (1 <= len(row["history"]) <= 3) == (row["type"] == "followup")


@pytest.mark.parametrize("row", ANSWERABLE, ids=named)
def test_every_must_group_occurs_in_the_digest(row: Row) -> None:
    # Any one chapter suffices for an answer, so each one must hold all groups.
    texts = [DIGEST[name] for name in row["chapters"]] or [
        "\n".join(DIGEST[name] for name in row["cases"])
    ]
    for text in texts:
        for group in row["must"]:
            assert any(normalized(choice) in text for choice in group), group


def test_the_digest_has_all_cases_and_chapters() -> None:
    assert len(DIGEST) == 16


def test_ids_are_consecutive() -> None:
    assert [row["id"] for row in ROWS] == [f"q{n:03d}" for n in range(1, len(ROWS) + 1)]


def test_questions_are_unique() -> None:
    # The same words may follow another history, but none do so far.
    asked = Counter(normalized(row["question"]) for row in ROWS)
    assert [question for question, times in asked.items() if times > 1] == []


def test_counts_by_type() -> None:
    assert Counter(row["type"] for row in ROWS) == COUNTS
    contacts = [row for row in ROWS if row["type"] == "contact" and not row["answerable"]]
    assert len(contacts) == UNANSWERABLE_CONTACTS


def test_splits_are_halves_of_every_type() -> None:
    splits = Counter((row["type"], row["split"]) for row in ROWS)
    for kind in COUNTS:
        assert abs(splits[kind, "tune"] - splits[kind, "report"]) <= 1
    assert sum(row["split"] == "tune" for row in ROWS) * 2 == len(ROWS)


def test_every_case_and_chapter_is_asked_about_in_both_splits() -> None:
    for split in ("tune", "report"):
        rows = [row for row in ROWS if row["split"] == split]
        asked = {name for row in rows for name in (*row["cases"], *row["chapters"])}
        assert asked == set(DIGEST)


def load_held_back() -> list[Row]:
    text = (HERE / "held_back.jsonl").read_text(encoding="utf-8")
    return [json.loads(line) for line in text.splitlines()]


def test_held_back_questions_have_the_form_and_are_others() -> None:
    rows = load_held_back()
    assert all(set(row) == KEYS - {"split"} for row in rows)
    assert [row["id"] for row in rows] == [f"f{n:03d}" for n in range(1, len(rows) + 1)]
    asked = {normalized(row["question"]) for row in rows}
    assert len(asked) == len(rows)
    assert not asked & {normalized(row["question"]) for row in ROWS}
    assert sum(not row["answerable"] for row in rows) >= 100


@pytest.mark.parametrize("row", [r for r in load_held_back() if r["answerable"]], ids=named)
def test_what_held_back_questions_want_is_in_the_digest(row: Row) -> None:
    text = "\n".join(DIGEST[name] for name in (*row["cases"], *row["chapters"]))
    for group in row["must"]:
        assert any(normalized(choice) in text for choice in group), group
