"""Fit the confidence of answers: which questions does the corpus answer, and which not?

    python training/calibrate.py [--write]

Answerable and unanswerable questions: the development questions, the "tune" half of
tests/quality/questions.jsonl, questions of JSQuAD (off topic), facts asked of another municipality
whose case does not say them, and the topics that the adapter was not trained on, asked of an index
that lacks half of their passages: the same theme, the same town, but not what is asked. Prints
AUROC and the shares answered on each set; the "report" half is never fitted on. ``--write``
replaces src/dxqa/data/calibration.json.
"""

import argparse
import json
import random
from collections.abc import Iterator, Sequence
from dataclasses import astuple, dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score
from sklearn.preprocessing import PolynomialFeatures, StandardScaler

from dxqa import Document, Index
from dxqa.answering.compose import Desk, draft, hopeless
from dxqa.answering.confidence import Features, features, probability
from dxqa.answering.evidence import Candidates
from dxqa.encoders import load_encoder
from dxqa.evaluation import says
from dxqa.japanese import parse_place
from dxqa.types import Encoder
from pairs import HELD_BACK, Group, read_groups

ROOT = Path(__file__).parents[1]
SHARED = ROOT.parent / "shared"
OUT = ROOT / "src/dxqa/data/calibration.json"
ANSWERED_SHARE = 0.93  # of dev's and tune's answerable questions, at the threshold
WEIGHTS = {"dev": 1.0, "tune": 1.0, "jsquad": 0.6, "swapped": 0.25, "near misses": 0.03}

Row = dict[str, Any]


@dataclass(frozen=True)
class Judged:
    """A question with its features; ``fixed`` where rules decide instead of the model."""

    row: Row
    features: tuple[float, ...] | None
    fixed: float | None


def judge(index: Index, row: Row) -> Judged:
    """Answer a question up to the point where confidence is computed."""
    query = index.retriever.understand(row["question"], row.get("history") or [])
    found = index.retriever.search(query, 5)
    desk = Desk(found, index.store, Candidates(found, index.store))
    made = draft(desk)
    chosen = made.evidence
    if hopeless(found) or not chosen:
        return Judged(row, None, made.confidence or 0.0)
    if made.confidence is not None:
        return Judged(row, None, made.confidence)
    return Judged(row, astuple(features(found, chosen, index.store)), None)


def swapped(rows: Sequence[Row], texts: dict[str, str], rng: random.Random) -> Iterator[Row]:
    """Ask facts of a municipality whose text does not hold what the answer must say."""
    for row in rows:
        if (
            not row["answerable"]
            or len(row["cases"]) != 1
            or row["type"] not in ("fact", "contact")
        ):
            continue
        town = _town(row["cases"][0])
        others = [n for n in texts if n not in row["cases"] and not says(texts[n], row["must"])]
        for other in rng.sample(others, min(2, len(others))) if town in row["question"] else ():
            question = row["question"].replace(town, _town(other))
            yield {"question": question, "type": "swapped", "answerable": False, "history": []}


