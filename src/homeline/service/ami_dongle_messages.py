"""Receiving through Asterisk's driver: the SIM is the spool, and we walk its slots ourselves.

Nobody says in which slot a message lies, how many slots there are, or that a message was deleted. So

- what the driver tells of is a hint of what to look for: free slots are read from the first on until it is found;
- slots are read without a hint when the dongle or Asterisk began anew, and from time to time, because hints get lost.
  Each empty one is a line in Asterisk's log, so all of them are read only once a day, and of a SIM never seen before;
- what lies in a slot is what two reads in a row gave, each of them unmistakable (`ami_dongle_link`). Only that is
  committed, and the slot is emptied only after the commit. A forged event costs reads; it neither stores nor deletes.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterator
from enum import Enum
from typing import NamedTuple

from homeline.core import storage
from homeline.errors import DecodeError
from homeline.model import Disposition, Storage
from homeline.protocol import pdu
from homeline.protocol.commands_sms import Stored
from homeline.protocol.dongle_events import LAST_SLOT
from homeline.service.ami_dongle_link import Link
from homeline.service.dongle_messages import OWN, Handled, is_report
from homeline.service.host import Host, Timing

log = logging.getLogger(__name__)

BATCH = 16  # messages that are committed at once: a message waits until they are read
GAP = 20  # free slots beyond the last one that was ever used that are looked at: modems take the first free one
A_LITTLE = 3  # likewise, when nothing was told and it is only made sure
DAY = 144  # so many times it is made sure until all slots are read
SMALLEST_SIM = 10  # slots; with the policy `when_full`, since the size is not known
MOST_HINTS = 500
RETRIES = 3  # soon after a slot could not be read
READS = 4  # of a slot until two in a row agree


class Reach(Enum):
    """Which slots are read."""

    ALL = 1
    USED = 2  # those that can be in use, also those that are known to be
    TOLD = 3  # free ones, until what was told is found
    LITTLE = 4  # the first free ones


class Card(NamedTuple):
    """Whose messages the SIM holds: as `ReceivedPart.sim` has it, and by which names it may be known."""

    sim: str
    owners: tuple[str, ...]


class Found(NamedTuple):
    slot: int
    pdu: str


class SimMessages:
    """The messages of one dongle. `told` and `forget` may be called at any time; `work` by one task."""

    def __init__(self, name: str, policy: Storage, link: Link, host: Host, timing: Timing) -> None:
        self._name, self._policy, self._link, self._host, self._timing = name, policy, link, host, timing
        self._loop = asyncio.get_running_loop()
        self._held: dict[int, Handled] = {}  # what is committed, or not ours to touch, and lies there
        self._hints: dict[str, None] = {}  # PDUs that were told and not found yet
        self._new: set[str] = set()  # those among them that came while a SIM never seen before was read
        self._known: dict[str, bool] = {}
        self._card = Card("", ())
        self._epoch = -1
        self._wanted: Reach | None = Reach.USED  # how far to look at least, though nothing may be told
        self._last = -1  # the last slot that was ever used
        self._due = self._not_before = 0.0  # loop's time
        self._wide_at = 0.0  # likewise: when a hint may have all slots read
        self._unclear = False  # a slot could not be read this time
        self._unclear_rounds = 0  # and how many times in a row
        self._rounds = 0

    @property
    def due(self) -> float:
        """When `work` has something to do again, by the loop's clock; hints may make it sooner."""
        return max(self._not_before, 0.0 if self._hints or self._wanted else self._due)

    @property
    def count(self) -> int:
        """Messages that are known to lie on the SIM."""
        return len(self._held)

    def told(self, stored: Stored) -> None:
        """The driver has read a message somewhere, or somebody says so."""
        if stored.stat not in OWN and len(self._hints) < MOST_HINTS:
            self._hints[stored.pdu] = None
            self._new.add(stored.pdu)

    def forget(self) -> None:
        """Read all, and hand everything on again: what is archived may have been released."""
        self._held.clear()
        self._wanted = Reach.ALL

    def rest(self, seconds: float) -> None:
        """Something failed: leave the SIM alone for a while."""
        self._not_before = self._loop.time() + seconds

    async def begin(self, card: Card) -> None:
        """Get ready for this card: what the driver tells from now on is no old message. Raises as `work` does."""
        if card != self._card or self._epoch != self._link.epoch:
            epoch = self._link.epoch
            await self._link.idle(epoch)  # the driver has read all slots by itself
            self._card, self._epoch = card, epoch
            self._held.clear()  # what is known of the slots is of use only while nothing began anew
            self._new.clear()
            self._wanted, self._last, self._rounds = Reach.USED, -1, 0

    async def work(self) -> None:
        """Receive what waits, after `begin`. Raises StoreError, TimedOut, ConnectionLost, NoData, ActionRefused,
        ProtocolError."""
        if self._loop.time() < self.due:
            return
        await self._link.idle(self._epoch)
        known = await self._is_known()
        reach = self._reach(known)
        self._wanted, self._unclear = None, False
        try:
            await self._walk(reach, known)
            if not known:
                await self._remember()
        except BaseException:
            if self._wanted is not Reach.ALL:  # which may have been asked for meanwhile
                self._wanted = reach
            raise
        self._new.clear()
        self._next(reach)

    def _reach(self, known: bool) -> Reach:
        """How far to look this time."""
        if not known or self._rounds % DAY == DAY - 1:
            return Reach.ALL
        return self._wanted or (Reach.TOLD if self._hints else Reach.LITTLE)

    def _next(self, reach: Reach) -> None:
        """When to look again without being told."""
        self._unclear_rounds = self._unclear_rounds + 1 if self._unclear else 0
        again = 0 < self._unclear_rounds <= RETRIES
        if again or reach is not Reach.TOLD:
            self._rounds += 1
            self._due = self._loop.time() + (self._timing.read_retry if again else self._timing.drain)

    async def _is_known(self) -> bool:
        for owner in self._card.owners:
            if owner not in self._known:
                self._known[owner] = await self._host.known_sim(owner)
        return any(self._known[owner] for owner in self._card.owners)

    async def _remember(self) -> None:
        for owner in self._card.owners:
            await self._host.remember_sim(owner, self._name)
            self._known[owner] = True

    # Looking -----------------------------------------------------------------------------------------------------

    async def _walk(self, reach: Reach, known: bool) -> None:
        """Read slots from the first on, commit what is found and empty them."""
        wanted = set(self._hints)  # not those that come from now on: they may lie in slots that were read by then
        found: list[Found] = []
        try:
            for slot in self._slots(reach, wanted):
                item = await self._look(slot)
                if item is not None:
                    found.append(item)
                if found and (item is None or len(found) >= BATCH or wanted.isdisjoint(self._hints)):
                    await self._take(found, known)
                    found = []
            await self._take(found, known)
        except BaseException:
            self._hints.update((item.pdu, None) for item in found)  # read and perhaps not committed
            raise
        missing = wanted.intersection(self._hints)
        for text in missing:
            del self._hints[text]
        if missing:
            self._missed(len(missing), reach)

    def _slots(self, reach: Reach, wanted: set[str]) -> Iterator[int]:
        """The slots to read, while what is read changes how far to go."""
        gap = A_LITTLE if reach is Reach.LITTLE else GAP
        for slot in range(LAST_SLOT + 1):
            if reach is not Reach.ALL and slot > self._last + gap:
                return
            if reach is Reach.TOLD and wanted.isdisjoint(self._hints):
                return
            if slot not in self._held or reach in (Reach.ALL, Reach.USED):
                yield slot

    def _missed(self, count: int, reach: Reach) -> None:
        """What was told of was not found: a modem may use other slots than the first free one. Or it was forged."""
        log.info("%s: %d message(s) that the driver told of were not found", self._name, count)
        if reach is not Reach.ALL and self._loop.time() >= self._wide_at:
            self._wide_at = self._loop.time() + self._timing.drain
            self._wanted = Reach.ALL

    async def _look(self, slot: int) -> Found | None:
        """The message in a slot. One to be sent counts as held, and one that cannot be read as none."""
        try:
            stored = await self._agreed(slot)
        except DecodeError as error:
            log.warning("%s", error)
            self._unclear = True
            return None
        if stored is None:
            self._held.pop(slot, None)
            return None
        self._hints.pop(stored.pdu, None)
        self._last = max(self._last, slot)
        if stored.stat in OWN:
            self._held[slot] = Handled(stored.pdu, Disposition.ARCHIVED, 0)
            return None
        return Found(slot, stored.pdu)

    async def _agreed(self, slot: int) -> Stored | None:
        """What two reads in a row say lies there, of which one may be the read with which it was held. DecodeError."""
        last = self._held[slot].pdu if slot in self._held else ""
        others: list[Stored] = []
        for _read in range(READS):
            stored = await self._link.read(slot, self._epoch)
            now = stored.pdu if stored else ""
            if now == last:
                for item in others:
                    if item.pdu != now:
                        self.told(item)  # it came from elsewhere while this slot was read
                return stored
            last = now
            others += [stored] if stored else []
        self._hints.update((item.pdu, None) for item in others)
        raise DecodeError(f"{self._name}: slot {slot} was another one in each of {READS} reads")

    # Commit, then delete -----------------------------------------------------------------------------------------

    async def _take(self, found: list[Found], known: bool) -> None:
        await self._commit([item for item in found if not known and item.pdu not in self._new], archived=True)
        await self._commit([item for item in found if known or item.pdu in self._new], archived=False)
        await self._tidy([item.slot for item in found])

    async def _commit(self, found: list[Found], archived: bool) -> None:
        fresh = [item for item in found if self._pdu_in(item.slot) != item.pdu]
        parts = [(item, pdu.received_part(self._name, self._card.sim, item.pdu)) for item in fresh]
        messages = [(item, part) for item, part in parts if not await self._report(item, archived)]
        if not messages:
            return
        dispositions = await self._host.received([part for _item, part in messages], archived=archived)
        for (item, part), disposition in zip(messages, dispositions, strict=True):
            self._held[item.slot] = Handled(item.pdu, disposition, part.sent_at or 0)

    def _pdu_in(self, slot: int) -> str:
        return self._held[slot].pdu if slot in self._held else ""

    async def _report(self, item: Found, archived: bool) -> bool:
        """Commit a status report, unless an unknown SIM brought it; whether the PDU was one."""
        report = pdu.status_report(item.pdu) if is_report(item.pdu) else None
        if report is None:
            return False
        if not archived:
            await self._host.reported(report, self._name, self._card.sim, item.pdu)
        self._held[item.slot] = Handled(item.pdu, Disposition.ARCHIVED if archived else Disposition.STORED, 0)
        return True

    async def _tidy(self, slots: list[int]) -> None:
        """Apply the storage policy to what was committed."""
        if self._policy is Storage.DELETE:
            for slot in slots:
                if self._deletable(slot):
                    await self._delete(slot)
        elif self._policy is Storage.WHEN_FULL:
            stored = [slot for slot in self._held if self._deletable(slot)]
            stored.sort(key=lambda slot: self._held[slot].sent_at)
            for slot in stored[: storage.to_free(len(self._held), SMALLEST_SIM)]:
                if await self._look(slot) is not None and self._deletable(slot):  # it was read long ago
                    await self._delete(slot)

    def _deletable(self, slot: int) -> bool:
        return slot in self._held and self._held[slot].disposition is Disposition.STORED

    async def _delete(self, slot: int) -> None:
        del self._held[slot]
        await self._link.delete(slot, self._epoch)
