"""The real server in a process of its own, for tests that harm what it stands on."""

import contextlib
import json
import os
import random
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx

from tests.conftest import ROOT

ANSWERED = "川上村の防災アプリは？"
ANSWER = "川上村は、防災アプリを全世帯に配っている。"
DECLINED = "明日の天気は？"


def case(place: str, text: str) -> str:
    """Return a document about a place in Nagano."""
    return f"---\nmunicipality: 長野県{place}\n---\n# {place}の事例\n\n{place}は、{text}\n"


CORPUS = {
    "a.md": case("川上村", "防災アプリを全世帯に配っている。費用は県が負担する。"),
    "b.md": case("山下町", "窓口を予約制にした。費用は町が負担する。"),
}


@dataclass
class Served:
    """One server; what it needs lies below ``folder``: corpus, index, feedback, log, uploads.

    Attributes:
        options: of ``dxqa serve``, besides where things lie.
        under: a command that runs the server, such as ``setpriv``.
        module: that is run.
        environment: more of it.
    """

    folder: Path
    options: Sequence[str] = ()
    under: Sequence[str] = ()
    environment: Mapping[str, str] = field(default_factory=dict)
    module: str = "dxqa.cli"
    port: int = 0
    _process: subprocess.Popen[bytes] | None = field(default=None, repr=False)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/"

    @property
    def index(self) -> Path:
        return self.folder / "index"

    @property
    def corpus(self) -> Path:
        return self.folder / "corpus"

    @property
    def feedback(self) -> Path:
        return self.folder / "feedback.db"

    @property
    def process(self) -> subprocess.Popen[bytes]:
        assert self._process, "not started"
        return self._process

    @property
    def log(self) -> str:
        return (self.folder / "log").read_text("utf-8", "replace")

    def events(self, name: str | None = None) -> list[dict[str, Any]]:
        """What the log says, without what a full disk has cut off."""
        found = []
        for line in self.log.splitlines():
            with contextlib.suppress(ValueError):
                found.append(json.loads(line))
        return [event for event in found if name in (None, event["event"])]

    def start(self, *, ready: bool = True, within_s: float = 300) -> None:
        """Start at the same port as before; wait until questions are answered."""
        self.port = self.port or free_port()
        where = {"--corpus": self.corpus, "--index": self.index, "--feedback-db": self.feedback}
        placed = [str(part) for pair in where.items() for part in pair]
        command = [sys.executable, "-m", self.module, "serve", "--port", str(self.port), *placed]
        (self.folder / "tmp").mkdir(exist_ok=True)
        environment = {"GRADIO_TEMP_DIR": str(self.folder / "tmp"), **self.environment}
        with (self.folder / "log").open("ab") as log:
            self._process = subprocess.Popen(
                [*self.under, *command, *self.options],
                cwd=ROOT,
                stdout=log,
                stderr=log,
                env={**os.environ, **environment},
            )
        wanted = {"ready"} if ready else {"ready", "failed"}
        self.wait_for(lambda: self.stage() in wanted, within_s)

    def stop(self, number: signal.Signals = signal.SIGINT, timeout_s: float = 30) -> int:
        """End it by a signal and return its exit status; a server that hangs is killed."""
        if self._process is None:
            return 0
        self._process.send_signal(number)
        try:
            return self._process.wait(timeout_s)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
            raise
        finally:
            self._process = None

    def forget(self) -> None:
        """Take note that it has ended."""
        assert self.process.poll() is not None
        self._process = None

    def wait_for(self, done: Callable[[], object], within_s: float = 30) -> None:
        """Wait until something is so; fail where the server has ended, or after a while."""
        deadline = time.monotonic() + within_s
        while not done():
            assert self.process.poll() is None, f"the server ended:\n{self.log[-3000:]}"
            assert time.monotonic() < deadline, f"not within {within_s} s:\n{self.log[-3000:]}"
            time.sleep(0.1)

    def stage(self) -> str:
        """How far the index is, as /health says; empty while nobody listens."""
        with contextlib.suppress(httpx.TransportError):
            return str(self._get("health").json()["stage"])
        return ""

    def documents(self) -> int:
        return int(self._get("health").json()["documents"])

    def ask(self, question: str = ANSWERED, timeout_s: float = 60) -> tuple[int, dict[str, Any]]:
        """Ask by the HTTP API; return status and what came."""
        reply = httpx.post(
            f"{self.url}gradio_api/run/ask",
            json={"data": [question, None, None]},
            timeout=timeout_s,
            trust_env=False,
        )
        told = reply.json()
        return reply.status_code, told["data"][0] if reply.status_code == 200 else told

    def text(self, question: str = ANSWERED) -> str:
        """Ask, and return the answer's text or the error's."""
        status, told = self.ask(question)
        return str(told["text"] if status == 200 else told["error"])

    def press(self, button: str, *given: object) -> str:
        """Press a button of the tab 資料 without a browser; return what the page would show."""
        with httpx.Client(base_url=self.url, timeout=60, trust_env=False) as client:
            config = client.get("config").json()
            named = [c["id"] for c in config["components"] if c["props"].get("elem_id") == button]
            done = "upload" if button == "upload" else "click"
            [event] = [d for d in config["dependencies"] if [named[0], done] in d["targets"]]
            session = f"pressed-{time.monotonic_ns()}"
            data = [*given, *[False] * len(event["inputs"])][: len(event["inputs"])]
            body = {"data": data, "fn_index": event["id"], "session_hash": session}
            client.post("gradio_api/queue/join", json=body).raise_for_status()
            path = f"gradio_api/queue/data?session_hash={session}"
            with client.stream("GET", path) as reply:
                for line in reply.iter_lines():
                    message = json.loads(line.removeprefix("data: ")) if line else {}
                    if message.get("msg") == "process_completed":
                        return json.dumps(message, ensure_ascii=False)
        raise AssertionError(button)

    def upload(self, name: str, content: bytes) -> str:
        """Add a document as the page does; return what the page would show."""
        with httpx.Client(base_url=self.url, timeout=60, trust_env=False) as client:
            reply = client.post("gradio_api/upload", files={"files": (name, content)})
            if reply.status_code != 200:
                return f"{reply.status_code} {reply.text}"
        [path] = reply.json()
        return self.press("upload", [{"path": path, "meta": {"_type": "gradio.FileData"}}])

    def progress(self) -> str:
        """What the tab 資料 says of a build."""
        return self.press("remove", [])

    def _get(self, path: str) -> httpx.Response:
        return httpx.get(f"{self.url}{path}", timeout=10, trust_env=False)


