"""What every engine must do: one contract, over FAISS and both Milvus servers."""

import itertools
import threading
from pathlib import Path

import pytest

from dxqa import Index
from dxqa.retrieval import Filters, matches, retriever
from dxqa.types import Document
from tests.heavy import made_up
from tests.heavy.conftest import Place, on_server
from tests.heavy.made_up import HOSTILE, names, questions, recall

pytestmark = pytest.mark.heavy

_ALIKE = 0.95
_K = 10

FILTERS: tuple[Filters, ...] = (
    {"kind": "町"},
    {"prefecture": ["長野県", "北海道"]},
    {"population": "30000..60000"},
    {"population": "..5000"},
    {"population": "126000.."},
    {"population": 7000},
    {"population": "7000"},
    {"population": ["7000", "..2000", 130000]},
    {"share": 0.125},
    {"share": "0.1..0.6"},
    {"paid": True},
    {"paid": "False"},
    {"kind": None},
    {"kind": "市", "prefecture": "宮崎県", "paid": True},
    {"kind": "王国"},
    {"kind": []},
    {"no such key": "市"},
    {'備考 "その1"': "あり"},
    {'x"] == 1 or metadata["kind': "市"},
    {"passage_id": "000.md"},
    {"vector": 1},
)


@pytest.fixture(scope="session")
def exact(tmp_path_factory: pytest.TempPathFactory) -> Index:
    """Ask this with ``every_passage`` for what any engine should find."""
    folder = tmp_path_factory.mktemp("exact")
    return Index.build(made_up.documents(), encoder=made_up.encoder(), folder=folder)


@pytest.fixture(scope="session")
def large(place: Place, exact: Index, tmp_path_factory: pytest.TempPathFactory) -> Index:
    """The same passages in one engine: more than are scored one and all."""
    if place.server is None:
        return exact
    folder = tmp_path_factory.mktemp(f"large-{place.name}")
    return Index.build(
        made_up.documents(),
        encoder=made_up.encoder(),
        folder=folder,
        engine=place.engine("large"),
        previous=exact,
    )


@pytest.fixture
def every_passage(monkeypatch: pytest.MonkeyPatch) -> None:
    """FAISS indexes score every passage in this test, other engines find candidates as ever."""
    monkeypatch.setattr(retriever, "_ALL_LIMIT", made_up.PASSAGES)


def built(place: Place, documents: list[Document], folder: Path, name: str | None = None) -> Index:
    return Index.build(
        documents, encoder=made_up.encoder(), folder=folder, engine=place.engine(name)
    )


def signature(index: Index) -> list[tuple[list[str], str]]:
    """What an index answers, to compare two."""
    return [
        (names(index.search(question, k=_K)), index.ask(question).text)
        for question in questions(5, seed=5)
    ]


def held(index: Index) -> int:
    """Count the passages where the engine has them."""
    remote = index.store.engine.name == "Milvus"
    return on_server(index).count() if remote else len(index.store.passages)


def test_an_index_says_where_its_candidates_come_from(large: Index, place: Place) -> None:
    assert large.store.engine.name == ("Milvus" if place.server else "FAISS")
    if place.server:
        assert on_server(large).sparse == (not place.name.startswith("milvus-2.3"))


def test_every_passage_is_there(large: Index) -> None:
    assert held(large) == len(large.store.passages) == made_up.PASSAGES


