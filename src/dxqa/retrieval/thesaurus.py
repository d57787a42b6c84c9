"""Spoken words and the official words documents use for them; users can add their own."""

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cache
from importlib.resources import files
from pathlib import Path

from dxqa.errors import QuestionError
from dxqa.tokenizer import Token, terms, tokenize

Lemmas = tuple[str, ...]


class Thesaurus:
    """Maps runs of dictionary forms to the words that stand for them."""

    def __init__(
        self, entries: Mapping[Lemmas, Sequence[str]], phrases: Iterable[str] = ()
    ) -> None:
        self._entries = entries
        self._phrases = tuple(phrases)
        self._longest = max((len(key) for key in entries), default=0)

    @classmethod
    def parse(cls, lines: Iterable[str]) -> "Thesaurus":
        """Read lines of one column (equal words) or two (spoken, official), words split by 、."""
        entries: dict[Lemmas, dict[str, None]] = {}
        phrases: list[str] = []
        for line in lines:
            if not line.strip() or line.startswith("#"):
                continue
            spoken, _, official = line.rstrip("\n").partition("\t")
            targets = (official or spoken).split("、")
            phrases += spoken.split("、")
            for phrase in spoken.split("、"):
                known = entries.setdefault(_lemmas(tokenize(phrase)), {})
                known.update(dict.fromkeys(t for t in targets if t != phrase))
        return cls({key: tuple(words) for key, words in entries.items() if key}, phrases)

    def expand(self, question: str) -> list[tuple[tuple[Token, ...], tuple[str, ...]]]:
        """Find phrases in a question, longest first from the left.

        Returns:
            For each phrase its tokens and the words that stand for it. Tokens may be shared with a
            shorter phrase inside a longer one: 作業部会 also expands 部会.
        """
        tokens = tokenize(question)
        return list(self._matches(tokens))

    @property
    def phrases(self) -> list[str]:
        """Every phrase that is expanded, as written in the file."""
        return list(self._phrases)

    def _matches(
        self, tokens: Sequence[Token]
    ) -> Iterator[tuple[tuple[Token, ...], tuple[str, ...]]]:
        at = 0
        while at < len(tokens):
            length = next(
                (
                    n
                    for n in range(min(self._longest, len(tokens) - at), 0, -1)
                    if _lemmas(tokens[at : at + n]) in self._entries
                ),
                0,
            )
            if length:
                run = tuple(tokens[at : at + length])
                yield run, tuple(self._entries[_lemmas(run)])
            at += max(length, 1)


@cache
def load_thesaurus() -> Thesaurus:
    """Read the shipped file, and the user's own named in ``DXQA_THESAURUS``.

    Raises:
        QuestionError: the user's file cannot be read.
    """
    lines = files("dxqa").joinpath("data/thesaurus.tsv").read_text("utf-8").splitlines()
    own = os.environ.get("DXQA_THESAURUS")
    if own:
        try:
            lines += Path(own).read_text("utf-8").splitlines()
        except (OSError, UnicodeDecodeError) as error:
            raise QuestionError(
                f"類語ファイルを読めません: {own}。DXQA_THESAURUS の場所と文字コード (UTF-8) を"
                "確認してください。"
            ) from error
    return Thesaurus.parse(lines)


def term_groups(words: Sequence[str]) -> list[str]:
    """Return the lexical terms of words, each once."""
    return list(dict.fromkeys(term for word in words for term in terms(word)))


def _lemmas(tokens: Sequence[Token]) -> Lemmas:
    return tuple(token.lemma for token in tokens)
