"""Conversations that the browser keeps, and those that are taken along."""

import io
import json
import zipfile
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.e2e.browser import BOX, LIST_QUESTION, OFF_TOPIC, Session, ask

pytestmark = pytest.mark.e2e

FUKUSHIMA = "福島県のアドバイザー派遣の満足度は？"
KOBE = "神戸市の事例を教えて"


@pytest.fixture
def two(page: Page) -> Page:
    """A page with two conversations behind it, the newer one on screen."""
    ask(page, LIST_QUESTION)
    ask(page, FUKUSHIMA)
    page.click("#clear")
    expect(page.locator("#chat .asked")).to_have_count(0)
    ask(page, KOBE)
    expect(page.locator("#history-list li")).to_have_count(2)
    return page


def test_conversations_outlive_the_page_and_are_opened_again(
    two: Page, session: Session, url: str
) -> None:
    two.close()
    page = session.open(url)
    expect(page.locator(BOX)).to_be_enabled(timeout=30_000)
    expect(page.locator("#history-list .open")).to_contain_text([KOBE, LIST_QUESTION])
    page.locator("#history-list .open").nth(1).click()
    expect(page.locator("#chat .asked")).to_have_text([LIST_QUESTION, FUKUSHIMA])
    expect(page.locator("#answer-2")).to_contain_text("95%")
    page.locator("#answer-1 a.cite").first.click()
    expect(page.locator("#panel .card.active h3")).to_contain_text("都城市")
    expect(page.locator("#notice")).to_be_empty()
    ask(page, "では人口は？")
    expect(page.locator("#history-list li")).to_have_count(2)


def test_an_answer_that_is_no_longer_the_same_is_told(two: Page) -> None:
    two.evaluate(
        """() => {
          const kept = JSON.parse(localStorage.getItem("dxqa-conversations"));
          kept[0].turns[0].text = "昔の回答";
          localStorage.setItem("dxqa-conversations", JSON.stringify(kept));
        }"""
    )
    two.reload()
    expect(two.locator(BOX)).to_be_enabled(timeout=30_000)
    two.locator("#history-list .open").first.click()
    expect(two.locator("#notice")).to_contain_text("1件の回答が前回と違います")


def test_conversations_are_searched_by_what_was_answered(two: Page) -> None:
    two.fill("#history-search", "満足度 95")
    expect(two.locator("#history-list .open")).to_contain_text([LIST_QUESTION])
    two.fill("#history-search", "どこにもない言葉")
    expect(two.locator("#history-list li")).to_have_count(0)
    expect(two.locator("#history-told")).to_have_text("見つかりません。")


def test_a_conversation_is_renamed(two: Page) -> None:
    two.locator("#history-list li").first.get_by_text("名前を変更").click()
    two.keyboard.type("<b>町長への説明</b>")
    two.keyboard.press("Enter")
    expect(two.locator("#history-list .open").first).to_contain_text("<b>町長への説明</b>")
    ask(two, "では人口は？")
    expect(two.locator("#history-list .open").first).to_contain_text("町長への説明")


def test_a_conversation_is_deleted_by_a_second_press(two: Page) -> None:
    delete = two.locator("#history-list li").nth(1).locator(".tools button").nth(1)
    delete.click()
    expect(delete).to_have_text("削除しますか？")
    delete.click()
    expect(two.locator("#history-list li")).to_have_count(1)
    expect(two.locator("#chat .asked")).to_have_text(KOBE)


def test_deleting_the_open_conversation_clears_the_page(two: Page) -> None:
    delete = two.locator("#history-list li").first.locator(".tools button").nth(1)
    delete.click()
    delete.click()
    expect(two.locator("#chat .asked")).to_have_count(0)
    expect(two.locator("#history-list li")).to_have_count(1)


def test_all_conversations_are_deleted_by_a_second_press(two: Page) -> None:
    two.fill("#history-search", "満足度 95")
    expect(two.locator("#history-erase button")).to_have_count(0)  # all would not be those found
    two.fill("#history-search", "")
    erase = two.locator("#history-erase button")
    expect(erase).to_have_text("すべて削除")
    erase.click()
    expect(erase).to_have_text("すべての会話を削除しますか？")
    two.locator("#history-search").click()  # a second thought
    expect(erase).to_have_text("すべて削除")
    erase.click()
    erase.click()
    expect(two.locator("#history-list li")).to_have_count(0)
    expect(two.locator("#history-told")).to_have_text("まだありません。")
    expect(two.locator("#chat .asked")).to_have_count(0)
    assert two.evaluate("localStorage.getItem('dxqa-conversations')") == "[]"


@pytest.mark.parametrize("form", ["markdown", "json", "word"])
def test_a_conversation_is_saved_with_its_sources(page: Page, form: str, tmp_path: Path) -> None:
    ask(page, LIST_QUESTION)
    ask(page, FUKUSHIMA)
    ask(page, OFF_TOPIC)
    page.click("#save summary")
    with page.expect_download() as waiting:
        page.click(f'[data-save="{form}"]')
    path = tmp_path / waiting.value.suggested_filename
    waiting.value.save_as(path)
    told = read(path)
    for expected in (LIST_QUESTION, FUKUSHIMA, OFF_TOPIC, "cases/miyakonojo.md", "95%"):
        assert expected in told, expected


def read(path: Path) -> str:
    content = path.read_bytes()
    if path.suffix == ".docx":
        with zipfile.ZipFile(io.BytesIO(content)) as word:
            return word.read("word/document.xml").decode("utf-8")
    text = content.decode("utf-8")
    return json.dumps(json.loads(text), ensure_ascii=False) if path.suffix == ".json" else text


def test_nothing_to_save_is_said(page: Page) -> None:
    page.click("#save summary")
    page.click('[data-save="markdown"]')
    expect(page.get_by_text("保存する回答がまだありません")).to_be_visible()
