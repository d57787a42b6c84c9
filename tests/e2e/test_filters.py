"""Filters beside the chat, on a wide page and in the drawer of a narrow one."""

import pytest
from playwright.sync_api import Page, expect

from tests.e2e.browser import BOX, ask

pytestmark = pytest.mark.e2e

QUESTION = "外部の人材を活用している自治体を教えて"


def test_filters_come_from_the_index_and_narrow_the_answer(page: Page) -> None:
    kinds = page.locator("#filter-kind label")
    expect(kinds).to_have_text(["都道府県", "市", "町"])
    ask(page, QUESTION)
    expect(page.locator("#answer-1 .case")).to_contain_text(["都城市"])
    kinds.get_by_text("町", exact=True).click()
    expect(page.locator("#chips")).to_contain_text("種別：町")
    ask(page, QUESTION)
    answer = page.locator("#answer-2")
    expect(answer.locator(".chip.set")).to_have_text("種別：町")
    for case in answer.locator(".case").all_inner_texts():
        assert case.endswith("町"), case


def test_a_chip_takes_its_filter_away(page: Page) -> None:
    page.locator("#filter-population label").get_by_text("1万人未満").click()
    page.locator("#filter-kind label").get_by_text("市", exact=True).click()
    expect(page.locator("#chips .chip")).to_have_count(2)
    page.locator("#chips .chip", has_text="1万人未満").click()
    expect(page.locator("#chips .chip")).to_have_count(1)
    expect(page.locator("#filter-population input:checked")).to_have_count(0)
    expect(page.locator("#filter-kind input:checked")).to_have_count(1)


def test_a_prefecture_is_chosen_from_those_held(page: Page) -> None:
    page.locator("#filter-prefecture input").click()
    options = page.get_by_role("option").all_inner_texts()
    assert len(options) == 9
    page.get_by_role("option", name="宮崎県").click()
    expect(page.locator("#chips")).to_contain_text("都道府県：宮崎県")
    ask(page, QUESTION)
    expect(page.locator("#chat .case")).to_have_text("宮崎県都城市")


def test_a_declined_answer_under_a_filter_can_be_asked_without(page: Page) -> None:
    page.locator("#filter-kind label").get_by_text("町", exact=True).click()
    ask(page, "都城市の成果は？")
    expect(page.locator("#chat .reply.declined")).to_have_count(1)
    page.locator("#chat .act-unfilter").click()
    expect(page.locator("#chat .reply a.cite").first).to_be_visible()
    expect(page.locator("#chat .reply")).to_have_count(1)


def test_the_drawer_opens_and_closes_by_keyboard(page: Page) -> None:
    page.set_viewport_size({"width": 390, "height": 844})
    expect(page.locator("#side")).to_be_hidden()
    page.focus("#open-side")
    page.keyboard.press("Enter")
    expect(page.locator("#side")).to_be_visible()
    page.locator("#filter-kind label").get_by_text("町", exact=True).click()
    page.keyboard.press("Escape")
    expect(page.locator("#side")).to_be_hidden()
    expect(page.locator("#chips")).to_contain_text("種別：町")
    expect(page.locator(BOX)).to_be_visible()
