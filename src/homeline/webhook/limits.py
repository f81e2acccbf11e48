"""How many requests are taken: so many at once, then so many a second; for each source, and for all together.

Pure: the caller has the clock. A source is an address; a million of them take no more memory than `SOURCES`.
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass

SOURCES = 512


@dataclass(frozen=True, slots=True)
class Rate:
    """A bucket that holds `burst` requests and fills with `per_second`."""

    burst: float
    per_second: float


FROM_ONE = Rate(40, 5)
FROM_ALL = Rate(120, 20)


class Limits:
    """`take` for each request. A source that is known as `shared` (a proxy in front of us) is only one of all."""

    def __init__(self, one: Rate = FROM_ONE, together: Rate = FROM_ALL) -> None:
        self._one, self._together = one, together
        self._all = (together.burst, 0.0)
        self._sources: OrderedDict[str, tuple[float, float]] = OrderedDict()  # what is left, and when

    def take(self, source: str, now: float, *, shared: bool = False) -> bool:
        """Whether one more request may be taken; `now` in seconds of a clock that never goes back."""
        if not shared:
            left = _filled(self._sources.pop(source, (self._one.burst, now)), self._one, now)
            self._sources[source] = (max(left - 1, 0.0), now)
            if len(self._sources) > SOURCES:
                self._sources.popitem(last=False)
            if left < 1:
                return False  # and nothing is taken from the others
        left = _filled(self._all, self._together, now)
        self._all = (left - 1 if left >= 1 else left, now)
        return left >= 1


def _filled(bucket: tuple[float, float], rate: Rate, now: float) -> float:
    left, at = bucket
    return min(rate.burst, left + (now - at) * rate.per_second)
