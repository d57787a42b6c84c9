"""The collection on the server: its name, its fields and its indexes."""

import hashlib
import re
import secrets
from dataclasses import dataclass
from typing import Any

from dxqa.engines.milvus.connection import Connection, is_refusal
from dxqa.engines.milvus.filters import COLUMNS, LONGEST, NUMBER
from dxqa.errors import EngineError

FLAT_LIMIT = 20_000
"""Up to so many passages the server compares all vectors."""

VECTOR_METRIC = "IP"  # of unit vectors: the cosine
_BUILDING_S = 3600.0
_EFFORT = {"M": 24, "efConstruction": 200}
_SEARCH_EFFORT = 512


def index_kind(passages: int) -> str:
    """Return the kind of the vectors' index on the server."""
    return "FLAT" if passages <= FLAT_LIMIT else "HNSW"


def search_parameters(kind: str, limit: int) -> dict[str, Any]:
    """Return how hard the server looks for ``limit`` vectors."""
    effort = {"ef": max(_SEARCH_EFFORT, 2 * limit)} if kind == "HNSW" else {}
    return {"metric_type": VECTOR_METRIC, "params": effort}


def new_name(alias: str, generation: str, fingerprint: str) -> str:
    """Return the name of a collection: it tells the generation, and the model of its vectors.

    Descriptions and properties would tell as well, but not every server keeps them.
    """
    made = re.fullmatch(r"generation-([0-9a-f]{8})", generation)
    return f"{alias}_{made.group(1) if made else secrets.token_hex(4)}_{_model_mark(fingerprint)}"


def is_of_model(name: str, fingerprint: str) -> bool:
    """Whether a collection holds vectors of a model."""
    return name.endswith(f"_{_model_mark(fingerprint)}")


def names_of(alias: str, names: list[str]) -> list[str]:
    """Return those collections that were made for an alias."""
    return [name for name in names if re.fullmatch(rf"{alias}_[0-9a-f]{{8}}_[0-9a-f]{{8}}", name)]


def _model_mark(fingerprint: str) -> str:
    return hashlib.sha256(fingerprint.encode()).hexdigest()[:8]


@dataclass(frozen=True, slots=True)
class Layout:
    """How a collection is made.

    Attributes:
        name: of the collection.
        dimension: of the vectors.
        index: kind of the vectors' index.
    """

    name: str
    dimension: int
    index: str

    def create(self, connection: Connection) -> bool:
        """Make the collection; return whether it has sparse vectors, as the server allows.

        Milvus 2.3 takes a sparse field without complaint and dies of loading it; it does refuse to
        index it, which is how it is told here.
        """
        if self._try_sparse(connection):
            return True
        connection.call(lambda client, s: self._create(client, s, sparse=False))
        return False

    def _try_sparse(self, connection: Connection) -> bool:
        try:
            connection.call(lambda client, s: self._create(client, s, sparse=True))
            connection.call(
                lambda client, s: client.create_index(self.name, _sparse_index(client), timeout=s),
                patience_s=_BUILDING_S,
            )
        except EngineError as error:
            if not is_refusal(error):
                raise
            connection.call(lambda client, s: client.drop_collection(self.name, timeout=s))
            return False
        return True

    def finish(self, connection: Connection) -> None:
        """Bring what was inserted to the server's disk, index it and load it."""
        name = self.name
        for step in (
            lambda client, s: client.flush(name, timeout=s),
            self._create_index,
            lambda client, s: client.load_collection(name, timeout=s),
        ):
            connection.call(step, patience_s=_BUILDING_S)

    def _create_index(self, client: Any, timeout: float) -> None:  # noqa: ANN401
        # A server too busy indexing to say so is asked again, and then has the index already.
        if not client.list_indexes(self.name, field_name="vector"):
            client.create_index(self.name, self._index(client), timeout=timeout)

    def _create(self, client: Any, timeout: float, *, sparse: bool) -> None:  # noqa: ANN401
        from pymilvus import DataType  # noqa: PLC0415

        client.drop_collection(self.name, timeout=timeout)  # of a try whose answer was lost
        schema = client.create_schema(auto_id=False, enable_dynamic_field=False)
        text = {"datatype": DataType.VARCHAR, "max_length": 2 * LONGEST}
        schema.add_field("passage_id", is_primary=True, **text)
        schema.add_field("vector", DataType.FLOAT_VECTOR, dim=self.dimension)
        if sparse:
            schema.add_field("terms", DataType.SPARSE_FLOAT_VECTOR)
        for column in (*COLUMNS, "digest"):
            schema.add_field(column, **text)
        schema.add_field(NUMBER, DataType.INT64)
        schema.add_field("metadata", DataType.JSON)
        schema.add_field("numbers", DataType.JSON)
        client.create_collection(
            self.name, schema=schema, consistency_level="Strong", timeout=timeout
        )

    def _index(self, client: Any) -> Any:  # noqa: ANN401
        found = client.prepare_index_params()
        effort = _EFFORT if self.index == "HNSW" else {}
        found.add_index("vector", index_type=self.index, metric_type=VECTOR_METRIC, params=effort)
        return found


def _sparse_index(client: Any) -> Any:  # noqa: ANN401
    found = client.prepare_index_params()
    found.add_index("terms", index_type="SPARSE_INVERTED_INDEX", metric_type="IP")
    return found
