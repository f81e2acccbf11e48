"""What happened at Twilio, as the webhook tells it to the daemon: of Twilio's parameters, and to JSON and back.

Twilio's requests are signed, and yet what is in them came from strangers: every field has a form here, or a bound.
(Twilio documentation: "TwiML for Programmable Messaging, request parameters", "<Record>", "Voice status callbacks".)
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any, ClassVar

from homeline.core.joining import whole_characters

LONGEST_NUMBER = 64  # characters of a number or address that are kept
LONGEST_TEXT = 32768  # characters; Twilio joins SMS to 1600, and writes down two minutes of speech
SHORTEST_WORDS, LONGEST_WORDS = 2, 120  # seconds; of other recordings Twilio writes nothing down, and says nothing
LATEST = 253402300799  # 9999-12-31

_SID = re.compile("[A-Z]{2}[0-9a-f]{32}")
_USER = re.compile(r"sips?:([^@]*)@.*", re.IGNORECASE | re.DOTALL)

FINAL = ("completed", "busy", "no-answer", "failed", "canceled")  # CallStatus of a call that has ended


@dataclass(frozen=True, slots=True)
class Text:
    """An SMS to a number at Twilio."""

    kind: ClassVar[str] = "message"

    sid: str
    sender: str
    recipient: str
    text: str
    attachments: int = 0  # pictures and the like, which stay at Twilio

    @property
    def key(self) -> str:
        return self.sid


@dataclass(frozen=True, slots=True)
class Ended:
    """A call that Homeline's router has not seen has ended. Numbers are bare: users of SIP URIs, or E.164."""

    kind: ClassVar[str] = "call"

    sid: str
    direction: str  # in, out, internal
    state: str  # answered, missed, failed, refused
    caller: str
    called: str
    ended_at: int  # s since 1970
    seconds: int = 0  # of talking
    reason: str = ""  # for people

    @property
    def key(self) -> str:
        return self.sid


@dataclass(frozen=True, slots=True)
class Recorded:
    """A caller left a message. Its recording lies in the webhook's folder under `file`."""

    kind: ClassVar[str] = "voicemail"

    sid: str  # the recording's
    call: str
    caller: str
    called: str
    started_at: int  # s since 1970
    seconds: int
    transcribed: bool = False  # its words will follow
    missing: str = ""  # why there is no file

    @property
    def key(self) -> str:
        return self.sid

    @property
    def file(self) -> str:
        return f"{self.sid}.mp3"


@dataclass(frozen=True, slots=True)
class Spoken:
    """What was said in a recording; "" where Twilio could not tell."""

    kind: ClassVar[str] = "transcription"

    sid: str  # the transcription's
    recording: str
    text: str

    @property
    def key(self) -> str:
        return self.sid


@dataclass(frozen=True, slots=True)
class Trouble:
    """The webhook cannot serve; with "" it can again."""

    kind: ClassVar[str] = "trouble"

    text: str
    advice: str = ""


Happened = Text | Ended | Recorded | Spoken
Told = Happened | Trouble
KINDS: Mapping[str, type[Told]] = {each.kind: each for each in (Text, Ended, Recorded, Spoken, Trouble)}


# What is no text. Annotations do not tell: a router's byte code is without them.
_TYPES: Mapping[str, type] = {
    "attachments": int,
    "ended_at": int,
    "seconds": int,
    "started_at": int,
    "transcribed": bool,
}


def to_json(event: Told) -> dict[str, Any]:
    """For `from_json` of the other process."""
    return {"event": event.kind, **asdict(event)}


