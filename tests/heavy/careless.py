"""A page that takes no care of what it shows, and an address that payloads ask for."""

import json
import re
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from markdown_it import MarkdownIt

from tests.payloads import LINKS, PAYLOADS, TEMPLATES, payload


class Beacon(ThreadingHTTPServer):
    """Listens where payloads ask, and serves the careless page."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Careless)
        self.url = f"http://127.0.0.1:{self.server_port}"

    def handle_error(self, *_: object) -> None:
        """Say nothing where a browser hangs up, since a payload has led it away."""


class Careless(BaseHTTPRequestHandler):
    """``/<context>/<number>`` is a page that puts a payload where text was meant to stand."""

    server: Beacon

    def do_GET(self) -> None:
        found = re.fullmatch(r"/(\w+)/(\d+)", self.path)
        known = found and found[1] in CARELESS
        body = careless(found[1], int(found[2]), self.server.url) if found and known else ""
        self.send_response(200)
        kind = "text/html; charset=utf-8" if known else "text/javascript"
        self.send_header("Content-Type", kind)
        self.end_headers()
        self.wfile.write(body.encode())

    def do_POST(self) -> None:
        self.do_GET()

    def log_message(self, *_: object) -> None:
        """Keep the test output clean."""


_NARROW = str.maketrans("＜＞", "<>")

CARELESS: dict[str, Callable[[str], str]] = {
    "body": lambda p: f"<body><p>{p}</p><script data-ours></script>",
    "inner": lambda p: (
        "<body><div id=a></div><script data-ours>"
        f"document.querySelector('#a').innerHTML = {_script(p)}</script>"
    ),
    "twice": lambda p: (
        "<body><div id=a></div><div id=b></div><script data-ours>"
        f"a.innerHTML = {_script(p)}; b.innerHTML = a.innerHTML; a.innerHTML = b.innerHTML</script>"
    ),
    "unescaped": lambda p: (
        "<body><div id=a></div><script data-ours>const t = "
        f"document.createElement('textarea'); t.innerHTML = {_script(p)}; a.innerHTML = t.value;"
        "const u = document.createElement('textarea'); u.innerHTML = t.value;"
        "a.innerHTML += u.value;"
        f"try {{ a.innerHTML += decodeURIComponent({_script(p)}) }} catch {{}}</script>"
    ),
    "double": lambda p: f'<body><input value="{p}"><p title="{p}">x</p>',
    "single": lambda p: f"<body><input value='{p}'><p title='{p}'>x</p>",
    "link": lambda p: f'<body><a href="{p}">x</a>',
    "textarea": lambda p: f"<body><textarea>{p}</textarea>",
    "title": lambda p: f"<title>{p}</title><body>",
    "style": lambda p: f"<style>{p}</style><body>",
    "comment": lambda p: f"<body><!-- {p} -->",
    "string": lambda p: f'<body><script data-ours>var a = "{p}";</script>',
    "quoted": lambda p: f"<body><script data-ours>var a = '{p}';</script>",
    "backtick": lambda p: f"<body><script data-ours>var a = `{p}`;</script>",
    "slashed": lambda p: '<body><script data-ours>var a = "{}";</script>'.format(
        p.replace('"', '\\"')
    ),
    "stripped": lambda p: f"<body>{p.replace('<script>', '').replace('</script>', '')}",
    "hexed": lambda p: f'<body><p id=a></p><script data-ours>a.innerHTML = "{p}";</script>',
    "markdown": lambda p: f"<body>{_markdown(p)}",
    "template": lambda p: f"<body><script data-ours>{_engine(p)}</script>",
    "wide": lambda p: f"<body>{p.translate(_NARROW)}",
}
"""How text gets into a page that takes no care."""


def ways(number: int) -> list[str]:
    """Return the contexts, those for which a payload is made first."""
    text = PAYLOADS[number]
    first: tuple[str, ...] = ()
    if text in TEMPLATES:
        first = ("template",)
    elif text in LINKS:
        first = ("body", "markdown", "link")
    elif text.startswith(("'", '"', "`", "\\")):
        first = ("double", "single", "string", "quoted", "backtick", "slashed", "hexed")
    return [*first, *(name for name in CARELESS if name not in first)]


def careless(context: str, number: int, beacon: str) -> str:
    made = CARELESS[context](payload(number, beacon))
    return f"<!DOCTYPE html><meta charset=utf-8>{made}"


def _script(text: str) -> str:
    return json.dumps(text).replace("<", "\\u003c")


def careless_markdown() -> MarkdownIt:
    """Markdown as a reader without care takes it: HTML as it is, links to anywhere."""
    reader = MarkdownIt("commonmark", {"html": True}).enable("table")
    reader.validateLink = bool  # type: ignore[method-assign, assignment]
    return reader


def _markdown(text: str) -> str:
    reader = careless_markdown()
    return str(reader.render(text))


def _engine(text: str) -> str:
    """Do as engines for templates and formulas do, with what they are given."""
    codes = re.findall(r"(?s)\{\{=?(.*?)\}\}|\$\{(.*?)\}|#\{(.*?)\}|<%=(.*?)%>", text)
    found = [next(filter(None, code)) for code in codes]
    found += re.findall(r"javascript:([^}\"]*)", text)
    found += [f"fetch('{url}')" for url in re.findall(r"includegraphics\{(.*?)\}", text)]
    return "\n".join(
        f"try {{ new Function('constructor', 'return ' + {_script(code)})(Object) }} catch {{}}"
        for code in found
    )
