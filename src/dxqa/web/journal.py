"""What is written down of every question: an event in the log, and what could not be answered."""

from collections.abc import Sequence

from dxqa.index import LONGEST_QUESTION
from dxqa.types import Answer
from dxqa.web.feedback import Feedback, FeedbackError, FeedbackStore
from dxqa.web.logs import event
from dxqa.web.masking import masked


class Journal:
    """Writes down questions; never lets the answer wait for, or fail by, what goes wrong here.

    Attributes:
        store: where feedback is kept; None where nothing is.
        trouble: why the last thing could not be kept; empty after one that could.
    """

    def __init__(self, store: FeedbackStore | None = None, *, log_questions: bool = False) -> None:
        """Write feedback to ``store``; the log tells what was asked only if it should."""
        self.store = store
        self.trouble = ""
        self._log_questions = log_questions

    def answered(self, answer: Answer, history: Sequence[str], seconds: float) -> None:
        """Write down an answer or a refusal."""
        event(
            "ask",
            kind=answer.kind,
            answered=answer.answered,
            confidence=round(answer.confidence, 4),
            ms=round(seconds * 1000),
            **self._asked(answer.question),
        )
        if not (answer.answered or answer.choices):
            self.keep(Feedback.of("declined", answer, history))

    def failed(self, question: str, error: Exception, seconds: float) -> None:
        """Write down that there is no answer, and the kind of error, whose words may quote."""
        event(
            "ask",
            answered=False,
            error=type(error).__name__,
            ms=round(seconds * 1000),
            **self._asked(question),
        )

    def keep(self, feedback: Feedback, *, turn: str | None = None) -> bool:
        """Keep feedback; where that fails, say so in the log and in ``trouble``."""
        if self.store is None:
            return False
        try:
            self.store.keep(feedback, turn=turn)
        except FeedbackError as error:
            self.trouble = str(error)
            event("feedback", error=type(error).__name__, message=str(error))
            return False
        self.trouble = ""
        event("feedback", verdict=feedback.verdict)
        return True

    def _asked(self, question: str) -> dict[str, str]:
        if not self._log_questions:
            return {}
        long = len(question) > LONGEST_QUESTION  # refused as such; it may be megabytes
        return {"question": f"({len(question):,} 字)" if long else masked(question)}
