"""What stands around answers: tables, chips, filters, next steps, and what is taken along."""

import builtins
import json
import re
from collections.abc import Mapping, Sequence

import pytest

from dxqa import Index
from dxqa.errors import ExportError
from dxqa.types import Answer, Citation, Document, Hit, Part, Passage, Statement
from dxqa.web import asides, words
from dxqa.web.cards import evidence_html, surroundings
from dxqa.web.conversation import Turn, next_number, placed, stopped
from dxqa.web.filters import chips_html, chosen, facets, said
from dxqa.web.requests import Request, from_json
from dxqa.web.tables import table_html
from dxqa.web.transcript import shifted, transcript

ATTACK = "<script>alert(1)</script>${x}{{y}}"
FRONT = "---\ntitle: 甲\n---\n"
TEXT = f"{FRONT}\n前の行。\n本文である。\n後の行。\n"


def passage() -> Passage:
    start = TEXT.index("本文")
    quote = "本文である。"
    return Passage("a.md#1", "a.md", ("甲", "体制"), start, start + len(quote), quote)


def answer_of(kind: str, parts: Sequence[Part], question: str = "質問") -> Answer:
    held = passage()
    citation = Citation(1, held, held.text, held.start, held.end)
    return Answer(
        question, "本文。[1]", (citation,), (), kind, 0.9, lead="次です。", parts=tuple(parts)
    )


def part(label: str, *said_: tuple[str, str]) -> Part:
    return Part(label, tuple(Statement(text, (1,) if text else (), a) for a, text in said_))


def turn_of(
    number: int, answer: Answer | None = None, *, failed: bool = False, whole: bool = True
) -> Turn:
    return Turn(number, Request(f"質問{number}"), "…", answer=answer, failed=failed, whole=whole)


def test_nothing_becomes_markup_in_tables_and_chips() -> None:
    parts = [part(ATTACK, (ATTACK, ATTACK)), Part(ATTACK, (Statement(ATTACK, (), ATTACK),))]
    answer = answer_of("compare", parts)
    hits = (Hit(passage(), 1, 1.0, 1.0, 1.0),)
    refused = Answer(ATTACK, ATTACK, (), hits, "declined", 0.0, conditions={"kind": ATTACK})
    shown = (
        table_html(1, answer)
        + asides.conditions_html(refused, {"kind": [ATTACK]}, {"population": ATTACK})
        + asides.next_steps_html(refused, [ATTACK], filtered=True)
        + asides.questions_html("follow-ups", [ATTACK])
        + chips_html({"theme": [ATTACK]})
    )
    assert "<script" not in shown
    assert "${" not in shown
    assert "{{" not in shown


def test_surroundings_leave_out_the_front_matter() -> None:
    before, after = surroundings(passage(), Document("a.md", "甲", TEXT, "a.md"))
    assert before == "前の行。\n"
    assert after == "\n後の行。"


def test_surroundings_are_folded_into_the_card() -> None:
    documents = {"a.md": Document("a.md", "甲", TEXT, "a.md")}
    markup = evidence_html(1, answer_of("fact", []), documents)
    assert "前の行。" in markup
    assert '<details class="around">' in markup


def test_filters_are_what_the_cases_can_be_told_apart_by(index: Index) -> None:
    found = facets(index.store)
    assert found.kinds == ["都道府県", "市", "町"]
    assert found.prefectures[0] == "山形県"
    assert len(found.prefectures) == 9
    assert "1万人未満" in dict(found.populations)
    assert found.others == []


def test_what_is_chosen_becomes_filters() -> None:
    filters = chosen(["町", "市"], [], ["..9999"], ["theme=窓口", "theme=防災"])
    assert filters == {
        "kind": ["町", "市"],
        "population": ["..9999"],
        "theme": ["窓口", "防災"],
    }
    assert said(filters) == {
        "kind": "種別：町・市",
        "population": "人口：1万人未満",
        "theme": "テーマ：窓口・防災",
    }


