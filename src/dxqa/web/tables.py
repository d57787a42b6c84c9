"""Answers laid out as tables: a case as a card, and cases side by side."""

from collections.abc import Callable, Sequence

from dxqa.types import Answer, Part, Statement
from dxqa.web.html import escape

Linked = Callable[[str], str]
"""Text with citation marks to HTML with links."""

_WITHOUT_ASPECT = "記述"


def table_html(answer: Answer, linked: Linked) -> str:
    """Return the table of a card or a comparison; empty for other forms of answer."""
    if answer.kind == "card" and len(answer.parts) == 1:
        return _card(answer.parts[0], linked)
    if answer.kind == "compare" and len(answer.parts) > 1:
        return _comparison(answer.parts, linked)
    return ""


def _card(part: Part, linked: Linked) -> str:
    rows = "".join(
        f'<tr><th scope="row">{escape(aspect or _WITHOUT_ASPECT)}</th>{_cell(part, aspect, linked)}'
        "</tr>"
        for aspect in _aspects([part])
    )
    return (
        f'<table class="laid-out card-table"><caption>{escape(part.label)}</caption>'
        f"<tbody>{rows}</tbody></table>"
    )


def _comparison(parts: Sequence[Part], linked: Linked) -> str:
    """Return aspects as rows and cases as columns; without aspects, one row."""
    aspects = _aspects(parts)
    named = any(aspects)
    corner = "<td></td>" if named else ""
    heads = "".join(f'<th scope="col">{escape(part.label)}</th>' for part in parts)
    rows = "".join(
        "<tr>"
        + (f'<th scope="row">{escape(aspect or _WITHOUT_ASPECT)}</th>' if named else "")
        + "".join(_cell(part, aspect, linked, of=part.label) for part in parts)
        + "</tr>"
        for aspect in aspects
    )
    return (
        f'<div class="wide" tabindex="0"><table class="laid-out compare of-{len(parts)}">'
        f"<thead><tr>{corner}{heads}</tr></thead><tbody>{rows}</tbody></table></div>"
    )


def _aspects(parts: Sequence[Part]) -> list[str]:
    return list(dict.fromkeys(said.aspect for part in parts for said in part.statements))


def _cell(part: Part, aspect: str, linked: Linked, of: str = "") -> str:
    """Return one cell; on a narrow page, where columns are stacked, ``of`` says whose it is."""
    said = [statement for statement in part.statements if statement.aspect == aspect]
    whose = f'<span class="of">{escape(of)}</span>' if of else ""
    return f"<td>{whose}{''.join(_paragraph(one, linked) for one in said)}</td>"


def _paragraph(said: Statement, linked: Linked) -> str:
    if not said.numbers:
        return f'<p class="unsaid">{escape(said.text)}</p>'
    return f"<p>{linked(said.text + ''.join(f'[{n}]' for n in said.numbers))}</p>"
