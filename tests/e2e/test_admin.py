"""The tab 資料, feedback, and what the server is started with, in a real browser."""

import json
import re
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
from playwright.sync_api import Browser, Page, expect

from dxqa.web.guard import HEADERS
from dxqa.web.passwords import PasswordHash
from tests.e2e.browser import (
    BOX,
    LIST_QUESTION,
    OFF_TOPIC,
    ROOT,
    SIZES,
    Session,
    ask,
    contrast,
    serving,
)
from tests.e2e.proxy import proxied
from tests.e2e.screens import show_at

pytestmark = pytest.mark.e2e

PASSWORD = "つくえのうえ"  # noqa: S105 - of a server that lives as long as the test
NUMBER = "090-1234-5678"
CASE = """\
---
title: 架空町の防災アプリ
municipality: 東京都架空町
prefecture: 東京都
kind: 町
population: 12000
---
# 架空町の防災アプリ

## 財源

架空町は、財源にスマート防災補助金を充てた。
"""


@dataclass
class Office:
    """A running server and where its things lie."""

    url: str
    corpus: Path
    index: Path

    @property
    def log(self) -> str:
        [path] = self.index.parent.glob("server-*.log")
        return path.read_text("utf-8")


@pytest.fixture(scope="module")
def built(first_start: list[str], index_folder: Path) -> Path:
    """An index that the first server has built."""
    assert first_start
    return index_folder


@pytest.fixture(scope="module")
def office(built: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Office]:
    """A server over a copy of the corpus, with an admin password."""
    folder = tmp_path_factory.mktemp("office")
    shutil.copytree(built, folder / "index")
    shutil.copytree(ROOT / "corpus", folder / "corpus")
    (folder / "admin").write_text(str(PasswordHash.of(PASSWORD)), "utf-8")
    options = ["--corpus", str(folder / "corpus"), "--admin-password-file", str(folder / "admin")]
    with serving(folder / "index", *options) as url:
        yield Office(url, folder / "corpus", folder / "index")


@pytest.fixture
def session(browser: Browser) -> Iterator[Session]:
    context = browser.new_context(viewport={"width": 1440, "height": 900}, locale="ja-JP")
    context.set_default_timeout(30_000)
    yield Session(context)
    context.close()


@pytest.fixture
def page(session: Session, office: Office) -> Page:
    return opened(session, office.url)


def opened(session: Session, url: str) -> Page:
    page = session.open(url)
    expect(page.locator(BOX)).to_be_enabled(timeout=120_000)
    return page


def enter(page: Page, password: str = PASSWORD) -> None:
    """Open the tab and, with the right password, what it keeps from others."""
    page.get_by_role("tab", name="資料").click()
    page.fill("#admin-password input", password)
    page.click("#unlock")


def upload(page: Page, *paths: Path) -> None:
    with page.expect_file_chooser() as chooser:
        page.click("#upload")
    chooser.value.set_files(list(paths))


def written(folder: Path, name: str, text: str) -> Path:
    path = folder / name
    path.write_text(text, "utf-8")
    return path


def test_the_tab_tells_what_is_indexed(page: Page) -> None:
    page.get_by_role("tab", name="資料").click()
    told = page.locator("#holdings")
    expect(told).to_contain_text("16 件")
    expect(told).to_contain_text("cases/sakata.md")
    expect(told).to_contain_text("multilingual-e5-small")
    expect(told).to_contain_text(re.compile(r"作成\s*20\d\d年"))


def test_the_password_opens_what_changes_documents(page: Page) -> None:
    enter(page, "ちがう")
    expect(page.locator("#outcome")).to_contain_text("パスワードが違います")
    expect(page.locator("#changes")).to_be_hidden()
    expect(page.locator("#records")).to_be_hidden()
    enter(page)
    expect(page.locator("#changes")).to_be_visible()
    expect(page.locator("#records")).to_be_visible()
    expect(page.locator("#unlocking")).to_be_hidden()


@pytest.mark.parametrize("button", ["build", "show-feedback", "erase-now", "upload"])
def test_who_calls_past_the_page_is_refused_too(office: Office, button: str) -> None:
    """As anybody could with a few lines of Python, saying that the password was given."""
    before = sorted(office.corpus.rglob("*"))
    with httpx.Client(base_url=office.url, timeout=60, trust_env=False) as client:
        given: list[object] = []
        if button == "upload":
            files = {"files": ("past.md", "# 架空町\n\n本文。\n".encode())}
            [path] = client.post("gradio_api/upload", files=files).json()
            given = [[{"path": path, "meta": {"_type": "gradio.FileData"}}]]
        reply = call(client, button, *given)
    assert "管理用のパスワードを入力した人だけ" in reply
    assert sorted(office.corpus.rglob("*")) == before


