"""Metadata that follows from the name of a place."""

from dxqa.japanese import parse_place
from dxqa.types import MetadataValue


def place_metadata(name: str) -> dict[str, MetadataValue]:
    """Return ``municipality``, ``prefecture`` and ``kind`` for a full name; empty for others."""
    place = parse_place(name)
    if place is None:
        return {}
    found: dict[str, MetadataValue] = {"municipality": place.name, "kind": place.kind}
    if place.prefecture:
        found["prefecture"] = place.prefecture
    return found
