"""What people thought of the answers, and what could not be answered: kept here and masked.

One SQLite file, in write-ahead mode so that reading never waits for writing. A connection is made
for each piece of work, since Gradio works in many threads. What is too old is erased with the first
connection, and whenever something is kept (``retention``).
"""

import contextlib
import dataclasses
import datetime as dt
import json
import sqlite3
import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from dxqa.errors import DxqaError
from dxqa.types import Answer
from dxqa.web import retention
from dxqa.web.masking import masked

Verdict = Literal["declined", "down", "up"]
KEPT_DAYS = 365

_PATIENCE_S = 1.0
"""How long to wait for another writer; an answer may be waiting too."""
_TABLE = """
CREATE TABLE IF NOT EXISTS feedback (
    id INTEGER PRIMARY KEY,
    turn TEXT UNIQUE,
    time TEXT NOT NULL,
    verdict TEXT NOT NULL,
    question TEXT NOT NULL,
    history TEXT NOT NULL,
    reason TEXT NOT NULL,
    comment TEXT NOT NULL,
    kind TEXT NOT NULL,
    confidence REAL NOT NULL,
    answer TEXT NOT NULL,
    cited TEXT NOT NULL
)
"""
_COLUMNS = (
    "time", "verdict", "question", "history", "reason", "comment", "kind", "confidence", "answer",
    "cited",
)  # fmt: skip


class FeedbackError(DxqaError):
    """The feedback cannot be kept or read."""


@dataclass(frozen=True, slots=True)
class Feedback:
    """One declined question, or one rating of an answer.

    Attributes:
        history: earlier questions of the conversation, oldest first.
        reason: chosen from a few.
        comment: in the user's own words.
        cited: municipalities that the answer cites.
        time: UTC, ISO 8601; set when it is kept.
    """

    verdict: Verdict
    question: str
    history: tuple[str, ...]
    reason: str = ""
    comment: str = ""
    kind: str = ""
    confidence: float = 0.0
    answer: str = ""
    cited: tuple[str, ...] = ()
    time: str = ""

    @classmethod
    def of(cls, verdict: Verdict, answer: Answer, history: Sequence[str]) -> "Feedback":
        """Return feedback on an answer."""
        places = dict.fromkeys(c.passage.municipality for c in answer.citations)
        return cls(
            verdict,
            answer.question,
            tuple(history),
            kind=answer.kind,
            confidence=round(answer.confidence, 4),
            answer=answer.text,
            cited=tuple(place for place in places if place),
        )


class FeedbackStore:
    """Feedback in one file."""

    def __init__(self, path: Path, *, days: int = KEPT_DAYS) -> None:
        """Remember where, and for how many days (0: until erased); the first feedback makes it."""
        self.path = path
        self.days = days
        self._making = threading.Lock()
        self._made: tuple[int, int] | None = None

    def keep(self, feedback: Feedback, *, turn: str | None = None) -> None:
        """Keep feedback, masked; feedback on the same turn takes the place of what was there.

        Raises:
            FeedbackError: the file is locked, full, damaged, or cannot be written.
        """
        row = _row(feedback)
        marks = ", ".join("?" * (len(row) + 1))
        told = ("verdict", "reason", "comment", "time")
        change = ", ".join(f"{name} = excluded.{name}" for name in told)
        last = "id = (SELECT max(id) + 1 FROM feedback)"  # rows stand in the order of their times
        with self._connection() as connection:
            retention.forget(connection, self.days)
            connection.execute(
                f"INSERT INTO feedback (turn, {', '.join(row)}) VALUES ({marks}) "  # noqa: S608 - names of our own
                f"ON CONFLICT (turn) DO UPDATE SET {change}, {last}",
                [turn, *row.values()],
            )

    def newest(self, most: int | None = None) -> list[Feedback]:
        """Return what is kept, newest first.

        Raises:
            FeedbackError: the file cannot be read.
        """
        if self._is_missing():
            return []
        with self._connection() as connection:
            condition, limits = retention.fresh(connection, self.days)
            rows = connection.execute(
                f"SELECT {', '.join(_COLUMNS)} FROM feedback WHERE {condition} "  # noqa: S608
                "ORDER BY id DESC LIMIT :most",
                {**limits, "most": -1 if most is None else most},
            ).fetchall()
            return [_feedback(row) for row in rows]

    def counts(self) -> dict[str, int]:
        """Return how much is kept of each verdict.

        Raises:
            FeedbackError: the file cannot be read.
        """
        if self._is_missing():
            return {}
        with self._connection() as connection:
            query = "SELECT verdict, count(*) FROM feedback GROUP BY verdict"
            return dict(connection.execute(query).fetchall())

    def erase(self) -> int:
        """Erase all that is kept, from the disk too; return how much it was.

        Raises:
            FeedbackError: the file is locked, or cannot be written.
        """
        if self._is_missing():
            return 0
        with self._connection() as connection:
            erased = connection.execute("DELETE FROM feedback").rowcount
        with self._connection() as connection:  # what was erased also stood in the log of writes
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        return erased

    def _is_missing(self) -> bool:
        """Whether there is no file; where the folder may not be looked into, opening it tells."""
        with contextlib.suppress(OSError):
            return not self.path.exists()
        return False

    @contextlib.contextmanager
    def _connection(self) -> Iterator[sqlite3.Connection]:
        """A connection whose work is kept whole or not at all."""
        try:
            with contextlib.closing(sqlite3.connect(self.path, timeout=_PATIENCE_S)) as connection:
                connection.execute("PRAGMA secure_delete = ON")
                self._make(connection)
                with connection:
                    yield connection
        except (sqlite3.Error, OSError, ValueError) as error:  # ValueError: a row that is no JSON
            self._made = None
            raise FeedbackError(
                f"記録のファイルを読み書きできません: {self.path} ({error})。{_advice(error)}"
            ) from error

    def _make(self, connection: sqlite3.Connection) -> None:
        with self._making:
            file = self.path.stat()  # another one may have been put in its place
            if self._made == (file.st_dev, file.st_ino):
                return
            self.path.chmod(0o600)
            connection.execute("PRAGMA journal_mode = WAL")
            connection.execute(_TABLE)
            connection.execute(retention.TABLE)
            with connection:
                retention.forget(connection, self.days)
            self._made = file.st_dev, file.st_ino


