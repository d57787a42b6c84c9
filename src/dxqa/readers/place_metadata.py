"""Metadata that follows from the name of a place."""

import re
from collections.abc import Iterable

from dxqa.japanese import parse_place
from dxqa.types import MetadataValue

_MARKED = re.compile(r".*【\s*([^】]+?)\s*】\s*$")


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
    marked = [place_metadata(found.group(1)) for h in headings if (found := _MARKED.match(h))]
    return next(filter(None, reversed(marked)), {})
