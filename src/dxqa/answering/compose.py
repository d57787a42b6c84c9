"""Evidence to Answer: one form for each kind of question, every claim with its citations."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from dxqa.answering import contact
from dxqa.answering.asking_back import ask_back
from dxqa.answering.aspects import aspects, named_aspects
from dxqa.answering.cases import overview, side_by_side, told_by_aspect
from dxqa.answering.confidence import THRESHOLD, UNTOLD, confidence, missing_slots
from dxqa.answering.draft import Claim, Draft, Group, hidden_places, render
from dxqa.answering.evidence import Candidates, Evidence
from dxqa.answering.refusal import refuse
from dxqa.answering.slots import asked_slots, is_plain, told_figure
from dxqa.answering.verifier import Verifier
from dxqa.japanese import normalize
from dxqa.retrieval import Query, Retrieval
from dxqa.store import Store
from dxqa.types import Answer

_FACT_SENTENCES = 3
_POINTS = 5
_WIDE_MARGIN = 0.45
_PER_CASE = 3
_PER_LISTED_CASE = 2
_AT_LEAST = 2  # sentences about a case that is named
_CASE_MARGIN = 0.5
_CASE_SHARE = 0.5
_CLOSE_CASES = 0.1
_CLOSE_ONE = 0.05  # where one case is asked for, rather than all
_SURE = 0.9  # where rules decide: cases asked for by filters alone
_LITTLE = 0.25
_MOST_CASES = 20
_FEW_WORDS = 1


@dataclass(frozen=True, slots=True)
class Desk:
    """What every form of answer works from."""

    retrieval: Retrieval
    store: Store
    candidates: Candidates

    @property
    def query(self) -> Query:
        """The question understood."""
        return self.retrieval.query

    def visible_places(self) -> list[str]:
        """The municipalities that neither filters nor the question exclude."""
        return [name for name in self.retrieval.places if name not in self.query.excluded]

    def municipality(self, evidence: Evidence) -> str | None:
        """The municipality that a sentence is about, if one."""
        return self.store.passages[evidence.sentence.passage].municipality

    def is_asked_kind(self, name: str) -> bool:
        """Whether a municipality is of the kind asked for (「…という町」), or none is."""
        metadata = self.store.passages.metadata_of(self.store.municipalities[name][0])
        return self.query.asked_kind in (None, metadata.get("kind"))


def compose(retrieval: Retrieval, store: Store, verifier: Verifier | None = None) -> Answer:
    """Write the answer to one question, ask back, or decline.

    Without a verifier (an encoder that it was not trained with), confidence does without it.
    """
    unclear = ask_back(retrieval, store)
    if unclear is not None:
        return unclear
    seen = _without_hidden(retrieval)
    if hopeless(retrieval) or (retrieval.query.places and not seen.query.places):
        return refuse(retrieval, store, 0.0)
    made = draft(Desk(seen, store, Candidates(seen, store)))
    if not made.evidence:
        return refuse(retrieval, store, 0.0, missing=made.missing)
    if made.confidence is not None:  # rules decided
        return render(made, retrieval, store)
    sure = confidence(retrieval, made.evidence, store, verifier)
    missing = missing_slots(retrieval.query.own_text, made.evidence, store)
    if any(is_plain(name) for name in missing):
        sure = min(sure, UNTOLD)
    if sure < THRESHOLD:
        return refuse(retrieval, store, sure, missing=missing)
    return render(replace(made, confidence=sure), retrieval, store)


def _without_hidden(retrieval: Retrieval) -> Retrieval:
    """Return the retrieval, its question no longer about what filters hide; remarks say so."""
    hidden = hidden_places(retrieval)
    places = tuple(name for name in retrieval.query.places if name not in hidden)
    return (
        replace(retrieval, query=replace(retrieval.query, places=places)) if hidden else retrieval
    )


def hopeless(retrieval: Retrieval) -> bool:
    """Whether a question is about a place that the corpus does not have, or about nothing."""
    query = retrieval.query
    if query.mentions.unknown and not query.places:
        return True
    return not query.concepts and not _has_subject(query)


def _has_subject(query: Query) -> bool:
    """Whether a question names something other than words: a place, a condition, an exclusion."""
    mentions = query.mentions
    return bool(
        query.places
        or query.excluded
        or mentions.prefectures
        or query.filters
        or query.superlative
        or query.asked_kind
    )


def draft(desk: Desk) -> Draft:
    """Choose evidence in the form that the question wants."""
    query = desk.query
    if query.superlative or ("population" in query.filters and not query.own_concepts):
        among = query.places if len(query.places) > 1 else desk.visible_places()
        return contact.by_population(query, desk.store, among)
    if query.kind == "contact" and query.places:
        found = contact.draft(query, desk.store)
        if found is not None:
            return found
    forms: dict[str, Callable[[Desk], Draft]] = {
        "compare": _compare,
        "list": _list,
        "explain": _explain,
    }
    return forms.get(query.kind, _fact)(desk)


def _fact(desk: Desk) -> Draft:
    """Answer from the case that is named, or from wherever the best sentences stand."""
    names = desk.query.places
    if not names:
        return _explain(desk)
    if names[0] not in desk.visible_places():  # a filter hides the case that is asked for
        return Draft("fact", "", ())
    if not desk.query.concepts:
        return overview(desk.store, names[0])
    wanted = named_aspects(desk.query.own_text)
    if wanted and desk.query.own_concepts <= len(wanted):
        return told_by_aspect(desk.store, names[0], wanted)
    rows = desk.candidates.of_place(names[0])
    chosen = desk.candidates.best(rows, _FACT_SENTENCES, least=_AT_LEAST, margin=_WIDE_MARGIN)
    claims = [*_figures(desk, chosen), *(Claim((e,)) for e in chosen)]
    return Draft("fact", f"{names[0]}について、資料には次のようにあります。", (Group("", claims),))


def _figures(desk: Desk, chosen: Sequence[Evidence]) -> list[Claim]:
    """Give the figure or date asked for first, where the best sentence that tells one is plain."""
    claims = []
    for slot in asked_slots(desk.query.own_text):
        for evidence in chosen:
            text = normalize(desk.store.text(evidence.sentence)).text
            if slot.told(text):
                figure = told_figure(slot, text)
                claims += [Claim((evidence,), f"{slot.name}: {figure}")] if figure else []
                break
    return claims


def _compare(desk: Desk) -> Draft:
    """Set cases side by side: by the aspects that the question names, or by what it asks."""
    query = desk.query
    wanted = named_aspects(query.own_text) if query.concepts else aspects()
    if wanted and query.own_concepts <= len(wanted) + _FEW_WORDS:
        return side_by_side(desk.store, query.places, wanted)
    groups = []
    for name in query.places:
        rows = desk.candidates.of_place(name)
        chosen = desk.candidates.best(rows, _PER_CASE, least=_AT_LEAST, margin=_WIDE_MARGIN)
        groups.append(Group(name, [Claim((e,)) for e in chosen]))
    return Draft("compare", "資料の記述を自治体ごとに並べます。", tuple(groups))


def _list(desk: Desk) -> Draft:
    """Judge each case on its own best sentence, beside the best that any case offers."""
    best = {
        name: desk.candidates.best(desk.candidates.of_place(name), _PER_LISTED_CASE)
        for name in desk.visible_places()
    }
    found = {name: chosen[0] for name, chosen in best.items() if chosen}
    fitting = (
        list(found) if _only_filtered(desk.query) else _supported(found, every=desk.query.all_cases)
    )
    kept = sorted(fitting, key=lambda n: -found[n].score)[:_MOST_CASES]
    kept = [n for n in kept if desk.is_asked_kind(n)] or kept
    groups = tuple(Group(name, [Claim((e,)) for e in best[name]]) for name in kept)
    sure = _SURE if _only_filtered(desk.query) else None
    return Draft("list", f"該当する記述があるのは、次の{len(kept)}自治体です。", groups, sure)


def _only_filtered(query: Query) -> bool:
    """Whether a question asks for nothing but the cases that fulfil its filters (山形県の事例)."""
    return bool(query.filters) and not query.own_concepts


def _supported(found: dict[str, Evidence], *, every: bool) -> list[str]:
    """Choose the cases that answer.

    Where every case is wanted, those that hold at least half of what the best one holds of the
    question's words; where one is, those whose evidence is about as good as the best.
    """
    top = max((e.score for e in found.values()), default=0.0)
    leader = max((e.coverage for e in found.values() if top - e.score <= _CASE_MARGIN), default=0.0)
    if not every or leader < _LITTLE:
        margin = _CLOSE_CASES if every else _CLOSE_ONE
        return [name for name, e in found.items() if top - e.score <= margin]
    return [name for name, e in found.items() if e.coverage >= _CASE_SHARE * leader]


def _explain(desk: Desk) -> Draft:
    """Give the points from the best passages, in the order of the documents."""
    rows = desk.candidates.of_passages(desk.retrieval.passage_scores.order[:_POINTS])
    chosen = _of_leading_case(desk, desk.candidates.best(rows, _POINTS, in_context=True))
    grouped: dict[str, list[Evidence]] = {}
    for evidence in _in_reading_order(desk, chosen):
        grouped.setdefault(_label(desk, evidence), []).append(evidence)
    groups = tuple(Group(label, [Claim((e,)) for e in found]) for label, found in grouped.items())
    return Draft("explain", "資料には次のようにあります。", groups)


def _in_reading_order(desk: Desk, chosen: Sequence[Evidence]) -> list[Evidence]:
    """Sort by document, the one with the best sentence first, and within it from top to bottom."""
    documents = [desk.store.passages[e.sentence.passage].doc_id for e in chosen]
    places = [
        (documents.index(doc), e.sentence.start) for doc, e in zip(documents, chosen, strict=True)
    ]
    return [chosen[at] for at in sorted(range(len(chosen)), key=places.__getitem__)]


def _of_leading_case(desk: Desk, chosen: list[Evidence]) -> list[Evidence]:
    """Drop what weaker cases add to the best one: a question that names none often means one."""
    first = desk.municipality(chosen[0]) if chosen else None
    return [
        e
        for e in chosen
        if desk.municipality(e) in (None, first) or chosen[0].score - e.score <= _CLOSE_CASES
    ]


def _label(desk: Desk, evidence: Evidence) -> str:
    passage = desk.store.passages[evidence.sentence.passage]
    if passage.municipality:
        return passage.municipality
    headings = passage.heading_path if len(desk.store.documents) > 1 else passage.heading_path[1:]
    return " / ".join(headings[:2]) or passage.heading_path[0]
