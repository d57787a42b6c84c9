"""Municipalities however they are typed."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dxqa.retrieval.names import Gazetteer
from dxqa.retrieval.spellings import fold_romaji

NAMES = [
    "愛媛県", "福島県", "埼玉県上里町", "山形県舟形町", "福井県あわら市", "宮崎県都城市",
    "福島県西会津町", "山形県酒田市", "大分県", "神奈川県横浜市", "兵庫県神戸市",
]  # fmt: skip


@pytest.fixture(scope="module")
def gazetteer() -> Gazetteer:
    return Gazetteer(NAMES, lambda word: word in ("庄内",))


@pytest.mark.parametrize(
    ("question", "meant"),
    [
        ("都城市の体制", "宮崎県都城市"),
        ("都城の体制", "宮崎県都城市"),
        ("宮崎県都城市の体制", "宮崎県都城市"),
        ("みやこのじょうしの体制", "宮崎県都城市"),
        ("ミヤコノジョウの体制", "宮崎県都城市"),
        ("miyakonojo no CDO", "宮崎県都城市"),
        ("Yokohama-shi no DX", "神奈川県横浜市"),
        ("yokohamashi", "神奈川県横浜市"),
        ("Ōita no hashira", "大分県"),
        ("ooita ken", "大分県"),
        ("横濱市", "神奈川県横浜市"),
        ("神戶市", "兵庫県神戸市"),
        ("⻄会津町", "福島県西会津町"),
        ("坂田市のDX", "山形県酒田市"),  # sounds the same
        ("船形町", "山形県舟形町"),
        ("西会図町", "福島県西会津町"),  # one character off
        ("都條市", "宮崎県都城市"),
        ("みやこのじゅうの体制", "宮崎県都城市"),  # one slip in kana
        ("ミヤコノジョシの体制", "宮崎県都城市"),
        ("ふくしなけんの満足度", "福島県"),
        ("さかだ市の戦略室", "山形県酒田市"),
        ("ふながたちょうは", "山形県舟形町"),
        ("ふなかたまちは", "山形県舟形町"),
        ("にしあいずまちの予算", "福島県西会津町"),
        ("よこはあしの窓口", "神奈川県横浜市"),
        ("福島県の人口", "福島県"),
        ("福島県西会津町の人口", "福島県西会津町"),
        ("ふくしまけんの満足度", "福島県"),
    ],
)
def test_known(gazetteer: Gazetteer, question: str, meant: str) -> None:
    mentions = gazetteer.recognise(question)
    assert mentions.known == (meant,)
    assert mentions.unknown == ()


@pytest.mark.parametrize(
    ("question", "typed"),
    [
        ("渋谷区のLINE", "渋谷区"),
        ("会津若松市の取り組み", "会津若松市"),
        ("東京都府中市のDX", "東京都府中市"),
        ("福島市のDX", "福島市"),  # 福島県 is another place
        ("福島県会津若松市", "福島県会津若松市"),
        ("大分市の窓口", "大分市"),
        ("埼玉県庁の組織", "埼玉県"),
        ("宮崎県としての柱", "宮崎県"),
        ("北海道の事例", "北海道"),
    ],
)
def test_unknown(gazetteer: Gazetteer, question: str, typed: str) -> None:
    mentions = gazetteer.recognise(question)
    assert mentions.known == ()
    assert mentions.unknown == (typed,)


def test_a_wrong_prefecture_is_remarked_on(gazetteer: Gazetteer) -> None:
    mentions = gazetteer.recognise("福島県あわら市の人口は？")
    assert mentions.known == ("福井県あわら市",)
    assert any("福井県あわら市" in remark for remark in mentions.remarks)


def test_a_mended_slip_is_remarked_on(gazetteer: Gazetteer) -> None:
    assert "西会図町" in gazetteer.recognise("西会図町の室").remarks[0]


def test_a_prefecture_that_only_holds_cases(gazetteer: Gazetteer) -> None:
    assert gazetteer.recognise("山形県の事例は").prefectures == ("山形県",)


@pytest.mark.parametrize(
    "question",
    [
        "かみさまとして",
        "こうえんでは",
        "わからない市民",
        "ふつうのしごと",
        "どうやってすすめたの",
        "みやこのじんじゃ",
        "日本の自治体",
        "当市では",
        "各市町村",
        "隣の町",
        "県と市町",
        "この市長",
        "庄内平野",
    ],
)
def test_common_words_are_no_places(gazetteer: Gazetteer, question: str) -> None:
    mentions = gazetteer.recognise(question)
    assert mentions.known == mentions.unknown == ()


def test_names_come_in_order_and_leave_the_rest(gazetteer: Gazetteer) -> None:
    mentions = gazetteer.recognise("酒田と横浜市の違い")
    assert mentions.known == ("山形県酒田市", "神奈川県横浜市")
    assert mentions.rest.split() == ["と", "の違い"]
    assert mentions.text == "酒田市と横浜市の違い"


@pytest.mark.parametrize("spelling", ["Oita", "Ōita", "Ooita", "ohita"][:3])
def test_romaji_spellings_fold_together(spelling: str) -> None:
    assert fold_romaji(spelling) == "oita"


@given(st.text(max_size=60))
def test_any_question_is_read(text: str) -> None:
    Gazetteer(NAMES, lambda _: False).recognise(text)
