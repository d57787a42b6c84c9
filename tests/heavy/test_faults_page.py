"""What a reader sees on the page, in a real browser, while something is broken."""

import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright

from dxqa import Index
from tests.e2e.browser import BOX, ask
from tests.e2e.conftest import CHROMIUM, OPTIONS
from tests.models import save_static
from tests.served import ANSWER, ANSWERED, CORPUS, Served, served
from tests.test_faults import full
from tests.test_store import mounted

pytestmark = pytest.mark.heavy


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        found = playwright.chromium.launch(executable_path=CHROMIUM, args=OPTIONS, headless=True)
        yield found
        found.close()


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    model = save_static(tmp_path_factory.mktemp("model") / "small")
    disk = tmp_path_factory.mktemp("page") / "disk"
    with mounted(disk, "-t", "tmpfs", "-o", "size=24m", "tmpfs"):
        (disk / "corpus").mkdir()
        for name, text in CORPUS.items():
            (disk / "corpus" / name).write_text(text, "utf-8")
        Index.build(disk / "corpus", encoder=str(model), folder=disk / "index")
        with served(disk) as server:
            yield server


@pytest.fixture
def page(browser: Browser, server: Served) -> Iterator[Page]:
    context = browser.new_context(viewport={"width": 1440, "height": 900}, locale="ja-JP")
    context.set_default_timeout(30_000)
    page = context.new_page()
    page.goto(server.url)
    expect(page.locator(BOX)).to_be_enabled(timeout=60_000)
    yield page
    context.close()


def last(page: Page) -> str:
    return page.locator("#chat .reply").last.inner_text()


def test_an_index_that_is_gone_is_told_on_the_tab_and_made_again_there(
    server: Served, page: Page
) -> None:
    shutil.rmtree(server.index)
    ask(page, ANSWERED)
    assert ANSWER[:-1] in last(page)
    page.get_by_role("tab", name="資料").click()
    page.wait_for_timeout(3000)
    page.get_by_role("tab", name="質問").click()
    page.get_by_role("tab", name="資料").click()
    told = page.locator("#progress")
    expect(told).to_contain_text("索引がありません")
    expect(told).to_contain_text("これまでの資料でお答えを続けています")
    page.click("#build")
    expect(told).to_contain_text("検索に反映しました")


def test_a_full_disk_is_told_to_who_rates_and_to_who_uploads(
    server: Served, page: Page, tmp_path: Path
) -> None:
    path = tmp_path / "大きな文書.md"
    path.write_text("# 森田町\n\n" + "森田町は、電子入札を始めた。\n" * 5000, "utf-8")
    with full(server):
        ask(page, ANSWERED)
        assert ANSWER[:-1] in last(page)
        page.locator('#chat button[aria-label="いいね"], #chat button[title="Like"]').last.click()
        expect(page.locator("body")).to_contain_text("記録できませんでした")
        page.get_by_role("tab", name="資料").click()
        with page.expect_file_chooser() as chooser:
            page.click("#upload")
        chooser.value.set_files(path)
        expect(page.locator("body")).to_contain_text(re.compile("空きがないため|保存できません"))
    ask_again = page.get_by_role("tab", name="質問")
    ask_again.click()
    ask(page, ANSWERED)
    assert ANSWER[:-1] in last(page)
