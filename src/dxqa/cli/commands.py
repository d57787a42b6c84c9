"""The command line: ``dxqa build | search | ask | evaluate | serve``.

``--json`` output is a contract (docs/architecture.md): one object a line on stdout, nothing else.
Exit status: 0 done (declining is 0 too), 1 a DxqaError, 2 wrong usage.
"""

import argparse
import json
import os
import sys
import warnings
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from dxqa.errors import DxqaError
from dxqa.exchange import answer_json, hit_json, read_questions
from dxqa.export import output_format, save, text_of, to_text, where
from dxqa.types import Progress

_INDEX = "index"
_CORPUS = "corpus"
_PORT = 7860


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return the exit status."""
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")  # idle threads would slow other programs
    warnings.showwarning = _show_warning
    options = build_parser().parse_args(arguments)
    run: Callable[[argparse.Namespace], None] = options.run
    try:
        run(options)
    except DxqaError as error:
        print(f"dxqa: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("dxqa: 中断しました。", file=sys.stderr)
        return 130
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return 0


def build_parser() -> argparse.ArgumentParser:
    """Return the parser of the whole command line."""
    parser = argparse.ArgumentParser(
        prog="dxqa", description="自治体DXの事例に、根拠を示して日本語で答えます (オフライン)。"
    )
    commands = parser.add_subparsers(required=True, metavar="コマンド")
    _add_build(commands)
    _add_search(commands)
    _add_ask(commands)
    _add_evaluate(commands)
    _add_serve(commands)
    return parser


def _command(
    commands: Any,  # noqa: ANN401 - argparse names no public type for it
    name: str,
    run: Callable[[argparse.Namespace], None],
    text: str,
) -> argparse.ArgumentParser:
    parser: argparse.ArgumentParser = commands.add_parser(name, help=text, description=text)
    parser.set_defaults(run=run)
    parser.add_argument(
        "--index", default=_INDEX, metavar="DIR", help="索引のフォルダ (既定: index)"
    )
    parser.add_argument(
        "--model", metavar="NAME", help="sentence-transformers のモデル名かフォルダ"
    )
    return parser


def _add_build(commands: Any) -> None:  # noqa: ANN401
    parser = _command(commands, "build", _build, "文書から索引を作ります (変わった所だけ)。")
    parser.add_argument("--corpus", default=_CORPUS, metavar="DIR", help="文書 (既定: corpus)")
    parser.add_argument("--force", action="store_true", help="すべて作り直します")


def _add_search(commands: Any) -> None:  # noqa: ANN401
    parser = _command(commands, "search", _search, "質問に近い箇所を探します。")
    parser.add_argument("question", metavar="QUESTION", help="質問")
    parser.add_argument("-k", type=int, default=5, metavar="N", help="件数 (既定: 5)")
    _add_filter(parser)
    parser.add_argument("--json", action="store_true", help="JSON で出力します")


def _add_ask(commands: Any) -> None:  # noqa: ANN401
    parser = _command(commands, "ask", _ask, "質問に、根拠を示して答えます。")
    parser.add_argument("question", nargs="?", metavar="QUESTION", help="質問")
    parser.add_argument(
        "--history", action="append", default=[], metavar="TEXT", help="前の質問 (古い順に何度でも)"
    )
    parser.add_argument("--batch", metavar="FILE", help="質問を並べた JSON Lines ファイル")
    _add_filter(parser)
    _add_writer(parser)
    form = parser.add_mutually_exclusive_group()
    form.add_argument("--json", action="store_true", help="JSON で出力します")
    form.add_argument("--format", choices=["text", "markdown", "csv"], help="出力の形式")
    parser.add_argument(
        "--output", metavar="FILE", help="ファイルに保存します (.md .csv .docx .json .txt)"
    )
    parser.add_argument("--force", action="store_true", help="同じ名前のファイルに上書きします")


def _add_evaluate(commands: Any) -> None:  # noqa: ANN401
    parser = _command(commands, "evaluate", _evaluate, "正解付きの質問で検索と回答を採点します。")
    parser.add_argument("questions", metavar="QUESTIONS.jsonl", help="質問ファイル")
    parser.add_argument("--against", metavar="DIR", help="別の索引と、質問ごとに比べます")
    parser.add_argument("--failures", action="store_true", help="外れた質問も並べます")
    parser.add_argument("--json", action="store_true", help="JSON で出力します")


def _add_serve(commands: Any) -> None:  # noqa: ANN401
    parser = _command(commands, "serve", _serve, "ブラウザで使うチャットを開きます。")
    parser.add_argument("--corpus", default=_CORPUS, metavar="DIR", help="文書 (既定: corpus)")
    parser.add_argument("--host", default="127.0.0.1", help="待ち受けるアドレス")
    parser.add_argument("--port", type=int, default=_PORT, help="ポート番号 (既定: 7860)")


def _add_filter(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--filter",
        action="append",
        default=[],
        metavar="KEY=VALUE",
        help="項目で絞り込みます (例: prefecture=福島県、population=..30000)",
    )


def _add_writer(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--llm",
        metavar="BASE_URL",
        help="回答を文章にする言語モデルのサーバー (OpenAI 互換、例: http://127.0.0.1:11434/v1)。"
        "質問と引用をそこへ送ります",
    )
    parser.add_argument("--llm-model", metavar="NAME", help="そのサーバーでの言語モデルの名前")


def _build(options: argparse.Namespace) -> None:
    from dxqa.index import Index  # noqa: PLC0415 - loads FAISS and the analyser

    previous = None if options.force else _previous(options)
    model = options.model or (previous.store.manifest.model if previous else None)
    with _progress_bar() as progress:
        index = Index.build(options.corpus, encoder=model, previous=previous, progress=progress)
    unchanged = previous is not None and _same(previous, index)
    if not unchanged:
        index.save(options.index)
    manifest = index.store.manifest
    for path, reason in manifest.skipped.items():
        print(f"読み飛ばし: {path} ({reason})", file=sys.stderr)
    state = "変更はありませんでした" if unchanged else "索引を作りました"
    print(
        f"{state}: {options.index} (文書 {manifest.documents}、箇所 {manifest.passages}、"
        f"新しく計算 {index.report.embedded}、再利用 {index.report.reused})"
    )


def _previous(options: argparse.Namespace) -> Any:  # noqa: ANN401
    """The index to build upon: None where there is none, or it is of another model or version."""
    from dxqa.errors import StoreError  # noqa: PLC0415
    from dxqa.index import Index  # noqa: PLC0415

    if not (Path(options.index) / "manifest.json").exists():
        return None
    try:
        found = Index.load(options.index)
    except StoreError as error:
        print(f"以前の索引は使えないため、すべて作り直します: {error}", file=sys.stderr)
        return None
    wanted = options.model
    return found if wanted in (None, found.store.manifest.model) else None


def _same(previous: Any, index: Any) -> bool:  # noqa: ANN401
    return bool(
        previous.store.passages == index.store.passages
        and previous.store.documents == index.store.documents
        and previous.store.manifest.fingerprint == index.store.manifest.fingerprint
        and previous.store.manifest.skipped == index.store.manifest.skipped
    )


def _search(options: argparse.Namespace) -> None:
    hits = _load(options).search(options.question, k=options.k, filters=_filters(options))
    if options.json:
        _print_json({"question": options.question, "hits": [hit_json(hit) for hit in hits]})
        return
    for hit in hits:
        print(f"{hit.rank}. {where(hit.passage)} (スコア {hit.score:.3f})")
        print(f"   {' '.join(hit.passage.text.split())}\n")


def _ask(options: argparse.Namespace) -> None:
    if (options.question is None) == (options.batch is None):
        _usage("ask には QUESTION か --batch のどちらか一つを指定してください。")
    if options.batch:
        if options.format or options.output:
            _usage("--format と --output は、--batch と一緒には使えません。")
        _ask_batch(options)
        return
    form = "json" if options.json else options.format
    if options.output:
        form = output_format(options.output, form, force=options.force)
    writer = _writer(options)
    answer = _load(options).ask(
        options.question, history=options.history, filters=_filters(options), writer=writer
    )
    if options.output:
        save(answer, options.output, form)
        print(f"保存しました: {options.output}", file=sys.stderr)
    elif options.json:
        _print_json(answer_json(answer))
    else:
        print(text_of(answer, form or "text"), end="")


def _ask_batch(options: argparse.Namespace) -> None:
    rows = list(read_questions(options.batch))
    writer = _writer(options)
    index, filters = _load(options), _filters(options)
    for row in rows:
        history = row.get("history") or []
        answer = index.ask(row["question"], history=history, filters=filters, writer=writer)
        if options.json:
            _print_json({**({"id": row["id"]} if "id" in row else {}), **answer_json(answer)})
        else:
            print(f"問: {answer.question}")
            print(f"{to_text(answer)}\n")


def _evaluate(options: argparse.Namespace) -> None:
    from dxqa.evaluation import compare, evaluate  # noqa: PLC0415
    from dxqa.index import Index  # noqa: PLC0415

    rows = list(read_questions(options.questions))
    report = evaluate(_load(options), rows)
    other = evaluate(Index.load(options.against), rows) if options.against else None
    changes = compare(other, report) if other else []
    if options.json:
        against = {"against": [change.to_dict() for change in changes]} if other else {}
        _print_json({**report.to_dict(), **against})
        return
    print(report.table())
    if other:
        print(f"\n{options.against} との差 (こちら - あちら)")
        print("\n".join(change.line() for change in changes) or "差はありません")
    if options.failures:
        print(report.failures())


def _serve(options: argparse.Namespace) -> None:
    from dxqa.web import serve  # noqa: PLC0415 - loads Gradio

    serve(
        options.corpus,
        options.index,
        model=options.model,
        host=options.host,
        port=options.port,
    )


def _load(options: argparse.Namespace) -> Any:  # noqa: ANN401
    from dxqa.index import Index  # noqa: PLC0415 - loads FAISS and the analyser

    return Index.load(options.index, encoder=options.model)


def _filters(options: argparse.Namespace) -> dict[str, str]:
    pairs = [item.partition("=") for item in options.filter]
    if any(not sep or not key.strip() for key, sep, _ in pairs):
        _usage("--filter は KEY=VALUE の形で指定してください (例: --filter prefecture=福島県)。")
    return {key.strip(): value for key, _, value in pairs}


def _writer(options: argparse.Namespace) -> Any:  # noqa: ANN401
    """The writer asked for, or None; on a terminal it shows each sentence that passed."""
    if (options.llm is None) != (options.llm_model is None):
        _usage("--llm BASE_URL と --llm-model NAME は、両方を指定してください。")
    if options.llm is None:
        return None
    from dxqa.answering import Writer  # noqa: PLC0415 - loads FAISS and the analyser

    watched = sys.stderr.isatty() and not options.json
    return Writer(options.llm, options.llm_model, on_text=_show_written if watched else None)


def _show_written(sentence: str) -> None:
    print(f"… {sentence}", file=sys.stderr, flush=True)


def _print_json(value: dict[str, Any]) -> None:
    # A lone surrogate in a question cannot be written as UTF-8; it goes out as \\udXXX.
    line = json.dumps(value, ensure_ascii=False)
    sys.stdout.buffer.write(line.encode("utf-8", "backslashreplace") + b"\n")
    sys.stdout.buffer.flush()


class _progress_bar:  # noqa: N801 - used as a context manager, like a function
    """A bar on stderr that appears with the first progress."""

    def __enter__(self) -> Progress:
        self._bar: Any = None
        return self._update

    def __exit__(self, *_: object) -> None:
        if self._bar is not None:
            self._bar.close()

    def _update(self, done: int, total: int) -> None:
        if self._bar is None:
            from tqdm import tqdm  # noqa: PLC0415

            self._bar = tqdm(total=total, desc="埋め込み", unit="文", file=sys.stderr)
        self._bar.update(done - self._bar.n)


def _show_warning(message: Warning | str, *_: object, **__: object) -> None:
    print(f"dxqa: {message}", file=sys.stderr)


def _usage(message: str) -> None:
    print(f"dxqa: {message}", file=sys.stderr)
    raise SystemExit(2)


if __name__ == "__main__":
    sys.exit(main())
