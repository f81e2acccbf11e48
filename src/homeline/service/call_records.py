"""Asterisk's records of calls into the call log.

The dial plan writes a record into AstDB when a call ends (docs/asterisk.md). We walk them at each login, at each hint
and from time to time, and delete a record once its call is stored: who was away loses nothing, and a record that comes
twice is stored once. One that cannot be read becomes an event of its own and holds up nothing.
"""

from __future__ import annotations

import asyncio
import logging
from typing import Protocol

from homeline.adapters.store import Store
from homeline.config import Config
from homeline.core import call_log
from homeline.errors import ActionRefused, DecodeError, HomelineError, StoreError
from homeline.model import Call, CallDirection, CallState
from homeline.protocol import call_record
from homeline.protocol.ami import Message
from homeline.protocol.call_record import Record
from homeline.service.calls import Calls
from homeline.service.context import Context
from homeline.service.status import CLOCK_FLOOR
from homeline.service.unbroken import unbroken
from homeline.service.voicemail import NoRoom, Voicemail, with_recording
from homeline.service.walking import walk_for_ever
from homeline.telephony import CALL_ENDED, CALL_STARTED, CALLS_FAMILY

log = logging.getLogger(__name__)

REFUSED_KEPT = 20  # refused calls that are stored in an hour; a flood of them must not fill the flash
HOUR = 3600.0
TOLD_AT_ONCE = 20  # calls that begin: nobody has more lines, so what is beyond is forged


class Manager(Protocol):
    """What we want of AMI's client (`adapters.ami.Ami`)."""

    @property
    def connected(self) -> bool: ...

    async def call(self, action: str, timeout: float = ..., **fields: str) -> Message: ...

    async def list(self, action: str, timeout: float = ..., **fields: str) -> list[Message]: ...

    async def wait_connected(self, timeout: float) -> None: ...


