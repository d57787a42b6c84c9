"""Nothing leaves the host: the main job without a network, and every address it asks for recorded.

In a network namespace with loopback alone, an attempt to leave fails, but it is recorded all the
same; the first tests show that. docs/reliability.md has the figures.
"""

import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from tests.conftest import ROOT
from tests.e2e.conftest import CHROMIUM
from tests.heavy.deploy.machine import (
    QUESTION,
    URL,
    Alone,
    ask,
    assert_answered,
    environment,
    needs,
)
from tests.heavy.recorder import Attempt, attempts, leaving, recording

pytestmark = [pytest.mark.heavy, pytest.mark.timeout(900)]

DXQA = [sys.executable, "-m", "dxqa.cli"]
LIBRARY = """
from dxqa import Index
from dxqa.integrations.langchain import DxqaRetriever as LangChain
from dxqa.integrations.llamaindex import DxqaRetriever as LlamaIndex
index = Index.load("index")
print(index.ask({question!r}).text)
print(len(LangChain(index=index).invoke({question!r})), len(LlamaIndex(index).retrieve({question!r})))
"""
CONTROLS = {
    "Python": "import socket; socket.socket().connect(('192.0.2.1', 9))",
    "IPv6": "import socket; socket.socket(socket.AF_INET6).connect(('2001:db8::1', 9))",
    "UDP": "import socket; socket.socket(type=socket.SOCK_DGRAM).sendto(b'x', ('192.0.2.1', 9))",
    "look-up": "import socket; socket.getaddrinfo('dxqa.invalid', 80)",
    "thread": "import threading, socket; t = threading.Thread(target="
    "socket.create_connection, args=[('192.0.2.1', 9)]); t.start(); t.join()",
    "program": "import subprocess; subprocess.run(['bash', '-c', 'exec 3<>/dev/tcp/192.0.2.1/9'])",
    "Node.js": "import subprocess; subprocess.run(['node', '-e', \"net.connect(9, '192.0.2.1')\"])",
}
"""Each tries to leave in another way."""


@dataclass(frozen=True)
class Recorded:
    """A folder with the corpus, whose commands run without a network and are recorded."""

    alone: Alone

    def run(self, *command: str) -> tuple[str, list[Attempt]]:
        """Run a command to its end; return what it printed, and all that it wanted to reach."""
        log = self.alone.folder / "recorded"
        printed = self.alone.run(*recording(log, *command)).stdout
        return printed, attempts(log)


@pytest.fixture(scope="module")
def office() -> Iterator[Recorded]:
    needs(sys.platform == "linux" and os.geteuid() == 0, "root on Linux")
    needs(shutil.which("strace"), "strace (apt-get install strace)")
    folder = Path(tempfile.mkdtemp(prefix="dxqa-alone-"))
    shutil.copytree(ROOT / "corpus", folder / "corpus")
    programs = f"{Path(sys.executable).parent}:{environment()['PATH']}"
    source = {"PYTHONPATH": f"{ROOT / 'src'}:{ROOT}", "OMP_NUM_THREADS": "1"}
    variables = environment(**source, PATH=programs, DXQA_CACHE_DIR=str(folder / "cache"))
    yield Recorded(Alone(folder, variables))
    shutil.rmtree(folder)


@pytest.fixture(scope="module")
def built(office: Recorded) -> list[Attempt]:
    """What a first build wanted to reach: the model is unpacked, loaded by torch, texts embedded."""
    printed, found = office.run(*DXQA, "build")
    assert "新しく計算" in printed
    assert list((office.alone.folder / "cache").glob("bundled-*/model.safetensors"))
    return found


@pytest.mark.parametrize("way", CONTROLS)
def test_what_would_leave_is_recorded(office: Recorded, way: str) -> None:
    script = f"try:\n  {CONTROLS[way]}\nexcept OSError as error: print(error)"
    _, found = office.run(sys.executable, "-c", script)
    assert leaving(found)


def test_what_stays_is_not_taken_for_leaving(office: Recorded) -> None:
    script = (
        "import socket; s = socket.create_server(('127.0.0.1', 0)); "
        "socket.create_connection(s.getsockname())"
    )
    _, found = office.run(sys.executable, "-c", script)
    assert [attempt.host for attempt in found] == ["127.0.0.1"]
    assert leaving(found) == []


def test_a_model_of_the_hub_is_the_exception_and_asked_for(office: Recorded) -> None:
    command = [*DXQA, "build", "--index", "other", "--model", "someone/model"]
    script = f"import subprocess; print(subprocess.run({command!r}).returncode)"
    printed, found = office.run(sys.executable, "-c", script)
    assert printed == "1\n"
    assert {attempt.port for attempt in leaving(found)} <= {53, 443}
    assert leaving(found)


def test_a_build_reaches_nobody(built: list[Attempt]) -> None:
    assert leaving(built) == []


@pytest.mark.parametrize("command", ["ask", "search"])
def test_the_command_line_reaches_nobody(
    office: Recorded, built: list[Attempt], command: str
) -> None:
    printed, found = office.run(*DXQA, command, QUESTION)
    assert "都城市" in printed
    assert leaving([*built, *found]) == []


def test_the_library_reaches_nobody(office: Recorded, built: list[Attempt]) -> None:
    pytest.importorskip("langchain_core", reason="pip install 'dxqa[langchain]'")
    pytest.importorskip("llama_index.core", reason="pip install 'dxqa[llamaindex]'")
    printed, found = office.run(sys.executable, "-c", LIBRARY.format(question=QUESTION))
    assert "都城市" in printed
    assert leaving([*built, *found]) == []


def test_the_page_reaches_nobody(office: Recorded, built: list[Attempt]) -> None:
    """The server by itself; of the browser, what the page fetches: it has an errand of its own."""
    needs(CHROMIUM.exists(), "Chromium (apt-get install chromium)")
    log = office.alone.folder / "recorded"
    with office.alone.serving(*recording(log, sys.executable, str(ROOT / "app.py"))) as server:
        assert_answered(ask(server))
        told = _browse(office, server.pid)
    assert "都城市" in told["answer"]
    assert told["errors"] == []
    fetched = {urlsplit(url) for url in told["requests"]}
    assert len(fetched) > 10
    assert {url.netloc for url in fetched if url.scheme not in {"data", "blob"}} == {
        "127.0.0.1:7860"
    }
    found = attempts(log)
    assert "127.0.0.1" in {attempt.host for attempt in found}  # the server visits its own page
    assert leaving([*built, *found]) == []


def _browse(office: Recorded, server: int) -> dict[str, list[str]]:
    """Ask the question in a browser within the network of the server."""
    script = [sys.executable, "-m", "tests.heavy.asking_page", URL, QUESTION]
    done = subprocess.run(
        ["nsenter", f"--target={server}", "--net", *script],
        env=dict(office.alone.variables),
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    told: dict[str, list[str]] = json.loads(done.stdout)
    return told
