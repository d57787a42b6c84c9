"""The commands that build, search, ask and evaluate."""

import argparse
import json
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NoReturn

from dxqa.cli import engine as engines
from dxqa.cli.bundled_corpus import ensure_corpus
from dxqa.cli.progress import ProgressBar
from dxqa.exchange import answer_json, hit_json, read_questions
from dxqa.export import output_format, save, text_of, to_text, where
from dxqa.visible import visible

INTERRUPTED = 130  # as a shell reports it


@contextmanager
def _interruptible() -> Iterator[None]:
    """Say at Ctrl-C what is kept and how to go on, and end with status 130."""
    try:
        yield
    except KeyboardInterrupt:
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # a second one would only add a traceback
        print(
            "\ndxqa: 中断しました。以前の索引はそのままです。計算の済んだ分は残してあり、"
            "もう一度 dxqa build を実行すると続きから始めます。",
            file=sys.stderr,
        )
        raise SystemExit(INTERRUPTED) from None


@_interruptible()
def build(options: argparse.Namespace) -> None:
    """Build or update an index."""
    if options.ray_address and not options.distributed:
        usage("--ray-address は --distributed と一緒に指定してください。")
    from dxqa.index import Index  # noqa: PLC0415 - loads FAISS and the analyser
    from dxqa.store import build_lock, forget_journals  # noqa: PLC0415

    ensure_corpus(options.corpus)
    if options.force:
        with build_lock(Path(options.index)):
            forget_journals(Path(options.index))
    previous = None if options.force else _previous(options)
    model, given = _wanted_model(options, previous)
    engine = engines.for_build(options)
    same = previous is not None and _has_model(previous, model, given)
    if previous is not None and same and _is_same(previous, engine, options.corpus):
        _tell_skipped(previous)
        print(f"変更はありませんでした: {options.index} ({_counts(previous)})")
        return
    with ProgressBar() as progress:
        index = Index.build(
            options.corpus,
            encoder=_encoder_for_build(options, model, given),
            folder=options.index,
            engine=engine,
            previous=previous,
            progress=progress,
        )
    _tell_skipped(index)
    for note in index.report.notes:
        print(note, file=sys.stderr)
    work = f"新しく計算 {index.report.embedded}、再利用 {index.report.reused}"
    if index.report.sent is not None:
        work += f"、サーバーへ送信 {index.report.sent}"
    print(f"索引を作りました: {options.index} ({_counts(index)}、{work})")


def _is_same(previous: Any, engine: Any, corpus: str) -> bool:  # noqa: ANN401
    same = engine in (None, previous.store.engine.settings)
    return same and bool(previous.is_made_of(corpus))


def _encoder_for_build(
    options: argparse.Namespace, model: str | None, given: dict[str, Any]
) -> Any:  # noqa: ANN401
    from dxqa.encoders import distributed_encoder, encoder_for_build  # noqa: PLC0415

    given = {**given, "download": options.model is not None}
    if options.distributed:
        return distributed_encoder(model, address=options.ray_address, **given)
    return encoder_for_build(model, **given)


def _tell_skipped(index: Any) -> None:  # noqa: ANN401
    for path, reason in index.store.manifest.skipped.items():
        print(visible(f"読み飛ばし: {path} ({reason})"), file=sys.stderr)


def _counts(index: Any) -> str:  # noqa: ANN401
    manifest = index.store.manifest
    return f"文書 {manifest.documents}、箇所 {manifest.passages}"


def _previous(options: argparse.Namespace) -> Any:  # noqa: ANN401
    """The index to build upon: None where there is none, or it is of another version."""
    from dxqa.errors import StoreError  # noqa: PLC0415
    from dxqa.index import Index  # noqa: PLC0415
    from dxqa.store import manifest_stamp  # noqa: PLC0415

    if not manifest_stamp(options.index):
        return None
    try:
        return Index.load(options.index)
    except StoreError as error:
        print(f"以前の索引は使えないため、すべて作り直します: {error}", file=sys.stderr)
        return None


def _wanted_model(
    options: argparse.Namespace,
    previous: Any,  # noqa: ANN401
) -> tuple[str | None, dict[str, Any]]:
    """The model to build with, and its options: those given, else those of the index there is."""
    model, given = options.model, {}
    if previous is not None and (model is None or _has_model(previous, model)):
        manifest = previous.store.manifest
        model, given = model or manifest.model, dict(manifest.model_options)
    given |= {} if options.truncate_dim is None else {"truncate_dim": options.truncate_dim}
    given |= {} if options.backend is None else {"backend": options.backend}
    return model, {name: value for name, value in given.items() if value != "torch"}


