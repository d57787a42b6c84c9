"""How surely the evidence answers the question."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, fields

import numpy as np

from dxqa.answering.evidence import Evidence, union_coverage
from dxqa.answering.slots import asked_slots
from dxqa.japanese import normalize
from dxqa.retrieval import Retrieval
from dxqa.store import Store

THRESHOLD = 0.5
"""Below this, dxqa declines."""


@dataclass(frozen=True, slots=True)
class Features:
    """What confidence is computed from, each about 0..1 (``cosine_lift`` is in deviations).

    Attributes:
        cosine: of the best sentence with the question.
        cosine_lift: how many standard deviations that is above the corpus's sentences.
        coverage: idf-weighted share of the question's words that the evidence holds together.
        known: idf-weighted share of the question's words that occur in the corpus at all.
        slot_missing: 1 where a figure or name is asked for that the evidence does not tell.
        named: 1 where the question names a municipality of the corpus.
    """

    cosine: float
    cosine_lift: float
    coverage: float
    known: float
    slot_missing: float
    named: float


# Logistic regression over Features; written by benchmarks/calibrate.py.
_INTERCEPT = -30.0
_COEFFICIENTS = Features(
    cosine=30.0, cosine_lift=0.4, coverage=4.0, known=1.5, slot_missing=-5.0, named=0.5
)


def features(retrieval: Retrieval, chosen: Sequence[Evidence], store: Store) -> Features:
    """Measure evidence against its question."""
    query = retrieval.query
    own = query.concepts[: query.own_concepts]
    weights = [store.lexical.weight(concept) for concept in own]
    known = sum(
        w for w, c in zip(weights, own, strict=True) if any(store.lexical.knows(term) for term in c)
    )
    best = max((e.cosine for e in chosen), default=0.0)
    cosines = retrieval.sentence_cosine
    return Features(
        cosine=best,
        cosine_lift=float((best - np.mean(cosines)) / (np.std(cosines) + 1e-6)),
        coverage=union_coverage(own, chosen, store) if own else 1.0,
        known=known / (sum(weights) or 1.0) if own else 1.0,
        slot_missing=float(bool(missing_slots(query.own_text, chosen, store))),
        named=float(bool(query.places)),
    )


def confidence(found: Features) -> float:
    """Return the probability, 0..1, that the evidence answers: a logistic function of features."""
    total = _INTERCEPT + sum(
        getattr(_COEFFICIENTS, f.name) * getattr(found, f.name) for f in fields(Features)
    )
    return 1 / (1 + math.exp(-max(-60.0, min(60.0, total))))


def missing_slots(question: str, chosen: Sequence[Evidence], store: Store) -> list[str]:
    """Name what the question asks to be told and no chosen sentence tells."""
    sentences = [normalize(store.text(e.sentence)).text for e in chosen]
    return [s.name for s in asked_slots(question) if not any(s.told(t) for t in sentences)]
