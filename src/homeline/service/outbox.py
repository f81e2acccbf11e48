"""Sending: a durable queue for each dongle (docs/messages.md).

A part is committed as `sending` before the modem gets it, so whatever happens afterwards is known: an answer makes it
`sent` or refused, a lost answer (or a crash) makes it `unknown`, and an unknown part is never sent again by itself.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from random import randrange
from typing import Concatenate, ParamSpec, Protocol, TypeVar, runtime_checkable

from homeline.adapters.store import Store
from homeline.adapters.store_outbox import UNTOLD
from homeline.adapters.store_requests import Limit
from homeline.config import Dongle
from homeline.core import numbers, outgoing
from homeline.errors import (
    EncodeError,
    HomelineError,
    InvalidArgument,
    ModemError,
    NotFound,
    NotSupported,
    StoreError,
)
from homeline.model import DongleState, DongleStatus, Message, MessageState, Part
from homeline.protocol import pdu
from homeline.protocol.pdu import Content
from homeline.service import numbering, shapes
from homeline.service.alerts import Alerts
from homeline.service.context import Context
from homeline.service.picking import pick

log = logging.getLogger(__name__)

P = ParamSpec("P")
T = TypeVar("T")

LONGEST_SLEEP = 3600.0  # seconds: an upper bound, for clocks that jump
# What the bus is told when a submission has ended.
EVENTS: dict[MessageState, tuple[str, ...]] = {
    MessageState.SENT: ("homeline.message.sent",),
    # The report was faster than the modem's answer. Who waits for the one or the other hears it.
    MessageState.DELIVERED: ("homeline.message.sent", "homeline.message.delivered"),
    MessageState.FAILED: ("homeline.message.failed",),
    MessageState.UNKNOWN: ("homeline.message.failed",),
}
STORE_PAUSE = 5.0  # seconds to wait after the store failed


class Sender(Protocol):
    """What the outbox wants of a driver."""

    status: DongleStatus

    async def submit(self, pdu_hex: str, tpdu_length: int) -> int:
        """Hand one PDU to the network; its message reference.

        Raises ModemError (refused), SubmitUnknown (the answer was lost), HomelineError (surely not sent).
        """
        ...


@runtime_checkable
class Texter(Protocol):
    """A driver that makes the PDUs itself: it wants whole texts, and tells no references."""

    status: DongleStatus

    def refuse(self, number: str, text: str, flash: bool) -> None:
        """Raises NotSupported or EncodeError for what it cannot send."""
        ...

    async def submit_text(self, number: str, text: str, parts: int, report: bool) -> None:
        """Hand a text of about so many parts to the network. Raises as `Sender.submit` does."""
        ...


AnySender = Sender | Texter


@dataclass(slots=True)
class Queue:
    """One dongle's worker: what wakes it, when it sent (monotonic seconds) for the rate limit, what it sends now."""

    wake: asyncio.Event = field(default_factory=asyncio.Event)
    sent: deque[float] = field(default_factory=deque)
    under_way: asyncio.Task[None] | None = None


