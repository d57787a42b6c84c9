"""What the adapter changes: the best passage of each question with and without it, and the time.

    python benchmarks/adapter.py

hit@1 of the development questions and of the "report" half of our own, over corpus/ and over the
article, by passage vectors alone, by passage and best sentence summed, and by the full search: the
paired difference with its 95 % bootstrap interval. Then the median time of encoding a question with
the adapter as a ratio to that without, measured in turn in one run.
"""

import json
import statistics
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from dxqa import Index
from dxqa.encoders import BASE_NAME, load_encoder
from dxqa.evaluation import is_right
from dxqa.evaluation.report import interval
from dxqa.retrieval import Retriever
from dxqa.types import Encoder

ROOT = Path(__file__).parents[1]
EVAL = ROOT.parent / "shared/eval"
ROUNDS = 300

Row = dict[str, Any]
Best = Callable[[Retriever, Row], int]


def by_passage(retriever: Retriever, row: Row) -> int:
    """Return the row of the passage nearest to the stand-alone question."""
    query = retriever.understand(row["question"], row.get("history") or [])
    vectors = retriever.encoder.encode_queries([query.text])
    return int(np.argmax(retriever.store.dense.vectors.cosines(vectors)))


def by_passage_and_sentence(retriever: Retriever, row: Row) -> int:
    """Return the row with the highest sum of its cosine and that of its best sentence."""
    query = retriever.understand(row["question"], row.get("history") or [])
    vectors = retriever.encoder.encode_queries([query.text])
    store = retriever.store
    sentences = store.sentence_vectors.cosines(vectors)
    best = np.maximum.reduceat(sentences, store.sentence_offsets[:-1])
    return int(np.argmax(store.dense.vectors.cosines(vectors) + best))


def by_search(retriever: Retriever, row: Row) -> int:
    """Return the row that the full search puts first."""
    query = retriever.understand(row["question"], row.get("history") or [])
    return int(retriever.search(query, 1).passage_scores.order[0])


WAYS: dict[str, Best] = {
    "passages": by_passage,
    "passages and sentences": by_passage_and_sentence,
    "full search": by_search,
}


def differences(index: Index, base: Encoder, rows: Sequence[Row], best: Best) -> list[list[float]]:
    """Return for each question whether the best passage is right, without and with the adapter."""
    store = index.store
    retrievers = [Retriever(store, base), index.retriever]
    return [
        [float(is_right(row, store.passages[best(r, row)])) for r in retrievers] for row in rows
    ]


def speed(base: Encoder, adapted: Encoder, questions: Sequence[str]) -> float:
    """Return the ratio of the median encoding times, the two taking turns."""
    times: dict[int, list[float]] = {0: [], 1: []}
    for number in range(ROUNDS):
        for which, encoder in enumerate((base, adapted)):
            start = time.perf_counter()
            encoder.encode_queries([questions[number % len(questions)]])
            times[which].append(time.perf_counter() - start)
    return statistics.median(times[1]) / statistics.median(times[0])


def main() -> None:
    """Print the table."""
    adapted, base = load_encoder(), load_encoder(BASE_NAME)
    own = [r for r in _read(ROOT / "tests/quality/questions.jsonl") if r["split"] == "report"]
    sets = {"dev": _read(EVAL / "dev_questions.jsonl"), "own report": own}
    for corpus in (ROOT / "corpus", ROOT.parent / "shared/article"):
        index = Index.build(corpus, encoder=adapted)
        for name, rows in sets.items():
            asked = [row for row in rows if row["answerable"]]
            paraphrases = [row for row in asked if row["type"] == "paraphrase"]
            for kind, some in (("all", asked), ("paraphrase", paraphrases)):
                for way, best in WAYS.items():
                    pairs = differences(index, base, some, best)
                    print(
                        f"| {name}, {corpus.name}, {kind} ({len(some)}) | {way} | {_row(pairs)} |"
                    )
    ratio = speed(base, adapted, [row["question"] for row in sets["dev"]])
    print(f"encoding a question, with / without the adapter: {ratio:.3f}")


def _row(pairs: Sequence[Sequence[float]]) -> str:
    before, after = np.mean(pairs, axis=0)
    change = interval([b - a for a, b in pairs])
    spread = f" [{change.low:+.2f}, {change.high:+.2f}]" if change else ""
    return f"{before:.3f} | {after:.3f} | {after - before:+.3f}{spread}"


def _read(path: Path) -> list[Row]:
    return [json.loads(line) for line in path.read_text("utf-8").splitlines()]


if __name__ == "__main__":
    main()