def test_an_uploaded_document_is_found_after_a_build_during_which_the_chat_answers(
    page: Page, session: Session, office: Office, tmp_path: Path
) -> None:
    filler = "".join(
        f"\n## 第{n}地区\n\n架空町の第{n}地区では、{n * 7}世帯の住民が通知を受け取った。\n"
        for n in range(1, 161)
    )
    new = written(tmp_path, "架空町.md", CASE + filler)
    empty = written(tmp_path, "空.txt", "")
    asking = opened(session, office.url)
    ask(asking, "東京都架空町の財源は？")
    expect(asking.locator("#chat .reply").last).to_have_class(re.compile("declined"))
    enter(page)
    upload(page, new, empty)
    expect(page.locator("#outcome .good")).to_contain_text("架空町.md を追加しました")
    expect(page.locator("#outcome .fault")).to_contain_text("空.txt: ファイルが空です")
    expect(page.locator("#pending")).to_contain_text("追加：架空町.md")
    page.click("#build")
    expect(page.locator("#progress progress")).to_be_visible()
    expect(page.locator("#progress .count")).to_contain_text(re.compile(r"\d+ / [\d,]+ 文"))
    ask(asking, LIST_QUESTION)
    expect(asking.locator("#chat .reply").last).to_contain_text("都城市")
    expect(page.locator("#progress progress")).to_be_visible()  # it was answered meanwhile
    expect(page.locator("#progress .good")).to_contain_text("検索に反映しました", timeout=180_000)
    expect(page.locator("#holdings")).to_contain_text("17 件")
    expect(page.locator("#status")).to_contain_text("12 自治体")
    expect(page.locator("#pending")).to_contain_text("すべて検索に反映されています")
    ask(asking, "東京都架空町の財源は？")
    expect(asking.locator("#chat .reply").last).to_contain_text("スマート防災補助金")
    page.get_by_role("tab", name="質問").click()
    page.locator("#filter-prefecture input").click()
    page.get_by_role("option", name="東京都").click()
    expect(page.locator("#chips")).to_contain_text("都道府県：東京都")
    ask(page, "財源は？東京都の事例を教えて")
    expect(page.locator("#chat .reply").last).to_contain_text("スマート防災補助金")
    # Who did not leave the chat meanwhile finds the new choices, too.
    asking.locator("#filter-prefecture input").click()
    expect(asking.get_by_role("option", name="東京都")).to_be_visible()
    assert not session.errors


def test_nothing_is_overwritten_and_uploads_can_be_removed(
    page: Page, office: Office, tmp_path: Path
) -> None:
    enter(page)
    new = written(tmp_path, "メモ.txt", "覚え書き\n\n窓口は九時に開く。\n")
    upload(page, new)
    expect(page.locator("#outcome .good")).to_contain_text("メモ.txt を追加しました")
    new.write_text("別の本文。\n", "utf-8")
    upload(page, new)
    expect(page.locator("#outcome .fault")).to_contain_text("同じ名前の文書があります")
    upload(page, written(tmp_path, "図.png", "PNG"))
    expect(page.locator("#outcome .fault")).to_contain_text("図.png: この形式は読めません")
    assert "九時" in (office.corpus / "uploads" / "メモ.txt").read_text("utf-8")
    page.get_by_label("メモ.txt").check()
    page.click("#remove")
    expect(page.locator("#outcome .good")).to_contain_text("メモ.txt を取り除きました")
    assert not (office.corpus / "uploads" / "メモ.txt").exists()


def test_too_large_a_file_is_told_of_before_it_is_sent(
    page: Page, session: Session, office: Office, tmp_path: Path
) -> None:
    enter(page)
    large, good = tmp_path / "大きな記録.txt", written(tmp_path, "小さな記録.txt", "本文です。\n")
    large.write_bytes(b"a" * (30 * 2**20))
    sent = len(session.requests)
    upload(page, large)
    expect(page.locator("#too-large")).to_have_text(
        "大きな記録.txt: 大きすぎます (30.0 MB)。1 つ 5 MB までです。分けて追加してください。"
    )
    assert not [request for request in session.requests[sent:] if "upload" in request]
    upload(page, large, good)
    expect(page.locator("#outcome .good")).to_contain_text("小さな記録.txt を追加しました")
    expect(page.locator("#too-large")).to_contain_text("大きな記録.txt")
    page.get_by_label("小さな記録.txt").check()
    page.click("#remove")
    expect(page.locator("#outcome .good")).to_contain_text("取り除きました")
    assert not (office.corpus / "uploads" / large.name).exists()


