"""Fit the confidence of answers: which questions does the corpus answer, and which not?

    python training/calibrate.py [--write] [--plot docs/confidence.svg]

Fitted on: the development questions, tests/quality/questions.jsonl and near_misses.jsonl; questions
of JSQuAD and of training topics far from digital transformation (off topic); facts asked of another
municipality whose case does not say them; and the topics that neither adapter nor verifier were
trained on, with their near misses, and asked of an index that lacks half of their passages. Two
models: with the verifier, and plain for other encoders. Prints AUROC and the shares answered on
each set; what is held back (tests/quality/held_back.jsonl, half of the off-topic ones) is never
fitted on.
``--write`` replaces src/dxqa/data/calibration.json; ``--plot`` draws, over what is held back, how
often the corpus really answered at which confidence.
"""

import argparse
import json
import random
from collections.abc import Iterator, Sequence
from dataclasses import astuple, dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib import pyplot as plt
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score
from sklearn.preprocessing import PolynomialFeatures, StandardScaler

from dxqa import Document, Index
from dxqa.answering.compose import Desk, draft, hopeless
from dxqa.answering.confidence import THRESHOLD, Features, features, probability
from dxqa.answering.evidence import Candidates
from dxqa.encoders import load_encoder
from dxqa.evaluation import says
from dxqa.japanese import parse_place
from dxqa.types import Encoder
from pairs import HELD_BACK, Group, read_groups, read_unanswerable

ROOT = Path(__file__).parents[1]
SHARED = ROOT.parent / "shared"
OUT = ROOT / "src/dxqa/data/calibration.json"
ANSWERED_SHARE = 0.92  # of dev's and tune's answerable questions, at the threshold
WEIGHTS = {
    "dev": 2.0,
    "own": 1.0,
    "jsquad": 0.6,
    "case near misses": 0.3,
    "other matters": 0.6,
    "swapped": 0.25,
    "near misses": 0.3,
    "halves": 0.03,
}
FAR = frozenset(  # topics of the training data that no case is about
    "税・収納 戸籍・住民票 国保・年金・介護 子育て・学校教育・図書館 防災・消防 福祉・健康".split()
)
NAMES = [f.name for f in fields(Features)]
MODELS = {"verified": NAMES, "plain": [name for name in NAMES if "support" not in name]}

HELD = ("held back", "jsquad (held back)", "other matters (held back)")

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
    return Judged(row, astuple(features(found, chosen, index.store, index.verifier)), None)


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


def near_misses(encoder: Encoder) -> tuple[Index, list[Row]]:
    """Return an index over the held-back topics, with what it answers and what it nearly does.

    Questions about the theme alone are left out: another group might answer them.
    """
    groups = [g for g in read_groups() if g.topic in HELD_BACK]
    documents = [d for n, g in enumerate(groups) for d in _documents(n, g, set(g.passages))]
    rows = [row for g in groups for row in _rows(g, set(g.passages))]
    rows += [
        {"question": near.text, "type": near.kind, "answerable": False}
        for near in read_unanswerable()
        if near.topic in HELD_BACK and near.kind in ("attribute", "swapped")
    ]
    return Index.build(documents, encoder=encoder), rows


def halves(encoder: Encoder) -> Iterator[tuple[Index, list[Row]]]:
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
    matters = [
        {"question": q.text, "type": g.topic, "answerable": False}
        for g in read_groups()
        if g.topic in FAR
        for q in g.questions
        if not any(p.municipality[:-1] in q.text for p in g.passages.values() if p.municipality)
    ]
    matters = rng.sample(matters, 400)
    jsquad = rng.sample(_read(SHARED / "eval/jsquad_questions.jsonl"), 240)
    off_topic = [{"question": r["question"], "type": "jsquad", "answerable": False} for r in jsquad]
    documents = index.store.documents.values()
    texts = {
        str(d.metadata["municipality"]): d.text for d in documents if "municipality" in d.metadata
    }
    return {
        "dev": dev,
        "own": own,
        "case near misses": _read(ROOT / "tests/quality/near_misses.jsonl"),
        "held back": _read(ROOT / "tests/quality/held_back.jsonl"),
        "jsquad": off_topic[:120],
        "jsquad (held back)": off_topic[120:],
        "other matters": matters[:200],
        "other matters (held back)": matters[200:],
        "swapped": list(swapped([*dev, *own], texts, rng)),
    }


def _read(path: Path) -> list[Row]:
    return [json.loads(line) for line in path.read_text("utf-8").splitlines()]


