"""A Store on disk: each build in a folder of its own, switched in by replacing one file.

    index/manifest.json            names the generation in use
    index/generation-<hash>/       documents.jsonl passages.jsonl *.faiss lexical/ …

A reader sees the old generation or the new one, never half of either.
"""

import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Iterable
from dataclasses import asdict
from pathlib import Path
from typing import Any

from dxqa.dense import DenseIndex
from dxqa.errors import StoreError
from dxqa.lexical import LexicalIndex
from dxqa.store.store import Manifest, Store
from dxqa.types import Document, Passage

FORMAT_VERSION = 2
_MANIFEST = "manifest.json"
_REBUILD = "`dxqa build --force` で作り直してください。"


def save(store: Store, folder: str | Path) -> None:
    """Write a store below ``folder``; what was there before stays valid until the last step.

    Raises:
        StoreError: the folder cannot be written.
    """
    root = Path(folder)
    try:
        root.mkdir(parents=True, exist_ok=True)
        generation = Path(tempfile.mkdtemp(prefix="generation-", dir=root))
        _write_generation(store, generation)
        _write_manifest(store.manifest, generation)
        _remove_others(root, generation)
    except OSError as error:
        raise StoreError(
            f"索引を保存できません: {root} ({error.strerror})。"
            "空き容量と書き込み権限を確認してください。以前の索引はそのままです。"
        ) from error


def load(folder: str | Path) -> Store:
    """Read the store below ``folder``.

    Raises:
        StoreError: none there, of another format version, or damaged.
    """
    root = Path(folder)
    record = read_manifest(root)
    generation = root / str(record["generation"])
    for name, digest in record["sha256"].items():
        _check(generation / name, digest)
    documents = [Document(**row) for row in _read_rows(generation / "documents.jsonl")]
    return Store(
        manifest=Manifest(**record["manifest"]),
        documents={document.doc_id: document for document in documents},
        passages=[_passage(row) for row in _read_rows(generation / "passages.jsonl")],
        dense=DenseIndex.load(generation / "passages.faiss"),
        sentence_dense=DenseIndex.load(generation / "sentences.faiss"),
        lexical=LexicalIndex.load(generation / "lexical"),
        trigrams=LexicalIndex.load(generation / "trigrams"),
        sentence_lexical=LexicalIndex.load(generation / "sentence_lexical"),
    )


def read_manifest(folder: str | Path) -> dict[str, Any]:
    """Return the manifest file's content: ``format_version``, ``generation``, ``manifest``, …

    Raises:
        StoreError: no index there, unreadable, or of another format version.
    """
    path = Path(folder) / _MANIFEST
    if not path.exists():
        raise StoreError(
            f"索引がありません: {folder}。"
            "先に `dxqa build` を実行するか、--index を確認してください。"
        )
    try:
        record: dict[str, Any] = json.loads(path.read_text("utf-8"))
        version = record["format_version"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise StoreError(f"索引の目録が壊れています: {path}。{_REBUILD}") from error
    if version != FORMAT_VERSION:
        raise StoreError(
            f"索引の形式が違います: {folder} は版 {version}、"
            f"この dxqa が読めるのは版 {FORMAT_VERSION} です。{_REBUILD}"
        )
    return record


def _write_generation(store: Store, folder: Path) -> None:
    _write_rows(folder / "documents.jsonl", (asdict(d) for d in store.documents.values()))
    _write_rows(folder / "passages.jsonl", (asdict(p) for p in store.passages))
    store.dense.save(folder / "passages.faiss")
    store.sentence_dense.save(folder / "sentences.faiss")
    store.lexical.save(folder / "lexical")
    store.trigrams.save(folder / "trigrams")
    store.sentence_lexical.save(folder / "sentence_lexical")


def _write_manifest(manifest: Manifest, generation: Path) -> None:
    files = sorted(p for p in generation.rglob("*") if p.is_file())
    record = {
        "format_version": FORMAT_VERSION,
        "generation": generation.name,
        "manifest": asdict(manifest),
        "sha256": {p.relative_to(generation).as_posix(): _sha256(p) for p in files},
    }
    path = generation.parent / _MANIFEST
    aside = path.with_suffix(f".{os.getpid()}.tmp")
    aside.write_text(json.dumps(record, ensure_ascii=False, indent=1), "utf-8")
    aside.replace(path)


def _remove_others(root: Path, current: Path) -> None:
    for folder in root.glob("generation-*"):
        if folder != current:
            shutil.rmtree(folder, ignore_errors=True)


def _check(path: Path, digest: str) -> None:
    if not path.is_file():
        raise StoreError(f"索引のファイルがありません: {path}。{_REBUILD}")
    if _sha256(path) != digest:
        raise StoreError(f"索引のファイルが書き換わっています: {path}。{_REBUILD}")


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _write_rows(path: Path, rows: Iterable[dict[str, Any]]) -> None:
    with path.open("w", encoding="utf-8", newline="\n") as file:
        file.writelines(json.dumps(row) + "\n" for row in rows)


def _read_rows(path: Path) -> list[dict[str, Any]]:
    with path.open(encoding="utf-8", newline="\n") as file:
        return [json.loads(line) for line in file]


def _passage(row: dict[str, Any]) -> Passage:
    row["heading_path"] = tuple(row["heading_path"])
    row["sentences"] = tuple((start, end) for start, end in row["sentences"])
    return Passage(**row)
