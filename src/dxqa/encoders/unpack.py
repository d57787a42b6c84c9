"""Writes the bundled weights as an ordinary sentence-transformers folder.

The folder is a ``BertModel`` with mean pooling and normalisation, so that any tool that reads
sentence-transformers models can use it too. Neither torch nor transformers is needed to write it.
"""

import json
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.numpy import save_file

from dxqa.encoders.q4 import Q4Model, Shape
from dxqa.encoders.unigram import SPECIAL, build_tokenizer

_MODULES = ("Transformer", "Pooling", "Normalize")
_NAMES = {
    "embeddings.word_embeddings.weight": "emb.word",
    "embeddings.position_embeddings.weight": "emb.pos",
    "embeddings.token_type_embeddings.weight": "emb.type",
    "embeddings.LayerNorm.weight": "emb.ln.w",
    "embeddings.LayerNorm.bias": "emb.ln.b",
}
_TABLES = {"emb.word", "emb.pos", "emb.type"}
LAYER_NAMES = {
    "attention.self.query": "q",
    "attention.self.key": "k",
    "attention.self.value": "v",
    "attention.output.dense": "ao",
    "attention.output.LayerNorm": "aln",
    "intermediate.dense": "fi",
    "output.dense": "fo",
    "output.LayerNorm": "oln",
}


def write_model_folder(model: Q4Model, folder: Path, prompts: dict[str, str]) -> None:
    """Write weights, tokenizer and configuration into the existing, empty ``folder``.

    Args:
        model: what the file holds.
        folder: an existing, empty folder.
        prompts: what goes before a text, by ``"query"`` and ``"document"``.

    Raises:
        OSError: the folder cannot be written.
        ModelError: a tensor is missing from the file.
    """
    weights = folder / "model.safetensors"
    try:
        save_file(_weights(model), weights, metadata={"format": "pt"})
    except SafetensorError as error:  # what is no OSError there: a full disk
        raise OSError(str(error)) from error
    weights.chmod(0o644)  # safetensors makes it 0600; an image built by root has other readers
    build_tokenizer(model).save(str(folder / "tokenizer.json"), pretty=False)
    for name, content in _configuration(model, prompts).items():
        path = folder / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(json.dumps(content, ensure_ascii=False, indent=2), encoding="utf-8")


def _weights(model: Q4Model) -> dict[str, NDArray[Any]]:
    """Return the tensors under BertModel's names; the 4-bit ones as float16."""
    hidden = model.shape.hidden
    weights: dict[str, NDArray[Any]] = {
        name: model.tensor(ours).reshape(-1, hidden) if ours in _TABLES else model.tensor(ours)
        for name, ours in _NAMES.items()
    }
    for layer in range(model.shape.layers):
        for name, ours in LAYER_NAMES.items():
            bias = model.tensor(f"l{layer}.{ours}.b")
            weight = model.tensor(f"l{layer}.{ours}.w")
            full = f"encoder.layer.{layer}.{name}"
            weights[f"{full}.bias"] = bias
            is_norm = ours.endswith("ln")
            weights[f"{full}.weight"] = weight if is_norm else weight.reshape(len(bias), -1)
    # Mean pooling does not use BERT's own pooler; zeros keep loaders from inventing random ones.
    weights["pooler.dense.weight"] = np.zeros((hidden, hidden), np.float16)
    weights["pooler.dense.bias"] = np.zeros(hidden, np.float16)
    return weights


def _configuration(model: Q4Model, prompts: dict[str, str]) -> dict[str, Any]:
    """Return the JSON files of the folder by name."""
    return {
        "config.json": _bert_configuration(model.shape, model.special.pad),
        "tokenizer_config.json": {
            "tokenizer_class": "PreTrainedTokenizerFast",
            # Without this, transformers parses the whole tokenizer.json once more: 1.4 s.
            "added_tokens_decoder": _added_tokens(model),
            "model_max_length": model.shape.positions,
            "model_input_names": ["input_ids", "attention_mask"],
            **{f"{name}_token": token for name, token in SPECIAL.items()},
        },
        "modules.json": [
            {
                "idx": i,
                "name": str(i),
                "path": f"{i}_{module}" if i else "",
                "type": f"sentence_transformers.models.{module}",
            }
            for i, module in enumerate(_MODULES)
        ],
        "sentence_bert_config.json": {
            "max_seq_length": model.shape.positions,
            "do_lower_case": False,
        },
        "1_Pooling/config.json": {
            "word_embedding_dimension": model.shape.hidden,
            "pooling_mode_mean_tokens": True,
        },
        "2_Normalize/config.json": {},
        "config_sentence_transformers.json": {
            "model_type": "SentenceTransformer",
            "prompts": prompts,
            "default_prompt_name": None,
            "similarity_fn_name": "cosine",
        },
    }


def _added_tokens(model: Q4Model) -> dict[str, Any]:
    flags = {"lstrip": False, "rstrip": False, "normalized": False, "single_word": False}
    pieces = model.vocabulary.pieces()
    ids = {token: i for i, (token, _) in enumerate(pieces) if token in SPECIAL.values()}
    return {str(i): {"content": token, "special": True, **flags} for token, i in ids.items()}


def _bert_configuration(shape: Shape, pad: int) -> dict[str, Any]:
    return {
        "model_type": "bert",
        "architectures": ["BertModel"],
        "vocab_size": shape.vocabulary,
        "hidden_size": shape.hidden,
        "num_hidden_layers": shape.layers,
        "num_attention_heads": shape.heads,
        "intermediate_size": shape.intermediate,
        "max_position_embeddings": shape.positions,
        "type_vocab_size": shape.types,
        "layer_norm_eps": 1e-12,
        "hidden_act": "gelu",
        "pad_token_id": pad,
    }
