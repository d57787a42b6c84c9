"""Cases as wholes, told by aspects, out of the store alone: no question has to be understood.

What is shown of a case is its first sentence, the sentences most surely about each aspect, and whom
to ask; an aspect that the case does not tell says so.
"""

from collections.abc import Iterator, Sequence
from dataclasses import replace

from dxqa.answering import contact
from dxqa.answering.aspects import Aspect, Told, aspects, lay_out
from dxqa.answering.draft import NOT_SAID, Claim, Draft, Group, worded
from dxqa.answering.evidence import NOTE_HEADINGS, Evidence
from dxqa.japanese import parse_place
from dxqa.store import Sentence, Store
from dxqa.types import Answer, Case, Citation, Passage

_SURE = 0.9  # rules decide what a case tells


def overview(store: Store, name: str) -> Draft:
    """Lay out a case as a card: its first sentence, each aspect, and whom to ask."""
    known = contact.claims(store, name)
    reachable = any(claim.aspect == "連絡先" for claim in known)
    claims = [
        *[Claim((_certain(s),), aspect="概要") for s in _told(store, name)[:1]],
        *_by_aspect(store, name, aspects()),
        *known,
        *([] if reachable else [Claim((), NOT_SAID, "連絡先")]),
    ]
    return Draft("card", f"{name}の事例のあらましです。", (Group(name, claims),), _SURE)


def side_by_side(store: Store, names: Sequence[str], wanted: Sequence[Aspect]) -> Draft:
    """Set cases side by side, by these aspects."""
    groups = tuple(Group(name, _by_aspect(store, name, wanted)) for name in names)
    return Draft("compare", "資料の記述を自治体ごとに並べます。", groups, _SURE)


def told_by_aspect(store: Store, name: str, wanted: Sequence[Aspect]) -> Draft:
    """Tell what a question asks of a case that asks for nothing but aspects: 酒田市の体制は？"""
    claims = [claim for claim in _by_aspect(store, name, wanted) if claim.evidence]
    if not claims:
        return Draft("fact", "", (), missing=[aspect.name for aspect in wanted])
    group = Group("", [replace(claim, aspect="") for claim in claims])
    return Draft("fact", f"{name}について、資料には次のようにあります。", (group,), _SURE)


def card(store: Store, name: str) -> Answer:
    """Return one case as a card."""
    return worded(overview(store, name), store, f"{name}の事例")


def comparison(store: Store, names: Sequence[str]) -> Answer:
    """Return cases side by side, by all aspects."""
    return worded(side_by_side(store, names, aspects()), store, f"{'、'.join(names)}の比較")


def list_cases(store: Store) -> Iterator[Case]:
    """Yield every case at a glance, in the order of the documents."""
    for name, rows in store.municipalities.items():
        metadata = {k: v for row in rows for k, v in store.passages.metadata_of(row).items()}
        place = parse_place(name)
        population = metadata.get("population")
        first = _told(store, name)[:1]
        told = {claim.aspect for claim in _by_aspect(store, name, aspects()) if claim.evidence}
        yield Case(
            name=name,
            prefecture=str(metadata.get("prefecture") or (place.prefecture if place else "")),
            kind=str(metadata.get("kind") or (place.kind if place else "")),
            population=int(population) if isinstance(population, int | float) else None,
            summary=_citation(store, first[0]) if first else None,
            aspects=tuple(aspect.name for aspect in aspects() if aspect.name in told),
        )


def section(passage: Passage) -> str:
    """The heading that a passage stands under, or ``""`` where it is that of the case."""
    heading = passage.heading_path[-1]
    return "" if "【" in heading or heading == passage.heading_path[0] else heading


def _by_aspect(store: Store, name: str, wanted: Sequence[Aspect]) -> list[Claim]:
    """Return claims under each aspect; one that the case does not tell says so."""
    told = [
        Told(s.row, (section(store.passages[s.passage]),), frozenset(store.sentence_terms(s.row)))
        for s in _told(store, name)
    ]
    claims = []
    for aspect, rows in lay_out(told, wanted).items():
        claims += [Claim((_certain(store.sentence(row)),), aspect=aspect) for row in rows]
        claims += [] if rows else [Claim((), NOT_SAID, aspect)]
    return claims


def _told(store: Store, name: str) -> list[Sentence]:
    """Return the sentences of a case in order; no row of a table, no remark on the source."""
    return [
        sentence
        for row in store.municipalities.get(name, ())
        if store.passages[row].heading_path[-1] not in NOTE_HEADINGS
        for sentence in store.sentences_of(row)
        if store.text(sentence).endswith("。")
    ]


def _certain(sentence: Sentence) -> Evidence:
    """A sentence as evidence of what its own case tells."""
    return Evidence(sentence, score=1.0, cosine=1.0, coverage=1.0)


def _citation(store: Store, sentence: Sentence) -> Citation:
    passage = store.passages[sentence.passage]
    return Citation(1, passage, store.text(sentence), sentence.start, sentence.end)