def test_hits_are_those_of_scoring_every_passage(
    large: Index, exact: Index, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = questions(40)
    found = [large.search(question, k=_K) for question in asked]
    monkeypatch.setattr(retriever, "_ALL_LIMIT", made_up.PASSAGES)
    best = [exact.search(question, k=_K) for question in asked]
    shares = [recall(hits, wanted) for hits, wanted in zip(found, best, strict=True)]
    assert sum(shares) / len(shares) >= _ALIKE


def test_hits_are_those_of_faiss(large: Index, exact: Index) -> None:
    same = total = 0
    for question in questions(30, seed=1):
        wanted = names(exact.search(question, k=_K))
        same += len(set(names(large.search(question, k=_K))) & set(wanted))
        total += len(wanted)
    assert same / total >= _ALIKE


@pytest.mark.usefixtures("every_passage")
@pytest.mark.parametrize("filters", FILTERS, ids=str)
def test_filters_find_what_fulfils_them_and_nothing_else(
    large: Index, exact: Index, filters: Filters
) -> None:
    shares = []
    for question in questions(4, seed=2):
        found = large.search(question, k=_K, filters=filters)
        assert all(matches(hit.passage.metadata, filters) for hit in found)
        assert len(found) == min(_K, made_up.fulfilled(exact, filters))
        shares.append(recall(found, exact.search(question, k=_K, filters=filters)))
    assert sum(shares) / len(shares) >= _ALIKE


@pytest.mark.parametrize("value", HOSTILE, ids=[f"hostile-{at}" for at in range(len(HOSTILE))])
def test_a_filter_is_a_value_whatever_characters_it_has(large: Index, value: str) -> None:
    [question] = questions(1, seed=3)
    found = large.search(question, k=_K, filters={"note": value})
    assert len(found) == _K
    assert {hit.passage.metadata["note"] for hit in found} == {value}
    assert large.search(question, k=_K, filters={"note": [value, "ない"]})
    assert large.search(question, k=_K, filters={"kind": value}) == []


def test_a_changed_document_is_found_by_its_new_text_only(place: Place, tmp_path: Path) -> None:
    before = [made_up.document(number, 20) for number in range(8)]
    index = built(place, before, tmp_path, "changed")
    after = [*before[:3], made_up.document(3, 20, version=1), *before[4:]]
    again = Index.build(
        after,
        encoder=made_up.encoder(),
        folder=tmp_path,
        engine=place.engine("changed"),
        previous=index,
    )
    assert held(again) == 160
    old, new = (
        {p.text for p in held_by.store.passages if p.doc_id == "003.md"}
        for held_by in (index, again)
    )
    for question in questions(8, seed=4):
        found = {hit.passage.text for hit in again.search(question, k=_K)}
        assert not found & (old - new)
    for text in sorted(new)[:5]:
        assert again.search(text, k=1)[0].passage.text == text
    if place.server:
        assert again.report.sent == len(new - old)


def test_a_deleted_document_is_gone(place: Place, tmp_path: Path) -> None:
    before = [made_up.document(number, 20) for number in range(8)]
    index = built(place, before, tmp_path, "deleted")
    again = Index.build(
        before[:7],
        encoder=made_up.encoder(),
        folder=tmp_path,
        engine=place.engine("deleted"),
        previous=index,
    )
    assert held(again) == 140
    [gone] = [p.text for p in index.store.passages if p.doc_id == "007.md"][:1]
    assert all(hit.passage.doc_id != "007.md" for hit in again.search(gone, k=_K))
    assert Index.load(tmp_path, encoder=made_up.encoder()).search(gone)[0].passage.text != gone


def test_small_steps_end_where_one_large_one_does(place: Place, tmp_path: Path) -> None:
    first = [made_up.document(number, 20) for number in range(10)]
    last = [*first[2:7], made_up.document(7, 20, version=1), made_up.document(20, 20)]
    stepped = built(place, first, tmp_path / "stepped", "stepped")
    for documents in (first[2:], [*first[2:7], made_up.document(7, 20, version=1)], last):
        stepped = Index.build(
            documents,
            encoder=made_up.encoder(),
            folder=tmp_path / "stepped",
            engine=place.engine("stepped"),
            previous=stepped,
        )
    fresh = built(place, last, tmp_path / "fresh")
    assert held(stepped) == held(fresh) == 140
    assert signature(stepped) == signature(fresh)


def test_nothing_new_sends_nothing(place: Place, tmp_path: Path) -> None:
    documents = [made_up.document(number, 10) for number in range(4)]
    index = built(place, documents, tmp_path, "same")
    again = Index.build(
        documents,
        encoder=made_up.encoder(),
        folder=tmp_path,
        engine=place.engine("same"),
        previous=index,
    )
    assert again.report.embedded == 0
    if place.server:
        assert again.report.sent == 0
    assert signature(again) == signature(index)


class Reader(threading.Thread):
    """Asks without a pause until it is told to end; takes up new builds, or goes on without."""

    def __init__(self, folder: Path, *, refreshing: bool) -> None:
        super().__init__(daemon=True)
        self.index = Index.load(folder, encoder=made_up.encoder())
        self.refreshing = refreshing
        self.ended = threading.Event()
        self.got: list[int | str] = []

    def run(self) -> None:
        asked = itertools.cycle(questions(7, seed=6))
        while not self.ended.is_set():
            try:
                if self.refreshing:
                    self.index.refresh()
                self.got.append(len(self.index.search(next(asked), k=_K)))
            except Exception as error:  # noqa: BLE001 - whatever it is, the test tells of it
                self.got.append(repr(error))


@pytest.mark.parametrize("refreshing", [True, False], ids=["refreshing", "as loaded"])
def test_readers_notice_nothing_of_builds(
    place: Place, tmp_path: Path, *, refreshing: bool
) -> None:
    name = f"rebuilt_{refreshing}"
    built(place, [made_up.document(number, 20) for number in range(8)], tmp_path, name)
    reader = Reader(tmp_path, refreshing=refreshing)
    reader.start()
    try:
        for version in (1, 2, 3):
            changed = [made_up.document(number, 20, version) for number in range(8)]
            last = built(place, changed, tmp_path, name)  # without ``previous``: a full rebuild
    finally:
        reader.ended.set()
        reader.join(timeout=60)
    assert len(reader.got) > 5
    assert set(reader.got) == {_K}
    assert held(last) == 160


def test_two_indexes_on_one_server_do_not_mix(place: Place, tmp_path: Path) -> None:
    left = built(place, [made_up.document(at, 20) for at in range(5)], tmp_path / "left")
    right = built(place, [made_up.document(at, 20) for at in range(5, 9)], tmp_path / "right")
    assert (held(left), held(right)) == (100, 80)
    for question in questions(5, seed=7):
        assert {hit.passage.doc_id for hit in left.search(question, k=50)} <= {
            f"{at:03}.md" for at in range(5)
        }
        assert {hit.passage.doc_id for hit in right.search(question, k=50)} <= {
            f"{at:03}.md" for at in range(5, 9)
        }


def test_an_index_is_loaded_with_the_engine_it_was_built_with(place: Place, tmp_path: Path) -> None:
    index = built(place, [made_up.document(at, 20) for at in range(5)], tmp_path)
    loaded = Index.load(tmp_path, encoder=made_up.encoder())
    assert loaded.store.engine.name == index.store.engine.name
    assert signature(loaded) == signature(index)
