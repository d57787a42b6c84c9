"""Requests that no program of good will sends, made of a seed: the same seed, the same requests."""

import json
import random
from dataclasses import dataclass
from typing import Any

from tests.fuzz.mutate import PIECES

MARK = "秘密の合言葉ヌルポガッ"
"""In every question: the log must not hold it."""
NAMES = ("search", "ask", "list_cases", "get_case")
_PARAMETERS = ("question", "k", "filters", "history", "prefecture", "kind", "name", "x" * 300)
_FN = 60
_OUTSIDE = (
    "/etc/passwd",
    "../../../../etc/passwd",
    "..%2f..%2f..%2fetc%2fpasswd",
    "%2e%2e/%2e%2e/etc/passwd",
    "/proc/self/environ",
    "/proc/self/cwd/pyproject.toml",
    "file:///etc/passwd",
    "//etc/passwd",
    "....//....//etc/passwd",
    "/etc/passwd%00.png",
    "\\\\etc\\passwd",
    "C:\\windows\\win.ini",
    "http://127.0.0.1:1/x",
    "http://169.254.169.254/latest",
    "pyproject.toml",
    "app.py",
    "corpus",
    "index/manifest.json",
    "index/feedback.sqlite3",
    "users.txt",
    "%F0%28%8C%28",
    "a" * 5000,
    "",
)
_PATHS = (
    "file=",
    "file/",
    "static/",
    "assets/",
    "svelte/",
    "proxy=",
    "custom_component/a/client/component/",
    "stream/a/1/2/",
    "run-history/records/",
    "dev/",
    "pwa_icon/",
    "monitoring/",
)
_POSTS = (
    "reset",
    "cancel",
    "component_server",
    "stream/a",
    "process_recording",
    "vibe-edit",
    "vibe-code",
    "undo-vibe-edit",
    "vibe-starter-queries",
    "profiling/clear",
    "run-history/connect",
    "upload",
)
_METHODS = ("GET", "POST", "PUT", "DELETE", "PATCH", "OPTIONS", "HEAD", "TRACE", "PROPFIND")


@dataclass(frozen=True)
class Sent:
    """One request; ``listens`` where its answer comes as a stream of events elsewhere."""

    method: str
    path: str
    body: bytes = b""
    content_type: str = "application/json"
    listens: str = ""


def request_of(seed: int) -> Sent:
    """Return the request of a seed."""
    chance = random.Random(seed)  # noqa: S311 - not for secrets
    kind = chance.choices(
        (_run, _call, _join, _event, _file, _upload, _post, _odd), (6, 3, 6, 5, 4, 2, 2, 2)
    )[0]
    return kind(chance)


def _value(chance: random.Random, depth: int = 0) -> Any:  # noqa: ANN401 - JSON
    made = chance.randrange(16)
    if made < 4:
        return f"{MARK}{''.join(chance.choices(PIECES, k=chance.randint(0, 6)))}"
    if made < 6 and depth < 3:
        return [_value(chance, depth + 1) for _ in range(chance.randint(0, 4))]
    if made < 8 and depth < 3:
        return {_key(chance): _value(chance, depth + 1) for _ in range(chance.randint(0, 4))}
    return chance.choice(
        (
            None,
            True,
            False,
            0,
            -1,
            1,
            5,
            100,
            2**63,
            10**400,
            1.5,
            float("nan"),
            float("inf"),
            "",
            " ",
            MARK * 400,
            "\ud800",
            MARK + "\udfff",
            "{",
            [[]],
            {},
            {"": ""},
            [None] * 50,
            {"__type__": "update", "visible": True},
            {"path": "/etc/passwd", "orig_name": "a.md"},
            {
                "path": "/etc/passwd",
                "meta": {"_type": "gradio.FileData"},
                "url": "http://127.0.0.1:1/",
            },
            {"prefecture": "山形県"},
            {"population": "1.2.3.."},
            {"population": [["..", 1]]},
            ["前の質問"] * 500,
        )
    )


def _key(chance: random.Random) -> str:
    keys = ("question", "history", "filters", "undone", "request", "turn", "turns", "act", "key")
    more = (
        "form",
        "names",
        "words",
        "index",
        "value",
        "liked",
        "text",
        "filtered",
        "path",
        "__proto__",
    )
    return chance.choice((*keys, *more))


def _json(value: object, chance: random.Random) -> bytes:
    text = json.dumps(value)
    if chance.randrange(25) == 0:
        text = chance.choice(
            ("[" * 100_000, text[:-1], text + text, "{" + text, '"', "nul", '{"data":' * 3000, "")
        )
    return text.encode("utf-8", "surrogatepass")


def _data(chance: random.Random) -> Any:  # noqa: ANN401 - JSON
    if chance.randrange(12) == 0:
        return _value(chance)
    return [_value(chance) for _ in range(chance.randint(0, 8))]


def _run(chance: random.Random) -> Sent:
    name = chance.choice((*NAMES, *NAMES, "predict", "x", "__init__", "%00", "ask/"))
    body = {"data": _data(chance), **_extras(chance)}
    return Sent("POST", f"gradio_api/{chance.choice(('run', 'api'))}/{name}", _json(body, chance))


