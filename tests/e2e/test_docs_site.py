"""The documentation opened from a folder, as in an office without internet."""

from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

pytestmark = pytest.mark.e2e


@pytest.mark.parametrize("words", ["書かない窓口", "citations"])
def test_search_without_a_server(browser: Browser, site: Path, words: str) -> None:
    page = browser.new_page()
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.goto((site / "index.html").as_uri())
    box = page.get_by_role("textbox", name="Search")
    box.fill(words)
    box.press("End")  # the page listens to keys
    found = page.locator(".md-search-result__item")
    expect(found.first).to_be_visible(timeout=60_000)
    found.first.locator("a").first.click()
    expect(page.locator("article h1").first).to_be_visible()
    page.close()
    assert [url for url in asked if not url.startswith(("file:", "data:", "blob:", "about:"))] == []
