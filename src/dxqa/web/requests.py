"""What a turn asks, and how the browser keeps it and sends it back."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from dxqa.retrieval import Filters
from dxqa.web.told import writable


@dataclass(frozen=True, slots=True)
class Request:
    """Asked again over the same index, it is answered alike.

    Attributes:
        history: the questions before it, oldest first.
        filters: set beside the chat.
        undone: metadata keys that the question itself filters by and the reader does not want, with
            its words for them.
    """

    question: str
    history: tuple[str, ...] = ()
    filters: Mapping[str, list[str]] = field(default_factory=dict)
    undone: Mapping[str, str] = field(default_factory=dict)

    @property
    def all_filters(self) -> Filters:
        """As ``Index.ask`` takes them."""
        return {**dict.fromkeys(self.undone), **self.filters}

    def without(self, key: str, word: str) -> "Request":
        """The same, a condition that the question sets left out."""
        return replace(self, undone={**self.undone, key: word})

    def again_with(self, key: str) -> "Request":
        """The same, a condition that was left out put back."""
        kept = {name: word for name, word in self.undone.items() if name != key}
        return replace(self, undone=kept)

    def to_json(self) -> dict[str, Any]:
        """Return what the browser keeps."""
        return {
            "question": self.question,
            "history": list(self.history),
            "filters": dict(self.filters),
            "undone": dict(self.undone),
        }


def from_json(kept: object) -> Request | None:
    """Read what a browser or a link says; None where it is no question.

    Whatever else is not of its form is left out: anyone can write a link.
    """
    if not isinstance(kept, Mapping) or not isinstance(kept.get("question"), str):
        return None
    return Request(
        writable(kept["question"]),
        tuple(_texts(kept.get("history"))),
        {key: found for key, value in _pairs(kept.get("filters")) if (found := _texts(value))},
        {key: writable(word) for key, word in _pairs(kept.get("undone")) if isinstance(word, str)},
    )


def _texts(value: object) -> list[str]:
    texts = value if isinstance(value, list) else []
    return [writable(one) for one in texts if isinstance(one, str)]


def _pairs(value: object) -> list[tuple[str, object]]:
    found = value.items() if isinstance(value, Mapping) else ()
    return [(writable(key), one) for key, one in found if isinstance(key, str)]
