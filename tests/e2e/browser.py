"""What the browser tests share: a server of the page, what a browser session saw, and asking."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from playwright.sync_api import BrowserContext, ConsoleMessage, Page, expect

ROOT = Path(__file__).parents[2]
SIZES = {"wide": (1440, 900), "middle": (1024, 768), "narrow": (390, 844)}
BOX = "#question textarea"
LIST_QUESTION = "市長が最高デジタル責任者を務めている市は？"
OFF_TOPIC = "明日の東京の天気は？"


@dataclass
class Session:
    """A browser context and what it saw going out and going wrong."""

    context: BrowserContext
    requests: list[str] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)

    def open(self, url: str) -> Page:
        page = self.context.new_page()
        page.on("request", lambda request: self.requests.append(request.url))
        page.on("websocket", lambda socket: self.requests.append(socket.url))
        page.on("pageerror", lambda error: self.errors.append(str(error)))
        page.on(
            "console",
            lambda line: self._note(line) if line.type == "error" else None,
        )
        page.goto(url)
        return page

    def _note(self, line: ConsoleMessage) -> None:
        self.errors.append(f"{line.text} ({line.location.get('url', '')})")


@contextmanager
def serving(index_folder: Path, *options: str) -> Iterator[str]:
    """Run the page over the real corpus; yield its address, and end it afterwards.

    What it writes goes to ``server-<port>.log``, what it prints to ``server-<port>.out`` beside
    the index.
    """
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "app.py", "--port", str(port), "--index", str(index_folder)]
    log = index_folder.parent / f"server-{port}.log"
    with (
        log.open("wb") as errors,
        log.with_suffix(".out").open("wb") as printed,
        subprocess.Popen(
            [*command, "--corpus", "corpus", *options],
            cwd=ROOT,
            stdout=printed,
            stderr=errors,
            # Threads that wait must not take the browser's share of a small machine.
            env={**os.environ, "OMP_WAIT_POLICY": "PASSIVE"},
        ) as server,
    ):
        try:
            _wait_for_port(port, server)
            yield f"http://127.0.0.1:{port}/"
        finally:
            _end(server)
            sys.stdout.write(log.read_text("utf-8"))


def ask(page: Page, question: str) -> None:
    """Type a question, send it with Enter, and wait until its answer is whole."""
    before = page.locator("#chat .footing").count()
    page.fill(BOX, question)
    page.press(BOX, "Enter")
    expect(page.locator("#chat .footing")).to_have_count(before + 1)


def contrast(page: Page, selector: str) -> float:
    """The WCAG 2 contrast of an element's text with what lies behind it."""
    return float(
        page.locator(selector).first.evaluate(
            """element => {
              const parse = c => c.match(/[\\d.]+/g).map(Number);
              const light = c => {
                const [r, g, b] = c.map(v => v / 255)
                  .map(v => v <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4);
                return 0.2126 * r + 0.7152 * g + 0.0722 * b;
              };
              let ground = [255, 255, 255];
              for (let e = element; e; e = e.parentElement) {
                const found = parse(getComputedStyle(e).backgroundColor);
                if (found.length === 3 || found[3] === 1) { ground = found.slice(0, 3); break; }
              }
              const text = light(parse(getComputedStyle(element).color).slice(0, 3));
              const [high, low] = [text, light(ground)].sort((a, b) => b - a);
              return (high + 0.05) / (low + 0.05);
            }"""
        )
    )


def _wait_for_port(port: int, server: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        assert server.poll() is None, "the server ended at its start"
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.1)
    pytest.fail("the server did not come up")


def _end(server: subprocess.Popen[bytes]) -> None:
    server.send_signal(signal.SIGINT)
    try:
        server.wait(timeout=20)
    except subprocess.TimeoutExpired:  # a shell's background jobs ignore SIGINT
        server.terminate()
