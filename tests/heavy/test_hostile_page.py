"""179 payloads in every place of a corpus, on every screen of the real page in a real browser.

None may run, none may be asked for, and none may stand where it could. That the same watch sees them
where they do run is shown first, on a page that takes no care.
"""

import base64
import csv
import io
import json
import re
import threading
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import urlencode

import docx
import pytest
from markdown_it import MarkdownIt
from playwright.sync_api import Browser, Page, expect, sync_playwright

from dxqa import Index
from dxqa.visible import visible
from dxqa.web.feedback import Feedback
from dxqa.web.loading import State
from dxqa.web.options import ServeOptions
from dxqa.web.page import Page as Served
from dxqa.web.server import app_options, launch_options
from tests.conftest import HashEncoder
from tests.e2e.browser import BOX
from tests.e2e.conftest import CHROMIUM, OPTIONS
from tests.heavy import hostile_corpus as corpus
from tests.payloads import PAYLOADS, payload
from tests.watch import Watch, live, poke

pytestmark = pytest.mark.heavy

BATCH = 60
"""Payloads in one corpus: of so many municipalities, a declined answer lists all."""


class Beacon(ThreadingHTTPServer):
    """Listens where payloads ask, and serves the careless page."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Careless)
        self.url = f"http://127.0.0.1:{self.server_port}"


class Careless(BaseHTTPRequestHandler):
    """``/<context>/<number>`` is a page that puts a payload where text was meant to stand."""

    server: Beacon

    def do_GET(self) -> None:
        found = re.fullmatch(r"/(\w+)/(\d+)", self.path)
        known = found and found[1] in CARELESS
        body = careless(found[1], int(found[2]), self.server.url) if found and known else ""
        self.send_response(200)
        kind = "text/html; charset=utf-8" if known else "text/javascript"
        self.send_header("Content-Type", kind)
        self.end_headers()
        self.wfile.write(body.encode())

    do_POST = do_GET

    def log_message(self, *_: object) -> None:
        """Keep the test output clean."""


CARELESS: dict[str, Callable[[str], str]] = {
    "body": lambda p: f"<body><p>{p}</p><script data-ours></script>",
    "inner": lambda p: (
        "<body><div id=a></div><script data-ours>"
        f"document.querySelector('#a').innerHTML = {_script(p)}</script>"
    ),
    "twice": lambda p: (
        "<body><div id=a></div><div id=b></div><script data-ours>"
        f"a.innerHTML = {_script(p)}; b.innerHTML = a.innerHTML; a.innerHTML = b.innerHTML</script>"
    ),
    "unescaped": lambda p: (
        "<body><div id=a></div><script data-ours>const t = "
        f"document.createElement('textarea'); t.innerHTML = {_script(p)}; a.innerHTML = t.value;"
        "const u = document.createElement('textarea'); u.innerHTML = t.value; a.innerHTML += u.value;"
        f"try {{ a.innerHTML += decodeURIComponent({_script(p)}) }} catch {{}}</script>"
    ),
    "double": lambda p: f'<body><input value="{p}"><p title="{p}">x</p>',
    "single": lambda p: f"<body><input value='{p}'><p title='{p}'>x</p>",
    "link": lambda p: f'<body><a href="{p}">x</a>',
    "textarea": lambda p: f"<body><textarea>{p}</textarea>",
    "title": lambda p: f"<title>{p}</title><body>",
    "style": lambda p: f"<style>{p}</style><body>",
    "comment": lambda p: f"<body><!-- {p} -->",
    "string": lambda p: f'<body><script data-ours>var a = "{p}";</script>',
    "quoted": lambda p: f"<body><script data-ours>var a = '{p}';</script>",
    "backtick": lambda p: f"<body><script data-ours>var a = `{p}`;</script>",
    "slashed": lambda p: '<body><script data-ours>var a = "{}";</script>'.format(
        p.replace('"', '\\"')
    ),
    "stripped": lambda p: f"<body>{p.replace('<script>', '').replace('</script>', '')}",
    "hexed": lambda p: f'<body><p id=a></p><script data-ours>a.innerHTML = "{p}";</script>',
    "markdown": lambda p: f"<body>{_markdown(p)}",
    "template": lambda p: f"<body><script data-ours>{_engine(p)}</script>",
    "wide": lambda p: f"<body>{p.translate(_NARROW)}",
}
"""How text gets into a page that takes no care."""

_NARROW = str.maketrans("＜＞", "<>")


def careless(context: str, number: int, beacon: str) -> str:
    made = CARELESS[context](payload(number, beacon))
    return f"<!DOCTYPE html><meta charset=utf-8>{made}"


def _script(text: str) -> str:
    return json.dumps(text).replace("<", "\\u003c")


def _markdown(text: str) -> str:
    reader = MarkdownIt("commonmark", {"html": True})
    reader.validateLink = lambda url: True  # type: ignore[method-assign]
    return str(reader.render(text))


def _engine(text: str) -> str:
    """Do as engines for templates and formulas do, with what they are given."""
    codes = re.findall(r"(?s)\{\{=?(.*?)\}\}|\$\{(.*?)\}|#\{(.*?)\}|<%=(.*?)%>", text)
    found = [next(filter(None, code)) for code in codes]
    found += re.findall(r"javascript:([^}\"]*)", text)
    found += [f"fetch('{url}')" for url in re.findall(r"includegraphics\{(.*?)\}", text)]
    return "\n".join(
        f"try {{ new Function('constructor', 'return ' + {_script(code)})(Object) }} catch {{}}"
        for code in found
    )


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        found = playwright.chromium.launch(executable_path=CHROMIUM, args=OPTIONS, headless=True)
        yield found
        found.close()


@pytest.fixture(scope="module")
def beacon() -> Iterator[Beacon]:
    with Beacon() as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server
        server.shutdown()


@pytest.fixture
def watch(browser: Browser) -> Iterator[Watch]:
    context = browser.new_context(viewport={"width": 1440, "height": 900}, locale="ja-JP")
    context.set_default_timeout(60_000)
    yield Watch(context)
    context.close()


def test_the_watch_sees_payloads_run_on_a_careless_page(watch: Watch, beacon: Beacon) -> None:
    page = watch.context.new_page()
    seen_live = {
        number for number in range(len(PAYLOADS)) if _runs(watch, page, beacon.url, number)
    }
    ran = set(watch.ran) & set(range(len(PAYLOADS)))
    quiet = sorted(set(range(len(PAYLOADS))) - ran)
    print(f"\n{len(ran)} of {len(PAYLOADS)} ran; seen where they could: {len(seen_live)}")
    print("\n".join(f"  quiet: {PAYLOADS[number]}" for number in quiet))
    assert len(ran) >= 168
    assert len(seen_live | ran) >= 170


def _runs(watch: Watch, page: Page, url: str, number: int) -> bool:
    """Try a payload in one careless way after the other until it runs; say whether it was seen."""
    seen = False
    for context in CARELESS:
        page.goto(f"{url}/{context}/{number}", wait_until="load")
        seen = seen or bool(live(page))
        if number not in watch.ran:
            poke(page)
            page.wait_for_timeout(15)
        if number in watch.ran:
            break
    return seen
