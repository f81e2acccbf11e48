"""Times of the week, held against a walk minute by minute in time zones with and without daylight saving time."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from homeline import config_times
from homeline.core import times

ZURICH, LORD_HOWE, KATHMANDU = "Europe/Zurich", "Australia/Lord_Howe", "Asia/Kathmandu"


def local_in(zone: str) -> times.Local:
    place = ZoneInfo(zone)
    return lambda at: datetime.fromtimestamp(at, place).timetuple()


def epoch(text: str, zone: str = ZURICH, fold: int = 0) -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone), fold=fold).timestamp())


def shown(at: int | None, zone: str = ZURICH) -> str:
    return "never" if at is None else datetime.fromtimestamp(at, ZoneInfo(zone)).strftime("%a %d %H:%M:%S")


# 2026-11-23 is a Monday.
@pytest.mark.parametrize(
    ("spec", "at", "holds", "end"),
    [
        ("mon-fri 08:00-18:00", "2026-11-23T08:00:00", True, "Mon 23 18:00:00"),
        ("mon-fri 08:00-18:00", "2026-11-23T07:59:59", False, ""),
        ("mon-fri 08:00-18:00", "2026-11-23T17:59:59", True, "Mon 23 18:00:00"),
        ("mon-fri 08:00-18:00", "2026-11-23T18:00:00", False, ""),
        ("mon-fri 08:00-18:00", "2026-11-28T12:00:00", False, ""),
        ("22:00-07:00", "2026-11-23T23:30:10", True, "Tue 24 07:00:00"),
        ("22:00-07:00", "2026-11-24T06:59:00", True, "Tue 24 07:00:00"),
        ("22:00-07:00", "2026-11-24T12:00:00", False, ""),
        ("fri 22:00-07:00", "2026-11-28T03:00:00", True, "Sat 28 07:00:00"),
        ("fri 22:00-07:00", "2026-11-27T03:00:00", False, ""),
        ("sun 22:00-07:00", "2026-11-23T03:00:00", True, "Mon 23 07:00:00"),
        ("sat,sun", "2026-11-28T00:00:00", True, "Mon 30 00:00:00"),
        ("SAT,Sun", "2026-11-29T23:59:59", True, "Mon 30 00:00:00"),
        ("fri-mon", "2026-11-29T12:00:00", True, "Tue 01 00:00:00"),
        ("08:00-12:00,13:00-18:00", "2026-11-23T12:30:00", False, ""),
        ("08:00-12:00,13:00-18:00", "2026-11-23T13:00:00", True, "Mon 23 18:00:00"),
        ("20:00-24:00", "2026-11-23T23:59:00", True, "Tue 24 00:00:00"),
    ],
)
def test_rows(spec: str, at: str, holds: bool, end: str) -> None:
    local, now = local_in(ZURICH), epoch(at)
    assert times.matches([spec], now, local) is holds
    assert shown(times.ends([spec], now, local)) == (end or shown(now))


def test_windows_that_touch_are_one() -> None:
    specs = ["22:00-24:00", "00:00-07:00", "sat,sun"]
    assert shown(times.ends(specs, epoch("2026-11-27T23:00:00"), local_in(ZURICH))) == "Mon 30 07:00:00"
    assert times.ends(["mon-sun"], epoch("2026-11-27T23:00:00"), local_in(ZURICH)) is None
    assert not times.matches([], epoch("2026-11-27T23:00:00"), local_in(ZURICH))


@pytest.mark.parametrize(
    ("at", "fold", "end"),
    [
        ("2026-03-28T23:00:00", 0, "Sun 29 07:00:00"),  # 02:00 becomes 03:00 that night
        ("2026-10-24T23:00:00", 0, "Sun 25 07:00:00"),  # 03:00 becomes 02:00
        ("2026-10-25T02:30:00", 1, "Sun 25 07:00:00"),
    ],
)
def test_a_night_in_which_the_clock_changes_ends_by_the_clock_on_the_wall(at: str, fold: int, end: str) -> None:
    now = epoch(at, fold=fold)
    found = times.ends(["22:00-07:00"], now, local_in(ZURICH))
    assert shown(found) == end


def test_an_end_that_the_clock_leaves_out_or_shows_twice() -> None:
    local = local_in(ZURICH)
    assert shown(times.ends(["22:00-02:30"], epoch("2026-03-28T23:00:00"), local)) == "Sun 29 03:00:00"
    assert times.ends(["22:00-02:30"], epoch("2026-10-24T23:00:00"), local) == epoch("2026-10-25T02:30:00")
    again = epoch("2026-10-25T02:10:00", fold=1)
    assert times.ends(["22:00-02:30"], again, local) == epoch("2026-10-25T02:30:00", fold=1)


@pytest.mark.parametrize(
    ("specs", "whole"),
    [
        (["mon-sun"], True),
        (["mon-fri", "sat,sun"], True),
        (["08:00-20:00", "20:00-08:00"], True),
        (["22:00-07:00", "07:00-22:00"], True),
        (["08:00-20:00", "20:01-08:00"], False),
        (["mon-sat"], False),
        (["mon-sat", "sun 00:00-23:59"], False),
        ([], False),
    ],
)
def test_what_covers_the_whole_week(specs: list[str], whole: bool) -> None:
    assert config_times.whole_week(specs) is whole


day = st.sampled_from(config_times.DAYS)
days = st.lists(st.one_of(day, st.tuples(day, day).map("-".join)), min_size=1, max_size=3).map(",".join)
moment = st.builds("{:02}:{:02}".format, st.integers(0, 23), st.integers(0, 59))
clock = st.tuples(moment, moment).filter(lambda pair: pair[0] != pair[1]).map("-".join)
clocks = st.lists(clock, min_size=1, max_size=2).map(",".join)
spec = st.one_of(days, clocks, st.tuples(days, clocks).map(" ".join))
zone = st.sampled_from([ZURICH, LORD_HOWE, KATHMANDU])
near_change = st.sampled_from(["2026-03-29", "2026-10-25", "2026-04-05", "2026-10-04", "2026-06-10"]).flatmap(
    lambda day: st.integers(-2 * 86400, 2 * 86400).map(lambda delta: epoch(day, ZURICH) + delta)
)


@given(st.lists(spec, min_size=1, max_size=2), near_change, zone)
@example(["mon-sun"], epoch("2026-03-29"), ZURICH)
def test_the_end_is_the_first_minute_outside(specs: list[str], at: int, zone: str) -> None:
    local = local_in(zone)
    end = times.ends(specs, at, local)
    # Within the window all is inside (looked at in steps that are no divisor of an hour), right after it is not.
    until = at + times.LONGEST - 86400 if end is None else end
    assert all(times.matches(specs, moment, local) for moment in range(at, until, 60 * 7))
    assert (end is None) == config_times.whole_week(specs)
    if end is not None:
        assert not times.matches(specs, end, local)
        assert end == at or (times.matches(specs, end - 1, local) and local(end).tm_sec == 0)


@given(near_change, st.integers(0, 40), moment, zone)
def test_so_many_days_later(after: int, days: int, clock: str, zone: str) -> None:
    local = local_in(zone)
    found = times.on_day(after, days, clock, local)
    seen, begin = local(found), local(after)
    assert datetime(*seen[:3]).toordinal() - datetime(*begin[:3]).toordinal() == days
    minutes = seen.tm_hour * 60 + seen.tm_min - int(clock[:2]) * 60 - int(clock[3:])
    assert minutes == 0 or (abs(minutes) <= 60 and int(clock[:2]) < 4)
    assert seen.tm_sec == 0


@pytest.fixture
def tz(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[str], None]]:
    def use(value: str) -> None:
        monkeypatch.setenv("TZ", value)
        time.tzset()

    yield use
    monkeypatch.undo()
    time.tzset()


def test_the_zone_of_the_process_counts_as_openwrt_writes_it(tz: Callable[[str], None]) -> None:
    """/etc/TZ holds a POSIX string, which is what the C library goes by."""
    tz("CET-1CEST,M3.5.0,M10.5.0/3")
    winter, summer = (int(datetime(2026, month, 10, 20, 30, tzinfo=UTC).timestamp()) for month in (1, 7))
    assert not times.matches(["22:00-07:00"], winter)
    assert times.matches(["22:00-07:00"], summer)
    tz("UTC")
    assert not times.matches(["22:00-07:00"], summer)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("monday", "has a day"),
        ("mon-", "has a day"),
        ("mon,", "has a day"),
        ("8:00-18:00", "times of day"),
        ("08:00", "times of day"),
        ("08:00-25:00", "times of day"),
        ("08:00-24:01", "times of day"),
        ("24:00-08:00", "begins at 24:00"),
        ("08:00-08:00", "same time"),
        ("08:00-18:00 mon", "before the days"),
        ("mon 08:00-18:00 tue", "must be days"),
        ("mon 08:00-\u0661\u0668:00", "times of day"),
    ],
)
def test_what_is_no_time(text: str, reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        config_times.parse(text)


@given(st.text(max_size=40))
def test_any_text_is_taken_or_refused(text: str) -> None:
    try:
        windows = config_times.parse(text)
    except ValueError:
        return
    assert windows
    assert all(0 <= window.begin < window.end <= window.begin + times.WEEK for window in windows)
