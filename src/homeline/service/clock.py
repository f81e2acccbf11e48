"""The clock of the service: seconds since 1970, and a word when it is set.

A router starts in 1970, or where it was switched off, until a time server answers. What waits for a time would then
wait for decades or not at all, so whoever keeps times is told by how much the clock was moved.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

JUMP = 120.0  # seconds: more than drift, a suspended machine or a slow step of ntpd make between two looks


class Clock:
    """Calling it gives the time; `on_jump(delta)` is called, in the same thread, when it was set meanwhile."""

    def __init__(
        self,
        on_jump: Callable[[int], None],
        wall: Callable[[], float] = time.time,
        steady: Callable[[], float] = time.monotonic,
    ) -> None:
        self._on_jump, self._wall, self._steady = on_jump, wall, steady
        self._offset = wall() - steady()
        self._turn = threading.Lock()  # the loop and the store's thread ask: a jump counts once

    def __call__(self) -> int:
        wall = self._wall()
        with self._turn:
            delta = wall - self._steady() - self._offset
            jumped = abs(delta) > JUMP
            if jumped:
                self._offset += delta
        if jumped:
            self._on_jump(round(delta))
        return int(wall)
