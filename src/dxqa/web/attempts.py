"""How often a password may be tried: after too many failures, whoever tries it waits."""

import threading
import time
from collections import OrderedDict, deque
from collections.abc import Callable

_MOST_KEYS = 10_000


class Attempts:
    """Counts attempts by key, such as an address; those of the last ``window`` seconds count.

    An attempt counts from its beginning, so that a hundred at once are not a hundred free ones.
    """

    def __init__(
        self, most: int, window: float, *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        """Allow ``most`` failures in ``window`` seconds."""
        self._most = most
        self._window = window
        self._clock = clock
        self._begun: OrderedDict[str, deque[float]] = OrderedDict()
        self._lock = threading.Lock()

    def begin(self, key: str) -> float:
        """Return how many seconds to wait before the next attempt; 0 is one that has begun."""
        now = self._clock()
        with self._lock:
            times = self._begun.setdefault(key, deque())
            self._begun.move_to_end(key)
            while times and times[0] <= now - self._window:
                times.popleft()
            if len(times) >= self._most:
                return times[0] + self._window - now
            times.append(now)
            while len(self._begun) > _MOST_KEYS:  # those that were not tried for longest
                self._begun.popitem(last=False)
            return 0.0

    def succeed(self, key: str) -> None:
        """Forget the attempts of a key, which has had the right password."""
        with self._lock:
            self._begun.pop(key, None)
