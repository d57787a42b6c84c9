"""Saying that the corpus does not say: what was looked for, and what comes nearest."""

from collections.abc import Sequence

from dxqa.answering.draft import hidden_places, remarks_on, unmarked
from dxqa.retrieval import Retrieval
from dxqa.store import Store
from dxqa.types import Answer

_NEAREST = 3


def refuse(
    retrieval: Retrieval, store: Store, confidence: float, *, missing: Sequence[str] = ()
) -> Answer:
    """Decline, name what is missing, and point to the nearest passages, marked as no answer."""
    reason = unmarked(_reason(retrieval, store, missing))
    lines = [*remarks_on(retrieval), reason]
    nearest = _nearest(retrieval)
    if nearest:
        lines += ["", "近い話題の資料 (お尋ねへの答えではありません):", *nearest]
    return Answer(
        question=retrieval.query.question,
        text="\n".join(lines),
        citations=(),
        hits=retrieval.hits,
        kind="declined",
        confidence=round(confidence, 3),
        notes=tuple(remarks_on(retrieval)),
        lead=reason,
    )


def _reason(retrieval: Retrieval, store: Store, missing: Sequence[str]) -> str:
    query = retrieval.query
    if query.mentions.unknown and not query.places:
        names = "、".join(query.mentions.unknown)
        held = "、".join(list(store.municipalities)[:20])
        listed = f"資料にある自治体は、{held}です。" if held else ""
        return f"{names}の事例は、資料にありません。{listed}"
    hidden = hidden_places(retrieval)
    if hidden and len(hidden) == len(query.places):
        return (
            f"{'、'.join(hidden)}は、選ばれている絞り込みの外にあります。"
            "絞り込みを外して、もう一度お尋ねください。"
        )
    if query.filters_said and not retrieval.hits:
        return f"{'、'.join(query.filters_said)}にあたる事例は、資料にありません。"
    if missing:
        about = f"{'、'.join(query.places)}について、" if query.places else ""
        return f"{about}お尋ねの{'、'.join(missing)}は、資料に記載がありません。"
    if query.places:
        return f"{'、'.join(query.places)}の資料には、お尋ねの内容の記載が見つかりませんでした。"
    return "お尋ねの内容は、資料の中に見つかりませんでした。"


def _nearest(retrieval: Retrieval) -> list[str]:
    passages = [hit.passage for hit in retrieval.hits]
    labels = [f"・{p.municipality or p.heading_path[0]}: {p.heading_path[-1]}" for p in passages]
    return list(dict.fromkeys(map(unmarked, labels)))[:_NEAREST]
