"""Phones' SIP MESSAGEs into SMS.

The dial plan keeps each in AstDB (docs/sip-messages.md). We walk them at each login, at each hint and from time to
time, and delete a record once its SMS is queued, in one transaction with the note that it was asked for: who was away
loses nothing, and nothing goes out twice. What is not sent, the phone is told.
"""

from __future__ import annotations

import asyncio
import logging
import zlib
from collections import deque
from collections.abc import Awaitable, Callable

from homeline.adapters.store import Store
from homeline.config_calls import Phone
from homeline.core import rules, texts
from homeline.core.numbers import NumberKind
from homeline.errors import ActionRefused, DecodeError, HomelineError, StoreError
from homeline.protocol import sip_record
from homeline.protocol.ami import Message
from homeline.protocol.sip_record import Texted
from homeline.service import numbering
from homeline.service.context import Context
from homeline.service.outbox import Outbox
from homeline.service.sip_sending import Manager
from homeline.service.unbroken import unbroken
from homeline.service.walking import walk_for_ever
from homeline.telephony import TEXTED, TEXTS_FAMILY

log = logging.getLogger(__name__)

HOUR = 3600.0

Tell = Callable[[str, str, str], Awaitable[None]]  # tell(phone, from whom, text)


class _NotSent(Exception):
    """Why, in words for the phone."""


class SipMessages:
    """`run` it for ever."""

    def __init__(self, context: Context, manager: Manager, outbox: Outbox, tell: Tell) -> None:
        self._context, self._manager, self._outbox, self._tell = context, manager, outbox, tell
        self._look = asyncio.Event()
        self._sent: dict[str, deque[float]] = {}  # by phone: when it sent something, by the loop's clock
        manager.listen("UserEvent", self._hint)
        manager.on_state(lambda up: self._look.set())

    def _hint(self, message: Message) -> None:
        """Nothing it says is believed but that it is time to look."""
        if message.get("UserEvent") == TEXTED:
            self._look.set()

    async def run(self) -> None:
        """Walk for ever."""
        await walk_for_ever("Messages of phones", self._look, self._walk_if_connected)

    async def _walk_if_connected(self) -> int:
        return await self.walk() if self._manager.connected else 0

    async def walk(self) -> int:
        """Take all records that are there; how many they were.

        Raises StoreError, and what AMI raises: then the rest waits.
        """
        found = await self._manager.list("DBGetTree", Family=TEXTS_FAMILY)
        for message in found:
            await unbroken(self._take(message.get("Key").removeprefix(f"/{TEXTS_FAMILY}/"), message))
        return len(found)

    async def _take(self, key: str, message: Message) -> None:
        """One record: into the outbox, then out of AstDB."""
        try:
            await self._sent_on(message)
        except StoreError:
            raise
        except DecodeError as error:
            log.warning("A phone's message cannot be read and is deleted: %s", error)
        except Exception:  # a defect about one record must not hold up those behind it
            log.exception("A phone's message could not be taken; it is tried again")
            return
        try:
            await self._manager.call("DBDel", Family=TEXTS_FAMILY, Key=key)
        except ActionRefused as error:
            log.debug("A phone's message was gone already: %s", error)

    async def _sent_on(self, message: Message) -> None:
        """Queue the SMS, or tell the phone why not. Raises DecodeError, StoreError."""
        if message.cut:
            raise DecodeError("it is far too long")
        texted = sip_record.parse(message.get("Val"))
        source, key = f"sip:{texted.phone}", request_key(texted)
        if await self._context.database(Store.request_result, source, key) is not None:
            return
        try:
            phone = self._phone(texted)
            number = await self._number(phone, texted)
            self._count(phone)
            dongle = phone.sms_dongle or await self._dongle_of(number)
            await self._outbox.send(number, texted.text, dongle, request=(source, key))
        except _NotSent as error:
            await self._refuse(texted, str(error))
        except StoreError:
            raise
        except HomelineError as error:  # no number, no dongle, a text that no SMS can hold
            await self._refuse(texted, str(error))

    def _phone(self, texted: Texted) -> Phone:
        found = next((phone for phone in texts.texters(self._context.config) if phone.name == texted.phone), None)
        if found is None:
            raise _NotSent("this phone may not send SMS.")
        if not texted.text:
            raise _NotSent("it is empty, or longer than 1023 octets.")
        return found

    async def _number(self, phone: Phone, texted: Texted) -> str:
        """The number as it is dialled. What costs more than others, as short numbers may, has to be allowed by name."""
        found = await numbering.normalize(texted.to, self._context.config.main.country)
        if not found.e164 and found.kind is not NumberKind.SHORT:
            raise _NotSent("that is not a telephone number.")
        number = found.e164 or texted.to
        named = any(rules.glob(pattern, number) for pattern in phone.sms_to)
        if not named and (phone.sms_to or not found.e164):
            raise _NotSent("this phone may not write to that number.")
        return number

    def _count(self, phone: Phone) -> None:
        """Hold the phone to its rate."""
        now = asyncio.get_running_loop().time()
        sent = self._sent.setdefault(phone.name, deque())
        while sent and now - sent[0] >= HOUR:
            sent.popleft()
        if len(sent) >= phone.sms_rate:
            raise _NotSent(f"this phone has sent {phone.sms_rate} in an hour.")
        sent.append(now)

    async def _dongle_of(self, number: str) -> str:
        """The dongle by which the number last wrote, or was written to; "" where there is none now."""
        page = await self._context.database(Store.list_messages, peer=number, limit=1)
        names = {dongle.name for dongle in self._context.config.dongles if dongle.enabled}
        return next((message.dongle for message in page.messages if message.dongle in names), "")

    async def _refuse(self, texted: Texted, why: str) -> None:
        log.warning("A message of %s to %s was not sent: %s", texted.phone, self._shown(texted.to), why)
        try:
            await self._tell(texted.phone, texted.to, f"Not sent: {why}")
        except HomelineError as error:
            log.warning("%s could not be told: %s", texted.phone, error)

    def _shown(self, to: str) -> str:
        plain = "".join(character for character in to[:40] if character.isprintable())
        return repr(self._context.number_for_log(plain))


def request_key(texted: Texted) -> str:
    """The same for a request that came twice, another for any other: Call-ID and CSeq are the phone's to choose, so
    what it says counts as well."""
    said = zlib.crc32(f"{texted.to}\0{texted.text}".encode())
    return f"{said:08x} {texted.call}"
