"""The adapter: what makes the bundled model understand spoken questions about administration.

Low-rank updates (LoRA: Hu et al., ICLR 2022) of the upper layers, for questions alone: passages are
encoded by the original weights, so an index stays what it is. ``training/`` makes the file and
says how; data/adapter.md is its model card. Importing this module loads torch.
"""

import copy
import json
from collections.abc import Mapping
from importlib.resources import files

import torch
from safetensors.torch import load, save
from sentence_transformers import SentenceTransformer
from torch import Tensor, nn

from dxqa.encoders.bundled import ADAPTER_FILE

Update = tuple[Tensor, Tensor]
"""``(rank, in)`` and ``(out, rank)``: their product, the second first, is added to a weight."""


def adapted_queries(model: SentenceTransformer) -> SentenceTransformer:
    """Return a model for questions: the adapter merged into a copy of the layers it changes.

    What it does not change (the tokenizer, the word table) is shared with ``model``.
    """
    updates = read_updates(files("dxqa").joinpath("data", ADAPTER_FILE).read_bytes())
    transformer = bert(model)
    changed = {name.split(".")[2] for name in updates}
    layers = _layers_without(transformer, changed)
    shared = [model.tokenizer, transformer.get_submodule("embeddings"), *layers]
    adapted = copy.deepcopy(model, {id(part): part for part in shared})
    merge(bert(adapted), updates)
    return adapted


def bert(model: SentenceTransformer) -> nn.Module:
    """Return the ``BertModel`` inside."""
    inner: nn.Module = model[0].auto_model  # type: ignore[assignment]
    return inner


def merge(transformer: nn.Module, updates: dict[str, Update]) -> None:
    """Add each update to the weight of the module that it names, in place."""
    with torch.no_grad():
        for name, (down, up) in updates.items():
            weight: nn.Parameter = transformer.get_submodule(name).weight  # type: ignore[assignment]
            weight.copy_(weight.float() + up.float() @ down.float())


def write_updates(updates: dict[str, Update], about: Mapping[str, str]) -> bytes:
    """Return the file: float16 matrices, and ``about`` as JSON in its header."""
    tensors = {
        f"{name}.{side}": matrix.to(torch.float16).contiguous()
        for name, pair in updates.items()
        for side, matrix in zip(("down", "up"), pair, strict=True)
    }
    return save(tensors, {"about": json.dumps(about, ensure_ascii=False, sort_keys=True)})


def read_updates(content: bytes) -> dict[str, Update]:
    """Read what ``write_updates`` wrote."""
    tensors = load(content)
    names = sorted(name.removesuffix(".up") for name in tensors if name.endswith(".up"))
    return {name: (tensors[f"{name}.down"], tensors[f"{name}.up"]) for name in names}


def _layers_without(transformer: nn.Module, changed: set[str]) -> list[nn.Module]:
    layers = transformer.get_submodule("encoder.layer")
    return [layer for number, layer in layers.named_children() if number not in changed]
