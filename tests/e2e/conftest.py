"""One browser and one server for all browser tests; the index is built by the first start.

They end with this package: Playwright keeps an event loop running in the thread of the tests.
"""

import os
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright

from tests.e2e.browser import BOX, Session, serving

expect.set_options(timeout=20_000)  # shared machines are slow at times

CHROMIUM = Path("/usr/bin/chromium")
OPTIONS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
]


@pytest.fixture(scope="package")
def browser() -> Iterator[Browser]:
    if not CHROMIUM.exists():
        if os.environ.get("CI"):
            pytest.fail(f"CI must run the browser tests, but there is no {CHROMIUM}")
        pytest.skip(f"no {CHROMIUM}; `apt-get install chromium fonts-noto-cjk`")
    with sync_playwright() as playwright:
        found = playwright.chromium.launch(executable_path=CHROMIUM, args=OPTIONS, headless=True)
        yield found
        found.close()


@pytest.fixture(scope="package")
def index_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the first start puts the index; whole once ``first_start`` is through."""
    return tmp_path_factory.mktemp("served") / "index"


@pytest.fixture(scope="package")
def url(browser: Browser, index_folder: Path) -> Iterator[str]:
    """The address of a server that has just been started without an index."""
    assert browser.is_connected()
    with serving(index_folder) as address:
        yield address


@pytest.fixture(scope="package")
def first_start(browser: Browser, url: str) -> list[str]:
    """What the status line said from the first visit until questions could be asked."""
    context = browser.new_context(locale="ja-JP")
    page = context.new_page()
    page.goto(url)
    said: list[str] = []
    deadline = time.monotonic() + 240
    while time.monotonic() < deadline:
        enabled = page.locator(BOX).is_enabled()
        said.append(page.locator("#status .status").inner_text())
        if enabled:
            break
        page.wait_for_timeout(150)
    context.close()
    return said


@pytest.fixture
def session(browser: Browser, first_start: list[str]) -> Iterator[Session]:
    assert first_start
    context = browser.new_context(
        viewport={"width": 1440, "height": 900}, locale="ja-JP", color_scheme="light"
    )
    context.set_default_timeout(15_000)
    yield Session(context)
    context.close()


@pytest.fixture
def page(session: Session, url: str) -> Page:
    opened = session.open(url)
    expect(opened.locator(BOX)).to_be_enabled(timeout=30_000)
    return opened
