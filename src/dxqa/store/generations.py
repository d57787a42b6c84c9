"""The folder of an index: one generation in use, switched by replacing one file.

    index/manifest.json            names the generation in use, with the checksums of its files
    index/generation-<hash>/       documents, passages, vectors, terms: see ``store``
    index/vectors-<hash>.journal   what a build that was cut off had computed
    index/build.lock               held by the process that builds

A build writes a generation of its own, syncs it to the disk, and replaces the manifest. A reader
sees the old generation or the new one, never half of either, whenever the builder is killed.
"""

import hashlib
import json
import os
import secrets
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from dxqa.encoders.cache import sha256_of
from dxqa.errors import StoreError, VersionError

FORMAT_VERSION = 3

CHECKED_BYTES = 1 << 30
"""Up to this size (1 GiB, about 0.6 s) every byte is checked on each load. Of a larger generation
only the sizes of the files are, and ``verify`` checks the rest: reading it all would take longer
than loading may."""

MANIFEST = "manifest.json"
_LOCK = "build.lock"
_REBUILD = "`dxqa build --force` で作り直してください。"


@dataclass(frozen=True, slots=True)
class Record:
    """What ``manifest.json`` holds.

    Attributes:
        generation: name of the folder in use.
        manifest: what the index says of itself.
        files: name to size in bytes and sha256.
    """

    generation: str
    manifest: Mapping[str, Any]
    files: Mapping[str, tuple[int, str]]

    @property
    def size(self) -> int:
        """Bytes of all files."""
        return sum(size for size, _ in self.files.values())


@contextmanager
def build_lock(root: Path) -> Iterator[None]:
    """Hold ``root`` for one build; the system lets go of it when the process dies.

    Raises:
        StoreError: another process builds there, or the folder cannot be written.
    """
    with _explained(root):
        root.mkdir(parents=True, exist_ok=True)
        lock = FileLock(root / _LOCK, timeout=0)
        try:
            lock.acquire()
        except Timeout:
            raise StoreError(
                f"ほかの dxqa がこの索引を作っている途中です: {root}。"
                "終わるのを待ってから、もう一度実行してください。"
            ) from None
    try:
        yield
    finally:
        lock.release()


def begin(root: Path) -> Path:
    """Return a new folder to build in; the caller holds the lock.

    What builds that were cut off left behind is removed, their journals aside.

    Raises:
        StoreError: the folder cannot be written.
    """
    with _explained(root):
        with suppress(StoreError):  # damaged or of another version: kept until it is replaced
            _remove_generations(root)
        generation = root / f"generation-{secrets.token_hex(4)}"
        generation.mkdir()
        return generation


def switch(root: Path, generation: Path, manifest: Mapping[str, Any]) -> None:
    """Make ``generation`` the one in use, in one step, and remove the others.

    Raises:
        StoreError: it could not be written; what was in use still is.
    """
    with _explained(root):
        paths = sorted(p for p in generation.rglob("*") if p.is_file())
        files = {p.relative_to(generation).as_posix(): _sealed(p) for p in paths}
        for folder in [generation, *(p for p in generation.rglob("*") if p.is_dir())]:
            _sync(folder)
        _write_record(root, Record(generation.name, manifest, files))
    _remove_generations(root)


def unused(root: Path) -> list[str]:
    """Return the names of what is not in use: other generations, journals, halves of a manifest.

    Raises:
        StoreError: the manifest is damaged: then it is not known which generation to keep.
    """
    used = read_record(root).generation if manifest_stamp(root) else ""
    found = [*root.glob("generation-*"), *root.glob("*.journal"), *root.glob("manifest.*.tmp")]
    return sorted(path.name for path in found if path.name != used)


def clean(root: Path) -> list[str]:
    """Remove what is not in use, and return its names.

    Raises:
        StoreError: a process builds there right now, or the manifest is damaged.
    """
    with build_lock(root):
        names = unused(root)
        _remove(root, names)
    return names


def forget_journals(root: Path) -> None:
    """Remove the vectors that builds that were cut off have left; the caller holds the lock."""
    for journal in root.glob("*.journal"):
        journal.unlink(missing_ok=True)


def _remove(root: Path, names: list[str]) -> None:
    for path in (root / name for name in names):
        if path.is_dir():
            shutil.rmtree(path, ignore_errors=True)  # a reader of Windows may hold it open
        else:
            path.unlink(missing_ok=True)


def _remove_generations(root: Path) -> None:
    _remove(root, [name for name in unused(root) if not name.endswith(".journal")])


