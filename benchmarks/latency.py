"""Search and answer time as ratios to the time of encoding the bare question, in one run.

    python benchmarks/latency.py [--passages N] [--rounds N]

Without ``--passages``: over corpus/ with the bundled model. With it: over N passages made by
shuffling the sentences of JSQuAD's paragraphs. Embedding so many would take hours, so passages get
clustered synthetic vectors (a real paragraph's with noise); questions are encoded by the real
model. Figures are medians, and only their ratios compare across machines.
"""

import argparse
import json
import platform
import random
import statistics
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from dxqa import Document, Index
from dxqa.encoders import load_encoder
from dxqa.japanese import split_sentences
from dxqa.types import Encoder, Progress, Vectors

ROOT = Path(__file__).parents[1]
EVAL = ROOT.parent / "shared/eval"
QUESTIONS = [
    "市長が最高デジタル責任者を務めている市は？",
    "福島県のアドバイザー派遣の満足度は？",
    "会議の紙を減らした町はどこ",
    "自治体DXの課題は何ですか",
    "酒田市デジタル変革戦略室の電話番号",
    "上里町とあわら市の推進役の選び方の違い",
]


class SyntheticEncoder:
    """Encodes questions with the real model, and passages as noisy copies of real vectors."""

    def __init__(self, encoder: Encoder, seeds: Vectors) -> None:
        self.encoder = encoder
        self.seeds = seeds
        self.name, self.dimension = "synthetic", encoder.dimension
        self.fingerprint = "synthetic"

    def encode_queries(self, texts: Sequence[str]) -> Vectors:
        """Encode with the real model."""
        return self.encoder.encode_queries(texts)

    def encode_passages(self, texts: Sequence[str], progress: Progress | None = None) -> Vectors:
        """Draw a real vector for each text and add noise."""
        del progress
        rng = np.random.default_rng(len(texts))
        rows = self.seeds[rng.integers(0, len(self.seeds), len(texts))]
        noisy = rows + 0.02 * rng.standard_normal(rows.shape, dtype=np.float32)
        unit: Vectors = (noisy / np.linalg.norm(noisy, axis=1, keepdims=True)).astype(np.float32)
        return unit


def synthetic_index(passages: int, encoder: Encoder) -> Index:
    """Build an index of about so many passages out of shuffled sentences of JSQuAD."""
    rows = [json.loads(s) for s in (EVAL / "jsquad_passages.jsonl").read_text("utf-8").splitlines()]
    sentences = [r["text"][a:b] for r in rows for a, b in split_sentences(r["text"])]
    rng = random.Random(0)  # noqa: S311 - shuffling, not secrets
    texts = ["".join(rng.sample(sentences, 3)) for _ in range(passages)]
    documents = [Document(str(n), f"文書{n}", text) for n, text in enumerate(texts)]
    seeds = encoder.encode_passages([row["text"] for row in rows[:300]])
    return Index.build(documents, encoder=SyntheticEncoder(encoder, seeds))


def median_ms(run: Callable[[str], object], rounds: int) -> float:
    """Return the median milliseconds of one call over all questions and rounds."""
    times = []
    for _ in range(rounds):
        for question in QUESTIONS:
            start = time.perf_counter()
            run(question)
            times.append(1000 * (time.perf_counter() - start))
    return statistics.median(times)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--passages", type=int, default=None)
    parser.add_argument("--rounds", type=int, default=10)
    options = parser.parse_args()
    encoder = load_encoder()
    if options.passages:
        index = synthetic_index(options.passages, encoder)
    else:
        index = Index.build(ROOT / "corpus", encoder=encoder)
    for question in QUESTIONS:  # warm up
        index.ask(question)
    encode = median_ms(lambda q: encoder.encode_queries([q]), options.rounds)
    search = median_ms(index.search, options.rounds)
    ask = median_ms(index.ask, options.rounds)
    print(f"{platform.machine()}, {len(index.store.passages)} passages, {index.store.dense.kind}")
    ratios = f"search/encode {search / encode:.2f}   ask/encode {ask / encode:.2f}"
    print(f"encode {encode:.1f} ms   {ratios}")


if __name__ == "__main__":
    main()
