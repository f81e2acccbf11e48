"""Receiving on one open port: what is told (+CMTI, +CMT, +CDSI, +CDS) and what lies in the memories.

A part is read, handed to the host, and only after the host's commit deleted or acknowledged. What cannot be committed
stays where it is and is tried again. All memories are read at the start and from time to time, because an indication
can be lost. One worker does all of it, so that nothing is read twice or deleted too early.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Sequence
from typing import NamedTuple

from homeline.adapters.serial import AtPort, Mute
from homeline.core import bringup, storage
from homeline.core.bringup import PASSING, Modem, sim_trouble
from homeline.errors import ModemError, StoreError
from homeline.model import Disposition, Reason, ReceivedPart, Storage
from homeline.protocol import commands_sms, pdu
from homeline.protocol.commands_sms import Stored
from homeline.protocol.notices import NewMessage, StatusReportNotice
from homeline.service.dongle_steps import StartOverError, take_step
from homeline.service.dongle_storage import Slot, Storages
from homeline.service.host import Host, Timing

log = logging.getLogger(__name__)

BATCH = 64  # parts that are handed on at once: one commit for all of them
OWN = (2, 3)  # <stat> of messages to be sent: not ours to touch
REPORTS = "SR"  # the memory that some modems have for status reports alone
MAX_DIRECT = 500  # direct messages kept while the store cannot commit


class Direct(NamedTuple):
    """A PDU that was shown and is nowhere stored."""

    pdu: str
    report: bool


class Handled(NamedTuple):
    """What was committed and still lies in its slot."""

    pdu: str
    disposition: Disposition
    sent_at: int  # 0 where it is not known: such a one counts as old


class Messages:
    """The messages of one dongle while one port is open."""

    def __init__(
        self,
        name: str,
        policy: Storage,
        port: AtPort,
        modem: Modem,
        storages: Storages,
        host: Host,
        timing: Timing,
        direct: deque[Direct],
    ) -> None:
        """`direct` outlives the port: what it holds was not committed yet."""
        self._name, self._policy, self._timing = name, policy, timing
        self._port, self._modem, self._storages = port, modem, storages
        self._host, self._direct = host, direct
        self._loop = asyncio.get_running_loop()
        self._wake = asyncio.Event()
        self._told: dict[Slot, None] = {}  # indicated and not read yet, in order
        self._seen: set[Slot] = set()  # indicated since the port was opened: no old message, whatever the SIM is
        self._handled: dict[Slot, Handled] = {}
        self._known: dict[str, bool] = {}  # SIMs, and modems, whose old messages are archived
        self._drain_at = 0.0
        self._busy = False

    def told(self, notice: NewMessage | StatusReportNotice) -> None:
        """An indication came."""
        if isinstance(notice, StatusReportNotice) and notice.pdu:
            self.shown(notice.pdu, report=True)
        elif notice.index is None or notice.storage not in (*self._modem.memories, REPORTS):
            self.drain_soon()
        else:
            slot = (notice.storage, notice.index)
            self._told[slot] = None
            self._seen.add(slot)
            self._handled.pop(slot, None)
            self._wake.set()

    def shown(self, text: str, report: bool) -> None:
        """A message or report came directly."""
        if len(self._direct) >= MAX_DIRECT:
            log.error("%s: the store takes nothing and %d messages wait: one is dropped", self._name, MAX_DIRECT)
            self._direct.popleft()
        self._direct.append(Direct(text, report))
        self._wake.set()

    def drain_soon(self) -> None:
        """Read all memories as soon as the worker is free."""
        self._drain_at = 0.0
        self._wake.set()

    def forget(self) -> None:
        """Drain, and hand everything on again: what is archived may have been released."""
        self._handled.clear()
        self.drain_soon()

    @property
    def idle(self) -> bool:
        """Nothing is known to wait, and nothing is being read."""
        return not (self._told or self._direct or self._busy)

    async def work(self) -> None:
        """Receive for ever. Raises Mute, ConnectionLost, StartOverError."""
        while True:
            self._wake.clear()
            self._busy = True
            try:
                await self._take_all()
            except StoreError as error:
                log.warning("%s: messages stay on the SIM, the store cannot take them: %s", self._name, error)
                self._retry(self._timing.store_retry)
            except Mute:
                raise
            except PASSING as error:
                if sim_trouble(error) is not Reason.NONE:
                    raise StartOverError(str(error)) from error
                log.warning("%s: messages could not be read: %s", self._name, error)
                self._retry(self._timing.read_retry)
            self._busy = False
            await self._sleep()

    async def _take_all(self) -> None:
        await self._take_direct()
        if await self._all_known():  # else the old messages first: only then can a SIM be known, and what comes is new
            await self._take_told()
        if self._loop.time() >= self._drain_at:
            self._drain_at = self._loop.time() + self._timing.drain
            for memory in reversed(self._modem.memories):  # the receiving one last: it stays selected
                await self._drain(memory)

    def _retry(self, delay: float) -> None:
        """Look at everything again after a while, at the latest."""
        self._drain_at = min(self._drain_at, self._loop.time() + delay)
        self._told.clear()  # the drain finds them

    async def _sleep(self) -> None:
        try:
            async with asyncio.timeout_at(self._drain_at):
                await self._wake.wait()
        except TimeoutError:
            return

    # Messages that are nowhere stored ----------------------------------------------------------------------------

    async def _take_direct(self) -> None:
        while self._direct:
            item = self._direct[0]
            await self._commit_direct(item)
            self._drop_direct(item)
            if self._modem.acknowledges:
                await self._acknowledge()

    async def _commit_direct(self, item: Direct) -> None:
        report = pdu.status_report(item.pdu) if item.report else None
        try:
            if report is not None:
                await self._host.reported(report, self._name, self._modem.sim, item.pdu)
            else:
                await self._host.received([self._part(item.pdu)], archived=False)
        except StoreError:
            if self._modem.acknowledges:  # not acknowledged, the network sends it again as soon as we listen again
                self._drop_direct(item)
                await take_step(self._port, self._modem, bringup.INDICATIONS)
            raise

    def _drop_direct(self, item: Direct) -> None:
        """It is dealt with; `shown` may have dropped it already, and then the next one is first."""
        if self._direct and self._direct[0] is item:
            self._direct.popleft()

    async def _acknowledge(self) -> None:
        try:
            await self._port.run(commands_sms.acknowledge())
        except ModemError as error:
            log.debug("%s: nothing to acknowledge: %s", self._name, error)

    # Messages in the memories ------------------------------------------------------------------------------------

    async def _take_told(self) -> None:
        while self._told:
            found: list[tuple[Slot, Stored]] = []
            while self._told and len(found) < BATCH:
                slot = next(iter(self._told))
                del self._told[slot]
                stored = await self._storages.read(slot)
                if stored is not None:
                    self._storages.count(slot[0], +1)
                    found.append((slot, stored))
            await self._handle(found, archived=False)

    async def _drain(self, memory: str) -> None:
        """Everything in a memory. The old messages of a SIM, or a modem, never seen before are archived."""
        try:
            use = await self._storages.use(memory)
        except ModemError as error:
            if memory == self._modem.memories[0]:
                raise
            log.info("%s: memory %s is left out: %s", self._name, memory, error)
            self._modem.memories = tuple(name for name in self._modem.memories if name != memory)
            return
        owners = self._owners(memory)
        known = await self._is_known(owners)
        told = set(self._told)  # not those told from now on: they may mean a newer message than the one that is read
        found = await self._storages.everything(memory, use)
        self._forget_gone(memory, found)
        for slot, _stored in found:
            if slot in told:
                self._told.pop(slot, None)
        old = [entry for entry in found if not known and entry[0] not in self._seen]
        new = [entry for entry in found if known or entry[0] in self._seen]
        await self._hand_over(old, archived=True)
        await self._remember(owners)  # before the new ones: whatever ends this now, the next message is no old one
        await self._hand_over(new, archived=False)

    async def _all_known(self) -> bool:
        return all([await self._is_known(self._owners(memory)) for memory in self._modem.memories])

    async def _remember(self, owners: Sequence[str]) -> None:
        for owner in owners:
            if not self._known[owner]:
                await self._host.remember_sim(owner, self._name)
                self._known[owner] = True

    def _owners(self, memory: str) -> tuple[str, ...]:
        """Whose messages a memory holds: the SIM's, or the modem's, which may have had another SIM.

        A SIM goes by ICCID and IMSI: one of them may fail to be read now and then, and it must not seem unknown then.
        """
        modem = self._modem
        if memory != "SM" and modem.imei:
            return (f"imei:{modem.imei}",)
        return tuple(filter(None, (modem.iccid, modem.imsi))) or (modem.sim,)

    async def _is_known(self, owners: tuple[str, ...]) -> bool:
        for owner in owners:
            if owner not in self._known:
                self._known[owner] = await self._host.known_sim(owner)
        return any(self._known[owner] for owner in owners)

    def _forget_gone(self, memory: str, found: Sequence[tuple[Slot, Stored]]) -> None:
        present = {slot for slot, _stored in found}
        for slot in [slot for slot in self._handled if slot[0] == memory and slot not in present]:
            del self._handled[slot]

    async def _hand_over(self, entries: Sequence[tuple[Slot, Stored]], archived: bool) -> None:
        for start in range(0, len(entries), BATCH):
            await self._handle(entries[start : start + BATCH], archived)

    # Commit, then delete -----------------------------------------------------------------------------------------

    async def _handle(self, found: Sequence[tuple[Slot, Stored]], archived: bool) -> None:
        parts: list[tuple[Slot, ReceivedPart]] = []
        for slot, stored in found:
            known = self._handled.get(slot)
            if stored.stat in OWN or not stored.pdu or (known and known.pdu == stored.pdu):
                continue
            if not await self._report(slot, stored.pdu, archived):
                parts.append((slot, self._part(stored.pdu)))
        if parts:
            dispositions = await self._host.received([part for _slot, part in parts], archived=archived)
            for (slot, part), disposition in zip(parts, dispositions, strict=True):
                self._handled[slot] = Handled(part.pdu, disposition, part.sent_at or 0)
        await self._tidy([slot for slot, _stored in found])

    async def _report(self, slot: Slot, text: str, archived: bool) -> bool:
        """Commit a status report, unless an unknown SIM brought it; whether the PDU was one."""
        report = pdu.status_report(text) if is_report(text) else None
        if report is None:
            return False
        if not archived:
            await self._host.reported(report, self._name, self._modem.sim, text)
        self._handled[slot] = Handled(text, Disposition.ARCHIVED if archived else Disposition.STORED, 0)
        return True

    def _part(self, text: str) -> ReceivedPart:
        return pdu.received_part(self._name, self._modem.sim, text)

    async def _tidy(self, slots: Sequence[Slot]) -> None:
        """Apply the storage policy to what was committed."""
        if self._policy is Storage.DELETE:
            await self._delete([slot for slot in slots if self._deletable(slot)])
        elif self._policy is Storage.WHEN_FULL:
            for memory in sorted({memory for memory, _index in slots}):
                await self._make_room(memory)

    def _deletable(self, slot: Slot) -> bool:
        """Committed, and still what lies there: a message may take the place of one (3GPP TS 23.040 9.2.3.9)."""
        handled = self._handled.get(slot)
        return slot not in self._told and handled is not None and handled.disposition is Disposition.STORED

    async def _make_room(self, memory: str) -> None:
        """Delete the oldest that are stored, when few slots are left."""
        use = self._modem.use.get(memory)
        if use is None or not storage.few_left(use.used, use.total):
            return
        stored = [slot for slot in self._handled if slot[0] == memory and self._deletable(slot)]
        stored.sort(key=lambda slot: self._handled[slot].sent_at)
        await self._delete(stored[: storage.to_free(use.used, use.total)])

    async def _delete(self, slots: Sequence[Slot]) -> None:
        for slot in slots:
            if not self._deletable(slot):  # told of meanwhile
                continue
            # Forgotten first: a new message may be in the slot before we hear that the old one is gone.
            handled = self._handled.pop(slot)
            self._seen.discard(slot)
            try:
                await self._storages.delete(slot)
            except ModemError as error:
                log.warning("%s: slot %d of %s cannot be emptied: %s", self._name, slot[1], slot[0], error)
                self._drain_at = min(self._drain_at, self._loop.time() + self._timing.store_retry)
                if slot not in self._told:
                    self._handled[slot] = handled


def is_report(text: str) -> bool:
    """Whether a PDU is a status report by its message type (3GPP TS 23.040 9.2.3.1), so that few are decoded twice."""
    try:
        start = 2 + 2 * int(text[:2], 16)
        return int(text[start : start + 2], 16) & 3 == 2
    except ValueError:
        return False
