"""Where Japanese sentences begin and end, in spans of the original text."""

import re

_END = re.compile(r"[。！？!?]+[」』）)]*|\n\s*")
_OPEN, _CLOSE = "「『（(【", "」』）)】"
_MARKER = re.compile(r"\s*(?:[-–—・*●○■◆•]\s*|\d{1,2}[.．)）]\s+|[①-⑳]\s*)?")
_LABEL_END = (":", "：")


def split_sentences(text: str, start: int = 0, end: int | None = None) -> list[tuple[int, int]]:
    """Split ``text[start:end]`` into half-open spans, list markers and outer blanks trimmed.

    A full stop inside brackets does not end a sentence. A line that ends in a colon is the label of
    what follows and stays with it.
    """
    stop = len(text) if end is None else end
    spans: list[tuple[int, int]] = []
    begin = counted = start
    depth = 0  # of brackets, from the beginning of the sentence or of the line up to ``counted``
    for match in _END.finditer(text, start, stop):
        line_ends = match.group()[0] == "\n"
        depth += _opened(text[counted : match.start()])
        counted = match.start()
        goes_on = _is_label(text, begin, counted) if line_ends else depth > 0
        if not goes_on:
            spans.append((begin, match.end()))
            begin = match.end()
        if line_ends or not goes_on:
            depth, counted = 0, match.end()
    spans.append((begin, stop))
    trimmed = (_trim(text, a, b) for a, b in spans)
    return [(a, b) for a, b in trimmed if a < b]


def _opened(text: str) -> int:
    """Count the brackets that a text opens and does not close."""
    return sum(map(text.count, _OPEN)) - sum(map(text.count, _CLOSE))


def _is_label(text: str, start: int, end: int) -> bool:
    """Whether ``text[start:end]`` ends in a colon, blanks aside."""
    while end > start and text[end - 1].isspace():
        end -= 1
    return text.endswith(_LABEL_END, start, end)


def _trim(text: str, start: int, end: int) -> tuple[int, int]:
    while end > start and text[end - 1].isspace():
        end -= 1
    match = _MARKER.match(text, start, end)
    return (match.end() if match else start), end
