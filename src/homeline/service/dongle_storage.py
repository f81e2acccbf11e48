"""The message memories of a modem: reading, listing, deleting, and how full they are.

A modem reads from one memory at a time (AT+CPMS), so everything here names the memory and selects it where needed.
"""

from __future__ import annotations

import logging

from homeline.adapters.serial import AtPort, Mute
from homeline.core.bringup import PASSING, Modem, sim_trouble
from homeline.errors import DecodeError, ModemError
from homeline.model import Reason
from homeline.protocol import commands_sms
from homeline.protocol.commands_sms import Memory, Stored
from homeline.service.dongle_steps import StartOverError

log = logging.getLogger(__name__)

Slot = tuple[str, int]  # memory and index

NO_SUCH_SLOT = 321  # +CMS ERROR of an index that is empty
LARGEST_MEMORY = 255  # slots that are looked at where the modem does not say how many it has
LISTED_OCTETS = 400  # of one message in a list, header and line ends included
LIST_PATIENCE = 30.0  # seconds beyond what the line itself needs, three times over


class Storages:
    """The memories of the modem behind one open port."""

    def __init__(self, name: str, port: AtPort, modem: Modem, baudrate: int) -> None:
        self._name, self._port, self._modem, self._baudrate = name, port, modem, baudrate
        self._honest: set[str] = set()  # memories whose list was found complete

    async def read(self, slot: Slot) -> Stored | None:
        """What lies in a slot, None if nothing. Raises ModemError, TimedOut, StartOverError, Mute, ConnectionLost."""
        await self._select(slot[0])
        try:
            return await self._port.run(commands_sms.read_message(slot[1]))
        except ModemError as error:
            if error.code == NO_SUCH_SLOT:
                return None
            raise
        except DecodeError as error:
            if await self._port.run(commands_sms.message_format()) != 0:
                raise StartOverError("the modem left PDU mode: it has lost its settings") from error
            log.warning("%s: slot %d of %s cannot be read: %s", self._name, slot[1], slot[0], error)
            return None

    async def delete(self, slot: Slot) -> None:
        """Empty a slot; one that is empty already is no error. Raises as `read`."""
        await self._select(slot[0])
        try:
            await self._port.run(commands_sms.delete_message(slot[1]))
        except ModemError as error:
            if error.code != NO_SUCH_SLOT:
                raise
        self.count(slot[0], -1)

    async def use(self, memory: str) -> Memory | None:
        """How full a memory is, asked of the modem; None if it does not say. The memory is selected then."""
        if (rows := await self._select(memory)) is not None:
            return rows
        rows = next((row for row in await self._port.run(commands_sms.memory_use()) if row.name == memory), None)
        if rows is not None:
            self._modem.use[memory] = rows
        return rows

    async def everything(self, memory: str, use: Memory | None) -> list[tuple[Slot, Stored]]:
        """All of a memory; slot by slot where its list is refused, unreadable or shorter than the modem says.

        What cannot be read has an empty `pdu`. Raises as `read`.
        """
        if use is not None and not use.used:
            return []
        expected = use.used if use else 1
        listed = await self._list(memory, expected)
        found = [((memory, stored.index), stored) for stored in listed if stored.index is not None]
        complete = len(found) >= expected and all(stored.pdu for _slot, stored in found)
        if complete or memory in self._honest:
            return found
        slots = await self._each_slot(memory, use)
        if len(slots) <= len(found):
            self._honest.add(memory)  # it counts what it never lists: no need to look each time
            return found
        return slots

    def count(self, memory: str, change: int) -> None:
        """Messages came or went."""
        use = self._modem.use.get(memory)
        if use is not None:
            self._modem.use[memory] = Memory(use.name, max(0, use.used + change), use.total)

    async def _select(self, memory: str) -> Memory | None:
        """Make AT+CMGR, AT+CMGL and AT+CMGD mean this memory. Its use, if that had to be done and the modem says it."""
        if self._modem.selected == memory:
            return None
        self._modem.selected = ""
        rows = await self._port.run(commands_sms.select_memories(memory))
        self._modem.selected = memory
        if not rows:
            return None
        self._modem.use[memory] = rows[0]
        return rows[0]

    async def _list(self, memory: str, expected: int) -> tuple[Stored, ...]:
        patience = LIST_PATIENCE + 3 * expected * LISTED_OCTETS * 10 / self._baudrate
        try:
            return await self._port.run(commands_sms.list_messages(), patience)
        except Mute:
            raise
        except PASSING as error:
            if sim_trouble(error) is not Reason.NONE:
                raise
            log.info("%s: %s is read slot by slot, its list fails: %s", self._name, memory, error)
            return ()

    async def _each_slot(self, memory: str, use: Memory | None) -> list[tuple[Slot, Stored]]:
        found: list[tuple[Slot, Stored]] = []
        for index in range((use.total if use else LARGEST_MEMORY) + 1):  # the first index is 0 or 1
            if use and len(found) >= use.used:
                break
            if (stored := await self._try_slot((memory, index))) is not None:
                found.append(((memory, index), stored))
        return found

    async def _try_slot(self, slot: Slot) -> Stored | None:
        """As `read`, but what the modem refuses for whatever reason counts as empty: others may be readable."""
        try:
            return await self.read(slot)
        except ModemError as error:
            if sim_trouble(error) is not Reason.NONE:
                raise
            return None
