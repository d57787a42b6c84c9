"""What can go wrong with a server, and what is said then."""

import contextlib
import subprocess
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from dxqa import Index
from dxqa.engines import Milvus
from dxqa.errors import EngineError
from tests.conftest import HashEncoder
from tests.heavy import made_up
from tests.heavy.conftest import on_server
from tests.heavy.servers import STANDALONE, Server, running

pymilvus = pytest.importorskip("pymilvus", reason="pip install 'dxqa[milvus]'")
pytestmark = pytest.mark.heavy

_TIMEOUT_S = 10.0
_DOCUMENTS = [made_up.document(number, 20) for number in range(6)]
_QUESTION = made_up.questions(1, seed=9)[0]
_JAPANESE = r"[ぁ-ん]"


def chosen(server: Server, collection: str, timeout_s: float = 60) -> Milvus:
    return Milvus(server.uri, collection=collection, timeout_s=timeout_s)


def built(server: Server, folder: Path, collection: str) -> Index:
    return Index.build(
        _DOCUMENTS,
        encoder=made_up.encoder(),
        folder=folder,
        engine=chosen(server, collection),
    )


def loaded(server: Server, folder: Path, collection: str) -> Index:
    engine = chosen(server, collection, _TIMEOUT_S)
    return Index.load(folder, encoder=made_up.encoder(), engine=engine)


@contextlib.contextmanager
def stopped(server: Server) -> Iterator[None]:
    server.kill()
    try:
        yield
    finally:
        server.start()


def found(index: Index) -> list[str]:
    return made_up.names(index.search(_QUESTION, k=10))


def answers_again(index: Index, before: list[str]) -> bool:
    """Whether it soon answers as before: a server that starts takes its time on a busy machine."""
    deadline = time.monotonic() + 90
    while time.monotonic() < deadline:
        with contextlib.suppress(EngineError):
            return found(index) == before
    return False


def test_a_restart_in_mid_use_is_survived(milvus_server: Server, tmp_path: Path) -> None:
    index = built(milvus_server, tmp_path, "restarted")
    before = found(index)
    milvus_server.restart()
    assert found(index) == before
    assert on_server(index).count() == 120
    with stopped(milvus_server):
        pass  # killed, as by a power cut
    assert found(index) == before


def test_a_question_asked_during_a_restart_is_answered(
    milvus_server: Server, tmp_path: Path
) -> None:
    index = built(milvus_server, tmp_path, "meanwhile")
    patient = Index.load(
        tmp_path,
        encoder=made_up.encoder(),
        engine=chosen(milvus_server, "meanwhile", timeout_s=120),
    )
    before, answers = found(index), list[list[str]]()
    milvus_server.stop()
    asking = threading.Thread(target=lambda: answers.append(found(patient)))
    asking.start()
    milvus_server.start()
    asking.join(timeout=120)
    assert answers == [before]


def test_a_stopped_server_is_an_error_in_time_and_is_found_again(
    milvus_server: Server, tmp_path: Path
) -> None:
    built(milvus_server, tmp_path, "stopped")
    index = loaded(milvus_server, tmp_path, "stopped")
    before = found(index)
    with stopped(milvus_server):
        start = time.monotonic()
        with pytest.raises(EngineError, match=_JAPANESE) as caught:
            index.search(_QUESTION)
        assert milvus_server.uri in str(caught.value)
        assert time.monotonic() - start < _TIMEOUT_S + 5
        start = time.monotonic()
        with pytest.raises(EngineError, match=_JAPANESE) as caught:
            loaded(milvus_server, tmp_path, "stopped").ask(_QUESTION)
        assert milvus_server.uri in str(caught.value)
        assert time.monotonic() - start < _TIMEOUT_S + 5
    assert answers_again(index, before)


def test_a_build_without_a_server_leaves_the_index_as_it_was(
    milvus_server: Server, tmp_path: Path
) -> None:
    index = built(milvus_server, tmp_path, "unbuilt")
    before = found(index)
    changed = [made_up.document(number, 20, version=1) for number in range(6)]
    with stopped(milvus_server), pytest.raises(EngineError) as caught:
        Index.build(
            changed,
            encoder=made_up.encoder(),
            folder=tmp_path,
            engine=chosen(milvus_server, "unbuilt", _TIMEOUT_S),
        )
    assert milvus_server.uri in str(caught.value)
    again = loaded(milvus_server, tmp_path, "unbuilt")
    assert answers_again(again, before)
    encoder = made_up.encoder()
    fresh = Index.build(
        changed,
        encoder=encoder,
        folder=tmp_path,
        engine=chosen(milvus_server, "unbuilt"),
    )
    assert on_server(fresh).count() == 120
    assert encoder.encoded == 0, "the vectors of the build that failed are taken over"


def test_a_collection_that_is_gone_is_an_error_that_says_what_to_do(
    milvus_server: Server, tmp_path: Path
) -> None:
    index = built(milvus_server, tmp_path, "gone")
    before = found(index)
    client = pymilvus.MilvusClient(milvus_server.uri)
    client.drop_alias("gone")
    client.drop_collection(on_server(index).collection)
    client.close()
    for asked in (index, loaded(milvus_server, tmp_path, "gone")):
        with pytest.raises(EngineError, match="dxqa build") as caught:
            asked.search(_QUESTION)
        assert milvus_server.uri in str(caught.value)
    assert found(built(milvus_server, tmp_path, "gone")) == before


