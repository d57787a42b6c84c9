"""Questions: search, answers, what the page and the files make of them, over two corpora."""

import dataclasses
import io
import json
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

import docx

from dxqa import Answer, Index
from dxqa.answering.draft import NOT_SAID
from dxqa.answering.follow_ups import follow_ups
from dxqa.exchange import hit_json
from dxqa.export import FORMATS, to_docx
from dxqa.filters import Filters, matches
from dxqa.types import Document, Statement
from dxqa.web.conversation import messages, panel_html, respond
from dxqa.web.loading import IndexLoader, State
from dxqa.web.requests import Request, from_json
from dxqa.web.transcript import TYPES, transcript
from tests.conftest import CORPUS, HashEncoder
from tests.fuzz.mutate import SEPARATOR
from tests.fuzz.target import Target, bytes_of, text_of
from tests.invariants import check_invariants

_KEYS = {
    "question", "answered", "kind", "confidence", "text", "citations", "timings_ms",
}  # fmt: skip
_CITATION = {
    "number", "passage_id", "doc_id", "heading_path", "municipality", "quote", "start", "end",
}  # fmt: skip
_HIT = (_CITATION - {"number", "quote"}) | {"rank", "score", "text"}
_KINDS = {"fact", "contact", "card", "list", "compare", "explain", "declined", "ambiguous"}
_QUESTIONS = (
    "市長が最高デジタル責任者を務めている市は？",
    "都城市と西会津町の推進体制を比べて",
    f"その財源は？{SEPARATOR}>酒田市の外部人材について教えて",
    f'推進体制{SEPARATOR}?{{"prefecture": "山形県", "population": "..30000"}}',
    "人口5万人以下の町の事例は？",
    "西会津町のDX担当課と電話番号を教えて",
    "府中市の費用は何円？",
    "みやこのじょうしのがいぶじんざいは",
)
_DOCUMENTS = (
    f"取組【宮崎県都城市】\n\n推進本部を置いた。費用は100万円。\n{SEPARATOR}費用は？",
    f"# 一\n\n[1] 本文です。\n\n## 注記\n\nこの本部は二つ。{SEPARATOR}都城市の本部は何社？",
    f"## 連絡先【山形県酒田市】\n\n電話は0234-22-5111。98,000人。{SEPARATOR}人口が最多の市は？",
)


@cache
def corpus_index() -> Index:
    """The corpus of this repository, by the small encoder."""
    return Index.build(CORPUS, encoder=HashEncoder())


def check_ask(data: bytes) -> None:
    question, history, filters = asked(text_of(data))
    check_question(corpus_index(), question, history, filters)


def asked(text: str) -> tuple[str, list[str], Filters | None]:
    """Read a question, earlier ones after ``>`` and filters after ``?``, JSON."""
    question, *parts = text.split(SEPARATOR)
    history = [part[1:] for part in parts if not part.startswith("?")]
    try:
        told = [json.loads(part[1:]) for part in parts if part.startswith("?")]
    except (ValueError, RecursionError):
        told = []
    return question, history, told[0] if told else None


def check_question(index: Index, question: str, history: list[str], filters: Any) -> None:  # noqa: ANN401
    """Ask twice, search, and hold what comes to what is promised."""
    answer = index.ask(question, history=history, filters=filters)
    again = index.ask(question, history=history, filters=filters)
    assert _untimed(answer) == _untimed(again), "the same question, another answer"
    check_answer(answer, index)
    assert answer.answered == bool(answer.citations), answer.kind
    hits = index.search(question, k=7, history=history, filters=filters)
    assert [hit.rank for hit in hits] == list(range(1, len(hits) + 1))
    for hit in (*hits, *answer.hits):
        text = index.store.documents[hit.passage.doc_id].text
        assert text[hit.passage.start : hit.passage.end] == hit.passage.text
        assert hit_json(hit).keys() == _HIT
        _plain_json(json.dumps(hit_json(hit)))
    if isinstance(filters, Mapping):
        given = {key: value for key, value in filters.items() if value is not None}
        passages = [hit.passage for hit in (*hits, *answer.hits)]
        for passage in (*passages, *(citation.passage for citation in answer.citations)):
            assert matches(passage.metadata, given), passage.passage_id


