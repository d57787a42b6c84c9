"""Serving the page on this machine, and nothing to or from any other host."""

import threading
from pathlib import Path

from dxqa.errors import DxqaError
from dxqa.web import assets
from dxqa.web.loading import say
from dxqa.web.page import build_app


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
    """Serve the page until the process is told to stop.

    Raises:
        ServerError: the port is taken.
    """
    app = build_app(corpus, index_folder, model=model)
    try:
        _, url, _ = app.queue().launch(
            server_name=host,
            server_port=port,
            prevent_thread_lock=True,
            quiet=True,
            share=False,
            footer_links=[],
            run_history=False,
            enable_monitoring=False,
            ssr_mode=False,
            pwa=False,
            mcp_server=False,
            theme=assets.theme(),
            css=assets.css(),
            head=assets.head(),
        )
    except OSError as error:
        raise ServerError(
            f"{host} のポート {port} で開始できません ({error})。"
            "別の番号を --port で指定してください。"
        ) from error
    say(f"ブラウザーで {url} を開いてください。終了するには Ctrl+C を押します。")
    try:
        threading.Event().wait()
    except KeyboardInterrupt:
        say("終了します。")
    finally:
        app.close(verbose=False)
