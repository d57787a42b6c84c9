"""A conversation to take along as Markdown, JSON or Word, with every source."""

import json
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace

from dxqa.errors import ExportError
from dxqa.exchange import answer_json
from dxqa.export import to_docx, to_markdown
from dxqa.types import Answer, Part, Statement
from dxqa.web.conversation import Turn

_MARK = re.compile(r"\[(\d+)\]")
_NOTHING = "保存する回答がまだありません。質問してから、もう一度お試しください。"

TYPES = {
    "markdown": ("md", "text/markdown"),
    "json": ("json", "application/json"),
    "word": ("docx", "application/vnd.openxmlformats-officedocument.wordprocessingml.document"),
}
"""Form to the suffix and the media type of its file."""


def transcript(turns: Sequence[Turn], form: str) -> bytes:
    """Return the answered and declined turns as a file in one of ``TYPES``.

    Raises:
        ExportError: there is nothing to save, or what writes Word files is not installed.
    """
    if not any(turn.answer for turn in turns):
        raise ExportError(_NOTHING)
    forms: dict[str, Callable[[Sequence[Turn]], bytes]] = {
        "markdown": _markdown,
        "json": _json,
        "word": _word,
    }
    return forms[form](turns)


def _markdown(turns: Sequence[Turn]) -> bytes:
    return "\n\n".join(map(to_markdown, _numbered(turns))).encode("utf-8", "replace") + b"\n"


def _word(turns: Sequence[Turn]) -> bytes:
    return to_docx(*_numbered(turns))


def _json(turns: Sequence[Turn]) -> bytes:
    told = [
        {**turn.request.to_json(), **answer_json(turn.answer), "notes": list(turn.answer.notes)}
        for turn in turns
        if turn.answer
    ]
    text = json.dumps({"turns": told}, ensure_ascii=False, indent=2)
    return text.encode("utf-8", "backslashreplace") + b"\n"


def _numbered(turns: Sequence[Turn]) -> Iterator[Answer]:
    """Yield the answers, their citations numbered through the whole conversation."""
    before = 0
    for turn in turns:
        if turn.answer:
            yield shifted(turn.answer, before)
            before += max((c.number for c in turn.answer.citations), default=0)


def shifted(answer: Answer, by: int) -> Answer:
    """Return the same answer, its citations numbered from ``by`` + 1."""
    numbers = {citation.number for citation in answer.citations}

    def moved(match: re.Match[str]) -> str:
        return f"[{int(match[1]) + by}]" if int(match[1]) in numbers else match[0]

    return replace(
        answer,
        text=_MARK.sub(moved, answer.text),
        citations=tuple(replace(c, number=c.number + by) for c in answer.citations),
        parts=tuple(_shifted_part(part, by) for part in answer.parts),
    )


def _shifted_part(part: Part, by: int) -> Part:
    def moved(said: Statement) -> Statement:
        return replace(said, numbers=tuple(number + by for number in said.numbers))

    return replace(part, statements=tuple(map(moved, part.statements)))
