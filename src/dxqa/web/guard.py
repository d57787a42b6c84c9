"""What stands before every request: whose page may ask, how much, how often; and headers.

Gradio lets pages of other sites read answers, with the reader's login, wherever it does not listen
on this machine alone (``gradio.route_utils.CustomCORSMiddleware``); so they are refused here.
"""

import contextlib
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from dxqa.web.attempts import Attempts
from dxqa.web.logs import event

FAILURES, WINDOW_S = 10, 300.0
"""Wrong passwords that one address may try in so many seconds."""
LARGEST_BODY = 8 * 2**20
"""Bytes of a request that is no upload: a long conversation is sent with each question."""
LARGEST_UPLOAD = 64 * 2**20
"""Bytes of one upload, of all its files together."""
MOST_UPLOADED = 512 * 2**20
"""Bytes of what was uploaded and neither used nor deleted yet: whoever may open the page can."""

RETRY_AFTER_S = 10
"""What a program is told that asked when too many were waiting."""
_BUSY = "dxqa.busy"

# Gradio makes functions of texts and styles in place: without 'unsafe-…' there is no page.
HEADERS = {
    "content-security-policy": (
        "default-src 'self'; script-src 'self' 'unsafe-inline' 'unsafe-eval'; "
        "style-src 'self' 'unsafe-inline'; img-src 'self' data: blob:; font-src 'self' data:; "
        "object-src 'none'; base-uri 'self'; form-action 'self'; frame-ancestors 'none'"
    ),
    "permissions-policy": "camera=(), geolocation=(), microphone=()",
    "referrer-policy": "no-referrer",
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
}
_UPLOAD = "/gradio_api/upload"
# Of what Gradio offers and this page does not use: fetching from other hosts (proxy=), changing its
# own program (vibe), watching it (monitoring), and what asks for no password.
_UNUSED = re.compile(
    r"/gradio_api/(proxy=|vibe|undo-vibe|dev/|stream/|custom_component/|run-history|runs|profiling"
    r"|process_recording|deep_link)|/(monitoring|openapi\.json)(/|$)"
)
LOCAL_NAMES = frozenset({"localhost", "127.0.0.1", "[::1]"})
"""By which a browser on this machine knows what listens on this machine alone."""

_OTHER_NAME = (
    "この名前では開けません。127.0.0.1 で開くか、管理している方に、起動するときこの名前を "
    "--allowed-host で指定するように伝えてください。"
)
_ELSEWHERE = (
    "ほかのサイトのページからの操作は受け付けません。リバースプロキシの後ろで動かしているときは、"
    "ブラウザーの送る Host をそのまま (または X-Forwarded-Host で) 渡してください。"
)
_TOO_LARGE = "送られたものが大きすぎます。分けて送ってください。"
_FULL = "送られたまま使われていない文書が多すぎます。1 時間ほどたってから、やり直してください。"
_TOO_OFTEN = (
    "間違いが続いたので、しばらく受け付けません。{minutes} 分ほど待ってから、やり直してください。"
)
_SAME_SITE = re.compile(rb";\s*samesite=\w+", re.IGNORECASE)


class Guard:
    """ASGI middleware around the whole page."""

    def __init__(self, app: ASGIApp, uploads: Path, names: frozenset[str] = frozenset()) -> None:
        """Stand before an application that keeps in ``uploads`` what it has not used yet.

        ``names`` are the hosts that it answers to; it answers to all where none are given.
        """
        self._app = app
        self._uploads = uploads
        self._names = names
        self._logins = Attempts(FAILURES, WINDOW_S)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Refuse a request, or pass it on; the reply gets the headers in any case."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        request = Request(scope)
        send = _with_headers(send, scope)
        if self._names and _host(request) not in self._names:
            await _refusal(421, _OTHER_NAME)(scope, receive, send)
            return
        if from_elsewhere(request):
            await _refusal(403, _ELSEWHERE)(scope, receive, send)
            return
        if _UNUSED.match(_path(request)):
            await _refusal(404, "Not Found")(scope, receive, send)
            return
        uploads = _path(request) == _UPLOAD
        most = LARGEST_UPLOAD if uploads else LARGEST_BODY
        if _length(request.headers) > most:
            await _refusal(413, _TOO_LARGE)(scope, receive, send)
            return
        if uploads and _size(self._uploads) > MOST_UPLOADED:
            await _refusal(507, _FULL)(scope, receive, send)
            return
        receive = _bounded(receive, most)
        if request.method == "POST" and _path(request) == "/login":
            await self._log_in(request, receive, send)
        else:
            await self._app(scope, receive, send)

    async def _log_in(self, request: Request, receive: Receive, send: Send) -> None:
        address = address_of(request)
        wait = self._logins.begin(address)
        if wait:
            event("login", entered=False, refused=True)
            reply = too_often(wait)
            headers = {"retry-after": str(int(wait) + 1)}
            await _refusal(429, reply, headers)(request.scope, receive, send)
            return

        async def watched(message: Message) -> None:
            if message["type"] == "http.response.start" and message["status"] == 200:  # noqa: PLR2004
                self._logins.succeed(address)
            await send(message)

        await self._app(request.scope, receive, watched)


