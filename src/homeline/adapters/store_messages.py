"""Received messages: parts into messages, messages into events, all in the transaction that makes a part safe."""

from __future__ import annotations

from collections.abc import Sequence

from homeline.adapters.store_base import Planner, exact, inexact, packed
from homeline.adapters.store_deliveries import Deliveries, insertion, message_event
from homeline.adapters.store_rows import Receipt
from homeline.core import joining
from homeline.core.joining import OpenMessage, whole_characters
from homeline.model import Concat, Direction, Disposition, Event, EventKind, MessageState, ReceivedPart, Wanted

SEEN_AGAIN = 30 * 86400  # seconds: how often at most a tombstone is written again because its part is still on the SIM
EXPIRED_AT_ONCE = 200  # messages in one transaction


class Inbox(Deliveries):
    """The tables `message`, `part` and `tombstone` for what comes in, and `sim`."""

    # -- SIMs ---------------------------------------------------------------------------------------------------------

    def known_sim(self, sim: str) -> bool:
        """Was this SIM here before?"""
        return self._one("SELECT 1 FROM sim WHERE sim = ?", sim) is not None

    def remember_sim(self, sim: str, dongle: str, now: int) -> None:
        """From now on what lies on this SIM is not archived."""
        self._run("INSERT OR IGNORE INTO sim VALUES (?, ?, ?)", sim, dongle, now)

    # -- receiving ----------------------------------------------------------------------------------------------------

    def receive(
        self, parts: Sequence[ReceivedPart], now: int, plan: Planner, *, archived: bool = False
    ) -> list[Receipt]:
        """Store parts in one transaction: durable when this returns, none of them when it raises StoreError.

        One receipt for each part, in order. `archived`: they lay on a SIM that was never seen before.
        """
        with self._writing():
            return [self._receive(part, now, plan, archived) for part in parts]

    def _receive(self, part: ReceivedPart, now: int, plan: Planner, archived: bool) -> Receipt:
        key = joining.part_key(part.sim, part.pdu)
        if (repeated := self._repeated(key, now)) is not None:
            return repeated
        concat = joining.concat_of(part)
        if concat is None:
            message = self._event_id(now, part.dongle)
            self._add_message(message, part, None, now, archived)
            self._add_part(message, 1, key, part)
            return self._shown(message, now, plan, archived)
        found = self._open_message(part, concat)
        if found is None:
            found = min(self._number("SELECT min(id) FROM message") or 0, 0) - 1
            self._add_message(found, part, concat, now, archived)
        self._add_part(found, concat.number, key, part)
        return self._grown(found, part, now, plan, archived)

    def _repeated(self, key: bytes, now: int) -> Receipt | None:
        """The receipt of a part that is stored already, or was and is deleted."""
        row = self._one("SELECT archived FROM part JOIN message ON message.id = part.message WHERE key = ?", key)
        if row is not None:
            return Receipt(_disposition(row[0]), new=False)
        seen_at = self._number("SELECT seen_at FROM tombstone WHERE key = ?", key)
        if seen_at is None:
            return None
        if now - seen_at > SEEN_AGAIN:
            self._run("UPDATE tombstone SET seen_at = ? WHERE key = ?", now, key)
        return Receipt(Disposition.STORED, new=False)

    def _open_message(self, part: ReceivedPart, concat: Concat) -> int | None:
        rows = self._all(_CANDIDATES, part.sim, whole_characters(part.sender), _joining(concat))
        candidates = [
            OpenMessage(message, frozenset(map(int, numbers.split(","))), first, last)
            for message, numbers, first, last in rows
        ]
        return joining.choose(concat.number, part.sent_at, candidates)

    def _grown(self, message: int, part: ReceivedPart, now: int, plan: Planner, archived: bool) -> Receipt:
        """A part was added to a message that had been open: is it whole now, and who is to know?"""
        was_archived, have, total = self._take_metadata(message, part, archived)
        still_archived = was_archived and archived
        whole = have >= total
        if message < 0:
            if not whole:
                return Receipt(_disposition(still_archived), new=True)
            return self._shown(self._show(message, now), now, plan, still_archived)
        self._write_text(message)
        state = MessageState.RECEIVED if whole else MessageState.INCOMPLETE
        if still_archived:
            state = MessageState.ARCHIVED
        self._run(
            "UPDATE message SET state = ?, joining = iif(?, NULL, joining), open_since = ?, unread = ? WHERE id = ?",
            *(state, whole, None if whole or still_archived else now, not still_archived, message),
        )
        if still_archived or not whole:
            return Receipt(_disposition(still_archived), new=True)
        event = self._announced(message, now, plan)
        if was_archived:
            return Receipt(Disposition.STORED, new=True, event=event)
        return Receipt(Disposition.STORED, new=True, completed=event.message)

    def _take_metadata(self, message: int, part: ReceivedPart, archived: bool) -> tuple[bool, int, int]:
        """Let the message know of one more part: (was it archived, parts that are there, parts there should be)."""
        row = self._one("SELECT archived, parts_have, parts_total FROM message WHERE id = ?", message)
        assert row is not None
        self._run(
            "UPDATE message SET parts_have = parts_have + 1, archived = archived AND ?, "
            "encoding = iif(? = 'ucs2', 'ucs2', encoding), note = iif(note = '', ?, note) WHERE id = ?",
            *(archived, part.encoding, whole_characters(part.note), message),
        )
        if part.sent_at is not None:  # the message was sent when its first part was
            self._run(
                "UPDATE message SET sent_at = ?, sent_offset = ? WHERE id = ? AND (sent_at IS NULL OR sent_at > ?)",
                *(part.sent_at, part.sent_offset, message, part.sent_at),
            )
        return bool(row[0]), row[1] + 1, row[2]

    # -- from message to event ----------------------------------------------------------------------------------------

    def _shown(self, message: int, now: int, plan: Planner, archived: bool) -> Receipt:
        """The receipt of a part that made a message into an event."""
        self._mark_replaced(message)
        if archived:
            return Receipt(Disposition.ARCHIVED, new=True)
        return Receipt(Disposition.STORED, new=True, event=self._announced(message, now, plan))

    def _announced(self, message: int, now: int, plan: Planner) -> Event:
        """The event of a message, its deliveries made."""
        found = self._message(message)
        assert found is not None
        event = message_event(found)
        self._make_deliveries(event, now, plan)
        return event

    def _show(self, message: int, now: int) -> int:
        """Give an open message its text and the id of an event, whole or not; the id."""
        row = self._one("SELECT dongle, archived, parts_have >= parts_total FROM message WHERE id = ?", message)
        assert row is not None
        dongle, archived, whole = row
        event = self._event_id(now, dongle)
        state = MessageState.RECEIVED if whole else MessageState.INCOMPLETE
        self._run(
            "UPDATE message SET id = ?, state = ?, at = ?, unread = ?, open_since = NULL, "
            "joining = iif(?, NULL, joining) WHERE id = ?",
            *(event, MessageState.ARCHIVED if archived else state, now, not archived, whole, message),
        )
        self._run("UPDATE part SET message = ? WHERE message = ?", event, message)
        self._write_text(event)
        return event

    def _write_text(self, message: int) -> None:
        """Put the parts' texts and data together; what pushed data are can be told only from the whole."""
        rows = self._all("SELECT number, text, data FROM part WHERE message = ? ORDER BY number", message)
        about = self._one("SELECT parts_total, note, port_to, port_from FROM message WHERE id = ?", message)
        assert about is not None
        total, note, to_port, from_port = about
        text = joining.join_text({row[0]: inexact(row[1]) for row in rows}, total)
        data = b"".join(row[2] for row in rows)
        if data and len(rows) == total and to_port is not None:
            from homeline.protocol import wap  # loaded with the first of its kind

            note = wap.describe(data, (to_port, from_port)) or note
        self._run("UPDATE message SET text = ?, data = ?, note = ? WHERE id = ?", text, data, note, message)

    def _mark_replaced(self, message: int) -> None:
        """Note on both messages that a later one of a replace type takes an earlier one's place (TS 23.040 9.2.3.9).

        The earlier one is kept: it may have been forwarded, and what a stranger sends must not delete anything.
        """
        row = self._one("SELECT sim, peer_raw, replace_type FROM message WHERE id = ?", message)
        if row is None or row[2] is None:
            return
        earlier = self._number(
            "SELECT max(id) FROM message WHERE sim = ? AND peer_raw = ? AND replace_type = ? AND id > 0 AND id < ?",
            *(*row, message),
        )
        if earlier is not None:
            add = "UPDATE message SET note = note || iif(note = '', '', '; ') || ? WHERE id = ?"
            self._run(add, f"replaces message {earlier}", message)
            self._run(add, f"replaced by message {message}", earlier)

    # -- time limit ---------------------------------------------------------------------------------------------------

    def expire_parts(self, now: int, limit: int, plan: Planner) -> list[Event]:
        """Deliver what has waited for its other parts for `limit` seconds, with its gaps marked. The events, in order.

        A message that was delivered so before, and has got one more part that does not complete it, is delivered again.
        """
        row = self._one("SELECT min(open_since), max(open_since) FROM message WHERE open_since IS NOT NULL")
        if row is None or row[0] is None or now - limit < row[0] <= row[1] <= now:
            return []
        # A time to come was made by a clock that has been set back since: the limit counts from now.
        with self._writing():
            self._run("UPDATE message SET open_since = ? WHERE open_since > ?", now, now)
            rows = self._all(
                "SELECT id, archived FROM message WHERE open_since <= ? ORDER BY open_since, id DESC LIMIT ?",
                *(now - limit, EXPIRED_AT_ONCE),
            )
            found = [self._expire(message, bool(archived), now, plan) for message, archived in rows]
        return [event for event in found if event is not None]

    def _expire(self, message: int, archived: bool, now: int, plan: Planner) -> Event | None:
        if message < 0:
            return self._shown(self._show(message, now), now, plan, archived).event
        self._run("UPDATE message SET open_since = NULL WHERE id = ?", message)
        return self._announced(message, now, plan)

    def next_expiry(self, limit: int) -> int | None:
        """When `expire_parts` will next have something to do; None while nothing waits."""
        oldest = self._number("SELECT min(open_since) FROM message WHERE open_since IS NOT NULL")
        return None if oldest is None else oldest + limit

    # -- archived -----------------------------------------------------------------------------------------------------

    def release_archived(self, sim: str, now: int, plan: Planner, forward: bool) -> list[Event]:
        """Take a SIM's archived messages into the inbox, with deliveries if `forward`. Their events, in order.

        Their parts are `stored` from then on: the next drain treats them as the storage policy says.
        """
        with self._writing():
            self._run("UPDATE message SET archived = 0 WHERE sim = ? AND archived = 1 AND id < 0 AND ?", sim, forward)
            for (message,) in self._all(
                "SELECT id FROM message WHERE sim = ? AND archived = 1 AND id < 0 ORDER BY id DESC", sim
            ):
                self._show(message, now)
            rows = self._all("SELECT id FROM message WHERE sim = ? AND archived = 1 ORDER BY id", sim)
            return [self._release(row[0], now, plan, forward) for row in rows]

    def _release(self, message: int, now: int, plan: Planner, forward: bool) -> Event:
        self._run(
            "UPDATE message SET archived = 0, unread = ?, state = iif(parts_have < parts_total, ?, ?) WHERE id = ?",
            *(forward, MessageState.INCOMPLETE, MessageState.RECEIVED, message),
        )
        return self._announced(message, now, plan if forward else _nothing)

    # -- rows ---------------------------------------------------------------------------------------------------------

    def _event_id(self, now: int, dongle: str) -> int:
        return self._insert("INSERT INTO event(kind, at, dongle) VALUES (?, ?, ?)", EventKind.MESSAGE, now, dongle)

    def _add_message(self, message: int, part: ReceivedPart, concat: Concat | None, now: int, archived: bool) -> None:
        """The row of a message from its first part: a whole one, or (with `concat`) one that is still empty."""
        to_port, from_port = part.ports or (None, None)
        state = MessageState.ARCHIVED if archived else MessageState.RECEIVED
        columns: dict[str, object] = {
            "id": message,
            "direction": Direction.IN,
            "state": MessageState.PARTIAL if concat else state,
            "dongle": part.dongle,
            "sim": part.sim,
            "peer": whole_characters(part.peer or part.sender),
            "peer_raw": whole_characters(part.sender),
            "text": "" if concat else whole_characters(part.text),
            "at": now,
            "sent_at": part.sent_at,
            "sent_offset": part.sent_offset,
            "encoding": part.encoding,
            "message_class": part.message_class,
            "parts_total": concat.total if concat else 1,
            "parts_have": 0 if concat else 1,
            "data": b"" if concat else part.data,
            "port_to": to_port,
            "port_from": from_port,
            "note": whole_characters(part.note),
            "error": whole_characters(part.error),
            "unread": concat is None and not archived,
            "replace_type": part.replace,
            "archived": archived,
            "joining": _joining(concat) if concat else None,
            "open_since": now if concat else None,
        }
        self._run(insertion("message", columns), *columns.values())

    def _add_part(self, message: int, number: int, key: bytes, part: ReceivedPart) -> None:
        self._run(
            "INSERT INTO part(message, number, key, pdu, text, data, sent_at, error) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            *(message, number, key, packed(part.pdu), exact(part.text), part.data, part.sent_at),
            whole_characters(part.error),
        )


# The newest ones suffice: a stranger who begins thousands of messages must not make each receipt slower.
_CANDIDATES = """
SELECT message, group_concat(number), min(part.sent_at), max(part.sent_at)
FROM (SELECT id FROM message WHERE sim = ? AND peer_raw = ? AND joining = ? ORDER BY at DESC LIMIT 64) AS opened
CROSS JOIN part ON part.message = opened.id GROUP BY message
"""


def _joining(concat: Concat) -> str:
    return f"{concat.reference}/{concat.bits}/{concat.total}"


def _disposition(archived: object) -> Disposition:
    return Disposition.ARCHIVED if archived else Disposition.STORED


def _nothing(event: Event) -> Sequence[Wanted]:
    """The planner of what is not to be forwarded."""
    return ()
