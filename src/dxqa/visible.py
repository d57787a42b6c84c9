"""Characters that cannot be seen, or that turn text around, written so that a reader sees them.

A quote stays what the document says, to the character. Where a person reads it, such characters
stand as their number, ``⟨U+202E⟩``: no page, file or terminal then shows other text than the
document holds. Japanese text has no use for them, save a joiner between the parts of a picture
(👨‍👩‍👧).
"""

import re

UNSEEN = (
    "["
    "\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x84\x86-\x9f"  # controls, escapes of terminals among them
    "\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069"  # what turns text around
    "\u00ad\u034f\u180b-\u180e\u200b\u200c\u2060-\u2065\u206a-\u206f\ufeff\ufff9-\ufffb"
    "\u115f\u1160\u17b4\u17b5\u2800\u3164\uffa0"  # blanks that are none
    "\ud800-\udfff"  # halves of characters
    "\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e00ff\U000e01f0-\U000e0fff"
    "]"
    "|(?<![\u2600-\u27bf\ufe0f\U0001f000-\U0001faff])\u200d"
)
"""A pattern of characters: the same for Python and for the page's scripts."""

_UNSEEN = re.compile(UNSEEN)


def visible(text: str) -> str:
    """Return the text, each character that cannot be seen or turns others around as its number."""
    return _UNSEEN.sub(lambda found: f"⟨U+{ord(found.group()):04X}⟩", text)
