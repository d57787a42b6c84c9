"""Bringing a server up to date: in the collection in use, or in a new one that takes its place.

Every step leaves readers with candidates: what is new is sent before the index's folder switches,
what is gone is removed after that. A build that is cut off between any two steps leaves more on the
server than it should, never less; the next one finds out by comparing, and puts it right.
"""

from collections.abc import Iterator, Sequence
from contextlib import suppress
from functools import partial
from typing import Any

import numpy as np

from dxqa.engines.engine import About, Contents, Written
from dxqa.engines.milvus import schema
from dxqa.engines.milvus.connection import Connection
from dxqa.engines.milvus.filters import ids_expression
from dxqa.engines.milvus.rows import Comparison, ServerRow, ServerRows
from dxqa.engines.milvus.server import count, describe
from dxqa.engines.milvus.settings import Milvus
from dxqa.errors import EngineError
from dxqa.keys import KeyTable
from dxqa.types import Rows

IDS_FILE, ID_ROWS_FILE = "passage_ids.npy", "passage_id_rows.npy"
"""In the folder of the generation: keys of the primary keys, ascending, and their rows."""

WITHOUT_WORDS = (
    "この Milvus には疎ベクトルがないので、意味の近さはサーバーで、"
    "語の一致はこの索引の中で調べます。"
)

_MESSAGE_BYTES = 8 << 20  # gRPC's limit is 64 MB on the server
_MESSAGE_ROWS = 1000
_TERM_BYTES = 10
_OTHER_BYTES = 2000  # ids and metadata
_READ = 2000  # rows of the server at a time
_DELETED = 500
_WRITING_S = 300.0


