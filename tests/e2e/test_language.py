"""English for a browser set to English; what is asked, answered and quoted stays Japanese."""

import re

import pytest
from playwright.sync_api import Browser, expect

from tests.e2e.browser import BOX, LIST_QUESTION, OFF_TOPIC, ask

pytestmark = pytest.mark.e2e

JAPANESE = re.compile(r"[\u3040-\u30ff\u4e00-\u9fff]")


def test_an_english_browser_gets_an_english_interface(
    browser: Browser, url: str, first_start: list[str]
) -> None:
    assert first_start
    context = browser.new_context(locale="en-US", viewport={"width": 1440, "height": 900})
    page = context.new_page()
    page.goto(url)
    expect(page.locator(BOX)).to_be_enabled(timeout=30_000)
    expect(page.locator("html")).to_have_attribute("lang", "en")
    expect(page.locator("#room-chat-button")).to_have_text("Ask")
    expect(page.locator("#send")).to_have_text("Send")
    expect(page.locator(BOX)).to_have_attribute("placeholder", "Type a question in Japanese")
    ask(page, LIST_QUESTION)
    ask(page, OFF_TOPIC)
    expect(page.locator("#answer-2 .act-delete")).to_have_text("Delete")
    expect(page.locator("#answer-1")).to_contain_text("都城市")
    expect(page.locator("#answer-1")).to_have_attribute("lang", "ja")
    words = page.locator(".say").all_inner_texts()
    assert len(words) > 20
    assert [word for word in words if JAPANESE.search(word)] == []
    context.close()
