"""Real Milvus servers for the tests: two wheels from PyPI, each in a virtual environment.

    python -m tests.heavy.servers          # both, until Ctrl+C or SIGTERM; prints "name uri" lines

Neither can be reached from another machine: ``milvus-lite`` is told to listen on 127.0.0.1;
``milvus`` 2.3.5 cannot be told (Go's ``net.Listen(":port")``, and the ports of its etcd and its
parts with it), so that it runs in a network namespace with nothing but ``lo``; see `isolated`.
"""

import contextlib
import os
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from filelock import FileLock

ROOT = Path(__file__).parents[2]
_INNER_PORT = 19530  # in a namespace of its own, every port is free


@dataclass(frozen=True)
class Kind:
    """One implementation of the server: what to install, where, and what it says when it is up."""

    name: str
    packages: tuple[str, ...]
    venv: Path
    ready: str
    isolated: bool

    def installed(self) -> Path:
        """Return the environment's ``bin``, made on the first call on this machine."""
        done = self.venv / f".{self.name}"
        with FileLock(f"{self.venv}.lock"):
            if not done.exists():
                subprocess.run([sys.executable, "-m", "venv", self.venv], check=True)
                pip = [str(self.venv / "bin" / "python"), "-m", "pip", "install", "--quiet"]
                quiet = ["--disable-pip-version-check", *self.packages]
                subprocess.run([*pip, *quiet], check=True, timeout=900)
                done.touch()
        return self.venv / "bin"

    def command(self, data: Path, port: int) -> list[str]:
        """Return the command line that serves ``data`` on ``port``."""
        if self.isolated:
            program = self.installed() / "milvus-server"
            return [str(program), "--data", str(data), "--proxy-port", str(port)]
        program = self.installed() / "milvus-lite"
        where = ["--host", "127.0.0.1", "--port", str(port)]
        return [str(program), "server", "--data-dir", str(data), *where]


STANDALONE = Kind(
    "milvus-2.3.5",
    ("milvus==2.3.5",),
    ROOT / ".venv-milvus",
    ready="Ctrl+C to exit",
    isolated=True,
)
LITE = Kind(
    "milvus-lite-3.2.2",
    ("milvus-lite==3.2.2", "pymilvus>=3,<4"),
    ROOT / ".venv-milvus-lite",
    ready="gRPC server listening",
    isolated=False,
)
KINDS = (STANDALONE, LITE)


@dataclass
class Server:
    """A server over one data folder, at one address through every stop and start."""

    kind: Kind
    data: Path
    extra: Sequence[str] = ()
    port: int = 0
    _process: subprocess.Popen[bytes] | None = field(default=None, repr=False)

    @property
    def name(self) -> str:
        """Which implementation, and its version."""
        return self.kind.name

    @property
    def uri(self) -> str:
        """The address for a client."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def pid(self) -> int:
        """The process that the server's others descend from."""
        assert self._process, "not started"
        return self._process.pid

    def start(self) -> None:
        """Start over what the data folder holds; return when requests are answered."""
        assert self._process is None, "already started"
        self.data.mkdir(parents=True, exist_ok=True)
        if self.kind.isolated:
            self._share_programs()
        with contextlib.ExitStack() as stack:
            listener = stack.enter_context(_listening(self.port))
            self.port = listener.getsockname()[1]
            if not self.kind.isolated:
                listener.close()
            log = stack.enter_context((self.data / "server.log").open("wb"))
            self._process = subprocess.Popen(
                self._command(listener.fileno()),
                stdout=log,
                stderr=subprocess.STDOUT,
                cwd=self.data,
                pass_fds=[listener.fileno()] if self.kind.isolated else [],
                start_new_session=True,
                env=os.environ | {"PYTHONUNBUFFERED": "1"},
            )
        self._wait()

    def _share_programs(self) -> None:
        """Let all servers use one copy of what the wheel unpacks (200 MB, ten seconds)."""
        programs, link = self.kind.installed().parent / "programs", self.data / "bin"
        programs.mkdir(exist_ok=True)
        if not link.exists():
            link.symlink_to(programs)

    def _command(self, descriptor: int) -> list[str]:
        if not self.kind.isolated:
            ends_with_us = ["setpriv", "--pdeathsig", "KILL"]
            return [*ends_with_us, *self.kind.command(self.data, self.port), *self.extra]
        inner = [*self.kind.command(self.data, _INNER_PORT), *self.extra]
        script = Path(__file__).with_name("isolated.py")
        return [sys.executable, str(script), str(descriptor), str(_INNER_PORT), *inner]

    def _wait(self, timeout_s: float = 120) -> None:
        deadline = time.monotonic() + timeout_s
        log = self.data / "server.log"
        while self.kind.ready not in (said := log.read_text("utf-8", "replace")):
            assert self._process
            if self._process.poll() is not None or time.monotonic() > deadline:
                self.stop()
                raise RuntimeError(f"{self.name} did not start: {said[-2000:]}")
            time.sleep(0.1)

    def stop(self, timeout_s: float = 2) -> None:
        """End the server and every process of it: asked at first, killed after ``timeout_s``."""
        if self._process is None:
            return
        group = self._process.pid
        _signal(group, signal.SIGTERM)
        deadline = time.monotonic() + timeout_s
        while _alive(group, self._process) and time.monotonic() < deadline:
            time.sleep(0.05)
        _signal(group, signal.SIGKILL)
        self._process.wait(timeout=10)
        self._process = None

    def kill(self) -> None:
        """End it at once, as a power cut would."""
        self.stop(timeout_s=0)

    def restart(self) -> None:
        """Stop and start over the same data at the same address."""
        self.stop()
        self.start()


def _listening(port: int) -> socket.socket:
    listener = socket.socket()
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind(("127.0.0.1", port))
    listener.listen(128)
    return listener


def _signal(group: int, number: signal.Signals) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.killpg(group, number)


def _alive(group: int, leader: subprocess.Popen[bytes]) -> bool:
    leader.poll()  # reaps it: a zombie would count as alive
    try:
        os.killpg(group, 0)
    except ProcessLookupError:
        return False
    return True


def processes(root: int) -> list[int]:
    """Return the ids of a process and of all that descend from it."""
    found = [root]
    for parent in found:
        for tasks in Path(f"/proc/{parent}/task").glob("*/children"):
            found += map(int, tasks.read_text("ascii").split())
    return found


@contextlib.contextmanager
def running(kind: Kind, data: Path, extra: Sequence[str] = ()) -> Iterator[Server]:
    """Start a server over ``data``, and end it with the block."""
    server = Server(kind, data, extra)
    server.start()
    try:
        yield server
    finally:
        server.stop()


def main() -> None:
    """Serve both over a temporary folder until a signal comes."""
    ended = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: ended.set())
    with contextlib.ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        for kind in KINDS:
            server = stack.enter_context(running(kind, folder / kind.name))
            sys.stdout.write(f"{server.name} {server.uri}\n")
            sys.stdout.flush()
        ended.wait()


if __name__ == "__main__":
    main()
