"""English for a browser set to English; what is asked, answered and quoted stays Japanese."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.e2e.browser import BOX, LIST_QUESTION, OFF_TOPIC, Session, ask
from tests.e2e.screens import CASE, COMPARED

pytestmark = pytest.mark.e2e

JAPANESE = re.compile(r"[\u3040-\u30ff\u4e00-\u9fff]")
NAMED = re.compile(r"(?:北海道|東京都|(?:大阪|京都)府|[一-龥]{2,3}県)[一-龥ぁ-ん]*|「.*?」")
"""Names of places in choices and counts are not translated, nor what is quoted as an example."""
SAID = """() => {
  const told = [];
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const parent = walker.currentNode.parentElement;
    if (parent.closest('[lang="ja"], script, style')) continue;
    if (parent.checkVisibility()) told.push(walker.currentNode.data.trim());
  }
  for (const name of ["title", "aria-label", "placeholder"]) {
    for (const element of document.querySelectorAll(`[${name}]`)) {
      if (element.checkVisibility() && element.lang !== "ja") told.push(element.getAttribute(name));
    }
  }
  return told.filter(Boolean);
}"""


@pytest.fixture
def english(browser: Browser, url: str, first_start: list[str]) -> Iterator[Page]:
    assert first_start
    context = browser.new_context(locale="en-US", viewport={"width": 1440, "height": 900})
    context.set_default_timeout(30_000)
    page = Session(context).open(url)
    expect(page.locator(BOX)).to_be_enabled(timeout=30_000)
    yield page
    context.close()


def japanese(page: Page) -> list[str]:
    """What of the page's own can be seen or heard and is Japanese."""
    told = page.evaluate(SAID)
    assert len(told) > 20
    return [text for text in told if JAPANESE.search(NAMED.sub("", text))]


def test_the_chat_is_english_and_its_answers_are_not(english: Page) -> None:
    expect(english.locator("html")).to_have_attribute("lang", "en")
    expect(english).to_have_title("Local-government DX cases: Q&A")
    expect(english.locator("#room-chat-button")).to_have_text("Ask")
    expect(english.locator(BOX)).to_have_attribute("placeholder", "Type a question in Japanese")
    expect(english.locator("#status")).to_contain_text("Held: cases of 11 municipalities")
    expect(english.locator("#filter-population label").first).to_have_text("under 10,000")
    assert japanese(english) == []
    ask(english, LIST_QUESTION)
    expect(english.locator("#answer-1 .said")).to_contain_text("都城市")
    expect(english.locator("#answer-1 .said")).to_have_attribute("lang", "ja")
    expect(english.locator("#answer-1 .footing")).to_contain_text(
        re.compile("Confidence:\\s(high|medium|rather low).*passages cited: \\d")
    )
    expect(english.locator("#answer-1 a.cite").first).to_have_attribute("title", "See passage 1")
    assert japanese(english) == []
    ask(english, OFF_TOPIC)
    expect(english.locator("#answer-2 .verdict")).to_have_text("The documents do not say")
    expect(english.locator("#answer-2 .act-delete")).to_have_text("Delete")
    english.locator("#filter-kind label").get_by_text("Town").click()
    expect(english.locator("#chips .chip")).to_contain_text("Kind: Town")
    ask(english, "人口5万人以下で外部人材を活用している自治体は？")
    ask(english, "担当課の電話番号は？")
    ask(english, "都城市と西会津町の推進体制を比べて")
    assert japanese(english) == []


def test_errors_and_notices_are_english(english: Page) -> None:
    english.click("#send")
    expect(english.locator("#chat .reply.error").last).to_contain_text("The question is empty")
    english.fill(BOX, "長" * 2001)
    english.click("#send")
    expect(english.locator("#chat .reply.error").last).to_contain_text(
        "The question is too long (2,001 characters). Keep it within 2,000."
    )
    english.fill(BOX, "")
    english.click("#save summary")
    english.click('[data-save="markdown"]')
    expect(english.get_by_text("There is no answer to save yet")).to_be_visible()
    assert japanese(english) == []
    ask(english, LIST_QUESTION)
    english.get_by_role("button", name="Dislike").last.click()
    expect(english.locator("#rating")).to_contain_text("What was not good about it?")
    english.get_by_label("It misses the question").check()
    english.click("#send-reason")
    expect(english.locator(".toast-wrap")).to_contain_text("Thank you")
    assert japanese(english) == []


def test_the_tab_of_cases_is_english(english: Page) -> None:
    english.get_by_role("tab", name="Cases").click()
    expect(english.locator("#case-count")).to_have_text("11 cases")
    card = english.locator(f'.case[data-name="{CASE}"]')
    expect(card.locator(".facts")).to_have_text("Town, population 6,000")
    assert japanese(english) == []
    english.get_by_role("button", name="福島 2").click()
    expect(english.locator("#case-count")).to_have_text("福島県: 2 of 11 cases")
    card.locator(".open-case").click()
    expect(english.locator("#case-view table.case-table th").first).to_have_text("Summary")
    assert japanese(english) == []
    english.click("#back-to-cases")
    english.click("#case-reset")
    for name in COMPARED:
        english.locator(f'.case[data-name="{name}"] .pick-case').check()
    expect(english.locator("#tray-told")).to_have_text("2 selected. You can select up to 5.")
    assert japanese(english) == []
    english.click("#compare-cases")
    expect(english.locator("#case-view table.comparison")).to_be_visible()
    assert japanese(english) == []


def test_the_tab_of_documents_is_english(english: Page, tmp_path: Path) -> None:
    ask(english, OFF_TOPIC)
    english.get_by_role("tab", name="Documents").click()
    expect(english.locator("#holdings h2")).to_have_text("What the search uses")
    assert japanese(english) == []
    english.click("#show-feedback")
    expect(english.locator("#feedback table")).to_be_visible()
    english.click("#erase-feedback")
    expect(english.locator("#erasing")).to_contain_text("cannot be undone")
    assert japanese(english) == []
    english.click("#erase-not")
    (tmp_path / "empty.txt").write_bytes(b"")
    (tmp_path / "large.txt").write_bytes(b"a" * (5 * 2**20 + 1))
    with english.expect_file_chooser() as chooser:
        english.click("#upload")
    chooser.value.set_files([tmp_path / "empty.txt", tmp_path / "large.txt"])
    expect(english.locator("#outcome .fault")).to_have_text("empty.txt: the file is empty.")
    expect(english.locator("#too-large")).to_contain_text("large.txt: too large (5.0 MB).")
    assert japanese(english) == []
