"""What the page adds to an answer: from pressing Enter to its first character and to all of it.

    python benchmarks/page.py [--questions N] [--index FOLDER]

In one run, over one index: each question is asked of ``Index.ask`` alone and typed into the page in
a real Chromium, in turns, which of the two first changing from question to question. The first N
questions of tests/quality/questions.jsonl that need no earlier ones are asked.
"""

import argparse
import json
import os
import platform
import statistics
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import playwright.sync_api as playwright
from playwright.sync_api import Browser

from dxqa import Index
from dxqa.web.loading import IndexLoader
from dxqa.web.options import ServeOptions
from dxqa.web.page import Page
from dxqa.web.server import launch_options

ROOT = Path(__file__).parents[1]
QUESTIONS = ROOT / "tests/quality/questions.jsonl"
CHROMIUM = "/usr/bin/chromium"
BROWSER_OPTIONS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
BOX = "#question textarea"
WATCH = """() => {
  window.times = {};
  const now = name => { times[name] ??= performance.now() - times.start; };
  document.querySelector("#question textarea").addEventListener("keydown", () => {
    window.times = { start: performance.now() };
  }, true);
  new MutationObserver(() => {
    const reply = [...document.querySelectorAll("#chat .reply")].at(-1);
    if (times.start === undefined || !reply || reply.matches(".pending")) return;
    if (reply.innerText.trim()) requestAnimationFrame(() => now("first"));
    if (reply.querySelector(".footing")) requestAnimationFrame(() => now("whole"));
  }).observe(document.querySelector("#chat"), { childList: true, subtree: true });
}"""


@contextmanager
def served(index_folder: Path) -> Iterator[tuple[str, Index]]:
    """Serve the page in this process; yield its address and the index behind it."""
    with TemporaryDirectory() as folder:
        options = ServeOptions(
            corpus=ROOT / "corpus", index=index_folder, feedback_db=Path(folder) / "feedback.db"
        )
        page = Page(options)
        _, url, _ = page.blocks.launch(server_name="127.0.0.1", **launch_options(options))
        try:
            yield url, _ready(page.loader)
        finally:
            page.blocks.close(verbose=False)


def _ready(loader: IndexLoader) -> Index:
    loader.start()
    loader.join()
    if loader.index is None:
        raise SystemExit(loader.state.message)
    return loader.index


def main() -> None:
    """Run and print one JSON object."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--questions", type=int, default=50)
    parser.add_argument("--index", type=Path, default=ROOT / "index")
    given = parser.parse_args()
    rows = [json.loads(line) for line in QUESTIONS.read_text("utf-8").splitlines()]
    questions = [row["question"] for row in rows if not row["history"]][: given.questions]
    with served(given.index) as (url, index), playwright.sync_playwright() as started:
        browser = started.chromium.launch(executable_path=CHROMIUM, args=BROWSER_OPTIONS)
        figures = measure(browser, url, index, questions)
        browser.close()
    print(json.dumps(figures, ensure_ascii=False, indent=1))


def measure(
    browser: Browser, url: str, index: Index, questions: Sequence[str]
) -> dict[str, object]:
    """Ask each question both ways; return medians and 95th percentiles in milliseconds."""
    page = browser.new_page(locale="ja-JP", viewport={"width": 1440, "height": 900})
    page.goto(url)
    playwright.expect(page.locator(BOX)).to_be_enabled(timeout=60_000)
    page.evaluate(WATCH)
    typed(page, questions[0])
    alone, first, whole = [], [], []
    for number, question in enumerate(questions):
        if number % 2:
            alone.append(_alone(index, question))
        times = typed(page, question)
        if not number % 2:
            alone.append(_alone(index, question))
        first.append(times["first"])
        whole.append(times["whole"])
    added = [w - a for w, a in zip(whole, alone, strict=True)]
    shown = {"ask_alone": alone, "first_character": first, "whole": whole, "page_adds": added}
    machine = f"{platform.machine()}, {os.cpu_count()} cores"
    return {"questions": len(questions), "machine": machine} | {
        f"{name}_ms": percentiles(values) for name, values in shown.items()
    }


def _alone(index: Index, question: str) -> float:
    start = time.perf_counter()
    index.ask(question)
    return (time.perf_counter() - start) * 1000


def typed(page: playwright.Page, question: str) -> dict[str, float]:
    """Type a question into a new conversation; return milliseconds since Enter, by event."""
    page.click("#clear")
    playwright.expect(page.locator("#chat .reply")).to_have_count(0, timeout=60_000)
    page.fill(BOX, question)
    page.press(BOX, "Enter")
    page.wait_for_function("times.whole !== undefined", timeout=120_000)
    playwright.expect(page.locator("#send")).to_be_visible(timeout=60_000)
    page.wait_for_timeout(100)  # what the page does after an answer is no part of the next one
    times: dict[str, float] = page.evaluate("times")
    return times


def percentiles(values: Sequence[float]) -> dict[str, float]:
    """Return the median and the 95th percentile."""
    cuts = statistics.quantiles(values, n=20, method="inclusive")
    return {"p50": round(statistics.median(values), 1), "p95": round(cuts[-1], 1)}


if __name__ == "__main__":
    main()
