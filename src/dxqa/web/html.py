"""Text to HTML that no browser, template or Markdown reader takes for anything but text."""

import html
import re

# Gradio's components also read $…$ (LaTeX), {{…}} and ${…} (templates).
_ALSO = {ord(character): f"&#{ord(character)};" for character in "${}"}


def escape(text: str) -> str:
    """Return ``text`` as HTML, for an element's content or a quoted attribute."""
    return html.escape(text, quote=True).translate(_ALSO)


def one_line(markup: str) -> str:
    """Return markup without line breaks, since a blank line lets Markdown back in."""
    return re.sub(r"\s*\n\s*", "", markup)
