"""事例 in a real browser: map, filters, a case opened, cases compared and saved."""

import base64
import csv
import io
import re
from pathlib import Path

import docx
import pytest
from playwright.sync_api import Page, expect

from tests.e2e.browser import SIZES, Session, contrast
from tests.e2e.screens import show_at

pytestmark = pytest.mark.e2e

UNSAID = "資料に記載がありません。"
NAMES = ["宮崎県都城市", "山形県酒田市", "福島県西会津町"]


@pytest.fixture
def cases(page: Page) -> Page:
    page.get_by_role("tab", name="事例").click()
    expect(page.locator("#cases .case")).to_have_count(11)
    return page


def shown(page: Page) -> set[str]:
    """The names of the cards to be seen."""
    names = page.locator("#cases .case:visible").evaluate_all("all => all.map(e => e.dataset.name)")
    return set(names)


def pick(page: Page, name: str) -> None:
    page.locator(f'.case[data-name="{name}"] .pick-case').check()


def compare(page: Page) -> None:
    for name in NAMES:
        pick(page, name)
    page.click("#compare-cases")
    expect(page.locator("#case-view table.comparison")).to_be_visible()


def open_case(page: Page, name: str) -> None:
    page.locator(f'.case[data-name="{name}"] .open-case').click()
    expect(page.locator("#case-view h2").first).to_have_text(f"{name}の事例")
    expect(page.locator("#case-view table.case-table")).to_be_visible()


def test_a_card_tells_what_a_case_is_and_where_that_stands(cases: Page) -> None:
    card = cases.locator('.case[data-name="福島県西会津町"]')
    expect(card.locator(".facts")).to_have_text("町　人口 6,000人")
    expect(card.locator(".summary")).to_contain_text("最高デジタル責任者")
    expect(card.locator(".where-from")).to_contain_text("nishiaizu.md")
    expect(card.locator(".aspects li").first).to_have_text("体制")
    expect(cases.locator('.case[data-name="山形県舟形町"] .facts')).to_contain_text(
        "人口の記載なし"
    )


def test_a_prefecture_on_the_map_filters_the_cards(cases: Page) -> None:
    assert cases.locator(".tilemap .tile").count() == 47
    tile = cases.get_by_role("button", name="福島 2件")
    expect(tile).to_contain_text("2件")
    tile.click()
    assert shown(cases) == {"福島県", "福島県西会津町"}
    expect(tile).to_have_attribute("aria-pressed", "true")
    expect(cases.locator("#case-count")).to_have_text("福島県の事例 2件（全11件）")
    tile.click()
    assert len(shown(cases)) == 11


def test_words_and_kind_filter_and_are_taken_back(cases: Page) -> None:
    cases.fill("#case-words", "ｄｘ　本部")
    assert "福井県あわら市" in shown(cases)
    assert "大分県" not in shown(cases)
    cases.fill("#case-words", "")
    cases.select_option("#case-kind", "町")
    assert shown(cases) == {"山形県舟形町", "埼玉県上里町", "福島県西会津町"}
    cases.fill("#case-words", "存在しない言葉")
    expect(cases.locator("#cases-none")).to_be_visible()
    cases.click("#case-reset")
    assert len(shown(cases)) == 11


def test_words_that_no_case_holds_are_asked_in_the_chat(cases: Page) -> None:
    cases.fill("#case-words", "お年寄り向けスマホ")
    cases.click("#ask-words")
    expect(cases.locator("#chat .asked")).to_have_text("お年寄り向けスマホの事例を教えて")
    expect(cases.locator("#chat .footing")).to_be_visible()


def test_a_case_opens_with_every_aspect_cited_or_said_to_be_missing(cases: Page) -> None:
    open_case(cases, "宮崎県都城市")
    rows = cases.locator("#case-view .case-table tr")
    told = dict(
        rows.evaluate_all("all => all.map(r => [r.cells[0].innerText, r.cells[1].innerText])")
    )
    assert {"概要", "体制", "取り組み", "財源", "成果", "今後", "連絡先"} <= set(told)
    assert all(UNSAID in text or re.search(r"\[\d+\]", text) for text in told.values())
    assert told["今後"] == UNSAID


def test_a_number_leads_to_the_passage_with_its_quote_marked(cases: Page) -> None:
    open_case(cases, "宮崎県都城市")
    cases.locator("#case-view a.cite", has_text="[5]").click()
    card = cases.locator("#case-view .card.active")
    expect(card).to_have_count(1)
    expect(card.locator("mark.active")).to_have_text(re.compile("関連予算が大幅に拡充"))
    expect(card).to_be_in_viewport()


