"""What is too old in the file of feedback, by a clock that may be wrong.

A machine with an empty battery starts in 1970 or in 2100, and one that nobody corrects is off for
weeks. Erasing cannot be undone, so that a clock that has just leapt erases nothing until it has
been seen on enough days; and rows stand in the order they were kept in, so that a date that does
not fit in between says nothing.
"""

import datetime as dt
import sqlite3

TABLE = "CREATE TABLE IF NOT EXISTS days (day TEXT PRIMARY KEY)"
"""The days on which feedback was kept or asked for."""
GAP_DAYS = 60
"""A clock that goes on from the day it was last seen on by more than this has leapt."""
ENOUGH_DAYS = 7
"""On so many days it is seen before it is believed again."""
_NEVER_BEFORE = dt.date(2026, 1, 1)
_REMEMBERED_DAYS = 400
_TOO_OLD = """
id <= coalesce((
    SELECT max(id) FROM feedback WHERE time < :oldest AND id < coalesce((
        SELECT min(id) FROM feedback WHERE time BETWEEN :oldest AND :tomorrow
    ), 9223372036854775807)
), -1)
"""
"""Before the first row that is not too old; those that lie in the future come with their like."""


def forget(connection: sqlite3.Connection, days: int) -> None:
    """Note that the clock was seen today, and erase what is too old by it, where it is believed."""
    now = dt.datetime.now(dt.UTC)
    connection.execute("INSERT OR IGNORE INTO days VALUES (?)", [now.date().isoformat()])
    if not _is_believed(connection, now.date()):
        return
    first = now.date() - dt.timedelta(_REMEMBERED_DAYS)
    kept = [first.isoformat(), now.date().isoformat()]
    connection.execute("DELETE FROM days WHERE day NOT BETWEEN ? AND ?", kept)
    if days:
        connection.execute(f"DELETE FROM feedback WHERE {_TOO_OLD}", _limits(now, days))  # noqa: S608


def fresh(connection: sqlite3.Connection, days: int) -> tuple[str, dict[str, str]]:
    """Return the condition of rows that are not too old, and its parameters."""
    now = dt.datetime.now(dt.UTC)
    if not days or not _is_believed(connection, now.date()):
        return "TRUE", {}
    return f"NOT {_TOO_OLD}", _limits(now, days)


def told(time: dt.datetime) -> str:
    """Return a time as it is kept."""
    return time.isoformat(timespec="seconds")


def _limits(now: dt.datetime, days: int) -> dict[str, str]:
    day = dt.timedelta(days=1)
    return {"oldest": told(now - days * day), "tomorrow": told(now + day)}


def _is_believed(connection: sqlite3.Connection, today: dt.date) -> bool:
    """Whether today goes on from the days before, or has by now been seen to be right."""
    if today < _NEVER_BEFORE:
        return False
    rows = connection.execute("SELECT day FROM days ORDER BY day DESC").fetchall()
    seen = [dt.date.fromisoformat(day) for (day,) in rows]
    run, last = 1, today
    for day in seen:
        if (last - day).days > GAP_DAYS:
            break
        if day < last:
            run, last = run + 1, day
    whole = all(last <= day <= today for day in seen)
    return whole or run >= ENOUGH_DAYS
