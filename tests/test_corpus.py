"""The digest in corpus/ is complete, well formed and in its own words.

Every row of data/corpus_facts.jsonl is one fact of the source article:

- ``any`` (alternatives) and ``with`` (all of them): a single sentence of the file must hold one of
  the former and all of the latter, for answers quote sentences one by one;
- ``key`` and ``value``: the front matter must say so; ``null`` means that the key must be absent.
"""

import json
import os
import re
import unicodedata
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import yaml

ROOT = Path(__file__).parents[1]
CORPUS = ROOT / "corpus"
ARTICLE = ROOT.parent / "shared" / "article" / "dx-11-cases.txt"
FACTS = Path(__file__).parent / "data" / "corpus_facts.jsonl"

CASES = (
    "awara",
    "ehime",
    "fukushima",
    "funagata",
    "kamisato",
    "kobe",
    "miyakonojo",
    "nishiaizu",
    "oita",
    "sakata",
    "yokohama",
)
# What the title of each chapter must contain.
CHAPTERS = {
    "definition": ("とは", "定義"),
    "introduction": ("はじめに",),
    "obstacles": ("課題",),
    "promotion": ("推進方法",),
    "summary": ("まとめ",),
}
FILES = [f"cases/{name}.md" for name in CASES] + [f"chapters/{name}.md" for name in CHAPTERS]

CASE_KEYS = {
    "title": str,
    "municipality": str,
    "prefecture": str,
    "kind": str,
    "population": int,
    "department": str,
    "tel": str,
    "official_page": str,
    "reference": str,
    "source": str,
    "note": str,
}
CASE_KEYS_NEEDED = {"title", "municipality", "prefecture", "kind", "reference", "source"}
CHAPTER_KEYS = {"title", "chapter", "source"}
KINDS = {"都道府県": ("都", "道", "府", "県"), "市": ("市",), "町": ("町",)}

# In this order; a case leaves out what the article does not speak of.
CASE_HEADINGS = ["概要", "体制", "取り組み", "背景", "財源", "成果", "今後", "連絡先", "注記"]
CHAPTER_HEADINGS = {
    "introduction": ["概要", "災害への対応", "少子高齢化への対応"],
    "definition": [
        "概要",
        "デジタル技術の導入",
        "業務プロセスの改革",
        "市民サービスの向上",
        "市民参加の促進",
        "持続可能な開発目標（SDGs）の支援",
        "目的",
    ],
    "obstacles": [
        "概要",
        "予算の制約",
        "既存システムとの互換性",
        "人材の不足",
        "文化的・組織的抵抗",
        "データ管理とプライバシーの問題",
        "法規制と政策の遅れ",
        "課題の解決",
    ],
    "promotion": [
        "概要",
        "ビジョンと戦略の明確化",
        "リーダーシップの確立",
        "組織構造の調整",
        "デジタル技術の導入",
        "人材育成とスキル向上",
        "市民との協働",
        "継続的な評価と改善",
        "セキュリティとプライバシーの確保",
        "効果",
    ],
    "summary": ["概要", "成果", "成功の条件", "結論"],
}

# A sentence that starts so leans on the one before it.
LEANING = re.compile(
    r"(この|その|これ|それ|ここ|そこ|こう|そう|同|また、|さらに|なお|一方|具体的には|本市|当)"
)
# Chapter sentences name what they are about, as case sentences name their municipality.
CHAPTER_SUBJECTS = ("自治体", "行政", "DX", "出典の記事", "日本")

# Room for the longest official names, which are quoted as they are.
LONGEST_SHARED = 21
SHORTEST_SENTENCE, LONGEST_SENTENCE = 10, 120
RADICALS = str.maketrans({"⻄": "西", "⻑": "長"})


class Digest(NamedTuple):
    """One file of the corpus; ``sentences`` are those of the body, bullets unmarked."""

    front_matter: dict[str, Any]
    headings: list[str]
    sentences: list[str]


def normalised(text: str) -> str:
    """NFKC turns Kangxi radicals into ideographs but leaves the CJK radicals supplement alone."""
    return unicodedata.normalize("NFKC", text).translate(RADICALS)


def split_sentences(line: str) -> list[str]:
    return re.findall(r"[^。]+。?", line.removeprefix("- "))


def read_digest(name: str) -> Digest:
    before, front_matter, body = (CORPUS / name).read_text(encoding="utf-8").split("---\n", 2)
    assert not before, f"{name}: text before the front matter"
    lines = [line for line in body.splitlines() if line]
    return Digest(
        front_matter=yaml.safe_load(front_matter),
        headings=[line.removeprefix("## ") for line in lines if line.startswith("#")],
        sentences=[s for line in lines if not line.startswith("#") for s in split_sentences(line)],
    )


def read_facts() -> list[dict[str, Any]]:
    return [json.loads(line) for line in FACTS.read_text(encoding="utf-8").splitlines()]


def holds(digest: Digest, fact: dict[str, Any]) -> bool:
    if "key" in fact:
        value = digest.front_matter.get(fact["key"])
        return bool(value == fact["value"] and type(value) is type(fact["value"]))
    alternatives = [normalised(term) for term in fact["any"]]
    companions = [normalised(term) for term in fact.get("with", ())]
    return any(
        any(term in sentence for term in alternatives)
        and all(term in sentence for term in companions)
        for sentence in map(normalised, digest.sentences)
    )