def _has_model(
    index: Any,  # noqa: ANN401
    model: str | None,
    given: dict[str, Any] | None = None,
) -> bool:
    """Whether an index is of a model, and of these options of it if they are given."""
    from dxqa.encoders import model_name  # noqa: PLC0415

    manifest = index.store.manifest
    same = model is not None and model_name(model) == model_name(manifest.model)
    return same and given in (None, manifest.model_options)


def search(options: argparse.Namespace) -> None:
    """Print the passages nearest to a question."""
    hits = _load_for_one(options).search(options.question, k=options.k, filters=_filters(options))
    if options.json:
        _print_json({"question": options.question, "hits": [hit_json(hit) for hit in hits]})
        return
    for hit in hits:
        print(visible(f"{hit.rank}. {where(hit.passage)} (スコア {hit.score:.3f})"))
        print(visible(f"   {' '.join(hit.passage.text.split())}") + "\n")


def ask(options: argparse.Namespace) -> None:
    """Answer one question or a file of them."""
    if (options.question is None) == (options.batch is None):
        usage("ask には QUESTION か --batch のどちらか一つを指定してください。")
    if options.batch:
        if options.format or options.output:
            usage("--format と --output は、--batch と一緒には使えません。")
        _ask_batch(options)
        return
    form = "json" if options.json else options.format
    if options.output:
        form = output_format(options.output, form, force=options.force)
    writer = writer_of(options)
    answer = _load_for_one(options).ask(
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
    writer = writer_of(options)
    index, filters = _load(options), _filters(options)
    for row in rows:
        history = row.get("history") or []
        answer = index.ask(row["question"], history=history, filters=filters, writer=writer)
        if options.json:
            _print_json({**({"id": row["id"]} if "id" in row else {}), **answer_json(answer)})
        else:
            print(visible(f"問: {answer.question}"))
            print(f"{to_text(answer)}\n")


def evaluate(options: argparse.Namespace) -> None:
    """Judge search and answers against labelled questions."""
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


def _load(options: argparse.Namespace) -> Any:  # noqa: ANN401
    from dxqa.index import Index  # noqa: PLC0415 - loads FAISS and the analyser

    return Index.load(
        options.index,
        engines.for_reading(options),
        encoder=options.model,
        reranker=options.reranker,
    )


def _load_for_one(options: argparse.Namespace) -> Any:  # noqa: ANN401
    """Load the index for one question: without torch, if its model allows."""
    from dxqa.encoders import is_bundled, load_encoder  # noqa: PLC0415
    from dxqa.index import Index  # noqa: PLC0415

    index = _load(options)
    model = index.store.manifest.model
    if is_bundled(model):
        index = Index(index.store, load_encoder(model, light=True))
        index.reranker = options.reranker
    return index


def _filters(options: argparse.Namespace) -> dict[str, str]:
    pairs = [item.partition("=") for item in options.filter]
    if any(not sep or not key.strip() for key, sep, _ in pairs):
        usage("--filter は KEY=VALUE の形で指定してください (例: --filter prefecture=福島県)。")
    return {key.strip(): value for key, _, value in pairs}


def writer_of(options: argparse.Namespace) -> Any:  # noqa: ANN401
    """The writer asked for, or None; to ``ask`` on a terminal it shows what passes as it comes."""
    if (options.llm is None) != (options.llm_model is None):
        usage("--llm BASE_URL と --llm-model NAME は、両方を指定してください。")
    if options.llm is None:
        return None
    from dxqa.answering import Writer  # noqa: PLC0415 - loads FAISS and the analyser

    watched = sys.stderr.isatty() and not getattr(options, "json", True)
    return Writer(options.llm, options.llm_model, on_text=_show_written if watched else None)


def _show_written(sentence: str) -> None:
    print(visible(f"… {sentence}"), file=sys.stderr, flush=True)


def _print_json(value: dict[str, Any]) -> None:
    # A lone surrogate in a question cannot be written as UTF-8; it goes out as \\udXXX.
    line = json.dumps(value, ensure_ascii=False)
    sys.stdout.buffer.write(line.encode("utf-8", "backslashreplace") + b"\n")
    sys.stdout.buffer.flush()


def usage(message: str) -> NoReturn:
    """End with a message and status 2."""
    print(f"dxqa: {message}", file=sys.stderr)
    raise SystemExit(2)
