"""A real ``dxqa serve`` in a process of its own, and programs that ask it by HTTP."""

import asyncio
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import httpx

ROOT = Path(__file__).parents[1]
BUSY = 503
_PATIENCE_S = 600


@dataclass(frozen=True)
class Served:
    """A server that runs.

    Attributes:
        url: its address.
        folder: holds its ``corpus``, ``index``, ``feedback.db`` and what it wrote, ``server.log``.
        process: to be ended by ``serving`` alone.
    """

    url: str
    folder: Path
    process: subprocess.Popen[bytes]

    @property
    def rss_mib(self) -> float:
        """Memory that it holds right now."""
        status = Path(f"/proc/{self.process.pid}/status").read_text("utf-8")
        told = next(line for line in status.splitlines() if line.startswith("VmRSS"))
        return int(told.split()[1]) / 1024

    @property
    def open_files(self) -> int:
        """File descriptors."""
        return len(list(Path(f"/proc/{self.process.pid}/fd").iterdir()))

    @property
    def threads(self) -> int:
        """Threads, those of libraries as well."""
        return len(list(Path(f"/proc/{self.process.pid}/task").iterdir()))


@contextmanager
def serving(index: Path) -> Iterator[Served]:
    """Serve copies of the corpus and of an index; yield when questions are answered."""
    with TemporaryDirectory(prefix="dxqa-load-") as name, socket.socket() as free:
        folder = Path(name)
        shutil.copytree(ROOT / "corpus", folder / "corpus")
        shutil.copytree(index, folder / "index")
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
        free.close()
        command = [sys.executable, "-m", "dxqa.cli", "serve", "--port", str(port)]
        variables = {**os.environ, "TMPDIR": name, "OMP_WAIT_POLICY": "PASSIVE"}
        with (
            (folder / "server.log").open("wb") as log,
            subprocess.Popen(command, cwd=folder, env=variables, stderr=log) as process,
        ):
            served = Served(f"http://127.0.0.1:{port}", folder, process)
            try:
                _wait_until_ready(served)
                yield served
            finally:
                process.send_signal(signal.SIGTERM)
                process.wait(timeout=60)


def _wait_until_ready(served: Served) -> None:
    deadline = time.monotonic() + _PATIENCE_S
    while time.monotonic() < deadline:
        try:
            if httpx.get(f"{served.url}/health", trust_env=False).is_success:
                return
        except httpx.TransportError:
            if served.process.poll() is not None:
                break
        time.sleep(0.5)
    raise SystemExit((served.folder / "server.log").read_text("utf-8"))


def client(served: Served) -> httpx.AsyncClient:
    """Return a program that asks as often at a time as it likes."""
    return httpx.AsyncClient(
        base_url=f"{served.url}/gradio_api/run",
        limits=httpx.Limits(max_connections=None),
        timeout=_PATIENCE_S,
        trust_env=False,
    )


async def ask(
    program: httpx.AsyncClient, question: str, history: list[str] | None = None, asker: str = ""
) -> tuple[int, dict[str, Any]]:
    """Return the status, and the answer or error; ``asker`` as a page is told apart from others."""
    body = {"data": [question, history, None], **({"session_hash": asker} if asker else {})}
    reply = await program.post("/ask", json=body)
    told: dict[str, Any] = reply.json()
    return reply.status_code, told["data"][0] if reply.is_success else told


async def apply_changes(served: Served) -> None:
    """Press 「検索に反映する」 as the page does, and wait until the index has been rebuilt."""
    async with httpx.AsyncClient(
        base_url=served.url, timeout=_PATIENCE_S, trust_env=False
    ) as browser:
        config = (await browser.get("/config")).json()
        elements = {part["props"].get("elem_id"): part["id"] for part in config["components"]}
        pressed = [elements["build"], "click"]
        function = next(
            found["id"]
            for found in config["dependencies"]
            if pressed in [list(target) for target in found["targets"]] and found["backend_fn"]
        )
        told = {"data": [None], "fn_index": function, "session_hash": "rebuild"}
        before = _builds(served)
        (await browser.post("/gradio_api/queue/join", json=told)).raise_for_status()
    for _ in range(_PATIENCE_S):
        await asyncio.sleep(1)
        if _builds(served) > before:
            return
    raise SystemExit((served.folder / "server.log").read_text("utf-8")[-2000:])


def _builds(served: Served) -> int:
    log = (served.folder / "server.log").read_text("utf-8")
    return log.count('"event": "build"')