def longest_shared(sentence: str, article: str) -> str:
    """Longest substring of ``sentence`` that ``article`` holds too."""
    longest = ""
    for start in range(len(sentence)):
        while (
            start + len(longest) < len(sentence)
            and sentence[start : start + len(longest) + 1] in article
        ):
            longest = sentence[start : start + len(longest) + 1]
    return longest


def test_the_corpus_is_eleven_cases_and_five_chapters() -> None:
    found = sorted(path.relative_to(CORPUS).as_posix() for path in CORPUS.rglob("*.md"))

    assert found == sorted(FILES)


def test_the_facts_cover_every_file_and_say_why() -> None:
    facts = read_facts()

    assert len(facts) >= 200
    assert {fact["file"] for fact in facts} == set(FILES)
    assert all(fact["why"] for fact in facts)
    assert all(("any" in fact) != ("key" in fact) for fact in facts)


@pytest.mark.parametrize("name", FILES)
def test_every_fact_is_in_its_file(name: str) -> None:
    digest = read_digest(name)

    missing = [
        json.dumps(fact, ensure_ascii=False)
        for fact in read_facts()
        if fact["file"] == name and not holds(digest, fact)
    ]

    assert not missing, f"{name} lacks {len(missing)} facts:\n" + "\n".join(missing)


@pytest.mark.parametrize("case", CASES)
def test_front_matter_of_a_case(case: str) -> None:
    front_matter = read_digest(f"cases/{case}.md").front_matter

    assert set(front_matter) >= CASE_KEYS_NEEDED
    wrong = {k: v for k, v in front_matter.items() if type(v) is not CASE_KEYS.get(k)}
    assert not wrong, "unknown key or wrong type"
    municipality = front_matter["municipality"]
    assert municipality.startswith(front_matter["prefecture"])
    assert municipality.endswith(KINDS[front_matter["kind"]])
    assert municipality in front_matter["title"]
    assert re.fullmatch(r"0\d{1,3}-\d{2,3}-\d{4}", front_matter.get("tel", "012-345-6789"))


@pytest.mark.parametrize("chapter", CHAPTERS)
def test_front_matter_of_a_chapter(chapter: str) -> None:
    front_matter = read_digest(f"chapters/{chapter}.md").front_matter

    assert set(front_matter) == CHAPTER_KEYS
    assert all(word in front_matter["title"] for word in CHAPTERS[chapter])


def test_the_population_in_the_text_is_the_one_in_the_front_matter() -> None:
    for case in CASES:
        digest = read_digest(f"cases/{case}.md")
        stated = re.findall(r"人口は([\d.]+)万人", "".join(digest.sentences))

        persons = [round(float(number) * 10_000) for number in stated]

        expected = digest.front_matter.get("population")
        assert persons == ([] if expected is None else [expected]), case


@pytest.mark.parametrize("case", CASES)
def test_headings_of_a_case_are_allowed_and_in_order(case: str) -> None:
    headings = read_digest(f"cases/{case}.md").headings

    assert {"概要", "取り組み", "連絡先"} <= set(headings)
    assert headings == [heading for heading in CASE_HEADINGS if heading in headings]


@pytest.mark.parametrize("chapter", CHAPTERS)
def test_headings_of_a_chapter(chapter: str) -> None:
    assert read_digest(f"chapters/{chapter}.md").headings == CHAPTER_HEADINGS[chapter]


@pytest.mark.parametrize("name", FILES)
def test_sentences_read_alone(name: str) -> None:
    digest = read_digest(name)
    municipality = digest.front_matter.get("municipality")
    subjects: tuple[str, ...] = CHAPTER_SUBJECTS
    if municipality:
        # 福島県西会津町 may be called 西会津町.
        subjects = (municipality.removeprefix(digest.front_matter["prefecture"]) or municipality,)

    unclear = [
        sentence
        for sentence in digest.sentences
        if LEANING.match(sentence)
        or not sentence.endswith("。")
        or not SHORTEST_SENTENCE <= len(sentence) <= LONGEST_SENTENCE
        or not any(subject in sentence for subject in subjects)
    ]

    assert not unclear, f"{name}: not a full sentence that stands alone:\n" + "\n".join(unclear)


@pytest.mark.parametrize("name", FILES)
def test_no_sentence_is_said_twice(name: str) -> None:
    sentences = read_digest(name).sentences

    assert len(sentences) == len(set(sentences))


@pytest.mark.shared
@pytest.mark.parametrize("name", FILES)
def test_sentences_are_our_own(name: str) -> None:
    if not ARTICLE.exists():
        assert not os.environ.get("CI"), f"{ARTICLE} is missing although CI is set"
        pytest.skip("../shared/article is absent, as in a public clone")
    article = normalised(ARTICLE.read_text(encoding="utf-8"))
    digest = read_digest(name)
    # The official page's title is a quotation; a NUL is in no text, so nothing matches across it.
    page = normalised(f"「{digest.front_matter.get('official_page')}」")

    copied = [
        shared
        for sentence in (digest.front_matter["title"], *digest.sentences)
        if len(shared := longest_shared(normalised(sentence).replace(page, "\0"), article))
        > LONGEST_SHARED
    ]

    assert not copied, f"{name}: more than {LONGEST_SHARED} characters of the article:\n" + (
        "\n".join(copied)
    )
