"""The first half of the question line: question to Query to Hits."""

from dxqa.retrieval.conditions import Filters, Superlative, matches
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
