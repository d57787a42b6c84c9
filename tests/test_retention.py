"""What is erased as too old, by clocks that leap, stand still or go back."""

import datetime as dt
from pathlib import Path

import pytest

from dxqa.web import retention
from dxqa.web.feedback import Feedback, FeedbackStore

START = dt.datetime(2027, 5, 1, 9, tzinfo=dt.UTC)


class Clock(dt.datetime):
    """The time of day as a test sets it."""

    at = START

    @classmethod
    def now(cls, tz: dt.tzinfo | None = None) -> dt.datetime:  # type: ignore[override]
        return cls.at.astimezone(tz)


class Office:
    """A store that is used on some days, by whatever clock."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.count = 0

    def use(self, at: dt.datetime, days: int = 1, every: int = 1) -> None:
        for day in range(0, days, every):
            Clock.at = at + dt.timedelta(days=day)
            self.count += 1
            FeedbackStore(self.path, days=365).keep(Feedback("up", f"質問{self.count}", ()))

    def kept(self) -> int:
        return len(FeedbackStore(self.path, days=365).newest())


@pytest.fixture
def office(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Office:
    monkeypatch.setattr("dxqa.web.retention.dt.datetime", Clock)
    return Office(tmp_path / "feedback.db")


def after(days: float) -> dt.datetime:
    return START + dt.timedelta(days=days)


def test_by_a_clock_that_goes_on_what_is_older_than_a_year_is_erased(office: Office) -> None:
    office.use(START, days=400, every=10)
    assert office.kept() == 37  # of 40, those of days 0 to 20 are older than 365 days on day 390


def test_seldom_used_it_is_erased_too(office: Office) -> None:
    office.use(START, days=361, every=45)
    office.use(after(400))
    assert office.kept() == 9  # all but that of day 0


@pytest.mark.parametrize("year", [2100, 1970])
def test_a_clock_that_has_leapt_erases_nothing_and_all_is_there_when_it_is_right_again(
    office: Office, year: int
) -> None:
    office.use(START, days=100, every=10)
    office.use(dt.datetime(year, 1, 1, tzinfo=dt.UTC), days=3)
    assert office.kept() == 13
    office.use(after(101))
    assert office.kept() == 14
    office.use(after(111), days=250, every=10)
    assert office.kept() == 14 + 25
    office.use(after(380))
    assert office.kept() == 40 - 2  # days 0 and 10 are over, whatever stands in between


def test_a_leap_that_lasts_is_believed(office: Office) -> None:
    office.use(START, days=10)
    office.use(after(1000), days=retention.ENOUGH_DAYS - 1)
    assert office.kept() == 10 + retention.ENOUGH_DAYS - 1
    office.use(after(1000 + retention.ENOUGH_DAYS))
    assert office.kept() == retention.ENOUGH_DAYS


def test_1970_is_never_believed(office: Office) -> None:
    office.use(START, days=10)
    office.use(dt.datetime(1970, 1, 1, tzinfo=dt.UTC), days=30)
    office.use(after(11))
    assert office.kept() == 41


def test_what_was_kept_first_by_a_wrong_clock_does_not_stay_for_ever(office: Office) -> None:
    office.use(dt.datetime(2100, 1, 1, tzinfo=dt.UTC), days=2)
    office.use(START, days=380, every=10)
    assert office.kept() == 37  # those of 2100 went with that of day 0


def test_a_rating_changed_later_stands_at_its_new_time(office: Office, tmp_path: Path) -> None:
    store = FeedbackStore(tmp_path / "feedback.db", days=365)
    store.keep(Feedback("down", "一", ()), turn="t")
    office.use(after(1))
    Clock.at = after(200)
    store.keep(Feedback("up", "一", ()), turn="t")
    assert [kept.question for kept in store.newest()] == ["一", "質問1"]
