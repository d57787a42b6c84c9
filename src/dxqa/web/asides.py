"""What stands around an answer: conditions as chips, what to ask next, what to do with the turn.

The chat keeps only class, id and title of an element, so that a button says what it does by its
class and its text.
"""

from collections.abc import Mapping, Sequence

from dxqa.japanese import parse_place
from dxqa.types import Answer, Hit
from dxqa.web.filters import Chosen
from dxqa.web.filters import said as said_filters
from dxqa.web.html import escape, exact
from dxqa.web.words import say

_MOST_HELD = 60
"""More municipalities than this no one reads through here."""
_NEAR = 2


def conditions_html(answer: Answer, filters: Chosen, undone: Mapping[str, str]) -> str:
    """Return the filters of an answer as chips: read from the question, taken out, and chosen."""
    read = [_chip("without", key, word, "×") for key, word in answer.conditions.items()]
    left_out = [_chip("again", key, word, "↺") for key, word in undone.items()]
    chosen = [
        f'<span class="chip set">{escape(word)}</span>' for word in said_filters(filters).values()
    ]
    rows = (("read-as", read), ("undone", left_out), ("filtered-by", chosen))
    return "".join(
        f'<p class="chips"><span class="of">{say(heading)}</span>{"".join(chips)}</p>'
        for heading, chips in rows
        if chips
    )


def _chip(act: str, key: str, word: str, sign: str) -> str:
    done = {"without": "この条件を外して尋ねる", "again": "この条件を戻して尋ねる"}[act]
    return (
        f'<button type="button" class="chip act act-{act} key-{exact(key)}" title="{done}" '
        f'lang="ja">'
        f"{escape(word)} {sign}</button>"
    )


def questions_html(heading: str, questions: Sequence[str]) -> str:
    """Return questions to press, under a heading; empty without any."""
    if not questions:
        return ""
    items = "".join(f"<li>{_asking(question)}</li>" for question in questions)
    return f'<div class="next"><p class="of">{say(heading)}</p><ul>{items}</ul></div>'


def next_steps_html(
    answer: Answer, held: Sequence[str], *, filtered: bool, follows: bool = False
) -> str:
    """Return what a reader can do where the corpus does not answer.

    Args:
        answer: the one that declines.
        held: municipalities of the corpus.
        filtered: whether filters are set.
        follows: whether earlier questions may have been taken for part of this one.
    """
    steps = [_button("unfilter", "without-filters")] if filtered else []
    steps += [_button("alone", "alone")] if follows else []
    steps += [] if _names_any(answer.question, held) else [_button("place", "with-place")]
    steps += [_asking(f"{name}の事例を教えて") for name in _near(answer.hits)]
    items = "".join(f"<li>{step}</li>" for step in steps)
    return (
        f'<div class="next"><p class="of">{say("next-steps")}</p><ul>{items}</ul>'
        f"{_held_html(held)}</div>"
    )


def actions_html() -> str:
    """Return what can be done with a turn."""
    return (
        '<p class="actions">'
        + "".join(_button(act, act) for act in ("retry", "edit", "delete", "link"))
        + '<span class="told"></span></p>'
    )


def _names_any(question: str, held: Sequence[str]) -> bool:
    places = filter(None, map(parse_place, held))
    return any((place.town or place.prefecture) in question for place in places)


def _near(hits: Sequence[Hit]) -> list[str]:
    names = dict.fromkeys(hit.passage.municipality for hit in hits)
    return [name for name in names if name][:_NEAR]


def _held_html(held: Sequence[str]) -> str:
    if not 0 < len(held) <= _MOST_HELD:
        return ""
    items = "".join(f"<li>{_asking(f'{name}の事例を教えて', name)}</li>" for name in held)
    return (
        f'<details class="held"><summary>{say("held")} ({len(held):,})</summary>'
        f"<ul>{items}</ul></details>"
    )


def _asking(question: str, shown: str = "") -> str:
    told = escape(shown or question)
    title = f' title="{exact(question)}"' if told != exact(question) else ""
    return f'<button type="button" class="act act-ask"{title} lang="ja">{told}</button>'


def _button(act: str, word: str) -> str:
    return f'<button type="button" class="act act-{act}">{say(word)}</button>'
