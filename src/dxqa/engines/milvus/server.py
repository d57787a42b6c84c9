"""What there is on a server."""

from dataclasses import dataclass

from dxqa.engines.milvus.connection import Connection, is_missing
from dxqa.errors import EngineError


@dataclass(frozen=True, slots=True)
class Described:
    """A collection on the server.

    Attributes:
        name: its own, also where it was asked for by its alias.
        dimension: of its vectors; 0 where it has none of ours.
        sparse: whether it has sparse vectors.
    """

    name: str
    dimension: int
    sparse: bool


def describe(connection: Connection, name: str) -> Described | None:
    """Return what a name or an alias stands for; None for nothing.

    Raises:
        EngineError: the server cannot be reached.
    """
    try:
        found = connection.call(lambda client, s: client.describe_collection(name, timeout=s))
    except EngineError as error:
        if is_missing(error):
            return None
        raise
    fields = {field["name"]: field["params"] for field in found["fields"]}
    dimension = int(fields.get("vector", {}).get("dim", 0))
    return Described(str(found["collection_name"]), dimension, "terms" in fields)


def count(connection: Connection, collection: str) -> int:
    """Return how many passages a collection holds now.

    Raises:
        EngineError: the server cannot be reached, or there is no such collection.
    """
    found = connection.call(
        lambda client, s: client.query(
            collection,
            filter="",
            output_fields=["count(*)"],
            consistency_level="Strong",
            timeout=s,
        ),
        collection=collection,
    )
    return int(found[0]["count(*)"])
