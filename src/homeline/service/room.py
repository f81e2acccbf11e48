"""An alert before the disk with the database is full: from then on messages stay on the SIM, which is soon full too."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable
from pathlib import Path

from homeline.service.alerts import Alerts

LOOK = 3600.0  # seconds
LEAST, MOST = 512 * 1024, 16 * 1024 * 1024  # octets that must be free, on a small and on a large disk
SHARE = 0.05  # of the disk, between those
AGAIN = 1.5  # times as much must be free for all to be well again

Space = Callable[[Path], tuple[int, int]]


def space(path: Path) -> tuple[int, int]:
    """Free octets and all octets of the file system that `path` is on. Raises OSError."""
    disk = os.statvfs(path)
    return disk.f_bavail * disk.f_frsize, disk.f_blocks * disk.f_frsize


class Room:
    """Looks every hour whether there is room in a folder."""

    def __init__(self, alerts: Alerts, folder: Path, measure: Space = space) -> None:
        self._alerts, self._folder, self._measure = alerts, folder, measure
        self._full: bool | None = None  # None: an alert may be open since the last run

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            await self.look()
            await asyncio.sleep(LOOK)

    async def look(self) -> None:
        """Raise or clear the alert."""
        try:
            free, size = self._measure(self._folder)
        except OSError:
            return  # not there yet: the database says so
        least = min(MOST, max(LEAST, size * SHARE))
        full = free < (least * AGAIN if self._full else least)
        if full and self._full is not True:
            await self._alerts.raise_(
                "disk.database",
                f"The disk with the database is nearly full: {free // 1024} KiB of {size // 1024} KiB are free.",
                "When it is full messages stay on the SIM. Free some space, set homeline.main.retention_days, or move "
                "the database to a larger disk (homeline.main.database).",
            )
        elif not full and self._full is not False:
            await self._alerts.clear("disk.database")
        self._full = full
