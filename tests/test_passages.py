"""Sections to passages."""

from hypothesis import given
from hypothesis import strategies as st

from dxqa.passages import PASSAGE_CHARACTERS, encoder_text, split_passages
from dxqa.readers import read_corpus
from dxqa.types import Document
from tests.conftest import CORPUS


def test_offsets_hold_over_the_corpus() -> None:
    for document in read_corpus(CORPUS).documents:
        passages = split_passages(document)
        assert passages
        for passage in passages:
            assert document.text[passage.start : passage.end] == passage.text
            assert passage.sentences[-1][1] == passage.end


@given(st.text(alphabet="あいう。\n #-1.A「」", max_size=400), st.sampled_from([".md", ".txt"]))
def test_offsets_hold_over_any_text(text: str, suffix: str) -> None:
    document = Document("a" + suffix, "題", text, "a" + suffix)
    for passage in split_passages(document):
        assert document.text[passage.start : passage.end] == passage.text
        for start, end in passage.sentences:
            assert passage.start <= start < end <= passage.end


def test_long_sections_are_cut_at_sentence_ends() -> None:
    text = "この文はおよそ二十文字ほどの長さです。" * 60
    passages = split_passages(Document("a.txt", "題", text))
    assert len(passages) > 1
    assert all(len(p.text) <= PASSAGE_CHARACTERS for p in passages)
    assert all(p.text.endswith("。") for p in passages)
    assert "".join(p.text for p in passages) == text


def test_a_text_without_full_stops_is_cut_all_the_same() -> None:
    text = "あ" * 5000
    passages = split_passages(Document("a.txt", "題", text))
    assert "".join(p.text for p in passages) == text
    assert max(len(p.text) for p in passages) <= 600


def test_headings_and_place_are_context_for_the_encoder() -> None:
    document = Document(
        "a.md",
        "題",
        "# 題\n\n## 財源\n\n県が負担する。\n",
        "a.md",
        {"municipality": "長野県川上村"},
    )
    passage = split_passages(document)[0]
    assert encoder_text(passage) == "長野県川上村 財源 題\n県が負担する。"
    assert passage.municipality == "長野県川上村"
