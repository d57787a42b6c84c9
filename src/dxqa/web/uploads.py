"""Documents that come in through the page: one folder below the corpus, nothing outside it."""

import contextlib
import threading
import unicodedata
from collections.abc import Mapping
from pathlib import Path

from dxqa.errors import CorpusError
from dxqa.readers.corpus import SUFFIXES, read_file
from dxqa.types import Document

FOLDER = "uploads"
LARGEST_BYTES = 5 * 2**20
_MOST = 500
_LONGEST_NAME = 200  # bytes; file systems take 255
_FORBIDDEN = frozenset('/\\:*?"<>|')


class Uploads:
    """The uploaded documents of a corpus."""

    def __init__(self, corpus: Path) -> None:
        """Remember the corpus; the folder is made with the first upload."""
        self.corpus = corpus
        self.folder = corpus / FOLDER
        self._changing = threading.Lock()

    def names(self) -> list[str]:
        """Return the names of the uploaded files."""
        try:
            found = list(self.folder.iterdir())
        except OSError:  # not there, or not to be looked into
            return []
        return sorted(p.name for p in found if not p.name.startswith(".") and _is_file(p))

    def add(self, source: Path, name: str) -> str:
        """Copy a file in, and return the name it has there; nothing is ever overwritten.

        Raises:
            CorpusError: the name, size or content cannot be taken, or the name is taken.
        """
        safe = _checked_name(name)
        data = _checked_data(source, safe)
        with self._changing:
            present = self.names()
            if safe in present:
                raise CorpusError(
                    f"{safe}: 同じ名前の文書があります。"
                    "名前を変えるか、先に今の文書を取り除いてから追加してください。"
                )
            if len(present) >= _MOST:
                raise CorpusError(f"{safe}: 追加できる文書は {_MOST} 件までです。")
            self._write(safe, data)
        return safe

    def size(self, name: str) -> int:
        """Return the bytes of an uploaded file; 0 where it has gone."""
        with contextlib.suppress(OSError):
            return (self.folder / name).stat().st_size
        return 0

    def remove(self, name: str) -> None:
        """Delete an uploaded file.

        Raises:
            CorpusError: it is not there, or cannot be deleted.
        """
        with self._changing:
            if name not in self.names():  # a name with a path is never among them
                raise CorpusError(f"{name}: 追加された文書の中にありません。")
            try:
                (self.folder / name).unlink()
            except OSError as error:
                raise CorpusError(f"{name}: 取り除けません ({error.strerror})。") from error

    def pending(self, indexed: Mapping[str, Document]) -> list[str]:
        """Say which uploads and removals the index does not know of yet, one a line."""
        present = self.names()
        known: dict[str, list[str]] = {}
        for doc_id, document in indexed.items():
            if doc_id.startswith(f"{FOLDER}/"):
                file = Path(document.path or doc_id).name  # a file may hold several documents
                known.setdefault(file, []).append(document.text)
        added = [f"追加：{name}" for name in present if name not in known]
        changed = [
            f"変更：{name}"
            for name in present
            if name in known and self._differs(name, known[name])
        ]
        return added + changed + [f"削除：{name}" for name in sorted(set(known) - set(present))]

    def _differs(self, name: str, held: list[str]) -> bool:
        try:
            documents = read_file(self.folder / name, self.corpus).documents
            return [document.text for document in documents] != held
        except CorpusError:
            return True

    def _write(self, name: str, data: bytes) -> None:
        aside = self.folder / f".{name}"  # readers leave out hidden files
        if self.folder.is_symlink():
            raise CorpusError(
                f"{name}: {self.folder} がリンクなので保存しません。"
                "ふつうのフォルダにしてから追加してください。"
            )
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            aside.unlink(missing_ok=True)  # whatever it may lead to
            aside.write_bytes(data)
            _check_readable(aside, self.corpus, name)
            aside.rename(self.folder / name)
        except OSError as error:
            raise CorpusError(
                f"{name}: 保存できません ({error.strerror})。"
                f"{self.folder} の空き容量と書き込み権限を確かめてください。"
            ) from error
        finally:
            with contextlib.suppress(OSError):
                aside.unlink(missing_ok=True)


def _is_file(path: Path) -> bool:
    with contextlib.suppress(OSError):
        return path.is_file()
    return False


def _checked_name(name: str) -> str:
    """Return the file name without any folder, as one can be made on every system."""
    safe = unicodedata.normalize("NFC", name.replace("\\", "/").rpartition("/")[2]).strip()
    odd = [c for c in safe if c in _FORBIDDEN or unicodedata.category(c)[0] == "C"]
    if not safe or safe.startswith(".") or odd:
        raise CorpusError(
            f"{safe or name}: この名前のファイルは追加できません。名前を変えてください。"
        )
    if len(safe.encode()) > _LONGEST_NAME:
        raise CorpusError(f"{safe[:40]}…: ファイルの名前が長すぎます。短くしてください。")
    if Path(safe).suffix.lower() not in SUFFIXES:
        raise CorpusError(f"{safe}: この形式は読めません。読めるのは {' '.join(SUFFIXES)} です。")
    return safe


def _checked_data(source: Path, name: str) -> bytes:
    try:
        size = source.stat().st_size
        if size > LARGEST_BYTES:
            raise CorpusError(
                f"{name}: 大きすぎます ({size / 2**20:.1f} MB)。"
                f"1 つ {LARGEST_BYTES // 2**20} MB までです。分けて追加してください。"
            )
        return source.read_bytes()
    except OSError as error:
        raise CorpusError(f"{name}: 受け取れませんでした ({error.strerror})。") from error


def _check_readable(path: Path, corpus: Path, name: str) -> None:
    try:
        read_file(path, corpus)
    except CorpusError as error:
        raise CorpusError(f"{name}: {error}。") from error
