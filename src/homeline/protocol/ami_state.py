"""What Asterisk answers when it is asked for its state: endpoints, contacts, registrations, channels. Pure.

Everything that a stranger chose (caller, user agent, contact) is cut to what can be shown on one line.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

from homeline.protocol.ami import Message

SHOWN = 80  # characters of a stranger's text
_URI = re.compile(r"sips?:(?:[^@;?>]*@)?(\[[0-9A-Fa-f:.]+\]|[^\[\]@;?>:/\s]+)(?::(\d{1,5}))?(?=[;?>]|\Z)")
_CONTACT_STATES = {"reachable": "reachable", "unreachable": "unreachable"}
_UNKNOWN = "<unknown>"  # how Asterisk writes a number or name that is not there


@dataclass(frozen=True, slots=True)
class Contact:
    """Where an endpoint can be reached."""

    address: str  # host or host:port
    state: str  # reachable, unreachable, unknown (not asked)
    user_agent: str = ""
    rtt_ms: int | None = None  # round trip of the last OPTIONS


@dataclass(frozen=True, slots=True)
class Endpoint:
    """A SIP endpoint with all that belongs to it, by the names in pjsip.conf."""

    name: str
    device: str  # device state in lower case, such as "not in use", "unavailable"
    contacts: tuple[Contact, ...] = ()
    identifies: tuple[str, ...] = ()
    transports: tuple[str, ...] = ()
    variables: str = ""  # set_var, as NAME=VALUE with commas between


@dataclass(frozen=True, slots=True)
class Registration:
    """An outbound registration."""

    name: str
    state: str  # registered, unregistered, rejected, stopped, …


@dataclass(frozen=True, slots=True)
class Channel:
    """One leg of a call."""

    name: str  # such as PJSIP/phone1-00000003, for Hangup
    uid: str  # Asterisk's unique id of it
    call: str  # unique id of the first channel of the call
    device: str  # the phone, trunk or dongle: what is between "/" and the last "-"
    number: str  # of who is at the channel's end, as it came; "" is withheld
    caller_name: str
    other: str  # number of who is at the other end
    state: str  # in lower case: down, ring, ringing, up, busy, …
    seconds: int  # since it is there


def clean(text: str, limit: int = SHOWN) -> str:
    """A stranger's text as one line that can be shown, at most `limit` characters; "" for Asterisk's <unknown>."""
    if text == _UNKNOWN:
        return ""
    return "".join(char if char.isprintable() else " " for char in text[: limit * 2]).strip()[:limit]


def endpoint(items: Sequence[Message]) -> Endpoint | None:
    """The reply to PJSIPShowEndpoint; None where it has no endpoint in it."""
    details = {name: [item for item in items if item.event == name] for name in {item.event for item in items}}
    if "EndpointDetail" not in details:
        return None
    found = details["EndpointDetail"][0]
    return Endpoint(
        name=found.get("ObjectName"),
        device=found.get("DeviceState").lower(),
        contacts=tuple(_contact(item) for item in details.get("ContactStatusDetail", ())),
        identifies=_names(details.get("IdentifyDetail", ())),
        transports=_names(details.get("TransportDetail", ())),
        variables=found.get("SetVar"),
    )


def _contact(item: Message) -> Contact:
    state = _CONTACT_STATES.get(item.get("Status").lower(), "unknown")
    microseconds = _number(item.get("RoundtripUsec"))
    rtt = None if microseconds is None or state != "reachable" else round(microseconds / 1000)
    return Contact(address(item.get("URI")), state, clean(item.get("UserAgent")), rtt)


def _names(items: Sequence[Message]) -> tuple[str, ...]:
    return tuple(sorted({item.get("ObjectName") for item in items}))


def address(uri: str) -> str:
    """Host, or host and port, of a SIP URI; "" of what is none."""
    found = _URI.match(clean(uri, 300))
    return f"{found[1]}:{found[2]}" if found and found[2] else found[1] if found else ""


def registration(item: Message) -> Registration:
    """One event OutboundRegistrationDetail."""
    return Registration(item.get("ObjectName"), item.get("Status").lower())


def channel(item: Message) -> Channel:
    """One event CoreShowChannel. What stands behind a forged number (`protocol.ami`) falls back to what is sure."""
    name = item.get("Channel")
    uid = item.get("Uniqueid") or name
    return Channel(
        name=name,
        uid=clean(uid),
        call=clean(item.get("Linkedid")) or clean(uid),
        device=clean(name.partition("/")[2].rpartition("-")[0]),
        number=clean(item.get("CallerIDNum")),
        caller_name=clean(item.get("CallerIDName")),
        other=clean(item.get("ConnectedLineNum")),
        state=item.get("ChannelStateDesc").lower(),
        seconds=duration(item.get("Duration")),
    )


def duration(text: str) -> int:
    """Seconds of Asterisk's HH:MM:SS; 0 of anything else."""
    parts = text.split(":")
    if len(parts) != 3 or not all(part.isdecimal() and len(part) < 6 for part in parts):
        return 0
    hours, minutes, seconds = map(int, parts)
    return hours * 3600 + minutes * 60 + seconds


def variable(variables: str, name: str) -> str:
    """The value of one variable of `Endpoint.variables`; "" where it is not set. Neither has a comma in it."""
    pairs = (pair.partition("=") for pair in variables.split(","))
    return next((value for found, _, value in pairs if found.strip() == name), "")


def later(item: Channel, seconds: int) -> Channel:
    """The channel as it is so many seconds later."""
    return replace(item, seconds=item.seconds + seconds)


def _number(text: str) -> int | None:
    return int(text) if text.isascii() and text.isdecimal() and len(text) < 12 else None
