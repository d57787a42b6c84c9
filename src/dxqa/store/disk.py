"""Building, saving and loading whole indexes; each build ends in one switch, or in nothing."""

import secrets
import shutil
import tempfile
import weakref
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, replace
from functools import partial
from pathlib import Path

from dxqa.engines import EngineSettings, Faiss, Written, settings_of
from dxqa.errors import StoreError
from dxqa.store import generations
from dxqa.store.build import BuildReport, Source, build
from dxqa.store.generations import CHECKED_BYTES, Record
from dxqa.store.pipeline import file_digests, pipeline_digest
from dxqa.store.store import Manifest, Store, contents, open_store
from dxqa.types import Encoder, Progress

_TRIES = 3

_Build = Callable[[Path], tuple[Manifest, BuildReport]]


@dataclass(frozen=True, slots=True)
class Target:
    """Where an index is built.

    Attributes:
        root: the folder that keeps it; None for a temporary one that goes with the store.
        engine: finds the candidates.
    """

    root: Path | None = None
    engine: EngineSettings = field(default_factory=Faiss)


def build_index(
    target: Target,
    source: Source,
    encoder: Encoder,
    *,
    previous: Store | None = None,
    progress: Progress | None = None,
) -> tuple[Store, BuildReport]:
    """Build in a folder, or in a temporary one.

    What was embedded before a build is cut off stays in a journal in the folder, with which the
    next goes on.

    Raises:
        CorpusError: nothing to index, or two documents share a ``doc_id``.
        StoreError: another process builds there, or the folder cannot be written.
        EngineError: the engine's server cannot be reached or used.
    """
    make = partial(build, source, encoder, previous=previous, progress=progress)
    if target.root is None:
        return _build_aside(make, target.engine, previous)
    return _build_in(target.root, make, target.engine, previous)


def _build_aside(
    make: _Build, engine: EngineSettings, previous: Store | None
) -> tuple[Store, BuildReport]:
    with _writing(Path(tempfile.gettempdir())):
        kept = _TemporaryFolder()
        root = kept.path
        folder = root / f"generation-{secrets.token_hex(4)}"
        folder.mkdir()
        manifest, report = make(folder)
        written, manifest, report = _with_engine(engine, folder, (manifest, report), previous)
        generations.forget_journals(root)
    written.finish()
    return open_store(folder, manifest, engine=engine, kept=kept), report


def _build_in(
    root: Path, make: _Build, engine: EngineSettings, previous: Store | None
) -> tuple[Store, BuildReport]:
    written: Written | None = None
    with generations.build_lock(root):
        folder = generations.begin(root)
        try:
            with _writing(root):
                made = make(folder)
                written, manifest, report = _with_engine(engine, folder, made, previous)
            generations.switch(root, folder, asdict(manifest))
        except BaseException:  # Ctrl-C too: nothing half-made stays
            if written is not None and not generations.in_use(folder):
                written.undo()
            generations.discard(folder)
            raise
        generations.forget_journals(root)
        written.finish()
        return open_store(folder, manifest, engine=engine), report


def _with_engine(
    engine: EngineSettings,
    folder: Path,
    made: tuple[Manifest, BuildReport],
    previous: Store | None,
) -> tuple[Written, Manifest, BuildReport]:
    """Have the engine take up a generation, and say so in its manifest."""
    manifest, report = made
    before = previous.manifest.engine if previous else None
    written = engine.write(contents(folder, manifest.fingerprint), before)
    manifest = replace(manifest, dense=written.kind, engine=written.about)
    return written, manifest, replace(report, sent=written.sent, notes=written.notes)


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


def load(folder: str | Path, engine: EngineSettings | None = None) -> Store:
    """Open the index below ``folder``, with another engine than it names if one is given.

    Raises:
        StoreError: none there, of another format version, or damaged.
    """
    root = Path(folder)
    for tried in range(1, _TRIES + 1):
        record = generations.read_record(root)
        try:
            return _open(root, record, engine)
        except (StoreError, OSError) as error:
            replaced = generations.read_record(root).generation != record.generation
            if replaced and tried < _TRIES:  # a build has switched in between
                continue
            if isinstance(error, StoreError):
                raise
            raise StoreError(f"索引を読み込めません: {root} ({error})。") from error
    raise AssertionError  # the loop returns or raises


def engine_name(folder: str | Path) -> str:
    """Return the name of the engine of the index below ``folder``."""
    return settings_of(generations.read_record(folder).manifest.get("engine", {})).name


def is_current(store: Store, folder: str | Path) -> bool:
    """Whether ``store`` is the generation in use below ``folder``."""
    return store.folder == Path(folder) / generations.read_record(folder).generation


def is_made_of(store: Store, corpus: Path, fingerprint: str) -> bool:
    """Whether a build out of ``corpus`` would make the same index again.

    Raises:
        EngineError: the engine's server cannot be asked what it holds.
    """
    manifest = store.manifest
    return bool(
        manifest.fingerprint == fingerprint
        and manifest.pipeline == pipeline_digest()
        and store.sources == file_digests(corpus)
        and store.engine.is_whole()
    )


class _TemporaryFolder:
    """A folder that goes when the last reference to it does, or with the process."""

    def __init__(self) -> None:
        self.path = Path(tempfile.mkdtemp(prefix="dxqa-"))
        weakref.finalize(self, shutil.rmtree, self.path, ignore_errors=True)


def _open(root: Path, record: Record, engine: EngineSettings | None) -> Store:
    folder = root / record.generation
    generations.check(folder, record, whole=record.size <= CHECKED_BYTES)
    return open_store(folder, Manifest(**record.manifest), engine=engine)


@contextmanager
def _writing(root: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise generations.unwritable(root, error) from error
