"""The two sides of search: small, exact, and fit for a million passages."""

import math
import tempfile
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import bm25s
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dxqa.arrays import ArrayWriter, RowReader, open_array
from dxqa.dense import DenseIndex, HalfVectors, HalfVectorsWriter, Mask, Rows, index
from dxqa.dense.vectors import widened
from dxqa.lexical import CHAMPIONS, LexicalIndex, postings, term_hashes, writer
from dxqa.types import Scores, Vectors

ROWS, DIMENSION = 30_000, 32


def test_an_array_written_block_by_block_is_a_npy_file(tmp_path: Path) -> None:
    with ArrayWriter(tmp_path / "x.npy", np.uint32, (2,)) as file:
        for size in (3, 0, 4):
            file.append(np.full((size, 2), size))
        with pytest.raises(ValueError, match="shape"):
            file.append(np.zeros((1, 3)))
    assert np.load(tmp_path / "x.npy").tolist() == [[3, 3]] * 3 + [[4, 4]] * 4
    with ArrayWriter(tmp_path / "none.npy", np.float32):
        pass
    assert len(open_array(tmp_path / "none.npy")) == 0


def written(folder: Path, rows: Vectors) -> HalfVectors:
    with HalfVectorsWriter(folder / "rows.npy", rows.shape[1]) as file:
        for start in range(0, len(rows), 7_000):
            file.append(rows[start : start + 7_000])
    return HalfVectors.open(folder / "rows.npy")


def unit(rows: np.ndarray) -> Vectors:
    found: Vectors = (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)
    return found


def clustered(count: int) -> Vectors:
    rng = np.random.default_rng(0)
    centres = rng.normal(size=(200, DIMENSION))
    return unit(centres[rng.integers(0, 200, count)] + 0.3 * rng.normal(size=(count, DIMENSION)))


@pytest.fixture(scope="module")
def many(tmp_path_factory: pytest.TempPathFactory) -> HalfVectors:
    return written(tmp_path_factory.mktemp("vectors"), clustered(ROWS))


@pytest.mark.parametrize("kept", [0, 10_000])
def test_cosines_and_rows_are_those_of_half_precision(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kept: int
) -> None:
    monkeypatch.setattr("dxqa.dense.vectors._KEPT", kept)
    exact = clustered(3_000)
    vectors = written(tmp_path, exact)
    halves = exact.astype(np.float16).astype(np.float32)
    numbers = np.array([2_999, 5, 5, 1_024])
    assert len(vectors) == 3_000
    assert vectors.dimension == DIMENSION
    assert np.array_equal(vectors.rows(), halves)
    assert np.array_equal(vectors.rows(numbers), halves[numbers])
    assert vectors.rows(numbers[:0]).shape == (0, DIMENSION)
    queries = exact[:2]
    expected = (halves @ queries.T).mean(axis=1)
    assert vectors.cosines(queries) == pytest.approx(expected, abs=1e-5)
    assert vectors.cosines(queries, numbers) == pytest.approx(expected[numbers], abs=1e-5)
    assert np.abs(expected - (exact @ queries.T).mean(axis=1)).max() < 4e-4


@given(st.lists(st.floats(-1, 1, width=16), min_size=1))
def test_every_number_up_to_one_is_widened_exactly(numbers: list[float]) -> None:
    halves = np.array(numbers, dtype=np.float16)
    assert widened(halves).tolist() == halves.astype(np.float64).tolist()


@given(st.lists(st.integers(0, 99), max_size=40))
def test_rows_are_read_wherever_they_stand(numbers: list[int]) -> None:
    held = np.arange(300, dtype=np.uint16).reshape(100, 3)
    with tempfile.TemporaryDirectory() as folder:
        np.save(Path(folder, "x.npy"), held)
        rows = np.array(numbers, dtype=np.intp)
        assert RowReader(Path(folder, "x.npy")).take(rows).tolist() == held[rows].tolist()


