import pytest

from dxqa import Index
from dxqa.answering.follow_ups import MOST, follow_ups

QUESTIONS = (
    "市長が最高デジタル責任者を務めている市は？",
    "福島県のアドバイザー派遣の満足度は？",
    "都城市と西会津町の推進体制を比べて",
    "西会津町のDX担当課と電話番号を教えて",
    "人口5万人以下の自治体の事例は？",
    "外部の人材を活用している自治体を教えて",
)


def suggested(index: Index) -> dict[str, str]:
    """Every question suggested after many others, with the one it comes after."""
    cards = [f"{name}の事例を教えて" for name in index.store.municipalities]
    asked = [*QUESTIONS, *cards]
    return {found: q for q in asked for found in follow_ups(index.ask(q), index.store)}


def test_the_corpus_answers_every_suggestion(index: Index) -> None:
    found = suggested(index)
    assert len(found) >= 20
    assert [question for question in found if not index.ask(question).answered] == []


def test_a_suggestion_is_not_what_the_answer_just_said(index: Index) -> None:
    for question in QUESTIONS:
        answer = index.ask(question)
        told = {(c.passage.doc_id, c.start) for c in answer.citations}
        for suggestion in follow_ups(answer, index.store):
            more = {(c.passage.doc_id, c.start) for c in index.ask(suggestion).citations}
            assert more - told, (question, suggestion)


@pytest.mark.parametrize("question", QUESTIONS)
def test_suggestions_are_few_and_about_the_cited_cases(index: Index, question: str) -> None:
    answer = index.ask(question)
    found = follow_ups(answer, index.store)
    cited = {c.passage.municipality or "" for c in answer.citations}
    assert 1 <= len(found) <= MOST
    for suggestion in found:
        places = index.retriever.understand(suggestion).places
        assert set(places) & cited, suggestion


def test_a_declined_answer_suggests_nothing(index: Index) -> None:
    assert follow_ups(index.ask("明日の東京の天気は？"), index.store) == ()