def test_a_collection_of_another_dimension_is_an_error(
    milvus_server: Server, tmp_path: Path
) -> None:
    index = built(milvus_server, tmp_path, "narrow")
    before, collection = found(index), on_server(index).collection
    client = pymilvus.MilvusClient(milvus_server.uri)
    client.drop_alias("narrow")
    client.drop_collection(collection)
    schema = pymilvus.MilvusClient.create_schema()
    schema.add_field("passage_id", pymilvus.DataType.VARCHAR, is_primary=True, max_length=100)
    schema.add_field("vector", pymilvus.DataType.FLOAT_VECTOR, dim=8)
    index_of = client.prepare_index_params()
    index_of.add_index("vector", index_type="FLAT", metric_type="IP")
    client.create_collection(collection, schema=schema, index_params=index_of)
    client.create_alias(collection, "narrow")
    client.close()
    with pytest.raises(EngineError, match=r"8 次元.*64 次元"):
        loaded(milvus_server, tmp_path, "narrow").search(_QUESTION)
    assert found(built(milvus_server, tmp_path, "narrow")) == before


def test_another_model_builds_another_collection(milvus_server: Server, tmp_path: Path) -> None:
    before = on_server(built(milvus_server, tmp_path, "model")).collection
    other = Index.build(
        _DOCUMENTS,
        encoder=HashEncoder(salt="other"),
        folder=tmp_path,
        engine=chosen(milvus_server, "model"),
    )
    assert len(found(other)) == 10
    assert on_server(other).collection != before
    client = pymilvus.MilvusClient(milvus_server.uri)
    assert not client.has_collection(before), "what is not used any more is removed"
    client.close()


def test_a_collection_of_somebody_else_is_left_alone(milvus_server: Server, tmp_path: Path) -> None:
    client = pymilvus.MilvusClient(milvus_server.uri)
    client.create_collection("theirs", dimension=4)
    with pytest.raises(EngineError, match="theirs"):
        built(milvus_server, tmp_path, "theirs")
    assert client.has_collection("theirs")
    client.close()


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A key and a certificate for this machine, signed by itself, in one folder."""
    folder = tmp_path_factory.mktemp("certificate")
    subprocess.run(
        "openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=localhost"
        " -addext subjectAltName=DNS:localhost,IP:127.0.0.1 -keyout key.pem -out cert.pem".split(),
        cwd=folder,
        check=True,
        capture_output=True,
    )
    return folder


@pytest.fixture(scope="module")
def secured(
    certificate: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[str, Path]]:
    """The address of a server that wants TLS and a token, and its certificate."""
    wanted = {
        "--tls-mode": "1",
        "--server-pem-path": str(certificate / "cert.pem"),
        "--server-key-path": str(certificate / "key.pem"),
        "--authorization-enabled": "true",
    }
    options = [part for pair in wanted.items() for part in pair]
    with running(STANDALONE, tmp_path_factory.mktemp("secured"), options) as server:
        yield server.uri.replace("http:", "https:"), certificate / "cert.pem"


def test_tls_and_a_token_are_passed_through(
    secured: tuple[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    uri, authority = secured
    engine = Milvus(uri, token="root:Milvus", ca_file=str(authority), timeout_s=60)  # noqa: S106
    folder = tmp_path / "index"
    index = Index.build(_DOCUMENTS, encoder=made_up.encoder(), folder=folder, engine=engine)
    assert on_server(index).count() == 120
    written = [path for path in folder.rglob("*") if path.is_file()]
    assert not any(b"root:Milvus" in path.read_bytes() for path in written), "a token is a secret"
    monkeypatch.setenv("DXQA_MILVUS_TOKEN", "root:Milvus")
    assert found(Index.load(folder, encoder=made_up.encoder())) == found(index)


@pytest.mark.parametrize("token", [None, "root:wrong"])
def test_wrong_credentials_are_an_error_that_does_not_tell_them(
    secured: tuple[str, Path], tmp_path: Path, token: str | None
) -> None:
    uri, authority = secured
    engine = Milvus(uri, token=token, ca_file=str(authority), timeout_s=_TIMEOUT_S)
    start = time.monotonic()
    with pytest.raises(EngineError, match="DXQA_MILVUS_TOKEN") as caught:
        Index.build(_DOCUMENTS, encoder=made_up.encoder(), folder=tmp_path, engine=engine)
    assert uri in str(caught.value)
    assert "wrong" not in str(caught.value)
    assert time.monotonic() - start < _TIMEOUT_S + 10


def test_a_certificate_that_nobody_vouches_for_is_refused(
    secured: tuple[str, Path], tmp_path: Path
) -> None:
    uri, _ = secured
    engine = Milvus(uri, token="root:Milvus", timeout_s=_TIMEOUT_S)  # noqa: S106
    with pytest.raises(EngineError, match=_JAPANESE) as caught:
        Index.build(_DOCUMENTS, encoder=made_up.encoder(), folder=tmp_path, engine=engine)
    assert uri in str(caught.value)
