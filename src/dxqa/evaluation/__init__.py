"""Search and answers against labelled questions."""

from dxqa.evaluation.compare import Comparison, compare
from dxqa.evaluation.judge import chapter, evaluate, is_right, says
from dxqa.evaluation.report import Report, Result

__all__ = [
    "Comparison",
    "Report",
    "Result",
    "chapter",
    "compare",
    "evaluate",
    "is_right",
    "says",
]
