"""Answers laid out by aspects, as HTML tables: one case as a card, several side by side.

Every number leads to its passage by ``#cite-<turn>-<number>``, as in an answer's text. What no
citation backs says that the documents do not tell it, and looks so.
"""

from collections.abc import Sequence

from dxqa.types import Answer, Part, Statement
from dxqa.web.html import escape, one_line

_REST = "記述"
"""What statements without an aspect stand under."""


def card_table_html(turn: int, answer: Answer) -> str:
    """Return an answer of kind ``card`` as a table, one aspect a row."""
    return "".join(
        one_line(
            '<div class="table-frame"><table class="case-table">'
            f"<caption>{escape(part.label)}</caption><tbody>"
            f"{''.join(_card_row(turn, part, aspect) for aspect in _aspects([part]))}"
            "</tbody></table></div>"
        )
        for part in answer.parts
    )


def comparison_html(turn: int, answer: Answer) -> str:
    """Return an answer of kind ``compare`` as a table: aspects down, municipalities across."""
    names = "".join(f'<th scope="col">{escape(part.label)}</th>' for part in answer.parts)
    rows = "".join(_compared_row(turn, answer.parts, a) for a in _aspects(answer.parts))
    return one_line(
        '<div class="table-frame" role="region" aria-label="比較の表" tabindex="0">'
        f'<table class="comparison"><caption>{escape(answer.lead)}</caption>'
        f'<thead><tr><th scope="col">項目</th>{names}</tr></thead>'
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
    return f'<tr><th scope="row">{escape(aspect or _REST)}</th>{_cell(turn, part, aspect)}</tr>'


def _compared_row(turn: int, parts: Sequence[Part], aspect: str) -> str:
    cells = "".join(_cell(turn, part, aspect) for part in parts)
    return f'<tr><th scope="row">{escape(aspect or _REST)}</th>{cells}</tr>'


def _cell(turn: int, part: Part, aspect: str) -> str:
    """Return a cell; ``data-label`` names its column where a narrow screen shows no columns."""
    told = [said for said in part.statements if said.aspect == aspect]
    lines = "".join(f"<p>{statement_html(turn, said)}</p>" for said in told)
    return f'<td data-label="{escape(part.label)}">{lines or _nothing()}</td>'


def _nothing() -> str:
    return '<p><span class="unsaid">資料に記載がありません。</span></p>'
