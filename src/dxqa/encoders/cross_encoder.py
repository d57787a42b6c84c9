"""A sentence-transformers cross-encoder as a re-ranker. Importing this module loads torch."""

import threading
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from sentence_transformers import CrossEncoder
from sentence_transformers.cross_encoder.modules import LogitScore

from dxqa.encoders.folders import RERANKER, RERANKER_KIND, model_kind, resolve_folder
from dxqa.encoders.sentence_transformer import quiet, unreadable
from dxqa.encoders.text import clean
from dxqa.errors import ModelError
from dxqa.types import Scores

_BATCH = 16  # pairs


class CrossEncoderReranker:
    """A ``Reranker`` over one loaded ``CrossEncoder``; safe to call from several threads."""

    def __init__(self, model: CrossEncoder, name: str) -> None:
        """Wrap a loaded model; ``load_cross_encoder`` is the usual way to get here."""
        self.name = name
        self._model = model
        self._lock = threading.Lock()  # the tokenizer raises "Already borrowed" when shared

    def scores(self, question: str, passages: Sequence[str]) -> Scores:
        """Return ``(len(passages),)`` float32, higher for a better passage.

        What of a pair exceeds the model's length is cut off, as the model's tokenizer does it.

        Raises:
            ModelError: the model gives something else than a number for a pair.
        """
        pairs = [(clean(question), clean(passage)) for passage in passages]
        if not pairs:
            return np.zeros(0, np.float32)
        with self._lock:
            # Without the sigmoid, in which high scores of float32 become one and the same.
            found = self._model.predict(
                pairs, batch_size=_BATCH, show_progress_bar=False, activation_fn=torch.nn.Identity()
            )
        scores: Scores = np.asarray(found, np.float32)
        if scores.shape != (len(pairs),) or not np.isfinite(scores).all():
            raise ModelError(
                f"並べ替えのモデル {self.name} が、数でない点数を返しました。"
                "モデルのファイルが壊れていないか確かめるか、--reranker を外してください。"
            )
        return scores


def load_cross_encoder(name: str) -> CrossEncoderReranker:
    """Load a cross-encoder by folder or hub name.

    Raises:
        ModelError: the model cannot be found, reached or read, or has not exactly one label.
    """
    with quiet():
        folder = resolve_folder(name, RERANKER)
        model = _load(folder)
    judges = any(isinstance(module, LogitScore) for module in model)  # a language model that does
    if not judges and model_kind(folder) != RERANKER_KIND:
        raise ModelError(
            f"モデル {folder} は CrossEncoder ではないので、並べ替えには使えません。"
            "質問と箇所の組に点数を付けるモデルを --reranker に指定してください。"
        )
    labels = model.num_labels
    if labels != 1:
        raise ModelError(
            f"並べ替えのモデル {folder} の出力は {labels} 個です。質問と箇所の組に点数を 1 つ返す"
            "モデル (num_labels が 1) を --reranker に指定してください。"
        )
    return CrossEncoderReranker(model, name)


def _load(folder: Path) -> CrossEncoder:
    """Load in float32: in bfloat16 scores that are close, as the best often are, become equal."""
    try:
        model: CrossEncoder = CrossEncoder(
            str(folder), local_files_only=True, model_kwargs={"dtype": torch.float32}
        )
    except Exception as error:
        raise unreadable(
            folder, error, "sentence-transformers の CrossEncoder のフォルダか"
        ) from error
    return model
