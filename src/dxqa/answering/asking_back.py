"""Asking back where a question may mean several things, with the questions to choose from."""

import re
from collections.abc import Sequence

from dxqa.answering.draft import remarks_on, unmarked
from dxqa.retrieval import Query, Retrieval
from dxqa.store import Store
from dxqa.types import Answer

_MOST = 12
_FEW_WORDS = 2
_POINTER = re.compile(
    r"^(?:じゃあ|では|で|あと|ちなみに|また)?[、 ]*"
    r"(?:そこ|そちら|そっち|その(?:自治体|役場|市|町|県|村)?|同[市町県村])の?"
)


def ask_back(retrieval: Retrieval, store: Store) -> Answer | None:
    """Return the question back, or None where a question is plain.

    It is not where a name stands for several municipalities (府中市), where it points back
    (その財源は) and nothing was said before, or where it asks for a contact of nobody.
    """
    query = retrieval.query
    if query.mentions.ambiguous:
        typed, names = query.mentions.ambiguous[0]
        asked = query.mentions.text.replace("?", "？")
        choices = [asked.replace(typed, name, 1) for name in names]
        return _answer(retrieval, f"「{typed}」は、次のどれのことでしょうか。", choices)
    if _of_nobody(query):
        asked = _POINTER.sub("", query.own_text).replace("?", "？")
        choices = [f"{name}の{asked}" for name in _likeliest(retrieval, store)]
        return _answer(retrieval, "どの自治体についてのお尋ねでしょうか。", choices)
    return None


def _of_nobody(query: Query) -> bool:
    """Whether a question needs a municipality and names none."""
    mentions = query.mentions
    named = query.places or query.excluded or mentions.prefectures or mentions.unknown
    if named or query.filters or query.superlative or query.own_concepts > _FEW_WORDS:
        return False
    return query.refers_to_nothing or query.kind == "contact"


def _likeliest(retrieval: Retrieval, store: Store) -> Sequence[str]:
    """Return municipalities, the nearest to the question first."""
    order = retrieval.passage_scores.order
    named = (store.passages.metadata_of(row).get("municipality") for row in order)
    return list(dict.fromkeys(str(name) for name in named if name))[:_MOST]


def _answer(retrieval: Retrieval, lead: str, choices: Sequence[str]) -> Answer | None:
    if not choices:
        return None
    lead = unmarked(lead)
    lines = [*remarks_on(retrieval), lead, *(f"・{unmarked(choice)}" for choice in choices)]
    return Answer(
        question=retrieval.query.question,
        text="\n".join(lines),
        citations=(),
        hits=retrieval.hits,
        kind="ambiguous",
        confidence=0.0,
        notes=tuple(remarks_on(retrieval)),
        lead=lead,
        choices=tuple(choices),
    )
