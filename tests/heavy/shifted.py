"""The command line by a clock that is off by as many days as a file says.

The monotonic clock stays as it is, as on a machine whose clock is set. What dxqa asks for the time
is shifted in its modules: under libfaketime the page did not start.
"""

import datetime as dt
import os
import sys
import time
from pathlib import Path
from types import SimpleNamespace

from dxqa.cli import main
from dxqa.web import feedback, logs, retention

_OFFSET = Path(os.environ.get("DXQA_TEST_CLOCK", ""))
_TIME = time.time


def _off() -> dt.timedelta:
    return dt.timedelta(days=int(_OFFSET.read_text("ascii") or 0))


class Shifted(dt.datetime):
    """Times as the clock tells them."""

    @classmethod
    def now(cls, tz: dt.tzinfo | None = None) -> dt.datetime:  # type: ignore[override]
        return dt.datetime.now(tz) + _off()


def shift() -> None:
    """Let the wall clock be off from now on."""
    time.time = lambda: _TIME() + _off().total_seconds()
    names = {**vars(dt), "datetime": Shifted}
    for module in (feedback, logs, retention):
        vars(module)["dt"] = SimpleNamespace(**names)


if __name__ == "__main__":
    shift()
    sys.exit(main())
