"""What a reader of one format hands back."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from dxqa.types import MetadataValue


@dataclass(frozen=True, slots=True)
class Extract:
    """The text of one document.

    Attributes:
        text: what a person can read of it.
        title: ``""`` where it does not say; the file's name stands in.
        metadata: what the file says about itself.
        key: tells it from others of the same file; ``""`` where a file is one document.
    """

    text: str
    title: str = ""
    metadata: Mapping[str, MetadataValue] = field(default_factory=dict)
    key: str = ""


@dataclass(frozen=True, slots=True)
class Loss:
    """A part of a file that could not be read, and why (Japanese, for the user)."""

    part: str
    reason: str


@dataclass(frozen=True, slots=True)
class Reading:
    """All of one file."""

    extracts: tuple[Extract, ...]
    losses: tuple[Loss, ...] = ()
