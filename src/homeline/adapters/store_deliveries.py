"""Events and their deliveries: made in the transaction of what happened, worked off by the dispatcher.

`sending` is kept in memory only. A process that ends while it sends leaves the delivery `pending`, which is what must
be done about it, so the state costs neither a write to flash nor the wait for it before each sending.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from homeline.adapters.store_base import MAX_ID, Planner, Row, StoreBase, log
from homeline.adapters.store_rows import CALL, DELIVERY, MESSAGE, RuleSummary, call_of, delivery_of, message_of
from homeline.core.joining import whole_characters
from homeline.errors import NotFound
from homeline.model import Call, Delivery, DeliveryState, Event, EventKind, Message, Wanted

ERROR_LENGTH = 500  # characters of a peer's words that are kept


class Deliveries(StoreBase):
    """The tables `event`, `delivery` and `rule_result`."""

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
        under a new revision, those that are out or gave up get a successor.
        """
        revision = self._number("SELECT max(revision) FROM delivery WHERE event = ?", event.id)
        following = 0 if revision is None else revision + 1
        waiting: set[tuple[str, str]] = set()
        if revision is not None:
            waiting = self._renew(event.id, following)
        for wanted in dict.fromkeys(self._planned(event, plan)):
            if (wanted.rule, wanted.channel) not in waiting:
                self._run(
                    "INSERT INTO delivery(event, rule, channel, revision, next_at, created_at) "
                    "VALUES (?, ?, ?, ?, ?, ?)",
                    *(event.id, wanted.rule, wanted.channel, following, now, now),
                )

    def _planned(self, event: Event, plan: Planner) -> Collection[Wanted]:
        try:
            return plan(event)
        except Exception:  # a fault in the rules must cost the forwarding of one event, not the storing of its message
            log.exception("The rules failed on event %d: it is stored and not forwarded.", event.id)
            return ()

    def _renew(self, event: int, revision: int) -> set[tuple[str, str]]:
        rows = self._all("SELECT id, rule, channel FROM delivery WHERE event = ? AND state = 'pending'", event)
        waiting = [row for row in rows if row[0] not in self._sending]
        for row in waiting:
            self._run("UPDATE delivery SET revision = ? WHERE id = ?", revision, row[0])
        return {(row[1], row[2]) for row in waiting}

    # -- working them off ---------------------------------------------------------------------------------------------

    def due_deliveries(
        self, now: int, channels: Collection[str] | None = None, limit: int = 50
    ) -> list[tuple[Delivery, Event]]:
        """Pending deliveries whose time has come, of these channels (None: of all), the longest due first."""
        if channels is None:
            channels = self.waiting_channels()
        due: list[Delivery] = []
        for channel in channels:
            rows = self._all(
                f"SELECT {DELIVERY} FROM delivery "  # noqa: S608 - columns, no values
                "WHERE state = 'pending' AND channel = ? AND next_at <= ? ORDER BY next_at, id LIMIT ?",
                *(channel, now, limit + len(self._sending)),
            )
            due += [delivery_of(row) for row in rows if row[0] not in self._sending]
        due.sort(key=lambda delivery: (delivery.next_at, delivery.id))
        found = ((delivery, self._event(delivery.event)) for delivery in due[:limit])
        return [(delivery, event) for delivery, event in found if event is not None]

    def next_due(self, channel: str) -> int | None:
        """When the next pending delivery of the channel is due; None if none waits. Those being sent do not count."""
        rows = self._all(
            "SELECT id, next_at FROM delivery WHERE state = 'pending' AND channel = ? ORDER BY next_at, id LIMIT ?",
            *(channel, len(self._sending) + 1),
        )
        return next((row[1] for row in rows if row[0] not in self._sending), None)

    def waiting_channels(self) -> list[str]:
        """The names of all channels for which a delivery is pending."""
        return [row[0] for row in self._all("SELECT DISTINCT channel FROM delivery WHERE state = 'pending'")]

    def hurry_channel(self, channel: str, now: int) -> None:
        """Make everything that is pending for a channel due now: it works again, or has new settings."""
        self._run(
            "UPDATE delivery SET next_at = ? WHERE state = 'pending' AND channel = ? AND next_at > ?", now, channel, now
        )

    def delivery_sending(self, delivery: int, now: int) -> None:
        """The channel has it now: `due_deliveries` does not give it again until its end is told."""
        self._sending.add(delivery)

    def delivery_done(self, delivery: int, now: int) -> None:
        """The channel took it."""
        with self._ending(delivery):
            self._run(
                "UPDATE delivery SET state = 'done', done_at = ?, attempts = attempts + 1, error = '' WHERE id = ?",
                *(now, delivery),
            )
            self._run(
                "INSERT INTO rule_result(rule, success_at) SELECT rule, ? FROM delivery WHERE id = ? "
                "ON CONFLICT (rule) DO UPDATE SET success_at = excluded.success_at",
                *(now, delivery),
            )

    def delivery_retry(self, delivery: int, next_at: int, error: str, now: int) -> None:
        """The channel did not take it; it is due again at `next_at`."""
        with self._ending(delivery):
            error = whole_characters(error[:ERROR_LENGTH])
            self._run(
                "UPDATE delivery SET state = 'pending', next_at = ?, attempts = attempts + 1, error = ? WHERE id = ?",
                *(next_at, error, delivery),
            )
            self._note_error(delivery, error, now)

    def delivery_failed(self, delivery: int, error: str, now: int) -> None:
        """The channel refused it for good, or its deadline passed."""
        with self._ending(delivery):
            error = whole_characters(error[:ERROR_LENGTH])
            self._run(
                "UPDATE delivery SET state = 'failed', done_at = ?, attempts = attempts + 1, error = ? WHERE id = ?",
                *(now, error, delivery),
            )
            self._note_error(delivery, error, now)

    def delivery_released(self, delivery: int) -> None:
        """It was not tried after all (the channel was replaced): it is due as before."""
        self._sending.discard(delivery)

    @contextmanager
    def _ending(self, delivery: int) -> Iterator[None]:
        """A transaction that ends a sending. If it fails it stays `sending`, or a full disk would repeat it."""
        with self._writing():
            yield
        self._sending.discard(delivery)

    def _note_error(self, delivery: int, error: str, now: int) -> None:
        self._run(
            "INSERT INTO rule_result(rule, error_at, error) SELECT rule, ?, ? FROM delivery WHERE id = ? "
            "ON CONFLICT (rule) DO UPDATE SET error_at = excluded.error_at, error = excluded.error",
            *(now, error, delivery),
        )

    def retry_deliveries(self, now: int, *, delivery: int | None = None, event: int | None = None) -> int:
        """Make one delivery, or all of an event, due now that failed or wait; how many. Raises NotFound."""
        column, value = ("id", delivery) if delivery is not None else ("event", event)
        if self._number(f"SELECT count(*) FROM delivery WHERE {column} = ?", _id(value)) == 0:  # noqa: S608
            raise NotFound(f"There is no delivery of {'event' if column == 'event' else 'id'} {value}.")
        return self._run(
            "UPDATE delivery SET next_at = ?, done_at = NULL, "  # noqa: S608 - one of two columns
            "created_at = iif(state = 'failed', ?, created_at), "
            f"state = 'pending' WHERE {column} = ? AND state IN ('failed', 'pending')",
            *(now, now, value),
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
        if delivery.id in self._sending:
            delivery.state = DeliveryState.SENDING
        return delivery

    def rule_summaries(self) -> dict[str, RuleSummary]:
        """How the deliveries of each rule fare, by the rule's name; rules that never matched are not in it."""
        summaries = {
            row[0]: RuleSummary(row[0], 0, 0, *row[1:])
            for row in self._all("SELECT rule, success_at, error_at, error FROM rule_result")
        }
        for state, query in _COUNTS.items():
            for rule, count in self._all(query):
                summaries[rule] = replace(summaries.get(rule, RuleSummary(rule)), **{state: count})
        return summaries


_COUNTS = {
    "pending": "SELECT rule, count(*) FROM delivery WHERE state = 'pending' GROUP BY rule",
    "failed": "SELECT rule, count(*) FROM delivery WHERE state = 'failed' GROUP BY rule",
}


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


def _id(value: int | None) -> int:
    """An id that SQLite can hold; -1, which no row has, for one that it cannot."""
    return value if value is not None and 0 < value <= MAX_ID else -1
