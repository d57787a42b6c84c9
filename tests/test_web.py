import asyncio
import json
import re
from collections.abc import Generator, Iterator, Sequence
from html.parser import HTMLParser
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from dxqa.errors import QuestionError
from dxqa.retrieval import Filters
from dxqa.types import Answer, Citation, Document, Hit, Metadata, Passage
from dxqa.web import assets, build_app
from dxqa.web.cards import cited_cards, evidence_html, marked_text
from dxqa.web.conversation import Turn, history_of, messages, panel_html, respond
from dxqa.web.html import escape
from dxqa.web.loading import IndexLoader, State
from dxqa.web.replies import confidence_word, copied_text, growing, lines_html, whole
from dxqa.web.requests import Request
from dxqa.web.status import status_html
from tests.conftest import HashEncoder

BEFORE = "# 見出し\n\n"
TEXT = "市長がCDOを務める。副市長が副CDOである。"
ATTACK = "<script>alert(1)</script><img src=x onerror='alert(2)'>${alert(3)}{{alert(4)}}"


class Reader(HTMLParser):
    """Collects elements and the text in them, as a browser would."""

    def __init__(self, markup: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.marks: list[tuple[str, str]] = []
        self.text = ""
        self._open: list[tuple[str, dict[str, str | None]]] = []
        self.feed(markup)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self._open.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop()[0] == tag

    def handle_data(self, data: str) -> None:
        if self._open and self._open[-1][1].get("class") == "number":
            return
        self.text += data
        if self._open and self._open[-1][0] == "mark":
            self.marks.append((self._open[-1][1].get("data-cites") or "", data))


def passage(
    text: str = TEXT, metadata: Metadata | None = None, *, title: str = "都城市の事例"
) -> Passage:
    return Passage(
        passage_id=f"a.md#{title}",
        doc_id="a.md",
        heading_path=(title, "体制"),
        start=len(BEFORE),
        end=len(BEFORE) + len(text),
        text=text,
        metadata=metadata or {},
    )


def cite(number: int, held: Passage, quote: str) -> Citation:
    start = held.start + held.text.index(quote)
    return Citation(number, held, quote, start, start + len(quote))


def answered(citations: Sequence[Citation], text: str = "・答え[1]") -> Answer:
    return Answer("質問", text, tuple(citations), (), "fact", 0.9)


def documents(held: Passage) -> dict[str, Document]:
    return {"a.md": Document("a.md", held.heading_path[0], BEFORE + held.text, "a.md")}


class FixedLoader(IndexLoader):
    """Stands for a loader whose index gives one answer or one error."""

    def __init__(self, outcome: Answer | Exception) -> None:
        super().__init__("corpus", "index")
        self.outcome = outcome
        self.filters: list[Filters | None] = []

    def asking(
        self,
        question: str,
        history: Sequence[str],
        filters: Filters | None = None,
        *,
        asker: str = "",
        repeated: bool = False,
    ) -> Generator[int, None, Answer]:
        del question, history, asker, repeated
        yield 0
        self.filters.append(filters)
        if isinstance(self.outcome, Exception):
            raise self.outcome
        return self.outcome


def last(turns: Iterator[Turn]) -> Turn:
    return list(turns)[-1]


def turn_of(number: int, question: str, reply: str = "…", evidence: str = "") -> Turn:
    return Turn(number, Request(question), reply, evidence)


def test_mark_stands_at_document_offsets() -> None:
    held = passage()
    read = Reader(marked_text(held, [cite(1, held, "副市長が副CDOである。")]))
    assert read.marks == [("1", "副市長が副CDOである。")]
    assert read.text == TEXT


def test_several_marks_in_one_passage() -> None:
    held = passage()
    found = [cite(2, held, "市長がCDOを務める。"), cite(5, held, "副CDO")]
    read = Reader(marked_text(held, found))
    assert read.marks == [("2", "市長がCDOを務める。"), ("5", "副CDO")]
    assert read.text == TEXT


@pytest.mark.parametrize(
    ("first", "second", "expected"),
    [
        ("市長がCDO", "CDOを", [("1", "市長が"), ("1 2", "CDO"), ("2", "を")]),
        ("市長がCDOを", "CDO", [("1", "市長が"), ("1 2", "CDO"), ("1", "を")]),
        ("市長が", "市長が", [("1 2", "市長が")]),
        ("市長が", "CDO", [("1", "市長が"), ("2", "CDO")]),
    ],
    ids=["overlapping", "nested", "equal", "touching"],
)
def test_marks_that_meet(first: str, second: str, expected: list[tuple[str, str]]) -> None:
    held = passage()
    read = Reader(marked_text(held, [cite(1, held, first), cite(2, held, second)]))
    assert read.marks == expected
    assert read.text == TEXT


def test_one_card_for_a_passage_cited_twice() -> None:
    held, other = passage(), passage(title="西会津町の事例")
    found = [cite(1, held, "市長"), cite(2, other, "市長"), cite(3, held, "副CDO")]
    assert [[c.number for c in card.citations] for card in cited_cards(found)] == [[1, 3], [2]]


def test_nothing_from_a_document_becomes_markup() -> None:
    held = passage(
        f"前{ATTACK}後",
        {"municipality": ATTACK, "reference": ATTACK, "official_page": f"javascript:{ATTACK}"},
        title=ATTACK,
    )
    markup = evidence_html(1, answered([cite(1, held, ATTACK)]), documents(held))
    read = Reader(markup)
    assert not {"script", "img", "a"}.intersection(set(read.tags) - {"a"})
    assert "javascript:" not in re.findall(r'href="([^"]*)"', markup)
    assert read.marks == [("1", ATTACK)]
    assert "${" not in markup
    assert "{{" not in markup


def test_nothing_from_an_answer_or_a_question_becomes_markup() -> None:
    answer = answered([cite(1, passage(), "市長")], f"{ATTACK}\n\n■ {ATTACK}\n・{ATTACK}[1]")
    for turn in respond(FixedLoader(answer), Request(ATTACK), 1):
        for message in messages([turn]):
            read = Reader(message["content"])
            assert not {"script", "img"}.intersection(read.tags)
            assert "\n" not in message["content"]


def test_a_web_address_is_a_link_and_a_title_is_not() -> None:
    held = passage(metadata={"official_page": "https://example.jp/a?b=1&c=2", "reference": "題名"})
    markup = evidence_html(1, answered([cite(1, held, "市長")]), documents(held))
    assert 'href="https://example.jp/a?b=1&amp;c=2"' in markup
    assert '<dd lang="ja">題名</dd>' in markup


def test_only_numbers_with_a_citation_are_links() -> None:
    markup = lines_html(3, ["・根拠あり。[1][2] 予算[7]"], frozenset({1, 2}))
    assert re.findall(r'href="([^"]+)"', markup) == ["#cite-3-1", "#cite-3-2"]
    assert Reader(markup).text == "根拠あり。[1][2] 予算[7]"


def test_an_answer_grows_to_the_whole_in_few_steps() -> None:
    text = "\n".join(f"・行{n}[1]" for n in range(100))
    answer = answered([cite(1, passage(), "市長")], text)
    steps = list(growing(1, answer))
    assert 2 <= len(steps) <= 10
    assert steps[-1] == whole(1, answer)
    assert all(len(a) < len(b) for a, b in pairwise(steps))


def test_a_declined_answer_shows_near_passages_as_no_answer() -> None:
    held = passage()
    answer = Answer("質問", "ありません。", (), (Hit(held, 1, 0.5, 0.5, 0.5),), "declined", 0.1)
    turn = last(respond(FixedLoader(answer), Request("質問"), 1))
    assert "近い資料（回答ではありません）" in turn.evidence
    assert "<mark" not in turn.evidence
    assert "reply declined" in turn.reply
    assert "確からしさ" not in turn.reply


@pytest.mark.parametrize(
    ("confidence", "word"), [(1.0, "高い"), (0.85, "高い"), (0.7, "ふつう"), (0.5, "低め")]
)
def test_confidence_is_told_in_words(confidence: float, word: str) -> None:
    assert confidence_word(confidence) == word


def test_history_holds_the_questions_that_were_understood() -> None:
    failed = Turn(2, Request("長すぎる質問"), "…", failed=True)
    assert history_of([turn_of(1, "前の質問"), failed]) == ("前の質問",)


def test_an_error_is_shown_and_the_conversation_stays() -> None:
    earlier = turn_of(1, "前の質問", "前の答え")
    turn = last(respond(FixedLoader(QuestionError("質問が空です。")), Request(" "), 2))
    assert turn.failed
    shown = [message["content"] for message in messages([earlier, turn])]
    assert shown[1] == "前の答え"
    assert "質問が空です。" in shown[2]


def test_an_unexpected_error_keeps_its_traceback_off_the_page(
    caplog: pytest.LogCaptureFixture,
) -> None:
    turn = last(respond(FixedLoader(ValueError("secret detail")), Request("質問"), 1))
    assert "思わぬ問題" in turn.reply
    assert "secret" not in turn.reply
    assert "secret detail" in caplog.text


def test_asking_before_the_index_is_there() -> None:
    turn = last(respond(IndexLoader("corpus", "index"), Request("質問"), 1))
    assert turn.failed
    assert "準備中" in turn.reply


def test_panel_keeps_the_passages_of_earlier_turns() -> None:
    shown = panel_html(
        [turn_of(1, "一", "…", "<p>甲</p>"), turn_of(2, "二"), turn_of(3, "三", "…", "<p>乙</p>")]
    )
    assert re.findall(r'data-turn="(\d+)"', shown) == ["1", "3"]


def test_copied_text_has_the_sources() -> None:
    held = passage()
    assert copied_text(answered([cite(1, held, "市長がCDOを務める。")])).splitlines() == [
        "質問：質問",
        "",
        "・答え[1]",
        "",
        "出典",
        "[1] 市長がCDOを務める。（都城市の事例 › 体制）",
    ]


def test_status_of_a_build_has_a_bar_and_a_count() -> None:
    markup = status_html(State("building", 120, 357), None)
    assert 'max="357" value="120"' in markup
    assert "120 / 357" in markup
    assert "33 %" in markup


def test_a_missing_corpus_leaves_a_message_that_says_what_to_do(tmp_path: Path) -> None:
    loader = run_to_the_end(IndexLoader(tmp_path / "none", tmp_path / "index"))
    assert loader.state.stage == "failed"
    assert "dxqa build" in loader.state.message
    assert "--corpus" in status_html(loader.state, loader.index)


def test_a_damaged_index_is_not_built_over(tmp_path: Path) -> None:
    (tmp_path / "manifest.json").write_text("{", "utf-8")
    loader = run_to_the_end(IndexLoader(tmp_path, tmp_path))
    assert loader.state.stage == "failed"
    assert "壊れています" in loader.state.message
    assert (tmp_path / "manifest.json").read_text("utf-8") == "{"


def test_an_unexpected_failure_to_load_is_a_message(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise ValueError("secret detail")

    monkeypatch.setattr("dxqa.web.loading.Index.build", fail)
    loader = run_to_the_end(IndexLoader(tmp_path, tmp_path))
    assert loader.state.stage == "failed"
    assert "secret" not in loader.state.message


def test_an_index_that_cannot_be_saved_is_used_all_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, hash_encoder: HashEncoder
) -> None:
    monkeypatch.setattr("dxqa.index.load_encoder", lambda _: hash_encoder)
    (tmp_path / "corpus").mkdir()
    (tmp_path / "corpus" / "a.md").write_text("# 甲\n\n窓口を減らした。\n", "utf-8")
    (tmp_path / "index").write_text("a file, where a folder is wanted", "utf-8")
    loader = run_to_the_end(IndexLoader(tmp_path / "corpus", tmp_path / "index"))
    assert loader.state.stage == "ready"
    assert "保存できません" in loader.state.message
    assert loader.index
    assert loader.index.search("窓口")


def run_to_the_end(loader: IndexLoader) -> IndexLoader:
    loader.start()
    loader.join()
    return loader


def test_the_page_names_no_other_host(tmp_path: Path) -> None:
    async def config() -> dict[str, Any]:
        app = build_app(tmp_path, tmp_path)
        assert not app.analytics_enabled
        sent: dict[str, Any] = dict(app.get_config_file())
        for component in sent["components"]:
            component.pop("example_inputs", None)  # Gradio's own, for its API page; never fetched
        return sent

    # Within a running loop, since Gradio otherwise makes loops that it never closes.
    sent = json.dumps(asyncio.run(config()), ensure_ascii=False, default=str)
    look: Any = assets.theme()
    served = sent + assets.css() + assets.head() + look._get_theme_css()
    # An SVG's namespace is a name; nothing is fetched from it.
    assert set(re.findall(r"https?://[^\s\"'\\]+", served)) <= {"http://www.w3.org/2000/svg"}
    assert not look._stylesheets


@pytest.mark.parametrize("text", ["a&b", '"引用"', "<b>", "$$x$$", "{{x}}", "${x}", "改\n行"])
def test_escaped_text_reads_as_it_was(text: str) -> None:
    assert Reader(f"<p>{escape(text)}</p>").text == text
