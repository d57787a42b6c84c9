"""How surely the evidence answers the question.

A logistic regression over a few features and their products, fitted by training/calibrate.py on
questions of which the corpus answers some and not others; the fits, with the verifier and without
(an encoder of the user's own), are data/calibration.json.
"""

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

import numpy as np

from dxqa.answering.evidence import ON_TOPIC, Evidence, union_coverage
from dxqa.answering.slots import asked_slots
from dxqa.answering.verifier import Verifier
from dxqa.japanese import normalize
from dxqa.lexical import Concept
from dxqa.passages import in_context
from dxqa.retrieval import Query, Retrieval, RowScores
from dxqa.store import Store
from dxqa.tokenizer import trigrams

THRESHOLD = 0.5
"""Below this an answer is declined; the fits are shifted so that it is the same for both."""

UNTOLD = 0.2
"""What confidence is at most where a plain slot is asked for and no sentence tells it."""

_VERIFIED = 4  # sentences at most, the best first


@dataclass(frozen=True, slots=True)
class Features:
    """What confidence is computed from, each about 0..1 (lifts are in standard deviations).

    Attributes:
        cosine: of the best sentence with the question.
        cosine_lift: how far that is above the corpus's sentences.
        score_lift: how far the best passage's fused score is above the other passages'.
        coverage: idf-weighted share of the question's words that the evidence holds together.
        best_coverage: the same of the best sentence alone.
        known: idf-weighted share of the question's words that occur in the corpus at all.
        focus_missing: 1 where the evidence lacks the last noun of the question and its synonyms.
        missing: idf of the rarest word of the question that the evidence lacks, as a share of the
            highest there is.
        characters: idf-weighted share of the question's trigrams that the evidence holds.
        slot_missing: 1 where a figure or a name is asked for that the evidence does not tell.
        elsewhere: how much better the best sentence about other places is than the best about the
            places that the question names (fused scores); 0 where it names none.
        named: 1 where the question names a municipality of the corpus.
        named_coverage: ``coverage`` where one is named, else 0.
        named_known: ``known`` where one is named, else 0.
        support: the verifier's highest log-odds that a chosen sentence answers; 0 without one.
        first_support: that of the sentence with the best score.
        mean_support: their mean.
    """

    cosine: float
    cosine_lift: float
    score_lift: float
    coverage: float
    best_coverage: float
    known: float
    focus_missing: float
    missing: float
    characters: float
    slot_missing: float
    elsewhere: float
    named: float
    named_coverage: float
    named_known: float
    support: float = 0.0
    first_support: float = 0.0
    mean_support: float = 0.0


def features(
    retrieval: Retrieval,
    chosen: Sequence[Evidence],
    store: Store,
    verifier: Verifier | None = None,
) -> Features:
    """Measure evidence against its question."""
    query = retrieval.query
    own = _asked(query)
    cosine = max((e.cosine for e in chosen), default=0.0)
    covered = union_coverage(own, chosen, store) if own else 1.0
    known = known_share(retrieval, store)
    named = float(bool(query.places))
    supports = _supports(query, chosen, store, verifier)
    focus_covered = union_coverage([query.focus], chosen, store) if query.focus else 1.0
    return Features(
        cosine=cosine,
        cosine_lift=_lift(cosine, retrieval.sentence_cosine),
        score_lift=_lift(retrieval.relevance.best, retrieval.relevance),
        coverage=covered,
        best_coverage=max((e.coverage for e in chosen), default=0.0),
        known=known,
        focus_missing=float(bool(query.focus) and not focus_covered),
        missing=_rarest_missing(own, chosen, store),
        characters=_characters(query.trigrams, chosen, store),
        slot_missing=float(bool(missing_slots(query.own_text, chosen, store))),
        elsewhere=_elsewhere(retrieval, store),
        named=named,
        named_coverage=named * covered,
        named_known=named * known,
        support=max(supports),
        first_support=supports[0],
        mean_support=sum(supports) / len(supports),
    )


