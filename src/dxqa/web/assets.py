"""How the page looks and behaves in the browser; every byte of it comes from this package."""

from importlib.resources import files

from gradio.themes import Base, colors, sizes

from dxqa.web import words

_FONTS = (
    "Noto Sans CJK JP",
    "Noto Sans JP",
    "Hiragino Sans",
    "Yu Gothic UI",
    "Meiryo",
    "sans-serif",
)
_STYLES = ("page.css", "chat.css", "side.css", "tables.css", "cases.css", "admin.css")
_SCRIPTS = ("words.js", "page.js", "chat.js", "history.js", "cases.js", "admin.js")
_MONOSPACED = ("Noto Sans Mono CJK JP", "BIZ UDGothic", "MS Gothic", "monospace")


def theme() -> Base:
    """Return a calm theme with the fonts of the user's own machine."""
    base = Base(
        primary_hue=colors.blue,
        neutral_hue=colors.slate,
        text_size=sizes.text_md,
        radius_size=sizes.radius_sm,
        font=_FONTS,
        font_mono=_MONOSPACED,
    )
    return base.set(
        button_primary_background_fill="#174a8c",
        button_primary_background_fill_hover="#0f3768",
        button_primary_background_fill_dark="#2f6ab8",
        button_primary_background_fill_hover_dark="#3b79cb",
        button_primary_text_color="#ffffff",
        body_background_fill="#f4f6f9",
        body_background_fill_dark="#141a21",
    )


def css() -> str:
    """Return the style sheets, one after another."""
    return "\n".join(map(_read, _STYLES))


def head() -> str:
    """Return what goes into the page's head: the scripts, inline."""
    scripts = "\n".join([words.script(), *map(_read, _SCRIPTS)])
    return f"<script>{scripts}</script>"


def _read(name: str) -> str:
    return files("dxqa.web").joinpath(name).read_text("utf-8")
