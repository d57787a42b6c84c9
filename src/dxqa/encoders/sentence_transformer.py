"""Any sentence-transformers model as an encoder. Importing this module loads torch (seconds)."""

import logging
import platform
import re
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import torch
from sentence_transformers import SentenceTransformer
from transformers.utils import logging as transformers_logging

from dxqa.encoders.backends import TORCH, check_backend
from dxqa.encoders.folders import (
    ENCODER_KIND,
    folder_fingerprint,
    model_kind,
    resolve_folder,
)
from dxqa.encoders.processes import devices, open_pool
from dxqa.encoders.text import clean, unit_rows
from dxqa.errors import ModelError
from dxqa.types import Progress, Vectors

_CPU_BATCH = 8  # passages; benchmarks/build.py compares
_GPU_BATCH = 64
_TYPICAL_LENGTH = 200  # characters of a passage; shorter texts share larger batches
_FRAME = 10  # characters that the prompt and the special tokens of a text stand for
_POOLED = 64  # batches at once
_DOCUMENT_PROMPTS = ("document", "passage", "corpus")
_E5 = re.compile(r"(^|[-_/\\])e5[-_](?!.*instruct)", re.IGNORECASE)
_E5_PROMPTS = ("query: ", "passage: ")

Prompts = tuple[str, str]
"""What goes before a query and before a passage."""


