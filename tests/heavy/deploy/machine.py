"""What the tests of the deployment share: commands and servers without a network, ended by id."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import ROOT

DEPLOY = ROOT / "deploy"
HERE = Path(__file__).parent
QUESTION = "市長が最高デジタル責任者を務めている市は？"
URL = "http://127.0.0.1:7860"


def needs(condition: object, what: str) -> None:
    """Skip where this machine cannot do it; CI can."""
    if condition:
        return
    if os.environ.get("CI"):
        pytest.fail(f"CI must run this test, but {what} is missing")
    pytest.skip(f"needs {what}")


def environment(**variables: str) -> dict[str, str]:
    """Return nothing of this session but its paths: no proxy, no setting of pip."""
    folders = os.pathsep.join(
        ["/usr/local/sbin", "/usr/local/bin", "/usr/sbin", "/usr/bin", "/bin"]
    )
    return {"PATH": folders, "LANG": "C.UTF-8", "HOME": "/tmp", **variables}  # noqa: S108


@dataclass(frozen=True)
class Alone:
    """How a command runs in a network of its own: see alone.py."""

    folder: Path
    variables: Mapping[str, str] = field(default_factory=environment)
    user: int | None = None
    writable: Sequence[Path] = ()

    def command(self, command: Sequence[str]) -> list[str]:
        user = [] if self.user is None else [f"--user={self.user}"]
        writable = [f"--writable={folder}" for folder in self.writable]
        # Found on the path that the command is given, not on that of the tests.
        program = shutil.which(command[0], path=self.variables["PATH"]) or command[0]
        return [sys.executable, str(HERE / "alone.py"), *user, *writable, program, *command[1:]]

    def run(self, *command: str) -> subprocess.CompletedProcess[str]:
        """Run a command to its end; a failure fails the test with what was said."""
        done = subprocess.run(
            self.command(command),
            cwd=self.folder,
            env=dict(self.variables),
            text=True,
            capture_output=True,
            check=False,
        )
        assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"
        return done

    @contextmanager
    def serving(self, *command: str) -> Iterator[subprocess.Popen[str]]:
        """Run a server; end it as Ctrl-C does, and see that it ends well."""
        log = self.folder / "server.log"
        with (
            log.open("w") as told,
            subprocess.Popen(
                self.command(command),
                cwd=self.folder,
                env=dict(self.variables),
                stderr=told,
                text=True,
            ) as server,
        ):
            try:
                _wait_until_alone(server)
                yield server
            finally:
                end(server)
                sys.stdout.write(log.read_text("utf-8"))
        assert server.returncode == 0


def _wait_until_alone(server: subprocess.Popen[str]) -> None:
    """Wait until it has left the network of the tests: who follows it before stays here."""
    here = Path("/proc/self/ns/net").readlink()
    while Path(f"/proc/{server.pid}/ns/net").readlink() == here:
        assert server.poll() is None, "it ended at its start"
        time.sleep(0.05)


def end(server: subprocess.Popen[Any]) -> None:
    """End a process that the tests started."""
    server.send_signal(signal.SIGINT)
    try:
        server.wait(timeout=30)
    except subprocess.TimeoutExpired:
        server.kill()


def inside(server: subprocess.Popen[str], *command: str) -> str:
    """Run a command in the network of a server, and return what it printed."""
    entering = ["nsenter", f"--target={server.pid}", "--net"]
    return subprocess.run([*entering, *command], capture_output=True, text=True, check=True).stdout


def ask(server: subprocess.Popen[str]) -> dict[str, Any]:
    """Ask the server the question, once it is ready; return its health and its answer."""
    told = inside(server, sys.executable, str(HERE / "asking.py"), URL, QUESTION)
    found: dict[str, Any] = json.loads(told)
    return found


def assert_answered(told: dict[str, Any]) -> None:
    """See that all documents are held, and that the answer quotes them."""
    assert told["health"]["documents"] == len(list((ROOT / "corpus").glob("*/*.md")))
    assert told["answer"]["answered"]
    assert "都城市" in told["answer"]["text"]
    assert told["answer"]["citations"]
