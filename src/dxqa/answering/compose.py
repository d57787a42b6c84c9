"""Evidence to Answer: one form for each kind of question, every claim with its citations."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from dxqa.answering import contact
from dxqa.answering.confidence import THRESHOLD, confidence, features, missing_slots
from dxqa.answering.draft import Claim, Draft, Group, render
from dxqa.answering.evidence import Candidates, Evidence
from dxqa.answering.refusal import refuse
from dxqa.retrieval import Query, Retrieval
from dxqa.store import Store
from dxqa.types import Answer

_FACT_SENTENCES = 3
_POINTS = 5
_PER_CASE = 2
_CASE_MARGIN = 0.25
_MOST_CASES = 20


@dataclass(frozen=True, slots=True)
class _Desk:
    """What every form of answer works from."""

    retrieval: Retrieval
    store: Store
    candidates: Candidates

    @property
    def query(self) -> Query:
        return self.retrieval.query

    def place_of(self, evidence: Evidence) -> str | None:
        return self.store.passages[evidence.sentence.passage].municipality


def compose(retrieval: Retrieval, store: Store) -> Answer:
    """Write the answer to one question, or decline."""
    desk = _Desk(retrieval, store, Candidates(retrieval, store))
    query = desk.query
    if query.mentions.unknown and not query.places:
        return refuse(retrieval, store, 0.0)
    draft = _draft(desk)
    chosen = [e for g in draft.groups for c in g.claims for e in c.evidence]
    if not chosen:
        return refuse(retrieval, store, 0.0, missing=draft.missing)
    sure = draft.confidence
    if sure is None:
        sure = confidence(features(retrieval, chosen, store))
    if sure < THRESHOLD:
        missing = missing_slots(query.own_text, chosen, store)
        return refuse(retrieval, store, sure, missing=missing)
    return render(replace(draft, confidence=sure), retrieval, store)


def _draft(desk: _Desk) -> Draft:
    query = desk.query
    if query.condition or query.superlative:
        return _by_metadata(desk)
    if query.kind == "contact" and query.places:
        found = contact.draft(query, desk.store, desk.candidates)
        if found is not None:
            return found
    forms: dict[str, Callable[[_Desk], Draft]] = {
        "compare": _compare,
        "list": _list,
        "explain": _explain,
    }
    return forms.get(query.kind, _fact)(desk)


def _fact(desk: _Desk) -> Draft:
    """Answer from the case that is named, or from wherever the best sentences stand."""
    names = desk.query.places
    if not names:
        return _explain(desk)
    claims = [
        Claim((e,)) for e in desk.candidates.best(desk.candidates.of_place(names[0]), _FACT_SENTENCES)
    ]
    return Draft("fact", f"{names[0]}について、資料には次のようにあります。", (Group("", claims),))


def _compare(desk: _Desk) -> Draft:
    """Set the best sentences of each case side by side."""
    groups = []
    for name in desk.query.places:
        chosen = desk.candidates.best(desk.candidates.of_place(name), _PER_CASE)
        groups.append(Group(name, [Claim((e,)) for e in chosen]))
    return Draft("compare", "資料の記述を自治体ごとに並べます。", tuple(groups))


def _list(desk: _Desk) -> Draft:
    """Judge each case on its own best sentence; leave out those far below the best case."""
    best: dict[str, list[Evidence]] = {}
    for name in desk.store.municipalities:
        if name not in desk.query.excluded:
            best[name] = desk.candidates.best(desk.candidates.of_place(name), 1)
    found = {name: chosen for name, chosen in best.items() if chosen}
    top = max((chosen[0].score for chosen in found.values()), default=0.0)
    kept = {n: c for n, c in found.items() if top - c[0].score <= _CASE_MARGIN}
    names = sorted(kept, key=lambda n: -kept[n][0].score)[:_MOST_CASES]
    groups = tuple(Group(name, [Claim((e,)) for e in kept[name]]) for name in names)
    return Draft("list", f"該当する記述があるのは、次の{len(names)}自治体です。", groups)


def _explain(desk: _Desk) -> Draft:
    """Give the points from the best passages, in the order of the documents."""
    scores = desk.retrieval.passage_scores
    order = [int(p) for p in np.argsort(-scores)[:_POINTS] if np.isfinite(scores[p])]
    chosen = desk.candidates.best(desk.candidates.of_passages(order), _POINTS)
    grouped: dict[str, list[Evidence]] = {}
    for evidence in chosen:
        grouped.setdefault(_label(desk, evidence), []).append(evidence)
    groups = tuple(
        Group(label, [Claim((e,)) for e in sorted(found, key=lambda e: e.sentence.start)])
        for label, found in grouped.items()
    )
    return Draft("explain", "資料には次のようにあります。", groups)


def _by_metadata(desk: _Desk) -> Draft:
    """Answer a condition or a superlative over metadata, citing where each value stands."""
    return contact.by_population(desk.query, desk.store)


def _label(desk: _Desk, evidence: Evidence) -> str:
    passage = desk.store.passages[evidence.sentence.passage]
    return passage.municipality or passage.heading_path[0 if len(passage.heading_path) < 2 else 1]
