"""The page in a real browser, over the real corpus with the real model, from the first start on."""

import re

import pytest
from playwright.sync_api import Page, expect

from tests.e2e.browser import BOX, LIST_QUESTION, OFF_TOPIC, SIZES, Session, ask, contrast
from tests.e2e.screens import show_at

pytestmark = pytest.mark.e2e


def test_first_start_builds_the_index_with_visible_progress(first_start: list[str]) -> None:
    counted = [m for said in first_start if (m := re.search(r"([\d,]+) / ([\d,]+) 文", said))]
    assert counted, first_start
    assert any("索引を作っています" in said for said in first_start)
    assert "11 自治体の事例" in first_start[-1]


def test_a_typed_question_is_answered_and_its_link_marks_the_quote(page: Page) -> None:
    ask(page, LIST_QUESTION)
    answer = page.locator("#chat .reply").last
    expect(answer).to_contain_text("都城市")
    expect(answer).to_contain_text(re.compile("確からしさ：(高い|ふつう|低め)"))
    answer.locator("a.cite", has_text="[1]").first.click()
    card = page.locator("#panel .card.active")
    expect(card).to_have_count(1)
    expect(card.locator("h3")).to_contain_text("宮崎県都城市")
    expect(card).to_contain_text("市長を CDO、外部デジタル人材を DXアドバイザー等とした")
    mark = card.locator("mark.active")
    expect(mark).to_have_text(re.compile("市長が最高デジタル責任者（CDO）"))
    expect(mark).to_be_in_viewport()
    claim = answer.locator("li").first.inner_text()
    assert mark.inner_text().startswith(claim[:8])


def test_the_name_of_a_case_in_a_list_is_a_heading_not_a_card(page: Page) -> None:
    ask(page, LIST_QUESTION)
    expect(page.locator("#chat .reply p.case").first).to_have_css("border-top-width", "0px")


def test_links_of_an_earlier_answer_bring_its_passages_back(page: Page) -> None:
    ask(page, LIST_QUESTION)
    ask(page, "福島県のアドバイザー派遣の満足度は？")
    expect(page.locator("#panel .turn.shown mark").first).to_contain_text("95")
    page.locator("#chat #answer-1 a.cite").first.click()
    expect(page.locator("#panel .card.active h3")).to_contain_text("宮崎県都城市")


def test_a_follow_up_question_keeps_the_case(page: Page) -> None:
    ask(page, "西会津町の推進体制は？")
    ask(page, "では担当課の電話番号は？")
    expect(page.locator("#chat .reply").last).to_contain_text("0241-45-4536")


def test_an_off_topic_question_is_declined_and_looks_so(page: Page) -> None:
    ask(page, OFF_TOPIC)
    reply = page.locator("#chat .reply").last
    expect(reply).to_have_class(re.compile("declined"))
    expect(reply).to_contain_text("資料に答えが見当たりません")
    expect(reply.locator("a.cite")).to_have_count(0)
    expect(page.locator("#panel .turn.shown h2")).to_have_text("近い資料（回答ではありません）")
    expect(page.locator("#panel .turn.shown mark")).to_have_count(0)


def test_an_example_is_a_question(page: Page) -> None:
    example = page.locator("#chat .example").first
    text = example.inner_text().strip()
    example.click()
    expect(page.locator("#chat .asked")).to_have_text(text)
    expect(page.locator("#chat .reply a.cite").first).to_be_visible()


def test_on_a_narrow_screen_the_next_answer_comes_into_view(page: Page) -> None:
    show_at(page, "narrow", "light")
    ask(page, LIST_QUESTION)
    page.locator("#chat a.cite").last.click()
    expect(page.locator("#panel .card.active")).to_be_in_viewport()
    ask(page, "福島県のアドバイザー派遣の満足度は？")
    expect(page.locator("#chat .asked").last).to_be_in_viewport(ratio=1)
    expect(page.locator("#answer-2 li").first).to_be_in_viewport()


def test_a_declined_follow_up_can_be_asked_apart_from_what_was_asked_before(page: Page) -> None:
    ask(page, "西会津町の推進体制は？")
    ask(page, "給食の献立は？")
    reply = page.locator("#answer-2")
    expect(reply).to_contain_text("これまでの質問から")
    expect(reply).to_have_class(re.compile("declined"))
    reply.locator(".act-alone").click()
    expect(reply).not_to_contain_text("これまでの質問から")
    expect(reply.locator(".footing")).to_be_visible()


def test_a_new_conversation_forgets_the_old_one(page: Page) -> None:
    ask(page, "西会津町の推進体制は？")
    page.click("#clear")
    expect(page.locator("#chat .example").first).to_be_visible()
    expect(page.locator("#panel .card")).to_have_count(0)
    ask(page, "担当課の電話番号は？")
    expect(page.locator("#chat .reply")).to_have_count(1)
    expect(page.locator("#chat .reply")).not_to_contain_text("これまでの質問から")


