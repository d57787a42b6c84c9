"""Building, saving, loading and updating, with the fast encoder."""

import json
from pathlib import Path

import pytest

from dxqa import Document, DxqaError, Index
from dxqa.errors import StoreError
from tests.conftest import HashEncoder

DOCUMENTS = [
    Document("a.md", "甲", "# 甲\n\n県が費用を負担する。窓口を減らした。\n", "a.md"),
    Document(
        "b.md", "乙", "# 乙\n\n町長が本部長を務める。\n", "b.md", {"municipality": "長野県川上村"}
    ),
]


@pytest.fixture
def built(hash_encoder: HashEncoder) -> Index:
    return Index.build(DOCUMENTS, encoder=hash_encoder)


def test_a_round_trip_answers_the_same(
    built: Index, tmp_path: Path, hash_encoder: HashEncoder
) -> None:
    built.save(tmp_path / "index")
    loaded = Index.load(tmp_path / "index", encoder=hash_encoder)
    question = "費用を負担するのは？"
    assert loaded.search(question) == built.search(question)
    assert loaded.ask(question).text == built.ask(question).text
    assert loaded.store.manifest == built.store.manifest


def test_update_embeds_only_what_changed(hash_encoder: HashEncoder) -> None:
    index = Index.build(DOCUMENTS, encoder=hash_encoder)
    changed = Document(
        "b.md", "乙", "# 乙\n\n副町長が本部長を務める。\n", "b.md", DOCUMENTS[1].metadata
    )
    report = index.update([DOCUMENTS[0], changed])
    assert report.embedded == 2  # the passage and its one sentence
    assert report.reused == 3
    assert index.search("本部長")[0].passage.text == "副町長が本部長を務める。"


def test_update_to_the_same_embeds_nothing(built: Index, hash_encoder: HashEncoder) -> None:
    before = hash_encoder.encoded
    assert built.update(DOCUMENTS).embedded == 0
    assert hash_encoder.encoded == before


def test_deleted_documents_leave_the_index(built: Index) -> None:
    built.update(DOCUMENTS[:1])
    assert {h.passage.doc_id for h in built.search("本部長", k=9)} == {"a.md"}


def test_saving_again_replaces_and_leaves_one_generation(built: Index, tmp_path: Path) -> None:
    built.save(tmp_path)
    built.update(DOCUMENTS[:1])
    built.save(tmp_path)
    assert len(list(tmp_path.glob("generation-*"))) == 1
    assert not list(tmp_path.glob("*.tmp"))


def test_another_model_is_refused(built: Index, tmp_path: Path) -> None:
    built.save(tmp_path)
    with pytest.raises(StoreError, match="重み"):
        Index.load(tmp_path, encoder=HashEncoder(salt="other"))
    with pytest.raises(StoreError, match="--force"):
        Index.load(tmp_path, encoder="some/other-model")


def test_a_missing_index_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="dxqa build"):
        Index.load(tmp_path)


@pytest.mark.parametrize("name", ["passages.jsonl", "documents.jsonl", "passages.faiss"])
def test_a_flipped_byte_is_found_and_named(built: Index, tmp_path: Path, name: str) -> None:
    built.save(tmp_path)
    path = next(tmp_path.glob(f"generation-*/{name}"))
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(bytes(data))
    with pytest.raises(StoreError, match=name):
        Index.load(tmp_path)


def test_a_missing_file_is_named(built: Index, tmp_path: Path) -> None:
    built.save(tmp_path)
    next(tmp_path.glob("generation-*/sentences.faiss")).unlink()
    with pytest.raises(StoreError, match=r"sentences\.faiss"):
        Index.load(tmp_path)


def test_another_format_version_and_a_broken_manifest(built: Index, tmp_path: Path) -> None:
    built.save(tmp_path)
    manifest = tmp_path / "manifest.json"
    record = json.loads(manifest.read_text("utf-8"))
    manifest.write_text(json.dumps({**record, "format_version": 99}), "utf-8")
    with pytest.raises(StoreError, match="版 99"):
        Index.load(tmp_path)
    manifest.write_text("{", "utf-8")
    with pytest.raises(StoreError, match="壊れて"):
        Index.load(tmp_path)


def test_documents_must_have_their_own_ids(hash_encoder: HashEncoder) -> None:
    with pytest.raises(DxqaError, match="doc_id"):
        Index.build([DOCUMENTS[0], DOCUMENTS[0]], encoder=hash_encoder)
    with pytest.raises(DxqaError, match="本文"):
        Index.build([Document("x.md", "空", "# 見出しだけ\n", "x.md")], encoder=hash_encoder)


def test_progress_counts_texts(hash_encoder: HashEncoder) -> None:
    seen: list[tuple[int, int]] = []
    Index.build(DOCUMENTS, encoder=hash_encoder, progress=lambda d, t: seen.append((d, t)))
    assert seen[-1] == (5, 5)  # two passages, three sentences
