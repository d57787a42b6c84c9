"""Passages as the server holds them."""

import hashlib
from collections.abc import Iterator, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from dxqa.engines.engine import Contents
from dxqa.engines.milvus.filters import fields_of, stored
from dxqa.keys import Keys, KeyTable, key_of
from dxqa.lexical import frequency_part, term_hashes
from dxqa.types import Metadata, Rows

_DIGEST_BYTES = 16
_DIMENSIONS = np.uint64(2**32 - 5)
_NO_TERM = 2**32 - 4  # so that no vector is empty, which servers take differently

SparseVector = dict[int, float]
ServerRow = dict[str, object]


def query_vector(weights: Mapping[str, float]) -> SparseVector:
    """Return the terms of a question, each with its weight times idf, as a sparse vector.

    The passages' vectors hold what BM25 makes of how often a term occurs in a passage of that
    length; the inner product with this is BM25. As idf stands on this side, passages that stay the
    same are not sent again when others come and go.
    """
    found: SparseVector = {}
    dimensions = _dimensions(term_hashes(weights)).tolist()
    for dimension, weight in zip(dimensions, weights.values(), strict=True):
        found[dimension] = found.get(dimension, 0.0) + weight
    return found


def passage_vector(hashes: NDArray[np.uint64], average: float) -> SparseVector:
    """Return the terms of a passage as a sparse vector; see ``query_vector``."""
    terms, counts = np.unique(hashes, return_counts=True)
    parts = frequency_part(counts, len(hashes), average)
    return dict(zip(_dimensions(terms).tolist(), parts.tolist(), strict=True)) or {_NO_TERM: 1.0}


def _dimensions(hashes: NDArray[np.uint64]) -> NDArray[np.uint64]:
    return hashes % _DIMENSIONS


class ServerRows:
    """The passages of a generation as rows for the server."""

    def __init__(self, contents: Contents) -> None:
        self._contents = contents
        self._metadata: dict[int, tuple[Mapping[str, object], bytes]] = {}

    def __len__(self) -> int:
        return len(self._contents)

    def id_of(self, row: int) -> str:
        """Return a passage's primary key on the server."""
        return stored(self._contents.ids[row])

    def keys(self) -> Keys:
        """Return short keys of the primary keys."""
        return _array(key_of(self.id_of(row)) for row in range(len(self)))

    def digests(self) -> Keys:
        """Return of each passage what changes with anything that the server holds of it."""
        return _array(self._digest(row) for row in range(len(self)))

    def rows(self, numbers: Sequence[int], average: float | None) -> list[ServerRow]:
        """Return rows to be sent.

        Args:
            numbers: of the passages.
            average: length of a passage in terms; None for no sparse vectors.
        """
        vectors = self._contents.dense.vectors.rows(np.array(numbers, dtype=np.intp))
        return [
            self._row(number, vector, average)
            for number, vector in zip(numbers, vectors, strict=True)
        ]

    def _row(self, row: int, vector: NDArray[np.float32], average: float | None) -> ServerRow:
        terms = {}
        if average is not None:
            terms = {"terms": passage_vector(self._contents.lexical.forward(row), average)}
        return {
            "passage_id": self.id_of(row),
            "vector": vector,
            "digest": self._digest(row).hex(),
            **self._described(row)[0],
            **terms,
        }

    def _digest(self, row: int) -> bytes:
        digest = hashlib.blake2b(self._contents.text_keys[row], digest_size=_DIGEST_BYTES)
        digest.update(self._described(row)[1])
        digest.update(np.sort(self._contents.lexical.forward(row)).tobytes())
        return digest.digest()

    def _described(self, row: int) -> tuple[Mapping[str, object], bytes]:
        at = int(self._contents.metadata_rows[row])
        if at not in self._metadata:
            metadata: Metadata = self._contents.metadata[at]
            fields = fields_of(metadata)
            mark = repr(sorted(fields.items())).encode()
            self._metadata[at] = fields, hashlib.blake2b(mark, digest_size=_DIGEST_BYTES).digest()
        return self._metadata[at]


class Comparison:
    """What differs between the passages of a generation and what the server holds.

    Attributes:
        table: rows of the passages by their primary keys on the server.
        gone: primary keys of what the server holds beside.
    """

    def __init__(self, rows: ServerRows) -> None:
        self.table = KeyTable(rows.keys())
        self.gone: list[str] = []
        self._digests = rows.digests()
        self._differs = np.ones(len(rows), dtype=np.bool_)

    def note(self, held: Sequence[Mapping[str, str]]) -> None:
        """Take in some rows of the server's."""
        found = self.table.find(_array(key_of(one["passage_id"]) for one in held))
        digests = _array(bytes.fromhex(one["digest"]) for one in held)
        known = np.flatnonzero(found >= 0)
        same = known[self._digests[found[known]] == digests[known]]
        self._differs[found[same]] = False
        self.gone += [held[at]["passage_id"] for at in np.flatnonzero(found < 0).tolist()]

    @property
    def differing(self) -> Rows:
        """The passages that the server lacks, or has differently."""
        return np.flatnonzero(self._differs)


def _array(keys: Iterator[bytes]) -> Keys:
    return np.frombuffer(b"".join(keys), dtype=f"S{_DIGEST_BYTES}")
