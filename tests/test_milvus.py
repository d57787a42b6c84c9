"""The Milvus engine without a server: what it asks, what it refuses, what it says."""

import json
import socket
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from dxqa import Index
from dxqa.cli import main
from dxqa.engines import Milvus
from dxqa.engines.milvus.filters import LONGEST, expression, fields_of, stored
from dxqa.engines.milvus.rows import passage_vector, query_vector
from dxqa.errors import EngineError, QuestionError
from dxqa.filters import same_text
from dxqa.keys import KeyTable
from dxqa.lexical import term_hashes
from dxqa.store import unused
from tests.conftest import HashEncoder
from tests.test_store import DOCUMENTS

HOSTILE = (
    'a"b',
    "it's",
    "back\\slash",
    '" or 1==1 or "',
    "line\nbreak",
    "nul\0",
    "lone\ud800",
    "x" * (LONGEST + 1),
    "😀",
    "{name}",
    "$meta",
    "#already",
)


@pytest.mark.parametrize("text", HOSTILE, ids=ascii)
def test_no_hostile_text_stands_in_an_expression(text: str) -> None:
    told = expression({"kind": text, text: ["a", text, 3, "1.."]})
    assert text not in told
    inner = told.replace('"a"', "")
    for known in (text, same_text(text)):  # what filters compare has no control characters
        inner = inner.replace(f'"{stored(known)}"', "")
    assert '"' not in inner
    assert "\\" not in told
    assert stored(text).startswith("#")
    assert told.isascii()
    json.dumps(fields_of({"kind": text, text: text})).encode("ascii")


def test_an_id_that_the_index_does_not_know_has_no_row() -> None:
    keys = np.array([b"a", b"b"], dtype="S16")
    table = KeyTable(keys, np.array([1, 0], dtype=np.uint32))
    assert table.find(np.array([b"b", b"c", b"a"], dtype="S16")).tolist() == [0, -1, 1]


def test_plain_text_is_stored_as_it_is_and_no_two_texts_alike() -> None:
    assert stored("福島県 100%_x") == "福島県 100%_x"
    texts = [*HOSTILE, *map(stored, HOSTILE), "福島県", ""]
    assert len({stored(text) for text in texts}) == len(texts)


@pytest.mark.parametrize(
    ("filters", "told"),
    [
        ({}, ""),
        ({"kind": None}, ""),
        ({"kind": "町"}, '(kind == "町")'),
        (
            {"prefecture": ["福島県", "岩手県"]},
            '((prefecture == "福島県") or (prefecture == "岩手県"))',
        ),
        ({"population": "..30000"}, "(population <= 30000 and population > -9007199254740992)"),
        (
            {"population": "0.5..2.5"},
            "(population >= 0 and population <= 2 and population > -9007199254740992)",
        ),
        ({"population": 5}, "(population == 5)"),
        ({"year": "2020.."}, '(numbers["year"] >= 2020.0)'),
        ({"tag": "ＡＢ"}, '(metadata["tag"] == "AB")'),
        ({"tag": ["a", None]}, ""),
    ],
    ids=str,
)
def test_filters_are_told_to_the_server(filters: dict[str, object], told: str) -> None:
    assert expression(filters) == told  # type: ignore[arg-type]


def test_a_condition_too_long_for_a_server_is_left_to_us() -> None:
    assert expression({"tag": [f"value {number}" for number in range(9000)]}) == ""


def test_metadata_is_kept_as_text_and_as_number() -> None:
    fields = fields_of({"population": 3.7, "year": True, "kind": "町", "tag": "x"})
    assert (fields["kind"], fields["prefecture"], fields["population"]) == ("町", "", 3)
    assert fields["metadata"] == {"population": "3.7", "year": "True", "tag": "x"}
    assert fields["numbers"] == {"year": 1.0}
    assert fields_of({"population": "約3万"})["population"] == -(2**53)
    assert fields_of({"population": float("inf")})["population"] == 2**53 - 1