def fit(judged: dict[str, list[Judged]], names: Sequence[str]) -> dict[str, Any]:
    """Fit the logistic regression on some of the features, shifted so that the threshold fits.

    Answerable and unanswerable questions weigh the same in all; so many products of features need
    strong regularisation (C chosen by cross-validation).
    """
    fitted = [(j, w) for name, w in WEIGHTS.items() for j in judged[name] if j.features]
    x, y = _arrays([j for j, _ in fitted], names)
    weights = np.array([w for _, w in fitted])
    weights *= np.where(y, 1 / weights[y].sum(), 1 / weights[~y].sum()) * len(y) / 2
    first, products = StandardScaler(), PolynomialFeatures(2, include_bias=False)
    second = StandardScaler()
    terms = second.fit_transform(products.fit_transform(first.fit_transform(x)))
    model = LogisticRegression(C=0.02, max_iter=5000).fit(terms, y, sample_weight=weights)
    coefficients = model.coef_[0] / second.scale_
    answerable, right = _arrays([j for n in ("dev", "own") for j in judged[n] if j.features], names)
    logits = products.transform(first.transform(answerable[right])) @ coefficients
    pairs = [_product(name) for name in products.get_feature_names_out(names)]
    return {
        "mean": _rounded(names, first.mean_),
        "scale": _rounded(names, first.scale_),
        "intercept": round(-float(np.quantile(logits, 1 - ANSWERED_SHARE)), 5),
        "coefficients": _rounded(pairs, coefficients),
    }


def _arrays(judged: Sequence[Judged], names: Sequence[str]) -> tuple[Any, Any]:
    columns = [NAMES.index(name) for name in names]
    x = np.array([j.features for j in judged])[:, columns]
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
    parser.add_argument("--plot", type=Path)
    options = parser.parse_args()
    judged = judge_all(load_encoder())
    together = {name: [j for one in both for j in one] for name, both in judged.items()}
    models = {name: fit(together, features) for name, features in MODELS.items()}
    for which, model in models.items():
        print(which)
        for name, both in judged.items():
            for corpus, one in zip(("corpus", "article"), both, strict=False):
                print(f"  {name:<26}{corpus:<9}{summary(one, model)}")
    if options.write:
        OUT.write_text(json.dumps(models, indent=1) + "\n", "utf-8")
    if options.plot:
        plot([j for name in HELD for j in together[name]], models["verified"], options.plot)


def judge_all(encoder: Encoder) -> dict[str, list[list[Judged]]]:
    """Judge every set over corpus/ and the article, the sets of training topics over their own."""
    indexes = [Index.build(path, encoder=encoder) for path in (ROOT / "corpus", SHARED / "article")]
    judged = {
        name: [[judge(index, row) for row in rows] for index in indexes]
        for name, rows in question_sets(indexes[0]).items()
    }
    index, rows = near_misses(encoder)
    judged["near misses"] = [[judge(index, row) for row in rows]]
    judged["halves"] = [[judge(index, row) for row in rows] for index, rows in halves(encoder)]
    return judged


def confidences(judged: Sequence[Judged], model: dict[str, Any]) -> Any:  # noqa: ANN401
    """Return ``(questions,)``, 0..1."""
    return np.array(
        [
            probability(Features(*j.features), model) if j.features else j.fixed or 0.0
            for j in judged
        ]
    )


def summary(judged: Sequence[Judged], model: dict[str, Any]) -> str:
    """Say how well confidence tells answerable questions from others."""
    found = confidences(judged, model)
    answerable = np.array([bool(j.row["answerable"]) for j in judged])
    answered = found >= THRESHOLD
    parts = [f"unanswerable answered {answered[~answerable].mean():.3f}"]
    if answerable.any():
        parts.insert(0, f"answerable answered {answered[answerable].mean():.3f}")
        parts.insert(0, f"AUROC {roc_auc_score(answerable, found):.3f}")
    return "  ".join(parts)


def plot(judged: Sequence[Judged], model: dict[str, Any], path: Path) -> None:
    """Draw a reliability diagram (DeGroot & Fienberg, 1983) with the number of questions."""
    found = confidences(judged, model)
    answerable = np.array([bool(j.row["answerable"]) for j in judged])
    edges = np.linspace(0, 1, 11)
    bins = np.clip(np.digitize(found, edges) - 1, 0, 9)
    full = [n for n in range(10) if (bins == n).any()]
    figure, (above, below) = plt.subplots(
        2, 1, figsize=(5, 6), height_ratios=(3, 1), sharex=True, layout="constrained"
    )
    above.plot([0, 1], [0, 1], color="0.7", linestyle="--", label="perfect")
    above.plot(
        [found[bins == n].mean() for n in full],
        [answerable[bins == n].mean() for n in full],
        marker="o",
        color="#174a8c",
        label=f"{len(judged)} questions held back",
    )
    above.axvline(THRESHOLD, color="0.4", linewidth=1, label="threshold")
    above.set_ylabel("share that the corpus answers")
    above.legend(loc="upper left")
    for right, colour, label in ((True, "#174a8c", "answered"), (False, "#c26a1b", "not answered")):
        below.hist(
            found[answerable == right], bins=edges, histtype="step", color=colour, label=label
        )
    below.set_xlabel("confidence")
    below.set_ylabel("questions")
    below.legend(title="by the corpus")
    figure.savefig(path, metadata={"Date": None})


if __name__ == "__main__":
    main()
