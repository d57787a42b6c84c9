"""Documentation that cannot drift: commands in the READMEs exist, and every command is there."""

import re
import shlex
from pathlib import Path

import pytest

from dxqa.cli import build_parser

ROOT = Path(__file__).parents[1]
READMES = ["README.md", "README.ja.md"]
COMMANDS = ["build", "search", "ask", "evaluate", "serve", "info", "verify", "clean"]


def _commands(name: str) -> list[str]:
    text = (ROOT / name).read_text("utf-8")
    lines = re.findall(r"^    (dxqa .*)$", text, re.MULTILINE)
    return [re.sub(r"\s+#.*", "", line) for line in lines]


@pytest.mark.parametrize("name", READMES)
def test_every_command_of_the_readme_parses(name: str) -> None:
    for command in _commands(name):
        build_parser().parse_args(shlex.split(command)[1:])


@pytest.mark.parametrize("name", READMES)
def test_every_command_is_in_the_readme(name: str) -> None:
    text = "\n".join(_commands(name))
    assert all(f"dxqa {command}" in text for command in COMMANDS)


def test_both_readmes_show_the_same_commands() -> None:
    first, second = (_commands(name) for name in READMES)
    assert first == second


@pytest.mark.parametrize("command", COMMANDS)
def test_every_option_has_help(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        build_parser().parse_args([command, "--help"])
    text = capsys.readouterr().out
    assert "--index" in text
    assert re.search(r"[ぁ-ん]", text)


@pytest.mark.parametrize(
    "name",
    [
        *READMES,
        "docs/architecture.md",
        "docs/deploy.md",
        "docs/documents.md",
        "docs/offline.md",
        "docs/performance.md",
        "docs/retrieval.md",
        "docs/api.md",
        "docs/web.md",
    ],
)
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
