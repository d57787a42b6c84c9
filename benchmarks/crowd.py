"""Many people at once: each in a browser session of their own, each question after its answer.

    python benchmarks/crowd.py [--people N] [--index FOLDER]

Everybody asks ten questions about one municipality: the first names it, the others do not, so that
an answer is right only if it comes out of the asker's own conversation. Each answer is compared
with that of ``Index.ask`` to the same questions.
"""

import argparse
import asyncio
import json
import os
import platform
import time
from itertools import zip_longest
from pathlib import Path

from playwright.async_api import Browser, async_playwright, expect

from dxqa import Index
from page import BOX, BROWSER_OPTIONS, CHROMIUM, ROOT, percentiles, served

FOLLOW_UPS = (
    "では財源は？",
    "成果は？",
    "課題は何ですか",
    "外部の人材はいますか",
    "今後の予定は？",
    "担当課の電話番号は？",
    "人口は？",
    "職員の研修はしていますか",
    "住民へのサービスは？",
)
PATIENCE_MS = 300_000


def conversation(place: str) -> list[str]:
    """Return what one person asks."""
    return [f"{place}の推進体制は？", *FOLLOW_UPS]


def main() -> None:
    """Run and print one JSON object; exit with 1 where an answer is not its asker's."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--people", type=int, default=20)
    parser.add_argument("--index", type=Path, default=ROOT / "index")
    given = parser.parse_args()
    with served(given.index) as (url, index):
        places = list(index.store.municipalities)
        asked = [places[number % len(places)] for number in range(given.people)]
        expected = {place: answers(index, place) for place in set(asked)}
        start = time.perf_counter()
        found = asyncio.run(crowd(url, asked))
        seconds = time.perf_counter() - start
    wrong = sum(
        told != right
        for place, (texts, _) in zip(asked, found, strict=True)
        for told, right in zip_longest(texts, expected[place])
    )
    figures = {
        "people": given.people,
        "questions": sum(len(texts) for texts, _ in found),
        "machine": f"{platform.machine()}, {os.cpu_count()} cores",
        "wrong_answers": wrong,
        "seconds": round(seconds, 1),
        "answer_ms": percentiles([ms for _, times in found for ms in times]),
    }
    print(json.dumps(figures, ensure_ascii=False, indent=1))
    raise SystemExit(1 if wrong else 0)


def answers(index: Index, place: str) -> list[str]:
    """Return what ``Index.ask`` says in that conversation."""
    asked = conversation(place)
    return [index.ask(question, history=asked[:n]).text for n, question in enumerate(asked)]


async def crowd(url: str, places: list[str]) -> list[tuple[list[str], list[float]]]:
    """Let one person ask about each place, all at the same time."""
    async with async_playwright() as started:
        browser = await started.chromium.launch(executable_path=CHROMIUM, args=BROWSER_OPTIONS)
        found = await asyncio.gather(*(person(browser, url, place) for place in places))
        await browser.close()
    return list(found)


async def person(browser: Browser, url: str, place: str) -> tuple[list[str], list[float]]:
    """Return the texts of all answers, as the browser keeps them, and how long each took."""
    context = await browser.new_context(locale="ja-JP")
    page = await context.new_page()
    page.set_default_timeout(PATIENCE_MS)
    await page.goto(url)
    await expect(page.locator(BOX)).to_be_enabled(timeout=PATIENCE_MS)
    times = []
    for number, question in enumerate(conversation(place), start=1):
        await page.fill(BOX, question)
        start = time.perf_counter()
        await page.press(BOX, "Enter")
        await page.wait_for_function(
            f"dxqa.record.length === {number} || document.querySelector('#chat .reply.error')"
        )
        if await page.locator("#chat .reply.error").count():
            break  # what is missing counts as wrong
        times.append((time.perf_counter() - start) * 1000)
    texts: list[str] = await page.evaluate("dxqa.record.map(turn => turn.text)")
    await context.close()
    return texts, times


if __name__ == "__main__":
    main()
