"""What an answer looks like, what stands around it, and what can be done with a turn."""

import pytest
from playwright.sync_api import Page, expect

from tests.e2e.browser import BOX, LIST_QUESTION, OFF_TOPIC, Session, ask, contrast

pytestmark = pytest.mark.e2e

CARD = "神戸市の事例を教えて"
COMPARE = "都城市と西会津町の推進体制を比べて"
CONDITION = "人口5万人以下で外部人材を活用している自治体は？"


def wait_for_answers(page: Page, count: int) -> None:
    expect(page.locator("#chat .footing")).to_have_count(count)
    expect(page.locator("#send")).to_be_visible()


def test_what_is_typed_while_an_answer_comes_stays(page: Page) -> None:
    page.fill(BOX, LIST_QUESTION)
    page.press(BOX, "Enter")
    expect(page.locator(BOX)).to_have_value("")
    page.fill(BOX, "次の質問")
    wait_for_answers(page, 1)
    page.wait_for_timeout(500)
    expect(page.locator(BOX)).to_have_value("次の質問")


def test_a_case_is_a_card_of_aspects(page: Page) -> None:
    ask(page, CARD)
    card = page.locator("#chat table.case-table")
    expect(card.locator("caption")).to_have_text("兵庫県神戸市")
    expect(card.locator("tbody th")).to_contain_text(["体制", "取り組み", "財源", "連絡先"])
    unsaid = card.locator("tr", has=page.locator("th", has_text="財源")).locator(".unsaid")
    expect(unsaid).to_have_text("資料に記載がありません。")
    assert contrast(page, "#chat .case-table .unsaid") >= 4.5
    card.locator("a.cite").first.click()
    expect(page.locator("#panel .card.active mark.active")).to_be_in_viewport()


@pytest.mark.parametrize("width", [1440, 390])
def test_a_comparison_is_a_table_that_can_be_read(page: Page, width: int) -> None:
    page.set_viewport_size({"width": width, "height": 844})
    ask(page, COMPARE)
    table = page.locator("#chat table.comparison")
    expect(table.locator("thead th")).to_have_text(["項目", "宮崎県都城市", "福島県西会津町"])
    expect(table.locator("tbody th")).to_have_text("体制")
    names = table.locator("td > .of")
    expect(names).to_have_count(2)
    expect(names.first).to_be_visible(visible=width == 390)
    assert table.evaluate("e => e.parentElement.scrollWidth - e.parentElement.clientWidth") <= 1
    boxes = [cell.bounding_box() for cell in table.locator("tbody td").all()]
    assert all(box and box["width"] > 200 for box in boxes)


def test_a_passage_shows_the_text_around_it(page: Page) -> None:
    ask(page, LIST_QUESTION)
    card = page.locator("#panel .turn.shown .card").first
    text = card.locator(".around .text")
    expect(text).to_be_hidden()
    card.get_by_text("原文の前後を表示").click()
    expect(text).to_be_visible()
    expect(text).to_contain_text(card.locator(".passage mark").first.inner_text())
    assert len(text.inner_text()) > len(card.locator(".passage").inner_text()) + 50
    expect(text).not_to_contain_text("municipality:")


def test_a_suggested_question_is_asked_and_answered(page: Page) -> None:
    ask(page, LIST_QUESTION)
    suggestion = page.locator("#chat .next .act-ask").first
    question = suggestion.inner_text()
    suggestion.click()
    wait_for_answers(page, 2)
    expect(page.locator("#chat .asked").last).to_have_text(question)
    expect(page.locator("#chat .reply").last.locator("a.cite").first).to_be_visible()


def test_a_declined_answer_offers_steps_that_work(page: Page) -> None:
    ask(page, OFF_TOPIC)
    reply = page.locator("#chat .reply.declined")
    reply.get_by_text("自治体名を入れて尋ね直す").click()
    expect(page.locator(BOX)).to_have_value(f"○○市の{OFF_TOPIC}")
    page.keyboard.type("都城市")
    expect(page.locator(BOX)).to_have_value(f"都城市の{OFF_TOPIC}")
    reply.locator(".held summary").click()
    expect(reply.locator(".held li")).to_have_count(11)
    reply.locator(".held").get_by_text("大分県", exact=True).click()
    wait_for_answers(page, 2)
    expect(page.locator("#chat table.case-table caption")).to_have_text("大分県")


def test_a_condition_read_from_the_question_can_be_removed_and_put_back(page: Page) -> None:
    ask(page, CONDITION)
    reply = page.locator("#chat .reply")
    expect(reply.locator(".chip.act-without")).to_contain_text("人口5万人以下")
    expect(reply).not_to_contain_text("酒田市")
    reply.locator(".chip.act-without").click()
    expect(reply).to_contain_text("酒田市")
    expect(page.locator("#chat .reply")).to_have_count(1)
    expect(reply.locator(".chip.act-without")).to_have_count(0)
    reply.locator(".chip.act-again").click()
    expect(reply).not_to_contain_text("酒田市")
    expect(reply.locator(".chip.act-without")).to_have_count(1)


