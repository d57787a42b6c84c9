"""Small models of every kind, made on the spot and saved as sentence-transformers saves them.

They are real models on real code paths, and know just enough: texts that share characters are
near one another, and the re-ranker likes a character.
"""

import hashlib
import unicodedata
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from sentence_transformers import CrossEncoder, SentenceTransformer
from sentence_transformers.sentence_transformer.modules import StaticEmbedding
from tokenizers import Tokenizer, models, pre_tokenizers
from tokenizers.processors import TemplateProcessing
from transformers import (
    BertConfig,
    BertForSequenceClassification,
    BertModel,
    PreTrainedTokenizerFast,
)

CORPUS = Path(__file__).parents[1] / "corpus"
PROMPTS = {"query": "検索クエリ: ", "document": "検索文書: "}
DIMENSION = 64

_SPECIAL = ("[PAD]", "[UNK]", "[CLS]", "[SEP]")
_QUIET = 0.1  # how much kana and signs say beside kanji


@cache
def _characters() -> tuple[str, ...]:
    texts = (path.read_text("utf-8") for path in CORPUS.rglob("*.md"))
    usual = "".join(map(chr, range(0x20, 0x7F))) + "".join(PROMPTS.values())
    return tuple(sorted(set(usual).union(*texts)))


def character_tokenizer() -> Tokenizer:
    """One token a character."""
    vocabulary = {token: at for at, token in enumerate([*_SPECIAL, *_characters()])}
    tokenizer = Tokenizer(models.WordLevel(vocabulary, "[UNK]"))
    tokenizer.pre_tokenizer = pre_tokenizers.Split("", "isolated")
    return tokenizer


def save_static(folder: Path, *, salt: str = "", **options: Any) -> Path:  # noqa: ANN401
    """Save a StaticEmbedding: each character has a direction of its own, kanji the long ones."""
    tokenizer = character_tokenizer()
    vocabulary = tokenizer.get_vocab()
    weights = np.stack(
        [_direction(salt, token) for token in sorted(vocabulary, key=vocabulary.__getitem__)]
    )
    module = StaticEmbedding(tokenizer, embedding_weights=weights)
    model = SentenceTransformer(modules=[module], **options)
    model.save(str(folder), create_model_card=False)
    return folder


def save_transformer(folder: Path, *, seed: int = 0, **options: Any) -> Path:  # noqa: ANN401
    """Save a random two-layer BERT over characters, with mean pooling."""
    plain = folder.with_name(f"{folder.name}-plain")
    torch.manual_seed(seed)
    BertModel(_config()).save_pretrained(plain)
    _tokenizer().save_pretrained(plain)
    model = SentenceTransformer(str(plain), local_files_only=True, **options)
    model.save(str(folder), create_model_card=False)
    return folder


def save_cross_encoder(folder: Path, *, liked: str = "税", labels: int = 1) -> Path:
    """Save a BERT that judges pairs: the more of a pair is the character liked, the better."""
    plain = folder.with_name(f"{folder.name}-plain")
    torch.manual_seed(0)
    model = BertForSequenceClassification(_config(layers=1, num_labels=labels))
    _like(model, liked)
    model.save_pretrained(plain)
    _tokenizer().save_pretrained(plain)
    CrossEncoder(str(plain), local_files_only=True).save(str(folder), create_model_card=False)
    return folder


def _direction(salt: str, token: str) -> NDArray[np.float32]:
    seed = int.from_bytes(hashlib.sha256((salt + token).encode()).digest()[:8], "big")
    drawn = np.random.default_rng(seed).standard_normal(DIMENSION)
    loud = len(token) == 1 and unicodedata.name(token, "").startswith("CJK UNIFIED")
    return (drawn * (1.0 if loud else _QUIET)).astype(np.float32)


def _config(layers: int = 2, **options: Any) -> BertConfig:  # noqa: ANN401
    return BertConfig(
        vocab_size=len(_SPECIAL) + len(_characters()),
        hidden_size=32,
        num_hidden_layers=layers,
        num_attention_heads=2,
        intermediate_size=64,
        max_position_embeddings=256,
        **options,
    )


def _tokenizer() -> PreTrainedTokenizerFast:
    backend = character_tokenizer()
    backend.post_processor = TemplateProcessing(
        single="[CLS] $A [SEP]",
        pair="[CLS] $A [SEP] $B:1 [SEP]:1",
        special_tokens=[("[CLS]", 2), ("[SEP]", 3)],
    )
    names = {"pad_token": "[PAD]", "unk_token": "[UNK]", "cls_token": "[CLS]", "sep_token": "[SEP]"}
    return PreTrainedTokenizerFast(tokenizer_object=backend, model_max_length=256, **names)  # type: ignore[no-untyped-call]


def _like(model: BertForSequenceClassification, liked: str) -> None:
    """Set the weights so that a pair scores by how much of it is the character liked.

    Its direction is the first dimension, which no other token has. Attention is alike to all
    tokens, so that the first one, which is judged, takes up their mean.
    """
    weights = dict(model.named_parameters())
    layer = "bert.encoder.layer.0"
    same = torch.eye(model.config.hidden_size)
    with torch.no_grad():
        for silent in (
            "bert.embeddings.position_embeddings",
            "bert.embeddings.token_type_embeddings",
            f"{layer}.attention.self.query",
            f"{layer}.attention.self.key",
            f"{layer}.output.dense",
            "classifier",
        ):
            weights[f"{silent}.weight"].zero_()
        words = weights["bert.embeddings.word_embeddings.weight"]
        words[:, 0] = 0
        words[character_tokenizer().token_to_id(liked)] = same[0]
        weights[f"{layer}.attention.self.value.weight"].copy_(same)
        weights[f"{layer}.attention.output.dense.weight"].copy_(5 * same)
        weights["bert.pooler.dense.weight"].copy_(same)
        weights["classifier.weight"][:, 0] = 1
