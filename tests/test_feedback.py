"""Feedback: masked, kept, exported as questions, and never in the way of an answer."""

import datetime as dt
import json
import sqlite3
import stat
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from dxqa import Index
from dxqa.cli import main
from dxqa.evaluation import evaluate
from dxqa.exchange import read_questions
from dxqa.types import Answer, Citation, Passage
from dxqa.web.conversation import Turn, turn_at
from dxqa.web.feedback import Feedback, FeedbackError, FeedbackStore, question_file
from dxqa.web.holdings import feedback_html
from dxqa.web.journal import Journal
from dxqa.web.loading import IndexLoader
from dxqa.web.masking import masked
from dxqa.web.requests import Request
from tests.made_up_numbers import Person, missed

DECLINED = Answer("明日の天気は？", "ありません。", (), (), "declined", 0.1)


@pytest.fixture
def store(tmp_path: Path) -> FeedbackStore:
    return FeedbackStore(tmp_path / "feedback.db")


@pytest.mark.parametrize(
    "number",
    [
        "03-1234-5678",
        "０３－１２３４－５６７８",
        "03ー1234ー5678",
        "０９０（１２３４）５６７８",
        "(0241)45-4536",
        "０２４１−４５−４５３６",
        "0241‐45‐4536",
        "09012345678",
        "0312345678",
        "090 1234 5678",
        "090　1234　5678",
        "090.1234.5678",
        "090・1234・5678",
        "+81-90-1234-5678",
        "+81 (0)3 1234 5678",
        "〇九〇ー一二三四ー五六七八",
        "0120-123-456",
        "０１２０（１２３）４５６",
        "090の1234の5678",
        "0\u200b90-1234-5678",
        "TEL:45-4536",
        "℡ 22-1234",
        "☎45-4536",
        "電話番号は４５４５３６",
        "FAX 22-1234",
        "内線 1234",
    ],
)
def test_telephone_numbers_are_masked(number: str) -> None:
    hidden = masked(f"担当は佐藤、{number}です。")
    assert "【電話番号】" in hidden
    assert not any(c.isdigit() for c in hidden)
    assert hidden.startswith("担当は佐藤、")
    assert hidden.endswith("です。")


@pytest.mark.parametrize(
    "address",
    [
        "taro@example.jp",
        "ｔａｒｏ＠ｅｘａｍｐｌｅ．ｊｐ",
        "taro.yamada+x@city.example.lg.jp",
        "taro @ example.jp",
        "taro[at]example.jp",
        "taro(アット)example.jp",
        "taro アットマーク example ドット jp",
        "taro＠example[dot]jp",
    ],
)
def test_mail_addresses_are_masked(address: str) -> None:
    hidden = masked(f"連絡は {address} へ")
    assert hidden == "連絡は 【メールアドレス】 へ"


@pytest.mark.parametrize(
    ("text", "hidden"),
    [
        ("〒123-4567 の家", "〒【郵便番号】 の家"),
        ("〒１２３４５６７", "〒【郵便番号】"),
        ("郵便番号は1234567", "郵便番号は【郵便番号】"),
        ("住所は123-4567", "住所は【郵便番号】"),
        ("住所は〒 123-4567", "住所は〒 【郵便番号】"),
        ("送付先 ９６９－４４９５ まで", "送付先 【郵便番号】 まで"),
        ("969-4495 福島県に住んでいます", "【郵便番号】 福島県に住んでいます"),
        ("個人番号123456789012", "個人番号【番号】"),
        ("123456789012 人番号", "【番号】 人番号"),
        ("マイナンバーは1234 5678 9012", "マイナンバーは【番号】"),
        ("１２３４－５６７８－９０１２です", "【番号】です"),
        ("123456789012", "【番号】"),
        ("1234-5678-9012-3456", "【番号】"),
    ],
)
def test_postcodes_and_numbers_of_persons_are_masked(text: str, hidden: str) -> None:
    assert masked(text) == hidden


