"""Serving the page on this machine, and nothing to or from any other host."""

import logging
import os
import threading
import urllib.request
from pathlib import Path
from typing import Any

from dxqa.errors import DxqaError
from dxqa.web import assets
from dxqa.web.api import serves_mcp
from dxqa.web.loading import IndexLoader, say
from dxqa.web.page import Page
from dxqa.web.words import I18N

_LOG = logging.getLogger(__name__)


class ServerError(DxqaError):
    """The page cannot be served at the address asked for."""


def serve(
    corpus: str | Path,
    index_folder: str | Path,
    *,
    model: str | None = None,
    host: str = "127.0.0.1",
    port: int = 7860,
) -> None:
    """Serve the page until the process is told to stop; the index loads meanwhile.

    Raises:
        ServerError: the port is taken.
    """
    page = Page(IndexLoader(corpus, index_folder, model))
    try:
        _, url, _ = page.blocks.launch(server_name=host, server_port=port, **launch_options())
    except OSError as error:
        raise ServerError(
            f"{host} のポート {port} で開始できません。ほかのプログラムが使っていないか確かめるか、"
            f"別の番号を --port で指定してください。({error})"
        ) from error
    say(f"ブラウザーで {url} を開いてください。終了するには Ctrl+C を押します。")
    _visit(url)
    page.loader.start()
    try:
        threading.Event().wait()
    except KeyboardInterrupt:
        say("終了します。")
    finally:
        page.blocks.close(verbose=False)
        _leave(page.loader)


def launch_options() -> dict[str, Any]:
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
        "mcp_server": serves_mcp(by_password=False),
        "theme": assets.theme(),
        "css": assets.css(),
        "head": assets.head(),
        "i18n": I18N,
    }


def _leave(loader: IndexLoader) -> None:
    """End at once where an index is still being made: torch aborts if Python goes first.

    Nothing is lost, since an index is written in one step after it is made.
    """
    if loader.at_work:
        say("索引の準備を中止しました。次に起動したとき、はじめから作ります。")
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
