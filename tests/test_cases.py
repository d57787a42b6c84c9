"""Cases without a question: at a glance, as a card, side by side; and as the page shows them."""

import sys

import pytest

from dxqa import Index
from dxqa.errors import QuestionError
from dxqa.exchange import case_json, statements_json
from dxqa.japanese import PREFECTURES
from dxqa.types import Answer, Case, Citation, Document, Part, Passage, Statement
from dxqa.web.browse import browse_html, map_html, tiles
from dxqa.web.case_search import CaseSearch, Match, found_html
from dxqa.web.cases import view_html
from tests.conftest import HashEncoder

TOWN = "# 概要\n\n甲町は係を置いた。費用は百万円である。\n"


def held(index: Index, name: str) -> list[str]:
    return [case.name for case in index.cases() if case.name == name]


def test_every_municipality_is_a_case_with_its_first_sentence_cited(index: Index) -> None:
    cases = {case.name: case for case in index.cases()}
    assert list(cases) == list(index.store.municipalities)
    town = cases["福島県西会津町"]
    assert (town.prefecture, town.kind, town.population) == ("福島県", "町", 6000)
    assert cases["山形県舟形町"].population is None
    for case in cases.values():
        cited = case.summary
        assert cited
        document = index.store.documents[cited.passage.doc_id]
        assert document.text[cited.start : cited.end] == cited.quote
        assert cited.passage.municipality == case.name


def test_aspects_told_are_those_that_the_card_cites(index: Index) -> None:
    for case in index.cases():
        said = index.card(case.name).parts[0].statements
        cited = {s.aspect for s in said if s.numbers} - {"概要", "人口", "連絡先"}
        assert set(case.aspects) == cited


@pytest.mark.parametrize(
    ("question", "names"),
    [("都城市について教えて", ["宮崎県都城市"]), ("大分県と神戸市を比べて", ["大分県", "神戸市"])],
)
def test_cases_by_name_are_what_a_question_gets(
    index: Index, question: str, names: list[str]
) -> None:
    asked = index.ask(question)
    got = index.compare(names) if len(names) > 1 else index.card(names[0])
    assert (got.kind, got.text, got.citations, got.parts) == (
        asked.kind,
        asked.text,
        asked.citations,
        asked.parts,
    )


@pytest.mark.parametrize("name", ["都城市", " 宮崎県都城市 ", "宮崎県都城市"])
def test_a_name_may_be_short_where_it_is_clear(index: Index, name: str) -> None:
    assert index.card(name).parts[0].label == "宮崎県都城市"


@pytest.mark.parametrize(
    ("name", "message"),
    [("青森市", "資料にありません"), ("", "資料にありません"), ("市", "いくつも")],
)
def test_a_name_that_is_not_clear_is_explained(index: Index, name: str, message: str) -> None:
    with pytest.raises(QuestionError, match=message):
        index.card(name)


def test_a_comparison_needs_two_different_cases(index: Index) -> None:
    with pytest.raises(QuestionError, match="2つ以上"):
        index.compare(["都城市", "宮崎県都城市"])
    assert len(index.compare(["都城市", "宮崎県都城市", "大分県"]).parts) == 2


def test_a_corpus_without_municipalities_has_no_cases(hash_encoder: HashEncoder) -> None:
    index = Index.build([Document("a.md", "甲", TOWN, "a.md")], encoder=hash_encoder)
    assert index.cases() == []
    with pytest.raises(QuestionError, match="一つもありません"):
        index.card("甲町")


def test_cases_follow_an_update(hash_encoder: HashEncoder) -> None:
    town = Document("a.md", "甲", TOWN, "a.md", {"municipality": "山形県甲町"})
    index = Index.build([town], encoder=hash_encoder)
    assert held(index, "山形県甲町")
    assert index.cases()[0].prefecture == "山形県"
    index.update([Document("b.md", "乙", TOWN, "b.md", {"municipality": "乙町"})])
    assert not held(index, "山形県甲町")
    assert held(index, "乙町")


def test_json_of_a_case_has_the_forms_of_the_contract(index: Index) -> None:
    case = index.cases()[0]
    told = case_json(case)
    assert told["summary"]["quote"] == case.summary.quote if case.summary else False
    citation = index.ask("都城市について教えて").to_json()
    assert all(f'"{key}"' in citation for key in told["summary"])


def test_json_of_statements_says_what_is_cited(index: Index) -> None:
    answer = index.card("都城市")
    numbers = {citation.number for citation in answer.citations}
    told = statements_json(answer)
    assert {n for said in told for n in said["numbers"]} == numbers
    assert next(s for s in told if s["aspect"] == "今後")["numbers"] == []


ATTACK = '<img src=x onerror="alert(1)">${x}'


def test_the_map_holds_every_prefecture_once_and_tells_counts(index: Index) -> None:
    assert set(tiles()) == set(PREFECTURES)
    assert len(set(tiles().values())) == len(PREFECTURES)
    shown = map_html(index.cases())
    assert shown.count("<button") == len({case.prefecture for case in index.cases()})
    assert '><span lang="ja">福島</span> <span class="count">2件</span></button>' in shown


def test_a_case_without_a_prefecture_is_told_beside_the_map() -> None:
    lone = Case("乙町", "", "町", None, None, ())
    assert "都道府県がわからない事例：1件" in map_html([lone])
    assert "概要の記載がありません" in browse_html([lone], {})


def test_text_of_cases_stays_text() -> None:
    passage = Passage("p", ATTACK, (ATTACK,), 0, len(ATTACK), ATTACK)
    cited = Citation(1, passage, ATTACK, 0, len(ATTACK))
    shown = browse_html([Case(ATTACK, ATTACK, ATTACK, 1, cited, (ATTACK,))], {})
    assert "<img" not in shown
    assert "$" not in shown
    said = Answer(
        ATTACK, "", (cited,), (), "card", 0.9, parts=(Part(ATTACK, (Statement(ATTACK, (1,)),)),)
    )
    assert "<img" not in view_html(said, {})


def test_a_corpus_without_cases_shows_its_documents() -> None:
    shown = browse_html([], {"a.md": Document("a.md", "手引き<b>", TOWN, "a.md")})
    assert "手引き&lt;b&gt;" in shown
    assert "case-cards" not in shown
    assert "収録している文書がありません" in browse_html([], {})


def test_without_python_docx_the_word_button_says_what_to_install(
    index: Index, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "docx", None)
    shown = view_html(index.compare(["都城市", "大分県"]), index.store.documents)
    assert "<summary>Wordで保存</summary><p>Word ファイルを作る部品がありません。" in shown
    assert "pip install python-docx" in shown
    assert ">CSVで保存</a>" in shown


def test_words_are_found_in_the_sentences_of_a_case(index: Index) -> None:
    search = CaseSearch(index)
    found = search.find(["特別交付税"])
    assert list(found) == ["山形県酒田市"]
    assert found["山形県酒田市"].sentences == 1
    assert "外部人材のコストを特別交付税" in found["山形県酒田市"].best
    both = search.find(["ｃｄｏ", "リビングラボ"])
    assert list(both) == ["山形県酒田市"]
    assert both["山形県酒田市"].sentences > 1
    assert search.find(["どこにもない言葉"]) == {}
    assert len(search.find([])) == len(index.cases())


def test_what_is_found_stays_text() -> None:
    attack = '"><script>alert(1)</script>{{x}}'
    assert "<script" not in found_html(attack, {attack: Match(1, attack)})
