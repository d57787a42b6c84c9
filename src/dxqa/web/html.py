"""Text to HTML that no browser, template, Markdown reader or person takes for anything but text."""

import html
import re

from dxqa.visible import visible

# Gradio's components also read $…$ (LaTeX), {{…}} and ${…} (templates).
_ALSO = {ord(character): f"&#{ord(character)};" for character in "${}"}


def escape(text: str) -> str:
    """Return ``text`` as HTML for people, as an element's content or a quoted attribute."""
    return exact(visible(text))


def exact(text: str) -> str:
    """Return ``text`` as HTML for a quoted attribute that a script reads, to the character."""
    return html.escape(text, quote=True).translate(_ALSO)


def one_line(markup: str) -> str:
    """Return markup without line breaks, since a blank line lets Markdown back in."""
    return re.sub(r"\s*\n\s*", "", markup)
