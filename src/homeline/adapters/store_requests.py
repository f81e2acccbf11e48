"""What was asked for from outside, so that nothing is done twice or too often, and what is done regularly.

Also which event a message of ours elsewhere was about.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from homeline.adapters.store_base import StoreBase
from homeline.core.times import CLOCK_SET
from homeline.errors import LimitReached

KEPT_DAYS = 90  # a request that is repeated later, or an answer that comes later, is not known any more


class Limit(NamedTuple):
    """At most `most` uses within `seconds`, which begin with the first use. `name` is the counter's, and durable."""

    name: str
    seconds: int
    most: int
    words: str  # of the error when it is used up
    uses: int = 1  # how many this one is


class Requests(StoreBase):
    """The tables `request`, `reference` and `done`."""

    def request_result(self, source: str, key: str) -> str | None:
        """What came of the request that `source` made under its id `key`; None if it never was carried out."""
        row = self._one("SELECT result FROM request WHERE source = ? AND key = ?", source, key)
        return None if row is None else str(row[0])

    def add_request(self, source: str, key: str, now: int, result: str = "") -> bool:
        """Remember a request; False if it was known. Durable when this returns."""
        with self._writing():
            return self._add_request(source, key, now, result)

    def _add_request(self, source: str, key: str, now: int, result: str) -> bool:
        self._forget("request", now)
        return bool(self._run("INSERT OR IGNORE INTO request VALUES (?, ?, ?, ?)", source, key, now, result).rowcount)

    def _forget(self, table: str, now: int) -> None:
        """Delete what is too old. What came before the clock was set is only seen to be old: it counts as of now."""
        if now >= CLOCK_SET:
            self._run(f"UPDATE {table} SET at = ? WHERE at < ?", now, CLOCK_SET)  # noqa: S608 - one of two tables
        self._run(f"DELETE FROM {table} WHERE at < ?", now - KEPT_DAYS * 86400)  # noqa: S608 - likewise

    def texts_since(self, source: str, since: int) -> list[str]:
        """The texts of messages that were queued for `source` since then and are still here."""
        rows = self._all(
            "SELECT text FROM request JOIN message ON message.id = CAST(result AS INTEGER) "
            "WHERE source = ? AND request.at >= ?",
            *(source, since),
        )
        return [row[0] for row in rows]

    def request_done(self, source: str, key: str, result: str) -> None:
        """Remember what came of a request that was remembered without a result."""
        with self._writing():
            self._run("UPDATE request SET result = ? WHERE source = ? AND key = ?", result, source, key)

    def add_reference(self, channel: str, key: str, event: int, now: int) -> None:
        """`key` is a channel's own name of a message that told of `event`: an answer to it names it."""
        with self._writing():
            self._forget("reference", now)
            self._run("INSERT OR REPLACE INTO reference VALUES (?, ?, ?, ?)", channel, key, event, now)

    def referenced_event(self, channel: str, key: str) -> int | None:
        """The event that the channel's message `key` told of."""
        return self._number("SELECT event FROM reference WHERE channel = ? AND key = ?", channel, key)

    # -- limits, and what is done regularly ---------------------------------------------------------------------------

    def use_limits(self, limits: Iterable[Limit], now: int) -> None:
        """Count the uses of each limit, durably; raises LimitReached, and counts none, where one is used up."""
        with self._writing():
            self._use_limits(limits, now)

    def _use_limits(self, limits: Iterable[Limit], now: int) -> None:
        for limit in limits:
            at, count = self.last_done(limit.name)
            if abs(now - at) >= limit.seconds:  # one far ahead was written by a clock that was wrong
                at, count = now, 0
            if count + limit.uses > limit.most:
                raise LimitReached(limit.words)
            self._note_done(limit.name, at, count + limit.uses)

    def last_done(self, name: str) -> tuple[int, int]:
        """When it was done, and a count of its own; (0, 0) for what never was."""
        row = self._one("SELECT at, count FROM done WHERE name = ?", name)
        return (0, 0) if row is None else (row[0], row[1])

    def note_done(self, name: str, at: int, count: int = 0) -> None:
        """Remember when something that is done regularly was done. Durable when this returns."""
        self._note_done(name, at, count)

    def _note_done(self, name: str, at: int, count: int) -> None:
        self._run("INSERT OR REPLACE INTO done VALUES (?, ?, ?)", name, at, count)

    def forget_done(self, beginning: str, before: int) -> None:
        """Delete what begins so and was done before a time."""
        self._run("DELETE FROM done WHERE substr(name, 1, ?) = ? AND at < ?", len(beginning), beginning, before)
