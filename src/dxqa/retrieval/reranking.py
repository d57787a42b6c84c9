"""Hits in the order of a re-ranker, which reads question and passage together.

Only the order of its scores counts, since their scale differs from model to model: the best
passages swap their fused scores until they stand in that order. So no passage comes in that was
not found, the rest of search stays on its scale, and confidence, which looks at
``Retrieval.relevance`` and ``sentence_scores``, sees what it was calibrated on.
"""

from dataclasses import replace

import numpy as np

from dxqa.passages import encoder_text
from dxqa.retrieval.retriever import Retrieval, best_hits
from dxqa.retrieval.scores import RowScores
from dxqa.types import Reranker, Rows, Scores

DEPTH = 50
"""How many passages a re-ranker reads: each costs it as much as a question costs the encoder."""

_SAME = 3  # digits to which two passages are lifted alike by the places asked for


def rerank(found: Retrieval, reranker: Reranker, k: int, *, depth: int = DEPTH) -> Retrieval:
    """Put the best passages into the order of a re-ranker, and choose the ``k`` hits anew.

    What places add stays: a passage about the municipality asked for is not passed by one about
    another. Among passages that places lift alike, the order is the re-ranker's; where its scores
    are equal, the order stays.

    Args:
        found: by search.
        reranker: judges.
        k: how many hits.
        depth: how many passages it reads.

    Raises:
        ModelError: the re-ranker gives something else than a number.
    """
    rows = found.passage_scores.order[:depth]
    texts = [encoder_text(found.store.passages[row]) for row in rows.tolist()]
    judged = reranker.scores(found.query.text, texts)
    before = found.passage_scores
    scores = before.values.copy()
    scores[np.searchsorted(before.rows, rows)] = _swapped(found, rows, judged)
    moved = replace(
        found,
        passage_scores=RowScores(before.rows, scores),
        moved=RowScores(before.rows, scores - before.values),
    )
    return replace(moved, hits=best_hits(moved, k))


def _swapped(found: Retrieval, rows: Rows, judged: Scores) -> Scores:
    """Return the scores of the rows, handed out anew among those that places lift alike."""
    scores = found.passage_scores[rows]
    lifted = np.round(scores - found.relevance[rows], _SAME)
    handed: Scores = np.empty_like(scores)
    for lift in np.unique(lifted):
        (alike,) = np.nonzero(lifted == lift)  # best first, as the rows are
        handed[alike[np.argsort(-judged[alike], kind="stable")]] = scores[alike]
    return handed
