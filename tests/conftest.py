"""Shared fixtures: the real encoder and index once a session, and a fast deterministic encoder."""

import hashlib
import os
import subprocess
import sys
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from dxqa import Index
from dxqa.answering import Writer
from dxqa.encoders import load_encoder
from dxqa.retrieval import Filters
from dxqa.types import Answer, Encoder, Progress, Vectors

ROOT = Path(__file__).parents[1]
CORPUS = ROOT / "corpus"
SHARED = ROOT.parent / "shared"


def shared(name: str) -> Path:
    """Return a path below ../shared; skip where it is absent, but fail in CI."""
    path = SHARED / name
    if not path.exists():
        message = f"{path} is absent (a public clone)"
        if os.environ.get("CI"):
            pytest.fail(message)
        pytest.skip(message)
    return path


class HashEncoder:
    """Bag of character pairs, hashed into 64 dimensions: fast, and equal for equal texts."""

    name = "hash"
    dimension = 64

    def __init__(self, salt: str = "") -> None:
        self.salt = salt
        self.encoded = 0

    @property
    def fingerprint(self) -> str:
        return f"hash-{self.salt}"

    def encode_queries(self, texts: Sequence[str]) -> Vectors:
        return np.array([self._vector(text) for text in texts], dtype=np.float32).reshape(-1, 64)

    def encode_passages(self, texts: Sequence[str], progress: Progress | None = None) -> Vectors:
        self.encoded += len(texts)
        if progress:
            progress(len(texts), len(texts))
        return self.encode_queries(texts)

    def _vector(self, text: str) -> Vectors:
        vector = np.full(self.dimension, 1e-3, dtype=np.float32)
        for pair in pairwise(text):
            digest = hashlib.sha256((self.salt + "".join(pair)).encode("utf-8", "replace")).digest()
            vector[digest[0] % self.dimension] += 1
        unit: Vectors = vector / np.linalg.norm(vector)
        return unit


class RememberingIndex(Index):
    """An index that answers a question asked again as it did before.

    Several tests look at the answers to the hundreds of questions of tests/quality.
    """

    def ask(
        self,
        question: str,
        *,
        history: Sequence[str] = (),
        filters: Filters | None = None,
        k: int = 5,
        writer: Writer | None = None,
    ) -> Answer:
        asked = repr((question, [*history], filters, k))
        answers: dict[str, Answer] = self.__dict__.setdefault("answers", {})
        if writer is None and asked in answers:
            return answers[asked]
        answer = super().ask(question, history=history, filters=filters, k=k, writer=writer)
        if writer is None:
            answers[asked] = answer
        return answer


@pytest.fixture
def hash_encoder() -> HashEncoder:
    return HashEncoder()


@pytest.fixture(scope="session")
def encoder() -> Encoder:
    """The real default model."""
    return load_encoder()


@pytest.fixture(scope="session")
def index(encoder: Encoder) -> Index:
    """The real index over corpus/."""
    return RememberingIndex.build(CORPUS, encoder=encoder)


@pytest.fixture(scope="session")
def article_index(encoder: Encoder) -> Index:
    """The real index over the article as a user would save it."""
    return RememberingIndex.build(shared("article"), encoder=encoder)


@pytest.fixture(scope="session")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The documentation site, as `make docs` builds it: warnings are errors."""
    folder = tmp_path_factory.mktemp("site")
    done = subprocess.run(
        [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", folder],
        cwd=ROOT,
        env={**os.environ, "NO_MKDOCS_2_WARNING": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return folder
