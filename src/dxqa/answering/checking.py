"""Whether sentences that a language model wrote stand in the quotes that they cite.

A sentence passes only if everything that can be checked by rule is found: its figures and names in
the quotes, its words there or in the question, and a denial or a request in the one where there is
one in the other. A document may tell the model to say something else, and the model may obey: that
passes as little. What is wrongly rejected costs nothing but style, since the quote itself takes its
place.
"""

import re
import unicodedata
from collections.abc import Iterable, Sequence

from dxqa.japanese import find_quantities, normalize, parse_place, split_sentences
from dxqa.tokenizer import Token, tokenize
from dxqa.types import Answer, Citation, Statement

_OWN_SHARE = 0.4
"""Of a sentence's words, as many must stand in the quotes; the question only suggests the rest."""

_LINKING = frozenset(
    "行う 実施 取り組む 取り組み 進める 図る 示す 挙げる 述べる 記載 資料 場合 関する 対する "
    "基づく 通ずる 通じる 際".split()
)
"""Words that add nothing to what the others say; no other word may be a sentence's own."""
_REQUESTS = frozenset("下さる 為さる 願う".split())
_TOLD_SHARE = 0.4

_THOUGHT = re.compile(r"(?s)<think>.*?(?:</think>|\Z)|\*\*")
_NUMBERS = r"\[\s*[0-9]{1,4}(?:\s*[,、]\s*[0-9]{1,4})*\s*\]"
_MARK = re.compile(rf"[ \t]*{_NUMBERS}")
_MARKS_AFTER_STOP = re.compile(rf"([。!?]+[」』)]*)((?:[ \t]*{_NUMBERS})+)")
_LIKE_A_MARK = re.compile(r"\[\s*[0-9]")
_LINE_FORM = "※■・#> \t"

# 045-671-2130, 2021/4/1, 2.7: more than its figures one by one.
_COMPOUND = re.compile(r"[0-9]+(?:[-/.:][0-9]+)+")
_SAME_UNITS = {"名": "人", "箇": "か", "ヶ": "か", "カ": "か"}
_DENIALS = frozenset([("助動詞", "ない"), ("助動詞", "ず"), ("助動詞", "まい"), ("形容詞", "無い")])
_DENYING_PREFIXES = frozenset("不未非無")
# What holds ない and denies nothing.
_NO_DENIAL = re.compile(
    r"な(?:ければ|くては)(?:なら|いけ)(?:ない|ません)|ねばなら(?:ない|ぬ)|ざるを得(?:ない|ません)"
    r"|だけで(?:は)?なく|のみならず|かもしれ(?:ない|ません)"
)


def read_sentences(text: str) -> list[Statement]:
    """Read a language model's text as sentences with the numbers they cite, in normal form.

    Marks may stand before or after the full stop, as ``[1][2]`` or ``[1, 2]``. Reasoning between
    ``<think>`` tags is left out.
    """
    normal = normalize(_THOUGHT.sub("", text)).text
    visible = "".join(c for c in normal if unicodedata.category(c) != "Cf")
    marked = _MARKS_AFTER_STOP.sub(r"\2\1", visible)
    sentences = (_sentence(marked[start:end]) for start, end in split_sentences(marked))
    return [sentence for sentence in sentences if sentence.text.strip("。")]


def _sentence(text: str) -> Statement:
    numbers = [int(n) for mark in _MARK.findall(text) for n in re.findall(r"[0-9]+", mark)]
    plain = " ".join(_MARK.sub("", text).split()).lstrip(_LINE_FORM)
    return Statement(plain, tuple(dict.fromkeys(numbers)))


def is_supported(sentence: Statement, answer: Answer) -> bool:
    """Whether a sentence cites, and only says what the quotes that it cites say."""
    cited = [c for c in answer.citations if c.number in sentence.numbers]
    return (
        bool(cited)
        and len(cited) == len(sentence.numbers)
        and not _LIKE_A_MARK.search(sentence.text)
        and _figures_stand(sentence.text, _quotes(cited))
        and _names_stand(sentence.text, cited)
        and _cases_are_named(sentence.text, cited)
        and _words_stand(sentence.text, cited, answer.question)
        and _denies(sentence.text) == any(_denies(c.quote) for c in cited)
        and (not _requests(sentence.text) or any(_requests(c.quote) for c in cited))
    )


