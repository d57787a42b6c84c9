"""Every screen of the page, one after another, for tests that hold for all of them."""

from collections.abc import Iterator

from playwright.sync_api import Page, expect

from tests.e2e.browser import BOX, OFF_TOPIC, SIZES, ask

COMPARED = ("宮崎県都城市", "山形県酒田市")
CASE = "福島県西会津町"


def show_at(page: Page, size: str, scheme: str) -> None:
    """Open the page anew, as large as that and light or dark."""
    width, height = SIZES[size]
    page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
    page.set_viewport_size({"width": width, "height": height})
    url = page.url
    page.goto("about:blank")  # what the page still asks for ends here, not in the next one
    page.wait_for_timeout(1000)
    page.goto(url)
    expect(page.locator(BOX)).to_be_enabled(timeout=30_000)


def screens(page: Page) -> Iterator[str]:
    """Go through all tabs; yield the name of each screen while it is shown."""
    page.wait_for_timeout(1000)  # the button's colour changes by degrees when it comes alive
    yield "chat-empty"
    yield from _answers(page)
    page.get_by_role("tab", name="事例").click()
    expect(page.locator("#cases .case").first).to_be_visible()
    yield "cases"
    yield from _opened_cases(page)
    page.get_by_role("tab", name="資料").click()
    expect(page.locator("#holdings h2")).to_be_visible()
    page.click("#show-feedback")
    expect(page.locator("#feedback p").first).to_be_visible()
    yield "documents"


def _answers(page: Page) -> Iterator[str]:
    questions = {
        "answered": "市長が最高デジタル責任者を務めている市は？",
        "compared": "都城市と西会津町の推進体制を比べて",
        "card": "神戸市の事例を教えて",
        "filtered": "人口5万人以下で外部人材を活用している自治体は？",
        "declined": OFF_TOPIC,
        "ambiguous": "担当課の電話番号は？",
    }
    for name, question in questions.items():
        if page.locator("#chat .footing").count():
            page.click("#clear")
            expect(page.locator("#chat .footing")).to_have_count(0)
        expect(page.locator("#chat .example").first).to_be_visible()
        ask(page, question)
        expect(page.locator("#send")).to_be_visible()
        yield f"chat-{name}"


def _opened_cases(page: Page) -> Iterator[str]:
    page.locator(f'.case[data-name="{CASE}"] .open-case').click()
    expect(page.locator("#case-view table.case-table")).to_be_visible()
    yield "case"
    page.click("#back-to-cases")
    for name in COMPARED:
        page.locator(f'.case[data-name="{name}"] .pick-case').check()
    expect(page.locator("#compare-cases")).to_be_enabled()
    page.wait_for_timeout(500)  # its colour changes by degrees
    yield "cases-picked"
    page.click("#compare-cases")
    expect(page.locator("#case-view table.comparison")).to_be_visible()
    yield "comparison"
