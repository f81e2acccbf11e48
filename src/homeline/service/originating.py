"""Click to call: the owner's phone rings, and once it is answered it dials; and hanging up.

All that Asterisk is asked for begins in our own contexts, so what a phone may call is decided where it always is
(docs/asterisk.md). The number is held to digits here as well as there.
"""

from __future__ import annotations

import asyncio
import logging
import os
import re
from collections.abc import Callable
from typing import Any, Protocol

from homeline.config_calls import Phone, Where
from homeline.errors import ActionRefused, InvalidArgument, NoData, NotFound, NotSupported, TimedOut
from homeline.protocol.ami import Message
from homeline.service import numbering
from homeline.service.context import Context

log = logging.getLogger(__name__)

Table = dict[str, Any]

RINGS = 30  # seconds that the owner's phone rings
ANSWER = RINGS + 10.0  # seconds until Asterisk must have said what became of it
ABSENT = "Asterisk is not running, or not connected yet."

_NUMBER = re.compile(r"\+?[0-9*#]{1,24}")
_BLANKS = str.maketrans("", "", " -./()\u00a0")
_ODD = re.compile(r'["<>\\,;\x00-\x1f\x7f]')

# AST_CONTROL_… of Asterisk's OriginateResponse.
_FAILURES = {"5": "the phone is busy", "8": "the phone cannot be reached"}
_UNANSWERED = ("1", "3")


class Manager(Protocol):
    """What we want of AMI's client (`adapters.ami.Ami`)."""

    @property
    def connected(self) -> bool: ...

    async def call(self, action: str, timeout: float = ..., **fields: str) -> Message: ...

    async def list(self, action: str, timeout: float = ..., **fields: str) -> list[Message]: ...

    def listen(self, event: str, handler: Callable[[Message], None]) -> Callable[[], None]: ...


class Originating:
    """The methods `originate` and `hangup`."""

    def __init__(self, context: Context, manager: Manager) -> None:
        self._context, self._manager = context, manager

    async def originate(self, phone: str, to: str) -> Table:
        """Ring a phone and let it dial; returns when it was answered: `channel`, by which it can be hung up.

        Raises NotFound (no such phone), InvalidArgument (no number), NotSupported (a phone that is not registered
        here), NoData (Asterisk is away, the phone cannot be reached), TimedOut (nobody answered).
        """
        found = self._phone(phone)
        number = await self._number(to)
        if not self._manager.connected:
            raise NoData(ABSENT)
        channel = f"homeline-{os.urandom(8).hex()}"
        told: asyncio.Queue[Message] = asyncio.Queue()
        stop = self._manager.listen("OriginateResponse", told.put_nowait)
        try:
            action = (await self._placed(found, number, channel)).action_id
            async with asyncio.timeout(ANSWER):
                _check(found, await ours(told, action, channel))
        except TimeoutError:
            raise TimedOut(f"the phone {phone} was not answered") from None
        finally:
            stop()
        return {"state": "answered", "channel": channel}

    async def _placed(self, phone: Phone, number: str, channel: str) -> Message:
        return await self._manager.call(
            "Originate",
            Channel=f"Local/{phone.name}@homeline-click/n",
            Context=f"homeline-phone-{phone.name}",
            Exten=number,
            Priority="1",
            Timeout=str(RINGS * 1000),
            CallerID=f'"{_ODD.sub("", phone.display) or phone.name}" <{phone.number}>',
            Async="true",
            ChannelId=channel,
        )

    async def hangup(self, channel: str) -> Table:
        """End a channel by its id or name, as `status` shows them. Raises NotFound, NoData."""
        if not self._manager.connected:
            raise NoData(ABSENT)
        for found in await self._manager.list("CoreShowChannels"):
            # Only what Asterisk itself calls so: a name that begins with a slash would be a pattern for many.
            if channel and channel in (found.get("Uniqueid"), found.get("Channel")):
                await self._ended(found.get("Channel"))
                return {}
        raise NotFound(f"There is no channel {channel[:80]!a}.")

    async def _ended(self, name: str) -> None:
        try:
            await self._manager.call("Hangup", Channel=name)
        except ActionRefused as error:
            raise NotFound(f"The channel is gone already: {error}") from None

    def _phone(self, name: str) -> Phone:
        found = next((phone for phone in self._context.config.phones if phone.name == name and phone.enabled), None)
        if found is None:
            raise NotFound(f"There is no phone '{name[:64]}'.")
        if found.where is not Where.ROUTER:
            raise NotSupported(f"The phone {name} is not registered at this router.")
        return found

    async def _number(self, to: str) -> str:
        """What the dial plan gets: E.164 where it can be, else the digits as they are."""
        digits = to.strip().translate(_BLANKS)
        if not _NUMBER.fullmatch(digits):
            raise InvalidArgument("to: must be a telephone number of at most 24 digits")
        found = await numbering.normalize(digits, self._context.config.main.country)
        return found.e164 or digits


async def ours(told: asyncio.Queue[Message], action: str, channel: str) -> Message:
    """What became of our action, among those of all. Neither id can be guessed."""
    while True:
        message = await told.get()
        if message.get("Uniqueid") == channel or (action and message.action_id == action):
            return message


def _check(phone: Phone, message: Message) -> None:
    """Raises the error of a phone that was not answered."""
    if message.get("Response") == "Success":
        return
    reason = message.get("Reason")
    if reason in _UNANSWERED:
        raise TimedOut(f"the phone {phone.name} was not answered")
    raise NoData(f"the phone {phone.name}: {_FAILURES.get(reason, 'it is not registered')}")
