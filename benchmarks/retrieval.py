"""What each part of search adds: our row, baselines, and our row with one part taken away.

    python benchmarks/retrieval.py [--jsquad N]

hit@1 on the development questions over corpus/ and over the article, and on the "report" half of
our own questions, which nothing was tuned on. With ``--jsquad N``, nDCG@10 on every N-th question
of JSQuAD. Baselines share the index: BM25 alone, the encoder alone (passages), and their
reciprocal rank fusion (Cormack et al., SIGIR 2009, k = 60), all with the model without its
adapter; and txtai's hybrid search with the same model where txtai is installed (pip install txtai).
"""

import argparse
import importlib
import importlib.util
import json
import math
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dxqa import Document, Index
from dxqa.encoders import BASE_NAME, load_encoder
from dxqa.encoders.bundled import prepare_bundled
from dxqa.evaluation import is_right
from dxqa.passages import encoder_text
from dxqa.retrieval import Query, Retriever, Weights
from dxqa.store import Store
from dxqa.tokenizer import terms
from dxqa.types import Encoder

ROOT = Path(__file__).parents[1]
EVAL = ROOT.parent / "shared/eval"
RRF_K = 60
FEEDBACK = 1.0
_TXTAI: dict[int, Any] = {}  # by store

Row = dict[str, Any]
Scorer = Callable[[Retriever, Row], NDArray[np.float32]]


def full(retriever: Retriever, row: Row) -> NDArray[np.float32]:
    """Score every passage as dxqa does."""
    query = retriever.understand(row["question"], row.get("history") or [])
    return of_all(retriever, query)


def of_all(retriever: Retriever, query: Query) -> NDArray[np.float32]:
    """Return the scores of all passages, -inf for those that were not considered."""
    return retriever.search(query, 1).passage_scores[np.arange(len(retriever.store.passages))]


def bm25(retriever: Retriever, row: Row) -> NDArray[np.float32]:
    """Score by BM25 over the question's terms alone."""
    return retriever.store.lexical.coverage([{term: 1.0} for term in terms(row["question"])])


def encoder_alone(retriever: Retriever, row: Row) -> NDArray[np.float32]:
    """Score by cosine with whole passages alone, without the adapter."""
    return retriever.store.dense.vectors.cosines(base_encoder().encode_queries([row["question"]]))


def adapted_alone(retriever: Retriever, row: Row) -> NDArray[np.float32]:
    """Score by cosine with whole passages alone, with the adapter."""
    return retriever.store.dense.vectors.cosines(
        retriever.encoder.encode_queries([row["question"]])
    )


def no_adapter(retriever: Retriever, row: Row) -> NDArray[np.float32]:
    """Score as dxqa does, but for the adapter; passages have the same vectors with it."""
    return full(beside(retriever, Weights(), adapted=False), row)


@cache
def base_encoder() -> Encoder:
    """Return the bundled model without its adapter."""
    return load_encoder(BASE_NAME)


def fused_ranks(retriever: Retriever, row: Row) -> NDArray[np.float32]:
    """Score by reciprocal rank fusion of the two."""
    first, second = (np.argsort(np.argsort(-s(retriever, row))) for s in (bm25, encoder_alone))
    return (1 / (RRF_K + first + 1) + 1 / (RRF_K + second + 1)).astype(np.float32)


def fed_back(retriever: Retriever, row: Row) -> NDArray[np.float32]:
    """Score as dxqa does, the question's vector moved towards its three best passages (Rocchio)."""
    query = retriever.understand(row["question"], row.get("history") or [])
    first = of_all(retriever, query)
    best = [int(at) for at in np.argsort(-first)[:3]]
    centre = retriever.store.dense.vectors.rows(np.array(best)).mean(axis=0)
    scores: NDArray[np.float32] = FEEDBACK * retriever.store.dense.vectors.cosines(centre[None])
    scores += first
    return scores


def _txtai(store: Store) -> Any:  # noqa: ANN401 - txtai has no types
    if id(store) not in _TXTAI:
        embeddings = importlib.import_module("txtai").Embeddings(
            path=str(prepare_bundled()),
            method="sentence-transformers",
            instructions={"query": "query: ", "data": "passage: "},
            hybrid=True,
        )
        embeddings.index([(n, encoder_text(p), None) for n, p in enumerate(store.passages)])
        _TXTAI[id(store)] = embeddings
    return _TXTAI[id(store)]


def txtai(retriever: Retriever, row: Row) -> NDArray[np.float32]:
    """Score by txtai's own hybrid search over the same passages."""
    scores = np.full(len(retriever.store.passages), -np.inf, dtype=np.float32)
    for number, score in _txtai(retriever.store).search(row["question"], 50):
        scores[int(number)] = score
    return scores


