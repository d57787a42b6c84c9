"""Normal form, figures, places and sentences."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dxqa.japanese import find_quantities, normalize, parse_place, split_sentences

ANY_TEXT = st.text(max_size=80)


@pytest.mark.parametrize(
    ("typed", "normal"),
    [
        ("⻄会津町の⾸⻑", "西会津町の首長"),  # CJK radicals supplement and Kangxi radicals
        ("⼤分県", "大分県"),
        ("ﾘﾋﾞﾝｸﾞﾗﾎﾞ", "リビングラボ"),
        ("ＣＤＯ　９５％", "CDO 95%"),
        ("神戶市の縣廳", "神戸市の県庁"),
        ("か\u3099いふ\u3099", "がいぶ"),
        ("スマ−トシティ", "スマートシティ"),
        ("097‐506−2474", "097-506-2474"),
    ],
)
def test_normal_form(typed: str, normal: str) -> None:
    assert normalize(typed).text == normal


@given(ANY_TEXT)
def test_every_normal_character_is_traced_to_the_original(text: str) -> None:
    normal = normalize(text)
    assert len(normal.text) == len(normal.starts) == len(normal.ends)
    assert list(normal.starts) == sorted(normal.starts)
    for at in range(len(normal.text)):
        start, end = normal.original_span(at, at + 1)
        assert 0 <= start < end <= len(text)


@given(ANY_TEXT)
def test_normal_form_of_a_traced_span_holds_the_character(text: str) -> None:
    normal = normalize(text)
    for at, character in enumerate(normal.text):
        start, end = normal.original_span(at, at + 1)
        assert character in normalize(text[start:end]).text or character == "ー"


def test_a_span_maps_back_over_a_combining_mark() -> None:
    text = "ﾃﾞｼﾞﾀﾙ化"
    normal = normalize(text)
    assert normal.text == "デジタル化"
    assert text[slice(*normal.original_span(0, 2))] == "ﾃﾞｼﾞ"


@pytest.mark.parametrize(
    ("text", "terms"),
    [
        ("令和3年度", ["#2021年"]),
        ("R3", ["#2021年"]),
        ("2021年度から", ["#2021年"]),
        ("令和元年", ["#2019年"]),
        ("平成三十年", ["#2018年"]),
        ("全五十九市町村", ["#59"]),
        ("全59市町村", ["#59"]),
        ("375.6万人", ["#3756000"]),
        ("１億2,000万円", ["#120000000"]),
        ("四つの柱", ["#4"]),
        ("4つの柱", ["#4"]),
        ("95%以上", ["#95"]),
        ("一部の人", []),
        ("千葉市で十分", []),
        ("\ua620と٣と१", []),  # digits of other scripts
    ],
)
def test_the_same_figure_has_the_same_term(text: str, terms: list[str]) -> None:
    assert [q.term for q in find_quantities(text)] == terms


@given(ANY_TEXT)
def test_figures_stand_where_they_are_said_to(text: str) -> None:
    for quantity in find_quantities(text):
        assert 0 <= quantity.start < quantity.end <= len(text)


def test_places() -> None:
    place = parse_place("福島県⻄会津町")
    assert place is not None
    assert (place.name, place.prefecture, place.kind) == ("福島県西会津町", "福島県", "町")
    assert parse_place("大分県") is not None
    assert parse_place("DX推進課") is None


def test_sentences_end_at_full_stops_outside_brackets_and_at_lines() -> None:
    text = "1. 費用:\n県が負担。「はい。それで」と言う。\n– 次の行\n– その次。"
    quoted = [text[a:b] for a, b in split_sentences(text)]
    assert quoted == ["費用:\n県が負担。", "「はい。それで」と言う。", "次の行", "その次。"]


@given(st.text(alphabet="あ。「」\n・1. A！（", max_size=60))
def test_sentences_cover_all_but_blanks_and_list_markers(text: str) -> None:
    spans = split_sentences(text)
    assert all(a < b for a, b in spans)
    assert all(first[1] <= second[0] for first, second in pairwise(spans))
    covered = "".join(text[a:b] for a, b in spans)
    assert covered.count("あ") == text.count("あ")
    assert covered.count("A") == text.count("A")
