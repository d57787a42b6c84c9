"""Metadata that follows from the name of a place."""

from collections.abc import Iterable

from dxqa.japanese import parse_place
from dxqa.types import MetadataValue


def marked_place(heading: str) -> str:
    """Return what stands between the 【 and the 】 that a heading ends with, or ``""``."""
    line = heading.rstrip()
    _, opened, name = line[:-1].rpartition("【")
    return name.strip() if line.endswith("】") and opened and "】" not in name else ""


def place_metadata(name: str) -> dict[str, MetadataValue]:
    """Return ``municipality``, ``prefecture`` and ``kind`` for a full name; empty for others."""
    place = parse_place(name)
    if place is None:
        return {}
    found: dict[str, MetadataValue] = {"municipality": place.name, "kind": place.kind}
    if place.prefecture:
        found["prefecture"] = place.prefecture
    return found


def heading_metadata(headings: Iterable[str]) -> dict[str, MetadataValue]:
    """Return what the innermost heading that ends in 【自治体】 tells."""
    marked = [place_metadata(name) for h in headings if (name := marked_place(h))]
    return next(filter(None, reversed(marked)), {})
