"""Whether a time lies within an owner's times (`config_times`), and when those are over.

Everything goes by local time, which `local` tells: a function from seconds since 1970 to a `time.struct_time`. A change
to or from daylight saving time makes a window an hour shorter or longer, as the clock on the wall does.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence

from homeline.config_times import DAY, DAYS, WEEK, parse

Local = Callable[[int], time.struct_time]

CLOCK_SET = 1_577_836_800  # 2020-01-01: a router whose clock says less has not learnt the time yet
LONGEST = 15 * 86400  # seconds: two weeks, as an hour outside may be the one that a change of time leaves out


def matches(specs: Sequence[str], at: int, local: Local = time.localtime) -> bool:
    """Whether `at` lies within one of `specs`, texts that `config_times.parse` takes."""
    return _remaining(specs, _minute(at, local)) > 0


def ends(specs: Sequence[str], at: int, local: Local = time.localtime) -> int | None:
    """The first full minute from `at` on that is in none of `specs`; None where every minute of the week is.

    `at` itself where it is in none.
    """
    if not matches(specs, at, local):
        return at
    now = at - local(at).tm_sec
    while now - at < LONGEST:
        minute = _minute(now, local)
        step = _remaining(specs, minute)
        if step == 0:
            return now
        while step > 1 and (_minute(now + 60 * step, local) - minute - step) % WEEK:
            step //= 2  # the clock is set forward or back in between: up to there in small steps
        now += 60 * step
    return None


def shown(at: int, local: Local = time.localtime) -> str:
    """A time for people, such as `mon 08:30`."""
    now = local(at)
    return f"{DAYS[now.tm_wday]} {now.tm_hour:02}:{now.tm_min:02}"


def on_day(after: int, days: int, clock: str, local: Local = time.localtime) -> int:
    """The time `clock` (such as 08:30) on the local day that comes `days` after that of `after`.

    One that the change to daylight saving time leaves out is an hour beside it.
    """
    wanted = int(clock[:2]) * 60 + int(clock[3:])
    noon = _moved(after - local(after).tm_sec, 12 * 60, local, same_day=True)  # far from any change of time
    noon = _moved(noon + days * 86400, 12 * 60, local)
    return _moved(noon + 60 * (wanted - 12 * 60), wanted, local)


def _moved(at: int, wanted: int, local: Local, *, same_day: bool = False) -> int:
    """`at` moved to where the clock shows the minute `wanted`: on the same day, else by the shorter way."""
    minute = _minute(at, local) % DAY
    return at + 60 * (wanted - minute if same_day else (wanted - minute + DAY // 2) % DAY - DAY // 2)


def _minute(at: int, local: Local) -> int:
    """The minute of the local week."""
    shown = local(at)
    return shown.tm_wday * DAY + shown.tm_hour * 60 + shown.tm_min


def _remaining(specs: Sequence[str], minute: int) -> int:
    """For how many minutes of the clock one of the windows still holds; 0 if none does."""
    return max(_remainders(specs, minute), default=0)


def _remainders(specs: Sequence[str], minute: int) -> Iterator[int]:
    for spec in specs:
        for window in parse(spec):
            for now in (minute, minute + WEEK):  # a window of Sunday may go on into Monday
                if window.begin <= now < window.end:
                    yield window.end - now
