"""What was asked for from outside, so that nothing is done twice; and which event our message elsewhere was about."""

from __future__ import annotations

from homeline.adapters.store_base import StoreBase

KEPT_DAYS = 90  # a request that is repeated later, or an answer that comes later, is not known any more


class Requests(StoreBase):
    """The tables `request` and `reference`."""

    def request_result(self, source: str, key: str) -> str | None:
        """What came of the request that `source` made under its id `key`; None if it never was carried out."""
        row = self._one("SELECT result FROM request WHERE source = ? AND key = ?", source, key)
        return None if row is None else str(row[0])

    def add_request(self, source: str, key: str, now: int, result: str = "") -> bool:
        """Remember a request; False if it was known. Durable when this returns."""
        with self._writing():
            return self._add_request(source, key, now, result)

    def _add_request(self, source: str, key: str, now: int, result: str) -> bool:
        self._run("DELETE FROM request WHERE at < ?", now - KEPT_DAYS * 86400)
        return bool(self._run("INSERT OR IGNORE INTO request VALUES (?, ?, ?, ?)", source, key, now, result).rowcount)

    def add_reference(self, channel: str, key: str, event: int, now: int) -> None:
        """`key` is a channel's own name of a message that told of `event`: an answer to it names it."""
        with self._writing():
            self._run("DELETE FROM reference WHERE at < ?", now - KEPT_DAYS * 86400)
            self._run("INSERT OR REPLACE INTO reference VALUES (?, ?, ?, ?)", channel, key, event, now)

    def referenced_event(self, channel: str, key: str) -> int | None:
        """The event that the channel's message `key` told of."""
        return self._number("SELECT event FROM reference WHERE channel = ? AND key = ?", channel, key)