def nearest_exactly(
    vectors: HalfVectors, query: Vectors, k: int, allowed: Mask | None = None
) -> set[int]:
    cosines = vectors.cosines(query[None])
    if allowed is not None:
        cosines[~allowed] = -2
    return set(np.argsort(-cosines)[:k].tolist())


def recall(dense: DenseIndex, vectors: HalfVectors, allowed: Mask | None = None) -> float:
    queries = unit(vectors.rows(np.arange(100, 200)) + np.float32(0.05))
    hits = [
        len(set(dense.nearest(q[None], 10, allowed).tolist()) & best)
        for q in queries
        for best in [nearest_exactly(vectors, q, 10, allowed)]
    ]
    return sum(hits) / 1000


LIMITS = {"Flat,SQfp16": ROWS, "IVF692,PQ16x4fs": 0}


@pytest.fixture(scope="module", params=LIMITS)
def dense(
    request: pytest.FixtureRequest, many: HalfVectors, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[DenseIndex]:
    path = tmp_path_factory.mktemp("dense") / "x.faiss"
    done: list[tuple[int, int]] = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(index, "FLAT_LIMIT", LIMITS[request.param])
        kind = DenseIndex.build(many, path, lambda *state: done.append(state))
        assert kind == request.param
        assert done[-1] == (ROWS, ROWS)
        twice = path.with_name("y.faiss")
        DenseIndex.build(many, twice)
        assert twice.read_bytes() == path.read_bytes()
        yield DenseIndex.load(many, path)


def test_every_kind_finds_the_nearest(dense: DenseIndex, many: HalfVectors) -> None:
    assert (len(dense), dense.dimension, dense.kind in LIMITS) == (ROWS, DIMENSION, True)
    found = recall(dense, many)
    assert found >= 0.95
    if dense.kind.startswith("Flat"):
        assert found >= 0.999


@pytest.mark.parametrize(
    ("share", "limit"),
    [(0.01, 20_000), (0.05, 0), (0.5, 0)],
    ids=["few are compared", "5 % are selected", "50 % are selected"],
)
def test_filters_hold_however_few_they_leave(
    dense: DenseIndex,
    many: HalfVectors,
    monkeypatch: pytest.MonkeyPatch,
    share: float,
    limit: int,
) -> None:
    monkeypatch.setattr(index, "_FEW", limit)
    allowed = np.random.default_rng(1).random(ROWS) < share
    assert recall(dense, many, allowed) >= 0.95
    found = dense.nearest(many.rows(np.array([3])), ROWS, allowed)
    assert set(found.tolist()) <= set(np.flatnonzero(allowed).tolist())
    if not limit:
        return
    assert dense.nearest(many.rows(np.array([3])), 10, np.zeros(ROWS, dtype=bool)).tolist() == []


def test_the_nearest_to_any_of_the_queries_come_once_and_ascending(
    dense: DenseIndex, many: HalfVectors
) -> None:
    queries = many.rows(np.array([7, 7, 20_000]))
    found = dense.nearest(queries, 5).tolist()
    assert found == sorted(set(found))
    assert {7, 20_000} <= set(found)
    assert 5 <= len(found) <= 10


def test_threads_may_search_at_once(dense: DenseIndex, many: HalfVectors) -> None:
    allowed = np.arange(ROWS) % 3 > 0

    def ask(number: int) -> list[np.intp]:
        return list(dense.nearest(many.rows(np.array([number])), 10, allowed))

    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(ask, range(200))) == [ask(number) for number in range(200)]


def test_an_index_of_no_rows_finds_none(tmp_path: Path) -> None:
    vectors = written(tmp_path, np.empty((0, 4), dtype=np.float32))
    DenseIndex.build(vectors, tmp_path / "x.faiss")
    loaded = DenseIndex.load(vectors, tmp_path / "x.faiss")
    assert loaded.nearest(np.ones((1, 4), dtype=np.float32), 3).tolist() == []


