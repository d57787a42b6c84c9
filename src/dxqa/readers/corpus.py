"""Read a folder of files; what cannot be read is reported by name and reason, never dropped."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import charset_normalizer

from dxqa.errors import CorpusError
from dxqa.readers.frontmatter import split_front_matter
from dxqa.readers.outline import document_title
from dxqa.types import Document

SUFFIXES = (".md", ".markdown", ".txt")
_JAPANESE_ENCODINGS = ["cp932", "euc_jp", "iso2022_jp", "utf_16"]


@dataclass(frozen=True, slots=True)
class Skipped:
    """A file that is not in the corpus, and why (Japanese, for the user)."""

    path: Path
    reason: str


@dataclass(frozen=True, slots=True)
class Corpus:
    """All documents below a folder in the order of their paths, and what was skipped."""

    documents: tuple[Document, ...]
    skipped: tuple[Skipped, ...]


def read_corpus(folder: str | Path) -> Corpus:
    """Read every Markdown and plain-text file below ``folder`` (or one such file).

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
    for path in corpus_files(root):
        try:
            documents.append(read_document(path, root))
        except CorpusError as error:
            skipped.append(Skipped(path, str(error)))
    if not documents:
        reasons = "".join(f"\n  {s.path}: {s.reason}" for s in skipped)
        raise CorpusError(
            f"読み込める文書がありません: {root}。"
            f"Markdown (.md) かテキスト (.txt) のファイルを置いてください。{reasons}"
        )
    return Corpus(tuple(documents), tuple(skipped))


def read_document(path: Path, root: Path) -> Document:
    """Read one file; its ``doc_id`` is the path below ``root``.

    Raises:
        CorpusError: the file is not of a known kind, not text, or its front matter is not YAML.
    """
    if path.suffix.lower() not in SUFFIXES:
        raise CorpusError(f"対応していない形式です ({path.suffix or '拡張子なし'})")
    text = decode(path)
    metadata = split_front_matter(text).metadata if path.suffix.lower() != ".txt" else {}
    doc_id = path.name if root.is_file() else path.relative_to(root).as_posix()
    title = str(metadata.get("title") or document_title(text, path))
    return Document(doc_id, title, text, str(path), metadata)


def decode(path: Path) -> str:
    """Decode a file as UTF-8, or as the Japanese encoding that its bytes show.

    Line breaks stay as they are, so that offsets count the file's own characters; a byte order
    mark is left out.

    Raises:
        CorpusError: unreadable, empty, binary, or in an encoding that cannot be told.
    """
    try:
        data = path.read_bytes()
    except OSError as error:
        raise CorpusError(f"ファイルを開けません ({error.strerror})") from error
    if not data.strip():
        raise CorpusError("ファイルが空です")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        pass
    best = charset_normalizer.from_bytes(data, cp_isolation=_JAPANESE_ENCODINGS).best()
    if best is None or (b"\0" in data and best.encoding != "utf_16"):
        raise CorpusError("文字コードを判定できません。UTF-8 で保存し直してください")
    return data.decode(best.encoding)


def corpus_files(root: Path) -> Iterator[Path]:
    """Yield every file that takes part, in the order of their paths."""
    if root.is_file():
        yield root
        return
    for path in sorted(root.rglob("*")):
        hidden = any(part.startswith(".") for part in path.relative_to(root).parts)
        if path.is_file() and not hidden:
            yield path
