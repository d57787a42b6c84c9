"""What browsers say: anyone can send anything, whatever the page's own scripts would."""

from typing import Any

import gradio as gr


def told(event: gr.EventData) -> dict[str, Any]:
    """Return what comes with an event of the page; nothing where it is of another form."""
    data = event._data  # noqa: SLF001 - Gradio has no other way to it
    return data if isinstance(data, dict) else {}


def writable(text: object) -> str:
    """Return a text that can be sent back: JSON can escape half a character, UTF-8 has none."""
    return str(text or "").encode("utf-8", "replace").decode("utf-8")