class SentenceTransformerEncoder:
    """An ``Encoder`` over one loaded ``SentenceTransformer``; safe to call from several threads."""

    def __init__(
        self,
        model: SentenceTransformer,
        *,
        name: str,
        fingerprint: str,
        prompts: Prompts,
        query_model: SentenceTransformer | None = None,
    ) -> None:
        """Wrap a loaded model; ``load_sentence_transformer`` is the usual way to get here.

        Args:
            model: encodes passages, and questions too unless ``query_model`` does.
            name: what ``--model`` took.
            fingerprint: of both models and the prompts.
            prompts: what goes before a query and before a passage.
            query_model: a model of the same dimension for questions.
        """
        self.name = name
        self.fingerprint = fingerprint
        self.dimension = _dimension(model)
        self._model = model
        self._query_model = query_model or model
        self._batch = _CPU_BATCH if model.device.type == "cpu" else _GPU_BATCH
        self._query_prompt, self._passage_prompt = prompts
        self._pool: Any = None
        self._lock = threading.Lock()  # the tokenizer raises "Already borrowed" when shared

    @property
    def options(self) -> dict[str, Any]:
        """What ``load_encoder`` has to be told besides the name to load this again."""
        return _options(self._model)

    def encode_queries(self, texts: Sequence[str]) -> Vectors:
        """Return ``(len(texts), dimension)`` float32, rows of unit length."""
        return self._encode(texts, self._query_model.encode_query, self._query_prompt)

    def encode_passages(self, texts: Sequence[str], progress: Progress | None = None) -> Vectors:
        """Return ``(len(texts), dimension)`` float32, rows of unit length.

        Args:
            texts: passages; what exceeds the model's length is cut off.
            progress: called after every batch with ``(done, total)``.
        """
        return self._encode(texts, self._model.encode_document, self._passage_prompt, progress)

    @contextmanager
    def pool(self, texts: int) -> Iterator[int]:
        """Use all processors until the end of the block, if that pays off for so many texts.

        The block is told how many processes there are.
        """
        places = devices(texts, torch.cuda.device_count())
        if not places or self._model.backend != TORCH:  # others use all processors by themselves
            yield 1
            return
        with open_pool(self._model, places) as opened:
            self._pool = opened
            try:
                yield len(places)
            finally:
                self._pool = None

    def _encode(
        self,
        texts: Sequence[str],
        encode: Callable[..., Any],
        prompt: str,
        progress: Progress | None = None,
    ) -> Vectors:
        # Texts of like length share a batch, so that little is spent on padding.
        order = sorted(range(len(texts)), key=lambda i: len(texts[i]), reverse=True)
        cleaned = [clean(texts[i]) for i in order]
        vectors = np.zeros((len(texts), self.dimension), np.float32)
        for start, end in self._batches(cleaned):
            with self._lock:
                part = encode(
                    cleaned[start:end],
                    prompt=prompt,
                    batch_size=self._batch if self._pool else end - start,
                    show_progress_bar=False,
                    pool=self._pool,
                )
            vectors[order[start:end]] = unit_rows(part)
            if progress:
                progress(end, len(texts))
        return vectors

    def _batches(self, texts: Sequence[str]) -> Iterator[tuple[int, int]]:
        """Yield start and end of each batch of texts, longest first: as many as fit its size.

        With a pool each is for all of its processes together, which divide it.
        """
        size = self._batch * _TYPICAL_LENGTH * (_POOLED if self._pool else 1)
        start = 0
        while start < len(texts):
            end = start + max(1, size // (len(texts[start]) + _FRAME))
            yield start, min(end, len(texts))
            start = end


def load_sentence_transformer(
    name: str,
    *,
    truncate_dim: int | None = None,
    backend: str = TORCH,
    download: bool = True,
) -> SentenceTransformerEncoder:
    """Load a model by folder or hub name.

    Prompts are the model's own. Where it names none and is an e5 by its name, they are
    ``query: `` and ``passage: ``, which the original e5 models need but do not say.

    Args:
        name: a folder, or a name on the hub.
        truncate_dim: how many dimensions are kept (Matryoshka).
        backend: torch, onnx or openvino.
        download: whether the hub may be asked for what is not on this machine.

    Raises:
        ModelError: the model cannot be found, reached or read, has fewer dimensions, or the
            backend's packages are missing.
    """
    check_backend(backend)
    with quiet():
        folder = resolve_folder(name, download=download)
        model = load_model(folder, backend)
        _truncate(model, truncate_dim, folder)
        prompts = _prompts(model, name)
        return SentenceTransformerEncoder(
            model,
            name=name,
            fingerprint=folder_fingerprint(folder, prompts, _options(model)),
            prompts=prompts,
        )


def load_model(folder: Path, backend: str = TORCH) -> SentenceTransformer:
    """Load a folder onto the best device in its best number format.

    Raises:
        ModelError: the folder is not a readable sentence-transformers model.
    """
    usual = backend == TORCH
    kind = model_kind(folder)
    if kind not in (ENCODER_KIND, ""):
        raise ModelError(
            f"モデル {folder} は {kind} で、文を 1 つのベクトルにするモデルではありません。"
            "--model には SentenceTransformer のモデルを指定してください。"
        )
    try:
        model = SentenceTransformer(
            str(folder),
            local_files_only=True,
            model_kwargs={"dtype": best_dtype()} if usual else {},
            backend=backend,  # type: ignore[arg-type]  # checked before
        )
    except Exception as error:
        raise unreadable(folder, error, "sentence-transformers 形式のフォルダか") from error
    if not usual and model.transformers_model is None:
        raise ModelError(
            f"モデル {folder} は Transformer ではないので、--backend {backend} では動きません。"
            "--backend を外してください。"
        )
    return model


def unreadable(folder: Path, error: Exception, question: str) -> ModelError:
    """Return the error of a model that cannot be loaded, and what to look at."""
    reason = str(error).strip().splitlines() or [""]
    return ModelError(
        f"モデルを読み込めません: {folder}({type(error).__name__}: {reason[0]})。"
        f"{question}、ファイルが欠けていないかを確かめてください。"
    )


def _dimension(model: SentenceTransformer) -> int:
    return model.get_embedding_dimension() or len(model.encode_query("。"))


def _truncate(model: SentenceTransformer, wanted: int | None, folder: Path) -> None:
    if wanted is None:
        return
    model.truncate_dim = None  # the model's own, which the option overrules
    whole = _dimension(model)
    if not 1 <= wanted <= whole:
        raise ModelError(
            f"--truncate-dim は 1 から {whole} の間で指定してください: {wanted}"
            f"(モデル {folder} は {whole} 次元です)。"
        )
    model.truncate_dim = wanted


def _options(model: SentenceTransformer) -> dict[str, Any]:
    """Return the options that are not the usual ones, be they given or the model's own."""
    options: dict[str, Any] = {}
    if model.truncate_dim is not None:
        options["truncate_dim"] = model.truncate_dim
    if model.backend != TORCH:
        options["backend"] = model.backend
    return options


def best_dtype() -> torch.dtype:
    """Return bfloat16 where the processor computes in it, else float32.

    Without such instructions bfloat16 is emulated and slower than float32.
    """
    if torch.cuda.is_available():
        return torch.bfloat16 if torch.cuda.is_bf16_supported() else torch.float32
    is_x86 = platform.machine().lower() in {"x86_64", "amd64"}
    able = torch.cpu.get_capabilities() if is_x86 else {}
    native = able.get("avx512_bf16") or able.get("amx_bf16")
    return torch.bfloat16 if native else torch.float32


def _prompts(model: SentenceTransformer, name: str) -> Prompts:
    """Return the model's prompts; sentence-transformers stops at an empty ``document``.

    A model with none for queries or passages may have one for every text, its default.
    """
    query = model.prompts.get("query") or ""
    candidates = (model.prompts.get(key) or "" for key in _DOCUMENT_PROMPTS)
    passage = next(filter(None, candidates), "")
    if query or passage:
        return query, passage
    usual = model.prompts.get(model.default_prompt_name or "") or ""
    if not usual and _E5.search(name):
        return _E5_PROMPTS
    return usual, usual


@contextmanager
def quiet() -> Iterator[None]:
    """Keep bars and advice for developers off the terminal while a model loads."""
    bars = transformers_logging.is_progress_bar_enabled()
    verbosity = transformers_logging.get_verbosity()
    logger = logging.getLogger("sentence_transformers")
    level = logger.level
    transformers_logging.disable_progress_bar()  # type: ignore[no-untyped-call]
    transformers_logging.set_verbosity(logging.ERROR)
    logger.setLevel(logging.ERROR)
    try:
        yield
    finally:
        logger.setLevel(level)
        transformers_logging.set_verbosity(verbosity)
        if bars:
            transformers_logging.enable_progress_bar()  # type: ignore[no-untyped-call]
