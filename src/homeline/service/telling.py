"""Events to the bus, in order, without making anyone wait: what happened is stored before it is told."""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from typing import Any

from homeline.adapters.bus import Bus
from homeline.errors import HomelineError

log = logging.getLogger(__name__)

KEPT = 1000  # events that wait for a bus that is slow or away; older ones are dropped (the inbox has them all)


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
                name, data = self._waiting.popleft()
                try:
                    await self._bus.send_event(name, data)
                    await self._bus.notify("homeline", name, data)
                except HomelineError as error:
                    log.debug("Event %s was not sent: %s", name, error)
            self._wake.clear()
            await self._wake.wait()
