"""The servers of the tests: reachable from this machine only, and gone when they are stopped."""

import time
from pathlib import Path

import pytest

from tests.heavy.servers import KINDS, Kind, Server, processes, running

pymilvus = pytest.importorskip("pymilvus", reason="pip install 'dxqa[milvus]'")
pytestmark = pytest.mark.heavy

_LISTENING = "0A"
_LOOPBACK = ("0100007F", "00000000000000000000000001000000", "0000000000000000FFFF00000100007F")


def interfaces(pid: int) -> list[str]:
    """Return the network interfaces that a process sees."""
    lines = Path(f"/proc/{pid}/net/dev").read_text("ascii").splitlines()[2:]
    return [line.split(":")[0].strip() for line in lines]


def listening(pid: int) -> list[str]:
    """Return the addresses, as the kernel writes them, on which a process waits for connections."""
    links = [
        str(link.readlink()) for link in Path(f"/proc/{pid}/fd").iterdir() if link.is_symlink()
    ]
    sockets = {link[len("socket:[") : -1] for link in links if link.startswith("socket:[")}
    rows = [
        line.split()
        for table in ("tcp", "tcp6")
        for line in Path(f"/proc/{pid}/net/{table}").read_text("ascii").splitlines()[1:]
    ]
    return [row[1] for row in rows if row[3] == _LISTENING and row[9] in sockets]


def test_nothing_listens_beyond_this_machine(milvus_server: Server) -> None:
    served = 0
    for pid in processes(milvus_server.pid):
        addresses = [address.split(":")[0] for address in listening(pid)]
        served += len(addresses)
        if interfaces(pid) != ["lo"]:  # not in a network of its own
            assert set(addresses) <= set(_LOOPBACK)
    assert served, "the test looks in the wrong place"


@pytest.mark.parametrize("kind", KINDS, ids=[kind.name for kind in KINDS])
def test_a_server_comes_back_with_its_data_and_leaves_no_process(
    kind: Kind, tmp_path: Path
) -> None:
    with running(kind, tmp_path / "data") as server:
        client = pymilvus.MilvusClient(server.uri)
        client.create_collection("kept", dimension=4, consistency_level="Strong")
        client.insert("kept", [{"id": at, "vector": [1.0, 0.0, 0.0, at / 10]} for at in range(7)])
        client.close()
        uri, before = server.uri, processes(server.pid)
        server.restart()
        assert server.uri == uri
        again = pymilvus.MilvusClient(server.uri)
        again.load_collection("kept")  # both forget which collections were in memory
        assert again.query("kept", "id >= 0", output_fields=["count(*)"])[0]["count(*)"] == 7
        again.close()
        last = processes(server.pid)
        assert not set(before) & set(last)
    deadline = time.monotonic() + 5
    while (left := [pid for pid in last if Path(f"/proc/{pid}").exists()]) and (
        time.monotonic() < deadline
    ):
        time.sleep(0.1)
    assert not left
