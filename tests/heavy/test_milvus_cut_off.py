"""Builds that are cut off between two steps: the index before answers, the next build repairs."""

from pathlib import Path

import pytest

from dxqa import Document, Index
from dxqa.engines import Milvus
from dxqa.engines.milvus.engine import MilvusEngine
from dxqa.engines.milvus.writer import Writer
from dxqa.store import generations
from tests.conftest import HashEncoder
from tests.heavy.servers import Server

pytestmark = pytest.mark.heavy

DOCUMENTS = [
    Document(f"{name}.md", name, f"# {name}\n\n{name}市は窓口を減らした。\n", f"{name}.md")
    for name in "甲乙丙丁"
]
CHANGED = Document("甲.md", "甲", "# 甲\n\n甲市は基金を設けた。\n", "甲.md")


class CutOffError(Exception):
    """Stands for a crash."""


def cut_off(*_: object) -> None:
    raise CutOffError


def make(server: Server, folder: Path, documents: list[Document], *, anew: bool = False) -> Index:
    engine = Milvus(server.uri, collection="cut_off", timeout_s=60)
    previous = None if anew else Index.load(folder, encoder=HashEncoder())
    return Index.build(
        documents, encoder=HashEncoder(), folder=folder, engine=engine, previous=previous
    )


def held(index: Index) -> int:
    engine = index.store.engine
    assert isinstance(engine, MilvusEngine)
    return engine.count()


@pytest.mark.parametrize("anew", [False, True], ids=["incremental", "full"])
@pytest.mark.parametrize(
    "where",
    [(Writer, "_send_rows"), (generations, "switch"), (Writer, "_delete"), (Writer, "_switch")],
    ids=str,
)
def test_a_build_cut_off_leaves_an_index_that_answers_and_the_next_repairs(
    milvus_server: Server,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    where: tuple[object, str],
    *,
    anew: bool,
) -> None:
    before = make(milvus_server, tmp_path, DOCUMENTS, anew=True)
    asked = {hit.passage.text for hit in before.search("窓口を減らした", k=9)}
    assert len(asked) == len(DOCUMENTS)
    monkeypatch.setattr(*where, cut_off)
    with pytest.raises(CutOffError):
        make(milvus_server, tmp_path, [CHANGED, *DOCUMENTS[1:3]], anew=anew)
    monkeypatch.undo()
    switched = Index.load(tmp_path, encoder=HashEncoder())
    texts = {passage.text for passage in switched.store.passages}
    assert {hit.passage.text for hit in switched.search("窓口を減らした", k=9)} == texts
    repaired = make(milvus_server, tmp_path, [CHANGED, *DOCUMENTS[1:3]])
    assert held(repaired) == len(repaired.store.passages) == 3
    assert repaired.search("基金を設けた", k=1)[0].passage.text == "甲市は基金を設けた。"
    assert {hit.passage.text for hit in before.search("窓口を減らした", k=9)} <= asked