def test_the_inner_product_of_sparse_vectors_is_bm25(hash_encoder: HashEncoder) -> None:
    lexical = Index.build(DOCUMENTS, encoder=hash_encoder).store.lexical
    concepts = [{"費用": 1.0}, {"窓口": 0.5}]
    asked = query_vector(lexical.weights(concepts, []))
    for row in range(len(lexical)):
        held = passage_vector(lexical.forward(row), lexical.average_length)
        product = sum(weight * held.get(term, 0.0) for term, weight in asked.items())
        parts = [lexical.coverage([c])[row] * lexical.weight({t: 1.0}) for c in concepts for t in c]
        assert product == pytest.approx(parts[0] + 0.5 * parts[1] / 0.5 * 0.5, rel=1e-4)
    assert passage_vector(term_hashes([]), 10.0)


@pytest.mark.parametrize(
    ("uri", "collection"),
    [
        ("milvus.db", "dxqa"),
        ("127.0.0.1:19530", "dxqa"),
        ("http://name:secret@127.0.0.1:19530", "dxqa"),
        ("http://127.0.0.1:19530", 'x"; drop'),
        ("http://127.0.0.1:19530", "日本"),
        ("http://127.0.0.1:19530", ""),
    ],
)
def test_an_address_or_a_name_that_cannot_be_is_refused(uri: str, collection: str) -> None:
    with pytest.raises(EngineError) as error:
        Milvus(uri, collection=collection)
    assert "secret" not in str(error.value)


def test_the_token_is_shown_nowhere(monkeypatch: pytest.MonkeyPatch) -> None:
    engine = Milvus("http://127.0.0.1:19530", token="root:secret")  # noqa: S106
    assert "secret" not in repr(engine) + json.dumps(engine.about())
    monkeypatch.setenv("DXQA_MILVUS_TOKEN", "from:environment")
    assert Milvus("http://127.0.0.1:19530").credentials() == "from:environment"
    assert engine.credentials() == "root:secret"


def test_a_missing_package_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setitem(sys.modules, "pymilvus", None)
    with pytest.raises(EngineError, match=r"pip install 'dxqa\[milvus\]'"):
        Index.build(
            DOCUMENTS,
            encoder=HashEncoder(),
            folder=tmp_path,
            engine=Milvus("http://127.0.0.1:1"),
        )
    assert unused(tmp_path) in ([], [name for name in unused(tmp_path) if "journal" in name])


def test_milvus_is_imported_without_its_client() -> None:
    code = "import sys; from dxqa.engines import Milvus; sys.exit('pymilvus' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_an_unreachable_server_is_told_in_time_and_the_index_before_answers(
    tmp_path: Path,
) -> None:
    pytest.importorskip("pymilvus", reason="pip install 'dxqa[milvus]'")
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        uri = f"http://127.0.0.1:{closed.getsockname()[1]}"
    before = Index.build(DOCUMENTS, encoder=HashEncoder(), folder=tmp_path)
    with pytest.raises(EngineError, match=uri):
        Index.build(
            DOCUMENTS[:1],
            encoder=HashEncoder(),
            folder=tmp_path,
            engine=Milvus(uri, timeout_s=1),
        )
    again = Index.load(tmp_path, encoder=HashEncoder())
    assert again.search("本部長") == before.search("本部長")


def test_an_index_of_another_engine_is_refused(tmp_path: Path) -> None:
    Index.build(DOCUMENTS, encoder=HashEncoder(), folder=tmp_path)
    with pytest.raises(EngineError, match="FAISS"):
        Index.load(tmp_path, Milvus("http://127.0.0.1:1"))
    with pytest.raises(SystemExit):
        main(["search", "質問", "--index", str(tmp_path), "--milvus-uri", "http://127.0.0.1:1"])
    with pytest.raises(SystemExit):
        main(["build", "--index", str(tmp_path / "new"), "--engine", "milvus"])


def test_an_index_without_faiss_compares_all_vectors(tmp_path: Path) -> None:
    index = Index.build(DOCUMENTS, encoder=HashEncoder(), folder=tmp_path)
    (index.store.folder / "passages.faiss").unlink()
    dense = type(index.store.dense).load(index.store.dense.vectors, tmp_path / "none")
    query = dense.vectors.rows(np.array([1]))
    assert dense.nearest(query, 1).tolist() == [1]
    with pytest.raises(QuestionError):
        index.search("")
