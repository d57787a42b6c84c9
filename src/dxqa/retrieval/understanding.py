"""Question to Query: places, kind, words and what earlier questions add."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cache
from importlib.resources import files

from dxqa.japanese import find_quantities, normalize
from dxqa.lexical import Concept
from dxqa.retrieval.conditions import asked_kind, population_superlative, understand_filters
from dxqa.retrieval.kana import KanaLexicon
from dxqa.retrieval.kinds import asks_for_all, question_kind
from dxqa.retrieval.mentions import Mentions
from dxqa.retrieval.names import Gazetteer
from dxqa.retrieval.query import Query
from dxqa.retrieval.thesaurus import load_thesaurus, term_groups
from dxqa.tokenizer import Token, pairs, tokenize, trigrams

_SYNONYM_WEIGHT = 0.7
_HISTORY_WEIGHT = 0.4
_EXCLUDE = re.compile(r"\s*(?:以外|のほか|の他|を?除|じゃな|ではな)")
_REFERS_BACK = re.compile(
    r"(?:その|それ|そこ|そちら|あの|あれ|これ|この(?!記事|資料)|同じ|じゃあ|では|なら|ほかに|他に|ほかは|他は|"
    r"以外|もう少し|もっと|詳しく|続き|もお願い|についても|も(?:使|あ|や|い|同)|だっけ)"
)
_POINTS_BACK = re.compile(
    r"^(?:じゃあ|では|で|あと|ちなみに|また)?[、 ]*(?:その(?!他)|そこ|そちら|そっち|同[市町県村])"
)
_FEW_WORDS = 2
_COUNTED = ("事例", "自治", "団体", "つの事", "件の")  # 11事例のうち: counts sources, is no subject


@dataclass(frozen=True, slots=True)
class Knowledge:
    """What an index knows that helps to read a question.

    Attributes:
        gazetteer: its municipalities.
        lexicon: its words by their readings.
        keys: its metadata keys, which filters can be read for.
    """

    gazetteer: Gazetteer
    lexicon: KanaLexicon
    keys: frozenset[str]


def understand(question: str, history: Sequence[str], knowledge: Knowledge) -> Query:
    """Read a question in the light of the earlier ones, oldest first."""
    gazetteer, lexicon = knowledge.gazetteer, knowledge.lexicon
    mentions = _in_kanji(gazetteer.recognise(question), lexicon)
    earlier = [_in_kanji(gazetteer.recognise(h), lexicon) for h in history]
    mentions = _resolved(mentions, _last_places(earlier))
    excluded = _excluded(question, mentions, gazetteer)
    places = tuple(name for name in mentions.known if name not in excluded)
    prefectures = () if places else mentions.prefectures
    understood = understand_filters(mentions.rest, prefectures, knowledge.keys)
    own = _concepts(understood.rest)
    kind = question_kind(mentions.text, len(places))
    follows = bool(history) and _follows(question, mentions, len(own), kind)
    inherited = () if places or excluded or mentions.unknown else _last_places(earlier)
    inherits = bool(inherited) and (follows or kind not in ("list", "explain"))
    if inherits:
        places = inherited
        kind = question_kind(mentions.text, len(places))
    context = _history_concepts(earlier) if follows else []
    return Query(
        question=question,
        text=" ".join([*(m.text for m in earlier[-1:] if follows), mentions.text]),
        own_text=mentions.text,
        kind=kind,
        concepts=(*own, *context),
        own_concepts=len(own),
        focus=_focus(understood.rest, own),
        pairs=tuple(pairs(understood.rest)),
        trigrams=tuple(dict.fromkeys(trigrams(understood.rest))),
        mentions=mentions,
        places=places,
        excluded=excluded,
        inherited=inherits,
        recent=() if inherits else inherited,
        filters=understood.filters,
        filters_said=understood.said,
        superlative=population_superlative(question),
        refers_to_nothing=not history and bool(_POINTS_BACK.search(mentions.text)),
        all_cases=asks_for_all(mentions.text),
        asked_kind=None if places else asked_kind(question),
    )


def _resolved(mentions: Mentions, recent: Sequence[str]) -> Mentions:
    """Take a name that may stand for several for the one that was spoken of before."""
    if not mentions.ambiguous:
        return mentions
    meant = {typed: [n for n in names if n in recent] for typed, names in mentions.ambiguous}
    known = [names[0] for names in meant.values() if len(names) == 1]
    left = tuple(pair for pair in mentions.ambiguous if len(meant[pair[0]]) != 1)
    return replace(mentions, known=(*mentions.known, *known), ambiguous=left)


def _in_kanji(mentions: Mentions, lexicon: KanaLexicon) -> Mentions:
    """Read a question typed in kana as the words that sound so."""
    rest = lexicon.rewrite(mentions.rest)
    if rest == mentions.rest:
        return mentions
    return replace(mentions, rest=rest, text=" ".join([*mentions.known, rest.strip()]))


def _excluded(question: str, mentions: Mentions, gazetteer: Gazetteer) -> tuple[str, ...]:
    """Names that 以外 or 除く follows."""
    normal = normalize(question).text
    parts = [m.start() for m in _EXCLUDE.finditer(normal)]
    named = [gazetteer.recognise(normal[:end][-12:]).known for end in parts]
    return tuple(n for names in named for n in names[-1:] if n in mentions.known)


def _follows(question: str, mentions: Mentions, words: int, kind: str) -> bool:
    """Whether a question leans on the one before: it points back, or says too little alone."""
    if _REFERS_BACK.search(normalize(question).text):
        return True
    if kind == "list" or mentions.unknown:
        return False
    return words <= _FEW_WORDS


def _last_places(earlier: Sequence[Mentions]) -> tuple[str, ...]:
    return next((m.known for m in reversed(earlier) if m.known), ())


def _history_concepts(earlier: Sequence[Mentions]) -> list[Concept]:
    """Words of earlier questions, the weaker the longer ago."""
    found: list[Concept] = []
    for age, mentions in enumerate(reversed(earlier)):
        weight = _HISTORY_WEIGHT / (age + 1)
        concepts = _concepts(mentions.rest)
        found += [{term: w * weight for term, w in concept.items()} for concept in concepts]
    return found


def _concepts(text: str) -> list[Concept]:
    """Group the terms of a text: a word or a known phrase, with the words that stand for it.

    In the order of the text; figures come last.
    """
    tokens = {token.start: token for token in tokenize(text)}
    found: list[tuple[int, Concept]] = []
    for run, words in load_thesaurus().expand(text):
        if len(run) == 1 and not _own_terms(run):
            continue
        synonyms = dict.fromkeys(term_groups(words), _SYNONYM_WEIGHT)
        own = _own_terms([tokens.pop(token.start) for token in run])
        found.append((run[0].start, {**synonyms, **own}))
    found += [(start, own) for start, token in tokens.items() if (own := _own_terms([token]))]
    figures = [q for q in find_quantities(text) if not q.unit.startswith(_COUNTED)]
    ordered = [concept for _, concept in sorted(found, key=lambda pair: pair[0])]
    return ordered + [{figure.term: 1.0} for figure in figures]


def _focus(text: str, concepts: Sequence[Concept]) -> Concept | None:
    """Return the concept of the last noun that is no verb in disguise: what is asked for."""
    nouns = [t.lemma for t in tokenize(text) if t.pos in ("名詞", "接尾辞") and t.is_content]
    for lemma in reversed(nouns):
        for concept in concepts:
            if concept.get(lemma) == 1.0:
                return concept
    return None


def _own_terms(tokens: Sequence[Token]) -> dict[str, float]:
    return {t.lemma: 1.0 for t in tokens if t.is_content and t.lemma not in _request_words()}


@cache
def _request_words() -> frozenset[str]:
    lines = files("dxqa").joinpath("data/request_words.txt").read_text("utf-8").splitlines()
    return frozenset(word for line in lines if not line.startswith("#") for word in line.split())
