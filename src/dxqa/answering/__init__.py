"""The second half of the question line: Retrieval to evidence to Answer."""

from dxqa.answering.cases import card, comparison, list_cases
from dxqa.answering.compose import compose
from dxqa.answering.verifier import Verifier, load_verifier
from dxqa.answering.writer import Writer, remarked

__all__ = [
    "Verifier",
    "Writer",
    "card",
    "comparison",
    "compose",
    "list_cases",
    "load_verifier",
    "remarked",
]
