"""Building, saving and loading whole indexes; each build ends in one switch, or in nothing."""

import shutil
import tempfile
import weakref
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path

from dxqa.errors import StoreError
from dxqa.store import generations
from dxqa.store.build import BuildReport, Source, build
from dxqa.store.generations import CHECKED_BYTES, Record
from dxqa.store.pipeline import file_digests, pipeline_digest
from dxqa.store.store import Manifest, Store, open_store
from dxqa.types import Encoder, Progress

_TRIES = 3


def build_aside(
    source: Source,
    encoder: Encoder,
    *,
    previous: Store | None = None,
    progress: Progress | None = None,
) -> tuple[Store, BuildReport]:
    """Build in a temporary folder that goes with the store.

    Raises:
        CorpusError: nothing to index, or two documents share a ``doc_id``.
        StoreError: the temporary folder cannot be written.
    """
    with _writing(Path(tempfile.gettempdir())):
        kept = _TemporaryFolder()
        root = kept.path
        folder = root / "generation"
        folder.mkdir()
        manifest, report = build(source, encoder, folder, previous=previous, progress=progress)
        generations.forget_journals(root)
    return open_store(folder, manifest, kept=kept), report


def build_in(
    root: Path,
    source: Source,
    encoder: Encoder,
    *,
    previous: Store | None = None,
    progress: Progress | None = None,
) -> tuple[Store, BuildReport]:
    """Build in the folder of an index and switch to the new one at the end.

    What was embedded before a build is cut off stays in a journal, with which the next goes on.

    Raises:
        CorpusError: nothing to index, or two documents share a ``doc_id``.
        StoreError: another process builds there, or the folder cannot be written.
    """
    with generations.build_lock(root):
        folder = generations.begin(root)
        try:
            with _writing(root):
                manifest, report = build(
                    source, encoder, folder, previous=previous, progress=progress
                )
            generations.switch(root, folder, asdict(manifest))
        except BaseException:  # Ctrl-C too: nothing half-made stays
            generations.discard(folder)
            raise
        generations.forget_journals(root)
        return open_store(folder, manifest), report


def save(store: Store, folder: str | Path) -> None:
    """Copy a store below ``folder``; what was there before stays valid until the last step.

    Raises:
        StoreError: another process builds there, or the folder cannot be written.
    """
    root = Path(folder)
    with generations.build_lock(root):
        generation = generations.begin(root)
        try:
            with _writing(root):
                shutil.copytree(store.folder, generation, dirs_exist_ok=True)
            generations.switch(root, generation, asdict(store.manifest))
        except BaseException:
            generations.discard(generation)
            raise


def load(folder: str | Path) -> Store:
    """Open the index below ``folder``.

    Raises:
        StoreError: none there, of another format version, or damaged.
    """
    root = Path(folder)
    for tried in range(1, _TRIES + 1):
        record = generations.read_record(root)
        try:
            return _open(root, record)
        except (StoreError, OSError) as error:
            replaced = generations.read_record(root).generation != record.generation
            if replaced and tried < _TRIES:  # a build has switched in between
                continue
            if isinstance(error, StoreError):
                raise
            raise StoreError(f"索引を読み込めません: {root} ({error})。") from error
    raise AssertionError  # the loop returns or raises


def is_current(store: Store, folder: str | Path) -> bool:
    """Whether ``store`` is the generation in use below ``folder``."""
    return store.folder == Path(folder) / generations.read_record(folder).generation


def is_made_of(store: Store, corpus: Path, fingerprint: str) -> bool:
    """Whether a build out of ``corpus`` would make the same index again."""
    manifest = store.manifest
    return bool(
        manifest.fingerprint == fingerprint
        and manifest.pipeline == pipeline_digest()
        and store.sources == file_digests(corpus)
    )


class _TemporaryFolder:
    """A folder that goes when the last reference to it does, or with the process."""

    def __init__(self) -> None:
        self.path = Path(tempfile.mkdtemp(prefix="dxqa-"))
        weakref.finalize(self, shutil.rmtree, self.path, ignore_errors=True)


def _open(root: Path, record: Record) -> Store:
    folder = root / record.generation
    generations.check(folder, record, whole=record.size <= CHECKED_BYTES)
    return open_store(folder, Manifest(**record.manifest))


@contextmanager
def _writing(root: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise generations.unwritable(root, error) from error
