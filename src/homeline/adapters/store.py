"""The store: one SQLite file that holds what must not be lost. Synchronous; one thread at a time uses it.

Every method that changes something has committed it to the disk when it returns, and has changed nothing when it
raises: StoreFull, StoreDamaged (then `damaged` is set: close, and open again), or StoreError. Times are seconds since
1970, `now` is the caller's clock. What came from the network is stored as it is, but for half surrogate pairs, which
no text can hold.

The methods live in modules of their own, by table: deliveries, messages (received), outbox, calls, queries,
alerts.
"""

from __future__ import annotations

import os
import sqlite3
from pathlib import Path

from homeline.adapters.store_alerts import Alerts
from homeline.adapters.store_base import Planner, translated
from homeline.adapters.store_file import Opened, close_file, copy, open_file, suspect_mark
from homeline.adapters.store_messages import Inbox
from homeline.adapters.store_outbox import ReportStatus
from homeline.adapters.store_queries import Queries
from homeline.adapters.store_rows import (
    CallPage,
    Conversation,
    ConversationPage,
    Page,
    Receipt,
    Recovery,
    Summary,
    Unseen,
)
from homeline.core.times import CLOCK_SET
from homeline.errors import StoreError
from homeline.model import EventKind

__all__ = (
    "CallPage",
    "Conversation",
    "ConversationPage",
    "Page",
    "Planner",
    "Receipt",
    "Recovery",
    "ReportStatus",
    "Store",
    "Summary",
    "Unseen",
)

DAY = 86400
TOMBSTONE_DAYS = 400
PURGED_AT_ONCE = 200  # events in one transaction


class Store(Inbox, Queries, Alerts):
    """All of it. Made by `Store.open`."""

    def __init__(self, opened: Opened, path: Path) -> None:
        super().__init__(opened.connection, path)
        self.notices = opened.notices
        self._opened = opened
        self.instance = self._instance()

    @classmethod
    def open(cls, path: Path) -> Store:
        """Open the file, or make it. `notices` says what was damaged and moved aside.

        Raises StoreError: no permission, another program has it open, made by a newer version; StoreFull.
        """
        opened = open_file(path)
        try:
            return cls(opened, path)
        except BaseException:
            close_file(opened, path)
            raise

    def close(self) -> None:
        """Close the file. Damage that was seen is remembered, so that the next opening checks the whole file."""
        if self.damaged:
            try:
                suspect_mark(self.path).touch()
            except OSError as error:
                self.notices.append(f"{suspect_mark(self.path)}: {error.strerror}")
        close_file(self._opened, self.path)

    def _instance(self) -> str:
        """A random name of this database, made once; part of Message-IDs."""
        if (known := self.setting("instance")) is not None:
            return known
        instance = os.urandom(8).hex()
        self.set_setting("instance", instance)
        return instance

    # -- small things that must last ----------------------------------------------------------------------------------

    def setting(self, key: str) -> str | None:
        """A value that the service keeps under a name of its own."""
        row = self._one("SELECT value FROM setting WHERE key = ?", key)
        return None if row is None else str(row[0])

    def set_setting(self, key: str, value: str | None) -> None:
        """Keep a value, or with None forget it."""
        if value is None:
            self._run("DELETE FROM setting WHERE key = ?", key)
        else:
            self._run("INSERT OR REPLACE INTO setting VALUES (?, ?)", key, value)

    # -- upkeep -------------------------------------------------------------------------------------------------------

    def purge(self, now: int, days: int) -> int:
        """Delete events and messages older than `days`, a bounded number at once; how many: repeat until 0.

        What is unfinished stays: pending deliveries, queued messages and their reports, archived messages, parts that
        wait; and what was stored while the clock was not set, unless its own time stamp is old.
        """
        limit = now - days * DAY
        if days <= 0 or now < CLOCK_SET:
            return 0
        rows = self._all(_OLD, limit, CLOCK_SET, CLOCK_SET, limit, PURGED_AT_ONCE)
        with self._writing():
            for event, kind in rows:
                if kind == EventKind.MESSAGE:
                    self._delete_message(event, now)
                elif kind in (EventKind.CALL, EventKind.VOICEMAIL):
                    self._delete_call(event, now)
                else:
                    self._delete_event(event)
            if len(rows) < PURGED_AT_ONCE:
                self._run("DELETE FROM alert WHERE cleared_at < ?", limit)
                self._run("DELETE FROM tombstone WHERE seen_at < ?", now - TOMBSTONE_DAYS * DAY)
        return len(rows)

    def shift_times(self, delta: int) -> None:
        """The clock was set by `delta` seconds: what waits keeps its pauses, what came before gets its true date."""
        with self._writing():
            self._run("UPDATE message SET open_since = open_since + ? WHERE open_since IS NOT NULL", delta)
            self._run("UPDATE message SET not_before = not_before + ? WHERE state = 'queued'", delta)
            # The end of a hold is a time of day, which a clock that is set does not move.
            self._run(
                "UPDATE delivery SET next_at = iif(next_at = hold_until, next_at, max(next_at + ?, hold_until)), "
                "created_at = created_at + ? WHERE state = 'pending'",
                *(delta, delta),
            )
            for column in ("started_at", "answered_at", "ended_at"):
                self._run(f"UPDATE call SET {column} = {column} + ? WHERE {column} < ?", delta, CLOCK_SET)  # noqa: S608
            for table in ("message", "event"):
                self._run(f"UPDATE {table} SET at = at + ? WHERE at < ?", delta, CLOCK_SET)  # noqa: S608

    def backup(self, target: Path) -> None:
        """Write a consistent copy to `target`, as one file. Raises StoreError."""
        try:
            copy(self._db, target)
        except sqlite3.Error as error:
            raise translated(error, target) from error
        except OSError as error:
            raise StoreError(f"{target}: the copy cannot be written: {error.strerror}.") from error


# An event without a true date (the clock was not set) is as old as the next one that has one.
_OLD = """
SELECT event.id, event.kind FROM event LEFT JOIN message ON message.id = event.id
WHERE event.at < ?
  AND (event.at >= ? OR event.id < (SELECT max(id) FROM event WHERE at >= ? AND at < ?))
  AND ifnull(message.state, '') NOT IN ('queued', 'sending', 'archived')
  AND message.open_since IS NULL
  AND NOT EXISTS (SELECT 1 FROM delivery WHERE delivery.event = event.id AND delivery.state = 'pending')
ORDER BY event.id LIMIT ?
"""
