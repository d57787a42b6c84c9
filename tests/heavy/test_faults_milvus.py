"""A Milvus server that hangs: questions end in time with a message, and go on when it does."""

import os
import signal
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from dxqa import Index
from dxqa.engines import Milvus
from dxqa.engines.milvus.connection import Connection
from dxqa.errors import EngineError
from tests.heavy.conftest import Servers
from tests.heavy.servers import LITE, Server, processes
from tests.models import save_static
from tests.served import ANSWER, CORPUS, served

pytestmark = pytest.mark.heavy


def test_a_server_that_accepts_and_says_nothing_is_waited_for_once() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        uri = f"http://127.0.0.1:{silent.getsockname()[1]}"
        connection = Connection(Milvus(uri, timeout_s=8))
        for most in (10.0, 5.0, 5.0):
            start = time.monotonic()
            with pytest.raises(EngineError, match="返事がありません"):
                connection.call(lambda client, s: client.list_collections(timeout=s))
            assert time.monotonic() - start < most


@contextmanager
def stopped(server: Server) -> Iterator[None]:
    for pid in processes(server.pid):
        os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        for pid in processes(server.pid):
            os.kill(pid, signal.SIGCONT)


def test_a_real_server_that_is_stopped_and_goes_on(tmp_path: Path, servers: Servers) -> None:
    milvus = servers(LITE)
    model = save_static(tmp_path / "small")
    folder = tmp_path / "office"
    (folder / "corpus").mkdir(parents=True)
    for name, text in CORPUS.items():
        (folder / "corpus" / name).write_text(text, "utf-8")
    engine = Milvus(milvus.uri, collection="stopped", timeout_s=60)
    Index.build(folder / "corpus", encoder=str(model), folder=folder / "index", engine=engine)
    with served(folder, corpus={}) as server:
        assert ANSWER in server.text()
        with stopped(milvus):
            for most in (40.0, 8.0):
                start = time.monotonic()
                status, told = server.ask()
                assert (status, time.monotonic() - start < most) == (500, True)
                assert "Milvus につながらないか" in told["error"]
                assert "サーバーが動いているか" in told["error"]
            assert server.stage() == "ready"
        server.wait_for(lambda: ANSWER in server.text(), 30)
