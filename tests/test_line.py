"""The line before the model: turns, bounds, and giving up a place; no test waits for a clock."""

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import CancelledError, Future
from dataclasses import dataclass, field

import pytest

from dxqa.errors import BusyError
from dxqa.web.line import PATIENCE_S, Line, finished


@dataclass
class Desk:
    """A line whose thread is at work until ``go_on``, so that what is handed in waits."""

    line: Line
    now: list[float]
    done: list[str] = field(default_factory=list)
    held: threading.Event = field(default_factory=threading.Event)

    def hand_in(self, asker: str | None, what: str) -> Future[None]:
        return self.line.hand_in(lambda: self.done.append(what), asker)

    def go_on(self) -> list[str]:
        """Let everything be done; return in which order it was."""
        self.held.set()
        assert self.line.close(60)
        return self.done


Opened = Callable[[int], Desk]


@pytest.fixture
def opened() -> Iterator[Opened]:
    desks = []

    def make(most: int) -> Desk:
        now = [0.0]
        desk = Desk(Line(most, clock=lambda: now[0]), now)
        begun = threading.Event()
        desk.line.hand_in(lambda: (begun.set(), desk.held.wait()), "at work")
        begun.wait()
        desks.append(desk)
        return desk

    yield make
    for desk in desks:
        desk.go_on()


def test_every_asker_has_one_turn_a_round(opened: Opened) -> None:
    desk = opened(10)
    for what in ("g1", "g2", "g3", "a1", "b1", "a2"):
        desk.hand_in(what[0], what)
    assert desk.go_on() == ["g1", "a1", "b1", "g2", "a2", "g3"]


def test_who_comes_later_does_not_wait_for_all_of_a_greedy_one(opened: Opened) -> None:
    desk = opened(100)
    for number in range(50):
        desk.hand_in("g", f"g{number}")
    desk.hand_in("a", "a")
    assert desk.go_on().index("a") == 1


def test_how_many_come_before_is_how_many_are_done_before(opened: Opened) -> None:
    desk = opened(20)
    names = ["g1", "g2", "g3", "a1", "b1", "a2", "c1", "c2", "c3", "c4"]
    outcomes = {what: desk.hand_in(what[0], what) for what in names}
    before = {what: desk.line.before(outcome) for what, outcome in outcomes.items()}
    order = desk.go_on()
    assert before == {what: order.index(what) for what in names}


def test_a_full_line_says_so_and_what_to_do(opened: Opened) -> None:
    desk = opened(2)
    desk.hand_in("a", "a")
    desk.hand_in("b", "b")
    with pytest.raises(BusyError, match=r"混み合っています。2 件.*もう一度送信してください"):
        desk.hand_in("c", "c")
    assert desk.go_on() == ["a", "b"]


def test_one_alone_cannot_keep_others_out_of_a_full_line(opened: Opened) -> None:
    desk = opened(3)
    outcomes = [desk.hand_in("g", f"g{number}") for number in range(3)]
    desk.hand_in("a", "a")
    with pytest.raises(BusyError, match="混み合っています"):
        outcomes[-1].result(0)
    with pytest.raises(BusyError):  # she has two, and would have three
        desk.hand_in("g", "g3")
    assert desk.go_on() == ["g0", "a", "g1"]


def test_who_has_as_many_as_anybody_is_the_one_refused(opened: Opened) -> None:
    desk = opened(4)
    for what in ("a1", "a2", "b1", "b2"):
        desk.hand_in(what[0], what)
    with pytest.raises(BusyError):
        desk.hand_in("b", "b3")
    desk.hand_in("c", "c1")
    with pytest.raises(BusyError):
        desk.hand_in("c", "c2")
    assert sorted(desk.go_on()) == ["a1", "b1", "b2", "c1"]


def test_a_place_given_up_is_free(opened: Opened) -> None:
    desk = opened(1)
    first = desk.hand_in("a", "a")
    with pytest.raises(BusyError):
        desk.hand_in("b", "b")
    first.cancel()
    desk.hand_in("b", "b")
    assert desk.go_on() == ["b"]
    with pytest.raises(CancelledError):
        first.result(0)


def test_who_closes_the_steps_gives_up_the_place(opened: Opened) -> None:
    desk = opened(1)
    steps = desk.line.turn(lambda: desk.done.append("left"), "a")
    assert next(steps) == 0
    steps.close()
    desk.hand_in("b", "b")
    assert desk.go_on() == ["b"]


def test_who_does_not_want_to_wait_on_gives_up_the_place(opened: Opened) -> None:
    desk = opened(1)

    def hang_up() -> None:
        raise ConnectionError

    with pytest.raises(ConnectionError):
        finished(desk.line.turn(lambda: desk.done.append("left"), "a"), hang_up)
    assert desk.go_on() == []


def test_what_nobody_waits_for_gives_way(opened: Opened) -> None:
    desk = opened(10)
    desk.hand_in(None, "build")
    desk.hand_in(None, "reopened")
    desk.hand_in("a", "a1")
    desk.hand_in("a", "a2")
    assert desk.go_on() == ["a1", "a2", "build", "reopened"]


def test_but_not_for_ever(opened: Opened) -> None:
    desk = opened(10)
    desk.hand_in(None, "build")
    desk.now[0] += PATIENCE_S
    desk.hand_in(None, "reopened")
    desk.hand_in("a", "a")
    assert desk.go_on() == ["build", "a", "reopened"]


def test_what_nobody_waits_for_takes_no_place_of_an_asker(opened: Opened) -> None:
    desk = opened(1)
    for number in range(3):
        desk.hand_in(None, f"build{number}")
    desk.hand_in("a", "a")
    desk.hand_in(None, "build3")
    assert desk.go_on() == ["a", "build0", "build1", "build2", "build3"]


def test_an_error_is_its_askers_alone(opened: Opened) -> None:
    desk = opened(10)

    def fail() -> None:
        raise ValueError("mine")

    failed = desk.line.hand_in(fail, "a")
    desk.hand_in("b", "b")
    assert desk.go_on() == ["b"]
    with pytest.raises(ValueError, match="mine"):
        failed.result(0)


def test_a_closed_line_does_what_it_has_and_takes_nothing_more(opened: Opened) -> None:
    desk = opened(10)
    desk.hand_in("a", "a")
    assert not desk.line.close(0)
    for asker in ("b", None):
        with pytest.raises(BusyError, match=r"サーバーを終了するところ.*もう一度送信"):
            desk.hand_in(asker, "b")
    assert desk.go_on() == ["a"]


def test_a_result_comes_back() -> None:
    assert finished(Line().turn(lambda: 42)) == 42


def test_one_thing_is_done_at_a_time_however_many_ask() -> None:
    line, at_work, most = Line(1000), [0], [0]

    def work() -> None:
        at_work[0] += 1
        most[0] = max(most[0], at_work[0])
        at_work[0] -= 1

    threads = [
        threading.Thread(target=lambda: [line.hand_in(work, "a") for _ in range(50)])
        for _ in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert line.close(60)
    assert most == [1]
