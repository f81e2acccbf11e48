"""Calls that have ended: stored once, in the transaction that makes their event and its deliveries.

A recording is a file; what the store says of it counts. A call that goes leaves its recording's name in `unwanted`
in the same transaction: the file is deleted after the commit, and a crash in between leaves only the deletion to do.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace

from homeline.adapters.store_base import Planner
from homeline.adapters.store_deliveries import Deliveries, conditions, insertion
from homeline.adapters.store_paging import bounded, one_indexed, page_size
from homeline.adapters.store_rows import CALL, CallPage, Unseen, call_of
from homeline.core.joining import whole_characters
from homeline.errors import NotFound
from homeline.model import Call, CallDirection, CallState, Event, EventKind

_TEXTS = ("dongle", "line", "peer", "peer_raw", "peer_name", "dialled", "through", "rule", "reason", "recording")


class Calls(Deliveries):
    """The tables `call` and `unwanted`."""

    def add_call(self, call: Call, now: int, text: str, plan: Planner) -> Event | None:
        """Store a call (its id does not count) with its event and deliveries; None if it is stored already, or was.

        `text` is what is to be said beside the call: the record where it could not be read.
        """
        if self.knows_call(call.uid):
            return None
        call = replace(call)
        for name in _TEXTS:
            setattr(call, name, whole_characters(getattr(call, name)))
        kind = EventKind.VOICEMAIL if call.state is CallState.VOICEMAIL else EventKind.CALL
        event = Event(0, kind, now, call.dongle, call.peer, whole_characters(text), call=call)
        with self._writing():
            event.id = call.id = self._insert(
                "INSERT INTO event(kind, at, dongle, peer, text) VALUES (?, ?, ?, ?, ?)",
                *(kind, now, event.dongle, event.peer, event.text),
            )
            columns = {name: getattr(call, name) for name in CALL.split(", ")}
            self._run(insertion("call", columns), *columns.values())
            self._make_deliveries(event, now, plan)
        return event

    def knows_call(self, uid: str) -> bool:
        """Whether this call is stored, or was and is deleted."""
        return (
            self._one("SELECT 1 FROM call WHERE uid = ?", uid) is not None
            or self._one("SELECT 1 FROM tombstone WHERE key = ?", uid.encode()) is not None
        )

    def add_words(self, uid: str, words: str, wait: int, now: int, plan: Planner) -> Event | None:
        """What was said in a call's recording becomes its event's text; the event, None where it was known or deleted.

        Deliveries that were held for `wait` seconds for this are due. One that is out already is followed by another.
        Raises NotFound for a call that has not come yet.
        """
        row = self._one("SELECT id FROM call WHERE uid = ?", uid)
        if row is None:
            if self.knows_call(uid):
                return None
            raise NotFound("The call has not come yet.")
        event = self._event(row[0])
        if event is None or event.text:
            return None
        event.text = whole_characters(words)
        with self._writing():
            if event.text:
                self._run("UPDATE event SET text = ? WHERE id = ?", event.text, event.id)
                self._make_deliveries(event, now, plan)
            self._run(
                "UPDATE delivery SET hold_until = 0, next_at = min(next_at, ?) WHERE event = ? AND state = 'pending' "
                "AND carrier = 0 AND digest = 0 AND hold_until BETWEEN created_at + 1 AND created_at + ?",
                *(now, event.id, wait),
            )
        return event

    def get_call(self, call: int) -> Call:
        """Raises NotFound."""
        if (found := self._call(max(call, 0)) if bounded(call) is not None else None) is None:
            raise NotFound(f"There is no call {call}.")
        return found

    def list_calls(
        self,
        direction: CallDirection | None = None,
        state: CallState | None = None,
        dongle: str = "",
        peer: str = "",
        unread: bool = False,
        before: int | None = None,
        limit: int = 50,
    ) -> CallPage:
        """Calls newest first, older than the id `before`; with `unread` only those that were missed and not seen."""
        terms, values = conditions(
            *one_indexed(("peer = ?", peer or None), ("state = ?", state), ("dongle = ?", dongle or None)),
            ("+direction = ?" if state or peer or dongle else "direction = ?", direction),
            ("id < ?", bounded(before)),
            also=("unread = 1",) if unread else (),
        )
        limit = page_size(limit)
        rows = self._all(f"SELECT {CALL} FROM call{terms} ORDER BY id DESC LIMIT ?", *values, limit + 1)  # noqa: S608
        return CallPage([call_of(row) for row in rows[:limit]], len(rows) > limit, self.unseen())

    def unseen(self) -> Unseen:
        """How many missed calls and messages on the voicemail the owner has not looked at."""
        counts: dict[str, int] = dict(self._all("SELECT state, count(*) FROM call WHERE unread = 1 GROUP BY state"))
        return Unseen(counts.get(CallState.MISSED, 0), counts.get(CallState.VOICEMAIL, 0))

    def seconds_used(self, rule: str, since: int) -> int:
        """For how long calls went out by an outbound section that ended at `since` or later. They count as begun then
        if they began before."""
        return (
            self._number(
                "SELECT sum(ended_at - max(answered_at, ?)) FROM call "
                "WHERE rule = ? AND rule != '' AND ended_at >= ? AND answered_at IS NOT NULL",
                *(since, rule, since),
            )
            or 0
        )

    # -- recordings ---------------------------------------------------------------------------------------------------

    def recordings_size(self) -> int:
        """Octets of all recordings."""
        return self._number("SELECT sum(recording_size) FROM call WHERE recording != ''") or 0

    def knows_recording(self, file: str) -> bool:
        """Whether a call has this recording, or had it and its file is yet to be deleted."""
        return any(
            self._one(f"SELECT 1 FROM {table} WHERE {column} = ? AND {column} != ''", file) is not None  # noqa: S608
            for table, column in (("call", "recording"), ("unwanted", "file"))
        )

    def make_room(self, wanted: int, reason: str) -> bool:
        """Give up the oldest recordings that were heard of until they held `wanted` octets; False, and nothing is
        given up, where all of these hold less.

        Heard of: the owner has marked the call as read, or it went out and no delivery waits. `reason`
        stands in the call from then on.
        """
        chosen: list[tuple[int, str]] = []
        for call, file, size in self._all(_HEARD_OF):
            if wanted <= 0:
                break
            chosen.append((call, file))
            wanted -= size
        if wanted > 0:
            return False
        with self._writing():
            for call, file in chosen:
                self._run("INSERT OR IGNORE INTO unwanted VALUES (?)", file)
                self._run("UPDATE call SET recording = '', recording_size = 0, reason = ? WHERE id = ?", reason, call)
        return True

    def unwanted_recordings(self) -> list[str]:
        """Names of files that are to be deleted."""
        return [row[0] for row in self._all("SELECT file FROM unwanted")]

    def recordings_deleted(self, files: Collection[str]) -> None:
        """These files are gone."""
        with self._writing():
            for file in files:
                self._run("DELETE FROM unwanted WHERE file = ?", file)

    def _delete_call(self, call: int, now: int) -> bool:
        row = self._one("SELECT uid, recording FROM call WHERE id = ?", call)
        if row is None:
            return False
        self._run("INSERT OR IGNORE INTO tombstone VALUES (?, ?)", row[0].encode(), now)
        if row[1]:
            self._run("INSERT OR IGNORE INTO unwanted VALUES (?)", row[1])
        self._run("DELETE FROM call WHERE id = ?", call)
        self._delete_event(call)
        return True


# What no rule wanted was told to nobody: only the owner's look counts then.
_HEARD_OF = """
SELECT id, recording, recording_size FROM call WHERE recording != '' AND (unread = 0 OR (
  EXISTS (SELECT 1 FROM delivery WHERE delivery.event = call.id AND delivery.state = 'done')
  AND NOT EXISTS (SELECT 1 FROM delivery WHERE delivery.event = call.id AND delivery.state = 'pending')))
ORDER BY id
"""
