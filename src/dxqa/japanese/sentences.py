"""Where Japanese sentences begin and end, in spans of the original text."""

import re

_END = re.compile(r"[。！？!?]+[」』）)]*|\n")
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
    begin = start
    for match in _END.finditer(text, start, stop):
        if match.group() != "\n" and _depth(text, begin, match.start()) > 0:
            continue
        if match.group() == "\n" and text[begin : match.start()].rstrip().endswith(_LABEL_END):
            continue
        spans.append((begin, match.end()))
        begin = match.end()
    spans.append((begin, stop))
    trimmed = (_trim(text, a, b) for a, b in spans)
    return [(a, b) for a, b in trimmed if a < b]


def _depth(text: str, start: int, end: int) -> int:
    """Count brackets still open on the last line of ``text[start:end]``."""
    line = text[max(start, text.rfind("\n", start, end) + 1) : end]
    return sum(line.count(c) for c in _OPEN) - sum(line.count(c) for c in _CLOSE)


def _trim(text: str, start: int, end: int) -> tuple[int, int]:
    while end > start and text[end - 1].isspace():
        end -= 1
    match = _MARKER.match(text, start, end)
    return (match.end() if match else start), end