def read_record(folder: str | Path) -> Record:
    """Return what the manifest says.

    Raises:
        StoreError: no index there, unreadable, damaged, or of another format version.
    """
    path = Path(folder) / MANIFEST
    try:
        written = json.loads(path.read_text("utf-8"))
        version = written["format_version"]
    except (FileNotFoundError, NotADirectoryError) as error:
        raise StoreError(
            f"索引がありません: {folder}。"
            "先に `dxqa build` を実行するか、--index を確認してください。"
        ) from error
    except OSError as error:
        raise StoreError(
            f"索引の目録を読めません: {path} ({error.strerror})。"
            "読み取りの権限とディスクの状態を確認してください。"
        ) from error
    except (ValueError, KeyError, TypeError) as error:
        raise StoreError(f"索引の目録が壊れています: {path}。{_REBUILD}") from error
    if version != FORMAT_VERSION:
        raise VersionError(
            f"索引の形式が違います: {folder} は版 {version}、"
            f"この dxqa が読めるのは版 {FORMAT_VERSION} です。{_REBUILD}"
        )
    if written.pop("checksum", None) != _checksum(written):
        raise StoreError(f"索引の目録が書き換わっています: {path}。{_REBUILD}")
    files = {name: (size, digest) for name, (size, digest) in written["files"].items()}
    return Record(written["generation"], written["manifest"], files)


def manifest_stamp(folder: str | Path) -> tuple[int, ...]:
    """Return what changes whenever the manifest does; ``()`` where there is none.

    One that may not be looked at counts as there, so that whoever reads it is told.
    """
    try:
        found = (Path(folder) / MANIFEST).stat()
    except (FileNotFoundError, NotADirectoryError):
        return ()
    except OSError as error:
        return (error.errno or -1,)
    return found.st_mtime_ns, found.st_size, found.st_ino, found.st_mode


def check(folder: Path, record: Record, *, whole: bool) -> None:
    """Compare the files of a generation with its record: their sizes, and all bytes if ``whole``.

    Raises:
        StoreError: a file is missing or altered; it is named.
    """
    for name, (size, digest) in record.files.items():
        path = folder / name
        if not path.is_file():
            raise StoreError(f"索引のファイルがありません: {path}。{_REBUILD}")
        if path.stat().st_size != size or (whole and sha256_of(path) != digest):
            raise StoreError(f"索引のファイルが書き換わっています: {path}。{_REBUILD}")


def verify(root: str | Path) -> Record:
    """Check every byte of the index in use.

    Raises:
        StoreError: none there, or damaged; the file is named.
    """
    record = read_record(root)
    check(Path(root) / record.generation, record, whole=True)
    return record


def _write_record(root: Path, record: Record) -> None:
    written = {
        "format_version": FORMAT_VERSION,
        "generation": record.generation,
        "manifest": dict(record.manifest),
        "files": {name: list(sealed) for name, sealed in record.files.items()},
    }
    text = json.dumps({**written, "checksum": _checksum(written)}, ensure_ascii=False, indent=1)
    aside = root / f"manifest.{os.getpid()}.tmp"
    aside.write_text(text, "utf-8")
    _sync(aside)
    aside.replace(root / MANIFEST)
    _sync(root)


def _checksum(written: Mapping[str, Any]) -> str:
    text = json.dumps(written, sort_keys=True, ensure_ascii=False)
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def _sealed(path: Path) -> tuple[int, str]:
    """Bring a file to the disk and return its size and sha256."""
    _sync(path)
    return path.stat().st_size, sha256_of(path)


def _sync(path: Path) -> None:
    if os.name == "nt" and path.is_dir():  # Windows cannot open a folder
        return
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


@contextmanager
def _explained(root: Path) -> Iterator[None]:
    """Say of a failure to write what it means, and that the index before is untouched."""
    try:
        yield
    except OSError as error:
        raise unwritable(root, error) from error


def unwritable(root: Path, error: OSError) -> StoreError:
    """Return what to tell of a failure to write."""
    kept = "以前の索引はそのままです。" if manifest_stamp(root) else ""
    return StoreError(
        f"索引を保存できません: {root} ({error.strerror or error})。"
        f"空き容量と書き込み権限を確認してください。{kept}"
    )


def in_use(generation: Path) -> bool:
    """Whether the manifest names a generation."""
    with suppress(OSError, StoreError):
        return read_record(generation.parent).generation == generation.name
    return False


def discard(generation: Path) -> None:
    """Remove a generation that came to nothing; one that is in use by now stays."""
    if in_use(generation):
        return
    with suppress(OSError):
        shutil.rmtree(generation)
