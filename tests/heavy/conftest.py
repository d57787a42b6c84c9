"""Engines for the heavy tests: FAISS, and Milvus servers, real ones, one of each kind a session.

On a quiet machine of two cores the tests of the engines take under six minutes together.
"""

import contextlib
import itertools
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import pytest

from dxqa import Index
from dxqa.engines import Milvus
from dxqa.engines.milvus.engine import MilvusEngine
from tests.heavy.servers import KINDS, Kind, Server, running

Servers = Callable[[Kind], Server]

_NUMBERS = itertools.count(1)


@dataclass(frozen=True)
class Place:
    """Where an index's candidates are found: in its folder, or on a server."""

    name: str
    server: Server | None = None

    def engine(self, collection: str | None = None) -> Milvus | None:
        """Return what ``Index.build`` takes; without a name, a collection not used before."""
        if self.server is None:
            return None
        name = collection or f"test_{next(_NUMBERS)}"
        return Milvus(self.server.uri, collection=name, timeout_s=60)


def on_server(index: Index) -> MilvusEngine:
    """Return the engine of an index whose candidates a server finds."""
    engine = index.store.engine
    assert isinstance(engine, MilvusEngine)
    return engine


@pytest.fixture(scope="session")
def servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Servers]:
    """Servers, each started when first asked for, and all ended with the session."""
    started: dict[Kind, Server] = {}
    with contextlib.ExitStack() as stack:

        def server(kind: Kind) -> Server:
            if kind not in started:
                data = tmp_path_factory.mktemp(kind.name) / "data"
                started[kind] = stack.enter_context(running(kind, data))
            return started[kind]

        yield server


@pytest.fixture(scope="session", params=KINDS, ids=[kind.name for kind in KINDS])
def milvus_server(request: pytest.FixtureRequest, servers: Servers) -> Server:
    """A running server of either kind; tests share it, each with a collection of its own."""
    return servers(request.param)


@pytest.fixture(scope="session", params=[None, *KINDS], ids=["FAISS", *(k.name for k in KINDS)])
def place(request: pytest.FixtureRequest, servers: Servers) -> Place:
    """Each engine in turn."""
    kind: Kind | None = request.param
    return Place(kind.name, servers(kind)) if kind else Place("FAISS")
