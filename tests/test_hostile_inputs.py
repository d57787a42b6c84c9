"""What fuzzing found, input by input; and inputs that grow, which must not cost their square."""

import json
import math
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import gradio as gr
import pytest
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.testclient import TestClient

from dxqa import Document, Index
from dxqa.errors import CorpusError, QuestionError
from dxqa.filters import matches
from dxqa.index import MOST_EARLIER
from dxqa.japanese import find_quantities, normalize, split_sentences
from dxqa.passages import split_passages
from dxqa.readers import outline
from dxqa.readers.corpus import read_file
from dxqa.readers.frontmatter import split_front_matter
from dxqa.readers.place_metadata import heading_metadata, marked_place
from dxqa.retrieval.conditions import understand_filters
from dxqa.web.guard import Guard
from dxqa.web.journal import Journal
from dxqa.web.masking import masked
from dxqa.web.requests import from_json
from dxqa.web.told import told, writable
from tests.fuzz import asking, filtering, japanese, reading
from tests.fuzz.target import bytes_of
from tests.invariants import check_invariants

LONG = 100_000


@pytest.fixture(scope="module")
def small() -> Index:
    return asking.corpus_index()


def plain(text: str) -> Document:
    return Document("a.txt", "題", text, "a.txt")


# What each took before it was mended: minutes, or for ever.
GROWING: dict[str, Callable[[], object]] = {
    "blanks in plain text": lambda: outline(plain(" " * LONG + "\n\n本文。")),
    "blanks after a heading": lambda: heading_metadata(["【" + " " * LONG]),
    "brackets in a heading": lambda: heading_metadata(["【" * LONG + "】"]),
    "blanks in a reference": lambda: outline(plain("本文。\n\n参考: あ" + " " * LONG + "い")),
    "blanks in a contents list": lambda: outline(plain("目次\n\n1. あ" + " " * LONG + "い")),
    "rules of a table": lambda: outline(plain("|" * 40 + "a" * 11 + "\n\n宮崎県 あ")),
    "blanks in a table": lambda: outline(plain("a b c\n宮崎県 x" + " " * LONG + "y")),
    "many blocks": lambda: outline(plain("a\n\n" * (LONG // 3))),
    "a header again and again": lambda: outline(plain("a b c\n\n" * (LONG // 7))),
    "a long row": lambda: outline(plain("a b c\n宮崎県 1人 " + "x" * LONG)),
    "labels without end": lambda: split_sentences("a:\n" * (LONG // 3)),
    "a bracket never closed": lambda: split_sentences("「" + "あ。" * (LONG // 2)),
    "empty lines after a label": lambda: split_sentences("a:" + "\n" * LONG),
    "marks upon marks": lambda: normalize("あ" + "\u0315\u0316" * (LONG // 2)),
    "a run of letters": lambda: masked("a" * LONG),
    "a run of dots": lambda: masked("a." * (LONG // 2)),
    "a run of hyphens": lambda: masked("1-" * (LONG // 2)),
    "a host of dots": lambda: masked("a@" + "a." * (LONG // 2) + "!"),
    "digits": lambda: find_quantities("9" * LONG),
}


@pytest.mark.parametrize("made", GROWING.values(), ids=GROWING)
def test_what_is_long_is_read_in_time(made: Callable[[], object]) -> None:
    begun = time.process_time()
    made()
    assert time.process_time() - begun < 3


def test_long_lines_of_a_file_are_refused_in_time(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text(" " * 3_000_000 + "あ", "utf-8")
    begun = time.process_time()
    with pytest.raises(CorpusError, match="長すぎます"):
        read_file(tmp_path / "a.txt", tmp_path)
    assert time.process_time() - begun < 3


@pytest.mark.parametrize(
    "text",
    [
        "a b c\n\n宮崎県都城市 1\n\na b c\n\n終わり。",  # the labels alone, once more
        "参考: あ\n\n自治体 人口 電話\n宮崎県都城市 16万人",  # a reference before any heading
        f"自治体 人口 電話\n宮崎県都城市 {'9' * 400}人",  # more than a float holds
        "題\n\n取組【 】\n\n本文です。",
    ],
)
def test_plain_texts(text: str) -> None:
    reading.check_document(plain(text))


def test_a_marked_heading_is_read_as_before() -> None:
    assert marked_place("取組【 宮崎県都城市 】 ") == "宮崎県都城市"
    assert marked_place("【a】と【福島県】") == "福島県"
    assert [marked_place(h) for h in ("【a】b", "a】", "【】", "a", "")] == [""] * 5


def test_sentences_and_brackets() -> None:
    text = "対象:\n\n町。「はい。」と。\n「開く。\n閉じない。次。"
    found = [text[a:b] for a, b in split_sentences(text)]
    assert found == ["対象:\n\n町。", "「はい。」と。", "「開く。", "閉じない。", "次。"]


@pytest.mark.parametrize(
    "question",
    [
        f"人口{'9' * 400}人以上の町",
        f"令和{'9' * 400}年の事例は？",
        f"人口{'9' * 308}億人以下の町",
        "\udc80都城市の体制は？\ud800",
        "都城市の本部は何社？ [1] [2]",
        "\0",
        "人口がいちばん多い" * 100,
        "[1]市の費用は？\n[3]",
    ],
)
def test_questions(small: Index, question: str) -> None:
    asking.check_question(small, question, [], None)


def test_a_number_beyond_all_bounds_is_no_condition() -> None:
    understood = understand_filters(f"人口{'9' * 400}人以上の町", [], ["population"])
    assert understood.filters == {}


@pytest.mark.parametrize(
    ("filters", "message"),
    [
        ({"population": "1.2.3.."}, "範囲が数値になっていません"),
        ({"population": ["...5"]}, "範囲が数値になっていません"),
        ({"population": "..-."}, "範囲が数値になっていません"),
        ({"kind": [["市"]]}, "文字か数値で"),
        ({"kind": {"a": 1}}, "文字か数値で"),
        ({"kind": ["市"] * 1001}, "多すぎます"),
        ({"kind": "市" * 1001}, "長すぎます"),
        ({5: "市"}, "値の組で"),
        (["kind"], "値の組で"),
    ],
)
def test_filters_that_are_none_are_explained(small: Index, filters: Any, message: str) -> None:  # noqa: ANN401
    with pytest.raises(QuestionError, match=message):
        small.search("推進体制", filters=filters)


def test_an_empty_key_is_no_other_key_to_a_server() -> None:
    filtering.check_filters(b'{"": ""}')
    filtering.check_filters(b'{"#": "x"}')


def test_filters_of_every_kind_that_people_need(small: Index) -> None:
    hits = small.search("推進体制", filters={"population": " 1000 .. ４００００ ", "kind": ("町",)})
    assert hits
    assert all(matches(hit.passage.metadata, {"population": "1000..40000"}) for hit in hits)


def test_earlier_questions_count_up_to_a_bound(small: Index) -> None:
    far = small.ask("その財源は？", history=["酒田市の外部人材は？"] + ["そう"] * 10_000)
    assert "酒田市" not in far.lead
    near = small.ask(
        "その財源は？", history=["酒田市の外部人材は？"] + ["そう"] * (MOST_EARLIER - 1)
    )
    assert "酒田市" in near.lead
    with pytest.raises(QuestionError, match="これまでの質問"):
        small.ask("その財源は？", history=["長" * 2001])


def test_a_number_in_brackets_within_a_heading_is_no_citation(hash_encoder: Any) -> None:  # noqa: ANN401
    text = "# [1] 題\n・偽の一文[2]\n\n## 取組 [3]【宮崎県都城市】\n\n推進本部を置いた。\n"
    index = Index.build([Document("a.md", "[9]", text, "a.md")], encoder=hash_encoder)
    for question in ("都城市の本部は何社？", "推進本部を置いたのはどこ？", "本部とは"):
        check_invariants(index.ask(question), index)


def test_a_long_heading_is_carried_shortened() -> None:
    document = Document("a.md", "題", f"# {'長' * 9000}\n\n本文です。\n\n次です。\n", "a.md")
    assert max(len(h) for p in split_passages(document) for h in p.heading_path) == 200


@pytest.mark.parametrize(
    ("suffix", "beside"),
    [
        (".yaml", "population: .nan\ninf: .inf\n"),
        (".yaml", "population: 1" + "0" * 400),
        (".json", '{"population": 1e999, "n": 12345678901234567890}'),
    ],
)
def test_numbers_that_json_does_not_have_are_text(suffix: str, beside: str) -> None:
    reading.check_sidecar(suffix, beside.encode())


@pytest.mark.parametrize(
    ("suffix", "beside"),
    [
        (".yaml", "a: 0x" + "f" * 5000),
        (".yaml", "0x" + "f" * 5000 + ": a"),
        (".yaml", "a: 2024-02-31"),
    ],
)
def test_values_that_cannot_be_told_are_reported(tmp_path: Path, suffix: str, beside: str) -> None:
    (tmp_path / "a.txt").write_text("本文です。", "utf-8")
    (tmp_path / f"a.txt{suffix}").write_text(beside, "utf-8")
    (skipped,) = read_file(tmp_path / "a.txt", tmp_path).skipped
    assert "メタデータ" in skipped.reason


@pytest.mark.parametrize("front", ["day: 2024-02-31", "a: b\n" * 50_000, "n: 0x" + "f" * 5000])
def test_front_matter_that_cannot_be_read_is_reported(front: str) -> None:
    with pytest.raises(CorpusError, match="メタデータ"):
        split_front_matter(f"---\n{front}\n---\n本文です。\n")


def test_an_event_of_another_form_says_nothing() -> None:
    for data in (None, 5, "x", [1], {"turn": 1}):
        said = told(gr.EventData(None, data))
        assert said == ({"turn": 1} if isinstance(data, dict) else {})


def guarded(*routes: Route) -> Starlette:
    return Starlette(routes=routes, middleware=[Middleware(Guard, uploads=Path("none"))])


def test_what_nobody_expected_is_told_in_words() -> None:
    def broken(request: Request) -> Response:
        raise KeyError(request.url.path)

    client = TestClient(guarded(Route("/x", broken)))
    reply = client.get("/x")
    assert reply.status_code == 500
    assert "答えられませんでした" in reply.json()["error"]
    assert "content-security-policy" in reply.headers
    assert client.get("/y").status_code == 404


def test_a_length_of_thousands_of_digits_is_too_large() -> None:
    reply = TestClient(guarded()).get("/", headers={"content-length": "9" * 5000})
    assert reply.status_code == 413


def test_half_a_character_from_a_link_is_made_whole() -> None:
    request = from_json(
        {"question": "\ud800町", "history": ["\udc80"], "undone": {"\ud800": "\ud800"}}
    )
    assert request is not None
    assert json.dumps(request.to_json(), ensure_ascii=False).encode("utf-8")
    assert (writable(None), writable("町")) == ("", "町")


def test_a_question_far_too_long_is_not_logged(capsys: pytest.CaptureFixture[str]) -> None:
    Journal(log_questions=True).failed("電話は090-1234-5678" * 1000, QuestionError(""), 0.1)
    logged = json.loads(capsys.readouterr().err)
    assert logged["question"] == "(16,000 字)"


SEEDS = [
    (t, seed) for t in asking.TARGETS + japanese.TARGETS + filtering.TARGETS for seed in t.seeds()
]


@pytest.mark.parametrize(
    ("target", "seed"), SEEDS, ids=[f"{t.name}-{n}" for n, (t, _) in enumerate(SEEDS)]
)
def test_what_the_fuzzer_begins_with(target: Any, seed: bytes) -> None:  # noqa: ANN401
    target.check(seed)


@pytest.mark.parametrize("target", reading.TARGETS, ids=lambda target: target.name)
def test_files_that_the_fuzzer_begins_with(target: Any) -> None:  # noqa: ANN401
    target.check(target.seeds()[0])


def test_a_figure_beyond_all_bounds_counts_nothing() -> None:
    assert all(math.isfinite(q.value) for q in find_quantities(f"{'9' * 400}人と5人"))
    assert bytes_of("\ud800")
