"""What happened at Twilio, as the webhook's process tells it: into the inbox, the call log and the voicemail.

Each event is known by its SID, so one that is told again is stored once. The answer comes after the commit.

A message on the voicemail whose words are yet to come is stored at once, and held back from its channels for
`WORDS` seconds: they are of more use with it. Words that come later than that go out as a change of the same event.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from homeline.adapters import recordings
from homeline.adapters.store import Store
from homeline.adapters.webhook_socket import WebhookSocket
from homeline.core import call_log, twilio_events
from homeline.core.twilio_events import Ended, Recorded, Spoken, Text, Told, Trouble
from homeline.errors import HomelineError
from homeline.model import Call, CallDirection, CallState, Event, ReceivedPart, Wanted
from homeline.paths import Paths
from homeline.service.calls import Calls
from homeline.service.context import Context
from homeline.service.inbox import Inbox
from homeline.service.status import CLOCK_FLOOR
from homeline.service.troubles import Say
from homeline.service.unbroken import unbroken
from homeline.service.voicemail import Voicemail, with_recording

log = logging.getLogger(__name__)

WORDS = 300  # seconds
SOURCE = "twilio"  # how what we make of its SIDs begins

Answer = Mapping[str, Any]


class Outside:
    """`handle` is the socket's; `apply` opens or closes it as the configuration wants."""

    def __init__(
        self, context: Context, paths: Paths, inbox: Inbox, calls: Calls, voicemail: Voicemail, say: Say
    ) -> None:
        self._context, self._inbox, self._calls, self._voicemail = context, inbox, calls, voicemail
        self._spool = paths.webhook_files
        self._say = say
        self._turn = asyncio.Lock()  # two of one event: the second finds the first
        self._socket = WebhookSocket(paths.webhook_socket, self.handle)

    async def apply(self, *, wanted: bool) -> None:
        """Be there for the webhook, or not."""
        if not wanted:
            self._say("webhook server", "", "")
            await self.close()
        elif not self._socket.is_open:
            try:
                await self._socket.open()
            except OSError as error:
                words = f"What it is told cannot be taken: {error.strerror}."
                self._say("webhook", words, "/etc/init.d/homeline restart")
                return
        self._say("webhook", "", "")

    async def close(self) -> None:
        await self._socket.close()

    async def handle(self, question: object) -> Answer:
        """The answer to one event: {"ok": true} once it is committed, else {"error"}, with "never" if it is none."""
        try:
            event = twilio_events.from_json(question)
        except ValueError as error:
            log.error("The webhook's process told what cannot be read: %s", error)
            return {"error": str(error), "never": True}
        try:
            async with self._turn:
                await unbroken(self._take(event))
        except (HomelineError, OSError) as error:
            return {"error": getattr(error, "strerror", None) or str(error)}
        except Exception:  # a defect about one event must not end the others' socket
            log.exception("What happened at Twilio could not be taken")
            return {"error": "a defect; the daemon's log has more"}
        return {"ok": True}

    async def _take(self, event: Told) -> None:
        """Raises StoreError, NoRoom, NotFound, OSError: then it is told again."""
        match event:
            case Text():
                await self._inbox.received([part_of(event)], archived=False)
            case Ended():
                await self._calls.ended(call_of(event))
            case Recorded():
                await self._recorded(event)
            case Spoken():
                await self._spoken(event)
            case Trouble():
                self._say("webhook server", event.text, event.advice)

    # -- voicemail ----------------------------------------------------------------------------------------------------

    async def _recorded(self, event: Recorded) -> None:
        """The recording to flash, then its call into the store (`service.voicemail`)."""
        context, now = self._context, self._context.clock()
        call = message_of(event, now)
        if await context.database(Store.knows_call, call.uid):
            return
        if not event.missing:
            kept = recordings.kept_name(event.file, call.started_at, call_log.digest(call.uid)[:8])
            if await context.database(Store.knows_recording, kept):
                return  # adopted, after the power failed between the two steps
            await asyncio.to_thread(recordings.size, self._spool, event.file)  # raises NotFound
            found = await self._voicemail.take(event.file, call.started_at, call.uid, self._spool)
            call = replace(call, state=CallState.MISSED) if found is None else with_recording(call, found)
            call.recording_seconds = event.seconds if call.recording else 0
        if not event.transcribed:
            await self._calls.ended(call)
            return
        await self._calls.ended(call, plan=held(context.plan, now + WORDS))

    async def _spoken(self, event: Spoken) -> None:
        """Raises NotFound where the message has not come yet."""
        context = self._context
        uid = _uid(event.recording)
        words = await context.database(Store.add_words, uid, event.text, WORDS, context.clock(), context.plan)
        if words:
            context.wake()


def held(plan: Callable[[Event], Sequence[Wanted]], until: int) -> Callable[[Event], Sequence[Wanted]]:
    """The planner, nothing of it before a time (s since 1970)."""

    def later(event: Event) -> Sequence[Wanted]:
        return [replace(wanted, hold_until=max(wanted.hold_until, until)) for wanted in plan(event)]

    return later


def part_of(event: Text) -> ReceivedPart:
    """The SMS as a driver would hand it on; its SID is what makes it one. It came by no dongle."""
    more = f", with {event.attachments} attachments, which are at Twilio" if event.attachments else ""
    return ReceivedPart(
        dongle="",
        sim=f"{SOURCE}:{event.recipient}",
        pdu=event.sid,
        sender=event.sender,
        text=event.text,
        note=f"SMS to {event.recipient} at Twilio{more}",
    )


def call_of(event: Ended) -> Call:
    """The call as the log has it."""
    direction, state = CallDirection(event.direction), CallState(event.state)
    incoming = direction is CallDirection.IN
    other, ours = (event.caller, event.called) if incoming else (event.called, event.caller)
    begun = max(event.ended_at - event.seconds, 0)
    return Call(
        0,
        direction,
        state,
        _uid(event.sid),
        line=SOURCE,
        peer=other,
        peer_raw=other,
        dialled=ours if incoming else "",
        through="" if incoming else ours,
        started_at=begun,
        answered_at=begun if state is CallState.ANSWERED else None,
        ended_at=event.ended_at,
        reason=event.reason,
        unread=state is CallState.MISSED,
    )


def message_of(event: Recorded, now: int) -> Call:
    """The call of a message; its recording comes to it. A time that cannot be is now."""
    begun = event.started_at if CLOCK_FLOOR <= event.started_at <= now + WORDS else now
    return Call(
        0,
        CallDirection.IN,
        CallState.VOICEMAIL,
        _uid(event.sid),
        line=SOURCE,
        peer=event.caller,
        peer_raw=event.caller,
        dialled=event.called,
        started_at=begun,
        ended_at=begun + event.seconds,
        reason=event.missing[:200],
        unread=True,
    )


def _uid(sid: str) -> str:
    return f"{SOURCE}-{sid}"
