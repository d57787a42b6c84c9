"""Answers laid out by aspects, as HTML tables: one case as a card, several side by side.

Every number leads to its passage by ``#cite-<turn>-<number>``, as in an answer's text. What no
citation backs says that the documents do not tell it, and looks so.
"""

from collections.abc import Sequence

from dxqa.types import Answer, Part, Statement
from dxqa.web.html import escape, one_line

_REST = "記述"
"""What statements without an aspect stand under."""


def table_html(turn: int, answer: Answer) -> str:
    """Return the table of a card or a comparison; empty for other forms of answer."""
    if answer.kind == "card" and len(answer.parts) == 1:
        return card_table_html(turn, answer)
    if answer.kind == "compare" and len(answer.parts) > 1:
        return comparison_html(turn, answer)
    return ""


def card_table_html(turn: int, answer: Answer) -> str:
    """Return an answer of kind ``card`` as a table, one aspect a row."""
    return "".join(
        one_line(
            '<div class="table-frame"><table class="case-table">'
            f'<caption lang="ja">{escape(part.label)}</caption><tbody>'
            f"{''.join(_card_row(turn, part, aspect) for aspect in _aspects([part]))}"
            "</tbody></table></div>"
        )
        for part in answer.parts
    )


def comparison_html(turn: int, answer: Answer) -> str:
    """Return an answer of kind ``compare`` as a table: aspects down, municipalities across.

    Without aspects, it is one row that no heading stands before.
    """
    aspects = _aspects(answer.parts)
    named = any(aspects)
    corner = '<th scope="col">項目</th>' if named else ""
    names = "".join(f'<th scope="col" lang="ja">{escape(part.label)}</th>' for part in answer.parts)
    rows = "".join(_compared_row(turn, answer.parts, a, named=named) for a in aspects)
    return one_line(
        '<div class="table-frame" role="region" aria-label="比較の表" tabindex="0">'
        f'<table class="comparison"><caption lang="ja">{escape(answer.lead)}</caption>'
        f"<thead><tr>{corner}{names}</tr></thead>"
        f"<tbody>{rows}</tbody></table></div>"
    )


def cite_link(turn: int, number: int) -> str:
    """Return the link from a claim to the passage that it is quoted from."""
    return (
        f'<a class="cite" href="#cite-{turn}-{number}" title="根拠 {number} を見る">[{number}]</a>'
    )


def statement_html(turn: int, said: Statement) -> str:
    """Return a statement with its numbers, which stay on the line of its last character."""
    if not said.numbers:
        return f'<span class="unsaid">{escape(said.text)}</span>'
    links = "".join(cite_link(turn, number) for number in said.numbers)
    return f'{escape(said.text[:-1])}<span class="keep">{escape(said.text[-1:])}{links}</span>'


def _aspects(parts: Sequence[Part]) -> list[str]:
    return list(dict.fromkeys(said.aspect for part in parts for said in part.statements))


def _card_row(turn: int, part: Part, aspect: str) -> str:
    return f'<tr>{_heading(aspect)}<td lang="ja">{_told(turn, part, aspect)}</td></tr>'


def _compared_row(turn: int, parts: Sequence[Part], aspect: str, *, named: bool) -> str:
    """Return a row; on a narrow screen, which shows no columns, cells say whose they are."""
    cells = "".join(
        f'<td lang="ja"><span class="of">{escape(part.label)}</span>'
        f"{_told(turn, part, aspect)}</td>"
        for part in parts
    )
    return f"<tr>{_heading(aspect) if named else ''}{cells}</tr>"


def _heading(aspect: str) -> str:
    return f'<th scope="row">{escape(aspect or _REST)}</th>'


def _told(turn: int, part: Part, aspect: str) -> str:
    told = [said for said in part.statements if said.aspect == aspect]
    lines = "".join(f"<p>{statement_html(turn, said)}</p>" for said in told)
    return lines or '<p><span class="unsaid">資料に記載がありません。</span></p>'
