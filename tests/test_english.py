"""English for what the page says: nothing that it says or reports lacks it."""

import ast
import re
from collections.abc import Iterator
from html.parser import HTMLParser

import pytest

from dxqa.web.words import ENGLISH
from tests.conftest import ROOT

JAPANESE = re.compile(r"[\u3040-\u30ff\u4e00-\u9fff]")
HOLE = re.compile(r"\{\d(?::n)?\}")
SAMPLE = "9"
"""Stands for what differs: a number, which fits every form."""
WEB = ROOT / "src/dxqa/web"
MODULES = (
    "admin asides browse cases feedback_controls holdings line replies status tables uploads"
).split()
NOT_OF_THE_PAGE = {
    "の事例を教えて",  # ends of questions to press
    "質問：",  # copied with an answer
    "出典",
    "北海道",
    "■・※",  # signs within answers
    "・",
    "%Y年%m月%d日 %H:%M",
    # Put together from what has English, as the browser test sees.
    "9 件9\u30009",
    "（前の質問：9）",
    "9\u3000根拠：9か所",
    "9 自治体の事例",
    "9 文書",
    "収録：9、9 か所の記述9",
}


class Texts(HTMLParser):
    """The texts of markup, and of what a browser shows of its attributes."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        del tag
        shown = ("title", "aria-label", "placeholder")
        self.found += [value for name, value in attrs if name in shown and value]

    def handle_data(self, data: str) -> None:
        self.found.append(data.strip(" \n"))


def strings(tree: ast.AST) -> Iterator[str]:
    """The strings of a module, without its docstrings; ``SAMPLE`` where a value is put in."""
    within = {id(part) for node in ast.walk(tree) if isinstance(node, ast.JoinedStr)
              for part in ast.walk(node) if part is not node}  # fmt: skip
    within |= {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    for node in ast.walk(tree):
        if id(node) in within:
            continue
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.value
        if isinstance(node, ast.JoinedStr):
            parts = [
                part.value if isinstance(part, ast.Constant) else SAMPLE for part in node.values
            ]
            yield "".join(map(str, parts))


def is_known(text: str) -> bool:
    if text in ENGLISH:
        return True
    forms = (HOLE.sub("\0", japanese) for japanese in ENGLISH if "{" in japanese)
    return any(
        re.fullmatch(re.escape(form).replace(re.escape("\0"), ".+"), text, re.DOTALL)
        for form in forms
    )


@pytest.mark.parametrize("module", MODULES)
def test_what_the_page_says_has_english(module: str) -> None:
    tree = ast.parse((WEB / f"{module}.py").read_text("utf-8"))
    said: list[str] = []
    for markup in strings(tree):
        parser = Texts()
        parser.feed(markup)
        parser.close()
        said += parser.found
    unknown = {
        text
        for text in said
        if JAPANESE.search(text)
        and not {text, text.strip(SAMPLE)} & NOT_OF_THE_PAGE
        and not is_known(text)
    }
    assert unknown == set()


def test_english_tells_what_the_japanese_does() -> None:
    for japanese, english in ENGLISH.items():
        assert english.strip(), japanese
        assert not JAPANESE.search(english), english
        put_in = {hole.replace(":n", "") for hole in HOLE.findall(japanese)}
        assert set(HOLE.findall(english)) <= put_in, japanese