def is_told(statement: Statement, sentences: Sequence[Statement]) -> bool:
    """Whether supported sentences say a statement again, with its figures and its citations."""
    if not statement.numbers:
        return False
    told = "\n".join(s.text for s in sentences)
    cited = {n for s in sentences for n in s.numbers}
    return (
        cited.issuperset(statement.numbers)
        and _figures_stand(statement.text, told)
        and overlap(statement.text, told) >= _TOLD_SHARE
    )


def overlap(text: str, other: str) -> float:
    """Return the share of the content words of ``text`` that the other holds, 0..1."""
    return _share(_words(text), _words(other))


def _quotes(cited: Iterable[Citation]) -> str:
    return "\n".join(normalize(c.quote).text for c in cited)


def _places(cited: Iterable[Citation]) -> list[str]:
    return [c.passage.municipality for c in cited if c.passage.municipality]


def _figures_stand(text: str, source: str) -> bool:
    """Whether each figure is in the source: value and unit, and a compound one as it is written."""
    held = {(q.term, _unit(q.unit)) for q in find_quantities(source)}
    terms = {term for term, _ in held}
    unitless = {term for term, unit in held if not unit}
    return (
        all(
            (q.term, _unit(q.unit)) in held
            or q.term in unitless
            or (not q.unit and q.term in terms)
            for q in find_quantities(text)
        )
        and set(_COMPOUND.findall(text)) <= set(_COMPOUND.findall(source))
        and _loose_numerals(text) <= _loose_numerals(source)
    )


def _unit(unit: str) -> str:
    return _SAME_UNITS.get(unit[:1], unit[:1])


def _loose_numerals(text: str) -> set[str]:
    """Numerals that are no quantity: 三 in 三県, digits of other scripts."""
    spans = [(q.start, q.end) for q in find_quantities(text)]
    kanji = {
        token.surface
        for token in tokenize(text)
        if _is_numeral(token) and not any(a <= token.start < b for a, b in spans)
    }
    return kanji | {c for c in text if c.isdigit() and not c.isascii()}


def _is_numeral(token: Token) -> bool:
    return token.detail.startswith("数詞")


def _names_stand(text: str, cited: Sequence[Citation]) -> bool:
    """Whether each place is that of a quote, and each other name stands in its passage."""
    places = "\n".join([_quotes(cited), *_places(cited)]).lower()
    passages = (line for c in cited for line in (c.passage.text, *c.passage.heading_path))
    names = "\n".join([places, *(normalize(line).text.lower() for line in passages)])
    return all(
        token.surface.lower() in (places if "地名" in token.detail else names)
        for token in tokenize(text)
        if _is_name(token)
    )


def _is_name(token: Token) -> bool:
    """Whether a word is tagged as a name, or the dictionary does not know it (Kintone)."""
    unknown = token.is_content and not token.reading and not _is_numeral(token)
    return unknown or token.detail.startswith("固有名詞")


def _cases_are_named(text: str, cited: Sequence[Citation]) -> bool:
    """Whether a sentence that cites several municipalities tells which they are."""
    places = set(_places(cited))
    return len(places) < 2 or all(_short(name) in text for name in places)  # noqa: PLR2004


def _short(municipality: str) -> str:
    place = parse_place(municipality)
    return (place.town or place.prefecture) if place else municipality


def _words_stand(text: str, cited: Sequence[Citation], question: str) -> bool:
    words = _words(text)
    own = _words("\n".join([_quotes(cited), *_places(cited)]))
    headings = "\n".join(heading for c in cited for heading in c.passage.heading_path)
    known = own | _words(question) | _words(headings) | _LINKING
    return _share(words, own) >= _OWN_SHARE and words <= known


def _words(text: str) -> set[str]:
    """The content words of a text; numerals and their units are compared with the figures."""
    return {
        token.lemma
        for token in tokenize(text)
        if token.is_content and not _is_numeral(token) and "助数詞" not in token.detail
    }


def _share(words: set[str], held: set[str]) -> float:
    return len(words & held) / len(words) if words else 0.0


def _requests(text: str) -> bool:
    """Whether it asks the reader to do something: 押してください."""
    return any(token.lemma in _REQUESTS for token in tokenize(text))


def _denies(text: str) -> bool:
    return any(
        (token.pos, token.lemma) in _DENIALS
        or (token.pos == "接頭辞" and token.surface in _DENYING_PREFIXES)
        for token in tokenize(_NO_DENIAL.sub("", normalize(text).text))
    )