def test_a_turn_is_asked_again_and_deleted(page: Page) -> None:
    ask(page, LIST_QUESTION)
    ask(page, "福島県のアドバイザー派遣の満足度は？")
    page.locator("#answer-1 .act-retry").click()
    wait_for_answers(page, 2)
    expect(page.locator("#answer-1")).to_contain_text("都城市")
    page.locator("#answer-1 .act-delete").click()
    expect(page.locator("#chat .reply")).to_have_count(1)
    expect(page.locator("#panel .turn")).to_have_count(1)
    page.locator("#answer-2 a.cite").first.click()
    expect(page.locator("#panel .card.active h3")).to_contain_text("福島県")


def test_a_question_is_mended_in_its_place(page: Page) -> None:
    ask(page, "福島県のアドバイザー派遣の満足度は？")
    ask(page, LIST_QUESTION)
    page.locator("#answer-1 .act-edit").click()
    expect(page.locator(BOX)).to_have_value("福島県のアドバイザー派遣の満足度は？")
    expect(page.locator("#notice")).to_contain_text("質問を直しています")
    page.fill(BOX, CARD)
    page.press(BOX, "Enter")
    expect(page.locator("#answer-1 caption")).to_have_text("兵庫県神戸市")
    expect(page.locator("#chat .asked")).to_have_text([CARD, LIST_QUESTION])
    expect(page.locator("#notice")).to_be_empty()


def test_mending_can_be_left(page: Page) -> None:
    ask(page, LIST_QUESTION)
    page.locator("#answer-1 .act-edit").click()
    page.click("#stop-editing")
    expect(page.locator(BOX)).to_have_value("")
    ask(page, CARD)
    expect(page.locator("#chat .asked")).to_have_text([LIST_QUESTION, CARD])


def test_waiting_can_be_stopped_and_the_question_asked_again(page: Page) -> None:
    """A long question takes long enough to be stopped."""
    long = f"{COMPARE}、財源と成果と課題と今後の予定も。" * 45
    page.fill(BOX, long)
    page.evaluate(
        """() => new MutationObserver((_, observer) => {
          if (!document.querySelector("#stop")?.offsetParent) return;
          observer.disconnect();
          setTimeout(() => document.querySelector("#stop").click());
        }).observe(document.body, { childList: true, subtree: true, attributes: true })"""
    )
    page.press(BOX, "Enter")
    expect(page.locator("#chat .reply.stopped")).to_contain_text("中止しました")
    expect(page.locator("#send")).to_be_visible()
    page.wait_for_timeout(1500)
    expect(page.locator("#chat .footing")).to_have_count(0)
    page.locator("#chat .reply.stopped .act-retry").click()
    wait_for_answers(page, 1)
    expect(page.locator("#chat .reply.stopped")).to_have_count(0)


def test_an_unclear_question_is_asked_back(page: Page) -> None:
    ask(page, "電話番号は？")
    reply = page.locator("#chat .reply.asking")
    expect(reply).to_contain_text("どの自治体についてのお尋ねでしょうか")
    reply.get_by_text("福島県西会津町の電話番号は？").click()
    wait_for_answers(page, 2)
    expect(page.locator("#chat .reply").last).to_contain_text("0241-45-4536")


def test_a_link_repeats_the_question(page: Page, session: Session, url: str) -> None:
    session.context.grant_permissions(["clipboard-read", "clipboard-write"])
    ask(page, "西会津町の推進体制は？")
    ask(page, "では担当課の電話番号は？")
    page.locator("#chat .reply").last.locator(".act-link").click()
    expect(page.locator("#chat .reply").last.locator(".told")).to_have_text("コピーしました")
    link = page.evaluate("navigator.clipboard.readText()")
    assert link.startswith(url)
    opened = session.open(link)
    expect(opened.locator("#chat .asked")).to_have_text("では担当課の電話番号は？", timeout=30_000)
    expect(opened.locator("#chat .reply")).to_contain_text("0241-45-4536")


def test_a_link_with_markup_stays_text(session: Session, url: str) -> None:
    opened = session.open(f"{url}?q=<img src=x onerror=alert(1)>は？&filters=[1&undone=3")
    expect(opened.locator("#chat .asked")).to_have_text(
        "<img src=x onerror=alert(1)>は？", timeout=30_000
    )
    expect(opened.locator("#chat .footing")).to_have_count(1)
    assert session.errors == []
