"""Answers, refusals and errors as HTML for the chat, and as plain text for a document."""

import re
from collections.abc import Iterator, Sequence
from itertools import groupby

from dxqa.types import Answer
from dxqa.web.html import escape, one_line
from dxqa.web.tables import cite_link, table_html
from dxqa.web.words import say

_MARK = re.compile(r"\[(\d+)\]")
_MARKS = re.compile(r"(&[^;]+;|.)?((?:\[\d+\])+)")
"""The marks at the end of a claim, and the character (or its entity) before them."""
_ADVICE = "自治体名を入れる、言い方を変えるなどして、もう一度お尋ねください。"
_CHOOSE = "下の質問を押すと、お答えします。"
_STEPS = 4
"""An answer grows in about this many steps, so that a long one takes no longer to appear."""

# Lower bounds of confidence; below the last dxqa itself calls it low.
_WORDS = ((0.85, "高い"), (0.65, "ふつう"), (0.0, "低め"))


def confidence_word(confidence: float) -> str:
    """Say 0..1 in a word."""
    return next(word for bound, word in _WORDS if confidence >= bound)


def growing(turn: int, answer: Answer, before: str = "", after: str = "") -> Iterator[str]:
    """Yield the answer's HTML, longer each time; the last one is whole."""
    for body in _bodies(turn, answer)[:-1]:
        yield _framed(turn, answer, before + _said(body))
    yield whole(turn, answer, before, after)


def whole(turn: int, answer: Answer, before: str = "", after: str = "") -> str:
    """Return the whole answer, with what to think of it below.

    Args:
        turn: number of the turn, for ids.
        answer: what is told.
        before: HTML between verdict and answer.
        after: HTML below everything.
    """
    body = _bodies(turn, answer)[-1]
    return _framed(turn, answer, before + _said(body) + _footing(answer) + after)


def _said(body: str) -> str:
    """Mark what is Japanese whatever language the page is in."""
    return f'<div class="said" lang="ja">{body}</div>'


def _bodies(turn: int, answer: Answer) -> list[str]:
    """Return what is told, cut shorter and then whole."""
    numbers = _numbers(answer)
    table = table_html(turn, answer)
    if table or not answer.answered:
        told = lines_html(turn, [*answer.notes, answer.lead or answer.text], numbers)
        return [told, told + table] if table else [told]
    lines = answer.text.splitlines()
    counts = [*range(-(-len(lines) // _STEPS), len(lines), -(-len(lines) // _STEPS)), len(lines)]
    return [lines_html(turn, lines[:count], numbers) for count in counts]


def lines_html(turn: int, lines: Sequence[str], numbers: frozenset[int]) -> str:
    """Return lines as paragraphs, case names (■), lists (・) and remarks (※)."""
    shown: list[str] = []
    filled = filter(str.strip, lines)
    for listed, group in groupby(filled, key=lambda line: line.startswith("・")):
        together = "".join(_line_html(turn, line, numbers) for line in group)
        shown.append(f"<ul>{together}</ul>" if listed else together)
    return "".join(shown)


def _line_html(turn: int, line: str, numbers: frozenset[int]) -> str:
    text = linked(turn, line.lstrip("■・※ "), numbers=numbers)
    if line.startswith("・"):
        return f"<li>{text}</li>"
    if line.startswith("■"):
        return f'<p class="case">{text}</p>'
    return f'<p class="note">※ {text}</p>' if line.startswith("※") else f"<p>{text}</p>"


def linked(turn: int, text: str, *, numbers: frozenset[int]) -> str:
    """Return a line in which each [n] that has a citation leads to its passage.

    Marks stay on the line of the character before them.
    """

    def link(match: re.Match[str]) -> str:
        number = int(match[1])
        if number not in numbers:
            return match[0]
        return cite_link(turn, number)

    def keep(match: re.Match[str]) -> str:
        return f'<span class="keep">{match[1] or ""}{_MARK.sub(link, match[2])}</span>'

    return _MARKS.sub(keep, escape(text))


def pending_html(before: int = 0) -> str:
    """Return what stands in the place of an answer until it is there: how many come first."""
    said = (
        f"順番を待っています。前に {before} 件の質問があります…"
        if before
        else "資料を調べています…"
    )
    return f'<div class="reply pending">{said}</div>'


def error_html(turn: int, message: str, after: str = "") -> str:
    """Return an error, Japanese, with its line breaks."""
    shown = "<br>".join(escape(line) for line in message.splitlines())
    return one_line(
        f'<div class="reply error" id="answer-{turn}"><p class="verdict">お答えできません</p>'
        f"<p>{shown}</p>{after}</div>"
    )


def stopped_html(turn: int, after: str = "") -> str:
    """Return what stands in the place of an answer that was not waited for."""
    return f'<div class="reply stopped" id="answer-{turn}"><p>中止しました。</p>{after}</div>'


def question_html(question: str) -> str:
    """Return what the user typed, as typed."""
    shown = "<br>".join(escape(line) for line in question.strip().splitlines())
    return f'<div class="asked" lang="ja">{shown}</div>'


def copied_text(answer: Answer) -> str:
    """Return the answer with its sources as plain text, for a document."""
    sources = [
        f"[{c.number}] {' '.join(c.quote.split())}（{_source(c.passage.heading_path)}）"
        for c in answer.citations
    ]
    lines = [f"質問：{answer.question.strip()}", "", answer.text]
    return "\n".join([*lines, "", "出典", *sources] if sources else lines)


def _source(heading_path: Sequence[str]) -> str:
    return " › ".join(heading_path)


def _numbers(answer: Answer) -> frozenset[int]:
    return frozenset(citation.number for citation in answer.citations)


def _framed(turn: int, answer: Answer, body: str) -> str:
    kind, verdict = _verdict(answer)
    told = f'<p class="verdict">{verdict}</p>' if verdict else ""
    return one_line(f'<div class="reply{kind}" id="answer-{turn}">{told}{body}</div>')


def _verdict(answer: Answer) -> tuple[str, str]:
    """Return the class of a reply, and what is said above it."""
    if answer.answered:
        return "", ""
    if answer.choices:
        return " asking", say("choose")
    return " declined", "資料に答えが見当たりません"


def _footing(answer: Answer) -> str:
    if not answer.answered:
        return f'<p class="footing">{_CHOOSE if answer.choices else _ADVICE}</p>'
    word = confidence_word(answer.confidence)
    advice = "（原文を確かめてからお使いください）" if word == "低め" else ""
    places = len({citation.passage.passage_id for citation in answer.citations})
    return f'<p class="footing">確からしさ：<strong>{word}</strong>{advice}　根拠：{places}か所</p>'
