"""The SentencePiece Unigram tokenizer of the 4-bit file, whole or for given texts alone.

The whole one takes most of a second to build: a quarter of a million pieces. Only pieces that occur
in a text can be its tokens, so one of those few gives the same tokens, and is there in no time.
"""

import re
from collections.abc import Iterable, Sequence

import numpy as np
from tokenizers import AddedToken, Regex, Tokenizer, models, normalizers, pre_tokenizers, processors

from dxqa.encoders.q4 import Q4Model

SPECIAL = {"bos": "<s>", "eos": "</s>", "pad": "<pad>", "unk": "<unk>", "mask": "<mask>"}

_METASPACE = "▁"
_FIRST_NONCHARACTER = 0xFDD0  # U+FDD0-FDEF: Unicode reserves them for use inside a program
_SPECIAL_TOKEN = re.compile("|".join(SPECIAL.values()))


def tokenize(model: Q4Model, texts: Sequence[str]) -> list[list[int]]:
    """Return the token ids of each text, cut off at the model's length."""
    characters = sorted({character for text in texts for character in text} - {"\0"})
    normalizer = build_normalizer(model.character_map, characters)
    # A special token stands alone; what is on either side of it begins a word.
    parts = [part for text in texts for part in _SPECIAL_TOKEN.split(text)]
    words = "\0".join(normalizer.normalize_str(" " + part) for part in parts)
    occurring = model.vocabulary.occurring_in(words.replace(" ", _METASPACE))
    always = [*_special_ids(model), model.vocabulary.least_likely]
    ids = np.unique(np.array([*always, *occurring]))
    tokenizer = _assemble(model, normalizer, ids.tolist())
    tokenizer.enable_truncation(model.shape.positions)
    return [ids[encoding.ids].tolist() for encoding in tokenizer.encode_batch(texts)]


def build_tokenizer(model: Q4Model) -> Tokenizer:
    """Return the file's tokenizer with ``<s> ... </s>`` around a text."""
    every = (chr(c) for c in range(1, 0x110000) if not 0xD800 <= c <= 0xDFFF)  # noqa: PLR2004
    normalizer = build_normalizer(model.character_map, every)
    return _assemble(model, normalizer, range(len(model.vocabulary)))


def _special_ids(model: Q4Model) -> list[int]:
    known = model.special
    return [known.bos, known.eos, known.pad, known.unk, len(model.vocabulary) - 1]


def _assemble(model: Q4Model, normalizer: normalizers.Normalizer, ids: Sequence[int]) -> Tokenizer:
    """Return a tokenizer of these pieces, which numbers them from 0."""
    number = {i: n for n, i in enumerate(ids)}
    special = model.special
    pieces = model.vocabulary.pieces(ids)
    tokenizer = Tokenizer(models.Unigram(pieces, number[special.unk], byte_fallback=False))
    tokenizer.normalizer = normalizer
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace(_METASPACE, prepend_scheme="always")
    tokenizer.post_processor = processors.TemplateProcessing(
        single="<s> $A </s>",
        pair="<s> $A </s> </s> $B </s>",
        special_tokens=[("<s>", number[special.bos]), ("</s>", number[special.eos])],
    )
    tokenizer.add_special_tokens([AddedToken(t, special=True) for t in SPECIAL.values()])
    return tokenizer


def build_normalizer(
    character_map: dict[str, str], characters: Iterable[str]
) -> normalizers.Normalizer:
    """Return NFKC corrected by the few characters in which the file's map differs from it.

    Those are control characters (deleted), line breaks and invisible characters (a space), and
    two characters that NFKC changes and the map keeps. For every single character the result is
    the map's. A sequence is composed as well (half-width カ and a voiced-sound mark give ガ), which
    the original model's tokenizer does too and a map of single characters cannot express.

    Args:
        character_map: what the file says of each character that it changes.
        characters: that a text may hold, without surrogates and NUL, ascending.
    """
    changed, kept = _differences_from_nfkc(character_map, characters)
    placeholders = {character: chr(_FIRST_NONCHARACTER + i) for i, character in enumerate(kept)}
    return normalizers.Sequence(
        [
            *[normalizers.Replace(_any_of(group), target) for target, group in changed.items()],
            *[normalizers.Replace(c, placeholder) for c, placeholder in placeholders.items()],
            normalizers.NFKC(),
            *[normalizers.Replace(placeholder, c) for c, placeholder in placeholders.items()],
            normalizers.Replace(Regex(" {2,}"), " "),
        ]
    )


def _differences_from_nfkc(
    character_map: dict[str, str], characters: Iterable[str]
) -> tuple[dict[str, list[str]], list[str]]:
    """Return characters that the map changes unlike NFKC, by target, and those it keeps."""
    every = list(characters)
    composed = normalizers.NFKC().normalize_str("\0".join(every)).split("\0") if every else []
    changed: dict[str, list[str]] = {}
    kept = []
    for character, nfkc in zip(every, composed, strict=True):
        target = character_map.get(character, character)
        if target == character != nfkc:
            kept.append(character)
        elif target != nfkc:
            changed.setdefault(target, []).append(character)
    return changed, kept


def _any_of(characters: list[str]) -> Regex:
    return Regex("[" + "".join(f"\\x{{{ord(c):x}}}" for c in characters) + "]")
