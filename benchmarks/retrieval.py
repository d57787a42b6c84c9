"""What each part of search adds: our row, baselines, and our row with one part taken away.

    python benchmarks/retrieval.py [--jsquad N]

hit@1 on the development questions over corpus/ and over the article, and on the "report" half of
our own questions, which nothing was tuned on. With ``--jsquad N``, nDCG@10 on every N-th question
of JSQuAD. Baselines share the index: BM25 alone, the encoder alone (passages), and their
reciprocal rank fusion (Cormack et al., SIGIR 2009, k = 60).
"""

import argparse
import json
import math
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dxqa import Document, Index
from dxqa.encoders import load_encoder
from dxqa.evaluation import is_right
from dxqa.retrieval import Query, Retriever, Weights
from dxqa.tokenizer import terms
from dxqa.types import Encoder

ROOT = Path(__file__).parents[1]
EVAL = ROOT.parent / "shared/eval"
RRF_K = 60

Row = dict[str, Any]
Scorer = Callable[[Retriever, Row], NDArray[np.float32]]


def full(retriever: Retriever, row: Row) -> NDArray[np.float32]:
    """Score every passage as dxqa does."""
    query = retriever.understand(row["question"], row.get("history") or [])
    return retriever.search(query, 1).passage_scores


def bm25(retriever: Retriever, row: Row) -> NDArray[np.float32]:
    """Score by BM25 over the question's terms alone."""
    return retriever.store.lexical.coverage([{term: 1.0} for term in terms(row["question"])])


def encoder_alone(retriever: Retriever, row: Row) -> NDArray[np.float32]:
    """Score by cosine with whole passages alone."""
    return retriever.store.dense.cosines(retriever.encoder.encode_queries([row["question"]]))


def fused_ranks(retriever: Retriever, row: Row) -> NDArray[np.float32]:
    """Score by reciprocal rank fusion of the two."""
    first, second = (np.argsort(np.argsort(-s(retriever, row))) for s in (bm25, encoder_alone))
    return (1 / (RRF_K + first + 1) + 1 / (RRF_K + second + 1)).astype(np.float32)


def without(change: Callable[[Query], Query]) -> Scorer:
    """Score as dxqa does, with the understood question changed."""

    def score(retriever: Retriever, row: Row) -> NDArray[np.float32]:
        query = retriever.understand(row["question"], row.get("history") or [])
        return retriever.search(change(query), 1).passage_scores

    return score


def weighted(**changes: float) -> Scorer:
    """Score as dxqa does, with other weights."""

    def score(retriever: Retriever, row: Row) -> NDArray[np.float32]:
        other = Retriever(retriever.store, retriever.encoder, Weights(**changes))
        return full(other, row)

    return score


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
    "reciprocal rank fusion": fused_ranks,
    "- thesaurus": without(_own_words),
    "- word pairs": without(lambda q: replace(q, pairs=())),
    "- sentence vectors": weighted(passage_cosine=4.0, sentence_cosine=0.0),
    "- passage vectors": weighted(passage_cosine=0.0, sentence_cosine=4.0),
    "- lexical side": weighted(coverage=0.0),
    "- places": weighted(place=0.0, any_case=0.0, asked_kind=0.0),
    "- history": no_history,
}


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
