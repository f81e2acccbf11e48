"""The channel of an `sms` section: other phones, by SMS.

A delivery is done when each number's SMS is queued durably: what becomes of an SMS is in the inbox, and an alert tells
of one that failed. What goes out costs money and may come back, so: a limit a day, nothing abroad unless allowed, and
nothing of what one of our own SMS caused (docs/sms.md).
"""

from __future__ import annotations

import asyncio
import contextlib
import re
from collections.abc import Mapping

from homeline.adapters.commands import OWNERS_PAUSE
from homeline.adapters.store import Store
from homeline.adapters.store_requests import Limit
from homeline.config_channels import Sms
from homeline.core.joining import same_number
from homeline.errors import (
    ConfigError,
    DeliveryError,
    EncodeError,
    InvalidArgument,
    LimitReached,
    NotFound,
    NotNeeded,
    NotSupported,
    StoreError,
)
from homeline.model import Delivery, DongleState, Event, EventKind, Registration
from homeline.protocol import pdu
from homeline.service import eventtext
from homeline.service.channels import HasStatus, Made, World
from homeline.service.note import Note
from homeline.service.picking import pick

DAY = 86400  # seconds
PAUSE = 900.0  # seconds until it is looked again whether the limit or the dongle allows more
CUT = "..."  # of the GSM alphabet: a real ellipsis would halve what fits
ECHO = 16, 60  # characters: fewer may be like any other text by chance, more may have been cut on the way
PART = 160  # characters: no part holds more
_FAILED = re.compile(r"message\.(\d{1,18})\.failed")


class SmsChannel(Made):
    """Sends to each number once for each delivery, however often it is tried."""

    timeout = 60.0
    concurrency = 1  # in order, and a second one would only wait for the same dongle

    def __init__(self, account: Sms, world: World) -> None:
        self.account, self._world = account, world
        self._waits = False  # something was not sent; perhaps it may be when a dongle's state changes

    async def deliver(self, delivery: Delivery, event: Event) -> None:
        """Queue what is not queued yet. Raises DeliveryError, NotNeeded."""
        note = self._world.wording.note(delivery, event)
        try:
            forward = [each for each in event.digest or (event,) if not await self._ours(each)]
            if not forward:
                raise NotNeeded("Not forwarded by SMS: one of our own SMS caused it.")
            text = fitted(compact(note, {each.id for each in forward}), self.account.max_parts)
            await self._send(text, note.key)
        except StoreError as error:
            raise DeliveryError(str(error)) from None

    async def _send(self, text: str, key: str) -> None:
        """To all that can have it now; then the first reason why one could not. Raises DeliveryError, StoreError."""
        trouble = None
        for number in self.account.to:
            try:
                await self._to(number, text, key)
            except DeliveryError as error:
                trouble = trouble or error
                self._waits = True
        if trouble is not None:
            raise trouble

    async def _to(self, number: str, text: str, key: str) -> None:
        world, source = self._world, _source(self.account, number)
        if await world.context.database(Store.request_result, source, key) is not None:
            return
        dongle, most = self._dongle(number), self.account.daily
        words = f"{number} may get {most} SMS within a day, and has got them: what is more waits."
        limit = Limit(source, DAY, most, words, pdu.preview(text).parts)
        try:
            await world.outbox.send(number, text, dongle.status.name, request=(source, key), limits=(limit,))
        except LimitReached as error:
            raise DeliveryError(str(error), retry_after=PAUSE) from None
        except (InvalidArgument, EncodeError, NotSupported) as error:
            raise DeliveryError(str(error), permanent=True) from None
        except NotFound as error:  # the dongle has just left the configuration
            raise DeliveryError(str(error), retry_after=OWNERS_PAUSE) from None

    def _dongle(self, number: str) -> HasStatus:
        """The dongle that sends. Raises DeliveryError if it cannot, or may not, now."""
        dongle = self._allowed()
        if any(same_number(number, each.status.number) for each in self._world.dongles.values()):
            raise DeliveryError(f"{number} is a dongle's own number.", retry_after=OWNERS_PAUSE)
        return dongle

    def _allowed(self) -> HasStatus:
        """As `_dongle`, whoever gets it."""
        try:
            dongle = pick(self._world.dongles, self.account.dongle)
        except NotFound as error:
            raise DeliveryError(str(error), retry_after=OWNERS_PAUSE) from None
        status = dongle.status
        if self.account.roaming:
            return dongle
        if status.state is not DongleState.READY:  # and so nobody knows in which network it will send
            raise DeliveryError(f"Dongle {status.name} is not ready.")
        if status.registration is Registration.ROAMING:
            words = f"Dongle {status.name} is abroad, and {self.account.name}.roaming does not allow that."
            raise DeliveryError(words, retry_after=PAUSE)
        return dongle

    async def run(self) -> None:
        """Let what waits for a dongle go on as soon as it may."""
        end = self._world.listen(self._heard)
        try:
            await asyncio.Event().wait()
        finally:
            end()

    def _heard(self, name: str, _data: Mapping[str, object]) -> None:
        if not self._waits or name != "homeline.dongle.changed":
            return
        with contextlib.suppress(DeliveryError):
            self._allowed()
            self._waits = False
            self._world.hurry(self.account.name)

    # -- loops --------------------------------------------------------------------------------------------------------

    async def _ours(self, event: Event) -> bool:
        """Whether an SMS that we forwarded caused it: to forward that would have no end. Raises StoreError."""
        if event.kind is EventKind.ALERT:
            return await self._failed_forwarding(event)
        if event.kind not in (EventKind.MESSAGE, EventKind.REPORT):
            return False
        accounts = self._accounts()
        own = [each.status.number for each in self._world.dongles.values()]
        if any(same_number(event.peer, number) for number in (*own, *(to for each in accounts for to in each.to))):
            return True
        since = self._world.context.clock() - DAY
        for source in {_source(account, number) for account in accounts for number in account.to}:
            texts = await self._world.context.database(Store.texts_since, source, since)
            if any(echoes(event.text, text) for text in texts):
                return True
        return False

    async def _failed_forwarding(self, alert: Event) -> bool:
        """Whether an alert is about an SMS to one of our numbers, which was not sent."""
        found = _FAILED.fullmatch(alert.fields.get("key", ""))
        if not found:
            return False
        try:
            message = (await self._world.context.database(Store.get_message, int(found[1])))[0]
        except NotFound:
            return True
        return any(same_number(message.peer, to) for account in self._accounts() for to in account.to)

    def _accounts(self) -> list[Sms]:
        return [account for account in self._world.context.config.accounts if isinstance(account, Sms)]