def from_elsewhere(request: Request) -> bool:
    """Whether a page of another site asks, as far as browsers tell; programs tell nothing.

    The order is that of Go's ``net/http.CrossOriginProtection``; reading is refused as well.
    """
    site = request.headers.get("sec-fetch-site")
    origin = request.headers.get("origin")
    if site in ("same-origin", "none"):
        return False
    if origin is not None:
        return _authority(origin) not in _own_authorities(request)
    # A link that leads here is no request of that page, nor is what cannot be read there.
    return site is not None and request.method not in ("GET", "HEAD")


def address_of(request: Any) -> str:  # noqa: ANN401 - Starlette's request or Gradio's
    """Return the asker's address: a proxy's word for it is taken only from this machine."""
    return str(request.client.host) if request is not None and request.client else ""


def asker_of(request: Any) -> str:  # noqa: ANN401 - Starlette's request or Gradio's
    """Return in whose name a request waits: who has logged in, a page that is open, an address."""
    for kind in ("username", "session_hash"):
        if told := getattr(request, kind, None):
            return f"{kind}: {told}"
    return f"address: {address_of(request)}"


def mark_busy(request: Any) -> None:  # noqa: ANN401 - Starlette's request or Gradio's
    """Let the reply to a request be one that says: ask again in a while. Gradio knows only 500."""
    if request is not None:
        getattr(request, "request", request).scope[_BUSY] = True


def too_often(wait: float) -> str:
    """Return what is told who has to wait so many seconds."""
    return _TOO_OFTEN.format(minutes=int(wait // 60) + 1)


def _own_authorities(request: Request) -> Iterator[str]:
    """Under which host and port browsers may know this page."""
    for name in ("host", "x-forwarded-host"):
        for told in request.headers.get(name, "").split(","):
            for scheme in ("http", "https"):
                yield _authority(f"{scheme}://{told.strip()}")


def _host(request: Request) -> str:
    """Return the name by which the asker knows this server, without the port.

    A page of another site whose name has come to mean this machine ("DNS rebinding") counts as our
    own page in the browser, but says its name here.
    """
    return re.sub(r":\d*$", "", request.headers.get("host", "").lower()).rstrip(".")


def _authority(origin: str) -> str:
    """Return the host and port of an origin, which leaves out the usual port of its scheme."""
    scheme, _, authority = origin.lower().partition("://")
    usual = {"http": ":80", "https": ":443"}.get(scheme)
    return authority.removesuffix(usual) if usual else f"{scheme}://"


def _path(request: Request) -> str:
    """Return the path within the page, where a proxy has left its own before it too."""
    root = str(request.scope.get("root_path", "")).rstrip("/")
    return str(request.scope["path"]).removeprefix(root).rstrip("/")


def _size(folder: Path) -> int:
    """Return the bytes of the files in a folder, some of which may go meanwhile."""
    total = 0
    for path in folder.rglob("*"):
        with contextlib.suppress(OSError):
            total += path.stat().st_size if path.is_file() else 0
    return total


def _length(headers: Headers) -> int:
    told = headers.get("content-length", "0")
    return int(told) if told.isdecimal() else 0


def _bounded(receive: Receive, most: int) -> Receive:
    """Count what comes, for those who do not say how much it will be."""
    come = 0

    async def counted() -> Message:
        nonlocal come
        message = await receive()
        come += len(message.get("body", b""))
        if come > most:
            raise HTTPException(413, _TOO_LARGE)
        return message

    return counted


def _with_headers(send: Send, scope: Scope) -> Send:
    async def with_headers(message: Message) -> None:
        if message["type"] == "http.response.start":
            message = _as_busy(message) if scope.get(_BUSY) else message
            kept = [_narrowed(pair) for pair in message.get("headers", ())]
            told = {name.lower() for name, _ in kept}
            ours = [(k.encode(), v.encode()) for k, v in HEADERS.items() if k.encode() not in told]
            message = {**message, "headers": [*kept, *ours]}
        await send(message)

    return with_headers


def _as_busy(message: Message) -> Message:
    wait = (b"retry-after", str(RETRY_AFTER_S).encode())
    status = 503 if message["status"] == 500 else message["status"]  # noqa: PLR2004
    return {**message, "status": status, "headers": [*message.get("headers", ()), wait]}


def _narrowed(pair: tuple[bytes, bytes]) -> tuple[bytes, bytes]:
    """Return a header; a cookie as one that pages of other sites do not get sent along."""
    name, value = pair
    if name.lower() != b"set-cookie":
        return pair
    return name, _SAME_SITE.sub(b"", value) + b"; SameSite=lax"


def _refusal(status: int, detail: str, headers: dict[str, str] | None = None) -> JSONResponse:
    return JSONResponse({"detail": detail}, status_code=status, headers=headers)
