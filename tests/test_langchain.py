"""The LangChain retriever: LangChain's own standard tests, callbacks, chains, asynchronous use."""

import asyncio
import json
from collections.abc import Sequence
from operator import itemgetter
from pathlib import Path
from typing import Any

import pytest
from langchain_core.callbacks import BaseCallbackHandler
from langchain_core.documents import Document
from langchain_core.language_models.fake_chat_models import ParrotFakeChatModel
from langchain_core.load import dumpd
from langchain_core.output_parsers import StrOutputParser
from langchain_core.prompts import ChatPromptTemplate
from langchain_core.runnables import ConfigurableField, RunnableConfig, RunnablePassthrough
from langchain_tests.integration_tests import RetrieversIntegrationTests
from pydantic import ValidationError

from dxqa import Index
from dxqa.errors import QuestionError, StoreError
from dxqa.integrations.langchain import DxqaRetriever
from tests.conftest import CORPUS, HashEncoder

QUESTION = "酒田市の外部人材について教えて"


@pytest.fixture(scope="module")
def hashed() -> Index:
    return Index.build(CORPUS / "cases", encoder=HashEncoder())


@pytest.fixture
def retriever(hashed: Index) -> DxqaRetriever:
    return DxqaRetriever(index=hashed, k=3)


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.mark.anyio
class TestStandard(RetrieversIntegrationTests):
    """LangChain's own, over the real index."""

    @pytest.fixture(autouse=True)
    def _real(self, index: Index) -> None:
        self._index = index

    @property
    def retriever_constructor(self) -> type[DxqaRetriever]:
        return DxqaRetriever

    @property
    def retriever_constructor_params(self) -> dict[str, Any]:
        return {"index": self._index}

    @property
    def retriever_query_example(self) -> str:
        return "外部人材を活用している市は？"


class Heard(BaseCallbackHandler):
    """Writes down what LangChain tells of a retriever."""

    def __init__(self) -> None:
        self.events: list[tuple[str, object]] = []
        self.tags: list[str] = []
        self.metadata: dict[str, Any] = {}

    def on_retriever_start(
        self,
        serialized: dict[str, Any],  # noqa: ARG002 - passed by name
        query: str,
        *,
        tags: list[str] | None = None,
        metadata: dict[str, Any] | None = None,
        **_: object,
    ) -> None:
        self.events.append(("start", query))
        self.tags += tags or []
        self.metadata |= metadata or {}

    def on_retriever_end(self, documents: Sequence[Document], **_: object) -> None:
        self.events.append(("end", documents))

    def on_retriever_error(self, error: BaseException, **_: object) -> None:
        self.events.append(("error", error))


def test_documents_are_the_hits(hashed: Index, retriever: DxqaRetriever) -> None:
    documents = retriever.invoke(QUESTION)
    hits = hashed.search(QUESTION, k=3)
    assert [d.id for d in documents] == [h.passage.passage_id for h in hits]
    assert [d.page_content for d in documents] == [h.passage.text for h in hits]
    place = documents[0].metadata
    passage = hits[0].passage
    assert place["passage_id"] == passage.passage_id
    assert place["doc_id"] == passage.doc_id
    assert place["heading_path"] == list(passage.heading_path)
    assert place["municipality"] == passage.municipality
    assert place["attributes"] == dict(passage.metadata)
    assert (place["start"], place["end"]) == (passage.start, passage.end)
    assert (place["rank"], place["score"]) == (1, hits[0].score)
    assert place["sentences"] == [list(span) for span in passage.sentences]
    assert place["title"] == hashed.store.documents[passage.doc_id].title


def test_from_a_folder(hashed: Index, tmp_path: Path) -> None:
    hashed.save(tmp_path)
    retriever = DxqaRetriever.from_folder(tmp_path, k=2, filters={"kind": "市"})
    assert retriever.index.store.manifest == hashed.store.manifest
    documents = retriever.model_copy(update={"index": hashed}).invoke("推進体制は？")
    assert [d.metadata["attributes"]["kind"] for d in documents] == ["市", "市"]
    with pytest.raises(StoreError, match="索引"):
        DxqaRetriever.from_folder(tmp_path / "なし")


