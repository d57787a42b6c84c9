"""``dxqa serve``: what was typed becomes the options of the page."""

import argparse
import getpass
import re
import sys
from pathlib import Path

from dxqa.cli import engine as engines
from dxqa.cli.bundled_corpus import ensure_corpus
from dxqa.cli.commands import usage, writer_of

_ROOT_PATH = re.compile(r"(/[\w.~-]+)+|https?://[^\s?#]+[^\s?#/]")


def serve(options: argparse.Namespace) -> None:
    """Serve the page, or only make the hash of a password, or erase what was kept."""
    if options.hash_password:
        _hash_password()
        return
    if options.root_path and not _ROOT_PATH.fullmatch(options.root_path):
        usage("--root-path は /dxqa のように、/ で始めて、/ で終わらない形にしてください。")
    if options.feedback_days < 0:
        usage("--feedback-days は 0 以上にしてください。")
    writer = writer_of(options)
    from dxqa.web import ServeOptions, serve  # noqa: PLC0415 - loads Gradio

    serving = ServeOptions(
        corpus=Path(options.corpus),
        index=Path(options.index),
        model=options.model,
        reranker=options.reranker,
        engine=engines.for_reading(options),
        host=options.host,
        port=options.port,
        root_path=options.root_path,
        allowed_hosts=tuple(options.allowed_host),
        users=_path(options.auth),
        admin_password=_path(options.admin_password_file),
        read_only=options.read_only,
        feedback=not options.no_feedback,
        feedback_db=_path(options.feedback_db),
        feedback_days=options.feedback_days,
        log_questions=options.log_questions,
        writer=writer,
    )
    if options.erase_feedback:
        _erase_feedback(serving.feedback_file)
    else:
        ensure_corpus(options.corpus)
        serve(serving)


def _hash_password() -> None:
    from dxqa.web.passwords import PasswordHash  # noqa: PLC0415

    if sys.stdin.isatty():
        password = getpass.getpass("パスワード: ")
        if getpass.getpass("もう一度: ") != password:
            usage("二つのパスワードが違います。もう一度実行してください。")
    else:
        password = sys.stdin.readline().rstrip("\r\n")
    if not password:
        usage("パスワードが空です。")
    print(PasswordHash.of(password))


def _erase_feedback(path: Path) -> None:
    from dxqa.web.feedback import FeedbackStore  # noqa: PLC0415

    print(f"記録 {FeedbackStore(path).erase():,} 件を消しました: {path}")


def _path(name: str | None) -> Path | None:
    return Path(name) if name else None
