"""Candidates of a question from a Milvus server."""

import threading
from collections.abc import Callable, Mapping, Sequence
from typing import Any, ClassVar, TypeVar

import numpy as np

from dxqa.arrays import open_array
from dxqa.engines.engine import About, Contents, Sought, Within
from dxqa.engines.milvus import schema
from dxqa.engines.milvus.connection import Connection, is_missing
from dxqa.engines.milvus.filters import expression
from dxqa.engines.milvus.rows import query_vector
from dxqa.engines.milvus.server import count, describe
from dxqa.engines.milvus.settings import Milvus
from dxqa.engines.milvus.writer import ID_ROWS_FILE, IDS_FILE, Writer
from dxqa.errors import EngineError
from dxqa.keys import KEY_BYTES, KeyTable, key_of
from dxqa.types import Mask, Rows, Vectors

Result = TypeVar("Result")

_MOST = 16_384  # results of one search, as servers are set up
_SPARE = 1.25  # for passages that a newer build has added, which this index does not know
_EXACT = 20_000
"""Allowed passages up to which all are compared here, where the server finds too few of them."""


class MilvusEngine:
    """Asks the server; knows which of its passages are which rows of this index.

    Attributes:
        alias: on the server, of the collection in use.
        sparse: whether the server finds words as well.
    """

    name: ClassVar[str] = "Milvus"
    local = False

    def __init__(self, settings: Milvus, contents: Contents, about: About) -> None:
        self.settings = settings
        self.alias = settings.collection
        self.sparse = bool(about["sparse"])
        self._about = about
        self._kind = str(about["index"])
        self._collection = str(about["collection"])
        self._contents = contents
        self._connection = Connection(settings)
        self._checked = False
        self._checking = threading.Lock()
        self._table = KeyTable(
            open_array(contents.folder / IDS_FILE), open_array(contents.folder / ID_ROWS_FILE)
        )

    @property
    def collection(self) -> str:
        """The collection that is asked."""
        return self._collection

    def count(self) -> int:
        """Return how many passages the server holds now.

        Raises:
            EngineError: the server cannot be reached, or has lost the collection.
        """
        return self._asked(lambda: count(self._connection, self._collection))

    def is_whole(self) -> bool:
        """Whether the server has just the passages of this index, and the alias names them.

        Raises:
            EngineError: the server cannot be reached.
        """
        return Writer(self.settings, self._contents).is_whole(self._about)

    def candidates(self, sought: Sought, k: int, within: Within | None = None) -> Rows:
        """Return about the ``k`` rows nearest to each vector, and the ``k`` that cover most.

        Raises:
            EngineError: the server cannot be reached or used.
        """
        allowed = within.allowed if within else None
        if allowed is not None and not allowed.any():
            return np.empty(0, dtype=np.intp)
        condition = expression(within.filters) if within else ""
        limit = min(_MOST, int(k * _SPARE) + 1)
        ids = self._asked(lambda: self._search(sought, limit, condition))
        found = self._rows_of(ids)
        if allowed is not None:
            found = self._all_allowed(sought.vectors, k, found[allowed[found]], allowed)
        if self.sparse:
            return found
        lexical = self._contents.lexical
        return np.concatenate(
            [found, lexical.candidates(sought.concepts, sought.pairs, k, allowed)]
        )

    def _search(self, sought: Sought, limit: int, condition: str) -> Sequence[str]:
        weights = self._contents.lexical.weights(sought.concepts, sought.pairs)
        if self.sparse and weights:
            return self._hybrid(sought.vectors, query_vector(weights), limit, condition)
        found = self._connection.call(
            lambda client, s: client.search(
                self._collection,
                list(sought.vectors),
                anns_field="vector",
                filter=condition,
                limit=limit,
                search_params=schema.search_parameters(self._kind, limit),
                output_fields=["passage_id"],
                consistency_level="Strong",
                timeout=s,
            ),
            collection=self._collection,
        )
        return _ids(found)

    def _hybrid(
        self, vectors: Vectors, terms: Mapping[int, float], limit: int, condition: str
    ) -> Sequence[str]:
        """Search by vectors and words in one call; all that either finds comes back."""
        from pymilvus import AnnSearchRequest, RRFRanker  # noqa: PLC0415

        near = schema.search_parameters(self._kind, limit)
        words = {"metric_type": "IP"}
        requests = [
            AnnSearchRequest([vector], "vector", near, limit, expr=condition) for vector in vectors
        ]
        requests.append(AnnSearchRequest([terms], "terms", words, limit, expr=condition))
        found = self._connection.call(
            lambda client, s: client.hybrid_search(
                self._collection,
                requests,
                RRFRanker(),
                limit=min(_MOST, limit * len(requests)),
                output_fields=["passage_id"],
                consistency_level="Strong",
                timeout=s,
            ),
            collection=self._collection,
        )
        return _ids(found)

    def _rows_of(self, ids: Sequence[str]) -> Rows:
        """Return the rows of these passages, without those that this index does not know."""
        keys = np.array([key_of(one) for one in ids], dtype=f"S{KEY_BYTES}")
        rows = self._table.find(keys)
        return np.unique(rows[rows >= 0])

    def _all_allowed(self, vectors: Vectors, k: int, found: Rows, allowed: Mask) -> Rows:
        """Return what was found, and what should have been where the server was asked for more.

        That is where it cannot tell all that the filters do.
        """
        few = int(np.count_nonzero(allowed))
        if len(found) >= min(k, few) or few > _EXACT:
            return found
        return np.union1d(found, self._contents.dense.nearest(vectors, k, allowed))

    def _asked(self, what: Callable[[], Result]) -> Result:
        """Ask the collection; where a newer build has put another in its place, that one."""
        self._check()
        try:
            return what()
        except EngineError as error:
            if not is_missing(error):
                raise
        self._checked = False
        self._check()
        return what()

    def _check(self) -> None:
        with self._checking:
            if self._checked:
                return
            found = describe(self._connection, self._collection)
            if found is None:
                found = describe(self._connection, self.alias)
            where = f"{self.settings.uri} (コレクション {self.alias})"
            if found is None:
                raise EngineError(
                    f"Milvus にこの索引のコレクションがありません: {where}。"
                    "`dxqa build` を実行すると、計算済みのベクトルから作り直します。"
                )
            dimension = self._contents.dense.dimension
            same = schema.is_of_model(found.name, self._contents.fingerprint)
            if found.dimension != dimension or not same:
                raise EngineError(
                    f"Milvus のコレクションは別のモデルで作られています: {where}、"
                    f"{found.dimension} 次元 (この索引は {dimension} 次元)。索引が新しく作られた"
                    "ときは読み込み直し、そうでなければ `dxqa build --force` で作り直してください。"
                )
            self._collection, self.sparse = found.name, found.sparse
            self._checked = True


def _ids(found: Sequence[Sequence[Any]]) -> list[str]:
    return [hit["passage_id"] for hits in found for hit in hits]
