"""Words looked up in what the cases tell: which cases hold all of them, and in which sentences."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

from dxqa.index import Index
from dxqa.japanese import normalize
from dxqa.visible import visible
from dxqa.web.html import exact

_LONGEST = 100  # characters of a sentence that is shown


@dataclass(frozen=True, slots=True)
class Match:
    """How many sentences of a case hold one of the words, and the one that holds most of them."""

    sentences: int
    best: str


class CaseSearch:
    """The sentences of all cases of an index, made ready at the first search."""

    def __init__(self, index: Index) -> None:
        """Remember the index."""
        self.index = index

    def find(self, words: Sequence[str]) -> dict[str, Match]:
        """Return the cases that hold every one of these words, in the order of the documents."""
        wanted = [plain(word) for word in words]
        found = {}
        for case, told in self._told.items():
            if not all(any(word in text for text in (case, *told)) for word in wanted):
                continue
            held = {text: sum(word in text for word in wanted) for text in told}
            fitting = [text for text, count in held.items() if count]
            best = max(fitting, key=held.__getitem__, default="")
            found[case] = Match(len(fitting), told[best] if best else "")
        return found

    @cached_property
    def _told(self) -> dict[str, dict[str, str]]:
        """Municipality to its sentences, plain and as they stand."""
        store = self.index.store
        return {
            name: {
                plain(text): text
                for row in rows
                for sentence in store.sentences_of(row)
                if (text := " ".join(store.text(sentence).split()))
            }
            for name, rows in store.municipalities.items()
        }


def plain(text: str) -> str:
    """Return a text as words are looked for in it."""
    return normalize(text).text.lower()


def found_html(typed: str, found: dict[str, Match]) -> str:
    """Return what was found for the browser, which shows it on the cards (cases.js)."""
    told = {name: [match.sentences, visible(_short(match.best))] for name, match in found.items()}
    return (
        f'<div class="found-cases" data-typed="{exact(typed)}" '
        f'data-found="{exact(json.dumps(told, ensure_ascii=False))}"></div>'
    )


def _short(text: str) -> str:
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 1]}…"
