"""Times that come back every week, as owners write them: `mon-fri 08:00-18:00`, `22:00-07:00`, `sat,sun`.

    times   days, clock, or days and clock with a blank between
    days    one or more of `mon` or `fri-mon`, with commas
    clock   one or more of `08:00-18:00`, with commas; `24:00` may be an end

A clock whose end is not after its beginning goes on into the next day and belongs to the day on which it begins.
Upper and lower case are alike. `core.times` says when they hold.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import lru_cache
from typing import NamedTuple

DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
DAY = 1440  # minutes
WEEK = 7 * DAY

_CLOCK = re.compile(r"([01][0-9]|2[0-4]):([0-5][0-9])")


class Window(NamedTuple):
    """Minutes of a week that begins on Monday; `end` is the first minute after it and may lie in the next week."""

    begin: int
    end: int


@lru_cache(maxsize=64)
def parse(text: str) -> tuple[Window, ...]:
    """The windows of one text. Raises ValueError with the reason."""
    words = text.lower().split()
    if not 1 <= len(words) <= 2:
        raise ValueError("must be days, times, or days and times with a blank between, such as mon-fri 08:00-18:00")
    named = words[0][:1].isalpha()
    if len(words) == 2 and not named:
        raise ValueError("has the times before the days; write mon-fri 08:00-18:00")
    days = _days(words[0]) if named else range(7)
    clocks = [(0, DAY)] if named and len(words) == 1 else [_clock(part) for part in words[-1].split(",")]
    return tuple(Window(day * DAY + begin, day * DAY + end) for day in days for begin, end in clocks)


def whole_week(texts: Iterable[str]) -> bool:
    """Whether there is no minute outside of these times."""
    windows = [window for text in texts for window in parse(text)]
    windows += [Window(begin - WEEK, end - WEEK) for begin, end in windows]  # of Sunday, on into Monday
    covered = 0
    for begin, end in sorted(windows):
        if begin <= covered:
            covered = max(covered, end)
    return covered >= WEEK


def _days(text: str) -> list[int]:
    found: list[int] = []
    for part in text.split(","):
        first, dash, last = part.partition("-")
        begin = _day(first)
        length = (_day(last) - begin) % 7 + 1 if dash else 1
        found += [(begin + step) % 7 for step in range(length)]
    return sorted(set(found))


def _day(text: str) -> int:
    if text not in DAYS:
        raise ValueError(f"has a day that is none of {', '.join(DAYS)}")
    return DAYS.index(text)


def _clock(text: str) -> tuple[int, int]:
    begin, _, end = text.partition("-")
    first, last = _minute(begin), _minute(end)
    if first == DAY:
        raise ValueError("begins at 24:00; write 00:00")
    if first == last:
        raise ValueError("begins and ends at the same time; leave the times out for whole days")
    return first, last if last > first else last + DAY


def _minute(text: str) -> int:
    found = _CLOCK.fullmatch(text)
    minute = int(found[1]) * 60 + int(found[2]) if found else DAY + 1
    if minute > DAY:
        raise ValueError("must have times of day such as 08:00-18:00")
    return minute
