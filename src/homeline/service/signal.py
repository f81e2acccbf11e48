"""The signal of the last two days, in RAM: one sample a minute at most, for a plot."""

from __future__ import annotations

from array import array

KEPT = 48 * 60  # samples of one dongle: two days, 14 kB
STEP = 60  # seconds between two samples


class SignalHistory:
    """Times (seconds since 1970) and levels (dBm) of one dongle."""

    def __init__(self) -> None:
        self._times = array("q")
        self._levels = array("h")

    def add(self, now: int, dbm: int) -> None:
        """Remember a level; within `STEP` of the last sample it is left out. A clock set back starts anew."""
        if self._times and now < self._times[-1]:
            del self._times[:], self._levels[:]
        if self._times and now - self._times[-1] < STEP:
            return
        self._times.append(now)
        self._levels.append(dbm)
        if len(self._times) > KEPT:
            del self._times[0], self._levels[0]

    def since(self, start: int) -> list[tuple[int, int]]:
        """The samples from `start` on, oldest first, as (time, dBm)."""
        return [(at, dbm) for at, dbm in zip(self._times, self._levels, strict=True) if at >= start]