class Outbox:
    """Queues messages and sends them, one at a time for each dongle."""

    def __init__(self, context: Context, alerts: Alerts, dongles: Mapping[str, AnySender]) -> None:
        self._context = context
        self._alerts = alerts
        self._dongles = dongles
        self._queues: dict[str, Queue] = {}
        self._waiting: dict[int, asyncio.Future[Message]] = {}

    # -- asking ---------------------------------------------------------------------------------------------------

    async def send(
        self,
        to: str,
        text: str,
        dongle: str = "",
        *,
        flash: bool = False,
        report: bool | None = None,
        wait: float = 0,
        request: tuple[str, str] | None = None,
        limits: Sequence[Limit] = (),
    ) -> Message:
        """Queue a message and return it as it stands after at most `wait` seconds.

        `request` is who asked for it and the asker's id of that (`Store.queue_message`): nothing is sent twice for it.
        `limits` are counted together with the queueing, and not for a request that was carried out before.

        Raises InvalidArgument for a number or text that cannot be sent, NotFound (dongle), LimitReached, StoreError.
        """
        message = await self._queue(to, text, pick(self._dongles, dongle), flash, report, request, limits)
        if wait <= 0:
            return message
        future = self._waiting[message.id] = asyncio.get_running_loop().create_future()
        self.nudge(message.dongle)
        try:
            return await asyncio.wait_for(future, wait)
        except TimeoutError:
            return (await self._context.database(Store.get_message, message.id))[0]
        finally:
            self._waiting.pop(message.id, None)

    async def _queue(
        self,
        to: str,
        text: str,
        sender: AnySender,
        flash: bool,
        report: bool | None,
        request: tuple[str, str] | None,
        limits: Sequence[Limit],
    ) -> Message:
        context = self._context
        name = sender.status.name
        address = await self._address(to)
        if not text:
            raise InvalidArgument("text: is empty.")
        if isinstance(sender, Texter):
            sender.refuse(address, text, flash)
        asked = report if report is not None else self._settings(name).report
        # Receivers join parts by sender and this reference: it should differ from that of the last message.
        content = Content(text, message_class=0 if flash else None, concat_reference=randrange(256))  # noqa: S311
        parts = pdu.encode_submit(address, content, report=asked)
        message = await context.database(
            Store.queue_message,
            name,
            sender.status.sim,
            address,
            to,
            text,
            parts[0].encoding,
            [(part.pdu, part.text) for part in parts],
            context.clock(),
            asked,
            flash,
            request,
            limits,
        )
        peer, shown = context.number_for_log(address), context.text_for_log(text)
        log.info("Message %d to %s queued on %s, %d part(s)%s", message.id, peer, name, len(parts), shown)
        self.nudge(name)
        return message

    async def resend(self, message_id: int) -> Message:
        """The owner's word: send what is failed or unknown of a message again. Raises NotFound, InvalidArgument."""
        database = self._context.database
        await database(Store.message_resend, message_id, self._context.clock())
        await self._alerts.clear(alert_key(message_id))
        message = (await database(Store.get_message, message_id))[0]
        self.nudge(message.dongle)
        return message

    async def _address(self, to: str) -> str:
        """What is dialled: E.164 where it can be, else the digits: a short code, or a number of no known country."""
        if numbers.is_e164(to):
            return to
        number = await numbering.normalize(to, self._context.config.main.country)
        if number.e164:
            return number.e164
        if number.kind not in (numbers.NumberKind.SHORT, numbers.NumberKind.UNKNOWN):
            raise InvalidArgument("to: is not a phone number.")  # not which: it goes to the log
        return "".join(character for character in to if character in "+0123456789")

    def _settings(self, name: str) -> Dongle:
        """The dongle's section; the defaults for one that has left the configuration."""
        return next((dongle for dongle in self._context.config.dongles if dongle.name == name), Dongle(name))

    def nudge(self, dongle: str) -> None:
        """Something changed for this dongle: a message was queued, or it became ready."""
        if dongle in self._queues:
            self._queues[dongle].wake.set()

    # -- sending --------------------------------------------------------------------------------------------------

    async def serve(self, name: str) -> None:
        """Send what is queued for one dongle, until cancelled."""
        queue = self._queues.setdefault(name, Queue())
        while True:
            queue.wake.clear()
            try:
                pause = await self._next(name, queue)
            except StoreError as error:
                log.warning("%s: the outbox cannot be read or written: %s", name, error)
                pause = STORE_PAUSE
            except NotFound as error:  # deleted meanwhile, or gone with a damaged database
                log.info("%s: %s", name, error)
                pause = 0.0
            if pause > 0:
                await _sleep_until(queue.wake, pause)

    async def settle(self, name: str, patience: float) -> None:
        """Wait until what is being sent for a dongle has ended and is committed, at most so many seconds."""
        queue = self._queues.get(name)
        if queue is not None and queue.under_way is not None:
            await asyncio.wait([queue.under_way], timeout=patience)

    async def _next(self, name: str, queue: Queue) -> float:
        """Try to send one message; seconds until there may be something to do again."""
        if queue.under_way is not None:  # of before the dongle's settings changed: nothing may be sent beside it
            await asyncio.wait([queue.under_way])
            queue.under_way = None
        sender = self._dongles.get(name)
        if sender is None or sender.status.state is not DongleState.READY:
            return LONGEST_SLEEP  # its change of state nudges
        context = self._context
        now = context.clock()
        waiting = await context.database(Store.next_queued, name, now)
        if waiting is None:
            due = await context.database(Store.next_queued_at, name)
            return LONGEST_SLEEP if due is None else min(max(due - now, 1), LONGEST_SLEEP)
        message, parts = waiting
        pause = self._over_rate(name, queue, len(parts))
        if pause <= 0:
            # Not to be cut off: what the modem has got must be known, or the message would stay `sending`.
            queue.under_way = asyncio.get_running_loop().create_task(self._send(sender, message, parts, queue))
            await asyncio.shield(queue.under_way)
            queue.under_way = None
        return pause

    def _over_rate(self, name: str, queue: Queue, parts: int) -> float:
        """Seconds to wait until so many parts are within the dongle's rate of parts a minute; 0 for none."""
        rate = self._settings(name).rate
        now = time.monotonic()
        while queue.sent and now - queue.sent[0] >= 60:
            queue.sent.popleft()
        excess = len(queue.sent) + min(parts, rate) - rate
        return 0.0 if rate <= 0 or excess <= 0 else 60 - (now - queue.sent[excess - 1])

    async def _send(self, sender: AnySender, message: Message, parts: Sequence[Part], queue: Queue) -> None:
        """Submit the parts that the network does not have yet, and settle the message's state."""
        waiting = [part for part in parts if part.state not in ("sent", "delivered", "unknown")]
        # A driver that makes the PDUs gets the whole text, so all parts go and fail together.
        for group in [waiting] if isinstance(sender, Texter) else [[part] for part in waiting]:
            if group and not await self._submit(sender, message, group, queue):
                return
        after, event = await self._commit(Store.message_sent, message.id, self._context.clock(), self._context.plan)
        self._context.happened(event)
        await self._settled(after)

    async def _submit(self, sender: AnySender, message: Message, parts: Sequence[Part], queue: Queue) -> bool:
        """Hand parts over and commit what became of them; whether the others may follow."""
        for part in parts:
            await self._commit(Store.part_sending, message.id, part.number, sender.status.sim)
            queue.sent.append(time.monotonic())
        try:
            reference = await _hand_over(sender, message, parts)
        except HomelineError as error:
            unknown = outgoing.may_have_gone(error)
            if unknown:
                log.warning("Message %d part %d: %s", message.id, parts[0].number, error)
            for part in parts:
                await self._commit(
                    Store.part_unknown if unknown else Store.part_failed, message.id, part.number, str(error)
                )
            if not unknown:
                await self._refused(message, error)
            return unknown
        for part in parts:
            await self._commit(Store.part_sent, message.id, part.number, reference, self._context.clock())
        return True

    async def _commit(self, method: Callable[Concatenate[Store, P], T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Write what becomes of a submission, however long the store refuses: forgotten, it would stay `sending`."""
        while True:
            try:
                return await self._context.database(method, *args, **kwargs)
            except StoreError as error:
                log.warning("What becomes of a message that is being sent waits for the database: %s", error)
                await asyncio.sleep(STORE_PAUSE)

    async def _refused(self, message: Message, error: HomelineError) -> None:
        """Decide by the error's class whether the message is tried again."""
        context = self._context
        attempts = await self._commit(Store.attempts, message.id)
        refusal = error if isinstance(error, ModemError) else None
        verdict = outgoing.after_failure(refusal, attempts, self._settings(message.dongle).retries)
        if isinstance(error, NotSupported | EncodeError):  # queued for another driver than the dongle has now
            verdict = outgoing.Verdict(None)
        if verdict.retry_after is None:
            event = await self._commit(Store.message_failed, message.id, str(error), context.clock(), context.plan)
            context.happened(event)
            await self._settled((await self._commit(Store.get_message, message.id))[0])
            return
        log.warning("Message %d is tried again in %d s: %s", message.id, verdict.retry_after, error)
        await self._commit(
            Store.message_retry, message.id, context.clock() + verdict.retry_after, str(error), verdict.counts
        )

    async def left_unknown(self, message: Message) -> None:
        """The last run ended while this message was being sent: tell the owner."""
        self._context.emit("homeline.message.failed", shapes.message(message))
        await self._alert(message)

    async def _settled(self, message: Message) -> None:
        """Tell whoever waits, the bus, and (of trouble) the owner how a submission ended.

        `message` is as it was committed then: what a report makes of it meanwhile is told by itself.
        """
        future = self._waiting.get(message.id)
        if future is not None and not future.done():
            future.set_result(message)
        for name in EVENTS[message.state]:
            self._context.emit(name, shapes.message(message))
        if message.state in (MessageState.SENT, MessageState.DELIVERED):
            log.info("Message %d sent by %s", message.id, message.dongle)
        else:
            await self._alert(message)

    async def _alert(self, message: Message) -> None:
        what = "may or may not have been sent" if message.state is MessageState.UNKNOWN else "was not sent"
        await self._alerts.raise_(
            alert_key(message.id),
            f"The message to {message.peer} {what}: {message.error}",
            "It is not sent again by itself; send it once more if it did not arrive.",
            dongle=message.dongle,
            logged=f"Message {message.id} {what}: {message.error}",
        )


def alert_key(message_id: int) -> str:
    """The key of the alert that a message was not, or perhaps not, sent."""
    return f"message.{message_id}.failed"


async def _hand_over(sender: AnySender, message: Message, parts: Sequence[Part]) -> int:
    """Hand one part, or to a Texter the whole text, to the network: its reference. Raises as `Sender.submit` does."""
    if not isinstance(sender, Texter):
        return await sender.submit(parts[0].pdu, _tpdu_length(parts[0].pdu))
    sender.refuse(message.peer, message.text, message.flash)
    await sender.submit_text(message.peer, message.text, len(parts), message.report)
    return UNTOLD


def _tpdu_length(hex_pdu: str) -> int:
    """What AT+CMGS wants: octets without the service centre's field, whose first octet is its length."""
    return len(hex_pdu) // 2 - 1 - int(hex_pdu[:2], 16)


async def _sleep_until(event: asyncio.Event, seconds: float) -> None:
    try:
        await asyncio.wait_for(event.wait(), seconds)
    except TimeoutError:
        return
