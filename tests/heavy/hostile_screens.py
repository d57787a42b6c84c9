"""Every screen of the page, gone through as a reader would, and looked at for payloads."""

import base64
import csv
import io
import json
import re
import zipfile
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlencode

import docx
from playwright.sync_api import Page, expect

from dxqa.visible import visible
from dxqa.web.page import Page as Served
from tests.e2e.browser import BOX
from tests.heavy import hostile_corpus as corpus
from tests.heavy.careless import careless_markdown
from tests.watch import Watch, live, poke


@dataclass
class Site:
    """The real page over a corpus of payloads."""

    url: str
    payloads: dict[int, str]
    served: Served


class Screens:
    """Goes through the screens, and looks at each for payloads that show, and that could run."""

    def __init__(self, watch: Watch, site: Site) -> None:
        self.watch, self.site = watch, site
        self.page = watch.context.new_page()
        self.page.goto(site.url)
        expect(self.page.locator(BOX)).to_be_enabled()
        self.looked: list[str] = []

    def look(self, name: str, selector: str, *, most_missing: int = 0) -> None:
        """See to it that the payloads show as text, and that none is more than text."""
        shown = _plain(" ".join(self.page.locator(selector).all_text_contents()))
        missing = [p for p in self.site.payloads.values() if _plain(visible(p)) not in shown]
        assert len(missing) <= most_missing, (name, len(missing), missing[:5])
        self.safe(name)

    def safe(self, name: str) -> None:
        assert live(self.page) == [], name
        assert self.watch.ran == {}, name
        self.looked.append(name)

    def reopen(self, turns: list[dict[str, object]], *others: str) -> None:
        """Keep conversations in the browser, as any script of the past may have, and open one."""
        kept = [{"id": "a", "title": "会話", "at": 1, "turns": turns}]
        kept += [{"id": t, "title": t, "at": 1, "turns": [{"question": t}]} for t in others]
        self.page.evaluate(
            "kept => localStorage.setItem('dxqa-conversations', JSON.stringify(kept))", kept
        )
        self.page.reload()
        expect(self.page.locator(BOX)).to_be_enabled()
        self.page.locator("#history-list .open").first.click()
        expect(self.page.locator("#chat .reply:not(.pending)")).to_have_count(
            len(turns), timeout=120_000
        )
        expect(self.page.locator("#stop")).to_be_hidden(timeout=60_000)


def _plain(text: str) -> str:
    return "".join(text.split())