def without(change: Callable[[Query], Query]) -> Scorer:
    """Score as dxqa does, with the understood question changed."""

    def score(retriever: Retriever, row: Row) -> NDArray[np.float32]:
        query = retriever.understand(row["question"], row.get("history") or [])
        return of_all(retriever, change(query))

    return score


def weighted(**changes: float) -> Scorer:
    """Score as dxqa does, with other weights."""

    def score(retriever: Retriever, row: Row) -> NDArray[np.float32]:
        return full(beside(retriever, Weights(**changes)), row)

    return score


@cache
def beside(retriever: Retriever, weights: Weights, *, adapted: bool = True) -> Retriever:
    """Return another retriever over the same passages, made once."""
    return Retriever(retriever.store, retriever.encoder if adapted else base_encoder(), weights)


def no_history(retriever: Retriever, row: Row) -> NDArray[np.float32]:
    """Score as dxqa does, blind to earlier questions."""
    return full(retriever, {**row, "history": []})


def _own_words(query: Query) -> Query:
    concepts = tuple({t: w for t, w in c.items() if w == 1.0} for c in query.concepts)
    return replace(query, concepts=tuple(c for c in concepts if c))


SYSTEMS: dict[str, Scorer] = {
    "dxqa": full,
    "BM25 alone": bm25,
    "encoder alone": encoder_alone,
    "encoder alone, adapted": adapted_alone,
    "reciprocal rank fusion": fused_ranks,
    "+ relevance feedback": fed_back,
    "- adapter": no_adapter,
    "- thesaurus": without(_own_words),
    "- word pairs": without(lambda q: replace(q, pairs=())),
    "- trigrams": weighted(trigrams=0.0),
    "- sentence vectors": weighted(passage_cosine=4.0, sentence_cosine=0.0),
    "- passage vectors": weighted(passage_cosine=0.0, sentence_cosine=4.0),
    "- lexical side": weighted(coverage=0.0, trigrams=0.0),
    "- places": weighted(place=0.0, any_case=0.0, asked_kind=0.0),
    "- history": no_history,
}


if importlib.util.find_spec("txtai"):
    SYSTEMS["txtai, hybrid"] = txtai


def hit_at_1(index: Index, rows: Sequence[Row], scorer: Scorer) -> float:
    """Return the share of answerable questions whose best passage is of a right case."""
    passages = index.store.passages
    asked = [row for row in rows if row["answerable"]]
    best = [passages[int(np.argmax(scorer(index.retriever, row)))] for row in asked]
    return sum(is_right(r, p) for r, p in zip(asked, best, strict=True)) / len(asked)


def ndcg(index: Index, rows: Sequence[Row], scorer: Scorer) -> float:
    """Return nDCG@10 over paragraphs, one of which is right for each question."""
    gains = []
    documents = [p.doc_id for p in index.store.passages]
    for row in rows:
        order = np.argsort(-scorer(index.retriever, row))[:40]
        found = list(dict.fromkeys(documents[int(at)] for at in order))[:10]
        rank = found.index(row["passage"]) + 1 if row["passage"] in found else 0
        gains.append(1 / math.log2(1 + rank) if rank else 0.0)
    return sum(gains) / len(gains)


def jsquad(encoder: Encoder) -> Index:
    """Index JSQuAD's paragraphs."""
    rows = _read(EVAL / "jsquad_passages.jsonl")
    documents = [Document(row["id"], row["title"], row["text"]) for row in rows]
    return Index.build(documents, encoder=encoder)


def _read(path: Path) -> list[Row]:
    return [json.loads(line) for line in path.read_text("utf-8").splitlines()]


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--jsquad", type=int, default=0, metavar="N")
    options = parser.parse_args()
    encoder = load_encoder()
    corpus = Index.build(ROOT / "corpus", encoder=encoder)
    article = Index.build(ROOT.parent / "shared/article", encoder=encoder)
    dev = _read(EVAL / "dev_questions.jsonl")
    own = _read(ROOT / "tests/quality/questions.jsonl")
    report = [row for row in own if row["split"] == "report"]
    paragraphs = jsquad(encoder) if options.jsquad else None
    questions = _read(EVAL / "jsquad_questions.jsonl")[:: options.jsquad or 1]
    print("| system | dev, corpus | dev, article | own, corpus | own, article | JSQuAD |")
    print("|---|---|---|---|---|---|")
    for name, scorer in SYSTEMS.items():
        cells = [
            hit_at_1(index, rows, scorer) for rows in (dev, report) for index in (corpus, article)
        ]
        cells += [ndcg(paragraphs, questions, scorer)] if paragraphs else []
        print(f"| {name} | " + " | ".join(f"{cell:.3f}" for cell in cells) + " |", flush=True)


if __name__ == "__main__":
    main()