def test_nothing_of_made_up_persons_comes_through() -> None:
    person = Person(1)
    for make in person.kinds():
        assert list(missed(person, make, 500)) == []


@pytest.mark.parametrize(
    "text",
    [
        "人口は15万人で2021年から2025年",
        "人口500-1000人の町",
        "人口 151,800人、2020年 10月",
        "予算は1,234,567,890,123円",
        "2019-2020-2021年",
        "2021 2022 2023年度の取組",
        "2021-04-01 12:30 に",
        "0.123と0.4567",
        "一九九〇年から二〇二一年の三〇〇〇人",
        "令和3年4月1日から2,000円",
        "Wi-Fi 6とIPv4、R3-2021",
        "サーバーのデータベース",
        "100-2000の範囲で",
        "事業番号は123-4567",
        "100-2000 市町村",
        "住所のある100-2000人",
        "住所変更は120-1500件",
        "2019 2020 2021の取組",
        "2019-2020-2021",
        "123456789012円の予算",
        "1000-2000-3000人",
        "2021-04から2022-03まで",
        "20210401-20220331",
        "2021/04/01〜2022/03/31",
        "500〜1000世帯",
    ],
)
def test_what_points_at_nobody_stays(text: str) -> None:
    assert masked(text) == text


def test_what_is_kept_is_masked(store: FeedbackStore) -> None:
    number = "090-1234-5678"
    store.keep(
        Feedback(
            "down",
            f"私は{number}ですが？",
            (f"前の{number}",),
            reason="分かりにくい",
            comment=f"{number}へ",
            answer=f"・{number}",
        )
    )
    assert number.encode() not in b"".join(
        path.read_bytes() for path in store.path.parent.iterdir()
    )
    [kept] = store.newest()
    assert kept.question == "私は【電話番号】ですが?"
    assert kept.history == ("前の【電話番号】",)
    assert kept.comment == "【電話番号】へ"
    assert kept.reason == "分かりにくい"


def test_a_second_rating_of_a_turn_replaces_the_first(store: FeedbackStore) -> None:
    store.keep(Feedback("down", "質問", ()), turn="t")
    store.keep(Feedback("up", "質問", ()), turn="t")
    store.keep(Feedback("declined", "質問", ()))
    store.keep(Feedback("declined", "質問", ()))
    assert [kept.verdict for kept in store.newest()] == ["declined", "declined", "up"]


def test_only_the_owner_may_read_the_file(store: FeedbackStore) -> None:
    store.keep(Feedback("up", "質問", ()))
    assert stat.S_IMODE(store.path.stat().st_mode) == 0o600


def test_it_is_written_ahead(store: FeedbackStore) -> None:
    store.keep(Feedback("up", "質問", ()))
    with closing(sqlite3.connect(store.path)) as connection:
        assert connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)


def test_a_lone_surrogate_is_kept(store: FeedbackStore) -> None:
    store.keep(Feedback("down", "質問\ud800", ()))
    assert store.newest()[0].question == "質問\\ud800"


@pytest.fixture
def locked(store: FeedbackStore) -> Iterator[FeedbackStore]:
    store.keep(Feedback("up", "質問", ()))
    with closing(sqlite3.connect(store.path)) as other:
        other.execute("BEGIN EXCLUSIVE")
        yield store


def test_a_locked_file_is_reported_and_nothing_breaks(
    locked: FeedbackStore, capsys: pytest.CaptureFixture[str]
) -> None:
    journal = Journal(locked)
    journal.answered(DECLINED, [], 0.1)
    assert "locked" in journal.trouble
    events = [json.loads(line) for line in capsys.readouterr().err.splitlines()]
    assert [event["event"] for event in events] == ["ask", "feedback"]
    assert events[1]["error"] == "FeedbackError"
    assert "記録できなかった" in feedback_html([], journal.trouble)