def test_back_leads_to_the_list_as_it_was(cases: Page) -> None:
    cases.get_by_role("button", name="山形 2件").click()
    open_case(cases, "山形県酒田市")
    cases.click("#back-to-cases")
    assert shown(cases) == {"山形県酒田市", "山形県舟形町"}
    expect(cases.locator('.case[data-name="山形県酒田市"] .open-case')).to_be_focused()
    open_case(cases, "山形県酒田市")


def test_two_to_five_cases_are_compared(cases: Page) -> None:
    pick(cases, NAMES[0])
    expect(cases.locator("#compare-cases")).to_be_disabled()
    for name in [*NAMES[1:], "大分県", "愛媛県"]:
        pick(cases, name)
    expect(cases.locator('.case[data-name="福島県"] .pick-case')).to_be_disabled()
    expect(cases.locator("#tray-told")).to_contain_text("これ以上は選べません")
    cases.click("#compare-cases")
    table = cases.locator("#case-view table.comparison")
    expect(table.locator("thead th")).to_have_count(6)
    cells = table.locator("tbody td").all_inner_texts()
    assert len(cells) >= 5 * 5
    assert all(UNSAID in cell or re.search(r"\[\d+\]", cell) for cell in cells)


def test_a_comparison_is_saved_as_csv_and_word(cases: Page, tmp_path: Path) -> None:
    compare(cases)
    with cases.expect_download() as csv_file:
        cases.get_by_role("link", name="CSVで保存").click()
    assert csv_file.value.suggested_filename.endswith("の比較.csv")
    csv_file.value.save_as(tmp_path / "saved.csv")
    rows = list(csv.reader(io.StringIO((tmp_path / "saved.csv").read_text("utf-8-sig"))))
    assert [row[0] for row in rows[1:4]] == NAMES
    with cases.expect_download() as word_file:
        cases.get_by_role("link", name="Wordで保存").click()
    word_file.value.save_as(tmp_path / "saved.docx")
    table = docx.Document(str(tmp_path / "saved.docx")).tables[0]
    assert [row.cells[0].text for row in table.rows[1:]] == NAMES


def test_the_whole_way_by_keyboard(cases: Page) -> None:
    tile = cases.get_by_role("button", name="宮崎 1件")
    tile.focus()
    cases.keyboard.press("Enter")
    assert shown(cases) == {"宮崎県都城市"}
    cases.keyboard.press("Tab")
    expect(cases.locator("#case-words")).to_be_focused()
    opener = cases.locator(".case:visible .open-case")
    for _ in range(4):
        cases.keyboard.press("Tab")
        if opener.evaluate("e => e === document.activeElement"):
            break
    expect(opener).to_be_focused()
    cases.keyboard.press("Enter")
    expect(cases.locator("#case-view h2").first).to_be_focused()
    cases.keyboard.press("Shift+Tab")
    expect(cases.locator("#back-to-cases")).to_be_focused()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("size", SIZES)
def test_cases_fit_and_are_legible(page: Page, size: str, scheme: str) -> None:
    width, _ = SIZES[size]
    show_at(page, size, scheme)
    page.get_by_role("tab", name="事例").click()
    expect(page.locator("#cases .case")).to_have_count(11)
    for text in (".tile", "button.tile", ".case .facts", ".case .summary", ".aspects li"):
        assert contrast(page, f"#cases {text}") >= 4.5, text
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    compare(page)
    for text in ("thead th", "td p", ".unsaid", "a.cite") if size != "narrow" else (".unsaid",):
        assert contrast(page, f"#case-view .comparison {text}") >= 4.5, text
    assert page.evaluate("document.documentElement.scrollWidth") <= width


def test_nothing_is_asked_of_another_host_and_no_error_logged(
    cases: Page, session: Session, url: str
) -> None:
    open_case(cases, "福島県")
    cases.click("#back-to-cases")
    compare(cases)
    link = cases.get_by_role("link", name="CSVで保存").get_attribute("href") or ""
    assert base64.b64decode(link.partition("base64,")[2]).startswith(b"\xef\xbb\xbf")
    assert {r for r in session.requests if not r.startswith((url, "data:", "blob:"))} == set()
    assert session.errors == []
