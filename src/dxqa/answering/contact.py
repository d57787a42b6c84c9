"""Answers out of metadata (担当課, 電話, 人口), each value cited where it stands in the text."""

from collections.abc import Sequence

from dxqa.answering.draft import Claim, Draft, Group
from dxqa.answering.evidence import Evidence
from dxqa.answering.slots import TEL
from dxqa.japanese import find_quantities, normalize
from dxqa.retrieval import Query
from dxqa.store import Store
from dxqa.types import MetadataValue

_ASKED = {
    "population": ("人口", ("人口",)),
    "department": ("担当課", ("担当", "部署", "課", "問い合わせ", "連絡先")),
    "tel": ("電話番号", ("電話", "tel", "番号", "何番", "連絡先", "問い合わせ", "かけ")),
}
_ASPECTS = {"population": "人口", "department": "連絡先", "tel": "連絡先"}


def draft(query: Query, store: Store) -> Draft | None:
    """Answer for one municipality; None where the question is about something else.

    A value asked for that neither metadata nor text give makes a draft without claims.
    """
    question = query.own_text.lower()
    keys = [key for key, (_, words) in _ASKED.items() if any(w in question for w in words)]
    name = query.places[0]
    metadata = _metadata(store, name)
    if not keys or not any(key in metadata for key in (*_ASKED, "municipality")):
        return None
    main = (
        keys if "tel" not in keys else [k for k in keys if k != "population" or "人口" in question]
    )
    found = {key: _where(store, name, key, metadata[key]) for key in main if key in metadata}
    told = {key: evidence for key, evidence in found.items() if evidence}
    missing = [_ASKED[key][0] for key in main if key not in told]
    if not told or (missing and "tel" in main and "tel" not in told):
        return Draft("contact", "", (), missing=[m for m in missing if m != "担当課"] or missing)
    claims = [Claim((e,), _say(key, store, e, metadata[key])) for key, e in told.items()]
    return Draft("contact", f"{name}の連絡先などは次のとおりです。", (Group("", claims),), 0.97)


def claims(store: Store, name: str) -> list[Claim]:
    """Return what metadata say of a municipality, each where it stands in the text."""
    metadata = _metadata(store, name)
    found = {k: _where(store, name, k, metadata[k]) for k in _ASKED if k in metadata}
    return [
        Claim((e,), _say(key, store, e, metadata[key]), _ASPECTS[key])
        for key, e in found.items()
        if e
    ]


def by_population(query: Query, store: Store, names: Sequence[str]) -> Draft:
    """List these municipalities with their populations; or the largest or smallest of them."""
    values = {name: _metadata(store, name).get("population") for name in names}
    known = {n: float(v) for n, v in values.items() if isinstance(v, int | float)}
    ranked = sorted(known, key=lambda n: -known[n])
    if query.superlative:
        ranked = ranked[:1] if query.superlative.largest else ranked[-1:]
        most = "多い" if query.superlative.largest else "少ない"
        lead = f"人口がいちばん{most}のは{'、'.join(ranked)}です。"
    else:
        said = "、".join(query.filters_said) or "絞り込みの条件"
        lead = f"{said}の自治体は、次の{len(ranked)}件です。"
    if query.superlative and (unknown := [n for n in names if n not in known]):
        lead += f"(人口の記載がない{'、'.join(unknown)}は含みません。)"
    groups = [
        Group(name, [Claim((evidence,), _say("population", store, evidence, known[name]))])
        for name in ranked
        if (evidence := _where(store, name, "population", known[name]))
    ]
    return Draft("list", lead, tuple(groups), 0.95, missing=["人口"])


def _metadata(store: Store, name: str) -> dict[str, MetadataValue]:
    merged: dict[str, MetadataValue] = {}
    for row in store.municipalities.get(name, ()):
        merged |= store.passages.metadata_of(row)
    return merged


def _where(store: Store, name: str, key: str, value: MetadataValue) -> Evidence | None:
    """Find the sentence about this municipality in which a metadata value stands."""
    rows = [r for p in store.municipalities[name] for r in store.sentences_of(p)]
    for sentence in rows:
        if _holds(normalize(store.text(sentence)).text, key, value):
            return Evidence(sentence, score=1.0, cosine=1.0, coverage=1.0)
    return None


def _holds(text: str, key: str, value: MetadataValue) -> bool:
    if key == "population":
        return any(q.unit.startswith("人") and q.value == value for q in find_quantities(text))
    if key == "tel":
        return str(value) in text and bool(TEL.search(text))
    return str(value) in " ".join(text.split())


def _say(key: str, store: Store, evidence: Evidence, value: MetadataValue) -> str:
    text = normalize(store.text(evidence.sentence)).text
    if key == "population":
        figure = next(q for q in find_quantities(text) if q.value == value)
        return f"人口は{text[figure.start : figure.end]}人です。"
    return f"{_ASKED[key][0]}は{value}です。"