def _advice(error: Exception) -> str:
    """Say what to do next; whatever it is, the next record finds out whether it is over."""
    code = getattr(error, "sqlite_errorcode", 0) & 0xFF
    if code in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB) or isinstance(error, ValueError):
        return (
            "壊れているようです。末尾に -wal と -shm のつくファイルと一緒に別の場所へ移すと、"
            "次の記録から新しく作ります。再起動は要りません。"
        )
    return "ほかのプログラムが使っていないか、空き容量と書き込み権限を確かめてください。"


def question_rows(kept: Sequence[Feedback]) -> Iterator[dict[str, Any]]:
    """Yield rows of a question file for ``dxqa evaluate``, each question once, newest first.

    ``answerable`` is null until a person says true or false: such rows are run, not judged.
    """
    seen: set[tuple[str, ...]] = set()
    for feedback in kept:
        key = (*feedback.history, feedback.question)
        if key in seen:
            continue
        seen.add(key)
        yield {
            "id": f"feedback-{len(seen)}",
            "type": feedback.verdict,
            "question": feedback.question,
            "history": list(feedback.history),
            "answerable": None,
            "cases": [],
            "chapters": [],
            "must": [],
            "about": {
                "time": feedback.time,
                "reason": feedback.reason,
                "comment": feedback.comment,
                "kind": feedback.kind,
                "confidence": feedback.confidence,
                "answer": feedback.answer,
                "cited": list(feedback.cited),
            },
        }


def question_file(kept: Sequence[Feedback]) -> str:
    """Return ``question_rows`` as JSON Lines."""
    return "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in question_rows(kept))


def _row(feedback: Feedback) -> dict[str, object]:
    """The columns of feedback, its texts masked."""
    row = dataclasses.asdict(feedback)
    for name in ("question", "comment", "answer"):
        row[name] = _storable(row[name])
    row["history"] = json.dumps([_storable(text) for text in feedback.history], ensure_ascii=False)
    row["cited"] = json.dumps(feedback.cited, ensure_ascii=False)
    row["time"] = retention.told(dt.datetime.now(dt.UTC))
    return row


def _storable(text: str) -> str:
    # A lone surrogate cannot be written as UTF-8.
    return masked(text).encode("utf-8", "backslashreplace").decode("utf-8")


def _feedback(row: Sequence[Any]) -> Feedback:
    values = dict(zip(_COLUMNS, row, strict=True))
    for name in ("history", "cited"):
        values[name] = tuple(json.loads(values[name]))
    return Feedback(**values)
