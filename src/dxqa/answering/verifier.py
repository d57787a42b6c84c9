"""Does a sentence answer a question, or is it only about the same thing?

The vector of a sentence on 満足度 is as near to a question on 回収率; its tokens are not. The model
is decomposable attention (Parikh et al., EMNLP 2016) over the token states of the bundled encoder:
each token of the question is laid beside what the sentence says of it, and what has no counterpart
counts against the sentence. Made by training/verify.py; model card: data/verifier.md.
"""

import hashlib
from collections import OrderedDict
from collections.abc import Sequence
from functools import cache
from importlib.resources import files
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors import safe_open
from safetensors.numpy import load

from dxqa.types import Encoder, TokenEncoder, TokenStates

FILE = "verifier.safetensors"
_REMEMBERED = 4096  # sentences; about 100 kB each at most, 30 kB as a rule
_COSINE_MIDDLE = 0.85  # of e5, whose cosines lie between .7 and 1

Array = NDArray[np.float32]
Weights = dict[str, Array]


class Verifier:
    """Scores sentences by how surely they answer a question; remembers the sentences' tokens."""

    def __init__(self, encoder: TokenEncoder, weights: Weights) -> None:
        """Take the encoder whose token states the weights were trained on."""
        self._encoder = encoder
        self._weights = weights
        self._sentences: OrderedDict[str, TokenStates] = OrderedDict()

    def logits(self, question: str, sentences: Sequence[str]) -> list[float]:
        """Return for each sentence a log-odds that it answers; compares across questions.

        Args:
            question: as it was encoded, so that its tokens are at hand.
            sentences: under their headings, as ``dxqa.passages.in_context`` writes them.
        """
        asked = self._encoder.query_tokens([question])[0]
        return [logit(asked, told, self._weights) for told in self._states(sentences)]

    def _states(self, sentences: Sequence[str]) -> list[TokenStates]:
        new = [s for s in dict.fromkeys(sentences) if s not in self._sentences]
        found = self._encoder.passage_tokens(new) if new else []
        self._sentences.update(zip(new, found, strict=True))
        states = [self._sentences[sentence] for sentence in sentences]
        for sentence in sentences:
            self._sentences.move_to_end(sentence)
        while len(self._sentences) > _REMEMBERED:
            self._sentences.popitem(last=False)
        return states


def load_verifier(encoder: Encoder) -> Verifier | None:
    """Return the verifier, or None for an encoder that it was not trained with."""
    trained_with, weights = _read()
    if encoder.fingerprint != trained_with or not hasattr(encoder, "query_tokens"):
        return None
    return Verifier(encoder, weights)  # type: ignore[arg-type] # a TokenEncoder, as just seen


def logit(asked: TokenStates, told: TokenStates, weights: Weights) -> float:
    """Return the log-odds that ``told`` answers ``asked``.

    Both are ``(tokens, dim)``. Every token i of the question gets ``m_i``, its best cosine with a
    token of the sentence, and ``h_i``, what it and its attended counterpart say together; tokens
    count by a learned weight.
    """
    w = weights
    x, y = _normed(asked - w["mean"], w), _normed(told - w["mean"], w)
    a, b = x @ w["asked.weight"].T, y @ w["told.weight"].T
    similar = _unit(a) @ _unit(b).T
    best = similar.max(axis=1)
    counterpart = _softmax(w["temperature"] * similar) @ b
    beside = [a, counterpart, a * counterpart, np.abs(a - counterpart), best[:, None]]
    pairs = _gelu(_linear(np.concatenate(beside, axis=1), "compare", w))
    share = _softplus(_linear(_gelu(_linear(x, "weigh.0", w)), "weigh.2", w))[:, 0]
    share /= share.sum()
    covered = float(share @ best)
    seen = np.concatenate([share @ pairs, pairs.max(axis=0), [covered, best.min()]])
    decided = float(_linear(_gelu(_linear(seen, "decide.0", w)), "decide.2", w)[0])
    cosine = float(_unit(asked.mean(axis=0)) @ _unit(told.mean(axis=0)))
    first, second = w["direct"]
    return decided + float(first) * covered + float(second) * (cosine - _COSINE_MIDDLE)


def digest() -> str:
    """Return the sha256 of the file with the weights."""
    return hashlib.sha256(_content()).hexdigest()


def _content() -> bytes:
    return files("dxqa").joinpath("data", FILE).read_bytes()


@cache
def _read() -> tuple[str, Weights]:
    """Return the fingerprint of the encoder trained with, and the weights as float32."""
    path = files("dxqa").joinpath("data", FILE)
    with safe_open(str(path), framework="np") as opened:
        about: dict[str, Any] = opened.metadata() or {}
    weights = {name: value.astype(np.float32) for name, value in load(_content()).items()}
    return about.get("encoder", ""), weights


def _normed(states: Array, w: Weights) -> Array:
    """Layer normalisation (Ba et al., 2016)."""
    centred = states - states.mean(axis=1, keepdims=True)
    spread = np.sqrt((centred**2).mean(axis=1, keepdims=True) + 1e-5)
    normed: Array = centred / spread * w["norm.weight"] + w["norm.bias"]
    return normed


def _linear(x: Array, name: str, w: Weights) -> Array:
    found: Array = x @ w[f"{name}.weight"].T + w[f"{name}.bias"]
    return found


def _unit(rows: Array) -> Array:
    unit: Array = rows / np.maximum(np.linalg.norm(rows, axis=-1, keepdims=True), 1e-12)
    return unit


def _softmax(rows: Array) -> Array:
    powers = np.exp(rows - rows.max(axis=1, keepdims=True))
    shares: Array = powers / powers.sum(axis=1, keepdims=True)
    return shares


def _softplus(x: Array) -> Array:
    positive: Array = np.logaddexp(0.0, x).astype(np.float32)
    return positive


def _gelu(x: Array) -> Array:
    """The tanh form of GELU (Hendrycks & Gimpel, 2016)."""
    bent: Array = 0.5 * x * (1 + np.tanh(np.sqrt(2 / np.pi) * (x + 0.044715 * x**3)))
    return bent