@pytest.mark.parametrize(
    ("keydown", "sent"),
    [("{isComposing: true}", 0), ("{keyCode: 229, which: 229}", 0), ("{}", 1)],
    ids=["composing", "closing as Safari tells it", "plain"],
)
def test_enter_that_ends_a_composition_does_not_send(page: Page, keydown: str, sent: int) -> None:
    page.fill(BOX, "とかい")
    page.locator(BOX).evaluate(
        f"""box => {{
          const enter = {{key: "Enter", code: "Enter", bubbles: true, cancelable: true}};
          box.dispatchEvent(new KeyboardEvent("keydown", {{...enter, ...{keydown}}}));
          box.dispatchEvent(new KeyboardEvent("keypress", enter));
        }}"""
    )
    page.wait_for_timeout(400)
    expect(page.locator("#chat .asked")).to_have_count(sent)
    if not sent:
        expect(page.locator(BOX)).to_have_value("とかい")


def test_an_input_method_composes_and_enter_then_sends(page: Page, session: Session) -> None:
    page.focus(BOX)
    keyboard = session.context.new_cdp_session(page)
    keyboard.send(
        "Input.imeSetComposition", {"text": "都城市", "selectionStart": 3, "selectionEnd": 3}
    )
    page.keyboard.press("Enter")
    page.wait_for_timeout(400)
    expect(page.locator("#chat .asked")).to_have_count(0)
    keyboard.send("Input.insertText", {"text": "の推進体制は？"})
    page.keyboard.press("Enter")
    expect(page.locator("#chat .asked")).to_have_count(1)


def test_shift_enter_breaks_the_line(page: Page) -> None:
    page.fill(BOX, "一行目")
    page.press(BOX, "Shift+Enter")
    page.keyboard.type("二行目")
    expect(page.locator(BOX)).to_have_value("一行目\n二行目")
    expect(page.locator("#chat .asked")).to_have_count(0)


def test_too_long_a_question_is_explained_and_kept(page: Page) -> None:
    ask(page, LIST_QUESTION)
    long = "長" * 2001
    page.fill(BOX, long)
    page.click("#send")
    expect(page.locator("#chat .reply.error")).to_contain_text("質問が長すぎます")
    expect(page.locator(BOX)).to_have_value(long)
    expect(page.locator("#chat #answer-1")).to_contain_text("都城市")


def test_an_empty_question_is_explained(page: Page) -> None:
    page.click("#send")
    expect(page.locator("#chat .reply.error")).to_contain_text("質問が空です")


def test_markup_in_a_question_stays_text(page: Page, session: Session) -> None:
    typed = "<img src=x onerror=alert(1)> **太字** $$x$$ {{y}} は？"
    ask(page, typed)
    expect(page.locator("#chat .asked")).to_have_text(typed)
    assert not session.errors


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("size", SIZES)
def test_layout_fits_and_text_is_legible(page: Page, size: str, scheme: str) -> None:
    width, height = SIZES[size]
    show_at(page, size, scheme)
    ask(page, LIST_QUESTION)
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    boxes = {name: page.locator(name).bounding_box() for name in ("#chat", "#panel", "#ask")}
    for name, box in boxes.items():
        assert box, name
        assert box["x"] >= 0, name
        assert box["x"] + box["width"] <= width, name
    chat, panel, box = boxes["#chat"], boxes["#panel"], boxes["#ask"]
    assert chat
    assert panel
    assert box
    if size == "narrow":
        assert panel["y"] >= box["y"] + box["height"]
    else:
        assert panel["x"] >= chat["x"] + chat["width"]
        assert box["y"] + box["height"] <= height
    for text in ("#chat .reply li", "#chat a.cite", ".card .passage", ".card dl", ".title p"):
        assert contrast(page, text) >= 4.5, text


def test_page_is_japanese(page: Page) -> None:
    expect(page.locator("html")).to_have_attribute("lang", "ja")
    ask(page, LIST_QUESTION)
    labels = page.locator("#chat [aria-label]").evaluate_all(
        "found => found.filter(e => e.offsetParent).map(e => e.getAttribute('aria-label'))"
    )
    assert not [label for label in labels if "<" in label or re.search("message|chatbot", label)]


def test_copy_gives_the_answer_with_its_sources(page: Page, session: Session) -> None:
    session.context.grant_permissions(["clipboard-read", "clipboard-write"])
    ask(page, LIST_QUESTION)
    page.click("#panel .turn.shown .copy-answer")
    expect(page.locator("#panel .turn.shown .copied")).to_have_text("コピーしました")
    copied = page.evaluate("navigator.clipboard.readText()")
    assert copied.startswith(f"質問：{LIST_QUESTION}")
    assert "出典" in copied


def test_a_whole_session_asks_no_other_host_and_logs_no_error(
    page: Page, session: Session, url: str
) -> None:
    ask(page, LIST_QUESTION)
    page.locator("#chat a.cite").first.click()
    ask(page, OFF_TOPIC)
    page.click("#clear")
    page.wait_for_timeout(500)
    assert session.requests
    assert {r for r in session.requests if not r.startswith((url, "data:", "blob:"))} == set()
    assert session.errors == []