def _extras(chance: random.Random) -> dict[str, Any]:
    offered = {
        "fn_index": chance.choice((chance.randint(-3, _FN), 10**9, "0", None, 1.5, [0])),
        "session_hash": chance.choice(("a", "", MARK, "../x", None, 5, "a" * 4000, "\ud800")),
        "event_data": _value(chance),
        "trigger_id": chance.choice((None, 1, -1, "x", 10**9)),
        "event_id": chance.choice((None, "a", 5)),
        "simple_format": chance.choice((True, "x")),
        "batched": chance.choice((True, False)),
        "request": _value(chance),
    }
    return {key: value for key, value in offered.items() if chance.randrange(4) == 0}


def _call(chance: random.Random) -> Sent:
    name = chance.choice((*NAMES, "x"))
    if chance.randrange(2):
        body: Any = {p: _value(chance) for p in chance.sample(_PARAMETERS, chance.randint(0, 4))}
        path = f"gradio_api/call/v2/{name}"
    else:
        body, path = {"data": _data(chance)}, f"gradio_api/call/{name}"
    return Sent("POST", path, _json(body, chance), listens=path)


def _join(chance: random.Random) -> Sent:
    """Call functions that only the page is to call."""
    session = f"s{chance.randrange(10**9)}"
    body: dict[str, Any] = {
        "data": _data(chance),
        "fn_index": chance.randint(0, _FN),
        "session_hash": session,
        "event_data": _value(chance),
        **({"trigger_id": chance.randint(0, _FN)} if chance.randrange(2) else {}),
    }
    listens = f"gradio_api/queue/data?session_hash={session}"
    return Sent("POST", "gradio_api/queue/join", _json(body, chance), listens=listens)


def _event(chance: random.Random) -> Sent:
    """Say what the page's own scripts say, wrongly: as many values as the function takes."""
    session = f"s{chance.randrange(10**9)}"
    told = {_key(chance): _value(chance) for _ in range(chance.randint(0, 4))}
    body: dict[str, Any] = {
        "data": [chance.choice((None, [], _value(chance))) for _ in range(chance.randint(0, 7))],
        "fn_index": chance.randint(0, _FN),
        "session_hash": session,
        "event_data": chance.choice((told, told, _value(chance))),
    }
    listens = f"gradio_api/queue/data?session_hash={session}"
    return Sent("POST", "gradio_api/queue/join", _json(body, chance), listens=listens)


def _file(chance: random.Random) -> Sent:
    path = chance.choice(_PATHS) + chance.choice(_OUTSIDE)
    within = chance.choice(("gradio_api/", "gradio_api/", "", "gradio_api/../"))
    return Sent(chance.choice(("GET", "GET", "HEAD")), within + path)


def _upload(chance: random.Random) -> Sent:
    edge = "edge"
    name = chance.choice(("a.md", "../../a.md", "/etc/cron.d/a", 'a"b', "a" * 5000, "あ\0.md", ""))
    part = (
        f'--{edge}\r\nContent-Disposition: form-data; name="files"; filename="{name}"\r\n'
        f"Content-Type: text/plain\r\n\r\n{MARK}\r\n--{edge}--\r\n"
    )
    body = chance.choice((part, part[:-9], part.replace("\r\n", "\n"), part * 3, "", "--edge"))
    kinds = (f"multipart/form-data; boundary={edge}", "multipart/form-data", "text/plain", "")
    return Sent("POST", "gradio_api/upload", body.encode(), chance.choice(kinds))


def _post(chance: random.Random) -> Sent:
    path = chance.choice(_POSTS)
    keys = ("data", "fn_name", "component_id", "session_hash", "event_id", "fn_index", "code")
    body = {key: _value(chance) for key in chance.sample(keys, chance.randint(0, 7))}
    return Sent("POST", f"gradio_api/{path}", _json(body, chance))


def _odd(chance: random.Random) -> Sent:
    paths = (
        "",
        "health",
        "login",
        "config",
        "info",
        "gradio_api/info",
        "gradio_api/openapi.json",
        "user",
        "gradio_api/queue/data",
        "gradio_api/queue/status",
        "gradio_api/mcp/",
        "gradio_api/mcp/sse",
        "robots.txt",
        "logout",
        "monitoring",
        "gradio_api/startup-events",
        "theme.css",
        "%00",
        "x" * 3000,
        "gradio_api/deep_link?session_hash=a",
        "?deep_link=../../etc/passwd",
        "?__theme=x",
        "?view=api",
        "gradio_api/upload_progress?upload_id=x",
        "gradio_api/call/ask/x",
        "gradio_api/login_check",
    )
    body = _json(_value(chance), chance) if chance.randrange(2) else b""
    kind = chance.choice(("application/json", "text/xml", "multipart/form-data", ""))
    return Sent(chance.choice(_METHODS), chance.choice(paths), body, kind)
