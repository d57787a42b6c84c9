"""Read a folder of files; what cannot be read is reported by name and reason, never dropped."""

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from dxqa.errors import CorpusError
from dxqa.readers import apart, formats, sidecar
from dxqa.readers.formats import LONGEST_LINE, SUFFIXES
from dxqa.readers.place_metadata import place_metadata
from dxqa.readers.reading import Extract, Reading
from dxqa.types import Document, Metadata

__all__ = ["SUFFIXES", "Corpus", "Skipped", "corpus_files", "read_corpus", "read_file"]


@dataclass(frozen=True, slots=True)
class Skipped:
    """A file that is not in the corpus, and why (Japanese, for the user).

    Attributes:
        path: of the file; where it is there except for a part, ending in the part:
            ``報告.pdf (3ページ)``.
        reason: a short sentence.
    """

    path: Path
    reason: str


@dataclass(frozen=True, slots=True)
class Corpus:
    """What was read of a folder.

    Attributes:
        documents: all of them, in the order of their paths.
        skipped: what was not read, or not wholly.
    """

    documents: tuple[Document, ...]
    skipped: tuple[Skipped, ...]


def corpus_files(root: str | Path) -> Iterator[Path]:
    """Yield every file that takes part in a build, in order: a change of it changes the corpus.

    Sidecar files and those of unknown formats are among them; hidden files, the lock files of Word
    and Excel (``~$…``) and links that lead out of the folder are not.
    """
    return (path for path, reason in _walk(Path(root)) if not reason)


def read_corpus(folder: str | Path) -> Corpus:
    """Read every file of a known format below ``folder``.

    Args:
        folder: a folder, or one such file.

    Raises:
        CorpusError: the folder does not exist or holds no readable document.
    """
    root = Path(folder)
    if not root.exists():
        raise CorpusError(
            f"コーパスのフォルダが見つかりません: {root}。--corpus に正しい場所を指定してください。"
        )
    documents: list[Document] = []
    skipped: list[Skipped] = []
    for path, reason in _walk(root):
        try:
            found = _take(path, reason, root)
        except CorpusError as error:
            skipped.append(Skipped(path, str(error)))
        else:
            documents += found.documents
            skipped += found.skipped
    if not documents:
        reasons = "".join(f"\n  {s.path}: {s.reason}" for s in skipped)
        raise CorpusError(
            f"読み込める文書がありません: {root}。"
            f"対応している形式 ({' '.join(SUFFIXES)}) のファイルを置いてください。{reasons}"
        )
    return Corpus(tuple(documents), tuple(skipped))


def read_file(path: Path, root: Path) -> Corpus:
    """Read the documents of one file, and what its sidecar file says of them.

    ``doc_id`` is the path below ``root``; the documents of a JSON Lines file have ``#`` and their
    ``id`` or line after it.

    Raises:
        CorpusError: the file is of no known format, damaged, or its library is not installed.
    """
    name = path.name if root.is_file() else path.relative_to(root).as_posix()
    reading = _read(path)
    skipped = [_part(path, loss.part, loss.reason) for loss in reading.losses]
    beside, wrong = _beside(path, root)
    documents = []
    for extract in reading.extracts:
        if any(len(line) > LONGEST_LINE for line in extract.text.splitlines()):
            told = f"改行のない部分が長すぎます ({LONGEST_LINE:,} 字まで)"
            if not extract.key:
                raise CorpusError(told)
            skipped.append(_part(path, extract.key, told))
            continue
        documents.append(_document(path, name, extract, beside))
    return Corpus(tuple(documents), (*skipped, *wrong))


def _read(path: Path) -> Reading:
    by_library = path.suffix.lower() in formats.BY_LIBRARIES
    try:
        return apart.read(path) if by_library else formats.read(path)
    except OSError as error:
        raise CorpusError(f"ファイルを開けません ({error.strerror or error})") from error


def _take(path: Path, reason: str, root: Path) -> Corpus:
    if reason:
        raise CorpusError(reason)
    if not sidecar.is_sidecar(path):
        return read_file(path, root)
    if not path.with_suffix("").exists():
        raise CorpusError(f"このメタデータの文書 ({path.stem}) がありません")
    return Corpus((), ())


def _document(path: Path, name: str, extract: Extract, beside: Metadata) -> Document:
    told = {**extract.metadata, **beside}
    metadata = {**place_metadata(str(told.get("municipality", ""))), **told}
    title = str(beside.get("title") or extract.title or _stem(path, extract))
    doc_id = f"{name}#{extract.key}" if extract.key else name
    return Document(doc_id, title, extract.text, str(path), metadata)


def _stem(path: Path, extract: Extract) -> str:
    return f"{path.stem} {extract.key}".strip()


def _beside(path: Path, root: Path) -> tuple[Mapping[str, str | int | float | bool], list[Skipped]]:
    """Return what the sidecar file says, and the sidecar files that are of no use."""
    inside = _inside(root)
    # A link that leads out is reported where the folder is walked.
    found = [beside for beside in sidecar.sidecars(path) if not _unfit(beside, inside)]
    wrong = [Skipped(p, f"{found[0].name} があるため使いません") for p in found[1:]]
    try:
        return (sidecar.read(found[0]) if found else {}), wrong
    except CorpusError as error:
        return {}, [Skipped(found[0], str(error)), *wrong]


def _part(path: Path, part: str, reason: str) -> Skipped:
    # What the part is called comes from the file: a slash in it must not make a folder of it.
    return Skipped(path.with_name(f"{path.name} ({part.replace('/', '／')})"), reason)


def _walk(root: Path) -> Iterator[tuple[Path, str]]:
    """Yield every file that is not hidden, in order, and why it is none to read (else ``""``)."""
    if root.is_file():
        yield root, ""
        yield from ((path, _unfit(path, _inside(root))) for path in sidecar.sidecars(root))
        return
    inside = _inside(root)
    found: dict[Path, str] = {}

    def unreadable(error: OSError) -> None:
        found[Path(error.filename)] = f"フォルダを開けません ({error.strerror})"

    for folder, folders, names in os.walk(root, onerror=unreadable):
        folders[:] = [name for name in folders if not _hidden(name)]
        links = [name for name in folders if (Path(folder) / name).is_symlink()]
        for name in (*links, *(name for name in names if not _hidden(name))):
            path = Path(folder) / name
            found[path] = _unfit(path, inside)
    yield from sorted(found.items())


def _inside(root: Path) -> Path:
    """Return the folder that links may not lead out of."""
    return root.absolute().parent.resolve() if root.is_file() else root.resolve()


def _hidden(name: str) -> bool:
    return name.startswith((".", "~$"))


def _unfit(path: Path, inside: Path) -> str:
    if path.is_symlink() and not path.resolve().is_relative_to(inside):
        return "フォルダの外へのリンクなので読みません"
    if path.is_symlink() and path.is_dir():
        return "フォルダへのリンクはたどりません"
    if not path.is_file():
        return "リンクの先がないか、ふつうのファイルではありません"
    return ""
