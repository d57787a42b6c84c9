"""Answers by aspects as HTML tables."""

from html.parser import HTMLParser

from dxqa import Index
from dxqa.types import Answer, Part, Statement
from dxqa.web.tables import card_table_html, comparison_html, statement_html, table_html

ATTACK = "<img src=x onerror=alert(1)>$$x$$"
UNSAID = "資料に記載がありません。"


class Table(HTMLParser):
    """The rows of a table as a browser reads them: a list of cells' texts for each row."""

    def __init__(self, markup: str) -> None:
        super().__init__()
        self.rows: list[list[str]] = []
        self.tags: list[str] = []
        self.links: list[str] = []
        self.names: list[str] = []
        self._named = False
        self.feed(markup)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        if tag == "tr":
            self.rows.append([])
        elif tag in ("th", "td"):
            self.rows[-1].append("")
        elif tag == "a":
            self.links.append(dict(attrs)["href"] or "")
        self._named = ("class", "of") in attrs

    def handle_data(self, data: str) -> None:
        if self._named:
            self.names.append(data)
            self._named = False
        elif self.rows and self.rows[-1]:
            self.rows[-1][-1] += data


def made(*parts: Part, kind: str = "compare") -> Answer:
    return Answer("質問", "", (), (), kind, 0.9, lead="並べます。", parts=parts)


def test_a_card_has_one_row_an_aspect_with_its_citations(index: Index) -> None:
    table = Table(card_table_html(3, index.ask("都城市について教えて")))
    told = {row[0]: row[1] for row in table.rows}
    assert list(told) == "概要 体制 取り組み 財源 成果 課題 今後 人口 連絡先".split()
    assert "デジタル統括本部を設置している。[2]" in told["体制"]
    assert "電話番号は0986-23-2111です。" in told["連絡先"]
    assert told["今後"] == UNSAID
    assert "#cite-3-2" in table.links


def test_a_comparison_has_aspects_down_and_municipalities_across(index: Index) -> None:
    table = Table(comparison_html(1, index.ask("都城市と酒田市の体制と財源を比べて")))
    assert table.rows[0] == ["項目", "宮崎県都城市", "山形県酒田市"]
    assert [row[0] for row in table.rows[1:]] == ["体制", "財源"]
    assert all("[" in cell for row in table.rows[1:] for cell in row[1:])


def test_an_aspect_that_only_one_case_has_is_said_to_be_missing_in_the_other() -> None:
    first = Part("甲市", (Statement("本部がある。", (1,), "体制"),))
    second = Part("乙町", (Statement("予算がある。", (2,), "財源"),))
    table = Table(comparison_html(1, made(first, second)))
    assert table.rows[1:] == [
        ["体制", "本部がある。[1]", UNSAID],
        ["財源", UNSAID, "予算がある。[2]"],
    ]


def test_statements_without_an_aspect_have_a_row_too() -> None:
    said = (Statement("ある。", (1,)), Statement("本部。", (2,), "体制"))
    table = Table(comparison_html(1, made(Part("甲市", said))))
    assert table.rows[1:] == [["記述", "ある。[1]"], ["体制", "本部。[2]"]]


def test_a_comparison_without_aspects_is_one_row_without_a_heading() -> None:
    parts = [Part(name, (Statement(f"{name}。", (1,)),)) for name in ("甲市", "乙町")]
    table = Table(comparison_html(1, made(*parts)))
    assert table.rows == [["甲市", "乙町"], ["甲市。[1]", "乙町。[1]"]]
    assert table.names == ["甲市", "乙町"]


def test_other_answers_are_no_tables() -> None:
    part = Part("甲市", (Statement("ある。", (1,), "体制"),))
    assert table_html(1, made(part, kind="list")) == ""
    assert table_html(1, made(part, kind="compare")) == ""
    assert "case-table" in table_html(1, made(part, kind="card"))


def test_text_of_documents_stays_text() -> None:
    said = Statement(ATTACK, (1,), ATTACK)
    for kind, render in (("card", card_table_html), ("compare", comparison_html)):
        markup = render(1, made(Part(ATTACK, (said,)), kind=kind))
        assert "img" not in Table(markup).tags
        assert "$" not in markup
        assert any(ATTACK in cell for row in Table(markup).rows for cell in row)


def test_only_what_nothing_backs_looks_unsaid() -> None:
    assert 'class="unsaid"' in statement_html(1, Statement(UNSAID))
    assert "unsaid" not in statement_html(1, Statement("ある。", (1,)))
