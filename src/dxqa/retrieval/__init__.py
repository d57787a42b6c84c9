"""The first half of the question line: question to Query to Hits."""

from dxqa.retrieval.conditions import Condition, Filters, Superlative, matches
from dxqa.retrieval.query import Query
from dxqa.retrieval.retriever import Retrieval, Retriever, Scores, Weights

__all__ = [
    "Condition",
    "Filters",
    "Query",
    "Retrieval",
    "Retriever",
    "Scores",
    "Superlative",
    "Weights",
    "matches",
]