def from_json(data: object) -> Told:
    """The opposite of `to_json`. Raises ValueError, which names the field."""
    name = data.get("event") if isinstance(data, Mapping) else None
    if not isinstance(data, Mapping) or not isinstance(name, str) or name not in KINDS:
        raise ValueError("event: it is none that is known")
    kind = KINDS[name]
    values: dict[str, Any] = {}
    for field in fields(kind):
        value = data.get(field.name)
        wanted = _TYPES.get(field.name, str)
        if type(value) is not wanted:  # a flag is no number
            raise ValueError(f"{field.name}: must be {wanted.__name__}")
        if isinstance(value, int) and not 0 <= value <= LATEST:
            raise ValueError(f"{field.name}: must be from 0 to {LATEST}")
        values[field.name] = whole_characters(value) if isinstance(value, str) else value
    for name in ("sid", "call", "recording"):
        if name in values:
            sid(values, name)
    return kind(**values)


def sid(parameters: Mapping[str, str], name: str) -> str:
    """A parameter that is a SID. Raises ValueError."""
    if not _SID.fullmatch(value := parameters.get(name, "")):
        raise ValueError(f"{name}: it is no SID")
    return value


def number(text: str) -> str:
    """The user of a SIP URI, or the text itself, bounded."""
    if found := _USER.fullmatch(text):
        text = found[1]
    return text[:LONGEST_NUMBER]


def whole(parameters: Mapping[str, str], name: str, most: int) -> int:
    """A parameter that is a number from 0 to `most`; 0 where it is none, as Twilio leaves it out then."""
    value = parameters.get(name, "")
    return min(int(value), most) if re.fullmatch("[0-9]{1,12}", value) else 0


def text_of(parameters: Mapping[str, str]) -> Text:
    """An inbound SMS. Raises ValueError."""
    return Text(
        sid(parameters, "MessageSid"),
        number(parameters.get("From", "")),
        number(parameters.get("To", "")),
        parameters.get("Body", "")[:LONGEST_TEXT],
        whole(parameters, "NumMedia", 99),
    )


def recorded_of(
    parameters: Mapping[str, str], now: int, when: Callable[[str], int | None], transcribed: bool
) -> Recorded:
    """A recording that is complete; `when` reads Twilio's times. The caller is in our own URL. Raises ValueError.

    `transcribed`: it was asked for what is said.
    """
    seconds = whole(parameters, "RecordingDuration", 86400)
    started = when(parameters.get("RecordingStartTime", ""))
    return Recorded(
        sid(parameters, "RecordingSid"),
        sid(parameters, "CallSid"),
        number(parameters.get("caller", "")),
        number(parameters.get("called", "")),
        now - seconds if started is None else started,
        seconds,
        transcribed and SHORTEST_WORDS < seconds <= LONGEST_WORDS,
    )


def spoken_of(parameters: Mapping[str, str]) -> Spoken:
    """A transcription, done or failed. Raises ValueError."""
    done = parameters.get("TranscriptionStatus") == "completed"
    text = parameters.get("TranscriptionText", "")[:LONGEST_TEXT] if done else ""
    return Spoken(sid(parameters, "TranscriptionSid"), sid(parameters, "RecordingSid"), text)


def ended_of(
    parameters: Mapping[str, str], direction: str, now: int, when: Callable[[str], int | None], refusal: str = ""
) -> Ended:
    """A call whose status is one of FINAL; `refusal` is why it went nowhere. Raises ValueError."""
    status = parameters.get("CallStatus", "")
    if status not in FINAL:
        raise ValueError("CallStatus: the call goes on")
    answered = status == "completed" and not refusal
    state = "answered" if answered else "refused" if refusal else "missed" if direction == "in" else "failed"
    ended = when(parameters.get("Timestamp", ""))
    return Ended(
        sid(parameters, "CallSid"),
        direction,
        state,
        number(parameters.get("From", "")),
        number(parameters.get("To", "")),
        now if ended is None else ended,
        whole(parameters, "CallDuration", 86400) if answered else 0,
        refusal.replace("_", " ") if refusal else "" if answered or direction == "in" else _REASONS.get(status, status),
    )


_REASONS = {"busy": "busy", "no-answer": "nobody answered", "canceled": "given up before an answer"}
