"""The second half of the question line: Retrieval to evidence to Answer."""

from dxqa.answering.compose import compose

__all__ = ["compose"]
