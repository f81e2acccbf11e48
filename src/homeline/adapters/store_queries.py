"""Questions about messages, and what the owner does with them. A page costs the same among 100,000 messages."""

from __future__ import annotations

import sqlite3
from collections.abc import Collection
from pathlib import Path

from homeline.adapters.store_calls import Calls
from homeline.adapters.store_deliveries import conditions
from homeline.adapters.store_outbox import Outbox
from homeline.adapters.store_paging import LARGEST_PAGE, bounded, one_indexed, page_size, possible
from homeline.adapters.store_rows import MESSAGE, Conversation, ConversationPage, Page, message_of
from homeline.core.joining import whole_characters
from homeline.model import Delivery, Direction, Message, MessageState, Part


class Queries(Outbox, Calls):
    """The tables `message` and `conversation` as the owner sees them: what is not yet an event is not there."""

    def __init__(self, connection: sqlite3.Connection, path: Path) -> None:
        super().__init__(connection, path)
        connection.create_function("has_text", 2, _has_text, deterministic=True)

    # -- lists --------------------------------------------------------------------------------------------------------

    def list_messages(
        self,
        direction: Direction | None = None,
        dongle: str = "",
        peer: str = "",
        text: str = "",
        unread: bool = False,
        before: int | None = None,
        limit: int = 50,
    ) -> Page:
        """Messages newest first, older than the id `before`; with `unread` only those.

        `text` is searched in the text, whatever its case.
        """
        terms, values = conditions(
            *one_indexed(
                ("peer = ?", peer or None),
                ("unread = ?", unread or None),
                ("dongle = ?", dongle or None),
                ("direction = ?", direction),
            ),
            ("message.id < ?", bounded(before)),
            (_holds("message.text", text), _needle(text)),
            also=("message.id > 0",),
        )
        limit = page_size(limit)
        rows = self._all(
            f"SELECT {MESSAGE} FROM message{terms} ORDER BY message.id DESC LIMIT ?",  # noqa: S608
            *(*values, limit + 1),
        )
        return Page([message_of(row) for row in rows[:limit]], len(rows) > limit, self.unread())

    def list_conversations(self, text: str = "", before: int | None = None, limit: int = 50) -> ConversationPage:
        """One entry for each peer, newest message first; `before` is the id of a last message.

        `text` is searched in numbers, names and all messages.
        """
        needle = _needle(text)
        terms, values = conditions(("last < ?", bounded(before)), (_anywhere(text), needle))
        values += [needle, needle] if needle is not None else []
        limit = page_size(limit)
        rows = self._all(
            f"SELECT conversation.peer, name, conversation.unread, count, {MESSAGE} "  # noqa: S608
            f"FROM conversation CROSS JOIN message ON message.id = last{terms} ORDER BY last DESC LIMIT ?",
            *(*values, limit + 1),
        )
        found = [Conversation(row[0], row[1], message_of(row[4:]), row[2], row[3]) for row in rows[:limit]]
        return ConversationPage(found, len(rows) > limit, self.unread())

    def unread(self) -> int:
        """How many messages the owner has not read: all, where everything is forwarded and nobody looks here."""
        return self._number("SELECT sum(unread) FROM conversation") or 0

    def unread_by_dongle(self) -> dict[str, int]:
        """The same, by the dongle that they came through; without those that have none."""
        rows = self._all("SELECT dongle, count(*) FROM message WHERE unread = 1 AND id > 0 GROUP BY dongle")
        return {str(name): int(count) for name, count in rows}

    def get_message(self, message: int) -> tuple[Message, list[Part], list[Delivery]]:
        """A message with its parts and deliveries. Raises NotFound."""
        return self._existing(message), self._parts(message), self.list_deliveries(event=message, limit=LARGEST_PAGE)

    def delivery_states(self, events: Collection[int]) -> dict[int, dict[str, int]]:
        """How many deliveries of each of these events are in which state on disk: by event, by state."""
        found: dict[int, dict[str, int]] = {}
        marks = ", ".join("?" * len(events))
        for event, state, count in self._all(
            f"SELECT event, state, count(*) FROM delivery WHERE event IN ({marks}) GROUP BY event, state",  # noqa: S608
            *events,
        ):
            found.setdefault(event, {})[state] = count
        return found

    # -- changes ------------------------------------------------------------------------------------------------------

    def mark_read(self, ids: Collection[int] = (), peer: str = "", dongle: str = "") -> int:
        """Mark these messages and calls, all messages of the peer, and all that came through the dongle, as read; how
        many were not."""
        with self._writing():
            count = sum(
                self._run("UPDATE message SET unread = 0 WHERE id = ? AND unread = 1", item).rowcount
                + self._run("UPDATE call SET unread = 0 WHERE id = ? AND unread = 1", item).rowcount
                for item in possible(ids)
            )
            if peer:
                count += self._run("UPDATE message SET unread = 0 WHERE peer = ? AND unread = 1", peer).rowcount
            if dongle:
                count += self._run("UPDATE message SET unread = 0 WHERE unread = 1 AND dongle = ?", dongle).rowcount
                count += self._run("UPDATE call SET unread = 0 WHERE unread = 1 AND dongle = ?", dongle).rowcount
        return count

    def delete_messages(self, ids: Collection[int], now: int) -> int:
        """Delete messages and calls with their parts, recordings and deliveries; how many. A message that is being
        sent stays, a queued one is not sent.

        The keys of received parts stay behind: a part that is still on the SIM does not come back.
        """
        with self._writing():
            return sum(self._delete_message(item, now) or self._delete_call(item, now) for item in possible(ids))

    def _delete_message(self, message: int, now: int) -> bool:
        state = self._one("SELECT state FROM message WHERE id = ?", message)
        if state is None or state[0] == MessageState.SENDING:
            return False
        self._run(
            "INSERT OR IGNORE INTO tombstone SELECT key, ? FROM part WHERE message = ? AND key IS NOT NULL",
            *(now, message),
        )
        self._run("DELETE FROM part WHERE message = ?", message)
        self._run("DELETE FROM message WHERE id = ?", message)
        self._delete_event(message)
        return True


def _holds(column: str, text: str) -> str:
    """The term that finds `_needle(text)`: SQLite's own LIKE knows the case of ASCII alone, and is ten times faster."""
    return f"{column} LIKE ? ESCAPE '!'" if text.isascii() else f"has_text({column}, ?)"


def _anywhere(text: str) -> str:
    """The term that finds `_needle(text)`, given three times, in a conversation."""
    of_peer = "SELECT 1 FROM message AS any WHERE any.id > 0 AND any.peer = conversation.peer"
    return (
        f"({_holds('conversation.peer', text)} OR {_holds('name', text)} "
        f"OR EXISTS ({of_peer} AND {_holds('any.text', text)}))"
    )


def _needle(text: str) -> str | None:
    if not text:
        return None
    text = whole_characters(text)
    if not text.isascii():
        return text.casefold()
    for special in "!%_":
        text = text.replace(special, "!" + special)
    return f"%{text}%"


def _has_text(value: str, needle: str) -> bool:
    return needle in value.casefold()
