"""What runs on the nodes of a Ray cluster.

Ray gets this module by value, so that a node without dxqa can say so. It therefore imports nothing
of dxqa before it is at work there.
"""

from __future__ import annotations

import os
from importlib.metadata import version
from typing import Any


class Unfit(Exception):  # noqa: N818 - only its text leaves the node
    """This node cannot embed what is asked for."""


class EmbeddingWorker:
    """An actor that loads the encoder once and embeds blocks of texts, one a row.

    What goes wrong is handed back as text: raised, Ray would wrap it in pages of its own frames,
    and start actors that cannot work over and over.
    """

    def __init__(
        self,
        *,
        model: str,
        options: dict[str, Any],
        fingerprint: str,
        release: str,
        threads: int,
    ) -> None:
        """Take what the driver has: its model, that one's fingerprint, its release of dxqa."""
        self._model = model
        self._options = options
        self._fingerprint = fingerprint
        self._release = release
        self._threads = threads
        self._encoder: Any = None

    def __call__(self, table: Any) -> Any:  # noqa: ANN401 - pyarrow is not here without Ray
        """Return a row for each row: its number, the vectors' bytes, the node, and the error."""
        import pyarrow as pa  # noqa: PLC0415

        return pa.Table.from_pylist([self._answer(row) for row in table.to_pylist()])

    def _answer(self, row: dict[str, Any]) -> dict[str, Any]:
        vectors, error = b"", ""
        try:
            self._encoder = self._encoder or self._load()
            vectors = self._encoder.encode_passages(row["texts"]).tobytes()
        except Exception as problem:  # noqa: BLE001 - whatever it is, the driver tells it
            error = _told(problem)
        return {"number": row["number"], "vectors": vectors, "node": _node(), "error": error}

    def _load(self) -> Any:  # noqa: ANN401
        os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
        try:
            import torch  # noqa: PLC0415

            from dxqa.encoders import load_encoder  # noqa: PLC0415
        except ImportError as error:
            raise Unfit(
                f"dxqa を読み込めません({error})。"
                f"その機械にも pip install 'dxqa[ray]=={self._release}' で入れてください。"
            ) from error
        here = version("dxqa")
        if here != self._release:
            raise Unfit(f"dxqa の版が {here} です。{self._release} にそろえてください。")
        torch.set_num_threads(self._threads)
        encoder = load_encoder(self._model, **self._options)
        if encoder.fingerprint != self._fingerprint:
            raise Unfit(
                f"モデル {self._model} の中身が、こちらのものと違います。"
                "同じモデルをすべての機械に置いてください。"
            )
        return encoder


def _node() -> str:
    import ray  # noqa: PLC0415

    return str(ray.util.get_node_ip_address())


def _told(problem: Exception) -> str:
    """Return the text of an error that is written for users, or else its kind and first line."""
    if type(problem).__module__ in {"dxqa.errors", __name__}:
        return str(problem)
    lines = str(problem).strip().splitlines() or [""]
    return f"{type(problem).__name__}: {lines[0]}"
