"""Normalisation and its map of offsets, tokenising, sentences, figures, names and masking."""

from itertools import pairwise

from dxqa.japanese import find_quantities, normalize, parse_place, split_sentences
from dxqa.readers import outline
from dxqa.retrieval.conditions import asked_kind, population_superlative, understand_filters
from dxqa.retrieval.kinds import asks_for_all, question_kind
from dxqa.tokenizer import pairs, terms, tokenize, trigrams
from dxqa.types import Document
from dxqa.web.masking import masked
from tests.fuzz.target import Target, bytes_of, text_of

_PERSONAL = "電話は090-8765-4321です。宛先はhanako@example.jp、番号は9876-5432-1098。"
_PARTS = ("8765", "4321", "hanako", "9876", "5432", "1098")
_TEXTS = (
    "都城市の推進体制は？",
    "令和３年度、ｶﾞﾊﾟ と㍻元年。「縣の。話」\n1. 一億２,０００万円",
    "人口3万人以下の町で、外部人材を活用している自治体は？",
    "電話は090-1234-5678、taro@example.jp、〒100-0001 東京都",
    "参考: あ\n\n目次\n1. はじめに\n\n【宮崎県都城市】\n本文です。",
)


def check_normalize(data: bytes) -> None:
    text = text_of(data)
    normal = normalize(text)
    size = len(normal.text)
    assert len(normal.starts) == len(normal.ends) == size
    assert all(0 <= a < b <= len(text) for a, b in zip(normal.starts, normal.ends, strict=True))
    assert all(a <= b for ends in (normal.starts, normal.ends) for a, b in pairwise(ends))
    assert normal.original_span(0, size) == (0, len(text))
    assert normal.original_span(size, size) == (len(text), len(text))
    _check_spans(text, [(q.start, q.end) for q in find_quantities(text)])
    spans = split_sentences(text)
    _check_spans(text, spans)
    place = parse_place(text)
    assert place is None or place.name


def check_tokenize(data: bytes) -> None:
    text = text_of(data)
    tokens = tokenize(text)
    _check_spans(text, [(t.start, t.end) for t in tokens])
    assert all(t.surface and t.lemma for t in tokens)
    for found in (terms(text), pairs(text), trigrams(text)):
        assert all(found)


def check_conditions(data: bytes) -> None:
    text = normalize(text_of(data)).text
    keys = ("population", "kind", "prefecture")
    understood = understand_filters(text, ["山形県"], keys)
    assert len(understood.filters) == len(understood.said)
    assert set(understood.filters) <= set(keys)
    assert asked_kind(text) in (None, "都道府県", "市", "町")
    population_superlative(text)
    asks_for_all(text)
    for places in range(3):
        assert question_kind(text, places) in ("fact", "contact", "list", "compare", "explain")


def check_masked(data: bytes) -> None:
    """Whatever stands before it, what points at a person is not kept."""
    text = text_of(data)
    if any(part in text for part in _PARTS):
        return
    kept = masked(f"{text}\n{_PERSONAL}\n{text}")
    assert not [part for part in _PARTS if part in kept]


def check_outline(data: bytes) -> None:
    """Plain text, where most rules of our own are."""
    text = text_of(data)
    found = outline(Document("a.txt", "題", text, "a.txt"))
    for section in found.sections:
        assert 0 <= section.start < section.end <= len(text)
    for start, end in found.ignored:
        assert 0 <= start <= end <= len(text)


def _check_spans(text: str, spans: list[tuple[int, int]]) -> None:
    """Half-open, not empty, in order; two may share a character that stands for several (½, ㍻)."""
    assert all(0 <= start < end <= len(text) for start, end in spans)
    for (start, end), (next_start, next_end) in pairwise(spans):
        assert start <= next_start
        assert end <= next_end


def _seeds() -> list[bytes]:
    return [bytes_of(text) for text in _TEXTS]


TARGETS = (
    Target("normalize", check_normalize, _seeds),
    Target("tokenize", check_tokenize, _seeds),
    Target("conditions", check_conditions, _seeds),
    Target("masking", check_masked, _seeds),
    Target("outline", check_outline, _seeds),
)