def near_misses(encoder: Encoder) -> Iterator[tuple[Index, list[Row]]]:
    """Yield two indexes over the held-back topics, each without half of the passages.

    A question is answerable where all that answers it is there, unanswerable where nothing is, and
    left out where some is.
    """
    groups = [g for g in read_groups() if g.topic in HELD_BACK]
    rng = random.Random(0)  # noqa: S311 - sampling, not secrets
    kept = [set(rng.sample(sorted(g.passages), len(g.passages) // 2)) for g in groups]
    others = [set(g.passages) - part for g, part in zip(groups, kept, strict=True)]
    for parts in (kept, others):
        documents = [
            d
            for n, (g, part) in enumerate(zip(groups, parts, strict=True))
            for d in _documents(n, g, part)
        ]
        rows = [row for g, part in zip(groups, parts, strict=True) for row in _rows(g, part)]
        yield Index.build(documents, encoder=encoder), rows


def _documents(number: int, group: Group, names: set[str]) -> Iterator[Document]:
    for name in sorted(names):
        passage = group.passages[name]
        place = {"municipality": passage.municipality} if passage.municipality else {}
        yield Document(
            f"{number}-{name}", passage.heading, "".join(passage.sentences), metadata=place
        )


def _rows(group: Group, names: set[str]) -> Iterator[Row]:
    for question in group.questions:
        there = {name in names for name, _ in question.answers}
        if len(there) == 1:
            yield {"question": question.text, "type": question.type, "answerable": there.pop()}


def _town(name: str) -> str:
    place = parse_place(name)
    return (place.town if place else "") or name


def question_sets(index: Index) -> dict[str, list[Row]]:
    """Gather the sets of questions by name."""
    rng = random.Random(0)  # noqa: S311 - sampling, not secrets
    dev = _read(SHARED / "eval/dev_questions.jsonl")
    own = _read(ROOT / "tests/quality/questions.jsonl")
    tune = [row for row in own if row["split"] == "tune"]
    jsquad = rng.sample(_read(SHARED / "eval/jsquad_questions.jsonl"), 240)
    off_topic = [{"question": r["question"], "type": "jsquad", "answerable": False} for r in jsquad]
    documents = index.store.documents.values()
    texts = {
        str(d.metadata["municipality"]): d.text for d in documents if "municipality" in d.metadata
    }
    return {
        "dev": dev,
        "tune": tune,
        "report": [row for row in own if row["split"] == "report"],
        "jsquad": off_topic[:120],
        "jsquad (held back)": off_topic[120:],
        "swapped": list(swapped([*dev, *tune], texts, rng)),
    }


def _read(path: Path) -> list[Row]:
    return [json.loads(line) for line in path.read_text("utf-8").splitlines()]


def fit(judged: dict[str, list[Judged]]) -> dict[str, Any]:
    """Fit the logistic regression; its threshold is then moved to 0.5.

    Answerable and unanswerable questions weigh the same in all; so many products of features need
    strong regularisation (C chosen by cross-validation).
    """
    fitted = [(j, w) for name, w in WEIGHTS.items() for j in judged[name] if j.features]
    x, y = _arrays([j for j, _ in fitted])
    weights = np.array([w for _, w in fitted])
    weights *= np.where(y, 1 / weights[y].sum(), 1 / weights[~y].sum()) * len(y) / 2
    first, products = StandardScaler(), PolynomialFeatures(2, include_bias=False)
    second = StandardScaler()
    terms = second.fit_transform(products.fit_transform(first.fit_transform(x)))
    model = LogisticRegression(C=0.003, max_iter=5000).fit(terms, y, sample_weight=weights)
    coefficients = model.coef_[0] / second.scale_
    answerable, right = _arrays([j for n in ("dev", "tune") for j in judged[n] if j.features])
    logits = products.transform(first.transform(answerable[right])) @ coefficients
    names = [f.name for f in fields(Features)]
    pairs = [_product(name) for name in products.get_feature_names_out(names)]
    return {
        "mean": _rounded(names, first.mean_),
        "scale": _rounded(names, first.scale_),
        "intercept": round(-float(np.quantile(logits, 1 - ANSWERED_SHARE)), 5),
        "coefficients": _rounded(pairs, coefficients),
        "threshold": 0.5,
    }


def _arrays(judged: Sequence[Judged]) -> tuple[Any, Any]:
    x = np.array([j.features for j in judged])
    return x, np.array([bool(j.row["answerable"]) for j in judged])


def _product(name: str) -> str:
    """Rename a term of scikit-learn's: ``a^2`` to ``a*a`` and ``a b`` to ``a*b``."""
    base = name.removesuffix("^2")
    return f"{base}*{base}" if base != name else name.replace(" ", "*")


def _rounded(names: Sequence[str], values: Sequence[float]) -> dict[str, float]:
    return {name: round(float(value), 5) for name, value in zip(names, values, strict=True)}


def main() -> None:
    """Fit, print, and write if asked to."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--write", action="store_true")
    options = parser.parse_args()
    encoder = load_encoder()
    indexes = [Index.build(path, encoder=encoder) for path in (ROOT / "corpus", SHARED / "article")]
    sets = question_sets(indexes[0])
    judged = {
        name: [[judge(index, row) for row in rows] for index in indexes]
        for name, rows in sets.items()
    }
    judged["near misses"] = [
        [judge(index, row) for row in rows] for index, rows in near_misses(encoder)
    ]
    model = fit({name: [j for one in both for j in one] for name, both in judged.items()})
    for name, both in judged.items():
        for corpus, one in zip(("corpus", "article"), both, strict=True):
            print(f"{name:<20}{corpus:<9}{summary(one, model)}")
    if options.write:
        OUT.write_text(json.dumps(model, indent=1) + "\n", "utf-8")


def summary(judged: Sequence[Judged], model: dict[str, Any]) -> str:
    """Say how well confidence tells answerable questions from others."""
    found = np.array(
        [
            probability(Features(*j.features), model) if j.features else j.fixed or 0.0
            for j in judged
        ]
    )
    answerable = np.array([bool(j.row["answerable"]) for j in judged])
    answered = found >= model["threshold"]
    parts = [f"unanswerable answered {answered[~answerable].mean():.3f}"]
    if answerable.any():
        parts.insert(0, f"answerable answered {answered[answerable].mean():.3f}")
        parts.insert(0, f"AUROC {roc_auc_score(answerable, found):.3f}")
    return "  ".join(parts)


if __name__ == "__main__":
    main()
