"""Calls to a Milvus server: connected when needed, tried again where that may help, explained.

``pymilvus`` goes on trying while a server is out of reach, but not while it starts, is too busy or
has let go of a collection; and it says so at length on stderr. Every call here ends, well or not,
within the time given for it; while the server is known not to answer, within a short one, since
others wait meanwhile.
"""

import logging
import os
import random
import threading
import time
from collections.abc import Callable
from typing import Any, TypeVar

from dxqa.engines.milvus.settings import TOKEN_VARIABLE, Milvus
from dxqa.errors import EngineError

Result = TypeVar("Result")

_FIRST_PAUSE_S, _LONGEST_PAUSE_S = 0.1, 3.0
_CONNECTING_S = 10.0
_SILENT_S = 3.0
_LEAST_S = 0.5
_RATE_LIMIT, _MISSING, _NOT_LOADED = 8, 100, 101
_PASSING = ("UNAVAILABLE", "DEADLINE_EXCEEDED", "ABORTED", "CANCELLED")
_REFUSED = ("UNAUTHENTICATED", "PERMISSION_DENIED")
_STARTING = (
    "not ready",
    "not healthy",
    "unavailable",
    "not available",
    "no available",
    "node not found",
    "node offline",
    "rate limit",
    "closed channel",
    "fail connecting",
    "not loaded",
    "not fully loaded",
    "retry timeout",
)
_REFUSED_WORDS = ("auth check failure", "unauthenticated", "permission deny", "permission denied")

# A server that is back is found at once: by default gRPC waits up to two minutes between two tries,
# and shares that wait among all connections to an address.
_CHANNEL = {
    "grpc.use_local_subchannel_pool": 1,
    "grpc.initial_reconnect_backoff_ms": 200,
    "grpc.min_reconnect_backoff_ms": 1000,
    "grpc.max_reconnect_backoff_ms": 1000,
}


class Connection:
    """One server, for any number of threads."""

    def __init__(self, settings: Milvus) -> None:
        self._settings = settings
        self._client: Any = None
        self._connecting = threading.Lock()
        self._silent = False

    def call(
        self,
        what: Callable[[Any, float], Result],
        *,
        patience_s: float | None = None,
        collection: str | None = None,
    ) -> Result:
        """Call the server; again, ever more slowly, where it is only away or busy for the moment.

        Args:
            what: takes the client, and the seconds it may take at most.
            patience_s: how long all tries may take, instead of the time of the settings.
            collection: is loaded where the server says that it is not, as after a restart.

        Raises:
            EngineError: it failed for good, or the time is up.
        """
        usual = self._settings.timeout_s
        most = patience_s or (min(usual, _SILENT_S) if self._silent else usual)
        ends = time.monotonic() + most
        pause = _FIRST_PAUSE_S
        while True:
            left = max(_LEAST_S, ends - time.monotonic())
            try:
                result = what(self._connected(left), left)
            except self._errors as error:
                self._silent = _may_pass(error) and time.monotonic() + pause > ends
                if self._silent or not _may_pass(error):
                    raise self._explained(error, most) from error
                if _code(error) == _NOT_LOADED and collection:
                    self._load(collection, ends)
                elif _grpc_status(error):
                    self.close()
            else:
                self._silent = False
                return result
            time.sleep(pause * random.uniform(0.5, 1.5))  # noqa: S311 - many clients at once
            pause = min(2 * pause, _LONGEST_PAUSE_S)

    def close(self) -> None:
        """Let go of the connection; the next call connects again."""
        with self._connecting:
            client, self._client = self._client, None
        if client is not None:
            try:
                client.close()
            except self._errors:
                logging.getLogger(__name__).debug("already closed", exc_info=True)

    def _load(self, collection: str, ends: float) -> None:
        left = max(_LEAST_S, ends - time.monotonic())
        try:
            self._connected(left).load_collection(collection, timeout=left)
        except self._errors as error:
            if not _may_pass(error):
                raise self._explained(error, left) from error

    def _connected(self, left: float) -> Any:  # noqa: ANN401 - MilvusClient
        with self._connecting:
            if self._client is None:
                self._client = _client(self._settings, min(left, _CONNECTING_S))
            return self._client

    @property
    def _errors(self) -> tuple[type[Exception], ...]:
        _, exception = _package()
        import grpc  # noqa: PLC0415 - pymilvus brings it

        # ValueError: gRPC's, of a channel that another thread has closed.
        return (exception, grpc.RpcError, grpc.FutureTimeoutError, ValueError)

    def _explained(self, error: Exception, waited_s: float) -> EngineError:
        settings = self._settings
        where = f"{settings.uri} (コレクション {settings.collection})"
        said = f"サーバーの返事: {_said(error, settings.credentials())}"
        if _is_refused(error):
            return EngineError(
                f"Milvus が接続を断りました: {where}。"
                f"環境変数 {TOKEN_VARIABLE} の「名前:パスワード」を確認してください。{said}"
            )
        if _code(error) == _MISSING:
            return EngineError(
                f"Milvus にコレクションがありません: {where}。"
                "`dxqa build` を実行すると作り直します。" + said
            )
        if _may_pass(error):
            return EngineError(
                f"Milvus につながらないか、{round(waited_s, 1):g} 秒以内に"
                f"返事がありません: {where}。"
                "サーバーが動いているか、アドレスと証明書の指定が正しいかを確認してください。"
                + said
            )
        return EngineError(
            f"Milvus がエラーを返しました: {where}。"
            "サーバーの記録を確認してください。直らないときは "
            f"`dxqa build --force` で作り直してください。{said}"
        )


