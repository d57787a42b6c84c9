"""事例 with three hundred municipalities: found, filtered, opened and compared without waiting.

A cheap encoder makes the index: cards, filters and comparisons need no vectors.
"""

import re
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from dxqa import Index
from dxqa.japanese import PREFECTURES
from dxqa.web.loading import State
from dxqa.web.options import ServeOptions
from dxqa.web.page import Page as Served
from dxqa.web.server import launch_options
from tests.conftest import HashEncoder
from tests.e2e.browser import BOX, SIZES, Session
from tests.served import free_port

pytestmark = pytest.mark.e2e

COUNT = 300
QUICK_S = 1.0
SLOW_MACHINE = 3.0
"""How much slower than one's own a shared machine may be."""
CASE = """\
---
title: {name}：窓口のオンライン化
municipality: {name}
prefecture: {prefecture}
kind: {kind}
population: {population}
---

## 概要

{name}は、窓口の手続きをオンラインにした。

## 体制

{name}は、{office}を置いた。職員{staff}人が兼務する。

## 財源

{name}は、財源に{money}を充てた。

## 成果

{name}では、窓口の待ち時間が{minutes}分短くなった。
"""


def write_corpus(folder: Path) -> None:
    for number in range(COUNT):
        prefecture = list(PREFECTURES)[number % len(PREFECTURES)]
        kind = "市町村"[number % 3]
        name = f"{prefecture}{'あいうえおかきくけこ'[number // 47]}の里{kind}"
        told = CASE.format(
            name=name,
            prefecture=prefecture,
            kind=kind,
            population=3000 + number * 1000,
            office="情報戦略課" if number % 2 else "デジタル推進室",
            staff=2 + number % 9,
            money="ふるさと納税" if number % 50 == 7 else "一般財源",
            minutes=5 + number % 30,
        )
        (folder / f"case-{number:03}.md").write_text(told, "utf-8")


@pytest.fixture(scope="module")
def many(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a page over many cases."""
    assert browser.is_connected()
    folder = tmp_path_factory.mktemp("many")
    (folder / "corpus").mkdir()
    write_corpus(folder / "corpus")
    options = ServeOptions(corpus=folder / "corpus", index=folder / "index")
    served = Served(options)
    served.loader._index = Index.build(folder / "corpus", encoder=HashEncoder())
    served.loader.state = State("ready")
    _, url, _ = served.blocks.launch(
        server_name="127.0.0.1", server_port=free_port(), **launch_options(options)
    )
    yield url
    served.blocks.close(verbose=False)


@pytest.fixture
def cases(session: Session, many: str) -> Page:
    page = session.open(many)
    expect(page.locator(BOX)).to_be_enabled(timeout=30_000)
    start = time.perf_counter()
    page.get_by_role("tab", name="事例").click()
    expect(page.locator("#case-count")).to_have_text(f"{COUNT}件の事例")
    assert time.perf_counter() - start < QUICK_S * SLOW_MACHINE
    return page


def quick(page: Page, act: str, until: str) -> float:
    """Return how long it takes in the browser from an act until something holds, in seconds."""
    return float(
        page.evaluate(
            f"""async () => {{
              const start = performance.now();
              {act};
              while (!({until})) await new Promise((done) => requestAnimationFrame(done));
              return (performance.now() - start) / 1000;
            }}"""
        )
    )


TYPE = """
  const box = document.querySelector("#case-words");
  box.value = "{}";
  box.dispatchEvent(new Event("input", {{ bubbles: true }}))
"""
COUNTED = 'document.querySelector("#case-count").textContent.includes("{}")'


def test_words_are_found_in_the_sentences_of_cases(cases: Page) -> None:
    cases.fill("#case-words", "ふるさと納税")
    expect(cases.locator("#case-count")).to_have_text(f"事例 6件（全{COUNT}件）")
    expect(cases.locator("#case-matches")).to_have_text("一致する文 6か所")
    card = cases.locator("#cases .case:visible").first
    expect(card.locator(".matched")).to_contain_text("財源にふるさと納税を充てた")
    cases.fill("#case-words", "情報戦略課 ふるさと納税")
    expect(cases.locator("#case-matches")).to_have_text(re.compile(r"一致する文 \d+か所"))
    cases.fill("#case-words", "どこにもない言葉")
    expect(cases.locator("#cases-none")).to_be_visible()
    cases.click("#case-reset")
    expect(cases.locator("#case-count")).to_have_text(f"{COUNT}件の事例")
    expect(cases.locator("#cases .matched:visible")).to_have_count(0)


def test_many_cards_come_page_by_page(cases: Page) -> None:
    shown = cases.locator("#cases .case:visible")
    expect(shown).to_have_count(60)
    cases.click("#more-cases")
    expect(shown).to_have_count(120)
    expect(shown.nth(60).locator(".open-case")).to_be_focused()
    cases.select_option("#case-kind", "村")
    expect(shown).to_have_count(60)
    expect(cases.locator("#case-count")).to_have_text(f"事例 100件（全{COUNT}件）")


def test_nothing_makes_wait(cases: Page) -> None:
    took = {
        "words": quick(cases, TYPE.format("待ち時間が9分"), COUNTED.format("事例 10件")),
        "cleared": quick(cases, TYPE.format(""), COUNTED.format(f"{COUNT}件の事例")),
        "tile": quick(
            cases,
            "document.querySelector('.tile[data-prefecture=\"福島県\"]').click()",
            COUNTED.format("福島県の事例"),
        ),
        "opened": quick(
            cases,
            'document.querySelector(".case:not([hidden]) .open-case").click()',
            'document.querySelector("#case-view table.case-table")?.offsetParent',
        ),
    }
    cases.click("#back-to-cases")
    for box in cases.locator("#cases .case:visible .pick-case").all()[:5]:
        box.check()
    took["compared"] = quick(
        cases,
        'document.querySelector("#compare-cases").click()',
        'document.querySelector("#case-view table.comparison")?.offsetParent',
    )
    assert max(took.values()) < QUICK_S * SLOW_MACHINE, took


@pytest.mark.parametrize("size", SIZES)
def test_many_cases_fit(cases: Page, size: str) -> None:
    width, height = SIZES[size]
    cases.set_viewport_size({"width": width, "height": height})
    assert cases.evaluate("document.documentElement.scrollWidth") <= width
    cases.screenshot(path=f"build/screens/many-cases-{size}.png")
