"""The LlamaIndex retriever. LlamaIndex publishes no standard tests for retrievers: these are ours.

Checked in llama-index-core 0.14 (no test package among its files) and on PyPI (none of that kind).
"""

import asyncio
import json
from pathlib import Path

import pytest
from llama_index.core import QueryBundle, get_response_synthesizer
from llama_index.core.callbacks import CallbackManager, LlamaDebugHandler
from llama_index.core.callbacks.schema import CBEventType, EventPayload
from llama_index.core.instrumentation import get_dispatcher
from llama_index.core.instrumentation.event_handlers import BaseEventHandler
from llama_index.core.instrumentation.events import BaseEvent
from llama_index.core.llms import MockLLM
from llama_index.core.postprocessor import SimilarityPostprocessor
from llama_index.core.query_engine import RetrieverQueryEngine
from llama_index.core.retrievers import QueryFusionRetriever
from llama_index.core.schema import MetadataMode, NodeWithScore, TextNode

from dxqa import Index
from dxqa.errors import QuestionError, StoreError
from dxqa.integrations.llamaindex import DxqaRetriever
from tests.conftest import CORPUS, HashEncoder

QUESTION = "酒田市の外部人材について教えて"


@pytest.fixture(scope="module")
def hashed() -> Index:
    return Index.build(CORPUS / "cases", encoder=HashEncoder())


@pytest.fixture
def retriever(hashed: Index) -> DxqaRetriever:
    return DxqaRetriever(hashed, k=3)


def test_nodes_are_the_hits(hashed: Index, retriever: DxqaRetriever) -> None:
    found = retriever.retrieve(QUESTION)
    hits = hashed.search(QUESTION, k=3)
    assert [f.node_id for f in found] == [h.passage.passage_id for h in hits]
    assert [f.score for f in found] == [h.score for h in hits]
    for one, hit in zip(found, hits, strict=True):
        node = one.node
        assert isinstance(node, TextNode)
        assert node.text == hit.passage.text
        source = node.source_node
        assert source is not None
        assert source.node_id == node.ref_doc_id == hit.passage.doc_id
        document = hashed.store.documents[source.node_id]
        assert source.metadata == {"title": document.title, "path": document.path}
        assert document.text[node.start_char_idx : node.end_char_idx] == node.text
        assert node.metadata["heading_path"] == list(hit.passage.heading_path)


def test_a_model_reads_title_and_municipality_only(retriever: DxqaRetriever) -> None:
    node = retriever.retrieve(QUESTION)[0].node
    told = node.get_content(MetadataMode.LLM).removesuffix(node.get_content(MetadataMode.NONE))
    assert set(told.split()) == {
        "title:",
        node.metadata["title"],
        "municipality:",
        node.metadata["municipality"],
    }


def test_from_a_folder(hashed: Index, tmp_path: Path) -> None:
    hashed.save(tmp_path)
    retriever = DxqaRetriever.from_folder(tmp_path, k=2, filters={"kind": "市"})
    assert retriever.options == {"k": 2, "filters": {"kind": "市"}}
    found = DxqaRetriever(hashed, **retriever.options).retrieve("推進体制は？")
    assert [f.metadata["attributes"]["kind"] for f in found] == ["市", "市"]
    with pytest.raises(StoreError, match="索引"):
        DxqaRetriever.from_folder(tmp_path / "なし")


def test_earlier_questions_and_unknown_options(hashed: Index) -> None:
    found = DxqaRetriever(hashed, history=[QUESTION]).retrieve("その財源は？")
    assert found[0].metadata["municipality"] == "山形県酒田市"
    with pytest.raises(QuestionError, match="similarity_top_k"):
        DxqaRetriever(hashed, similarity_top_k=3)  # type: ignore[call-arg]
    with pytest.raises(QuestionError, match="空"):
        DxqaRetriever(hashed).retrieve(" ")


def test_callbacks_and_events_hear_of_a_question(hashed: Index) -> None:
    debug = LlamaDebugHandler(print_trace_on_end=False)
    retriever = DxqaRetriever(hashed, callback_manager=CallbackManager([debug]), k=2)
    heard: list[str] = []

    class Heard(BaseEventHandler):  # type: ignore[misc]  # seen as Any
        def handle(self, event: BaseEvent, **_: object) -> None:
            heard.append(event.class_name())

    dispatcher = get_dispatcher()
    dispatcher.add_event_handler(Heard())
    try:
        found = retriever.retrieve(QUESTION)
    finally:
        dispatcher.event_handlers.pop()
    start, end = debug.get_event_pairs(CBEventType.RETRIEVE)[0]
    assert start.payload is not None
    assert end.payload is not None
    assert start.payload[EventPayload.QUERY_STR] == QUESTION
    assert end.payload[EventPayload.NODES] == found
    assert heard == ["RetrievalStartEvent", "RetrievalEndEvent"]


def test_a_node_survives_serialisation(hashed: Index) -> None:
    for evidence in (False, True):
        found = DxqaRetriever(hashed, only_evidence=evidence).retrieve("酒田市の体制は？")
        for one in found:
            assert TextNode.from_json(one.node.to_json()) == one.node
            assert json.loads(json.dumps(one.metadata, allow_nan=False)) == one.metadata


def test_a_query_engine_over_evidence(index: Index) -> None:
    evidence = DxqaRetriever(index, only_evidence=True)
    engine = RetrieverQueryEngine.from_args(evidence, llm=MockLLM())
    response = engine.query(QUESTION)
    answer = index.ask(QUESTION)
    quotes = [c.quote for c in answer.citations]
    assert [n.node.get_content(MetadataMode.NONE) for n in response.source_nodes] == quotes
    assert {n.score for n in response.source_nodes} == {answer.confidence}
    assert all(quote in str(response) for quote in quotes)
    declined = engine.query("北海道札幌市の取り組みは？")
    assert declined.source_nodes == []
    assert "札幌" not in str(declined)
    assert str(asyncio.run(engine.aquery(QUESTION))) == str(response)


def test_composed_with_postprocessor_and_fusion(hashed: Index, retriever: DxqaRetriever) -> None:
    cutoff = retriever.retrieve(QUESTION)[0].score
    engine = RetrieverQueryEngine(
        retriever,
        get_response_synthesizer(llm=MockLLM()),
        node_postprocessors=[SimilarityPostprocessor(similarity_cutoff=cutoff)],
    )
    assert len(engine.query(QUESTION).source_nodes) == 1
    others = DxqaRetriever(hashed, k=3, filters={"prefecture": "福島県"})
    fusion = QueryFusionRetriever(
        [retriever, others], llm=MockLLM(), num_queries=1, similarity_top_k=6, use_async=False
    )
    ids = {f.node_id for f in fusion.retrieve(QUESTION)}
    assert ids == {f.node_id for one in (retriever, others) for f in one.retrieve(QUESTION)}


def test_asynchronous_calls_leave_the_loop_free(index: Index) -> None:
    questions = [QUESTION, "推進体制は？", "オートコールを試した町は？"]
    real = DxqaRetriever(index, k=3)

    async def ask() -> tuple[list[list[NodeWithScore]], int]:
        asked = [QueryBundle(question) for question in questions * 4]
        together = asyncio.gather(*(real.aretrieve(question) for question in asked))
        turns = 0
        while not together.done():
            await asyncio.sleep(0)
            turns += 1
        return await together, turns

    found, turns = asyncio.run(ask())
    assert found == [real.retrieve(question) for question in questions] * 4
    assert turns > len(found)