def in_the_chat(screens: Screens) -> None:
    payloads = screens.site.payloads
    turns: list[dict[str, object]] = [
        {"question": corpus.question(n, p), "number": at, "text": p, "history": [p]}
        for at, (n, p) in enumerate(payloads.items(), start=1)
    ]
    screens.reopen(turns, *payloads.values())
    screens.look("history", "#history-list")
    screens.look("questions in the chat", "#chat .asked")
    screens.look("answers", "#chat .reply", most_missing=len(payloads) // 4)
    screens.look("passages beside the answers", "#panel")
    assert screens.page.locator("#panel details.around").count() > 10
    screens.page.locator("#history-list li .tools button").first.click()
    screens.page.keyboard.type(next(iter(payloads.values())))
    screens.page.keyboard.press("Enter")
    screens.safe("a conversation renamed")
    chips: list[dict[str, object]] = [
        {"question": f"第{n}号は？{p}", "filters": {p: [p]}, "undone": {p: p}, "number": at}
        for at, (n, p) in enumerate(payloads.items(), start=1)
    ]
    screens.reopen(chips)
    screens.look("conditions as chips", "#chat .reply")
    cards = [
        {"question": f"{corpus.town(n, p)}の事例", "number": at}
        for at, (n, p) in enumerate(payloads.items(), start=1)
    ]
    screens.reopen(cards)
    screens.look("cards and follow-ups", "#chat, #panel")
    assert screens.page.locator("#chat a.cite").count() > len(payloads)


def exports(screens: Screens, folder: Path) -> None:
    page = screens.page
    saved: dict[str, bytes] = {}
    for form in ("markdown", "json", "word"):
        page.click("#save summary")
        with page.expect_download() as waiting:
            page.click(f'[data-save="{form}"]')
        path = folder / form
        waiting.value.save_as(path)
        saved[form] = path.read_bytes()
    assert json.loads(saved["json"])["turns"]
    _word_is_text(saved["word"])
    told = saved["markdown"].decode("utf-8")
    other = screens.watch.context.new_page()
    other.set_content(careless_markdown().render(told), wait_until="load")
    poke(other)
    assert live(other) == []
    assert other.locator("script, img, a, iframe, svg, style").count() == 0
    other.close()
    screens.looked += ["Markdown", "JSON", "Word"]


def _word_is_text(content: bytes) -> None:
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        body = archive.read("word/document.xml").decode("utf-8")
        rels = archive.read("word/_rels/document.xml.rels").decode("utf-8")
    assert 'TargetMode="External"' not in rels
    assert not re.search(r"<w:(hyperlink|fldSimple|instrText|object|altChunk)\b", body)
    assert docx.Document(io.BytesIO(content)).paragraphs


def by_links(screens: Screens) -> None:
    """A few permalinks as anyone may write them, each payload in one of them."""
    page = screens.page
    told = [*screens.site.payloads.values()]
    for at in range(0, len(told), 15):
        some = told[at : at + 15]
        asked = {
            "q": " ".join(some)[:1900],
            "h": some[0],
            "filters": json.dumps({p: [p] for p in some}),
            "undone": json.dumps({p: p for p in some}),
        }
        page.goto(f"{screens.site.url}?{urlencode(asked)}")
        expect(page.locator("#chat .reply .footing, #chat .reply.error")).to_have_count(1)
        screens.safe("a link")
    page.goto(f"{screens.site.url}?q=x&filters=%7B%22__proto__%22:%5B%221%22%5D%7D&undone=[1]")
    expect(page.locator("#chat .reply .footing, #chat .reply.error")).to_have_count(1)
    screens.safe("a link to prototypes")


def in_the_cases(screens: Screens) -> None:
    page, payloads = screens.page, screens.site.payloads
    page.get_by_role("tab", name="事例").click()
    expect(page.locator("#case-count")).to_contain_text("件の事例")
    while page.locator("#more-cases").is_visible():
        page.click("#more-cases")
    screens.look("the list of cases", "#cases")
    screens.look("kinds to choose from", "#cases", most_missing=len(payloads))
    page.fill("#case-words", "窓口")
    expect(page.locator("#case-matches")).to_contain_text("一致する文")
    screens.look("what a search finds", "#cases .matched", most_missing=len(payloads) // 4)
    for told in [*payloads.values()][::12]:
        page.fill("#case-words", _plain(told)[:60])
        page.wait_for_timeout(400)
        screens.safe("a search for a payload")
    page.fill("#case-words", "")
    names = page.locator("#cases .case").evaluate_all("all => all.map(c => c.dataset.name)")
    shown = ""
    for at in range(0, len(names), 5):
        shown += _opened(page, names[at : at + 5])
        assert live(page) == []
    missing = [p for p in payloads.values() if _plain(visible(p)) not in shown]
    assert len(missing) <= len(payloads) // 10, missing
    screens.safe("cases side by side")
    for box in page.locator("#cases .case:visible .pick-case").all()[:3]:
        box.check()
    screens.safe("cases picked")
    page.click("#compare-cases")
    expect(page.locator("#case-view table.comparison")).to_be_visible()
    _csv_is_text(page)


def _opened(page: Page, names: list[str]) -> str:
    """Open cases side by side as the page does; return what is shown."""
    before = page.evaluate("document.querySelector('.opened-case')?.dataset.drawn ?? ''")
    page.evaluate(
        "names => document.querySelector('.browse').dispatchEvent("
        "new CustomEvent('open-cases', { detail: { names }, bubbles: true }))",
        names,
    )
    page.wait_for_function(
        "before => (document.querySelector('.opened-case')?.dataset.drawn ?? before) !== before",
        arg=before,
    )
    return _plain(page.locator("#case-view").text_content() or "")


def _csv_is_text(page: Page) -> None:
    link = page.locator("#case-view .save a").first
    data = (link.get_attribute("href") or "").partition("base64,")[2]
    rows = list(csv.reader(io.StringIO(base64.b64decode(data).decode("utf-8-sig"), newline="")))
    assert len(rows) > 2
    assert not [cell for row in rows for cell in row if cell.startswith(tuple("=+-@\t\r＝＋－＠"))]


def in_the_documents(screens: Screens, folder: Path) -> None:
    page, payloads = screens.page, screens.site.payloads
    page.get_by_role("tab", name="資料").click()
    expect(page.locator("#holdings")).to_contain_text("読み込めなかったファイル")
    names = {n: corpus.file_name(n, p, "") for n, p in payloads.items()}
    told = _plain(page.locator("#holdings").text_content() or "")
    assert not [n for n in names.values() if _plain(visible(n)) not in told]
    screens.look("documents held", "#holdings")
    uploaded = _plain(page.locator("#uploaded").text_content() or "")
    assert len(re.findall("up", uploaded)) >= len(payloads)
    screens.safe("documents uploaded")
    files = []
    for number, name in names.items():
        path = folder / f"{name[:60]}.txt"
        path.write_text(f"届いた文書。{payloads[number]}", "utf-8")
        files.append(path)
    with page.expect_file_chooser() as chooser:
        page.click("#upload")
    chooser.value.set_files(files)
    expect(page.locator("#outcome li").first).to_be_visible()
    screens.safe("outcome of uploads")
    page.click("#show-feedback")
    expect(page.locator("#feedback table")).to_be_visible()
    screens.look("feedback", "#feedback")
