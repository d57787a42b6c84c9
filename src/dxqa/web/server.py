"""Serving the page on this machine, and nothing to or from any other host."""

import asyncio
import contextlib
import io
import itertools
import logging
import os
import signal
import urllib.request
from collections.abc import Awaitable, Callable, Iterator
from functools import partial
from pathlib import Path
from queue import SimpleQueue
from typing import Any

from gradio.utils import get_upload_folder
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from dxqa.errors import DxqaError
from dxqa.web import assets
from dxqa.web.api import serves_mcp
from dxqa.web.attempts import Attempts
from dxqa.web.guard import FAILURES, WINDOW_S, Guard
from dxqa.web.line import MOST_WAITING
from dxqa.web.loading import IndexLoader
from dxqa.web.logs import event, log_as_json, say
from dxqa.web.options import ServeOptions
from dxqa.web.page import Page
from dxqa.web.passwords import Users, read_users
from dxqa.web.sessions import Sessions
from dxqa.web.uploads import LARGEST_BYTES
from dxqa.web.words import I18N

GRACE_S = 30.0
"""How long questions that were taken have to be answered when the process is told to stop."""
HANGING_UP_S = 5.0
_OTHER_THREADS = 40
"""What the page's other functions have, while all that the line holds wait in threads."""
_MOST_SESSIONS = 1000
"""Pages whose conversation is held: a question takes 0.15 MiB of it until the page is closed and an
hour over. Those not used for longest go first."""
_LOG = logging.getLogger(__name__)
_FAILURES_OF_A_NAME = 3 * FAILURES  # more than one address may try: nobody is locked out lightly
_LONGEST_NAME = 200
_LOGIN = (
    "お名前とパスワードを入力してください。分からないときは、管理している方にお尋ねください。"
    f"{FAILURES} 回続けて間違えると、{WINDOW_S / 60:.0f} 分のあいだ入れなくなります。"
)


class ServerError(DxqaError):
    """The page cannot be served at the address asked for."""


def serve(options: ServeOptions) -> None:
    """Serve the page until the process is told to stop; the index loads meanwhile.

    Raises:
        ServerError: the port is taken.
        PasswordError: a file of passwords cannot be used.
    """
    with log_as_json():
        _serve(options)


def _serve(options: ServeOptions) -> None:
    launching = launch_options(options)
    page = Page(options)
    launching["app_kwargs"] = app_options(page.loader, options)
    try:
        # However quiet, Gradio prints where it serves MCP: docs/api.md says that.
        with contextlib.redirect_stdout(io.StringIO()):
            app, url, _ = page.blocks.launch(
                server_name=options.host, server_port=options.port, **launching
            )
        app.tokens = Sessions()
    except OSError as error:
        raise ServerError(
            f"{options.host} のポート {options.port} で開始できません。ほかのプログラムが使って"
            f"いないか確かめるか、別の番号を --port で指定してください。({error})"
        ) from error
    with _told_to_stop() as told:
        say(f"ブラウザーで {url} を開いてください。終了するには Ctrl+C を押します。")
        _visit(url)
        page.loader.start()
        told.get()
        _stop(page)


@contextlib.contextmanager
def _told_to_stop() -> Iterator[SimpleQueue[int]]:
    """Yield where a signal comes that tells the process to stop; told again, it stops at once.

    A signal that is ignored, as Ctrl-C is by a shell's background jobs, stays so.
    """
    told: SimpleQueue[int] = SimpleQueue()  # unlike an event, it may be put to by a handler
    times = itertools.count()

    def tell(number: int, frame: object) -> None:
        del frame
        if next(times):
            os._exit(128 + number)
        told.put(number)

    heard = [signal.SIGINT, signal.SIGTERM]
    before = {number: signal.getsignal(number) for number in heard}
    for number, handler in before.items():
        if handler is not signal.SIG_IGN:
            signal.signal(number, tell)
    try:
        yield told
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _stop(page: Page) -> None:
    """Take no more questions, answer those that were taken, and then hang up."""
    say(f"終了します。受け付けた質問には答えます（最長 {GRACE_S:.0f} 秒）。")
    answered = page.loader.close(GRACE_S)
    # Uvicorn waits for replies that are under way; pages that are only open end with the event.
    page.blocks.app.stop_event.set()
    page.blocks.server.should_exit = True
    page.blocks.server.thread.join(HANGING_UP_S)
    page.blocks.close(verbose=False)
    event("stop", answered=answered)
    _leave(page.loader, answered=answered)


