"""Events that did not happen: what `explain_rule` is asked about, and what `test_rule` sends."""

from __future__ import annotations

import time
from typing import Any

from homeline.config import Config
from homeline.errors import InvalidArgument
from homeline.model import Call, CallDirection, CallState, Direction, Event, EventKind, Message, MessageState
from homeline.service import numbering
from homeline.service.api_tools import member

ARGUMENTS = frozenset(("from", "text", "dongle", "kind", "state", "key"))
LASTED = 20  # seconds of a call

Table = dict[str, Any]


async def sample(args: Table, config: Config, now: int) -> Event:
    """An event made of `ARGUMENTS`. Raises InvalidArgument."""
    kind = member(EventKind, "kind", args) or EventKind.MESSAGE
    state, dongle, text = args.get("state", ""), args.get("dongle", ""), args.get("text", "")
    raw = args.get("from", "")
    if kind in (EventKind.CALL, EventKind.VOICEMAIL):
        peer = await numbering.peer(raw, config.main.country)
        call = _call(kind, state, dongle, peer, raw, now)
        kind = EventKind.VOICEMAIL if call.state is CallState.VOICEMAIL else EventKind.CALL
        return Event(0, kind, now, dongle, peer, "", call=call)
    if kind is EventKind.ALERT:
        fields = {"key": args.get("key", ""), "severity": state or "warning", "advice": ""}
        return Event(0, kind, now, dongle, "", text, fields=fields)
    if kind is EventKind.USSD:
        return Event(0, kind, now, dongle, raw, text, fields={"code": raw})
    peer = await numbering.peer(raw, config.main.country)
    if kind is EventKind.REPORT:
        status = member(MessageState, "state", args) or MessageState.DELIVERED
        return Event(0, kind, now, dongle, peer, text, fields={"status": str(status), "error": ""})
    offset = time.localtime(now).tm_gmtoff // 60  # the network's clock would be the owner's
    message = Message(
        *(0, Direction.IN, MessageState.RECEIVED, dongle, "", peer, raw),
        text=text,
        at=now,
        sent_at=now,
        sent_offset=offset,
    )
    return Event(0, EventKind.MESSAGE, now, dongle, peer, text, message)


def _call(kind: EventKind, state: str, dongle: str, peer: str, raw: str, now: int) -> Call:
    asked = member(CallState, "state", {"state": state})
    if asked in (CallState.RINGING, CallState.ACTIVE):
        raise InvalidArgument("state: the call must have ended")
    became = asked or (CallState.VOICEMAIL if kind is EventKind.VOICEMAIL else CallState.MISSED)
    answered = now - LASTED // 2 if became is CallState.ANSWERED else None
    direction = CallDirection.OUT if became is CallState.FAILED else CallDirection.IN
    return Call(
        *(0, direction, became, "", dongle, "", peer, raw),
        started_at=now - LASTED,
        answered_at=answered,
        ended_at=now,
        recording_seconds=LASTED // 2 if became is CallState.VOICEMAIL else 0,
    )
