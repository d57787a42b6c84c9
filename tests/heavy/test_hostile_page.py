"""179 payloads in every place of a corpus, on every screen of the real page in a real browser.

None may run, none may be asked for, and none may stand where it could. That the same watch sees them
where they do run is shown first, on a page that takes no care.
"""

import base64
import contextlib
import csv
import io
import json
import re
import socket
import threading
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import urlencode

import docx
import pytest
from markdown_it import MarkdownIt
from playwright.sync_api import Browser, Error, Page, expect, sync_playwright

from dxqa import Index
from dxqa.visible import visible
from dxqa.web.feedback import Feedback
from dxqa.web.loading import State
from dxqa.web.options import ServeOptions
from dxqa.web.page import Page as Served
from dxqa.web.server import app_options, launch_options
from tests.conftest import HashEncoder
from tests.e2e.browser import BOX
from tests.e2e.conftest import CHROMIUM, OPTIONS
from tests.heavy import hostile_corpus as corpus
from tests.payloads import PAYLOADS, payload
from tests.watch import Watch, live, poke

pytestmark = [
    pytest.mark.heavy,
    # Gradio counts events with pandas, and pandas has deprecated how.
    pytest.mark.filterwarnings("ignore:.*no_silent_downcasting"),
]

BATCH = 60
"""Payloads in one corpus: of so many municipalities, a declined answer lists all."""


