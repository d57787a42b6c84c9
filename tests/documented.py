"""The commands of a documentation page, run in order as a reader would, in a clean copy.

A page is a list of steps. Commands stand in indented blocks and in fences called ``bash``, Python
in fences called ``python``; a fence with a ``title`` is a file that the reader saves, and a fence
called ``text`` is what the commands before it print, ``…`` standing for anything.
"""

import json
import os
import re
import shlex
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from markdown_it import MarkdownIt

_SERVES = re.compile(r"(dxqa serve(?!.*(--hash-password|--erase-feedback))|make run)")
_USUAL_PORT = "7860"
_PATIENCE_S = 900
_OF_THE_TESTS = {"PYTHONPATH", "VIRTUAL_ENV", "MAKEFLAGS", "MAKELEVEL", "MFLAGS"}
_PASSWORD = "ひみつの言葉"  # noqa: S105 - what a reader would type

NOT_RUN = {
    "make test": "is what .ci/run runs, these tests included",
    "dxqa build --model cl-nagoya/ruri-v3-30m --force": "fetches a model from its hub",
}
"""Commands that no test can run, and why; all others of the pages are run."""


@dataclass(frozen=True, slots=True)
class Step:
    """One thing that a reader does.

    Attributes:
        kind: command, python or file.
        text: the command (several lines where one output belongs to all of them), code or content.
        title: of a file, its path.
        output: what is printed, where the page shows it.
    """

    kind: str
    text: str
    title: str = ""
    output: str | None = None

    @property
    def commands(self) -> list[str]:
        """The lines of a command without their comments."""
        if self.kind != "command":
            return []
        lines = (re.sub(r"(^|\s+)#.*", "", line) for line in self.text.splitlines())
        return [line for line in lines if line]


def steps(page: Path) -> list[Step]:
    """Read the steps of a page; a fence that is none of them is an error, not left out."""
    found: list[Step] = []
    for token in MarkdownIt().parse(page.read_text("utf-8")):
        language, _, rest = token.info.partition(" ")
        title = re.search(r'title="([^"]+)"', rest)
        if token.type == "fence" and title:
            found.append(Step("file", token.content, title[1]))
        elif token.type == "code_block" or (token.type == "fence" and language == "bash"):
            found.append(Step("command", token.content))
        elif token.type == "fence" and language == "python":
            found.append(Step("python", token.content))
        elif token.type == "fence" and language == "text" and found[-1].kind == "command":
            found[-1] = Step("command", found[-1].text, output=token.content)
        elif token.type == "fence":
            raise ValueError(f"{page}: no step and no output of one: {token.content}")
    return found


def installs(page: Path) -> list[str]:
    """Return the installations that a page names within its sentences."""
    inline = re.findall(r"`(\.venv/bin/pip install [^`]+)`", page.read_text("utf-8"))
    return list(dict.fromkeys(inline))


def shows(output: str, printed: str) -> bool:
    """Whether what was printed is what the page shows."""
    return re.fullmatch(_pattern(output), _trimmed(printed), re.DOTALL) is not None


def _pattern(output: str) -> str:
    return ".*".join(re.escape(part) for part in _trimmed(output).split("…"))


def _trimmed(text: str) -> str:
    return "\n".join(line.rstrip() for line in text.strip("\n").splitlines())


@dataclass(frozen=True)
class Reader:
    """Somebody who types what a page says, in a folder of their own.

    Attributes:
        folder: a clean copy of the project; its ``.venv/bin``, once there, comes first on PATH.
    """

    folder: Path

    def follow(self, page: list[Step]) -> None:
        """Do every step in order; a command of ``NOT_RUN`` is passed over."""
        for step in page:
            if step.kind == "file":
                (self.folder / step.title).write_text(step.text, "utf-8")
            elif step.kind == "python":
                self.run(f"python -c {shlex.quote(step.text)}")
            else:
                self._type(step)

    def _type(self, step: Step) -> None:
        printed = []
        for command in step.commands:
            if command in NOT_RUN:
                continue
            if _SERVES.match(command):
                with self.serving(command) as port:
                    _check_page(port, asks="--auth" not in command)
            else:
                printed.append(self.run(command))
        if step.output is not None and not shows(step.output, "".join(printed)):
            raise AssertionError(f"{step.text}\nshows\n{step.output}\nbut printed\n{printed}")

    def run(self, command: str) -> str:
        """Type one command and return what it prints; it must end well."""
        done = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", command],
            cwd=self.folder,
            env=self._environment(),
            input=f"{_PASSWORD}\n",
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            encoding="utf-8",
            timeout=_PATIENCE_S,
            check=False,
        )
        assert done.returncode == 0, f"{command}\n{done.stdout}"
        return done.stdout

    @contextmanager
    def serving(self, command: str) -> Iterator[int]:
        """Start a server, on a port that is free, wait until it answers, and end it."""
        port = _free_port()
        option = f" PORT={port}" if command.startswith("make") else f" --port {port}"
        log = self.folder / "served.log"
        with log.open("wb") as out:
            server = subprocess.Popen(
                ["bash", "-c", command.replace(f" --port {_USUAL_PORT}", "") + option],
                cwd=self.folder,
                env=self._environment(),
                stdout=out,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
            try:
                _wait(server, port, log)
                yield port
            finally:
                os.killpg(server.pid, signal.SIGTERM)  # the group that it was started in
                server.wait(60)

    def _environment(self) -> dict[str, str]:
        """The reader's own: nothing of the environment, or the `make`, that the tests run in."""
        kept = {k: v for k, v in os.environ.items() if k not in _OF_THE_TESTS}
        ours = str(Path(sys.executable).parent)
        path = [str(self.folder / ".venv/bin"), *kept["PATH"].split(os.pathsep)]
        kept["PATH"] = os.pathsep.join(part for part in path if part != ours)
        return kept | {"PYTHON": sys.executable}


def _wait(server: "subprocess.Popen[bytes]", port: int, log: Path) -> None:
    end = time.monotonic() + _PATIENCE_S
    while time.monotonic() < end:
        assert server.poll() is None, log.read_text("utf-8")
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/health", timeout=10):
                return
        except OSError:  # not there yet, or 503 while the index is being built
            time.sleep(0.5)
    raise AssertionError(log.read_text("utf-8"))


def _check_page(port: int, *, asks: bool) -> None:
    """The page comes, and where no password stands before it, a question is answered."""
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/", timeout=60) as page:
        assert page.status == 200
    if asks:
        answer = ask(port, "市長が最高デジタル責任者を務めている市は？")
        assert answer["citations"][0]["municipality"] == "宮崎県都城市"


def ask(port: int, question: str) -> dict[str, list[dict[str, str]]]:
    """Ask over HTTP, as docs/api.md says."""
    request = urllib.request.Request(
        f"http://127.0.0.1:{port}/gradio_api/run/ask",
        data=json.dumps({"data": [question, None, None]}).encode(),
        headers={"Content-Type": "application/json"},
    )
    with urllib.request.urlopen(request, timeout=120) as reply:  # noqa: S310
        found: dict[str, list[dict[str, str]]] = json.load(reply)["data"][0]
    return found


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port
