"""A folder made once in the user's cache, verified before each use, rebuilt when damaged."""

import hashlib
import json
import os
import shutil
import warnings
from collections.abc import Callable
from pathlib import Path

import platformdirs
from filelock import FileLock

from dxqa.errors import ModelError

_MANIFEST = "manifest.json"


class ModelCacheWarning(UserWarning):
    """The unpacked model was damaged and has been made anew, or cannot be verified."""


def cache_path() -> Path:
    """Return dxqa's cache folder: ``DXQA_CACHE_DIR``, or the platform's own place."""
    override = os.environ.get("DXQA_CACHE_DIR")
    return Path(override) if override else platformdirs.user_cache_path("dxqa")


def sha256_of(path: Path) -> str:
    """Return the hexadecimal SHA-256 of a file (about 1.8 GB/s on a current processor).

    Raises:
        OSError: the file cannot be read.
    """
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def find_damage(folder: Path, digest: str) -> str | None:
    """Return the name of a file that is not as it was made, is missing or is one too many, or None.

    What is right stands in the code and not in the folder, where whoever changes a file could
    change its checksum too: ``digest`` is of the manifest, which has those of the other files.

    Args:
        folder: that ``ensure_folder`` filled.
        digest: the SHA-256 of its manifest.
    """
    try:
        manifest = (folder / _MANIFEST).read_bytes()
        if hashlib.sha256(manifest).hexdigest() != digest:
            return _MANIFEST
        expected: dict[str, str] = json.loads(manifest)
        different = set(_names(folder)) ^ {*expected, _MANIFEST}
        altered = (name for name, hash_ in expected.items() if sha256_of(folder / name) != hash_)
        return min(different, default=None) or next(altered, None)
    except OSError:
        return _MANIFEST


def ensure_folder(folder: Path, build: Callable[[Path], None], digest: str) -> Path:
    """Return ``folder``, letting ``build`` fill it when it is missing or damaged.

    The contents are written beside it and renamed into place with the manifest as the last file,
    so another process sees all or nothing. A lock makes a second process wait and reuse.

    Args:
        folder: where the contents belong.
        build: writes them into the empty folder it is given.
        digest: the SHA-256 of the manifest of what ``build`` writes.

    Raises:
        ModelError: the cache cannot be written.

    Warns:
        ModelCacheWarning: what was there was damaged, and was not used but made anew; or what was
            made is not what is expected, so that it will not be used again.
    """
    damaged = find_damage(folder, digest)
    if damaged is None:
        return folder
    was_there = folder.exists()
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        with FileLock(folder.with_name(folder.name + ".lock")):
            if find_damage(folder, digest) is not None:
                _replace(folder, build)
                _tell(folder, damaged if was_there else None, find_damage(folder, digest))
    except OSError as error:
        told = _damage_of(folder, damaged) + "展開し直そうとしましたが、" if was_there else ""
        raise ModelError(
            f"{told}モデルの展開先に書き込めません: {folder}({error})。空き容量と権限を確かめるか、"
            "環境変数 DXQA_CACHE_DIR に書き込めるフォルダを指定してください。"
        ) from error
    return folder


def _damage_of(folder: Path, name: str) -> str:
    return f"展開済みのモデルが、壊れているか書き換えられています: {folder}({name})。"


def _tell(folder: Path, before: str | None, after: str | None) -> None:
    """Say what was wrong with the folder, and where making it anew did not put it right."""
    if after:
        warnings.warn(
            f"展開したモデルが、この版の dxqa の知るものと違います: {folder}({after})。"
            "展開に使うライブラリの版が新しいためです。いまは使えますが、起動のたびに展開し直します。"
            "dxqa も新しくしてください。",
            ModelCacheWarning,
            stacklevel=5,
        )
    elif before:
        warnings.warn(
            f"{_damage_of(folder, before)}使わずに、同梱のファイルから展開し直しました。",
            ModelCacheWarning,
            stacklevel=5,
        )


def _names(folder: Path) -> list[str]:
    """Return what is in the folder; a link to a folder counts as a file, which it is not."""
    found = (path for path in folder.rglob("*") if path.is_symlink() or not path.is_dir())
    return [path.relative_to(folder).as_posix() for path in found]


def _replace(folder: Path, build: Callable[[Path], None]) -> None:
    """Build beside ``folder`` and swap; what an interrupted run left is removed first."""
    fresh = folder.with_name(folder.name + ".new")
    old = folder.with_name(folder.name + ".old")
    for leftover in (fresh, old):
        shutil.rmtree(leftover, ignore_errors=True)
    try:
        fresh.mkdir()
        build(fresh)
        _write_manifest(fresh)
        if folder.exists():
            folder.rename(old)
        fresh.rename(folder)
    finally:
        for leftover in (fresh, old):
            shutil.rmtree(leftover, ignore_errors=True)


def _write_manifest(folder: Path) -> None:
    manifest = {name: sha256_of(folder / name) for name in sorted(_names(folder))}
    (folder / _MANIFEST).write_bytes(json.dumps(manifest, indent=2).encode())