def test_a_full_disk_is_reported_and_nothing_breaks(store: FeedbackStore) -> None:
    """In a process of its own, which may write no more than 32 KiB into a file."""
    program = """
import resource, sys
from pathlib import Path
from dxqa.types import Answer
from dxqa.web.feedback import FeedbackStore
from dxqa.web.journal import Journal
resource.setrlimit(resource.RLIMIT_FSIZE, (2**15, 2**15))
journal = Journal(FeedbackStore(Path(sys.argv[1])))
journal.answered(Answer("長" * 2000, "い" * 20000, (), (), "declined", 0.1), [], 0.1)
print(journal.trouble)
"""
    command = [sys.executable, "-c", program, str(store.path)]
    done = subprocess.run(command, capture_output=True, check=True, text=True)
    assert "読み書きできません" in done.stdout
    assert store.newest() == []


def test_a_damaged_file_is_reported(tmp_path: Path) -> None:
    path = tmp_path / "feedback.db"
    path.write_bytes(b"no database " * 100)
    with pytest.raises(FeedbackError, match="読み書きできません"):
        FeedbackStore(path).newest()


def test_what_is_erased_is_gone_from_the_disk(store: FeedbackStore) -> None:
    assert store.erase() == 0
    store.keep(Feedback("down", "消えるべき質問", ("前の質問",), comment="消えるべき言葉"))
    store.keep(Feedback("declined", "消えるべき質問", ()))
    assert store.erase() == 2
    assert store.newest() == []
    for path in store.path.parent.glob("feedback.db*"):
        assert "消えるべき".encode() not in path.read_bytes(), path
    store.keep(Feedback("up", "あとの質問", ()))
    assert [kept.question for kept in store.newest()] == ["あとの質問"]


def test_what_is_too_old_is_gone_from_the_disk(tmp_path: Path) -> None:
    path = tmp_path / "feedback.db"
    FeedbackStore(path, days=0).keep(Feedback("down", "古くなる質問", ()))
    long_ago = dt.datetime.now(dt.UTC) - dt.timedelta(days=31)
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("UPDATE feedback SET time = ?", [long_ago.isoformat(timespec="seconds")])
    assert len(FeedbackStore(path, days=32).newest()) == 1
    assert len(FeedbackStore(path, days=0).newest()) == 1
    store = FeedbackStore(path, days=30)
    assert store.newest() == []
    store.keep(Feedback("up", "新しい質問", ()))
    assert [kept.question for kept in store.newest()] == ["新しい質問"]
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    assert "古くなる質問".encode() not in path.read_bytes()


def test_feedback_is_erased_by_command(
    store: FeedbackStore, capsys: pytest.CaptureFixture[str]
) -> None:
    store.keep(Feedback("down", "質問", ()))
    assert main(["serve", "--erase-feedback", "--feedback-db", str(store.path)]) == 0
    assert "記録 1 件を消しました" in capsys.readouterr().out
    assert store.newest() == []


def test_trouble_is_over_when_something_is_kept_again(store: FeedbackStore) -> None:
    journal = Journal(store)
    journal.trouble = "前の問題"
    assert journal.keep(Feedback("up", "質問", ()))
    assert journal.trouble == ""


def test_a_refusal_is_kept_and_an_answer_is_not(store: FeedbackStore) -> None:
    journal = Journal(store)
    journal.answered(DECLINED, ["前の質問"], 0.1)
    journal.answered(Answer("質問", "・答え[1]", (), (), "fact", 0.9), [], 0.1)
    [kept] = store.newest()
    assert (kept.verdict, kept.question, kept.history) == (
        "declined",
        "明日の天気は?",
        ("前の質問",),
    )