def check_answer(answer: Answer, index: Index) -> None:
    """Quotes, numbers, kinds, and every form that an answer is taken along in."""
    check_invariants(answer, index)
    assert answer.kind in _KINDS
    # A card of a case of which nothing is told says so, aspect by aspect.
    assert answer.answered or not answer.citations
    assert bool(answer.choices) == (answer.kind == "ambiguous")
    numbers = {citation.number for citation in answer.citations}
    said = [said for part in answer.parts for said in part.statements] if answer.answered else []
    assert {number for one in said for number in one.numbers} == numbers
    assert all(_is_cited(one) for one in said)
    told = _plain_json(answer.to_json())
    assert told.keys() == _KEYS
    assert all(citation.keys() == _CITATION for citation in told["citations"])
    for form in FORMATS.values():
        form(answer).encode("utf-8", "surrogatepass")
    follow_ups(answer, index.store)


def _is_cited(said: Statement) -> bool:
    return bool(said.numbers) or said.text == NOT_SAID


def _plain_json(line: str) -> Any:  # noqa: ANN401
    """Read what must be one line of UTF-8, with numbers that JSON has."""

    def wrong(constant: str) -> None:
        raise AssertionError(constant)

    assert "\n" not in line
    return json.loads(line.encode("utf-8"), parse_constant=wrong)


def _untimed(answer: Answer) -> Answer:
    return dataclasses.replace(answer, timings_ms={})


def check_corpus(data: bytes) -> None:
    """Documents that nobody would write, and a question about them."""
    *texts, question = text_of(data).split(SEPARATOR)
    suffixes = (".md", ".txt", ".csv")
    documents = [
        Document(f"{at}{suffixes[at % 3]}", "題", text, f"{at}{suffixes[at % 3]}", {"n": at})
        for at, text in enumerate(texts, start=len(question) % 3)
    ]
    index = Index.build(documents, encoder=HashEncoder())
    for case in index.cases()[:2]:
        check_answer(index.card(case.name), index)
    check_question(index, question, [], None)


def check_page(data: bytes) -> None:
    """What a browser or a link sends, as the page answers it."""
    try:
        kept = json.loads(text_of(data))
    except (ValueError, RecursionError):
        return
    request = from_json(kept)
    if request is None:
        return
    assert from_json(request.to_json()) == request
    json.dumps(request.to_json()).encode("utf-8")
    turns = list(respond(_loader(), request, 1))
    assert turns[-1].whole
    _check_shown([turn.reply + turn.evidence for turn in turns])
    _check_shown([message["content"] for message in messages(turns[-1:])])
    _check_shown([panel_html(turns)])
    if turns[-1].answer:
        for form in TYPES:
            assert transcript(turns[-1:], form)


def _check_shown(texts: list[str]) -> None:
    assert all("思わぬ問題" not in text for text in texts)


@cache
def _loader() -> IndexLoader:
    loader = IndexLoader(CORPUS, Path("none"))
    loader._index, loader.state = corpus_index(), State("ready")
    return loader


def check_export(data: bytes) -> None:
    """An answer made of any text at all, in every form."""
    texts = [*text_of(data).split(SEPARATOR), "", "", ""]
    answer = corpus_index().ask("都城市と西会津町の推進体制を比べて")
    said = [dataclasses.replace(s, text=texts[1]) for s in answer.parts[0].statements]
    part = dataclasses.replace(answer.parts[0], label=texts[2], statements=tuple(said))
    made = dataclasses.replace(
        answer, question=texts[0], lead=texts[1], notes=(texts[2],), parts=(part,)
    )
    for kind in ("list", "compare", "fact", "declined"):
        told = dataclasses.replace(made, kind=kind)
        for form in FORMATS.values():
            form(told).encode("utf-8", "replace")
        _plain_json(told.to_json())
    docx.Document(io.BytesIO(to_docx(made)))


def _seeds() -> list[bytes]:
    return [bytes_of(question) for question in _QUESTIONS]


def _document_seeds() -> list[bytes]:
    return [bytes_of(text) for text in _DOCUMENTS]


def _request_seeds() -> list[bytes]:
    requests = [Request(text, ("酒田市は？",)).to_json() for text, *_ in map(asked, _QUESTIONS)]
    requests += [{**requests[0], "filters": {"prefecture": ["山形県"]}, "undone": {"kind": "町"}}]
    return [bytes_of(json.dumps(request, ensure_ascii=False)) for request in requests]


TARGETS = (
    Target("ask", check_ask, _seeds),
    Target("corpus", check_corpus, _document_seeds),
    Target("page", check_page, _request_seeds),
    Target("export", check_export, _seeds),
)
