"""The two sides of search."""

import math
from pathlib import Path

import numpy as np
import pytest

from dxqa.dense import FLAT_LIMIT, DenseIndex
from dxqa.lexical import LexicalIndex


def test_dense_scores_are_cosines_in_row_order(tmp_path: Path) -> None:
    rows = np.array([[1, 0], [0, 1], [0.6, 0.8]], dtype=np.float32)
    index = DenseIndex.build(rows)
    query = np.array([[0.6, 0.8]], dtype=np.float32)
    assert index.cosines(query) == pytest.approx([0.6, 0.8, 1.0])
    assert index.cosines(query, np.array([2, 0])) == pytest.approx([1.0, 0.6])
    assert index.nearest(query, 2).tolist() == [1, 2]
    assert index.nearest(query, 2, allowed=np.array([0])).tolist() == [0]
    index.save(tmp_path / "x.faiss")
    loaded = DenseIndex.load(tmp_path / "x.faiss")
    assert len(loaded) == 3
    assert loaded.dimension == 2
    assert loaded.vectors() == pytest.approx(rows)


def test_a_large_index_is_clustered_and_finds_nearly_all() -> None:
    rng = np.random.default_rng(0)
    centres = rng.normal(size=(200, 32))
    rows = centres[rng.integers(0, 200, FLAT_LIMIT + 500)] + 0.3 * rng.normal(
        size=(FLAT_LIMIT + 500, 32)
    )
    rows = (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)
    index = DenseIndex.build(rows)
    assert index.kind == "IndexIVFFlat"
    assert index.vectors(np.array([5, 20_300])) == pytest.approx(rows[[5, 20_300]])
    found, exact = 0, 0
    for query in rows[:50]:
        best = set(np.argsort(-(rows @ query))[:10].tolist())
        found += len(best & set(index.nearest(query[None], 10).tolist()))
        exact += 10
    assert found / exact >= 0.95
    few = np.arange(0, len(rows), 100)
    assert set(index.nearest(rows[:1], 10, allowed=few).tolist()) <= set(few.tolist())


@pytest.fixture
def lexical() -> LexicalIndex:
    return LexicalIndex.build([["県", "負担"], ["県", "県", "派遣"], [], ["町"]])


def test_idf_is_that_of_bm25(lexical: LexicalIndex) -> None:
    assert lexical.idf("県") == pytest.approx(math.log(1 + (4 - 2 + 0.5) / (2 + 0.5)))
    assert lexical.idf("ない") == pytest.approx(math.log(1 + (4 + 0.5) / 0.5))


def test_coverage_is_a_share_of_the_question(lexical: LexicalIndex) -> None:
    scores = lexical.coverage([{"負担": 1.0}, {"派遣": 1.0}])
    assert scores[0] > 0
    assert scores[1] > 0
    assert scores[2] == scores[3] == 0
    assert scores.max() < 1


def test_unknown_words_lower_coverage(lexical: LexicalIndex) -> None:
    alone = lexical.coverage([{"負担": 1.0}])
    with_unknown = lexical.coverage([{"負担": 1.0}, {"ない": 1.0}])
    assert 0 < with_unknown[0] < alone[0]


def test_of_the_words_of_one_concept_the_best_counts_once(lexical: LexicalIndex) -> None:
    one = lexical.coverage([{"派遣": 1.0}])
    both = lexical.coverage([{"派遣": 1.0, "県": 0.1}])
    assert both[1] == pytest.approx(one[1])


def test_pairs_that_follow_one_another_add() -> None:
    index = LexicalIndex.build([["a", "b", "a b"], ["b", "a", "b a"]])
    scores = index.coverage([{"a": 1.0}, {"b": 1.0}], ["a b"])
    assert scores[0] > scores[1]


def test_an_index_of_nothing_but_empty_texts_scores_nothing(tmp_path: Path) -> None:
    index = LexicalIndex.build([[], []])
    assert index.coverage([{"県": 1.0}]).tolist() == [0, 0]
    index.save(tmp_path / "lexical")
    assert len(LexicalIndex.load(tmp_path / "lexical")) == 2


def test_what_is_saved_scores_the_same(lexical: LexicalIndex, tmp_path: Path) -> None:
    lexical.save(tmp_path / "lexical")
    loaded = LexicalIndex.load(tmp_path / "lexical")
    concepts = [{"県": 1.0}, {"負担": 1.0}]
    assert loaded.coverage(concepts).tolist() == lexical.coverage(concepts).tolist()