class Writer:
    """Writes one generation to a server."""

    def __init__(self, settings: Milvus, contents: Contents) -> None:
        self._settings = settings
        self._contents = contents
        self._rows = ServerRows(contents)
        self._connection = Connection(settings)
        self._index = schema.index_kind(len(contents))

    def write(self, before: About | None) -> Written:
        """Send what the server lacks; what it has in excess is removed by ``finish``.

        Raises:
            EngineError: the server cannot be reached or used.
        """
        self._check_alias()
        if before is not None and self._can_go_on(before):
            return self._written_on(before)
        return self._written_anew()

    def is_whole(self, about: About) -> bool:
        """Whether the collection holds just these passages, and the alias names it.

        Raises:
            EngineError: the server cannot be reached.
        """
        collection = about.get("collection", "")
        if not self._can_go_on(about) or self._alias_target() != collection:
            return False
        if count(self._connection, collection) != len(self._rows):
            return False
        compared = self._compared(collection)
        return not len(compared.differing) and not compared.gone

    def _check_alias(self) -> None:
        alias = self._settings.collection
        if self._alias_target() == alias:
            raise EngineError(
                f"Milvus に {alias} という名前のコレクションがすでにあります: "
                f"{self._settings.uri}。"
                "dxqa が作ったものではないので、--milvus-collection で別の名前を指定してください。"
            )

    def _can_go_on(self, before: About) -> bool:
        """Whether the index before is in a collection that takes these passages as well."""
        settings, collection = self._settings, before.get("collection", "")
        same = (before.get("uri"), before.get("alias")) == (settings.uri, settings.collection)
        if not same or before.get("index") != self._index:
            return False
        if not schema.is_of_model(collection, self._contents.fingerprint):
            return False
        found = describe(self._connection, collection)
        return found is not None and found.dimension == self._contents.dense.dimension

    def _written_on(self, before: About) -> Written:
        collection, average = before["collection"], before["average_length"]
        compared = self._compared(collection)
        self._write_table(compared.table)
        changed = compared.differing
        self._send(collection, changed, average if before["sparse"] else None)
        return self._written(collection, dict(before), changed, compared.gone)

    def _written_anew(self) -> Written:
        contents, connection = self._contents, self._connection
        name = schema.new_name(
            self._settings.collection, contents.folder.name, contents.fingerprint
        )
        layout = schema.Layout(name, contents.dense.dimension, self._index)
        average = contents.lexical.average_length
        try:
            sparse = layout.create(connection)
            self._write_table(KeyTable(self._rows.keys()))
            everything = np.arange(len(self._rows))
            self._send(name, everything, average if sparse else None)
            layout.finish(connection)
        except BaseException:
            self._drop(name)
            raise
        held = {"index": self._index, "sparse": sparse, "average_length": average}
        return self._written(name, held, everything, [])

    def _written(
        self, collection: str, held: dict[str, Any], sent: Rows, gone: Sequence[str]
    ) -> Written:
        is_new = len(sent) == len(self._rows) and not gone

        def finish() -> None:
            self._delete(collection, gone)
            self._switch(collection)

        def undo() -> None:
            if is_new and self._alias_target() != collection:
                self._drop(collection)

        about = {**held, **self._settings.about(), "collection": collection}
        notes = () if held["sparse"] else (WITHOUT_WORDS,)
        return Written(about, f"Milvus {self._index}", len(sent), notes, finish, undo)

    def _compared(self, collection: str) -> Comparison:
        found = Comparison(self._rows)
        for some in self._held(collection):
            found.note(some)
        return found

    def _held(self, collection: str) -> Iterator[Sequence[dict[str, str]]]:
        call = self._connection.call
        pages = call(
            lambda client, s: client.query_iterator(
                collection,
                batch_size=_READ,
                output_fields=["passage_id", "digest"],
                consistency_level="Strong",
                timeout=s,
            ),
            patience_s=_WRITING_S,
            collection=collection,
        )
        try:
            while some := call(lambda *_: pages.next(), patience_s=_WRITING_S):
                yield some
        finally:
            pages.close()

    def _send(self, collection: str, numbers: Rows, average: float | None) -> None:
        for some in self._batches(numbers):
            self._send_rows(collection, self._rows.rows(some, average))
        if len(numbers):
            flush = lambda client, s: client.flush(collection, timeout=s)  # noqa: E731
            self._connection.call(flush, patience_s=_WRITING_S)

    def _send_rows(self, collection: str, rows: list[ServerRow]) -> None:
        # Not ``insert``: a second try, after an answer was lost, must not make rows double.
        self._connection.call(
            lambda client, s: client.upsert(collection, rows, timeout=s),
            patience_s=max(_WRITING_S, self._settings.timeout_s),
        )

    def _batches(self, numbers: Rows) -> Iterator[list[int]]:
        batch: list[int] = []
        size = 0
        for number in numbers.tolist():
            terms = len(self._contents.lexical.forward(number))
            size += 4 * self._contents.dense.dimension + _TERM_BYTES * terms + _OTHER_BYTES
            batch.append(number)
            if size >= _MESSAGE_BYTES or len(batch) == _MESSAGE_ROWS:
                yield batch
                batch, size = [], 0
        if batch:
            yield batch

    def _delete(self, collection: str, ids: Sequence[str]) -> None:
        for start in range(0, len(ids), _DELETED):
            condition = ids_expression(ids[start : start + _DELETED])
            self._connection.call(partial(_delete, collection, condition))

    def _switch(self, collection: str) -> None:
        """Have the alias name this collection, then drop those that it named before."""
        alias, target = self._settings.collection, self._alias_target()
        if target is None:
            self._connection.call(
                lambda client, s: client.create_alias(collection, alias, timeout=s)
            )
        elif target != collection:
            self._connection.call(
                lambda client, s: client.alter_alias(collection, alias, timeout=s)
            )
        every = self._connection.call(lambda client, s: client.list_collections(timeout=s))
        for name in schema.names_of(alias, every):
            if name != collection:
                self._drop(name)

    def _alias_target(self) -> str | None:
        found = describe(self._connection, self._settings.collection)
        return found.name if found else None

    def _drop(self, collection: str) -> None:
        """Drop a collection that nobody uses; where that fails, the next build does it."""
        with suppress(EngineError):
            self._connection.call(lambda client, s: client.drop_collection(collection, timeout=s))

    def _write_table(self, table: KeyTable) -> None:
        np.save(self._contents.folder / IDS_FILE, table.keys)
        np.save(self._contents.folder / ID_ROWS_FILE, table.rows_of_keys.astype(np.uint32))


def _delete(collection: str, condition: str, client: Any, timeout: float) -> None:  # noqa: ANN401
    client.delete(collection, filter=condition, timeout=timeout)