class Beacon(ThreadingHTTPServer):
    """Listens where payloads ask, and serves the careless page."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Careless)
        self.url = f"http://127.0.0.1:{self.server_port}"


class Careless(BaseHTTPRequestHandler):
    """``/<context>/<number>`` is a page that puts a payload where text was meant to stand."""

    server: Beacon

    def do_GET(self) -> None:
        found = re.fullmatch(r"/(\w+)/(\d+)", self.path)
        known = found and found[1] in CARELESS
        body = careless(found[1], int(found[2]), self.server.url) if found and known else ""
        self.send_response(200)
        kind = "text/html; charset=utf-8" if known else "text/javascript"
        self.send_header("Content-Type", kind)
        self.end_headers()
        self.wfile.write(body.encode())

    do_POST = do_GET

    def log_message(self, *_: object) -> None:
        """Keep the test output clean."""


CARELESS: dict[str, Callable[[str], str]] = {
    "body": lambda p: f"<body><p>{p}</p><script data-ours></script>",
    "inner": lambda p: (
        "<body><div id=a></div><script data-ours>"
        f"document.querySelector('#a').innerHTML = {_script(p)}</script>"
    ),
    "twice": lambda p: (
        "<body><div id=a></div><div id=b></div><script data-ours>"
        f"a.innerHTML = {_script(p)}; b.innerHTML = a.innerHTML; a.innerHTML = b.innerHTML</script>"
    ),
    "unescaped": lambda p: (
        "<body><div id=a></div><script data-ours>const t = "
        f"document.createElement('textarea'); t.innerHTML = {_script(p)}; a.innerHTML = t.value;"
        "const u = document.createElement('textarea'); u.innerHTML = t.value; a.innerHTML += u.value;"
        f"try {{ a.innerHTML += decodeURIComponent({_script(p)}) }} catch {{}}</script>"
    ),
    "double": lambda p: f'<body><input value="{p}"><p title="{p}">x</p>',
    "single": lambda p: f"<body><input value='{p}'><p title='{p}'>x</p>",
    "link": lambda p: f'<body><a href="{p}">x</a>',
    "textarea": lambda p: f"<body><textarea>{p}</textarea>",
    "title": lambda p: f"<title>{p}</title><body>",
    "style": lambda p: f"<style>{p}</style><body>",
    "comment": lambda p: f"<body><!-- {p} -->",
    "string": lambda p: f'<body><script data-ours>var a = "{p}";</script>',
    "quoted": lambda p: f"<body><script data-ours>var a = '{p}';</script>",
    "backtick": lambda p: f"<body><script data-ours>var a = `{p}`;</script>",
    "slashed": lambda p: '<body><script data-ours>var a = "{}";</script>'.format(
        p.replace('"', '\\"')
    ),
    "stripped": lambda p: f"<body>{p.replace('<script>', '').replace('</script>', '')}",
    "hexed": lambda p: f'<body><p id=a></p><script data-ours>a.innerHTML = "{p}";</script>',
    "markdown": lambda p: f"<body>{_markdown(p)}",
    "template": lambda p: f"<body><script data-ours>{_engine(p)}</script>",
    "wide": lambda p: f"<body>{p.translate(_NARROW)}",
}
"""How text gets into a page that takes no care."""

_NARROW = str.maketrans("＜＞", "<>")


def careless(context: str, number: int, beacon: str) -> str:
    made = CARELESS[context](payload(number, beacon))
    return f"<!DOCTYPE html><meta charset=utf-8>{made}"


def _script(text: str) -> str:
    return json.dumps(text).replace("<", "\\u003c")


def _markdown(text: str) -> str:
    reader = MarkdownIt("commonmark", {"html": True})
    reader.validateLink = lambda url: True  # type: ignore[method-assign]
    return str(reader.render(text))


def _engine(text: str) -> str:
    """Do as engines for templates and formulas do, with what they are given."""
    codes = re.findall(r"(?s)\{\{=?(.*?)\}\}|\$\{(.*?)\}|#\{(.*?)\}|<%=(.*?)%>", text)
    found = [next(filter(None, code)) for code in codes]
    found += re.findall(r"javascript:([^}\"]*)", text)
    found += [f"fetch('{url}')" for url in re.findall(r"includegraphics\{(.*?)\}", text)]
    return "\n".join(
        f"try {{ new Function('constructor', 'return ' + {_script(code)})(Object) }} catch {{}}"
        for code in found
    )


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        found = playwright.chromium.launch(executable_path=CHROMIUM, args=OPTIONS, headless=True)
        yield found
        found.close()


@pytest.fixture(scope="module")
def beacon() -> Iterator[Beacon]:
    with Beacon() as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server
        server.shutdown()


@pytest.fixture
def watch(browser: Browser) -> Iterator[Watch]:
    context = browser.new_context(viewport={"width": 1440, "height": 900}, locale="ja-JP")
    context.set_default_timeout(60_000)
    yield Watch(context)
    context.close()


def test_the_watch_sees_payloads_run_on_a_careless_page(watch: Watch, beacon: Beacon) -> None:
    seen_live = {number for number in range(len(PAYLOADS)) if _runs(watch, beacon.url, number)}
    ran = set(watch.ran) & set(range(len(PAYLOADS)))
    quiet = sorted(set(range(len(PAYLOADS))) - ran)
    print(f"\n{len(ran)} of {len(PAYLOADS)} ran; seen where they could: {len(seen_live)}")
    print("\n".join(f"  quiet: {PAYLOADS[number]}" for number in quiet))
    assert len(ran) >= 168
    assert len(seen_live | ran) >= 170


def _runs(watch: Watch, url: str, number: int) -> bool:
    """Try a payload in one careless way after the other until it runs; say whether it was seen."""
    seen = False
    page = watch.context.new_page()
    for context in CARELESS:
        with contextlib.suppress(Error):  # some lead away before the page is there
            page.goto(f"{url}/{context}/{number}", wait_until="load", timeout=5_000)
        seen = seen or bool(live(page))
        if number not in watch.ran:
            poke(page)
            page.wait_for_timeout(15)
        if number in watch.ran:
            break
    page.close()
    return seen


@dataclass
class Site:
    """The real page over a corpus of payloads."""

    url: str
    payloads: dict[int, str]
    served: Served


BATCHES = [range(at, min(at + BATCH, len(PAYLOADS))) for at in range(0, len(PAYLOADS), BATCH)]


@pytest.fixture(params=BATCHES, ids=str)
def site(request: pytest.FixtureRequest, beacon: Beacon, tmp_path: Path) -> Iterator[Site]:
    payloads = {number: payload(number, beacon.url) for number in request.param}
    folder = tmp_path / "corpus"
    folder.mkdir()
    corpus.write(folder, payloads)
    options = ServeOptions(corpus=folder, index=tmp_path / "index")
    served = Served(options)
    served.loader._index = Index.build(folder, encoder=HashEncoder())
    served.loader.state = State("ready")
    _keep_feedback(served, payloads)
    _, url, _ = served.blocks.launch(
        server_name="127.0.0.1",
        server_port=_free_port(),
        **launch_options(options),
        app_kwargs=app_options(served.loader, options),
    )
    yield Site(url, payloads, served)
    served.blocks.close(verbose=False)


def _free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port: int = free.getsockname()[1]
        return port


def _keep_feedback(served: Served, payloads: dict[int, str]) -> None:
    store = served.journal.store
    assert store is not None
    for number, told in payloads.items():
        feedback = Feedback("down", told, (told,), told, told, told, 0.5, told, (told,))
        store.keep(feedback, turn=str(number))


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


def test_no_payload_runs_on_any_screen(watch: Watch, site: Site, tmp_path: Path) -> None:
    screens = Screens(watch, site)
    _in_the_chat(screens)
    _exports(screens, tmp_path)
    _by_links(screens)
    _in_the_cases(screens)
    _in_the_documents(screens, tmp_path)
    print(f"\n{len(site.payloads)} payloads on {len(screens.looked)} screens: {screens.looked}")
    assert watch.ran == {}
    assert watch.violations == []
    assert watch.errors == []


def _in_the_chat(screens: Screens) -> None:
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


def _exports(screens: Screens, folder: Path) -> None:
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
    reader = MarkdownIt("commonmark", {"html": True}).enable("table")
    reader.validateLink = lambda url: True  # type: ignore[method-assign]
    other = screens.watch.context.new_page()
    other.set_content(reader.render(told), wait_until="load")
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


def _by_links(screens: Screens) -> None:
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


def _in_the_cases(screens: Screens) -> None:
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


def _in_the_documents(screens: Screens, folder: Path) -> None:
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
