"""Asks the page a question in a real browser, and prints the answer and all that it fetched.

``python -m tests.heavy.asking_page URL QUESTION``; run by itself inside the network of a server.
"""

import json
import sys

from playwright.sync_api import expect, sync_playwright

from tests.e2e.browser import BOX, Session, ask
from tests.e2e.conftest import CHROMIUM, OPTIONS

_PATIENCE_MS = 120_000  # it is slow while it is recorded


def main(url: str, question: str) -> None:
    """Print the answer's text, the addresses and the errors as JSON."""
    expect.set_options(timeout=_PATIENCE_MS)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=OPTIONS)
        session = Session(browser.new_context(locale="ja-JP"))
        session.context.set_default_timeout(_PATIENCE_MS)
        page = session.open(url)
        expect(page.locator(BOX)).to_be_enabled()
        ask(page, question)
        answer = page.locator("#chat").inner_text()
        for tab in ("事例", "資料"):
            page.get_by_role("tab", name=tab).click()
            page.wait_for_timeout(500)
        browser.close()
    told = {"answer": answer, "requests": session.requests, "errors": session.errors}
    sys.stdout.write(json.dumps(told))


if __name__ == "__main__":
    main(*sys.argv[1:])
