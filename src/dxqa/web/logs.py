"""What the server tells: one JSON object a line on standard error, without what people asked.

A person at a terminal reads remarks (``say``) as plain lines; where standard error goes to a file
or a log collector, they are JSON too, and so is what libraries print there on their own.
"""

import datetime as dt
import io
import json
import logging
import sys
import threading
import traceback
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stderr, suppress
from pathlib import Path
from typing import Any, TextIO

_TOLD = "_dxqa_told"


def event(name: str, **fields: object) -> None:
    """Write one event; ``fields`` are JSON values."""
    _LINES.write(_event(name, **fields))


def _event(name: str, **fields: object) -> str:
    at = dt.datetime.now(dt.UTC).isoformat(timespec="milliseconds")
    return json.dumps({"time": at, "event": name, **fields}, ensure_ascii=False)


def say(message: str) -> None:
    """Tell the person at the console."""
    if sys.stderr.isatty():
        _LINES.write(f"dxqa: {message}")
    else:
        event("notice", message=message)


class JsonHandler(logging.Handler):
    """Log records as events: of an exception its type and place, never its words.

    An exception's message may quote the question.
    """

    def emit(self, record: logging.LogRecord) -> None:
        """Write one record."""
        error = record.exc_info[1] if record.exc_info else None
        fields = {"level": record.levelname.lower(), "message": record.getMessage()}
        event("log", **fields, **(_described(error) if error else {}))


class JsonLines(io.TextIOBase):
    """Stands before standard error: what is not JSON, such as Gradio's tracebacks, becomes it."""

    def __init__(self, stream: TextIO) -> None:
        self.stream = stream
        self._begun = ""

    def write(self, text: str) -> int:
        """Take text: an event a line, and of an exception being handled one event in all."""
        error = sys.exception()
        if error is None:
            *lines, self._begun = (self._begun + text).split("\n")
            for line in filter(str.strip, lines):
                event("printed", message=line)
        elif _TOLD not in vars(error):  # its traceback comes in many pieces
            vars(error)[_TOLD] = True
            _tell(error)
        return len(text)

    def flush(self) -> None:
        """Pass on what has been written."""
        with suppress(OSError, ValueError):
            self.stream.flush()

    def fileno(self) -> int:
        """The file descriptor of standard error."""
        return self.stream.fileno()


@contextmanager
def log_as_json() -> Iterator[None]:
    """Let everything that is logged be JSON, and in here what is printed to a log file, too."""
    for name, level in (("dxqa", logging.NOTSET), (None, logging.WARNING)):
        logger = logging.getLogger(name)
        if not any(isinstance(handler, JsonHandler) for handler in logger.handlers):
            logger.addHandler(JsonHandler(level))
    logging.getLogger("dxqa").propagate = False
    if sys.stderr.isatty():
        yield
        return
    before, threading.excepthook = threading.excepthook, lambda raised: _tell(raised.exc_value)
    try:
        with redirect_stderr(JsonLines(sys.stderr)):
            yield
    finally:
        threading.excepthook = before


def _tell(error: BaseException | None) -> None:
    """Write an exception that nobody caught."""
    if error is not None:
        event("log", level="error", message="uncaught", **_described(error))


def _described(error: BaseException) -> dict[str, Any]:
    frames = traceback.extract_tb(error.__traceback__)
    at = [f"{Path(frame.filename).name}:{frame.lineno} {frame.name}" for frame in frames]
    return {"error": type(error).__name__, "at": at}


class _Lines:
    """Writes lines to standard error; the server goes on where it cannot be written to.

    That is where the disk is full, or whoever read it has gone.
    """

    def __init__(self) -> None:
        self._lost = 0

    def write(self, line: str) -> None:
        stream = sys.stderr.stream if isinstance(sys.stderr, JsonLines) else sys.stderr
        # After a failure half a line may stand there. A lone surrogate cannot be written as UTF-8.
        told = f"\n{_event('log', level='error', lost=self._lost)}\n" if self._lost else ""
        text = f"{told}{line}\n".encode("utf-8", "backslashreplace").decode("utf-8")
        try:
            stream.write(text)
            stream.flush()
        except (OSError, ValueError):  # ValueError: it has been closed
            self._lost += 1
        else:
            self._lost = 0


_LINES = _Lines()