def test_options_of_one_call_overrule_the_retrievers_own(retriever: DxqaRetriever) -> None:
    places = [
        d.metadata["attributes"]["prefecture"]
        for d in retriever.invoke("推進体制は？", k=6, filters={"prefecture": "山形県"})
    ]
    assert places == ["山形県"] * 6
    followed = retriever.invoke("その財源は？", history=[QUESTION])
    assert followed[0].metadata["municipality"] == "山形県酒田市"
    assert len(retriever.invoke("推進体制は？")) == 3


def test_options_that_there_are_not_are_refused(hashed: Index, retriever: DxqaRetriever) -> None:
    with pytest.raises(ValidationError, match="top_k"):
        DxqaRetriever(index=hashed, top_k=3)  # type: ignore[call-arg]
    with pytest.raises(QuestionError, match="top_k"):
        retriever.invoke(QUESTION, top_k=3)
    with pytest.raises(QuestionError, match="1 以上"):
        retriever.invoke(QUESTION, k=0)


def test_callbacks_hear_tags_results_and_errors(hashed: Index) -> None:
    heard = Heard()
    retriever = DxqaRetriever(index=hashed, k=2, tags=["dxqa"], metadata={"for": "tests"})
    config: RunnableConfig = {"callbacks": [heard], "tags": ["call"]}
    documents = retriever.invoke(QUESTION, config)
    assert heard.events == [("start", QUESTION), ("end", documents)]
    assert {"dxqa", "call"} <= set(heard.tags)
    assert heard.metadata["for"] == "tests"
    with pytest.raises(QuestionError):
        retriever.invoke(" ", config)
    assert [name for name, _ in heard.events] == ["start", "end", "start", "error"]


def test_a_document_survives_serialisation(retriever: DxqaRetriever) -> None:
    for evidence in (False, True):
        for document in retriever.invoke("酒田市の体制は？", only_evidence=evidence):
            again = json.loads(json.dumps(dumpd(document)))["kwargs"]
            assert Document(again["page_content"], metadata=again["metadata"], id=again["id"])
            assert again["metadata"] == document.metadata
    assert json.loads(retriever.model_dump_json())["k"] == 3


def test_a_chain_over_evidence(index: Index) -> None:
    evidence = DxqaRetriever(index=index, only_evidence=True)
    prompt = ChatPromptTemplate.from_template("{quotes}\n質問: {question}")
    chain = (
        {"quotes": evidence | _joined, "question": RunnablePassthrough()}
        | prompt
        | ParrotFakeChatModel()
        | StrOutputParser()
    )
    quotes = "\n".join(c.quote for c in index.ask(QUESTION).citations)
    assert chain.invoke(QUESTION) == f"{quotes}\n質問: {QUESTION}"
    assert chain.batch([QUESTION, "札幌市の取り組みは？"])[1] == "\n質問: 札幌市の取り組みは？"
    assert asyncio.run(chain.ainvoke(QUESTION)) == chain.invoke(QUESTION)


def _joined(documents: list[Document]) -> str:
    return "\n".join(d.page_content for d in documents)


def test_bound_and_configured(retriever: DxqaRetriever) -> None:
    assert len(retriever.bind(k=1).invoke(QUESTION)) == 1
    free = retriever.configurable_fields(k=ConfigurableField(id="k"))
    assert len(free.invoke(QUESTION, {"configurable": {"k": 4}})) == 4
    named = itemgetter("question") | retriever.with_config(run_name="dxqa")
    assert len(named.invoke({"question": QUESTION})) == 3


def test_asynchronous_calls_leave_the_loop_free(index: Index, retriever: DxqaRetriever) -> None:
    real = DxqaRetriever(index=index, k=3)

    async def ask() -> tuple[list[list[Document]], int]:
        questions = [QUESTION, "推進体制は？", "オートコールを試した町は？"] * 4
        together = asyncio.gather(*(real.ainvoke(question) for question in questions))
        turns = 0
        while not together.done():
            await asyncio.sleep(0)
            turns += 1
        return await together, turns

    found, turns = asyncio.run(ask())
    assert found[:3] == [
        real.invoke(q) for q in (QUESTION, "推進体制は？", "オートコールを試した町は？")
    ]
    assert found[:3] * 4 == found
    assert turns > len(found)
    assert asyncio.run(retriever.ainvoke(QUESTION, k=1)) == retriever.invoke(QUESTION, k=1)
