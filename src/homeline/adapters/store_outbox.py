"""Outgoing messages: a durable queue for each dongle, the state of each part, and status reports.

A part is committed as `sending` before the modem gets it. Whatever ends the process then, the next one finds it so
and knows that it may have gone out: it becomes `unknown`, and only a status report or the owner resolves that.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from homeline.adapters.store_base import MAX_ID, Planner, exact, packed
from homeline.adapters.store_deliveries import Deliveries, insertion, short
from homeline.adapters.store_requests import Limit, Requests
from homeline.adapters.store_rows import MESSAGE, PART, Recovery, message_of, part_of
from homeline.core.joining import same_number, whole_characters
from homeline.errors import InvalidArgument, NotFound
from homeline.model import Direction, Event, EventKind, Message, MessageState, Part

ReportStatus = Literal["delivered", "pending", "failed"]

INTERRUPTED = "The service stopped while the message was being sent."
UNTOLD = -1  # the reference of a part that was sent by a modem or driver that told none
CLOCK_LEAP = 86400  # seconds: nothing is put off for longer, so a time beyond it was made by a wrong clock


class Outbox(Requests, Deliveries):
    """The tables `message` and `part` for what goes out."""

    # -- queue --------------------------------------------------------------------------------------------------------

    def queue_message(
        self,
        dongle: str,
        sim: str,
        peer: str,
        peer_raw: str,
        text: str,
        encoding: str,
        parts: Sequence[tuple[str, str]],
        now: int,
        report: bool = False,
        flash: bool = False,
        request: tuple[str, str] | None = None,
        limits: Sequence[Limit] = (),
    ) -> Message:
        """Queue a message of these parts, each the hex of a PDU and its text. Durable when this returns.

        `request` is who asked for it and under which id of theirs: asked again, the answer is the first message, and
        nothing is queued. NotFound when that one was deleted meanwhile. Each of `limits` is counted once in the same
        transaction; LimitReached, and nothing is queued, where one is used up.
        """
        if not parts:
            raise InvalidArgument("A message needs at least one part.")
        columns: dict[str, object] = {
            "direction": Direction.OUT,
            "state": MessageState.QUEUED,
            "dongle": dongle,
            "sim": sim,
            "peer": whole_characters(peer),
            "peer_raw": whole_characters(peer_raw),
            "text": whole_characters(text),
            "at": now,
            "encoding": encoding,
            "parts_total": len(parts),
            "parts_have": len(parts),
            "report": report,
            "flash": flash,
        }
        if request is not None and (known := self.request_result(*request)) is not None:
            return self._existing(int(known))
        with self._writing():
            self._use_limits(limits, now)
            number = self._insert(
                "INSERT INTO event(kind, at, dongle) VALUES (?, ?, ?)", EventKind.MESSAGE, now, dongle
            )
            if request is not None:
                self._add_request(*request, now, str(number))
            columns = {"id": number, **columns}
            self._run(insertion("message", columns), *columns.values())
            for place, (pdu, part_text) in enumerate(parts, 1):
                self._run(
                    "INSERT INTO part(message, number, pdu, text, state) VALUES (?, ?, ?, ?, 'queued')",
                    *(number, place, packed(pdu), exact(part_text)),
                )
        return self._existing(number)

    def next_queued(self, dongle: str, now: int) -> tuple[Message, list[Part]] | None:
        """The oldest message of the dongle whose time has come, with all its parts; those `queued` are to be sent."""
        row = self._one(
            f"SELECT {MESSAGE} FROM message WHERE state = 'queued' AND dongle = ? AND not_before <= ? "  # noqa: S608
            "ORDER BY id LIMIT 1",
            *(dongle, now),
        )
        if row is None:
            return None
        message = message_of(row)
        return message, self._parts(message.id)

    def next_queued_at(self, dongle: str) -> int | None:
        """When the next message of the dongle may be sent; None if none waits."""
        return self._number("SELECT min(not_before) FROM message WHERE state = 'queued' AND dongle = ?", dongle)

    def attempts(self, message: int) -> int:
        """How many tries to send it failed and counted."""
        return self._number("SELECT attempts FROM message WHERE id = ?", message) or 0

    # -- parts --------------------------------------------------------------------------------------------------------

    def part_sending(self, message: int, number: int, sim: str) -> None:
        """Commit that the modem gets this part now. Raises NotFound when the message was deleted meanwhile.

        `sim` is the one that sends it, whose reports will tell of it: when it was queued none may have been known.
        """
        with self._writing():
            if not self._run("UPDATE message SET state = 'sending', sim = ? WHERE id = ?", sim, message).rowcount:
                raise NotFound(f"There is no message {message}.")
            self._run("UPDATE part SET state = 'sending', error = '' WHERE message = ? AND number = ?", message, number)

    def part_sent(self, message: int, number: int, reference: int, now: int) -> None:
        """The network took it under this reference (TP-MR), or UNTOLD."""
        with self._writing():
            self._run(  # a report may have been faster than the modem's answer
                "UPDATE part SET reference = ?, state = iif(state IN ('delivered', 'failed'), state, 'sent') "
                "WHERE message = ? AND number = ?",
                *(reference, message, number),
            )
            self._run("UPDATE message SET sent_at = ifnull(sent_at, ?) WHERE id = ?", now, message)

    def part_failed(self, message: int, number: int, error: str) -> None:
        """It surely was not sent: refused, or it never reached the modem."""
        self._run(
            "UPDATE part SET state = 'failed', error = ? WHERE message = ? AND number = ?",
            *(short(error), message, number),
        )

    def part_unknown(self, message: int, number: int, error: str) -> None:
        """It may have been sent: the answer was lost. The message is `unknown` from here on, whatever comes."""
        with self._writing():
            self._run(
                "UPDATE part SET state = iif(state = 'delivered', state, 'unknown'), error = ? "
                "WHERE message = ? AND number = ?",
                *(short(error), message, number),
            )
            self._run(
                "UPDATE message SET state = ?, error = ? WHERE id = ?", MessageState.UNKNOWN, short(error), message
            )

    # -- messages -----------------------------------------------------------------------------------------------------

    def message_sent(self, message: int, now: int, plan: Planner) -> tuple[Message, Event | None]:
        """All its parts were handed over: `sent`, or `unknown` if one of them is. The message as it is now.

        A report that was faster than the modem's answer has settled it already: then its event as well.
        """
        with self._writing():
            state, before = self._settled_state(message), self._existing(message)
            unknown, delivered = state is MessageState.UNKNOWN, state is MessageState.DELIVERED
            self._run(
                "UPDATE message SET state = ?, sent_at = iif(?, sent_at, ifnull(sent_at, ?)), error = ?, "
                "delivered_at = iif(?, ifnull(delivered_at, ?), delivered_at) WHERE id = ?",
                *(state, unknown, now, self._settled_error(state, before), delivered, now, message),
            )
            found = self._existing(message)
            final = state in (MessageState.DELIVERED, MessageState.FAILED)
            return found, self._report_event(found, now, plan) if final else None

    def message_retry(self, message: int, not_before: int, error: str, counts: bool = True) -> None:
        """Put it back in the queue: its failed parts are sent again, at `not_before`. `counts` as one of its tries."""
        with self._writing():
            self._run(
                "UPDATE message SET state = ?, not_before = ?, error = ?, attempts = attempts + ? WHERE id = ?",
                *(MessageState.QUEUED, not_before, short(error), counts, message),
            )
            self._run("UPDATE part SET state = 'queued' WHERE message = ? AND state = 'failed'", message)

    def message_failed(self, message: int, error: str, now: int, plan: Planner) -> Event:
        """Give it up: the report event that says so, its deliveries made. Raises NotFound."""
        with self._writing():
            self._run(
                "UPDATE message SET state = ?, error = ? WHERE id = ?", MessageState.FAILED, short(error), message
            )
            return self._report_event(self._existing(message), now, plan)

    def message_resend(self, message: int, now: int) -> None:
        """Send what is `failed` or `unknown` of it again: the owner wants it. Raises NotFound, InvalidArgument."""
        with self._writing():
            found = self._existing(message)
            if found.state not in (MessageState.FAILED, MessageState.UNKNOWN):
                raise InvalidArgument(f"Message {message} is {found.state}, not failed or unknown.")
            self._run(
                "UPDATE part SET state = 'queued', reference = NULL, error = '' "
                "WHERE message = ? AND state IN ('failed', 'unknown')",
                message,
            )
            self._run(
                "UPDATE message SET state = ?, not_before = ?, attempts = 0, error = '' WHERE id = ?",
                *(MessageState.QUEUED, now, message),
            )

    # -- start --------------------------------------------------------------------------------------------------------

    def recover(self, now: int) -> Recovery:
        """Make order after a start: what was being sent is `unknown`; times that a wrong clock set are now."""
        with self._writing():
            self._run("UPDATE part SET state = 'unknown', error = ? WHERE state = 'sending'", INTERRUPTED)
            rows = self._all("SELECT id FROM message WHERE state = 'sending'")
            lost = [
                row[0]
                for row in rows
                if self._one("SELECT 1 FROM part WHERE message = ? AND state = 'unknown'", row[0]) is not None
            ]
            for message in lost:
                self._run(
                    "UPDATE message SET state = ?, error = ? WHERE id = ?", MessageState.UNKNOWN, INTERRUPTED, message
                )
            requeued = self._run("UPDATE message SET state = 'queued' WHERE state = 'sending'").rowcount
            self._run(
                "UPDATE part SET state = 'queued' WHERE state = 'failed' "
                "AND message IN (SELECT id FROM message WHERE state = 'queued')"
            )
            self._pull_in(now)
        return Recovery([self._existing(message) for message in lost], requeued)

    def _pull_in(self, now: int) -> None:
        self._run("UPDATE message SET not_before = ? WHERE state = 'queued' AND not_before > ?", now, now + CLOCK_LEAP)
        self.pull_in(now, CLOCK_LEAP)
        self._release_orphans()

    # -- status reports -----------------------------------------------------------------------------------------------

    def apply_report(
        self,
        sim: str,
        recipient: str,
        reference: int,
        status: ReportStatus,
        at: int,
        now: int,
        plan: Planner,
        submitted: int | None = None,
    ) -> tuple[Message, Event | None] | None:
        """Join a status report to the newest part it can be about; None if there is none.

        The event is there when the message is settled by it: all parts delivered, or one failed. `at` is when the
        network settled it (TP-DT), `submitted` when it took the message (TP-SCTS). A part whose submission is `unknown`
        has no reference, and one whose driver told none has `UNTOLD`: the recipient must do, and which is nearest.
        """
        with self._writing():
            found = self._reported_part(sim, recipient, reference, submitted)
            if found is None:
                return None
            message, number = found
            state = {"delivered": "delivered", "failed": "failed", "pending": "sent"}[status]
            self._run(
                "UPDATE part SET state = ?, reference = ?, error = ? WHERE message = ? AND number = ?",
                *(state, reference, "The network could not deliver it." if status == "failed" else ""),
                *(message, number),
            )
            return self._settle(message, at, now, plan)

    def _reported_part(self, sim: str, recipient: str, reference: int, submitted: int | None) -> tuple[int, int] | None:
        def away(sent_at: int | None) -> int:
            return 0 if submitted is None or sent_at is None else abs(sent_at - submitted)

        for query, values in ((_BY_REFERENCE, (reference, sim)), (_UNTOLD, (sim,)), (_UNANSWERED, (sim,))):
            rows = [row for row in self._all(query, *values) if same_number(row[2], recipient)]
            if rows:
                message, number, _peer, _sent_at = (
                    min(rows, key=lambda row: away(row[3])) if query is _UNTOLD else rows[0]
                )
                return message, number
        return None

    def _settle(self, message: int, at: int, now: int, plan: Planner) -> tuple[Message, Event | None]:
        before = self._existing(message)
        if before.state in (MessageState.QUEUED, MessageState.SENDING):
            return before, None  # its other parts are still to go: `message_sent` counts this one
        state = self._settled_state(message)
        if state is before.state:
            return before, None
        self._run(
            "UPDATE message SET state = ?, sent_at = ifnull(sent_at, ?), delivered_at = iif(?, ?, NULL), error = ? "
            "WHERE id = ?",
            *(state, at, state is MessageState.DELIVERED, at),
            *(self._settled_error(state, before), message),
        )
        after = self._existing(message)
        final = state in (MessageState.DELIVERED, MessageState.FAILED)
        return after, self._report_event(after, now, plan) if final else None

    def _settled_error(self, state: MessageState, before: Message) -> str:
        if state is MessageState.FAILED:
            return "The network could not deliver it."
        return before.error if state is MessageState.UNKNOWN else ""

    def _settled_state(self, message: int) -> MessageState:
        """What the states of its parts make of a message whose parts are all out."""
        states = {row[0] for row in self._all("SELECT state FROM part WHERE message = ?", message)}
        if "failed" in states:
            return MessageState.FAILED
        if states & {"unknown", "sending", "queued"}:
            return MessageState.UNKNOWN
        return MessageState.DELIVERED if states == {"delivered"} else MessageState.SENT

    def _report_event(self, message: Message, now: int, plan: Planner) -> Event:
        fields = {"message": str(message.id), "status": str(message.state), "error": message.error}
        return self._add_event(EventKind.REPORT, now, message.dongle, message.peer, message.text, fields, plan)

    # -- rows ---------------------------------------------------------------------------------------------------------

    def _existing(self, message: int) -> Message:
        found = self._message(message) if 0 < message <= MAX_ID else None
        if found is None:
            raise NotFound(f"There is no message {message}.")
        return found

    def _parts(self, message: int) -> list[Part]:
        rows = self._all(f"SELECT {PART} FROM part WHERE message = ? ORDER BY number", message)  # noqa: S608
        return [part_of(row) for row in rows]


_OUT = """
FROM part CROSS JOIN message ON message.id = part.message
WHERE {} AND message.direction = 'out' AND message.sim = ? ORDER BY message.id DESC, number LIMIT 256
"""
_COLUMNS = "SELECT message.id, number, peer, message.sent_at "
_BY_REFERENCE = _COLUMNS + _OUT.format("part.reference = ? AND part.state IN ('sent', 'unknown', 'failed')")
_UNTOLD = _COLUMNS + _OUT.format(f"part.reference = {UNTOLD} AND part.state = 'sent' AND message.report = 1")
_UNANSWERED = _COLUMNS + _OUT.format("part.state IN ('sending', 'unknown') AND part.reference IS NULL")
