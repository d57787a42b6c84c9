"""The article itself as input, as a user would save it."""

import pytest

from dxqa.evaluation import chapter
from dxqa.passages import split_passages
from dxqa.readers import outline, read_corpus
from dxqa.types import Document, Passage
from tests.conftest import shared

pytestmark = pytest.mark.shared

CASES = {
    "愛媛県", "福島県", "埼玉県上里町", "山形県舟形町", "福井県あわら市", "宮崎県都城市",
    "福島県西会津町", "山形県酒田市", "大分県", "神奈川県横浜市", "兵庫県神戸市",
}  # fmt: skip


@pytest.fixture(scope="module")
def article() -> Document:
    return read_corpus(shared("article")).documents[0]


@pytest.fixture(scope="module")
def passages(article: Document) -> list[Passage]:
    return split_passages(article)


def test_passages_and_sentences_stand_at_their_offsets(
    article: Document, passages: list[Passage]
) -> None:
    for passage in passages:
        assert article.text[passage.start : passage.end] == passage.text
        for start, end in passage.sentences:
            assert passage.start <= start < end <= passage.end


def test_every_case_and_every_chapter_has_passages(passages: list[Passage]) -> None:
    assert {p.municipality for p in passages if p.municipality} == CASES
    labels = {chapter(p) for p in passages if not p.municipality}
    assert {"はじめに", "定義", "課題", "推進方法", "まとめ"} <= labels


def test_one_passage_a_table_row_tied_to_its_municipality(passages: list[Passage]) -> None:
    rows = {p.municipality: p for p in passages if p.heading_path[-1].startswith("事例 人口")}
    assert set(rows) == CASES - {"山形県舟形町"}
    assert rows["福島県西会津町"].metadata["population"] == 6000
    assert rows["福島県西会津町"].metadata["tel"] == "0241-45-4536"
    assert "福島県⻄会津町" in rows["福島県西会津町"].text  # original characters are quoted
    assert rows["福井県あわら市"].text.startswith("福島県あわら市")  # the table's own slip
    assert rows["兵庫県神戸市"].metadata["department"] == "企画調整局デジタル戦略部ICT業務改革担当"
    assert "tel" not in rows["兵庫県神戸市"].metadata


def test_captions_contents_and_menus_are_not_in_passages(
    article: Document, passages: list[Passage]
) -> None:
    text = "".join(p.text for p in passages)
    for furniture in ("若鮎の遡上", "庄内平野", "Contents", "日本地図と手", "アバター投稿者"):
        assert furniture not in text
    ignored = "".join(article.text[a:b] for a, b in outline(article).ignored)
    assert "若鮎の遡上" in ignored


def test_nothing_but_furniture_and_headings_is_left_out(
    article: Document, passages: list[Passage]
) -> None:
    found = outline(article)
    kept = [(p.start, p.end) for p in passages] + list(found.ignored)
    headings = {name for s in found.sections for name in s.heading_path}
    rest = "".join(c for at, c in enumerate(article.text) if not any(a <= at < b for a, b in kept))
    left = [line.strip() for line in rest.splitlines() if line.strip()]
    assert set(left) <= headings


def test_references_go_to_their_case(passages: list[Passage]) -> None:
    oita = next(p for p in passages if p.municipality == "大分県")
    assert oita.metadata["reference"] == "全庁組織「大分県DX推進本部」を設置"
