"""The command line by a clock that is off by as many days as a file says.

The monotonic clock stays as it is, as on a machine whose clock is set. What dxqa asks for the time
is shifted in its modules: under libfaketime the page did not start.
"""

import datetime
import os
import sys
import time
from pathlib import Path
from types import SimpleNamespace

from dxqa.cli import main
from dxqa.web import feedback, logs, retention

_OFFSET = Path(os.environ.get("DXQA_TEST_CLOCK", ""))
_TIME = time.time


def _off() -> datetime.timedelta:
    return datetime.timedelta(days=int(_OFFSET.read_text("ascii") or 0))


class Shifted(datetime.datetime):
    """Times as the clock tells them."""

    @classmethod
    def now(cls, tz: datetime.tzinfo | None = None) -> datetime.datetime:  # type: ignore[override]
        return datetime.datetime.now(tz) + _off()


def shift() -> None:
    """Let the wall clock be off from now on."""
    time.time = lambda: _TIME() + _off().total_seconds()
    names = {**vars(datetime), "datetime": Shifted}
    for module in (feedback, logs, retention):
        vars(module)["dt"] = SimpleNamespace(**names)


if __name__ == "__main__":
    shift()
    sys.exit(main())
