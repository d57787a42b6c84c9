"""What mkdocs does not do: the page of the command line, and the language of Japanese pages."""

import argparse
import re
from collections.abc import Iterator

from mkdocs.structure.pages import Page

from dxqa.cli import build_parser

_COMMANDS = "<!-- commands -->"
_PROSE = re.compile(r"<(p|li)>.*?</\1>", re.DOTALL)
_BREAK = re.compile(r"(?<=[、。ぁ-んァ-ヶー一-龠])\n(?=[「（ぁ-んァ-ヶ一-龠])")


def on_page_markdown(markdown: str, page: Page, **_: object) -> str:
    """Put the commands and their options, as argparse knows them, where the page asks for them."""
    if _COMMANDS not in markdown:
        return markdown
    return markdown.replace(_COMMANDS, "\n".join(_commands(build_parser())))


def on_page_content(html: str, page: Page, **_: object) -> str:
    """Tell browsers and screen readers which pages are Japanese (``lang: ja`` in front matter).

    A line break within a Japanese sentence would show as a blank: it goes.
    """
    if page.meta.get("lang") != "ja":
        return html
    joined = _PROSE.sub(lambda prose: _BREAK.sub("", prose.group()), html)
    return f'<div lang="ja">\n{joined}\n</div>'


def _commands(parser: argparse.ArgumentParser) -> Iterator[str]:
    # argparse shows its parts nowhere else.
    for action in parser._actions:  # noqa: SLF001
        if isinstance(action, argparse._SubParsersAction):  # noqa: SLF001
            for name, command in action.choices.items():
                yield from _command(name, command)


def _command(name: str, parser: argparse.ArgumentParser) -> Iterator[str]:
    yield f"## dxqa {name}\n\n{parser.description}\n"
    yield f"```text\n{' '.join(parser.format_usage().split())}\n```\n"
    yield "| オプション | はたらき |\n|---|---|"
    for action in parser._actions:  # noqa: SLF001
        if not isinstance(action, argparse._HelpAction):  # noqa: SLF001
            yield f"| {_form(action)} | {_meaning(action)} |"
    yield ""


def _form(action: argparse.Action) -> str:
    value = str(action.metavar or "|".join(action.choices or ()) or action.dest.upper())
    if not action.option_strings:
        return f"`{value}`"
    shown = value.replace("|", "\\|") if action.nargs != 0 else ""
    return ", ".join(f"`{option} {shown}`".replace(" `", "`") for option in action.option_strings)


def _meaning(action: argparse.Action) -> str:
    return (action.help or "").replace("|", "\\|")
