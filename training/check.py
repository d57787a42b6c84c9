"""Measure the variety of the training data, and that it shares no text with what is measured.

Usage: python training/check.py [FILE.jsonl ...]
"""

import json
import sys
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path
from statistics import mean, quantiles

from dxqa.tokenizer import tokenize
from pairs import Group, read_groups

ROOT = Path(__file__).parent.parent
SHARED = ROOT.parent / "shared"
WORDS = 8


def grams(text: str, words: int = WORDS) -> Iterator[tuple[str, ...]]:
    """Yield each run of ``words`` morphemes; punctuation is left out."""
    surfaces = [t.surface for t in tokenize(text) if t.pos not in ("補助記号", "空白")]
    return zip(*(surfaces[at:] for at in range(words)), strict=False)


def measured_texts() -> Iterator[str]:
    """Yield what quality is measured on: the article, our digest, all questions, JSQuAD."""
    for folder, pattern in [(SHARED / "article", "*.txt"), (ROOT / "corpus", "**/*.md")]:
        for path in folder.glob(pattern):
            yield from path.read_text(encoding="utf-8").splitlines()
    for path in [*SHARED.glob("eval/*.jsonl"), ROOT / "tests/quality/questions.jsonl"]:
        for line in path.read_text(encoding="utf-8").splitlines():
            row = json.loads(line)
            yield from (row[key] for key in ("question", "text") if key in row)


def texts(groups: Iterable[Group]) -> Iterator[str]:
    """Yield every sentence and every question."""
    for group in groups:
        yield from (s for p in group.passages.values() for s in p.sentences)
        yield from (q.text for q in group.questions)


def nouns(text: str) -> set[str]:
    """Return the nouns of ``text``, as lemmas."""
    return {t.lemma for t in tokenize(text) if t.pos == "名詞" and t.is_content}


def variety(groups: list[Group]) -> None:
    """Print how much there is and how varied it is."""
    questions = [q for g in groups for q in g.questions]
    passages = [p for g in groups for p in g.passages.values()]
    types = Counter(q.type for q in questions)
    shared = [
        len(nouns(q.text) & nouns(g.passages[q.answers[0][0]].text)) == 0
        for g in groups
        for q in g.questions
        if q.type == "paraphrase"
    ]
    print("topics           ", dict(Counter(g.topic for g in groups)))
    print("groups           ", len(groups))
    print("passages         ", len(passages))
    print("question-passage pairs", sum(len(q.answers) for q in questions))
    print("questions        ", len(questions), dict(types))
    print("distinct questions", len({q.text for q in questions}))
    print("paraphrases sharing no noun with the passage", round(mean(shared or [0]), 3))
    print("distinct nouns   ", len(set().union(*(nouns(t) for t in texts(groups)))))
    print("question length, quartiles", quantiles([len(q.text) for q in questions]))
    print("passage length, quartiles ", quantiles([len(p.text) for p in passages]))
    runs = Counter(gram for t in texts(groups) for gram in grams(t))
    repeated = sum(count - 1 for count in runs.values())
    print("8-word runs that repeat an earlier one", round(repeated / max(1, runs.total()), 4))
    for gram, count in runs.most_common(5):
        print("   ", count, "".join(gram))


def contamination(groups: list[Group]) -> int:
    """Print each text that shares a run of eight words with what is measured; return how many."""
    measured = {gram for text in measured_texts() for gram in grams(text)}
    found = [(t, g) for t in texts(groups) for g in grams(t) if g in measured]
    print("8-word runs shared with the article, corpus/, shared/eval, tests/quality:", len(found))
    for text, gram in found:
        print("   ", "".join(gram), "in:", text)
    return len(found)


if __name__ == "__main__":
    chosen = list(read_groups(*map(Path, sys.argv[1:])))
    variety(chosen)
    sys.exit(1 if contamination(chosen) else 0)
