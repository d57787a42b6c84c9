"""How far a build is: a bar on a terminal, a line now and then elsewhere, always on stderr."""

import sys
import time
from typing import Any, Self

PAUSE = 30.0  # seconds between two lines of a log


class ProgressBar:
    """Called with ``(done, total)`` texts; shows nothing before the first call."""

    def __init__(self) -> None:
        self._bar: Any = None
        self._first: tuple[float, int] | None = None
        self._told = 0.0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._bar is not None:
            self._bar.close()

    def __call__(self, done: int, total: int) -> None:
        """Show how far it is, with rate and time left."""
        if sys.stderr.isatty():
            self._draw(done, total)
        else:
            self._tell(done, total)

    def _draw(self, done: int, total: int) -> None:
        if self._bar is None:
            from tqdm import tqdm  # noqa: PLC0415

            self._bar = tqdm(total=total, desc="埋め込み", unit="文", file=sys.stderr)
        self._bar.update(done - self._bar.n)

    def _tell(self, done: int, total: int) -> None:
        now = time.monotonic()
        if self._first is None:
            self._first, self._told = (now, done), now
        started, before = self._first
        if now - self._told < PAUSE or done == before:
            return
        self._told = now
        rate = (done - before) / (now - started)
        left = (total - done) / rate
        print(
            f"埋め込み: {total} 文のうち {done} 文 (毎秒 {rate:.0f} 文、残り約 {left:.0f} 秒)",
            file=sys.stderr,
            flush=True,
        )
