"""Events to the bus, in order, without making anyone wait: what happened is stored before it is told."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections import deque
from typing import Any

from homeline.adapters.bus import Bus
from homeline.errors import ConnectionLost, HomelineError, TimedOut

log = logging.getLogger(__name__)

KEPT = 1000  # events that wait for a bus that is slow or away; older ones are dropped (the inbox has them all)
LOOK = 2.0  # seconds: a bus that is there without letting us publish is never ready, and takes events all the same


class Teller:
    """Sends events and notifies subscribers of the object `homeline`."""

    def __init__(self, bus: Bus) -> None:
        self._bus = bus
        self._waiting: deque[tuple[str, dict[str, Any]]] = deque(maxlen=KEPT)
        self._wake = asyncio.Event()

    def emit(self, name: str, data: dict[str, Any]) -> None:
        """Queue an event."""
        self._waiting.append((name, data))
        self._wake.set()

    async def run(self) -> None:
        """Send what is queued, until cancelled."""
        while True:
            while self._waiting:
                await self._tell(*self._waiting.popleft())
            self._wake.clear()
            await self._wake.wait()

    async def _tell(self, name: str, data: dict[str, Any]) -> None:
        """Send one event; when the bus goes meanwhile, once more when it is back, unless so many newer ones wait."""
        try:
            await self._bus.send_event(name, data)
            await self._bus.notify("homeline", name, data)
        except ConnectionLost:
            if len(self._waiting) < KEPT:
                self._waiting.appendleft((name, data))
            await self._back()
        except HomelineError as error:
            log.debug("Event %s was not sent: %s", name, error)

    async def _back(self) -> None:
        while not self._bus.connected:
            with contextlib.suppress(TimedOut):
                await self._bus.wait_ready(LOOK)
