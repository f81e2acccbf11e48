"""A copy of the database for who saves the router's files: sysupgrade (lib/upgrade/homeline.sh asks for it).

The daemon has its database open and locked, so it makes the copy itself, and takes it back at a start without a
database: that is the first one of a new firmware.
"""

from __future__ import annotations

import asyncio
import logging
from pathlib import Path
from typing import Any

from homeline.adapters.store import Store
from homeline.service.database import Database

log = logging.getLogger(__name__)

SUFFIX = ".copy"
KEPT = 600.0  # seconds until a copy is deleted again: flash is small, and who asked for it has read it by then


def beside(database: Path) -> Path:
    """Where the copy of a database is."""
    return database.with_name(database.name + SUFFIX)


def take_back(database: Path) -> None:
    """Where there is no database but a copy, the copy becomes it. A database that is there is never touched."""
    if database.exists() or not beside(database).exists():
        return
    try:
        beside(database).rename(database)
    except OSError as error:
        log.error("%s cannot be taken back: %s", beside(database), error.strerror or error)
    else:
        log.info("The inbox was taken back from %s", beside(database))


class Copying:
    """Makes copies, and deletes them."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._made: Path | None = None
        self._timer: asyncio.TimerHandle | None = None

    async def make(self) -> dict[str, Any]:
        """A consistent copy beside the database. Raises StoreError."""
        target = beside(self._database.path)
        await self._database(Store.backup, target)
        self._forget_later(target)
        return {"path": str(target), "size": target.stat().st_size}

    def _forget_later(self, target: Path) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._made = target
        self._timer = asyncio.get_running_loop().call_later(KEPT, self.close)

    def close(self) -> None:
        """Delete the copy that was made."""
        if self._timer is not None:
            self._timer.cancel()
        if self._made is not None:
            self._made.unlink(missing_ok=True)
        self._timer = self._made = None
