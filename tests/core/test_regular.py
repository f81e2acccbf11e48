"""When something regular is due, over failures, changes of time and clocks that were wrong."""

from __future__ import annotations

from datetime import datetime
from zoneinfo import ZoneInfo

import pytest

from homeline.core import regular
from homeline.core.regular import DAY, Progress

ZURICH = ZoneInfo("Europe/Zurich")


def local(at: int) -> object:
    return datetime.fromtimestamp(at, ZURICH).timetuple()


def epoch(text: str) -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=ZURICH).timestamp())


def shown(at: int) -> str:
    return datetime.fromtimestamp(at, ZURICH).strftime("%Y-%m-%d %H:%M")


@pytest.mark.parametrize(
    ("progress", "every", "at", "due"),
    [
        (Progress(epoch("2026-11-23T10:00:00")), 30, "12:00", "2026-11-23 12:00"),
        (Progress(epoch("2026-11-23T13:00:00")), 30, "12:00", "2026-11-24 12:00"),
        (Progress(1, epoch("2026-11-23T12:00:07")), 30, "12:00", "2026-12-23 12:00"),
        (Progress(1, epoch("2026-11-23T23:59:00")), 1, "00:10", "2026-11-24 00:10"),
        (Progress(1, epoch("2026-03-01T12:00:00")), 30, "12:00", "2026-03-31 12:00"),  # over a change of time
        (Progress(1, epoch("2026-10-01T12:00:00")), 30, "12:00", "2026-10-31 12:00"),
        (Progress(1, epoch("2026-03-28T12:00:00")), 1, "02:30", "2026-03-29 03:30"),  # an hour that is left out
    ],
)
def test_its_turn(progress: Progress, every: int, at: str, due: str) -> None:
    assert shown(regular.due(progress, every, at, local)) == due  # type: ignore[arg-type]
    assert regular.next_try(progress, every, at, local) == regular.due(progress, every, at, local)  # type: ignore[arg-type]


def test_what_fails_is_tried_a_few_times_and_then_at_its_next_turn() -> None:
    now = epoch("2026-11-23T12:00:00")
    progress, pauses = Progress(now), []
    for _ in range(regular.TRIES - 1):
        progress = regular.after_failure(progress, now)
        again = regular.next_try(progress, 30, "12:00", local)  # type: ignore[arg-type]
        pauses.append(again - now)
        now = again
    assert tuple(pauses) == regular.PAUSES
    progress = regular.after_failure(progress, now)
    assert (progress.failures, progress.ended, progress.done) == (0, now, 0)
    assert regular.next_try(progress, 30, "12:00", local) - now > 28 * DAY  # type: ignore[arg-type]


def test_success_ends_a_turn() -> None:
    progress = regular.after_success(Progress(1, 2, 3, 4, 2), 100)
    assert progress == Progress(1, 100, 100, 4, 0)


def test_times_of_a_clock_that_was_far_ahead_hold_nothing_up() -> None:
    now = epoch("2026-11-23T12:00:00")
    wrong = Progress(now, now + 4000 * DAY, now + 4000 * DAY, 5, 0)
    assert regular.sane(wrong, now) == Progress(now, now, now, 5, 0)
    right = Progress(now, now + 3600, now + 3600)
    assert regular.sane(right, now) is right
