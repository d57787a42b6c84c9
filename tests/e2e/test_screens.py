"""What holds for every screen: nothing leaves this machine, nothing is cut off; and pictures."""

import pytest
from playwright.sync_api import Page, expect

from tests.e2e.browser import BOX, ROOT, SIZES, Session, ask
from tests.e2e.screens import screens, show_at

pytestmark = pytest.mark.e2e

PICTURES = ROOT / "build/screens"


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("size", SIZES)
def test_every_screen_fits_and_asks_no_other_host(
    page: Page, session: Session, url: str, size: str, scheme: str
) -> None:
    PICTURES.mkdir(parents=True, exist_ok=True)
    show_at(page, size, scheme)
    session.errors.clear()  # reloading cuts off what the page waits for, and Gradio says so
    for name in screens(page):
        page.screenshot(path=PICTURES / f"{name}-{size}-{scheme}.png")
        assert page.evaluate("document.documentElement.scrollWidth") <= SIZES[size][0], name
    assert len(session.requests) > len(SIZES)
    assert {r for r in session.requests if not r.startswith((url, "data:", "blob:"))} == set()
    assert session.errors == []


def test_text_at_twice_its_size_leaves_all_to_be_used(page: Page) -> None:
    """Zooming to 200 % halves the pixels that the layout has, at twice the device's pixels."""
    width, height = (side // 2 for side in SIZES["wide"])
    page.set_viewport_size({"width": width, "height": height})
    page.reload()
    expect(page.locator(BOX)).to_be_enabled(timeout=30_000)
    for name in screens(page):
        assert page.evaluate("document.documentElement.scrollWidth") <= width, name
    page.get_by_role("tab", name="質問").click()
    ask(page, "都城市の推進体制は？")
    page.fill(BOX, "西会津町の推進体制は？")
    page.locator("#send").scroll_into_view_if_needed()
    expect(page.locator("#send")).to_be_in_viewport(ratio=1)
    page.click("#send")
    expect(page.locator("#chat .footing")).to_have_count(3)
    expect(page.locator('#panel .turn.shown[data-turn="3"]')).to_be_visible()
    page.locator("#chat a.cite").last.click()
    expect(page.locator("#panel .card.active mark.active").first).to_be_in_viewport()


def test_larger_letters_alone_leave_all_to_be_used(page: Page) -> None:
    """As where only the browser's letters are made larger, not the page."""
    page.add_style_tag(content="html { font-size: 200% !important; }")
    ask(page, "都城市の推進体制は？")
    assert page.evaluate("document.documentElement.scrollWidth") <= SIZES["wide"][0]
    page.locator("#send").scroll_into_view_if_needed()
    expect(page.locator("#send")).to_be_in_viewport(ratio=1)
    expect(page.locator("#chat a.cite").first).to_be_visible()