def test_a_filter_given_overrules_what_the_question_says(index: Index) -> None:
    question = "人口5万人以下で外部人材を活用している自治体は？"
    read = index.ask(question)
    assert read.conditions == {"population": "人口5万人以下"}
    free = index.ask(question, filters={"population": None})
    assert not free.conditions
    places = {c.passage.municipality for c in free.citations}
    assert places - {c.passage.municipality for c in read.citations}
    assert not any("しぼりました" in note for note in free.notes)


def test_filters_alone_list_their_cases(index: Index) -> None:
    answer = index.ask("事例を教えて", filters={"kind": "町"})
    assert {part.label for part in answer.parts} == {
        "福島県西会津町",
        "山形県舟形町",
        "埼玉県上里町",
    }


@pytest.mark.parametrize(
    "kept",
    [
        None,
        "質問",
        {"question": 3},
        {"history": ["質問"]},
    ],
)
def test_what_is_no_request_is_none(kept: object) -> None:
    assert from_json(kept) is None


def test_a_request_survives_the_browser() -> None:
    request = Request("質問", ("前",), {"kind": ["町"]}, {"population": "人口5万人以下"})
    assert from_json(json.loads(json.dumps(request.to_json()))) == request
    assert request.all_filters == {"population": None, "kind": ["町"]}
    assert request.again_with("population").undone == {}


def test_what_does_not_fit_a_request_is_left_out() -> None:
    kept = {"question": "質問", "history": "x", "filters": {"kind": 3, "a": [1, "b"]}, "undone": []}
    assert from_json(kept) == Request("質問", (), {"a": ["b"]}, {})


def test_a_turn_takes_the_place_of_the_one_of_its_number() -> None:
    turns = [turn_of(1), turn_of(3)]
    again = Turn(1, Request("別"), "…")
    assert placed(turns, again) == [again, turns[1]]
    assert placed(turns, turn_of(4))[-1].number == 4
    assert next_number(turns) == 4


def test_stopping_gives_up_what_still_grows() -> None:
    done, growing = turn_of(1), turn_of(2, whole=False)
    kept, given_up = stopped([done, growing])
    assert kept is done
    assert given_up.failed
    assert "中止しました" in given_up.reply


def test_citations_are_numbered_through_a_conversation() -> None:
    moved = shifted(answer_of("fact", [part("", ("", "本文。"))]), 4)
    assert moved.text == "本文。[5]"
    assert [c.number for c in moved.citations] == [5]
    assert moved.parts[0].statements[0].numbers == (5,)


@pytest.mark.parametrize("form", ["markdown", "json", "word"])
def test_a_transcript_holds_every_answer(form: str) -> None:
    answers = [answer_of("fact", [part("", ("", "本文。"))], f"質問{n}") for n in (1, 2)]
    turns = [turn_of(n, answer) for n, answer in enumerate(answers, start=1)]
    content = transcript([*turns, turn_of(3, failed=True)], form)
    if form == "word":
        assert content.startswith(b"PK")
        return
    text = content.decode("utf-8")
    assert "質問1" in text
    assert "質問2" in text
    assert "質問3" not in text
    if form == "markdown":
        assert re.findall(r"^\[\^(\d)\]:", text, flags=re.MULTILINE) == ["1", "2"]
    else:
        assert [turn["citations"][0]["quote"] for turn in json.loads(text)["turns"]] == [
            "本文である。",
            "本文である。",
        ]


def test_an_empty_conversation_is_not_saved() -> None:
    with pytest.raises(ExportError, match="まだありません"):
        transcript([turn_of(1, failed=True)], "markdown")


def test_without_the_word_library_the_message_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    real = builtins.__import__

    def without_docx(name: str, *rest: object) -> object:
        if name.startswith("docx"):
            raise ImportError(name)
        return real(name, *rest)  # type: ignore[arg-type]

    monkeypatch.setattr(builtins, "__import__", without_docx)
    with pytest.raises(ExportError, match="python-docx"):
        transcript([turn_of(1, answer_of("fact", []))], "word")


def test_every_word_is_there_in_both_languages() -> None:
    translations: Mapping[str, Mapping[str, str]] = words.I18N.translations
    assert translations["ja"].keys() == translations["en"].keys()
    assert all(translations["en"].values())
    assert not [w for w in translations["en"].values() if re.search("[ぁ-ん]{4}", w)]
    assert "<" not in words.script()
