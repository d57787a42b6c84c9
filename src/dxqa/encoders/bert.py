"""BERT (Devlin et al., 2019) in numpy, out of the 4-bit file: for single texts, without torch.

One text after another, so there is no padding and no mask. Everything is float32, more exact than
the bfloat16 that torch computes in where it can.
"""

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor

import numpy as np
from numpy.typing import NDArray

from dxqa.encoders.q4 import Q4Model, Shape
from dxqa.types import TokenStates

Array = NDArray[np.float32]
Updates = Mapping[str, tuple[Array, Array]]
"""``(rank, in)`` and ``(out, rank)`` by the weight to which their product is added."""

_MATRICES = ("q", "k", "v", "ao", "fi", "fo")
_NORMS = ("aln", "oln")


class Bert:
    """The layers; word vectors are read from the file as they are needed."""

    def __init__(self, model: Q4Model) -> None:
        """Turn the layers' weights into float32: 85 MB, a tenth of a second."""
        self._model = model
        self._weights = _layers(model)
        self._beside = model.tensor("emb.type")[: model.shape.hidden].astype(np.float32)
        self._beside = self._beside + model.tensor("emb.pos").reshape(-1, model.shape.hidden)

    def updated(self, updates: Updates) -> "Bert":
        """Return a copy with these updates, which shares what they leave alone."""
        other = object.__new__(Bert)
        other.__dict__ |= self.__dict__
        changed = {name: self._weights[name] + up @ down for name, (down, up) in updates.items()}
        other._weights = self._weights | changed
        return other

    def states(self, ids: Sequence[int]) -> TokenStates:
        """Return what the last layer makes of each token, ``(tokens, hidden)``."""
        words, shape = self._model.tensor("emb.word", ids), self._model.shape
        x = words.reshape(-1, shape.hidden).astype(np.float32) + self._beside[: len(ids)]
        norm = (self._model.tensor("emb.ln.w"), self._model.tensor("emb.ln.b"))
        x = _norm(x, norm, shape.eps)
        for layer in range(shape.layers):
            x = self._layer(f"l{layer}.", x, shape)
        return x

    def _layer(self, at: str, x: Array, shape: Shape) -> Array:
        w = self._weights
        attended = self._linear(f"{at}ao", self._attention(at, x, shape.heads))
        x = _norm(x + attended, (w[f"{at}aln.w"], w[f"{at}aln.b"]), shape.eps)
        told = self._linear(f"{at}fo", _gelu(self._linear(f"{at}fi", x)))
        return _norm(x + told, (w[f"{at}oln.w"], w[f"{at}oln.b"]), shape.eps)

    def _attention(self, at: str, x: Array, heads: int) -> Array:
        """Scaled dot-product attention (Vaswani et al., 2017)."""
        tokens, hidden = x.shape
        q, k, v = (
            self._linear(at + part, x).reshape(tokens, heads, -1).transpose(1, 0, 2)
            for part in "qkv"
        )
        scores = q @ k.transpose(0, 2, 1) / np.float32(np.sqrt(hidden / heads))
        shares = np.exp(scores - scores.max(axis=2, keepdims=True))
        shares /= shares.sum(axis=2, keepdims=True)
        mixed: Array = (shares @ v).transpose(1, 0, 2).reshape(tokens, hidden)
        return mixed

    def _linear(self, name: str, x: Array) -> Array:
        found: Array = x @ self._weights[f"{name}.w"].T + self._weights[f"{name}.b"]
        return found


def _layers(model: Q4Model) -> dict[str, Array]:
    with ThreadPoolExecutor() as threads:  # NumPy computes outside the interpreter's lock
        layers = threads.map(lambda layer: _layer(model, layer), range(model.shape.layers))
        return {name: weight for layer in layers for name, weight in layer.items()}


def _layer(model: Q4Model, layer: int) -> dict[str, Array]:
    weights: dict[str, Array] = {}
    for part in (*_MATRICES, *_NORMS):
        name = f"l{layer}.{part}"
        weight, bias = model.tensor(f"{name}.w"), model.tensor(f"{name}.b")
        shaped = weight.reshape(len(bias), -1) if part in _MATRICES else weight
        weights |= {f"{name}.w": shaped.astype(np.float32), f"{name}.b": bias.astype(np.float32)}
    return weights


def _norm(x: Array, scale_and_shift: tuple[NDArray[np.floating], ...], eps: float) -> Array:
    """Layer normalisation (Ba et al., 2016)."""
    scale, shift = scale_and_shift
    x = x - x.mean(axis=1, keepdims=True)
    variance = np.einsum("ij,ij->i", x, x)[:, None] / np.float32(x.shape[1])
    normed: Array = x / np.sqrt(variance + np.float32(eps)) * scale + shift
    return normed


def _gelu(x: Array) -> Array:
    """The exact GELU (Hendrycks & Gimpel, 2016): x times the normal distribution function."""
    bent: Array = x * (np.float32(0.5) + np.float32(0.5) * _erf(x * np.float32(np.sqrt(0.5))))
    return bent


def _erf(x: Array) -> Array:
    """The error function to 1.5e-7 (Abramowitz & Stegun 7.1.26); numpy itself has none."""
    size = np.abs(x)
    t = 1 / (1 + np.float32(0.3275911) * size)
    series = np.full_like(t, 1.061405429)
    for coefficient in (-1.453152027, 1.421413741, -0.284496736, 0.254829592):
        series = series * t + np.float32(coefficient)
    rest: Array = 1 - series * t * np.exp(-size * size)
    return np.copysign(rest, x)
