"""The first half of the question line: question to Query to Hits."""

from dxqa.filters import Filters, matches
from dxqa.retrieval.conditions import Superlative
from dxqa.retrieval.query import Query
from dxqa.retrieval.retriever import Retrieval, Retriever, Weights
from dxqa.retrieval.scores import RowScores

__all__ = [
    "Filters",
    "Query",
    "Retrieval",
    "Retriever",
    "RowScores",
    "Superlative",
    "Weights",
    "matches",
]
