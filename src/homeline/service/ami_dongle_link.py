"""The way to one modem through Asterisk: AT commands by the driver's console command, one at a time.

The driver answers a command with "queued", and what the modem says comes as events that name no slot and that a
stranger can forge. So a command of ours has a window of its own:

    command -> the driver's queue is empty again (`ShowDevices`) -> Ping -> the window is closed

The driver puts its events out before it takes the command from its queue, and Asterisk sends what is out before it
reads the next action. So an answer to our command is in the window, if there is one, and a slot without one is empty.
A window with more than one message tells nothing, since nobody knows which of them lies in the slot: it is read again.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from typing import TYPE_CHECKING

from homeline.errors import ActionRefused, ConnectionLost, DecodeError, NoData, ProtocolError, TimedOut
from homeline.protocol import dongle_events
from homeline.protocol.ami import Message
from homeline.protocol.commands_sms import Stored
from homeline.protocol.dongle_events import Device, Dialect, Phase

if TYPE_CHECKING:
    from homeline.adapters.ami import Ami

log = logging.getLogger(__name__)

QUEUE_DEADLINE = 60.0  # s: the driver gives a modem up that has not answered for 40
ACTION_DEADLINE = 10.0  # s for Asterisk's own answers
FIRST_LOOK, LAST_LOOK = 0.002, 0.25  # s between two looks at the driver's queue: modems answer within milliseconds
READS = 4  # of a slot until one is unmistakable


class NotLoadedError(ProtocolError):
    """The driver does not have this dongle."""


class Link:
    """One device of the driver. `told` is called with each message that was not asked for, `news` at other events."""

    def __init__(
        self, name: str, dialect: Dialect, ami: Ami, told: Callable[[Stored], None], news: Callable[[], None]
    ) -> None:
        self.ami, self.name, self.dialect = ami, name, dialect
        self.turn = asyncio.Lock()  # held while a command, or a message to be sent, is under way
        self.epoch = 0  # counts up whenever the dongle, its driver or Asterisk may be another one
        self._told, self._news = told, news
        self._window: list[Stored] | None = None
        self._stirred = asyncio.Event()
        self._stops = [
            ami.listen(dialect.action("NewCMGR"), self._new_message),
            ami.listen(dialect.action("Status"), self._new_status),
            ami.on_state(self._new_connection),
        ]

    def close(self) -> None:
        """Listen no more."""
        for stop in self._stops:
            stop()

    def ours(self, event: Message) -> bool:
        """Whether an event is of this device."""
        return event.get("Device") == self.name

    async def device(self) -> Device:
        """What the driver knows. Raises NotLoadedError, ActionRefused (no such driver), TimedOut, ConnectionLost."""
        rows = await self.ami.list(self.dialect.action("ShowDevices"), ACTION_DEADLINE, Device=self.name)
        entry = self.dialect.action("DeviceEntry")
        row = next((row for row in rows if row.event == entry and self.ours(row)), None)
        if row is None:
            raise NotLoadedError(f"{self.dialect.module} has no dongle {self.name}")
        return dongle_events.device(row)

    async def idle(self, epoch: int, deadline: float = QUEUE_DEADLINE) -> Device:
        """Wait until the driver's queue is empty and all that came of it is here; the device as it was then.

        Raises ConnectionLost when anything began anew since `epoch`, TimedOut, and what `device` does.
        """
        pause = FIRST_LOOK
        try:
            async with asyncio.timeout(deadline):
                while True:
                    self._stirred.clear()
                    device = await self.device()
                    self._expect(device, epoch)
                    if not device.tasks:
                        break
                    await self._stirring(pause)
                    pause = min(pause * 2, LAST_LOOK)
        except TimeoutError:
            raise TimedOut(f"{self.name}: the driver's queue was not empty within {deadline:g} s") from None
        await self.ami.call("Ping", ACTION_DEADLINE)
        self._expect(device, epoch)
        return device

    async def command(self, command: str) -> None:
        """Hand an AT command to the driver. Raises NoData where it did not take it, TimedOut, ConnectionLost."""
        answer = " ".join(await self.ami.command(self.dialect.at(self.name, command), ACTION_DEADLINE))
        if dongle_events.QUEUED not in answer:
            raise NoData(f"{self.name}: the driver did not take {command}: {answer.strip()[:200]}")

    async def read(self, slot: int, epoch: int) -> Stored | None:
        """What lies in a slot; None for nothing. Raises DecodeError where it could not be told, and as `idle`."""
        async with self.turn:
            doubtful: list[Stored] = []
            for _try in range(READS):
                found = await self._read(slot, epoch)
                if len(found) < 2:
                    answer = found[0] if found else None
                    self._tell([item for item in doubtful if answer is None or item.pdu != answer.pdu])
                    return answer
                doubtful += found
            self._tell(doubtful)
            raise DecodeError(f"{self.name}: slot {slot} could not be told from others in {READS} reads")

    async def _read(self, slot: int, epoch: int) -> list[Stored]:
        self._window = []
        try:
            await self.command(f"AT+CMGR={slot}")
            await self.idle(epoch)
            return self._window
        finally:
            self._window = None

    async def delete(self, slot: int, epoch: int) -> None:
        """Empty a slot. Whether the modem did is not told. Raises as `idle`."""
        async with self.turn:
            self._expect(None, epoch)
            await self.command(f"AT+CMGD={slot}")
            await self.idle(epoch)

    def _expect(self, device: Device | None, epoch: int) -> None:
        if epoch != self.epoch or (device is not None and device.phase is not Phase.UP):
            raise ConnectionLost(f"{self.name}: the driver has begun anew with the dongle")

    async def _stirring(self, longest: float) -> None:
        """Until an event came since the last look, at most so many seconds."""
        try:
            async with asyncio.timeout(longest):
                await self._stirred.wait()
        except TimeoutError:
            return

    def _new_message(self, event: Message) -> None:
        if not self.ours(event):
            return
        self._stirred.set()
        try:
            found = dongle_events.stored(event)
        except DecodeError as error:
            log.debug("%s: %s", self.name, error)
            return
        if found is None:
            return
        if self._window is not None:
            self._window.append(found)
        else:
            self._told(found)

    def _tell(self, found: list[Stored]) -> None:
        for item in found:
            self._told(item)

    def _new_status(self, event: Message) -> None:
        if not self.ours(event):
            return
        if event.get("Status") in ("Connect", "Disconnect"):
            self.epoch += 1
        self._stirred.set()
        self._news()

    def _new_connection(self, _connected: bool) -> None:
        self.epoch += 1
        self._stirred.set()
        self._news()


def explain(error: ActionRefused, dialect: Dialect) -> str:
    """Why the driver cannot be asked, for people."""
    words = str(error)
    if "unknown command" in words.lower():
        return f"Asterisk has no module {dialect.module} loaded"
    return words
