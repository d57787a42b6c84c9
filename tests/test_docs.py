"""Documentation that cannot drift: commands in the READMEs exist, and every command is there."""

import ast
import dataclasses
import json
import re
import shlex
from pathlib import Path

import pytest
from selectolax.lexbor import LexborHTMLParser

from dxqa import Document, Index
from dxqa.cli import build_parser
from dxqa.exchange import answer_json, hit_json
from dxqa.types import Citation
from tests.conftest import HashEncoder
from tests.documented import NOT_RUN, Step, shows, steps

ROOT = Path(__file__).parents[1]
READMES = ["README.md", "README.ja.md"]
TUTORIALS = ["docs/tutorial.md", "docs/tutorial.ja.md"]
PAGES = [*READMES, *TUTORIALS]
"""Their commands are run by tests/heavy/test_tutorial.py."""
COMMANDS = ["build", "search", "ask", "evaluate", "serve", "info", "verify", "clean"]


@pytest.mark.parametrize("name", PAGES)
def test_every_command_of_a_page_parses(name: str) -> None:
    for command in _commands(name):
        if command.startswith("dxqa "):
            build_parser().parse_args(shlex.split(command)[1:])


@pytest.mark.parametrize("name", READMES)
def test_every_command_is_in_the_readme(name: str) -> None:
    text = "\n".join(_commands(name))
    assert all(f"dxqa {command}" in text for command in COMMANDS)


def test_both_readmes_show_the_same_commands() -> None:
    first, second = (_commands(name) for name in READMES)
    assert first == second


def test_both_readmes_show_the_same_python() -> None:
    first, second = ([ast.dump(ast.parse(s.text)) for s in _python(name)] for name in READMES)
    assert first == second


def test_both_tutorials_have_the_same_steps() -> None:
    first, second = (steps(ROOT / name) for name in TUTORIALS)
    assert first == second


def test_what_is_not_run_stands_on_a_page() -> None:
    assert set(NOT_RUN) <= {command for name in PAGES for command in _commands(name)}


@pytest.mark.parametrize(
    ("output", "printed", "same"),
    [
        ("文書 16\n", "文書 16  \n\n", True),
        ("…\n文書 16", "pip: 1\npip: 2\n文書 16\n", True),
        ("文書 16", "文書 17", False),
        ("a (…)\nb", "a (1)\nb\nc", False),
        ("1. x", "1a x", False),
    ],
)
def test_an_output_is_compared(output: str, printed: str, *, same: bool) -> None:
    assert shows(output, printed) is same


def test_a_fence_that_is_no_step_is_an_error(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("```console\n$ dxqa info\n```\n", "utf-8")
    with pytest.raises(ValueError, match="dxqa info"):
        steps(page)


def _commands(name: str) -> list[str]:
    return [command for step in steps(ROOT / name) for command in step.commands]


def _python(name: str) -> list[Step]:
    return [step for step in steps(ROOT / name) if step.kind == "python"]


@pytest.mark.parametrize("command", COMMANDS)
def test_every_option_has_help(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        build_parser().parse_args([command, "--help"])
    text = capsys.readouterr().out
    assert "--index" in text
    assert re.search(r"[ぁ-ん]", text)


@pytest.mark.parametrize("name", READMES)  # those within docs/ are checked by mkdocs
def test_links_lead_somewhere(name: str) -> None:
    path = ROOT / name
    for target in re.findall(r"\]\(([^)#:]+)\)", path.read_text("utf-8")):
        assert (path.parent / target).exists(), target


def test_modules_named_in_the_architecture_exist() -> None:
    text = (ROOT / "docs/architecture.md").read_text("utf-8")
    floors = re.findall(r"^\| [\d½]+ \| (.*?) \|", text, re.MULTILINE)
    names = [name for cell in floors for name in re.findall(r"`(\w+)`", cell)]
    assert len(names) >= 15
    for name in names:
        base = ROOT / "src/dxqa" / name
        assert base.is_dir() or base.with_suffix(".py").exists(), name


def test_the_site_fetches_nothing_from_elsewhere(site: Path) -> None:
    pages = sorted(site.rglob("*.html"))
    assert len(pages) > 20
    fetching = "script[src], link[href], img[src], iframe[src], source[src], object[data]"
    for page in pages:
        nodes = LexborHTMLParser(page.read_text("utf-8")).css(fetching)
        assert nodes
        for node in nodes:
            values = [node.attributes.get(name) or "" for name in ("src", "href", "data")]
            assert not [v for v in values if re.match(r"(\w+:)?//", v)], page
    for sheet in site.rglob("*.css"):
        fetched = re.findall(r"(?:url\(|@import )['\"]?(?:https?:)?//", sheet.read_text("utf-8"))
        assert not fetched, sheet


def test_the_site_can_search_japanese_without_a_server(site: Path) -> None:
    text = (site / "search/search_index.js").read_text("utf-8")
    index = json.loads(text.removeprefix("var __index = "))
    assert index["config"]["lang"] == ["ja", "en"]
    assert any("書かない窓口" in entry["text"] for entry in index["docs"])
    home = (site / "index.html").read_text("utf-8")
    assert '<script src="assets/iframe-worker.js">' in home


def test_the_site_tells_which_pages_are_japanese(site: Path) -> None:
    assert '<div lang="ja">' in (site / "tutorial.ja.html").read_text("utf-8")
    assert '<div lang="ja">' not in (site / "tutorial.html").read_text("utf-8")


def test_the_site_shows_every_command_and_option(site: Path) -> None:
    text = LexborHTMLParser((site / "reference/cli.html").read_text("utf-8")).text()
    for command in COMMANDS:
        assert f"dxqa {command}" in text
    source = (ROOT / "src/dxqa/cli/parser.py").read_text("utf-8")
    options = set(re.findall(r'"(--[a-z-]+)"', source))
    assert len(options) > 20
    assert [option for option in options if option not in text] == []


def test_the_json_page_names_every_field(hash_encoder: HashEncoder) -> None:
    text = "星見町は窓口を改めた。"
    index = Index.build(
        [Document("a.md", "窓口", f"# 窓口\n\n{text}\n", "a.md")], encoder=hash_encoder
    )
    answer = index.ask("窓口を改めた町は？")
    [hit] = answer.hits
    citation = Citation(1, hit.passage, text, hit.passage.start, hit.passage.end)
    shown = answer_json(dataclasses.replace(answer, citations=(citation,)))
    page = (ROOT / "docs/reference/json.md").read_text("utf-8")
    assert _fields(page, "dxqa ask") == list(shown)
    assert _fields(page, "Citation") == list(shown["citations"][0])
    assert _fields(page, "Hit") == list(hit_json(hit))


def _fields(page: str, heading: str) -> list[str]:
    section = page.split(f"## {heading}\n")[1].split("\n## ", maxsplit=1)[0]
    return re.findall(r"^\| `(\w+)` \|", section, re.MULTILINE)
