"""The first half of the question line: question to Query to Hits."""

from dxqa.filters import Filters, matches
from dxqa.retrieval.conditions import Superlative
from dxqa.retrieval.query import Query
from dxqa.retrieval.reranking import rerank
from dxqa.retrieval.retriever import CONTEXT, Retrieval, Retriever, Weights
from dxqa.retrieval.scores import RowScores

__all__ = [
    "CONTEXT",
    "Filters",
    "Query",
    "Retrieval",
    "Retriever",
    "RowScores",
    "Superlative",
    "Weights",
    "matches",
    "rerank",
]