def anonymous_kib() -> int:
    status = Path("/proc/self/status").read_text("utf-8")
    return int(status.split("RssAnon:")[1].split()[0])


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="Linux tells memory by kind")
def test_what_is_loaded_is_mapped_not_copied(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(index, "FLAT_LIMIT", 0)
    rng = np.random.default_rng(0)
    wide = written(tmp_path, unit(rng.normal(size=(20_000, 512))))
    DenseIndex.build(wide, tmp_path / "x.faiss")
    LexicalIndex.build(
        tmp_path / "terms", (rng.integers(0, 999, 500, np.uint64) for _ in range(9_000))
    )
    monkeypatch.setattr("dxqa.dense.vectors._KEPT", 0)
    before = anonymous_kib()
    vectors = HalfVectors.open(tmp_path / "rows.npy")
    dense = DenseIndex.load(vectors, tmp_path / "x.faiss")
    lexical = LexicalIndex.load(tmp_path / "terms")
    assert len(dense.nearest(many_queries := vectors.rows(np.arange(2)), 10)) >= 10
    assert len(many_queries) == 2
    assert len(lexical) == 9_000
    # 20 MB of vectors, 10 MB of codes, 50 MB of postings; the centres of the clusters are copied
    assert anonymous_kib() - before < 8_000


# --- lexical ---


def indexed(folder: Path, passages: Sequence[Sequence[str]]) -> LexicalIndex:
    LexicalIndex.build(folder, (term_hashes(terms) for terms in passages))
    return LexicalIndex.load(folder)


@pytest.fixture
def lexical(tmp_path: Path) -> LexicalIndex:
    return indexed(tmp_path / "x", [["県", "負担"], ["県", "県", "派遣"], [], ["町", ""]])


def test_idf_is_that_of_bm25(lexical: LexicalIndex) -> None:
    assert lexical.idf("県") == pytest.approx(math.log(1 + (4 - 2 + 0.5) / (2 + 0.5)))
    assert lexical.idf("ない") == pytest.approx(math.log(1 + (4 + 0.5) / 0.5))
    assert lexical.weight({"負担": 0.5, "県": 1.0}) == lexical.idf("県")
    assert lexical.weight({"ない": 0.5}) == lexical.idf("ない")


def test_the_empty_term_is_never_held(lexical: LexicalIndex) -> None:
    assert [lexical.knows(term) for term in ("町", "ない", "")] == [True, False, False]
    assert lexical.forward(3).tolist() == term_hashes(["町"]).tolist()


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


def test_pairs_that_follow_one_another_add(tmp_path: Path) -> None:
    found = indexed(tmp_path / "x", [["a", "b", "a b"], ["b", "a", "b a"]])
    scores = found.coverage([{"a": 1.0}, {"b": 1.0}], ["a b"])
    assert scores[0] > scores[1]


@pytest.mark.parametrize("passages", [[], [[], []]])
def test_an_index_without_terms_scores_nothing(tmp_path: Path, passages: list[list[str]]) -> None:
    found = indexed(tmp_path / "x", passages)
    assert found.coverage([{"県": 1.0}]).tolist() == [0.0] * len(passages)
    assert found.candidates([{"県": 1.0}], ["県 町"], 5).tolist() == []
    assert len(found) == len(passages)


def test_only_the_files_of_the_index_are_left(lexical: LexicalIndex, tmp_path: Path) -> None:
    assert len(lexical) == 4
    names = {path.name for path in (tmp_path / "x").iterdir()}
    assert names == {f"{name}.npy" for name in (*writer._FILES, "forward", "forward_offsets")}


WORDS = st.sampled_from([f"語{number}" for number in range(12)])
PASSAGES = st.lists(st.lists(WORDS, min_size=1, max_size=20), min_size=1, max_size=30)
CONCEPTS = st.lists(st.dictionaries(WORDS, st.floats(0, 1), min_size=1, max_size=3), max_size=5)


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(PASSAGES, CONCEPTS, st.data())
def test_all_agree_with_bm25s_and_with_each_other(
    tmp_path_factory: pytest.TempPathFactory,
    passages: list[list[str]],
    concepts: list[dict[str, float]],
    data: st.DataObject,
) -> None:
    with pytest.MonkeyPatch.context() as patch:  # many runs, many parts, few champions
        patch.setattr(writer, "_RUN_TERMS", data.draw(st.integers(1, 99)))
        patch.setattr(writer, "_MERGED", data.draw(st.integers(1, 99)))
        found = indexed(tmp_path_factory.mktemp("x"), passages)
    reference = bm25s.BM25(k1=0.5, b=0.5)
    reference.index(passages, show_progress=False)
    for term in {term for passage in passages for term in passage}:
        scores = found.coverage([{term: 1.0}]) * (1e-9 + found.idf(term))
        assert scores == pytest.approx(reference.get_scores([term]), abs=1e-5)
    for row, passage in enumerate(passages):
        assert sorted(found.forward(row)) == sorted(term_hashes(passage))
    rows = np.array(sorted(data.draw(st.sets(st.integers(0, len(passages) - 1)))), dtype=np.intp)
    full = found.coverage(concepts, ["語1"])
    assert found.coverage(concepts, ["語1"], rows).tolist() == full[rows].tolist()


@pytest.fixture(scope="module")
def many_passages(tmp_path_factory: pytest.TempPathFactory) -> LexicalIndex:
    rng = np.random.default_rng(0)
    shares = 1 / (np.arange(5_000) + 3.0)
    numbers = rng.choice(5_000, (ROWS, 40), p=shares / shares.sum())
    folder = tmp_path_factory.mktemp("lexical")
    hashes = term_hashes([f"語{number}" for number in range(5_000)])
    LexicalIndex.build(folder, (hashes[row] for row in numbers))
    return LexicalIndex.load(folder)


def question(seed: int) -> list[dict[str, float]]:
    """Eight words as passages have them, common ones among them, some with a synonym."""
    rng = np.random.default_rng(seed)
    words = (5_000 ** rng.random((8, 2))).astype(int)
    return [{f"語{word}": 1.0, f"語{other}": 0.6} for word, other in words]


def best(scores: Scores, k: int) -> tuple[Scores, Rows]:
    order = np.argsort(-scores, kind="stable")[:k]
    return scores[order], order


@pytest.mark.parametrize("share", [None, 0.01, 0.8])
def test_candidates_are_those_that_cover_most(
    many_passages: LexicalIndex, share: float | None
) -> None:
    cut_short = len(many_passages._lists._champion_terms)
    assert cut_short > 3
    assert len(many_passages._lists._champion_rows) == CHAMPIONS * cut_short
    allowed = None if share is None else np.random.default_rng(9).random(ROWS) < share
    hits = 0
    for seed in range(50):
        scores = many_passages.coverage(question(seed))
        if allowed is not None:
            scores[~allowed] = 0
        found = many_passages.candidates(question(seed), [], 100, allowed)
        assert found.tolist() == sorted(set(found.tolist()))
        assert len(found) <= 100
        assert scores[found].min() > 0
        hits += np.isin(best(scores, 10)[1], found).sum()
    assert hits >= 0.99 * 500


def test_without_terms_cut_short_candidates_are_exact(
    many_passages: LexicalIndex, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(postings, "CHAMPIONS", ROWS)
    for seed in range(20):
        scores = many_passages.coverage(question(seed), ["語7"])
        found = many_passages.candidates(question(seed), ["語7"], 50)
        assert best(scores, 50)[0] == pytest.approx(np.sort(scores[found])[::-1])


def test_threads_may_ask_at_once(many_passages: LexicalIndex) -> None:
    def ask(seed: int) -> list[np.intp]:
        return list(many_passages.candidates(question(seed), [], 20))

    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(ask, range(100))) == [ask(seed) for seed in range(100)]


def test_hashes_are_the_same_in_every_process() -> None:
    assert term_hashes(["県", "町"]).tolist() == [2459623090945974380, 1509074176078676842]
