"""The engine asked for by options; the token comes from the environment, and from nowhere else."""

import argparse
from contextlib import suppress
from dataclasses import replace
from typing import Any


def add_choice(parser: argparse.ArgumentParser) -> None:
    """Add what ``build`` takes."""
    group = parser.add_argument_group(
        "検索エンジン", "Milvus の名前とパスワードは、環境変数 DXQA_MILVUS_TOKEN から読みます。"
    )
    group.add_argument(
        "--engine",
        choices=["faiss", "milvus"],
        help="候補を探すもの (既定: 前の索引と同じ、なければ faiss)",
    )
    _add_address(group, "Milvus サーバーのアドレス (例: http://127.0.0.1:19530)")
    group.add_argument(
        "--milvus-collection", metavar="NAME", help="コレクションの別名 (既定: dxqa)"
    )


def add_address(parser: argparse.ArgumentParser) -> None:
    """Add what the commands take that read an index."""
    group = parser.add_argument_group("検索エンジン")
    _add_address(group, "索引にあるものの代わりに使う、Milvus サーバーのアドレス")


def _add_address(group: Any, text: str) -> None:  # noqa: ANN401 - argparse names no public type
    group.add_argument("--milvus-uri", metavar="URI", help=text)
    group.add_argument(
        "--milvus-ca-file", metavar="FILE", help="サーバーの証明書を確かめるためのファイル (PEM)"
    )


def for_build(options: argparse.Namespace) -> Any:  # noqa: ANN401
    """The engine to build with: as the options say, or the index before; None for the default."""
    from dxqa.cli.commands import usage  # noqa: PLC0415 - commands call this
    from dxqa.engines import Faiss, Milvus, settings_of  # noqa: PLC0415 - loads FAISS

    given = _given(options, collection="milvus_collection")
    wanted = options.engine or ("milvus" if given else None)
    before = settings_of(_about(options.index))
    if wanted == "faiss" and given:
        usage("--engine faiss には --milvus-… を指定できません。")
    if wanted == "faiss":
        return Faiss()
    if isinstance(before, Milvus):
        return replace(before, **given)
    if wanted is None:
        return None
    if "uri" not in given:
        usage("--engine milvus には --milvus-uri も指定してください (例: http://127.0.0.1:19530)。")
    return Milvus(given.pop("uri"), **given)


def for_reading(options: argparse.Namespace) -> Any:  # noqa: ANN401
    """The engine at the address given, or None for where the index says it is."""
    given = _given(options)
    if not given:
        return None
    from dxqa.cli.commands import usage  # noqa: PLC0415
    from dxqa.engines import Milvus, settings_of  # noqa: PLC0415

    before = settings_of(_about(options.index))
    if not isinstance(before, Milvus):
        usage(f"この索引は Milvus を使っていません: {options.index}。--milvus-… を外してください。")
    return replace(before, **given)


def _given(options: argparse.Namespace, **others: str) -> dict[str, Any]:
    names = {"uri": "milvus_uri", "ca_file": "milvus_ca_file", **others}
    found = {key: getattr(options, name) for key, name in names.items()}
    return {key: value for key, value in found.items() if value is not None}


def _about(folder: str) -> Any:  # noqa: ANN401
    from dxqa.errors import StoreError  # noqa: PLC0415
    from dxqa.store import read_record  # noqa: PLC0415

    with suppress(StoreError):  # told of where the index is loaded
        return read_record(folder).manifest.get("engine", {})
    return {}