def is_missing(error: EngineError) -> bool:
    """Whether it is the collection that is missing."""
    return isinstance(error.__cause__, Exception) and _code(error.__cause__) == _MISSING


def is_refusal(error: EngineError) -> bool:
    """Whether the server has understood and refused, so that trying something else makes sense."""
    cause = error.__cause__
    return isinstance(cause, Exception) and not _may_pass(cause) and not _is_refused(cause)


def _client(settings: Milvus, timeout_s: float) -> Any:  # noqa: ANN401
    client, _ = _package()
    secure = {"server_pem_path": settings.ca_file} if settings.ca_file else {}
    try:
        return client(
            settings.uri,
            token=settings.credentials(),
            timeout=timeout_s,
            dedicated=True,  # others are shared by address, whatever certificates they were given
            grpc_options=_CHANNEL,
            **secure,
        )
    except OSError as error:
        raise EngineError(
            f"Milvus の証明書ファイルを読めません: {settings.ca_file} ({error.strerror})。"
            "--milvus-ca-file を確認してください。"
        ) from error


def _package() -> tuple[Any, type[Exception]]:
    """Return the client and its exception; quiet from the first."""
    os.environ.setdefault("GRPC_VERBOSITY", "NONE")
    try:
        from pymilvus import MilvusClient, MilvusException  # noqa: PLC0415
    except ImportError as error:
        raise EngineError(
            "Milvus を使うには追加のパッケージが必要です。"
            "`pip install 'dxqa[milvus]'` でインストールしてください。"
        ) from error
    # It logs every error that it raises, with its trace.
    for name in ("pymilvus", "pymilvus.milvus_client"):
        logger = logging.getLogger(name)
        logger.handlers[:] = [logging.NullHandler()]
        logger.propagate = False
    return MilvusClient, MilvusException


def _code(error: Exception) -> int | None:
    code = getattr(error, "code", None)
    return code if isinstance(code, int) else None


def _grpc_status(error: BaseException | None) -> str:
    """Return the name of the gRPC status that an error, or what it came of, carries."""
    seen: set[int] = set()
    while error is not None and id(error) not in seen:  # pymilvus raises errors from themselves
        seen.add(id(error))
        code = getattr(error, "code", None)
        status: Any = code() if callable(code) else code
        if hasattr(status, "name") and not isinstance(status, int):
            return str(status.name)
        error = error.__cause__ or error.__context__
    return ""


def _is_refused(error: Exception) -> bool:
    text = str(error).lower()
    return _grpc_status(error) in _REFUSED or any(word in text for word in _REFUSED_WORDS)


def _may_pass(error: Exception) -> bool:
    if _is_refused(error):
        return False
    if _grpc_status(error) in _PASSING or _code(error) in (_RATE_LIMIT, _NOT_LOADED):
        return True
    text = str(error).lower()
    return getattr(error, "retriable", False) or any(word in text for word in _STARTING)


def _said(error: Exception, token: str) -> str:
    text = " ".join(str(getattr(error, "message", "") or error).split())[:300]
    return text.replace(token, "***") if token else text
