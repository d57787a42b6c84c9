"""Questions that may mean several things are asked back, with whole questions to choose from."""

import pytest

from dxqa import Document, Index
from tests.conftest import HashEncoder


@pytest.fixture(scope="module")
def fuchu() -> Index:
    """Two towns of one name, and a prefecture whose capital is called as it is."""
    names = ("東京都府中市", "広島県府中市", "福島県", "福島県福島市")
    documents = [
        Document(
            f"{n}.md",
            name,
            f"# {name}\n\n{name}は、窓口の予約を始めた。財源は一般財源である。",
            path=f"{n}.md",
            metadata={"municipality": name},
        )
        for n, name in enumerate(names)
    ]
    return Index.build(documents, encoder=HashEncoder())


def test_one_name_for_two_towns(fuchu: Index) -> None:
    answer = fuchu.ask("府中市の財源は？")
    assert (answer.kind, answer.answered, answer.citations) == ("ambiguous", False, ())
    assert answer.choices == ("東京都府中市の財源は？", "広島県府中市の財源は？")
    assert all(choice in answer.text for choice in answer.choices)


def test_each_choice_is_plain(fuchu: Index) -> None:
    for choice in fuchu.ask("府中市の財源は？").choices:
        understood = fuchu.retriever.understand(choice)
        assert len(understood.places) == 1
        assert not understood.mentions.ambiguous


@pytest.mark.parametrize(
    ("question", "place"),
    [
        ("東京都府中市の財源は？", "東京都府中市"),
        ("広島県の府中市ではなく広島県府中市の財源", "広島県府中市"),
        ("福島県の財源は？", "福島県"),
        ("福島市の財源は？", "福島県福島市"),
    ],
)
def test_a_name_that_says_which(fuchu: Index, question: str, place: str) -> None:
    assert place in fuchu.retriever.understand(question).places


def test_a_prefecture_and_its_capital(fuchu: Index) -> None:
    assert fuchu.ask("福島の財源は？").choices == ("福島県の財源は？", "福島県福島市の財源は？")


def test_what_was_spoken_of_before_decides(fuchu: Index) -> None:
    query = fuchu.retriever.understand("府中市の財源は？", ["広島県府中市の窓口の予約について"])
    assert query.places == ("広島県府中市",)
    assert not query.mentions.ambiguous


@pytest.mark.parametrize("question", ["その財源は？", "電話番号を教えて", "そこの人口は"])
def test_a_question_about_nobody(fuchu: Index, question: str) -> None:
    answer = fuchu.ask(question)
    assert answer.kind == "ambiguous"
    assert len(answer.choices) == 4
    assert all(fuchu.ask(choice).kind != "ambiguous" for choice in answer.choices)


def test_a_question_that_points_back_to_something(fuchu: Index) -> None:
    assert fuchu.ask("その財源は？", history=["広島県府中市の予約は？"]).kind != "ambiguous"


def test_the_corpus_is_never_asked_about_what_is_plain(index: Index) -> None:
    for question in ("CDOを置いている自治体は？", "都城市の電話番号は？", "その他の財源の例は？"):
        assert index.ask(question).kind != "ambiguous"


def test_the_choices_of_the_corpus(index: Index) -> None:
    answer = index.ask("そこの担当課の電話は？")
    assert answer.kind == "ambiguous"
    assert set(answer.choices) == {
        f"{name}の担当課の電話は？" for name in index.store.municipalities
    }
