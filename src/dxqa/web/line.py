"""The line before the one model: who is next, how many may wait, and giving up one's place."""

import contextlib
import threading
import time
from collections import OrderedDict, deque
from collections.abc import Callable, Generator
from concurrent.futures import Future
from concurrent.futures import wait as wait_for
from dataclasses import dataclass, field
from typing import Any, TypeVar

from dxqa.errors import BusyError

MOST_WAITING = 64
"""More would wait longer than people do; the page's threads are counted by it (``server``)."""
PATIENCE_S = 2.0
"""So long what can wait gives way, so that it too comes to an end on a busy day."""
_BEAT_S = 1.0
"""How often somebody who waits is told how many are before."""

_FULL = (
    "混み合っています。{} 件の質問が順番を待っているので、お受けできませんでした。"
    "10 秒ほど待ってから、もう一度送信してください。"
)
_CLOSED = "サーバーを終了するところです。しばらくたってから、もう一度送信してください。"
_Result = TypeVar("_Result")


def finished(
    steps: Generator[int, None, _Result], each: Callable[[], None] = lambda: None
) -> _Result:
    """Wait for what ``Line.turn`` returns; ``each`` is called now and then, and may raise."""
    with contextlib.closing(steps):
        while True:
            try:
                next(steps)
            except StopIteration as end:
                result: _Result = end.value
                return result
            each()


@dataclass(frozen=True, slots=True, eq=False)
class _Place:
    """A place in the line.

    Attributes:
        work: what is to be done.
        since: when it was taken.
        outcome: of the work; cancelled where the place is given up.
    """

    work: Callable[[], Any]
    since: float
    outcome: Future[Any] = field(default_factory=Future)

    def serve(self) -> None:
        """Do the work, unless whoever wanted it has left."""
        if not self.outcome.set_running_or_notify_cancel():
            return
        try:
            result = self.work()
        except BaseException as error:  # noqa: BLE001 - it is raised where the outcome is awaited
            self.outcome.set_exception(error)
        else:
            self.outcome.set_result(result)


class Line:
    """Does what askers hand in, one thing at a time, in a thread of its own.

    In each round every asker has one turn, however much she has handed in. Where the line is full,
    whoever has most in it loses the last of it, so that one alone cannot fill it either. What is
    handed in by nobody (a conversation that is reopened, a part of a build) waits until no asker
    does, ``PATIENCE_S`` seconds at most.
    """

    def __init__(
        self, most: int = MOST_WAITING, *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        """Let ``most`` wait at a time."""
        self._most = most
        self._clock = clock
        self._rounds: OrderedDict[str, deque[_Place]] = OrderedDict()  # who comes first is next
        self._later: deque[_Place] = deque()
        self._changed = threading.Condition()
        self._at_work = False
        self._closed = False
        self._thread: threading.Thread | None = None

    @property
    def closed(self) -> bool:
        """Whether nothing more is taken."""
        return self._closed

    def turn(
        self, work: Callable[[], _Result], asker: str | None = ""
    ) -> Generator[int, None, _Result]:
        """Take a place; yield how many come before, now and then, and return what the work does.

        Whoever closes the generator gives up the place.

        Raises:
            BusyError: the line is full, or became so and others have fewer in it.
        """
        outcome = self.hand_in(work, asker)
        try:
            while not wait_for([outcome], _BEAT_S).done:
                yield self.before(outcome)
            return outcome.result()
        finally:
            outcome.cancel()

    def hand_in(self, work: Callable[[], _Result], asker: str | None = "") -> Future[_Result]:
        """Take a place in an asker's name; what is in nobody's gives way to all askers.

        Raises:
            BusyError: the line is full, or closed.
        """
        with self._changed:
            self._forget_who_left()
            if self._closed:
                raise BusyError(_CLOSED)
            if asker is not None and self._count() >= self._most:
                self._make_room(asker)
            place = _Place(work, self._clock())
            places = self._later if asker is None else self._rounds.setdefault(asker, deque())
            places.append(place)
            self._changed.notify_all()
            if self._thread is None:
                self._thread = threading.Thread(target=self._serve, name="dxqa-line", daemon=True)
                self._thread.start()
        return place.outcome

    def before(self, outcome: Future[Any]) -> int:
        """Return how many askers' turns come first; 0 for what is at work, too."""
        with self._changed:
            self._forget_who_left()
            lengths = [len(places) for places in self._rounds.values()]
            for position, places in enumerate(self._rounds.values()):
                for round_, place in enumerate(places):
                    if place.outcome is outcome:
                        earlier = sum(min(length, round_ + 1) for length in lengths[:position])
                        later = sum(min(length, round_) for length in lengths[position + 1 :])
                        return earlier + round_ + later
        return 0

    def close(self, timeout: float) -> bool:
        """Take nothing more; return whether all that was taken is done within so many seconds."""
        with self._changed:
            self._closed = True
            return self._changed.wait_for(self._is_empty, timeout)

    def _make_room(self, asker: str) -> None:
        """Let whoever has most in the line lose the last of it, unless that is the newcomer."""
        most = max(self._rounds, key=lambda name: len(self._rounds[name]))
        places = self._rounds[most]
        full = BusyError(_FULL.format(self._most))
        if len(places) <= len(self._rounds.get(asker, ())) + 1:
            raise full
        lost = places.pop()
        if lost.outcome.set_running_or_notify_cancel():
            lost.outcome.set_exception(full)

    def _serve(self) -> None:
        while True:
            with self._changed:
                self._at_work = False
                self._changed.notify_all()
                self._changed.wait_for(lambda: not self._is_empty())
                place = self._next()
                self._at_work = True
            place.serve()
            del place  # it would keep its outcome until the next one comes

    def _next(self) -> _Place:
        patient = self._later and self._clock() - self._later[0].since < PATIENCE_S
        if self._later and not (patient and self._rounds):
            return self._later.popleft()
        asker, places = self._rounds.popitem(last=False)
        place = places.popleft()
        if places:
            self._rounds[asker] = places  # again in the next round
        return place

    def _forget_who_left(self) -> None:
        for asker, places in list(self._rounds.items()):
            stay = deque(place for place in places if not place.outcome.cancelled())
            if stay:
                self._rounds[asker] = stay
            else:
                del self._rounds[asker]

    def _count(self) -> int:
        return sum(map(len, self._rounds.values()))

    def _is_empty(self) -> bool:
        return not (self._at_work or self._rounds or self._later)