class CallRecords:
    """Walks the records. `run` it while Asterisk is wanted; `hint` and `connected` are for AMI's listeners."""

    def __init__(self, context: Context, manager: Manager, calls: Calls, voicemail: Voicemail) -> None:
        self._context, self._manager, self._calls, self._voicemail = context, manager, calls, voicemail
        self._look = asyncio.Event()
        self._turn = asyncio.Lock()
        self._walked = asyncio.Event()
        self._refused: list[float] = []  # when refused calls were stored, by the loop's clock
        self._left_out = 0
        self._telling: set[asyncio.Task[None]] = set()

    # -- hints --------------------------------------------------------------------------------------------------------

    def hint(self, message: Message) -> None:
        """A UserEvent came: perhaps of our dial plan. Nothing it says is believed but that it is time to look."""
        name = message.get("UserEvent")
        if name == CALL_ENDED:
            self._look.set()
        elif name == CALL_STARTED and len(self._telling) < TOLD_AT_ONCE:
            task = asyncio.ensure_future(self._began(message))
            self._telling.add(task)
            task.add_done_callback(self._told)

    def connected(self, up: bool) -> None:
        """AMI's connection came or went."""
        self._walked.clear()
        if up:
            self._look.set()

    async def caught_up(self) -> None:
        """Until all records of before the login are in the call log."""
        await self._walked.wait()

    async def _began(self, message: Message) -> None:
        call = ringing(message, self._context.clock(), self._context.config)
        if call.direction is not CallDirection.IN:
            variable = "HL_NUMBER" if call.direction is CallDirection.OUT else "HL_DIALLED"
            reply = await self._manager.call("Getvar", Channel=message.get("Channel"), Variable=variable)
            call.peer = call.peer_raw = reply.get("Value")[: call_record.LONGEST_TEXT]
        self._calls.began(await self._calls.known(call))

    def _told(self, task: asyncio.Task[None]) -> None:
        self._telling.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None and not isinstance(error, HomelineError):
            log.error("A call that began could not be told", exc_info=error)

    # -- the walk -----------------------------------------------------------------------------------------------------

    async def run(self) -> None:
        """Walk for ever."""
        await walk_for_ever("Asterisk's records of calls", self._look, self._walk_if_connected)

    async def _walk_if_connected(self) -> int:
        return await self.walk() if self._manager.connected else 0

    async def walk(self) -> int:
        """Take all records that are there; how many calls were new.

        Raises StoreError, and what AMI raises: then the rest waits.
        """
        async with self._turn:
            found = await self._manager.list("DBGetTree", Family=CALLS_FAMILY)
            new = 0
            awaited = set()
            for message in found:
                key = message.get("Key").removeprefix(f"/{CALLS_FAMILY}/")
                try:
                    new += await unbroken(self._take(key, message))
                except NoRoom:
                    awaited.add(_recording(key, message.get("Val")))
            await self._voicemail.orphans(frozenset(awaited))
            self._walked.set()
            return new

    async def _take(self, key: str, message: Message) -> bool:
        """One record: into the store, then out of AstDB. Whether the call was new. Raises NoRoom."""
        try:
            new, recording = await self._stored(key, message.get("Val"), cut=message.cut)
        except (StoreError, NoRoom):
            raise
        except Exception:  # a defect about one record must not hold up those behind it
            log.exception("The record of a call could not be taken; it is tried again")
            return False
        if recording:
            await self._voicemail.let_go(recording)
        try:
            await self._manager.call("DBDel", Family=CALLS_FAMILY, Key=key)
        except ActionRefused as error:
            log.debug("A call's record was gone already: %s", error)
        return new

    async def _stored(self, key: str, value: str, *, cut: bool) -> tuple[bool, str]:
        """Whether the call was new, and the name of its recording in RAM."""
        context = self._context
        try:
            if cut:
                raise DecodeError("it is far too long")
            record = call_record.parse(key, value)
        except DecodeError as error:
            log.warning("The record of a call cannot be read: %s", error)
            call = call_log.unreadable(key, value, str(error), context.clock())
            text = f"{key[:150]} {value[: call_record.LONGEST]}"
            return await self._calls.ended(call, text) is not None, ""
        if await context.database(Store.knows_call, call_log.uid(key, value)):
            return False, record.recording
        call = call_log.made(
            record, call_record.settled_times(record, context.clock(), CLOCK_FLOOR), value, context.config
        )
        if call.state is CallState.REFUSED and not self._room_for_refused():
            return False, record.recording
        call = await self._with_message(call, record)
        return await self._calls.ended(call) is not None, record.recording

    async def _with_message(self, call: Call, record: Record) -> Call:
        if not record.recording:
            return call
        kept = await self._voicemail.take(record.recording, record.started_at, call.uid)
        return call if kept is None else with_recording(call, kept)

    def _room_for_refused(self) -> bool:
        """Whether one more refused call is stored. What is left out is counted in the log."""
        now = asyncio.get_running_loop().time()
        self._refused = [at for at in self._refused if now - at < HOUR]
        if len(self._refused) >= REFUSED_KEPT:
            self._left_out += 1
            return False
        if self._left_out:
            log.warning("%d refused calls of the last hours are not in the call log", self._left_out)
            self._left_out = 0
        self._refused.append(now)
        return True


def ringing(message: Message, now: int, config: Config) -> Call:
    """A call that began, as the hint tells it: good for a sign on a screen and for nothing else.

    What an outgoing one has dialled is not in it.
    """
    line = next((line for line in config.lines if line.name == message.get("Line")), None)
    rule = next((rule for rule in config.outbounds if rule.name == message.get("Rule")), None)
    call = Call(0, CallDirection.INTERNAL, CallState.RINGING, "", started_at=now)
    trunk = next((trunk for trunk in config.trunks if trunk.name == message.get("Line")), None)
    if line is not None or trunk is not None:
        call.direction, call.line = CallDirection.IN, message.get("Line")
        call.dongle = line.dongle if line is not None else ""
        call.peer = call.peer_raw = _channel_text(message, "CallerIDNum")
        call.peer_name = _channel_text(message, "CallerIDName")
    elif rule is not None:
        call.direction, call.line, call.rule = CallDirection.OUT, rule.via, rule.name
    return call


def _channel_text(message: Message, name: str) -> str:
    text = message.get(name)[: call_record.LONGEST_TEXT]
    return "" if text == "<unknown>" else text


def _recording(key: str, value: str) -> str:
    try:
        return call_record.parse(key, value).recording
    except DecodeError:
        return ""
