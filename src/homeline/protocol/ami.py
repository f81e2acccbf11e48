"""AMI, Asterisk's manager interface: actions to bytes, bytes to messages (docs.asterisk.org, AMI v2 Specification).

A message is lines `Name: value`, each ended by CR LF, and an empty line. Asterisk 14 and later put each line of a
command's output behind `Output:`; the older raw form would let whoever can forge one line swallow all that follows, so
it is not read.

What may be believed. Asterisk and its drivers copy much that strangers chose into values as it came: a sender of an SMS
that holds CR LF ends its line there and goes on with lines of its own, or with an empty line and a whole message. So:

- A *reply* is known by its ActionID alone, and those cannot be guessed (`adapters.ami` makes new ones for each
  connection). What is forged never answers an action, and never joins or ends a list.
- An *event* is a hint to look, whatever it says. Nothing is stored, deleted, sent or counted because of an event: its
  reader asks Asterisk by an action, or reads AstDB or the SIM, and believes the reply.
- Within a message `get` gives the first of a name. Where Asterisk writes a stranger's text (CallerIDNum, CallerIDName,
  ConnectedLineNum, ConnectedLineName, Exten, AppData, UserAgent, From, MessageLine0, a variable's Value) everything
  from there on to the end of the message may be forged; `Event`, `Privilege`, `Device` and `Channel` come before.
- The events in which strangers can write most easily (a channel's, by the caller's number in a SIP request) are not
  sent to us at all: `EVENTS` are those that are.
- A message of its own after a forged empty line has neither `Event` nor `Response` where the forger left them out, and
  is then nothing; where not, it is an event, and so a hint.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from homeline.errors import EncodeError

LINE_SENT = 1020  # octets: what Asterisk takes as one line of an action; what is behind is read as lines of their own
LINES_SENT = 128  # headers of an action that Asterisk takes
LINE_LIMIT = 64 * 1024  # octets of a received line; a longer one is left out and the message marked as cut
MESSAGE_LIMIT = 512 * 1024  # octets that a message may hold in our memory, about
LINE_COST = 150  # octets that Python needs for a header besides its text

# For each action that Homeline uses: classes of which the account's `write` needs one (`manager show command ACTION`).
PRIVILEGES: Mapping[str, tuple[str, ...]] = {
    "Challenge": (),
    "Login": (),
    "Logoff": (),
    "Ping": (),
    "CoreSettings": ("system", "reporting"),
    "CoreStatus": ("system", "reporting"),
    "CoreShowChannels": ("system", "reporting"),
    "ModuleCheck": ("system",),
    "ModuleLoad": ("system",),
    "Reload": ("system", "config"),
    "PJSIPShowEndpoints": ("system",),
    "PJSIPShowEndpoint": ("system",),
    "PJSIPShowAors": ("system",),
    "PJSIPShowAuths": ("system",),
    "PJSIPShowContacts": ("system",),
    "PJSIPShowRegistrationsOutbound": ("system", "reporting"),
    "PJSIPQualify": ("system", "reporting"),
    "PJSIPRegister": ("system", "reporting"),
    "ShowDialPlan": ("config", "reporting"),
    "Getvar": ("call", "reporting"),
    "DBGetTree": ("system", "reporting"),  # DBGet cuts what is longer than 255 octets in Asterisk 20.8
    "DBPut": ("system",),
    "DBDel": ("system",),
    "DBDelTree": ("system",),
    "Originate": ("originate",),
    "Hangup": ("system", "call"),
    "MessageSend": ("message",),
    "Command": ("command",),
    "DongleShowDevices": ("system", "reporting"),
    "DongleSendUSSD": ("call",),
    "DongleSendSMS": ("call",),
    "DongleReset": ("system", "config"),
    "DongleRestart": ("system", "config"),
    "DongleReload": ("system", "config"),
    "QuectelShowDevices": ("system", "reporting"),
    "QuectelSendUSSD": ("call",),
    "QuectelSendSMS": ("call",),
    "QuectelReset": ("system", "config"),
    "QuectelRestart": ("system", "config"),
    "QuectelReload": ("system", "config"),
}
READ = ("system", "call", "user")  # classes of the events that the account gets
EVENTS = (
    *("FullyBooted", "Reload", "Registry", "ContactStatus", "DeviceStateChange", "OriginateResponse", "UserEvent"),
    *("DongleNewCMGR", "DongleNewCUSD", "DongleReport", "DongleStatus"),
    *("QuectelNewCMGR", "QuectelNewCUSD", "QuectelReport", "QuectelStatus"),
)  # all that the account gets of them: those of channels and of texts are the ones in which strangers can forge others
WRITE = ("system", "call", "reporting", "originate", "message")  # classes of the actions that it may use
WRITE_DRIVERS = (*WRITE, "command")  # likewise while Asterisk drives a dongle: its SIM is read by commands

_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_-]*")
_SECRET = re.compile(r"password|secret|token|cred|^key$", re.IGNORECASE)
_BREAKS = re.compile("[\r\n\0]")
_VERSION = re.compile(r"(?:certified[-/]|GIT-)?(\d+(?:\.\d+)*)")
_GREETING = b"Asterisk Call Manager/"


@dataclass(frozen=True, slots=True)
class Message:
    """A received message. Names are compared without regard to case; a line without a colon has the name ""."""

    headers: tuple[tuple[str, str], ...]
    cut: bool = False  # something was too long and is left out

    def get(self, name: str, default: str = "") -> str:
        """The first value of that name."""
        wanted = name.lower()
        return next((value for found, value in self.headers if found.lower() == wanted), default)

    def all(self, name: str) -> list[str]:
        """All values of that name, in order."""
        wanted = name.lower()
        return [value for found, value in self.headers if found.lower() == wanted]

    def __repr__(self) -> str:
        """For logs and failed tests: Asterisk shows the passwords of its auths, and this does not."""
        shown = ", ".join(f"{name}: {'…' if _SECRET.search(name) else value!r}" for name, value in self.headers)
        return f"<Message {shown}{' (cut)' if self.cut else ''}>"

    @property
    def event(self) -> str:
        """The event's name; "" is no event. Only the first line counts."""
        return self._first("event")

    @property
    def response(self) -> str:
        """Success, Error, Goodbye, …; "" is no response. Only the first line counts."""
        return self._first("response")

    def _first(self, name: str) -> str:
        found, value = self.headers[0] if self.headers else ("", "")
        return value if found.lower() == name else ""

    @property
    def action_id(self) -> str:
        return self.get("ActionID")

    @property
    def output(self) -> list[str]:
        """The lines that a command printed."""
        return self.all("Output")