def test_switched_off_nothing_is_kept(tmp_path: Path) -> None:
    journal = Journal(None)
    journal.answered(DECLINED, [], 0.1)
    assert not journal.keep(Feedback("up", "質問", ()))
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("log_questions", [False, True])
def test_the_log_tells_the_question_only_if_asked_to(
    capsys: pytest.CaptureFixture[str], *, log_questions: bool
) -> None:
    journal = Journal(None, log_questions=log_questions)
    question = "私は090-1234-5678です"
    journal.answered(Answer(question, "答え", (), (), "fact", 0.9), [], 0.1234)
    journal.failed(question, ValueError(question), 0.1)
    first, second = (json.loads(line) for line in capsys.readouterr().err.splitlines())
    assert (first["kind"], first["answered"], first["ms"]) == ("fact", True, 123)
    assert (second["error"], second["answered"]) == ("ValueError", False)
    told = "私は【電話番号】です" if log_questions else None
    assert first.get("question") == second.get("question") == told


def test_feedback_names_the_cited_municipalities_once() -> None:
    held = Passage("p", "d", (), 0, 2, "本文", {"municipality": "宮崎県都城市"})
    answer = Answer("質問", "・答え[1][2]", (Citation(1, held, "本", 0, 1),) * 2, (), "fact", 0.9)
    assert Feedback.of("down", answer, []).cited == ("宮崎県都城市",)


def test_the_message_of_a_turn() -> None:
    turns = [
        Turn(1, Request("一"), "甲"),
        Turn(2, Request(""), "誤り", failed=True),
        Turn(3, Request("二"), "乙"),
    ]
    found = [turn_at(turns, number) for number in range(6)]
    assert found == [turns[0], turns[0], turns[1], turns[2], turns[2], None]


def test_neither_asking_back_nor_a_conversation_reopened_is_kept_as_declined(
    index: Index, store: FeedbackStore, tmp_path: Path
) -> None:
    index.save(tmp_path / "index")
    loader = IndexLoader(tmp_path, tmp_path / "index", journal=Journal(store))
    loader.start()
    loader.join()
    assert loader.ask("担当課の電話番号は？", []).choices
    loader.ask("明日の天気は？", [], repeated=True)
    assert store.newest() == []
    loader.ask("明日の天気は？", [])
    assert [kept.verdict for kept in store.newest()] == ["declined"]


def test_markup_in_feedback_stays_text() -> None:
    attack = "<script>alert(1)</script>"
    kept = Feedback("down", attack, (attack,), attack, attack, answer=attack, time="2026-01-01")
    markup = feedback_html([kept], attack)
    assert "<script" not in markup


def test_the_export_is_a_question_file_that_evaluate_reads(
    index: Index, store: FeedbackStore, tmp_path: Path
) -> None:
    store.keep(Feedback("down", "市長が最高デジタル責任者を務めている市は？", ()))
    store.keep(Feedback("declined", "その財源は？", ("酒田市の外部人材について教えて",)))
    store.keep(Feedback("declined", "その財源は？", ("酒田市の外部人材について教えて",)))
    store.keep(Feedback("up", "福島県の派遣の満足度は？", ()))
    path = tmp_path / "questions.jsonl"
    path.write_text(question_file(store.newest()), "utf-8")
    rows = list(read_questions(str(path)))
    assert [row["type"] for row in rows] == ["up", "declined", "down"]
    report = evaluate(index, rows)
    assert [result.answerable for result in report.results] == [None] * 3
    assert set(report.by_type()) == {"up", "declined", "down", "[未判定]"}
    assert "[未判定]" in report.table()
    assert report.failures() == ""


def test_a_person_may_label_a_row_in_part(index: Index, store: FeedbackStore) -> None:
    store.keep(Feedback("down", "市長が最高デジタル責任者を務めている市は？", ()))
    row = json.loads(question_file(store.newest()))
    [result] = evaluate(index, [{**row, "answerable": True}]).results
    assert result.answered == 1
    [labelled] = evaluate(
        index,
        [{**row, "answerable": True, "cases": ["宮崎県都城市"], "must": [["都城市"]]}],
    ).results
    assert labelled.hit1 == labelled.must == 1
    [refused] = evaluate(index, [{**row, "answerable": False}]).results
    assert not refused.right