def free_port() -> int:
    """Return a port that no connection going out takes either, between two starts of a server."""
    for port in random.sample(range(20_000, 32_000), 100):
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port
    raise AssertionError


@contextlib.contextmanager
def served(
    folder: Path,
    *options: str,
    corpus: Mapping[str, str] | None = None,
    **more: Any,  # noqa: ANN401
) -> Iterator[Served]:
    """Serve a small corpus below ``folder`` until the block ends."""
    server = Served(folder, options, **more)
    server.corpus.mkdir(parents=True, exist_ok=True)
    for name, text in (CORPUS if corpus is None else corpus).items():
        (server.corpus / name).write_text(text, "utf-8")
    try:
        server.start()
        yield server
    finally:
        with contextlib.suppress(subprocess.TimeoutExpired):
            server.stop(signal.SIGTERM)


@contextlib.contextmanager
def asked_meanwhile(server: Served, users: int = 3) -> Iterator[list[tuple[float, str]]]:
    """Let some users ask without pause; gives when each was answered, and how, or the error."""
    seen: list[tuple[float, str]] = []
    over = threading.Event()

    def use() -> None:
        while not over.is_set():
            try:
                told = server.text()
            except httpx.HTTPError as error:
                told = type(error).__name__
            seen.append((time.monotonic(), told))

    threads = [threading.Thread(target=use) for _ in range(users)]
    for thread in threads:
        thread.start()
    try:
        yield seen
    finally:
        over.set()
        for thread in threads:
            thread.join()
