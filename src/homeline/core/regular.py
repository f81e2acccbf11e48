"""When something is done that is done every so many days, and tried again where it failed. Pure.

The next time counts from the day on which it was done last, so what was missed without power or abroad is caught up,
once. What fails is tried again after growing pauses, a few times; then its turn is over until the next regular one.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, replace

from homeline.core import times

PAUSES = (600, 3600, 6 * 3600, 86400)  # seconds after the first, second, … failure
TRIES = len(PAUSES) + 1
DAY = 86400


@dataclass(frozen=True, slots=True)
class Progress:
    """What lasts of it. Times are seconds since 1970, 0 for never."""

    since: int  # when it was first wanted
    ended: int = 0  # when its turn was over last: it was done, or given up
    done: int = 0  # when it was done last
    tried: int = 0  # when it failed last
    failures: int = 0  # since its turn was over


def due(progress: Progress, every: int, at: str, local: times.Local = time.localtime) -> int:
    """The time of its turn: `every` days after the last one, or the first `at` since it is wanted."""
    if progress.ended:
        return times.on_day(progress.ended, every, at, local)
    today = times.on_day(progress.since, 0, at, local)
    return today if today >= progress.since else times.on_day(progress.since, 1, at, local)


def next_try(progress: Progress, every: int, at: str, local: times.Local = time.localtime) -> int:
    """When it is to be tried: at its turn, or a while after it failed."""
    turn = due(progress, every, at, local)
    return max(turn, progress.tried + PAUSES[progress.failures - 1]) if progress.failures else turn


def after_success(progress: Progress, now: int) -> Progress:
    return replace(progress, ended=now, done=now, failures=0)


def after_failure(progress: Progress, now: int) -> Progress:
    failures = progress.failures + 1
    if failures >= TRIES:
        return replace(progress, ended=now, tried=now, failures=0)
    return replace(progress, tried=now, failures=failures)


def sane(progress: Progress, now: int) -> Progress:
    """Without times that a clock wrote which was far ahead: they would hold it up for years."""
    if max(progress.since, progress.ended, progress.tried) <= now + DAY:
        return progress
    return replace(
        progress,
        since=min(progress.since, now),
        ended=min(progress.ended, now),
        done=min(progress.done, now),
        tried=min(progress.tried, now),
    )