def encode(action: str, fields: Mapping[str, str | Sequence[str]], action_id: str) -> bytes:
    """An action as Asterisk reads it; a sequence is one line for each of its values.

    Raises EncodeError, which names the field, for CR, LF or NUL anywhere, and for what Asterisk would cut.
    """
    lines = [_line(action, "Action", action), _line(action, "ActionID", action_id)]
    for name, value in fields.items():
        if name.lower() in ("action", "actionid"):
            raise EncodeError(f"{action}: the field {name} is not the caller's to set")
        lines += [_line(action, name, item) for item in ((value,) if isinstance(value, str) else value)]
    if len(lines) > LINES_SENT:
        raise EncodeError(f"{action}: {len(lines)} lines; Asterisk takes {LINES_SENT}")
    return b"\r\n".join([*lines, b"", b""])


def _line(action: str, name: str, value: str) -> bytes:
    if not _NAME.fullmatch(name):
        raise EncodeError(f"an action's field cannot be called {name[:40]!r}")
    if _BREAKS.search(value):
        raise EncodeError(f"{name} of {action[:40]!r}: a line break or NUL cannot be sent to Asterisk")
    try:
        line = f"{name}: {value}".encode()
    except UnicodeEncodeError:
        raise EncodeError(f"{name} of {action[:40]!r}: half a surrogate pair is no text") from None
    if len(line) > LINE_SENT:
        raise EncodeError(f"{name} of {action[:40]!r}: {len(line)} octets; Asterisk takes {LINE_SENT} in a line")
    return line


def version(text: str) -> tuple[int, ...]:
    """The numbers of Asterisk's version, such as (22, 10, 1) of "22.10.1+dfsg"; () where there are none."""
    found = _VERSION.match(text)
    return tuple(int(part[:9]) for part in found[1].split(".")) if found else ()


class Parser:
    """Bytes in, whole messages out, however the bytes are cut. Never raises; holds a bounded number of octets.

    Only CR LF ends a line: a bare CR or LF is text. Empty lines between messages are nothing.
    """

    def __init__(self) -> None:
        self.greeting: str | None = None  # Asterisk's first line, once it is there; "" where it was another's
        self._buffer = bytearray()
        self._searched = 0  # octets of the buffer without a line's end
        self._skipping = False  # the line under way is too long
        self._headers: list[tuple[str, str]] = []
        self._size = 0
        self._cut = False

    def feed(self, data: bytes) -> list[Message]:
        """The messages that are whole now."""
        self._buffer += data
        found: list[Message] = []
        start = 0
        while (end := self._buffer.find(b"\r\n", max(start, self._searched))) >= 0:
            message = self._line(bytes(self._buffer[start:end]))
            if message is not None:
                found.append(message)
            start = end + 2
        del self._buffer[:start]
        if len(self._buffer) > LINE_LIMIT + 1:  # the last octet may be the CR of a line that is just short enough
            self._skipping = True
            del self._buffer[:-1]
        self._searched = max(0, len(self._buffer) - 1)
        return found

    def _line(self, line: bytes) -> Message | None:
        long, self._skipping = self._skipping or len(line) > LINE_LIMIT, False
        if self.greeting is None:
            self.greeting = line.decode("utf-8", "replace") if line.startswith(_GREETING) and not long else ""
            if self.greeting:
                return None
        if long:
            self._cut = True
        elif not line:
            return self._ended()
        else:
            self._header(line)
        return None

    def _header(self, line: bytes) -> None:
        self._size += len(line) + LINE_COST
        if self._size > MESSAGE_LIMIT:
            self._cut = True
            return
        name, colon, value = line.decode("utf-8", "replace").partition(":")
        self._headers.append(
            (name.strip(), value.removeprefix(" ")) if colon else ("", line.decode("utf-8", "replace"))
        )

    def _ended(self) -> Message | None:
        message = Message(tuple(self._headers), self._cut) if self._headers else None
        self._headers, self._size, self._cut = [], 0, False
        return message
