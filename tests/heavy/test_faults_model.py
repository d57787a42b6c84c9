"""The real model's unpacked files are harmed: under a server that answers, and before it starts."""

import os
import shutil
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from dxqa import Index
from dxqa.types import Encoder
from tests.served import ANSWER, CORPUS, Served, served
from tests.test_store import mounted

pytestmark = pytest.mark.heavy


@pytest.fixture(scope="module")
def folder(encoder: Encoder, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("real")
    (folder / "corpus").mkdir()
    for name, text in CORPUS.items():
        (folder / "corpus" / name).write_text(text, "utf-8")
    Index.build(folder / "corpus", encoder=encoder, folder=folder / "index")
    return folder


@pytest.fixture(scope="module")
def server(folder: Path) -> Iterator[Served]:
    """A server whose model is unpacked below its folder."""
    cache = {"DXQA_CACHE_DIR": str(folder / "cache")}
    with served(folder, corpus={}, environment=cache) as server:
        yield server


def weights(server: Served) -> Path:
    [found] = (server.folder / "cache").rglob("*.safetensors")
    return found


def flip(path: Path) -> None:
    with path.open("r+b") as file:
        file.seek(path.stat().st_size // 2)
        byte = file.read(1)[0]
        file.seek(-1, os.SEEK_CUR)
        file.write(bytes([byte ^ 0xFF]))


def halve(path: Path) -> None:
    os.truncate(path, path.stat().st_size // 2)


def test_a_model_that_is_harmed_goes_on_answering_and_is_unpacked_again_at_the_next_start(
    server: Served,
) -> None:
    before = server.ask()[1]["confidence"]
    for harms in ((flip,), (halve, Path.unlink)):
        for harm in harms:
            harm(weights(server))
            status, told = server.ask()
            assert (status, told["confidence"]) == (200, before)
            assert ANSWER in told["text"]
        server.stop(signal.SIGTERM)
        server.start()
        assert server.ask()[1]["confidence"] == before
        assert weights(server).is_file()


def test_a_disk_too_small_for_the_model_is_told_and_tried_again_on_request(
    folder: Path, tmp_path: Path
) -> None:
    with mounted(tmp_path / "small", "-t", "tmpfs", "-o", "size=60m", "tmpfs") as small:
        for name in ("corpus", "index"):
            shutil.copytree(folder / name, tmp_path / "office" / name)
        cache = {"DXQA_CACHE_DIR": str(small)}
        server = Served(tmp_path / "office", environment=cache)
        try:
            server.start(ready=False)
            assert server.stage() == "failed"
            told = server.events("notice")[-1]["message"]
            assert "空き容量" in told
            assert str(small) in told
            assert not list(small.rglob("*.safetensors"))
            subprocess.run(["mount", "-o", "remount,size=1g", small], check=True)
            server.press("retry")
            server.wait_for(lambda: server.stage() == "ready", 60)
            assert ANSWER in server.text()
        finally:
            server.stop(signal.SIGTERM)
