"""What an index finds, as every framework takes it: an id, a text, a score, JSON metadata."""

import threading
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, TypedDict

from dxqa.errors import QuestionError
from dxqa.index import Index
from dxqa.retrieval import Filters
from dxqa.store import Store
from dxqa.types import Answer, Citation, Hit, Passage

# Frameworks ask from many threads; indexes load and remember things as they are asked, and share
# one tokenizer and often one model.
_ASKING = threading.Lock()


class Options(TypedDict, total=False):
    """What a retriever is set to, or what one call changes of it.

    Attributes:
        k: how many passages; of evidence there is as much as the answer needs.
        filters: as for ``Index.search``.
        history: earlier questions of the conversation, oldest first.
        only_evidence: return what ``Index.ask`` quotes, and nothing where it declines.
    """

    k: int
    filters: Filters | None
    history: Sequence[str]
    only_evidence: bool


@dataclass(frozen=True, slots=True)
class Finding:
    """A passage, or words quoted from one.

    Attributes:
        finding_id: of a passage its ``passage_id``, of a quote that and the quote's offsets.
        metadata: where the text stands, JSON values only: ``document.text[start:end] == text``.
            ``score`` is that of the search, or the confidence of the answer that quotes.
    """

    finding_id: str
    text: str
    metadata: dict[str, Any]


def find(index: Index, question: str, options: Options) -> list[Finding]:
    """Search, or ask for evidence; one question at a time, whatever the threads.

    Raises:
        QuestionError: empty or too long a question, or an option that cannot be used.
    """
    check(options)
    filters, history = options.get("filters"), options.get("history", ())
    k = options.get("k", 5)
    with _ASKING:
        if options.get("only_evidence", False):
            answer = index.ask(question, k=k, filters=filters, history=history)
            cited = answer.citations if answer.answered else ()
            return [_quote(citation, answer, index.store) for citation in cited]
        hits = index.search(question, k=k, filters=filters, history=history)
        return [_passage(hit, index.store) for hit in hits]


def check(options: Options) -> None:
    """See to it that the options can be used.

    Raises:
        QuestionError: there is no such option, or it has the wrong form.
    """
    known = Options.__annotations__
    if unknown := sorted(options.keys() - known.keys()):
        raise QuestionError(
            f"{'、'.join(unknown)} という指定はありません。使えるのは {'、'.join(known)} です。"
        )
    if isinstance(options.get("history", ()), str):
        raise QuestionError("history には、これまでの質問を一つずつリストで渡してください。")


def _passage(hit: Hit, store: Store) -> Finding:
    passage = hit.passage
    return Finding(
        passage.passage_id,
        passage.text,
        _source(passage, store)
        | {
            "start": passage.start,
            "end": passage.end,
            "score": hit.score,
            "rank": hit.rank,
            "sentences": [list(span) for span in passage.sentences],
        },
    )


def _quote(citation: Citation, answer: Answer, store: Store) -> Finding:
    return Finding(
        f"{citation.passage.passage_id}:{citation.start}-{citation.end}",
        citation.quote,
        _source(citation.passage, store)
        | {
            "start": citation.start,
            "end": citation.end,
            "score": answer.confidence,
            "rank": citation.number,
            "sentences": [[citation.start, citation.end]],
        },
    )


def _source(passage: Passage, store: Store) -> dict[str, Any]:
    document = store.documents[passage.doc_id]
    return {
        "passage_id": passage.passage_id,
        "doc_id": passage.doc_id,
        "title": document.title,
        "path": document.path,
        "heading_path": list(passage.heading_path),
        "municipality": passage.municipality,
        # Apart: a document may call its own metadata anything, start and score included.
        "attributes": dict(passage.metadata),
    }
