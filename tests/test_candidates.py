"""Search in a large index, where not every passage is scored: as if a small one were large."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from dxqa import Index
from dxqa.retrieval import RowScores, retriever
from dxqa.retrieval.retriever import Retriever

QUESTIONS = Path(__file__).parent / "quality/questions.jsonl"
CONSIDERED = 12


def rows() -> list[dict[str, Any]]:
    return [json.loads(line) for line in QUESTIONS.read_text("utf-8").splitlines()][::5]


@pytest.fixture
def large(index: Index, monkeypatch: pytest.MonkeyPatch) -> Index:
    monkeypatch.setattr(retriever, "_ALL_LIMIT", 5)
    monkeypatch.setattr(retriever, "_CANDIDATES", CONSIDERED)
    monkeypatch.setattr(retriever, "_PLACED", 5)
    return Index(index.store, index.encoder)


def test_candidates_hold_nearly_all_that_scoring_everything_finds(
    index: Index, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = [(row["question"], row.get("history") or []) for row in rows()]
    every = [index.search(question, k=3, history=history) for question, history in asked]
    monkeypatch.setattr(retriever, "_ALL_LIMIT", 5)
    monkeypatch.setattr(retriever, "_CANDIDATES", CONSIDERED)
    found = [index.search(question, k=3, history=history) for question, history in asked]
    shares = [
        len({h.passage.passage_id for h in a} & {h.passage.passage_id for h in b}) / len(a)
        for a, b in zip(every, found, strict=True)
        if a
    ]
    first = [a[:1] and b[:1] and a[0].passage == b[0].passage for a, b in zip(every, found)]  # noqa: B905
    assert sum(shares) / len(shares) >= 0.95
    assert sum(map(bool, first)) / len(first) >= 0.97


def test_only_candidates_are_scored_and_answers_come_from_them(large: Index) -> None:
    seeker = Retriever(large.store, large.encoder)
    for row in rows()[:20]:
        query = seeker.understand(row["question"], row.get("history") or [])
        found = seeker.search(query, 5)
        considered = found.passage_scores.rows
        assert len(considered) <= 8 * CONSIDERED < len(large.store.passages)
        assert np.array_equal(considered, np.unique(considered))
        owners = large.store.owners(found.sentence_cosine.rows)
        assert set(owners.tolist()) == set(considered.tolist())
        answer = large.ask(row["question"], history=row.get("history") or [])
        for citation in answer.citations:
            document = large.store.documents[citation.passage.doc_id]
            assert document.text[citation.start : citation.end] == citation.quote


def test_filters_hold_among_candidates(large: Index) -> None:
    hits = large.search("推進体制", k=10, filters={"prefecture": "山形県"})
    assert {h.passage.municipality for h in hits} == {"山形県舟形町", "山形県酒田市"}
    assert large.search("推進体制", filters={"prefecture": "沖縄県"}) == []
    assert not large.ask("推進体制は？", filters={"prefecture": "沖縄県"}).answered


def test_scores_of_rows_not_considered_are_minus_infinity() -> None:
    scores = RowScores(np.array([2, 5, 9]), np.array([0.5, 2.0, 1.0], dtype=np.float32))
    assert scores[5] == 2.0
    assert scores[4] == -np.inf
    assert scores[np.array([9, 0, 2])].tolist() == [1.0, -np.inf, 0.5]
    assert [scores.holds(row) for row in (2, 3, 10)] == [True, False, False]
    assert scores.order.tolist() == [5, 9, 2]
    assert scores.best == 2.0
    assert (2.0 * scores + scores).values.tolist() == [1.5, 6.0, 3.0]
    none = RowScores(np.array([], dtype=np.intp), np.array([], dtype=np.float32))
    assert none[3] == none.best == -np.inf
