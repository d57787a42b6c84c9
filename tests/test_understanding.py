"""Questions to queries: kinds, follow-ups, conditions, synonyms."""

import pytest

from dxqa.errors import QuestionError
from dxqa.filters import matches
from dxqa.retrieval.conditions import asked_kind, understand_filters
from dxqa.retrieval.kana import KanaLexicon
from dxqa.retrieval.kinds import question_kind
from dxqa.retrieval.names import Gazetteer
from dxqa.retrieval.query import Query
from dxqa.retrieval.thesaurus import Thesaurus
from dxqa.retrieval.understanding import Knowledge, understand
from dxqa.types import Metadata

NAMES = ["福島県", "山形県酒田市", "神奈川県横浜市", "大分県", "宮崎県都城市"]


def _understand(question: str, *history: str) -> Query:
    lexicon = KanaLexicon(["外部人材を登用", "満足度を記録した", "お金"])
    knowledge = Knowledge(Gazetteer(NAMES, lambda _: False), lexicon, frozenset())
    return understand(question, history, knowledge)


@pytest.mark.parametrize(
    ("question", "places", "kind"),
    [
        ("酒田市の背景は？", 1, "fact"),
        ("酒田市の電話番号は？", 1, "contact"),
        ("酒田市と横浜市の違いは？", 2, "compare"),
        ("CDOを置いている自治体は？", 0, "list"),
        ("紙を減らした町はどこ", 0, "list"),
        ("DXの課題は何ですか", 0, "explain"),
        ("この記事はいくつの事例を扱っていますか", 0, "explain"),
    ],
)
def test_kinds(question: str, places: int, kind: str) -> None:
    assert question_kind(question, places) == kind


def test_a_follow_up_takes_place_and_topic_from_before() -> None:
    query = _understand("その費用はどこ持ち？", "福島県の専門家派遣について教えて")
    assert query.places == ("福島県",)
    assert query.inherited
    assert any("派遣" in concept for concept in query.concepts)
    assert query.own_concepts < len(query.concepts)


def test_a_new_place_keeps_the_topic() -> None:
    query = _understand("じゃあ酒田市は？", "都城市の外部人材について")
    assert query.places == ("山形県酒田市",)
    assert any("外部" in concept for concept in query.concepts)


def test_a_region_is_a_filter_and_no_unknown_place() -> None:
    query = _understand("四国のほうで研修をしているところは？")
    assert query.mentions.unknown == ()


def test_pointing_back_to_nothing() -> None:
    assert _understand("その財源は？").refers_to_nothing
    assert not _understand("その財源は？", "酒田市の外部人材について").refers_to_nothing
    assert not _understand("その他の財源は？").refers_to_nothing


@pytest.mark.parametrize(
    ("question", "every"),
    [
        ("若手が出てくる事例を残らず挙げて", True),
        ("研修をしている所をぜんぶ", True),
        ("成果が示されている自治体はどこがありますか", True),
        ("紙を減らした町はどこ？", False),
    ],
)
def test_whether_every_case_is_wanted(question: str, every: bool) -> None:  # noqa: FBT001
    assert _understand(question).all_cases == every


def test_other_than_excludes() -> None:
    query = _understand("横浜市以外だとどこ？", "デザイン思考を使っている自治体は？")
    assert query.excluded == ("神奈川県横浜市",)
    assert query.places == ()
    assert any("思考" in concept for concept in query.concepts)


def test_a_list_over_all_cases_is_a_new_topic() -> None:
    query = _understand("CDOを置いている自治体を全部教えて", "酒田市の背景は？")
    assert query.places == ()
    assert query.own_concepts == len(query.concepts)


def test_kana_alone_is_read_as_words() -> None:
    query = _understand("さかたしはがいぶじんざいのおかねをどこからだすの")
    assert query.places == ("山形県酒田市",)
    assert "外部人材" in query.own_text


def test_ordinary_hiragana_is_left_alone() -> None:
    text = "横浜市では職員研修をどのようにしているのでしょうか"
    assert _understand(text).own_text == text


@pytest.mark.parametrize(
    ("question", "filters", "said"),
    [
        ("人口100万人以上の自治体", {"population": "1000000.."}, ("人口100万人以上",)),
        ("人口100万人を超える自治体", {"population": "1000001.."}, ("人口100万人を超える",)),
        ("人口三万人以下の町で", {"population": "..30000", "kind": "町"}, ("人口三万人以下", "町")),
        ("人口1万人未満", {"population": "..9999"}, ("人口1万人未満",)),
        ("人口が10万人に届かない", {"population": "..99999"}, ("人口10万人に届かない",)),
        ("100万人以上の自治体は？", {"population": "1000000.."}, ("人口100万人以上",)),
        ("職員1000人以上が受けた研修", {}, ()),
        ("県がやっている事例だけ知りたい", {"kind": "都道府県"}, ("都道府県",)),
        ("県の事例だけ見たい", {"kind": "都道府県"}, ("都道府県",)),
        ("四国の自治体は", {"prefecture": ["徳島県", "香川県", "愛媛県", "高知県"]}, ("四国",)),
        ("中国の人口", {}, ()),
        (
            "中国地方の事例",
            {"prefecture": ["鳥取県", "島根県", "岡山県", "広島県", "山口県"]},
            ("中国",),
        ),
        ("95%以上の満足度", {}, ()),
        ("町長がトップの町は", {}, ()),
    ],
)
def test_filters_are_understood(
    question: str, filters: dict[str, object], said: tuple[str, ...]
) -> None:
    understood = understand_filters(question, (), {"population", "kind", "prefecture"})
    assert understood.filters == filters
    assert understood.said == said


@pytest.mark.parametrize(
    ("question", "kind"),
    [
        ("紙をやめた町はどこ", "町"),
        ("賞を受けた市は？", "市"),
        ("県のトップは", "都道府県"),
        ("市町村は？", None),
    ],
)
def test_asked_kind(question: str, kind: str | None) -> None:
    assert asked_kind(question) == kind


def test_no_filter_is_read_for_what_an_index_does_not_have() -> None:
    assert understand_filters("九州の自治体は", (), {"kind"}).filters == {}


def test_filters() -> None:
    metadata: Metadata = {"prefecture": "福島県", "population": 6000}
    assert matches(metadata, {"prefecture": "福島県"})
    assert matches(metadata, {"prefecture": ["山形県", "福島県"], "population": "..30000"})
    assert not matches(metadata, {"population": "10000.."})
    assert not matches(metadata, {"kind": "町"})
    with pytest.raises(QuestionError):
        matches(metadata, {"prefecture": "1..2"})


def test_thesaurus_matches_inflected_phrases() -> None:
    thesaurus = Thesaurus.parse(["# 注\n", "手を挙げる\t立候補、募集\n", "副業、複業\n"])
    [(run, words)] = thesaurus.expand("自分から手を挙げた人")
    assert [token.surface for token in run] == ["手", "を", "挙げ"]
    assert words == ("立候補", "募集")
    assert thesaurus.expand("複業の人")[0][1] == ("副業",)
