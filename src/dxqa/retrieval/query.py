"""What a question asks, as far as search needs to know."""

from dataclasses import dataclass, field, replace

from dxqa.filters import Filters
from dxqa.lexical import Concept
from dxqa.retrieval.conditions import Superlative
from dxqa.retrieval.mentions import Mentions


@dataclass(frozen=True, slots=True)
class Query:
    """A question understood.

    Attributes:
        question: as typed.
        text: stand-alone, in normal form, names in their usual form; what the encoder reads.
        own_text: the same without what history adds.
        kind: fact, contact, list, compare or explain.
        concepts: what each word may be called, for lexical search; history's weigh less.
        own_concepts: how many of ``concepts`` come from the question itself (they stand first).
        focus: the concept of the last noun of the question, often what is asked for.
        pairs: words of the question that follow one another.
        trigrams: three characters that follow one another in the question, names left out.
        mentions: the places in the question.
        places: full names the answer must be about; inherited from history where none is named.
        excluded: full names the answer must not be about (横浜市以外).
        inherited: whether ``places`` come from an earlier question.
        recent: full names in the earlier questions where they are not inherited: more likely meant
            than others, but no more than that.
        filters: those read out of the question, then those given.
        filters_said: the former in Japanese.
        refers_to_nothing: whether it points back (その財源は) and nothing was said before.
        all_cases: whether every case is wanted that fits, rather than one.
        asked_kind: 都道府県, 市 or 町 where the answer is to be one.
        superlative: the largest or smallest is asked for.
    """

    question: str
    text: str
    own_text: str
    kind: str
    concepts: tuple[Concept, ...]
    own_concepts: int
    focus: Concept | None
    pairs: tuple[str, ...]
    trigrams: tuple[str, ...]
    mentions: Mentions
    places: tuple[str, ...] = ()
    excluded: tuple[str, ...] = ()
    inherited: bool = False
    recent: tuple[str, ...] = ()
    filters: Filters = field(default_factory=dict)
    filters_said: tuple[str, ...] = ()
    superlative: Superlative | None = None
    refers_to_nothing: bool = False
    all_cases: bool = False
    asked_kind: str | None = None

    @property
    def conditions(self) -> dict[str, str]:
        """Metadata keys that the question itself filters by, with its words for it."""
        return dict(zip(self.filters, self.filters_said, strict=False))

    def filtered(self, given: Filters) -> "Query":
        """The same query under filters given, which overrule what the question says."""
        said = {key: word for key, word in self.conditions.items() if key not in given}
        kept = {key: self.filters[key] for key in said}
        wanted = {key: value for key, value in given.items() if value is not None}
        return replace(self, filters={**kept, **wanted}, filters_said=tuple(said.values()))
