"""Events and their deliveries: made in the transaction of what happened, worked off by the dispatcher.

`sending` is kept in memory only. A process that ends while it sends leaves the delivery `pending`, which is what must
be done about it, so the state costs neither a write to flash nor the wait for it before each sending.

What was held and is to go out as one is fixed on disk before it is first tried: the oldest of them is the carrier, and
a process that dies begins again with the same bundle under the same key. The carrier stands for all of them until its
end, which ends them all.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from homeline.adapters.store_base import MAX_ID, Planner, Row, log
from homeline.adapters.store_results import Results
from homeline.adapters.store_rows import CALL, DELIVERY, MESSAGE, call_of, delivery_of, message_of
from homeline.core import times
from homeline.core.joining import whole_characters
from homeline.errors import NotFound
from homeline.model import Call, Delivery, DeliveryState, Event, EventKind, Message, Priority, Wanted

ERROR_LENGTH = 500  # characters of a peer's words that are kept
BUNDLE = 100  # deliveries that go out as one, at most

_BY_TURN = (Priority.HIGH, Priority.NORMAL, Priority.LOW)
# What is tried by itself: others carry the rest. In the order of the index `delivery_due`.
_PENDING = "FROM delivery WHERE state = 'pending' AND channel = ? AND priority = ? AND next_at <= ? "
# As the index `delivery_carrier` wants it.
_CARRIED = "carrier > 0 AND state != 'done' AND state = 'pending'"
_IN_TURN = "AND carrier IN (0, id) ORDER BY next_at, carrier, id LIMIT ?"
DROPPED = "Dropped by the owner."


class Deliveries(Results):
    """The tables `event` and `delivery`."""

    def __init__(self, connection: sqlite3.Connection, path: Path) -> None:
        super().__init__(connection, path)
        self._sending: set[int] = set()

    # -- events -------------------------------------------------------------------------------------------------------

    def add_event(
        self,
        kind: EventKind,
        now: int,
        dongle: str,
        peer: str,
        text: str,
        fields: Mapping[str, str],
        plan: Planner,
    ) -> Event:
        """Store something that happened, with its deliveries. Messages have methods of their own."""
        with self._writing():
            return self._add_event(kind, now, dongle, peer, text, fields, plan)

    def get_event(self, event: int) -> Event:
        """The event, with its message where it is one. Raises NotFound."""
        if (found := self._event(event)) is None:
            raise NotFound(f"There is no event {event}.")
        return found

    def _add_event(
        self, kind: EventKind, now: int, dongle: str, peer: str, text: str, fields: Mapping[str, str], plan: Planner
    ) -> Event:
        event = Event(0, kind, now, dongle, whole_characters(peer), whole_characters(text), fields=dict(fields))
        event.id = self._insert(
            "INSERT INTO event(kind, at, dongle, peer, text, fields) VALUES (?, ?, ?, ?, ?, ?)",
            kind,
            now,
            dongle,
            event.peer,
            event.text,
            json.dumps(event.fields) if fields else "",
        )
        self._make_deliveries(event, now, plan)
        return event

    def _delete_event(self, event: int) -> None:
        self._run("DELETE FROM delivery WHERE event = ?", event)
        self._run("DELETE FROM event WHERE id = ?", event)
        self._release_orphans()

    def _event(self, event: int) -> Event | None:
        if not 0 < event <= MAX_ID:
            return None
        row = self._one("SELECT id, kind, at, dongle, peer, text, fields FROM event WHERE id = ?", event)
        if row is None:
            return None
        if row[1] == EventKind.MESSAGE:
            message = self._message(event)
            return None if message is None else message_event(message)
        fields = json.loads(row[6]) if row[6] else {}
        kind = EventKind(row[1])
        call = self._call(event) if kind in (EventKind.CALL, EventKind.VOICEMAIL) else None
        return Event(row[0], kind, row[2], row[3], row[4], row[5], fields=fields, call=call)

    def _message(self, message: int) -> Message | None:
        row = self._one(f"SELECT {MESSAGE} FROM message WHERE id = ?", message)  # noqa: S608 - columns, no values
        return None if row is None else message_of(row)

    def _call(self, call: int) -> Call | None:
        row = self._one(f"SELECT {CALL} FROM call WHERE id = ?", call)  # noqa: S608 - columns, no values
        return None if row is None else call_of(row)

    # -- making deliveries --------------------------------------------------------------------------------------------

    def _make_deliveries(self, event: Event, now: int, plan: Planner) -> None:
        """One delivery for each rule and channel that matches.

        Of an event that had deliveries before (a late part changed its text): those that wait carry the new text
        under a new revision, and are held for as long as they were; those that are out, gave up or are part of a
        bundle get a successor.
        """
        revision = self._number("SELECT max(revision) FROM delivery WHERE event = ?", event.id)
        following = 0 if revision is None else revision + 1
        waiting: set[tuple[str, str]] = set()
        if revision is not None:
            waiting = self._renew(event.id, following)
        for wanted in self._planned(event, plan):
            if (wanted.rule, wanted.channel) in waiting:
                continue
            waiting.add((wanted.rule, wanted.channel))  # one that is named twice gets one delivery
            self._run(
                "INSERT INTO delivery(event, rule, channel, revision, next_at, created_at, hold_until, digest, "
                "priority) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
                *(event.id, wanted.rule, wanted.channel, following, max(now, wanted.hold_until), now),
                *(wanted.hold_until, wanted.digest and wanted.hold_until > 0, wanted.priority),
            )

    def _planned(self, event: Event, plan: Planner) -> Collection[Wanted]:
        try:
            return plan(event)
        except Exception:  # a fault in the rules must cost the forwarding of one event, not the storing of its message
            log.exception("The rules failed on event %d: it is stored and not forwarded.", event.id)
            return ()

    def _renew(self, event: int, revision: int) -> set[tuple[str, str]]:
        rows = self._all(
            "SELECT id, rule, channel FROM delivery WHERE event = ? AND state = 'pending' AND carrier = 0", event
        )
        waiting = [row for row in rows if row[0] not in self._sending]
        for row in waiting:
            self._run("UPDATE delivery SET revision = ? WHERE id = ?", revision, row[0])
        return {(row[1], row[2]) for row in waiting}

    # -- working them off ---------------------------------------------------------------------------------------------

    def due_deliveries(
        self, now: int, channels: Collection[str] | None = None, limit: int = 50
    ) -> list[tuple[Delivery, Event]]:
        """Pending deliveries whose time has come, of these channels (None: of all), the most urgent first.

        Of the same priority the longest due come first. What another delivery carries is not among them.
        """
        if channels is None:
            channels = self.waiting_channels()
        due = [delivery for channel in channels for delivery in self._due(channel, now, limit)]
        due.sort(key=lambda delivery: (_BY_TURN.index(delivery.priority), delivery.next_at, delivery.id))
        found = ((delivery, self._event(delivery.event)) for delivery in due[:limit])
        return [(delivery, event) for delivery, event in found if event is not None]

    def _due(self, channel: str, now: int, limit: int) -> list[Delivery]:
        due: list[Delivery] = []
        for priority in _BY_TURN:
            more = limit - len(due)
            if more <= 0:
                break
            sql = f"SELECT {DELIVERY} {_PENDING} {_IN_TURN}"  # columns, no values
            rows = self._all(sql, channel, priority, now, more + len(self._sending))
            due += [delivery_of(row) for row in rows if row[0] not in self._sending][:more]
        return due

    def next_due(self, channel: str) -> int | None:
        """When the next pending delivery of the channel is due; None if none waits. Those being sent do not count."""
        found: list[int] = []
        for priority in _BY_TURN:
            rows = self._all(
                f"SELECT id, next_at {_PENDING} {_IN_TURN}", channel, priority, MAX_ID, len(self._sending) + 1
            )
            found += [row[1] for row in rows if row[0] not in self._sending][:1]
        return min(found, default=None)

    def waiting_channels(self) -> list[str]:
        """The names of all channels for which a delivery is pending."""
        return [row[0] for row in self._all("SELECT DISTINCT channel FROM delivery WHERE state = 'pending'")]

    def hurry_channel(self, channel: str, now: int) -> None:
        """Make everything that is pending for a channel due now, or when its hold ends.

        It works again, or has new settings.
        """
        self._run(
            "UPDATE delivery SET next_at = max(?, hold_until) WHERE state = 'pending' AND channel = ? "
            "AND next_at > max(?, hold_until)",
            *(now, channel, now),
        )

    def pull_in(self, now: int, leap: int, channel: str | None = None) -> None:
        """Make due what a wrong clock put off: pauses of more than `leap` seconds, holds longer than any can be.

        Holds stay as they are while the clock is not set: they end at a time of day.
        """
        which = "state = 'pending' AND channel = ifnull(?, channel)"
        self._run(
            f"UPDATE delivery SET next_at = ? WHERE {which} AND next_at > ? AND next_at > hold_until",  # noqa: S608
            *(now, channel, now + leap),
        )
        if now >= times.CLOCK_SET:
            self._run(
                f"UPDATE delivery SET next_at = ?, hold_until = 0 WHERE {which} AND hold_until > ?",  # noqa: S608
                *(now, channel, now + times.LONGEST),
            )

    # -- what goes out together ---------------------------------------------------------------------------------------

    def carrier(self, delivery: Delivery, now: int) -> Delivery | None:
        """The delivery that carries this one, which is due, and the others of its rule and channel that are.

        None for one that is carried by another by now. Durable when this returns, so that each attempt is of the same.
        """
        carried = self._number("SELECT carrier FROM delivery WHERE id = ?", delivery.id)
        if carried == 0:
            which = (
                "FROM delivery WHERE state = 'pending' AND digest = 1 AND carrier = 0 AND rule = ? AND channel = ? "
                "AND next_at <= ? ORDER BY id LIMIT ?"
            )
            values = delivery.rule, delivery.channel, now, BUNDLE
            carried = self._number(f"SELECT id {which}", *values)
            self._run(
                f"UPDATE delivery SET carrier = ? WHERE id IN (SELECT id {which})",  # noqa: S608 - columns, no values
                *(carried, *values),
            )
        elif carried != delivery.id:
            return None
        row = self._one(f"SELECT {DELIVERY} FROM delivery WHERE id = ?", carried)  # noqa: S608
        return None if row is None else delivery_of(row)

    def carried_events(self, carrier: int) -> list[Event]:
        """The events that go out together, in order."""
        rows = self._all(
            f"SELECT event FROM delivery WHERE carrier = ? AND {_CARRIED} ORDER BY id",  # noqa: S608 - columns
            carrier,
        )
        return [event for row in rows if (event := self._event(row[0])) is not None]

    def _release_orphans(self) -> None:
        """What lost its carrier (its event was deleted) goes out by another. One that is being sent has not ended."""
        sending = ", ".join(str(delivery) for delivery in self._sending)
        self._run(
            f"UPDATE delivery SET carrier = 0 WHERE {_CARRIED} AND carrier NOT IN ({sending}) "  # noqa: S608 - integers
            "AND NOT EXISTS (SELECT 1 FROM delivery AS other WHERE other.id = delivery.carrier "
            "AND other.state = 'pending')"
        )

    def delivery_sending(self, delivery: int, now: int) -> None:
        """The channel has it now: `due_deliveries` does not give it again until its end is told."""
        self._sending.add(delivery)

    def delivery_done(self, delivery: int, now: int, note: str = "") -> None:
        """The channel took it, and what it carried. `note` says why it needed no sending."""
        with self._ending(delivery):
            if row := self._end(delivery, DeliveryState.DONE, short(note), now):
                self._note_success(row[0], row[1], now)

    def delivery_retry(self, delivery: int, next_at: int, error: str, now: int) -> None:
        """The channel did not take it; it is due again at `next_at`."""
        with self._ending(delivery):
            row = self._one(
                "UPDATE delivery SET state = 'pending', next_at = ?, attempts = attempts + 1, error = ? WHERE id = ? "
                "RETURNING rule, channel",
                *(next_at, short(error), delivery),
            )
            if row is not None:
                self._note_error(row[0], row[1], short(error), now)
            else:  # its event was deleted meanwhile; what it carried goes on without it
                self._run(f"UPDATE delivery SET carrier = 0 WHERE carrier = ? AND {_CARRIED}", delivery)  # noqa: S608

    def delivery_failed(self, delivery: int, error: str, now: int) -> None:
        """The channel refused it for good, or its deadline passed; likewise what it carried."""
        with self._ending(delivery):
            if row := self._end(delivery, DeliveryState.FAILED, short(error), now):
                self._note_error(row[0], row[1], short(error), now)

    def _end(self, delivery: int, state: DeliveryState, words: str, now: int) -> Row | None:
        """Its rule and channel; None where its event was deleted meanwhile."""
        ended = "UPDATE delivery SET state = ?, done_at = ?, attempts = attempts + 1, error = ? WHERE"
        row = self._one(f"{ended} id = ? RETURNING rule, channel, carrier", state, now, words, delivery)
        if row is None or row[2] > 0:
            self._run(f"{ended} carrier = ? AND {_CARRIED}", state, now, words, delivery)
        return None if row is None else row[:2]

    def delivery_released(self, delivery: int) -> None:
        """It was not tried after all (the channel was replaced): it is due as before."""
        self._sending.discard(delivery)

    @contextmanager
    def _ending(self, delivery: int) -> Iterator[None]:
        """A transaction that ends a sending. If it fails it stays `sending`, or a full disk would repeat it."""
        with self._writing():
            yield
        self._sending.discard(delivery)

    def retry_deliveries(self, now: int, *, delivery: int | None = None, event: int | None = None) -> int:
        """Make one delivery, or all of an event, due now that failed or wait; how many. Raises NotFound.

        What belongs to a bundle goes with all of that. Held ones do not wait any longer.
        """
        column, value = ("id", delivery) if delivery is not None else ("event", event)
        if self._number(f"SELECT count(*) FROM delivery WHERE {column} = ?", _id(value)) == 0:  # noqa: S608
            raise NotFound(f"There is no delivery of {'event' if column == 'event' else 'id'} {value}.")
        with self._writing():
            count = self._run(
                "UPDATE delivery SET next_at = ?1, hold_until = 0, done_at = NULL, "  # noqa: S608 - one of two columns
                "created_at = iif(state = 'failed', ?1, created_at), state = 'pending' "
                f"WHERE state IN ('failed', 'pending') AND id IN (SELECT id FROM delivery WHERE {column} = ?2 UNION "
                "SELECT id FROM delivery WHERE carrier > 0 AND state != 'done' AND carrier IN "
                f"(SELECT carrier FROM delivery WHERE {column} = ?2 AND carrier > 0))",
                *(now, value),
            ).rowcount
            self._release_orphans()
        return count

    def drop_deliveries(self, now: int, *, delivery: int | None = None, channel: str = "") -> int:
        """Give up one delivery, or all of a channel, that waits, at the owner's word; how many. Raises NotFound.

        What is being sent goes on. What belongs to a bundle goes with all of that.
        """
        if delivery is not None and self._number("SELECT count(*) FROM delivery WHERE id = ?", _id(delivery)) == 0:
            raise NotFound(f"There is no delivery of id {delivery}.")
        column, value = ("id", delivery) if delivery is not None else ("channel", channel)
        sending = ", ".join(map(str, self._sending))
        with self._writing():
            return self._run(
                "UPDATE delivery SET state = 'failed', done_at = ?, error = ? "  # noqa: S608 - columns and our integers
                f"WHERE state = 'pending' AND id NOT IN ({sending}) AND carrier NOT IN ({sending}) AND ({column} = ? "
                f"OR (carrier > 0 AND carrier IN (SELECT carrier FROM delivery WHERE {column} = ?)))",
                *(now, DROPPED, value, value),
            ).rowcount

    # -- looking at them ----------------------------------------------------------------------------------------------

    def list_deliveries(
        self,
        event: int | None = None,
        rule: str = "",
        channel: str = "",
        state: DeliveryState | None = None,
        before: int | None = None,
        limit: int = 50,
    ) -> list[Delivery]:
        """Deliveries, newest first."""
        stored = DeliveryState.PENDING if state is DeliveryState.SENDING else state
        terms, values = conditions(
            ("event = ?", event),
            ("rule = ?", rule or None),
            ("channel = ?", channel or None),
            ("state = ?", stored),
            ("id < ?", before),
        )
        rows = self._all(
            f"SELECT {DELIVERY} FROM delivery{terms} ORDER BY id DESC LIMIT ?",  # noqa: S608
            *(*values, limit + len(self._sending)),
        )
        found = (self._with_sending(row) for row in rows)
        return [delivery for delivery in found if state is None or delivery.state is state][:limit]

    def _with_sending(self, row: Row) -> Delivery:
        delivery = delivery_of(row)
        if delivery.state is DeliveryState.PENDING and self._sending & {delivery.id, delivery.digest}:
            delivery.state = DeliveryState.SENDING
        return delivery


def message_event(message: Message) -> Event:
    """The event of a message: its fields at hand."""
    return Event(message.id, EventKind.MESSAGE, message.at, message.dongle, message.peer, message.text, message)


def conditions(*terms: tuple[str, object], also: Sequence[str] = ()) -> tuple[str, list[object]]:
    """A WHERE clause of `also` and the terms whose value is not None, and the values. Terms are ours alone."""
    used = [(term, value) for term, value in terms if value is not None]
    words = [*also, *(term for term, _ in used)]
    return (" WHERE " + " AND ".join(words) if words else ""), [value for _, value in used]


def insertion(table: str, columns: Mapping[str, object]) -> str:
    """An INSERT of these columns, which are ours; the values follow in their order."""
    return f"INSERT INTO {table}({', '.join(columns)}) VALUES ({', '.join('?' * len(columns))})"  # noqa: S608


def short(words: str) -> str:
    """As much of an error's words as is kept."""
    return whole_characters(words[:ERROR_LENGTH])


def _id(value: int | None) -> int:
    """An id that SQLite can hold; -1, which no row has, for one that it cannot."""
    return value if value is not None and 0 < value <= MAX_ID else -1
