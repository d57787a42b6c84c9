"""What the server tells: one JSON object a line on standard error, without what people asked.

A person at a terminal reads remarks (``say``) as plain lines; where standard error goes to a file
or a log collector, they are JSON too.
"""

import datetime as dt
import json
import logging
import sys
import traceback
from pathlib import Path
from typing import Any


def event(name: str, **fields: object) -> None:
    """Write one event; ``fields`` are JSON values."""
    at = dt.datetime.now(dt.UTC).isoformat(timespec="milliseconds")
    _write(json.dumps({"time": at, "event": name, **fields}, ensure_ascii=False))


def say(message: str) -> None:
    """Tell the person at the console."""
    if sys.stderr.isatty():
        _write(f"dxqa: {message}")
    else:
        event("notice", message=message)


class JsonHandler(logging.Handler):
    """Log records of dxqa as events: of an exception its type and place, never its words.

    An exception's message may quote the question.
    """

    def emit(self, record: logging.LogRecord) -> None:
        """Write one record."""
        fields: dict[str, Any] = {"level": record.levelname.lower(), "message": record.getMessage()}
        if record.exc_info and record.exc_info[1] is not None:
            error = record.exc_info[1]
            fields["error"] = type(error).__name__
            fields["at"] = [
                f"{Path(frame.filename).name}:{frame.lineno} {frame.name}"
                for frame in traceback.extract_tb(error.__traceback__)
            ]
        event("log", **fields)


def log_as_json() -> None:
    """Let everything that dxqa logs go through ``JsonHandler`` from now on."""
    logger = logging.getLogger("dxqa")
    if not any(isinstance(handler, JsonHandler) for handler in logger.handlers):
        logger.addHandler(JsonHandler())
    logger.propagate = False


def _write(line: str) -> None:
    # A lone surrogate cannot be written as UTF-8.
    sys.stderr.write(line.encode("utf-8", "backslashreplace").decode("utf-8") + "\n")
    sys.stderr.flush()
