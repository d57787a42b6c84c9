"""A reverse proxy that serves another server below a path, as an office's web server would."""

import contextlib
import socket
import threading
import time
from collections.abc import Iterator

import httpx
import uvicorn
from starlette.applications import Starlette
from starlette.background import BackgroundTask
from starlette.requests import Request
from starlette.responses import StreamingResponse
from starlette.routing import Route

_OWN = {"host", "content-length", "transfer-encoding", "connection"}


@contextlib.contextmanager
def proxied(target: str, path: str) -> Iterator[str]:
    """Pass on what comes in below ``path``, with that path taken off; yield the outer address."""

    async def pass_on(request: Request) -> StreamingResponse:
        inner = httpx.AsyncClient(base_url=target, timeout=600, trust_env=False)
        rest = f"{request.url.path.removeprefix(path)}?{request.url.query}"
        headers = {k: v for k, v in request.headers.items() if k not in _OWN}
        body = await request.body()
        asked = inner.build_request(request.method, rest, headers=headers, content=body)
        reply = await inner.send(asked, stream=True)
        found = StreamingResponse(
            reply.aiter_raw(), reply.status_code, background=BackgroundTask(inner.aclose)
        )
        found.raw_headers = [
            (k.lower(), v) for k, v in reply.headers.raw if k.decode().lower() not in _OWN
        ]
        return found

    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    app = Starlette(routes=[Route(path + "{rest:path}", pass_on, methods=["GET", "POST"])])
    server = uvicorn.Server(
        uvicorn.Config(app, port=port, log_level="error", ws="none", lifespan="off")
    )
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    deadline = time.monotonic() + 20
    while not server.started and time.monotonic() < deadline:
        time.sleep(0.05)
    assert server.started
    try:
        yield f"http://127.0.0.1:{port}{path}/"
    finally:
        server.should_exit = server.force_exit = True
        thread.join(timeout=20)
