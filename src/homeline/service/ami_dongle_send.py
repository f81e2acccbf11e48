"""Sending through Asterisk's driver: a whole text at a time, since the driver makes the PDUs itself.

The driver answers that a text is queued, and tells in an event that names our `Payload` when it failed, or, where no
status report is asked for, that it went out. With a status report it tells nothing when all is well: the message is
out when the driver's queue is empty and no failure was told. What is lost on the way leaves the message `unknown`.
"""

from __future__ import annotations

import asyncio
import os

from homeline.errors import ActionRefused, ConnectionLost, HomelineError, ModemError, NoData, SubmitUnknown, TimedOut
from homeline.protocol import dongle_events
from homeline.protocol.ami import Message
from homeline.protocol.dongle_events import Outcome
from homeline.service.ami_dongle_link import ACTION_DEADLINE, Link

DEADLINE = 60.0  # s for each part: the driver gives a modem up that has not answered for 40
GONE = ("disconnected", "disabled", "not found", "queue")  # what the driver says of a dongle, rather than of a text
NOT_SENDABLE = ("CMS", 304)  # 3GPP TS 27.005 3.2.5, invalid PDU mode parameter: for good


class Submitter:
    """One device's way out."""

    def __init__(self, link: Link) -> None:
        self._link = link
        self._outcomes: dict[str, asyncio.Future[Outcome]] = {}  # by a payload that nobody can guess
        self._stop = link.ami.listen(link.dialect.action("Report"), self._told)

    def close(self) -> None:
        self._stop()

    async def submit(self, number: str, text: str, parts: int, report: bool) -> None:
        """Hand a text to the network; returns when it has all parts.

        Raises ModemError (refused), SubmitUnknown (what became of it is not known), EncodeError and NoData (surely
        not sent).
        """
        written = dongle_events.text(text)
        async with self._link.turn:
            if not self._link.ami.connected:
                raise NoData(f"{self._link.name}: Asterisk is not there")
            payload, epoch = os.urandom(12).hex(), self._link.epoch
            self._outcomes[payload] = asyncio.get_running_loop().create_future()
            try:
                await self._queue(number, written, report, payload)
                await self._end(payload, epoch, DEADLINE * parts)
            finally:
                del self._outcomes[payload]

    async def _queue(self, number: str, written: str, report: bool, payload: str) -> None:
        link = self._link
        try:
            await link.ami.call(
                *(link.dialect.action("SendSMS"), ACTION_DEADLINE),
                Device=link.name,
                Number=number,
                Message=written,
                Report="yes" if report else "no",
                Payload=payload,
            )
        except ActionRefused as error:
            if any(word in str(error).lower() for word in GONE):
                raise NoData(f"{link.name}: {error}") from error
            raise ModemError(f"Asterisk's driver: {error}", *NOT_SENDABLE) from error
        except (TimedOut, ConnectionLost) as error:
            raise SubmitUnknown(f"{link.name}: {error}") from error

    async def _end(self, payload: str, epoch: int, deadline: float) -> None:
        """Wait for what becomes of it."""
        outcome = self._outcomes[payload]
        idle = asyncio.ensure_future(self._link.idle(epoch, deadline))
        try:
            await asyncio.wait((idle, outcome), return_when=asyncio.FIRST_COMPLETED)
            if not (outcome.done() and outcome.result().success):
                await idle  # after a failure as well: the driver goes on with the other parts
        except HomelineError as error:
            if not outcome.done():
                raise SubmitUnknown(f"{self._link.name}: {error}") from error
        finally:
            idle.cancel()
        if outcome.done() and not outcome.result().success:
            raise ModemError(f"{self._link.name}: the modem or the network refused it; the driver does not say why")

    def _told(self, event: Message) -> None:
        outcome = dongle_events.outcome(event)
        future = self._outcomes.get(outcome.payload)
        if future is not None and not future.done() and outcome.submission and self._link.ours(event):
            future.set_result(outcome)
