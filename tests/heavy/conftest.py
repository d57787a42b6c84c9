"""Milvus servers for the heavy tests: real ones, one of each kind a session."""

from collections.abc import Iterator

import pytest

from tests.heavy.servers import KINDS, Kind, Server, running


@pytest.fixture(scope="session", params=KINDS, ids=[kind.name for kind in KINDS])
def milvus_server(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Server]:
    """A running server of either kind; tests share it, each with a collection of its own."""
    pytest.importorskip("pymilvus", reason="pip install 'dxqa[milvus]'")
    kind: Kind = request.param
    with running(kind, tmp_path_factory.mktemp(kind.name) / "data") as server:
        yield server
