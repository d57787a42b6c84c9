"""Terms of the lexical index."""

from hypothesis import given
from hypothesis import strategies as st

from dxqa.tokenizer import pairs, terms, tokenize, trigrams


def test_terms_are_lemmas_of_content_words_with_canonical_figures() -> None:
    found = terms("2021年度に費用を減らした")
    assert "費用" in found
    assert "減らす" in found
    assert "#2021年" in found
    assert "を" not in found


def test_era_and_gregorian_year_share_a_term() -> None:
    assert "#2021年" in terms("令和3年3月に策定")


def test_loan_words_lose_the_dictionary_gloss() -> None:
    assert "アドバイザー" in terms("アドバイザーの派遣")


def test_tokens_point_at_original_characters() -> None:
    text = "⻄会津町の ﾃﾞｼﾞﾀﾙ化"
    assert [text[t.start : t.end] for t in tokenize(text)][:2] == ["⻄会津", "町"]
    assert "ﾃﾞｼﾞﾀﾙ" in [text[t.start : t.end] for t in tokenize(text)]


def test_pairs_are_of_words_that_follow_one_another() -> None:
    assert pairs("デジタル戦略を進める") == ["デジタル 戦略", "戦略 進める"]


@given(st.text(max_size=60))
def test_any_text_is_analysed(text: str) -> None:
    assert all(0 <= t.start <= t.end <= len(text) for t in tokenize(text))
    terms(text)


def test_trigrams_stay_within_a_phrase_and_leave_out_endings() -> None:
    assert trigrams("窓口の待ち、ＤＸ推進") == ["窓口の", "口の待", "の待ち", "dx推", "x推進"]
    assert trigrams("ありますか") == []
    assert trigrams("CDO") == ["cdo"]