def test_a_failed_build_leaves_the_old_index(page: Page, office: Office) -> None:
    enter(page)
    before = (office.index / "manifest.json").read_bytes()
    away = office.corpus.rename(office.corpus.with_name("away"))
    try:
        page.click("#build")
        expect(page.locator("#progress .fault")).to_contain_text("反映できませんでした")
        expect(page.locator("#progress .fault")).to_contain_text("フォルダが見つかりません")
    finally:
        away.rename(office.corpus)
    assert (office.index / "manifest.json").read_bytes() == before
    page.get_by_role("tab", name="質問").click()
    ask(page, LIST_QUESTION)
    expect(page.locator("#chat .reply").last).to_contain_text("都城市")


def test_feedback_is_kept_masked_and_its_export_is_evaluated(
    page: Page, office: Office, tmp_path: Path
) -> None:
    ask(page, f"市長が最高デジタル責任者を務めている市は？返事は{NUMBER}へ")
    ask(page, OFF_TOPIC)
    page.get_by_role("button", name="よくないね").first.click()
    expect(page.locator("#rating")).to_be_visible()
    page.get_by_label("質問とずれている").check()
    page.fill("#comment textarea", f"{NUMBER} に電話を")
    page.click("#send-reason")
    expect(page.locator("#rating")).to_be_hidden()
    enter(page)
    page.click("#show-feedback")
    rows = page.locator("#feedback tbody tr")
    rated = rows.filter(has_text="よくないね").first
    expect(rated).to_contain_text("返事は【電話番号】へ")
    expect(rated).to_contain_text("質問とずれている")
    expect(rated).to_contain_text("【電話番号】 に電話を")
    expect(rows.filter(has_text="答えられず").first).to_contain_text("天気")
    for path in office.index.parent.glob("feedback.db*"):
        assert NUMBER.encode() not in path.read_bytes()
    with page.expect_download() as download:
        page.click("#feedback a.download")
    file = tmp_path / "questions.jsonl"
    download.value.save_as(file)
    command = [sys.executable, "-m", "dxqa.cli", "evaluate", str(file), "--failures"]
    done = subprocess.run(
        [*command, "--index", str(office.index)], capture_output=True, check=True, text=True
    )
    assert "[未判定]" in done.stdout


def test_a_locked_file_of_feedback_stops_no_answer(page: Page, office: Office) -> None:
    with closing(sqlite3.connect(office.index.parent / "feedback.db")) as other:
        other.execute("BEGIN EXCLUSIVE")
        ask(page, OFF_TOPIC)
        expect(page.locator("#chat .reply").last).to_have_class(re.compile("declined"))
        page.get_by_role("button", name="よくないね").first.click()
        expect(page.locator(".toast-wrap")).to_contain_text("記録できませんでした")
    ask(page, LIST_QUESTION)
    enter(page)
    page.click("#show-feedback")
    expect(page.locator("#feedback .fault")).to_contain_text("記録できなかったことがあります")


def test_records_are_erased_after_asking(page: Page, office: Office) -> None:
    ask(page, OFF_TOPIC)
    enter(page)
    page.click("#show-feedback")
    expect(page.locator("#feedback")).to_contain_text("天気")
    page.click("#erase-feedback")
    expect(page.locator("#erasing")).to_contain_text("元には戻せません")
    page.click("#erase-not")
    expect(page.locator("#erasing")).to_be_hidden()
    expect(page.locator("#feedback")).to_contain_text("天気")
    page.click("#erase-feedback")
    page.click("#erase-now")
    expect(page.locator("#feedback .good")).to_contain_text(re.compile(r"記録 \d+ 件を消しました"))
    expect(page.locator("#erasing")).to_be_hidden()
    page.click("#show-feedback")
    expect(page.locator("#feedback")).to_have_text("まだ記録はありません。")
    for path in office.index.parent.glob("feedback.db*"):
        assert "天気".encode() not in path.read_bytes()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("size", SIZES)
def test_layout_fits_and_text_is_legible(page: Page, size: str, scheme: str) -> None:
    width, _ = SIZES[size]
    show_at(page, size, scheme)
    ask(page, OFF_TOPIC)  # something to be shown
    enter(page)
    page.click("#show-feedback")
    expect(page.locator("#feedback table")).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    for name in ("#holdings", "#changes", "#records"):
        box = page.locator(name).bounding_box()
        assert box, name
        assert box["x"] >= 0, name
        assert box["x"] + box["width"] <= width, name
    for text in ("#holdings dd", "#holdings dt", "#holdings td", "#pending p", "#changes .hint"):
        assert contrast(page, text) >= 4.5, text
    for text in ("#feedback td", "#feedback a.download", "#feedback summary", "#records .hint"):
        assert contrast(page, text) >= 4.5, text


