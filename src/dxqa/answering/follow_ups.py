"""Questions to ask next: what the cited cases tell and this answer does not."""

from collections.abc import Iterator
from itertools import chain, zip_longest

from dxqa.answering import contact
from dxqa.answering.aspects import Aspect, aspects
from dxqa.japanese import parse_place
from dxqa.store import Sentence, Store
from dxqa.types import Answer

MOST = 3

_CASES = 2  # cited first; more would be a long list of names
_EFFORTS = "取り組み"
_PLAINLY = 4.0  # the heading, and two words in one sentence


def follow_ups(answer: Answer, store: Store) -> tuple[str, ...]:
    """Return up to three questions about the cited cases that the corpus answers."""
    cited = (citation.passage.municipality for citation in answer.citations)
    names = [name for name in dict.fromkeys(cited) if name in store.municipalities][:_CASES]
    if answer.kind == "card":
        return tuple(chain.from_iterable(_after_card(name, store) for name in names))[:MOST]
    alternately = zip_longest(*(_untold(name, answer, store) for name in names))
    found = [question for question in chain.from_iterable(alternately) if question]
    whole = [f"{_short(name, store)}の事例を教えて" for name in names[:1]]
    ordered = [*whole, *found] if answer.kind == "list" else [*found[: MOST - 1], *whole]
    return tuple(dict.fromkeys(ordered))[:MOST]


def _untold(name: str, answer: Answer, store: Store) -> Iterator[str]:
    """Yield a question for each thing that a case tells and the answer does not quote."""
    short = _short(name, store)
    quoted = {(c.passage.doc_id, c.start) for c in answer.citations}
    for aspect in aspects():
        told = _under_heading(aspect, name, store)
        if any(_place(sentence, store) in quoted for sentence in told):
            continue
        if aspect.name == _EFFORTS and told:
            yield _about_efforts(short)
        elif any(_plainly_tells(sentence, aspect, store) for sentence in told):
            yield f"{short}の{aspect.name}は？"
    if answer.kind != "contact" and _has_telephone(name, store):
        yield f"{short}のDX担当課と電話番号は？"


def _after_card(name: str, store: Store) -> Iterator[str]:
    """Yield what a card leaves open: how the case differs from another, and more of its efforts."""
    short = _short(name, store)
    yield from (f"{short}と{_short(other, store)}を比べて" for other in _alike(name, store))
    if any(_under_heading(a, name, store) for a in aspects() if a.name == _EFFORTS):
        yield _about_efforts(short)


def _about_efforts(short: str) -> str:
    return f"{short}はどんな{_EFFORTS}をしていますか"


def _alike(name: str, store: Store) -> list[str]:
    """Return the case of the same kind whose population is nearest, if there is one."""
    kind, population = _kind_and_size(name, store)
    others = {other: _kind_and_size(other, store) for other in store.municipalities}
    same = [other for other, (its, _) in others.items() if its == kind and other != name]
    return sorted(same, key=lambda other: abs(others[other][1] - population))[:1]


def _kind_and_size(name: str, store: Store) -> tuple[str, float]:
    metadata = store.passages.metadata_of(store.municipalities[name][0])
    population = metadata.get("population")
    known = float(population) if isinstance(population, int | float) else 0.0
    return str(metadata.get("kind", "")), known


def _under_heading(aspect: Aspect, name: str, store: Store) -> list[Sentence]:
    """Return the sentences of a case under a heading that names the aspect."""
    return [
        sentence
        for row in store.municipalities[name]
        for sentence in store.sentences_of(row)
        if aspect.fit(store.passages[row].heading_path[1:], ())
    ]


def _plainly_tells(sentence: Sentence, aspect: Aspect, store: Store) -> bool:
    """Whether a sentence says itself what its heading says, so that search is sure to find it."""
    headings = store.passages[sentence.passage].heading_path[1:]
    named = any(word in store.text(sentence) for word in aspect.headings)
    return named and aspect.fit(headings, store.sentence_terms(sentence.row)) >= _PLAINLY


def _has_telephone(name: str, store: Store) -> bool:
    return any(said.text.startswith("電話番号") for said in contact.claims(store, name))


def _place(sentence: Sentence, store: Store) -> tuple[str, int]:
    return store.passages[sentence.passage].doc_id, sentence.start


def _short(name: str, store: Store) -> str:
    """Return the name without its prefecture, where only one case is called so."""
    place = parse_place(name)
    short = (place.town if place else "") or name
    return name if sum(other.endswith(short) for other in store.municipalities) > 1 else short
