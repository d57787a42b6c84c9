"""JSQuAD as a retrieval task, through the public API: nDCG@10 and hit@1.

    python benchmarks/jsquad.py [--questions N] [--model NAME]

Each paragraph is a document, each question has one right paragraph. With one relevant document,
nDCG@10 is 1 / log2(1 + rank), or 0 beyond rank 10 (Järvelin and Kekäläinen, 2002).
"""

import argparse
import json
import math
import time
from pathlib import Path

from dxqa import Document, Index

EVAL = Path(__file__).parents[2] / "shared/eval"
DEPTH = 30  # passages; several may be of one paragraph


def main() -> None:
    """Build, search, and print the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--questions", type=int, default=None)
    parser.add_argument("--model", default=None)
    options = parser.parse_args()
    rows = _read("jsquad_passages.jsonl")
    questions = _read("jsquad_questions.jsonl")[: options.questions]
    start = time.perf_counter()
    documents = [Document(row["id"], row["title"], row["text"]) for row in rows]
    index = Index.build(documents, encoder=options.model)
    built = time.perf_counter()
    ranks = [rank(index, row["question"], row["passage"]) for row in questions]
    searched = time.perf_counter()
    gains = [1 / math.log2(1 + r) if r else 0.0 for r in ranks]
    print(f"nDCG@10 {sum(gains) / len(gains):.4f}   hit@1 {ranks.count(1) / len(ranks):.4f}")
    print(f"{len(rows)} paragraphs, {len(questions)} questions")
    per_question = 1000 * (searched - built) / len(questions)
    print(f"build {built - start:.0f} s, search {per_question:.1f} ms a question")


def rank(index: Index, question: str, right: str) -> int:
    """Return the rank, 1..10, of the right paragraph, or 0."""
    hits = index.search(question, k=DEPTH)
    found = list(dict.fromkeys(hit.passage.doc_id for hit in hits))[:10]
    return found.index(right) + 1 if right in found else 0


def _read(name: str) -> list[dict[str, str]]:
    lines = (EVAL / name).read_text("utf-8").splitlines()
    return [json.loads(line) for line in lines]


if __name__ == "__main__":
    main()
