"""The public API with the real model."""

from pathlib import Path

import numpy as np
import pytest

import dxqa
from dxqa import Document, DxqaError, Index
from dxqa.errors import QuestionError
from tests.conftest import CORPUS


def test_the_public_api_is_this_small() -> None:
    assert sorted(dxqa.__all__) == ["Answer", "Document", "DxqaError", "Index"]


def test_build_save_load_search_ask(index: Index, tmp_path: Path) -> None:
    index.save(tmp_path)
    loaded = Index.load(tmp_path)  # loads the default model by itself
    hits = loaded.search("オートコールを試した町", k=3)
    assert hits[0].passage.municipality == "埼玉県上里町"
    assert [h.rank for h in hits] == [1, 2, 3]
    assert loaded.encoder.encode_queries(["質問"]).shape == (1, 384)
    assert loaded.encoder.encode_queries(["質問"]).dtype == np.float32
    assert "オートコール" in loaded.ask("災害のときの電話の仕組みを試した町は？").text


def test_filters_and_history(index: Index) -> None:
    hits = index.search("推進体制", k=10, filters={"prefecture": "山形県"})
    assert {h.passage.municipality for h in hits} == {"山形県舟形町", "山形県酒田市"}
    hits = index.search("そこの財源は？", history=["酒田市の体制は？"])
    assert hits[0].passage.municipality == "山形県酒田市"


def test_hits_cover_the_cases_of_a_list_question(index: Index) -> None:
    hits = index.search("CDOを置いている自治体を全部教えて", k=10)
    places = {h.passage.municipality for h in hits}
    assert {"宮崎県都城市", "福島県西会津町", "山形県酒田市", "神奈川県横浜市"} <= places


def test_documents_made_in_memory(index: Index) -> None:
    documents = [
        Document("1", "図書館", "図書館は午前九時に開く。休館日は月曜日である。"),
        Document("2", "水道", "水道の使用開始は電話で申し込む。"),
    ]
    small = Index.build(documents, encoder=index.encoder)
    assert small.search("休みの曜日は？")[0].passage.doc_id == "1"
    answer = small.ask("図書館の休館日は何曜日ですか")
    assert answer.answered
    assert "月曜日" in answer.text


@pytest.mark.parametrize("question", ["", "   ", "\n", "あ" * 3000])
def test_useless_questions_are_refused(index: Index, question: str) -> None:
    with pytest.raises(QuestionError):
        index.ask(question)
    with pytest.raises(DxqaError):
        index.search(question)


def test_k_must_be_positive(index: Index) -> None:
    with pytest.raises(QuestionError, match="k"):
        index.search("体制", k=0)


@pytest.mark.parametrize(
    "question", ["？？？", "\ud800", "🙂🙂", "\x00\x07", "What is DX?", "<b>x</b>"]
)
def test_odd_questions_get_an_answer(index: Index, question: str) -> None:
    assert index.ask(question).text
    assert index.search(question)


def test_the_corpus_builds_with_every_file(index: Index) -> None:
    assert index.store.manifest.documents == len(list(CORPUS.rglob("*.md")))
    assert index.store.manifest.skipped == {}