def _source(account: Sms, number: str) -> str:
    return f"sms:{account.name}:{number}"


def echoes(text: str, sent: str) -> bool:
    """Whether a text that came has in it what we sent."""
    head = sent[: ECHO[1]]
    return len(head) >= ECHO[0] and head in text


def compact(note: Note, ids: set[int]) -> str:
    """What the note says, in as few characters as can be. Of a bundle only the events `ids`."""
    if note.own_words and len(ids) == len(note.event.digest or (note.event,)):
        return note.text
    if note.event.digest:
        # One line for each, or a text could look like another event.
        return "\n".join(" ".join(_line(each).split()) for each in note.event.digest if each.id in ids)
    line = _line(note.event) if note.event.kind in (EventKind.MESSAGE, EventKind.USSD) else note.subject
    return f"{note.head} - {line}" if note.head else line


def _line(event: Event) -> str:
    if event.kind is EventKind.MESSAGE:
        return f"{event.peer or 'Unknown sender'}: {eventtext.brief(event)}"
    return f"USSD: {eventtext.brief(event)}" if event.kind is EventKind.USSD else eventtext.subject(event)


def fitted(text: str, parts: int) -> str:
    """The text in at most so many parts, cut where it is longer. Control characters but line ends become blanks."""
    text = eventtext.whole(text[: PART * parts + 1].replace("\r\n", "\n").replace("\r", "\n"))
    text = "".join(" " if c != "\n" and (c < " " or "\x7f" <= c < "\xa0") else c for c in text).strip() or "(no text)"
    if pdu.preview(text).parts <= parts:
        return text
    fits, too_many = 0, len(text)
    while too_many - fits > 1:
        middle = (fits + too_many) // 2
        if pdu.preview(text[:middle] + CUT).parts <= parts:
            fits = middle
        else:
            too_many = middle
    return text[:fits].rstrip() + CUT


def build(section: Sms, world: World) -> SmsChannel:
    """Raises ConfigError for a number that is a dongle's own."""
    for dongle in world.context.config.dongles:
        if dongle.number in section.to:
            raise ConfigError(section.name, "to", dongle.number, f"is the number of dongle {dongle.name} itself")
    return SmsChannel(section, world)
