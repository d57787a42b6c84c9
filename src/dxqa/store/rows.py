"""Rows on disk, read one at a time through memory maps: none is held as a Python object."""

import json
import mmap
from array import array
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from functools import cached_property, lru_cache
from itertools import chain
from pathlib import Path
from types import TracebackType
from typing import Any, Self, overload

import numpy as np

from dxqa.arrays import open_array
from dxqa.types import Document, Metadata, Passage, Rows

_REMEMBERED = 4096
"""Passages kept as objects; a question looks at far fewer, some of them often."""
_REMEMBERED_DOCUMENTS = 64


class RowWriter:
    """Writes JSON values, one a line, and beside them where each line begins."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file = path.open("wb")
        self._offsets = array("q", [0])

    def append(self, value: Any) -> int:  # noqa: ANN401 - whatever JSON can hold
        """Write one value and return its row."""
        line = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
        # A document may hold a lone surrogate, which plain UTF-8 cannot.
        size = self._file.write(line.encode("utf-8", "surrogatepass") + b"\n")
        self._offsets.append(self._offsets[-1] + size)
        return len(self._offsets) - 2

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, _: BaseException | None, __: TracebackType | None
    ) -> None:
        self._file.close()
        if kind is None:
            np.save(_offsets_path(self._path), np.array(self._offsets))


class JsonRows(Sequence[Any]):
    """What a ``RowWriter`` wrote."""

    def __init__(self, path: Path) -> None:
        self._offsets = open_array(_offsets_path(path))
        with path.open("rb") as file:
            self._bytes = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)

    def __len__(self) -> int:
        return len(self._offsets) - 1

    @overload
    def __getitem__(self, row: int) -> Any: ...  # noqa: ANN401 - whatever JSON can hold

    @overload
    def __getitem__(self, row: slice) -> Sequence[Any]: ...

    def __getitem__(self, row: int | slice) -> Any:
        if isinstance(row, slice):
            return [self[at] for at in range(*row.indices(len(self)))]
        if not 0 <= row < len(self):
            raise IndexError(row)
        start, end = self._offsets[row : row + 2].tolist()
        return json.loads(self._bytes[start:end])


class Passages(Sequence[Passage]):
    """The passages of an index, each made when it is looked at.

    Attributes:
        metadata: the distinct metadata; many passages share one.
        metadata_rows: for each passage, which of them: ``(passages,)``.
        sentence_offsets: the first sentence of each passage, and one past the last:
            ``(passages + 1,)``.
        sentence_spans: half-open, in the document: ``(sentences, 2)``.
    """

    def __init__(self, folder: Path) -> None:
        self._rows = JsonRows(folder / "passages.jsonl")
        self.metadata: Sequence[Metadata] = JsonRows(folder / "metadata.jsonl")
        self.metadata_rows: Rows = open_array(folder / "metadata_rows.npy")
        self.sentence_offsets: Rows = open_array(folder / "sentence_offsets.npy")
        self.sentence_spans: Rows = open_array(folder / "sentence_spans.npy")
        self._passage = lru_cache(_REMEMBERED)(self._read)
        self._metadata = lru_cache(_REMEMBERED)(self.metadata.__getitem__)

    def __len__(self) -> int:
        return len(self._rows)

    @overload
    def __getitem__(self, row: int) -> Passage: ...

    @overload
    def __getitem__(self, row: slice) -> Sequence[Passage]: ...

    def __getitem__(self, row: int | slice) -> Passage | Sequence[Passage]:
        if isinstance(row, slice):
            return [self[at] for at in range(*row.indices(len(self)))]
        return self._passage(int(row))

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Sequence) and list(self) == list(other)

    __hash__ = None  # type: ignore[assignment]  # compared by their items, as lists are

    def metadata_of(self, row: int) -> Metadata:
        """Return the metadata of a passage without reading the rest of it."""
        found: Metadata = self._metadata(int(self.metadata_rows[row]))
        return found

    def _read(self, row: int) -> Passage:
        fields = self._rows[row]
        start, end = self.sentence_offsets[row : row + 2].tolist()
        return Passage(
            passage_id=fields["passage_id"],
            doc_id=fields["doc_id"],
            heading_path=tuple(fields["heading_path"]),
            start=fields["start"],
            end=fields["start"] + len(fields["text"]),
            text=fields["text"],
            metadata=self.metadata_of(row),
            sentences=tuple((a, b) for a, b in self.sentence_spans[start:end].tolist()),
        )


class PassageWriter:
    """Writes what ``Passages`` reads."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._rows = RowWriter(folder / "passages.jsonl")
        self._metadata = RowWriter(folder / "metadata.jsonl")
        self._metadata_row: dict[str, int] = {}
        self._metadata_rows = array("q")
        self._sentence_offsets = array("q", [0])
        self._sentence_spans = array("q")

    def __enter__(self) -> Self:
        return self

    def append(self, passage: Passage) -> None:
        """Write one passage."""
        fields = {
            "passage_id": passage.passage_id,
            "doc_id": passage.doc_id,
            "heading_path": passage.heading_path,
            "start": passage.start,
            "text": passage.text,
        }
        self._rows.append(fields)
        self._metadata_rows.append(self._row_of(passage.metadata))
        self._sentence_spans.extend(chain.from_iterable(passage.sentences))
        self._sentence_offsets.append(self._sentence_offsets[-1] + len(passage.sentences))

    def _row_of(self, metadata: Metadata) -> int:
        key = repr(list(metadata.items()))  # 1, 1.0 and True are different values
        if key not in self._metadata_row:
            self._metadata_row[key] = self._metadata.append(dict(metadata))
        return self._metadata_row[key]

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._rows.__exit__(kind, error, trace)
        self._metadata.__exit__(kind, error, trace)
        if kind is None:
            spans = np.array(self._sentence_spans).reshape(-1, 2)
            np.save(self._folder / "metadata_rows.npy", np.array(self._metadata_rows))
            np.save(self._folder / "sentence_offsets.npy", np.array(self._sentence_offsets))
            np.save(self._folder / "sentence_spans.npy", spans)


class Documents(Mapping[str, Document]):
    """The documents of an index by their ids, each made when it is looked at."""

    def __init__(self, folder: Path) -> None:
        self._described = JsonRows(folder / "documents.jsonl")
        self._texts = JsonRows(folder / "texts.jsonl")
        self._document = lru_cache(_REMEMBERED_DOCUMENTS)(self._read)

    def __len__(self) -> int:
        return len(self._described)

    def __iter__(self) -> Iterator[str]:
        return iter(self._row_of)

    def __contains__(self, doc_id: object) -> bool:
        return doc_id in self._row_of

    def __getitem__(self, doc_id: str) -> Document:
        return self._document(self._row_of[doc_id])

    def described(self) -> Iterator[Document]:
        """Yield every document without its text, which is most of it."""
        return (Document(**fields, text="") for fields in self._described)

    @cached_property
    def _row_of(self) -> dict[str, int]:
        return {fields["doc_id"]: row for row, fields in enumerate(self._described)}

    def _read(self, row: int) -> Document:
        return Document(**self._described[row], text=self._texts[row])


def write_documents(folder: Path, documents: Sequence[Document]) -> None:
    """Write what ``Documents`` reads."""
    with (
        RowWriter(folder / "documents.jsonl") as described,
        RowWriter(folder / "texts.jsonl") as texts,
    ):
        for document in documents:
            fields = asdict(document)
            texts.append(fields.pop("text"))
            described.append(fields)


def _offsets_path(path: Path) -> Path:
    return path.with_suffix(".offsets.npy")