def launch_options(options: ServeOptions) -> dict[str, Any]:
    """Return what ``launch`` is told besides the address: nothing shared, nothing reported."""
    return {
        "prevent_thread_lock": True,
        "quiet": True,
        "share": False,
        "footer_links": [],
        "run_history": False,
        "enable_monitoring": False,
        "ssr_mode": False,
        "pwa": False,
        "state_session_capacity": _MOST_SESSIONS,
        "max_threads": MOST_WAITING + _OTHER_THREADS,
        "mcp_server": serves_mcp(by_password=bool(options.users)),
        "theme": assets.theme(),
        "css": assets.css(),
        "head": assets.head(),
        "i18n": I18N,
        "root_path": options.root_path,
        "max_file_size": 4 * LARGEST_BYTES,  # up to here our own message says what is too large
        "auth": login(read_users(options.users)) if options.users else None,
        "auth_message": _LOGIN,
    }


def app_options(loader: IndexLoader, options: ServeOptions) -> dict[str, Any]:
    """Return what the application is made with: routes before Gradio's, and who stands before."""
    guard = Middleware(Guard, uploads=Path(get_upload_folder()), names=options.names)
    return {"routes": routes(loader, options), "middleware": [guard]}


def login(users: Users) -> Callable[[str, str], Awaitable[bool]]:
    """Return what Gradio asks at each login; a wrong one takes a second longer.

    A name that too many passwords were tried for is refused for a while, from wherever they came.
    """
    by_name = Attempts(_FAILURES_OF_A_NAME, WINDOW_S)

    async def may_enter(name: str, password: str) -> bool:
        key = name[:_LONGEST_NAME]
        refused = by_name.begin(key) > 0
        entered = not refused and await asyncio.to_thread(users.may_enter, name, password)
        event("login", entered=entered, **({"refused": True} if refused else {}))
        if entered:
            by_name.succeed(key)
        else:
            await asyncio.sleep(1)
        return entered

    return may_enter


def routes(loader: IndexLoader, options: ServeOptions) -> list[Route]:
    """Return the routes that come before Gradio's."""
    found = [Route("/health", partial(_health, loader))]
    if options.read_only:
        # Gradio takes files from anyone who may open the page, wanted or not.
        found.append(Route("/gradio_api/upload", _refuse, methods=["POST"]))
    return found


async def _health(loader: IndexLoader, request: Request) -> JSONResponse:
    """Tell a monitor or load balancer whether questions are answered; needs no login."""
    del request
    index = loader.index
    held = index.store.manifest if index else None
    closed = loader.line.closed
    told = {
        "stage": "closed" if closed else loader.state.stage,
        "documents": held.documents if held else 0,
        "passages": held.passages if held else 0,
    }
    return JSONResponse(told, status_code=200 if held and not closed else 503)


async def _refuse(request: Request) -> JSONResponse:
    del request
    return JSONResponse({"detail": "この画面からは資料を変えられません。"}, status_code=403)


def _leave(loader: IndexLoader, *, answered: bool) -> None:
    """End at once where threads are still at work: torch aborts if Python goes first.

    Nothing is lost, since an index is written in one step after it is made.
    """
    if loader.at_work:
        say("索引の準備を中止しました。次に起動したとき、はじめから作ります。")
    if loader.at_work or not answered:
        os._exit(0)


def _visit(url: str) -> None:
    """Fetch the page once, before the loader's thread starts.

    The first visit makes the server import modules, and so does the loader. Python 3.11 can fail
    with a KeyError in its import locks when two threads do that at once (CPython gh-106176).
    """
    try:
        direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        with direct.open(url, timeout=10) as reply:
            reply.read()
    except OSError:
        _LOG.warning("ページを一度も取り出せませんでした: %s", url)