def test_the_log_is_json_without_what_was_asked(page: Page, office: Office) -> None:
    ask(page, LIST_QUESTION)
    events = [json.loads(line) for line in office.log.splitlines()]
    assert not [event for event in events if event.get("message") == "uncaught"]
    asked = [event for event in events if event["event"] == "ask"]
    assert asked
    assert {"kind", "confidence", "ms", "answered"} <= set(asked[-1])
    for part in ("最高デジタル", "天気", PASSWORD, "架空町"):
        assert part not in office.log.replace("\\u", ""), part
    [printed] = office.index.parent.glob("server-*.out")
    assert printed.read_bytes() == b""


def test_a_guarded_read_only_page_behind_a_proxy(
    browser: Browser, built: Path, tmp_path: Path
) -> None:
    shutil.copytree(built, tmp_path / "index")
    hashed = PasswordHash.of("ひらけ")
    (tmp_path / "users").write_text(f"hanako:{hashed}\n", "utf-8")
    options = "--read-only --no-feedback --log-questions --root-path /dxqa --auth".split()
    context = browser.new_context(viewport={"width": 1440, "height": 900}, locale="ja-JP")
    context.set_default_timeout(30_000)
    session = Session(context)
    with (
        serving(tmp_path / "index", *options, str(tmp_path / "users")) as inner,
        proxied(inner, "/dxqa") as url,
    ):
        page = session.open(url)
        log_in(page, "ちがう")
        expect(page.get_by_text("認証情報が正しくありません")).to_be_visible()
        session.errors.clear()  # the browser's own line on the refused login
        log_in(page, "ひらけ")
        expect(page.locator(BOX)).to_be_enabled(timeout=120_000)
        health = httpx.get(f"{url}health", trust_env=False)
        assert (health.status_code, health.json()["documents"]) == (200, 16)
        assert httpx.get(f"{url}config", trust_env=False).status_code == 401
        ask(page, f"{LIST_QUESTION}（{NUMBER}）")
        ask(page, OFF_TOPIC)
        expect(page.get_by_role("button", name="よくないね")).to_have_count(0)
        page.get_by_role("tab", name="資料").click()
        expect(page.locator("#holdings")).to_contain_text("16 件")
        expect(page.get_by_text("資料を変えられない設定")).to_be_visible()
        for hidden in ("#changes", "#records", "#unlocking"):
            expect(page.locator(hidden)).to_be_hidden()
        assert {c.get("sameSite") for c in context.cookies()} == {"Lax"}
        cookies = {c["name"]: c["value"] for c in context.cookies()}
        with httpx.Client(base_url=url, cookies=cookies, timeout=60, trust_env=False) as client:
            files = {"files": ("a.md", b"x")}
            assert client.post("gradio_api/upload", files=files).status_code == 403
            assert "変えられない設定" in call(client, "build")
            own = client.get("config")
            assert own.status_code == 200
            assert HEADERS.items() <= dict(own.headers).items()
            other = client.get("config", headers={"Origin": "https://evil.example"})
            assert other.status_code == 403
            assert "dependencies" not in other.text
        assert {r for r in session.requests if not r.startswith((url, "data:", "blob:"))} == set()
        assert session.errors == []
        context.close()
        [log] = tmp_path.glob("server-*.log")
        told = log.read_text("utf-8")
    assert "最高デジタル責任者" in told
    assert NUMBER not in told
    assert not list(tmp_path.glob("feedback*"))


def log_in(page: Page, password: str) -> None:
    page.get_by_label("ユーザー名").fill("hanako")
    page.get_by_label("パスワード").fill(password)
    page.get_by_role("button", name="ログイン").click()


def call(client: httpx.Client, button: str, *given: object) -> str:
    """Press a button without a page; return what the server says last."""
    config: dict[str, Any] = client.get("config").json()
    [control] = [c["id"] for c in config["components"] if c["props"].get("elem_id") == button]
    done = "upload" if button == "upload" else "click"
    [event] = [d for d in config["dependencies"] if [control, done] in d["targets"]]
    body = {"data": [*given, True], "fn_index": event["id"], "session_hash": "past-the-page"}
    assert client.post("gradio_api/queue/join", json=body).status_code == 200
    with client.stream("GET", "gradio_api/queue/data?session_hash=past-the-page") as reply:
        for line in reply.iter_lines():
            message = json.loads(line.removeprefix("data: ")) if line else {}
            if message.get("msg") == "process_completed":
                return json.dumps(message, ensure_ascii=False)
    pytest.fail("no answer")