def _supports(
    query: Query, chosen: Sequence[Evidence], store: Store, verifier: Verifier | None
) -> list[float]:
    """Return the log-odds of the best sentences, best first; never empty."""
    if verifier is None or not chosen:
        return [0.0]
    best = sorted(chosen, key=lambda e: -e.score)[:_VERIFIED]
    told = [in_context(store.passages[e.sentence.passage], store.text(e.sentence)) for e in best]
    return verifier.logits(query.text, told)


def _asked(query: Query) -> Sequence[Concept]:
    """Return the question's own concepts; if it has none (「横浜市以外？」), the earlier."""
    own = query.concepts[: query.own_concepts]
    if own:
        return own
    return [{t: w / max(c.values()) for t, w in c.items()} for c in query.concepts if c]


def _elsewhere(retrieval: Retrieval, store: Store) -> float:
    passages = [p for name in retrieval.query.places for p in store.municipalities.get(name, ())]
    scores = retrieval.sentence_scores
    about = np.isin(store.owners(scores.rows), passages)
    here, there = scores.values[about], scores.values[~about]
    if not len(here) or not len(there):
        return 0.0
    return float(there.max() - here.max())


def _rarest_missing(own: Sequence[Concept], chosen: Sequence[Evidence], store: Store) -> float:
    held = {term for e in chosen for term in store.sentence_terms(e.sentence.row)}
    missing = [store.lexical.weight(c) for c in own if not held.intersection(c)]
    return max(missing, default=0.0) / store.lexical.idf("")


def _characters(asked: Sequence[str], chosen: Sequence[Evidence], store: Store) -> float:
    held = {three for e in chosen for three in trigrams(store.text(e.sentence))}
    weights = {three: store.trigrams.idf(three) for three in asked}
    return sum(w for three, w in weights.items() if three in held) / (sum(weights.values()) or 1.0)


def known_share(retrieval: Retrieval, store: Store) -> float:
    """Return the idf-weighted share of the question's words that occur in the corpus, 0..1."""
    own = _asked(retrieval.query)
    weights = [store.lexical.weight(concept) for concept in own]
    known = [
        weight
        for weight, concept in zip(weights, own, strict=True)
        if any(store.lexical.knows(term) for term in concept)
    ]
    return sum(known) / sum(weights) if own else 0.0


def _lift(value: float, population: RowScores) -> float:
    known = population.values
    return float((value - known.mean()) / (known.std() + 1e-6))


def confidence(
    retrieval: Retrieval, chosen: Sequence[Evidence], store: Store, verifier: Verifier | None
) -> float:
    """Return the probability, 0..1, that the evidence answers the question."""
    found = features(retrieval, chosen, store, verifier)
    return probability(found, calibration(verified=verifier is not None))


def probability(found: Features, model: Mapping[str, Any]) -> float:
    """Return the logistic function of the features and of their products two by two, 0..1.

    Args:
        found: the features.
        model: of the form of ``calibration()``; it may leave features out.
    """
    values = {
        name: (getattr(found, name) - mean) / model["scale"][name]
        for name, mean in model["mean"].items()
    }
    total = model["intercept"] + sum(
        weight * math.prod(values[name] for name in term.split("*"))
        for term, weight in model["coefficients"].items()
    )
    return 1 / (1 + math.exp(-max(-60.0, min(60.0, total))))


@cache
def calibration(*, verified: bool) -> dict[str, Any]:
    """The model fitted with the verifier, or without.

    ``mean`` and ``scale`` by feature, ``intercept``, ``coefficients`` by feature or by two features
    joined with ``*``.
    """
    text = files("dxqa").joinpath("data/calibration.json").read_text("utf-8")
    model: dict[str, Any] = json.loads(text)["verified" if verified else "plain"]
    return model


def missing_slots(question: str, chosen: Sequence[Evidence], store: Store) -> list[str]:
    """Name what the question asks to be told and no chosen sentence tells."""
    least = ON_TOPIC * max((e.coverage for e in chosen), default=0.0)
    sentences = [normalize(store.text(e.sentence)).text for e in chosen if e.coverage >= least]
    return [s.name for s in asked_slots(question) if not any(s.told(t) for t in sentences)]
