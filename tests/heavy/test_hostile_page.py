"""179 payloads in every place of a corpus, on every screen of the real page in a real browser.

None may run, none may be asked for, and none may stand where it could. That the same watch sees
them where they do run is shown first, on a page that takes no care.
"""

import contextlib
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Error, Page, sync_playwright

from dxqa import Index
from dxqa.web.feedback import Feedback
from dxqa.web.loading import State
from dxqa.web.options import ServeOptions
from dxqa.web.page import Page as Served
from dxqa.web.server import app_options, launch_options
from tests.conftest import HashEncoder
from tests.e2e.conftest import CHROMIUM, OPTIONS
from tests.heavy import hostile_corpus as corpus
from tests.heavy import hostile_screens as steps
from tests.heavy.careless import Beacon, ways
from tests.heavy.hostile_screens import Screens, Site
from tests.payloads import PAYLOADS, payload
from tests.served import free_port
from tests.watch import Watch, live, poke

pytestmark = [
    pytest.mark.heavy,
    # Gradio counts events with pandas, and pandas has deprecated how.
    pytest.mark.filterwarnings("ignore:.*no_silent_downcasting"),
]

BATCH = 60
"""Payloads in one corpus: of so many municipalities, a declined answer lists all."""


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
    # One page for all: closing one that is being led away hangs now and then.
    page = watch.context.new_page()
    seen_live = {n for n in range(len(PAYLOADS)) if _runs(watch, page, beacon.url, n)}
    ran = set(watch.ran) & set(range(len(PAYLOADS)))
    quiet = sorted(set(range(len(PAYLOADS))) - ran)
    sys.stdout.write(f"{len(ran)} of {len(PAYLOADS)} ran, {len(seen_live)} seen where they could\n")
    sys.stdout.writelines(f"did not run: {PAYLOADS[number]!r}\n" for number in quiet)
    assert len(ran) >= 168
    assert len(seen_live | ran) >= 170


def _runs(watch: Watch, page: Page, url: str, number: int) -> bool:
    """Try a payload in one careless way after the other until it runs; say whether it was seen."""
    seen = False
    for context in ways(number):
        with contextlib.suppress(Error):  # some lead away before the page is there
            page.goto(f"{url}/{context}/{number}", wait_until="load", timeout=5_000)
        seen = seen or bool(live(page))
        if number not in watch.ran:
            poke(page)
            page.wait_for_timeout(15)
        if number in watch.ran:
            break
    return seen


BATCHES = [range(at, min(at + BATCH, len(PAYLOADS))) for at in range(0, len(PAYLOADS), BATCH)]


@pytest.fixture(params=BATCHES, ids=str)
def site(request: pytest.FixtureRequest, beacon: Beacon, tmp_path: Path) -> Iterator[Site]:
    payloads = {number: payload(number, beacon.url) for number in request.param}
    folder = tmp_path / "corpus"
    folder.mkdir()
    corpus.write(folder, payloads)
    options = ServeOptions(corpus=folder, index=tmp_path / "index")
    served = Served(options)
    served.loader._index = Index.build(folder, encoder=HashEncoder())
    served.loader.state = State("ready")
    _keep_feedback(served, payloads)
    _, url, _ = served.blocks.launch(
        server_name="127.0.0.1",
        server_port=free_port(),
        **launch_options(options),
        app_kwargs=app_options(served.loader, options),
    )
    yield Site(url, payloads, served)
    served.blocks.close(verbose=False)


def _keep_feedback(served: Served, payloads: dict[int, str]) -> None:
    store = served.journal.store
    assert store is not None
    for number, told in payloads.items():
        feedback = Feedback("down", told, (told,), told, told, told, 0.5, told, (told,))
        store.keep(feedback, turn=str(number))


def test_no_payload_runs_on_any_screen(watch: Watch, site: Site, tmp_path: Path) -> None:
    screens = Screens(watch, site)
    steps.in_the_chat(screens)
    steps.exports(screens, tmp_path)
    steps.by_links(screens)
    steps.in_the_cases(screens)
    steps.in_the_documents(screens, tmp_path)
    sys.stdout.write(f"{len(site.payloads)} payloads, looked for: {screens.looked}\n")
    assert watch.ran == {}
    assert watch.violations == []
    assert watch.errors == []
