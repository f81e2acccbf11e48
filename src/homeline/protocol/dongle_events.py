"""What chan_dongle and chan_quectel say over AMI, and how they are asked. Both are one program under two names.

Sources: manager.c, at_response.c and chan_dongle.c of asterisk-chan-dongle (github.com/wdoekes/asterisk-chan-dongle)
and of asterisk-chan-quectel (github.com/IchthysMaranatha/asterisk-chan-quectel). The rewrite of the latter by RoEdAl
has neither actions nor events: Homeline cannot use it.

An event of these drivers is a hint: a stranger can forge each of them (`protocol.ami`). Only the rows that answer
`SHOW_DEVICES` are a reply.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import Enum

from homeline.errors import DecodeError, EncodeError
from homeline.model import Driver, Registration
from homeline.protocol import commands_sms, gsm7
from homeline.protocol.ami import LINE_SENT, Message
from homeline.protocol.commands_network import rssi_dbm
from homeline.protocol.commands_sms import Stored

LAST_SLOT = 255  # the drivers look no further either (SMS_INDEX_MAX)
TEXT_OCTETS = LINE_SENT - len("Message: ")  # of a text to be sent, escapes included: it goes in one line of AMI
ONE_PART = 160  # septets of a text that is not split (3GPP TS 23.040 9.2.3.16)


@dataclass(frozen=True, slots=True)
class Dialect:
    """The names that differ between the drivers."""

    prefix: str  # of actions and events
    console: str  # the first word of the driver's console commands
    module: str

    def action(self, name: str) -> str:
        """An action or event, such as DongleSendSMS of SendSMS."""
        return self.prefix + name

    def at(self, device: str, command: str) -> str:
        """The console command that hands an AT command to the modem.

        `device` is a section's name in UCI; `command` has no blank and no backslash, so it is one word.
        """
        return f"{self.console} cmd {device} {command.replace(QUOTE, ESCAPED_QUOTE)}"


DIALECTS = {
    Driver.CHAN_DONGLE: Dialect("Dongle", "dongle", "chan_dongle"),
    Driver.CHAN_QUECTEL: Dialect("Quectel", "quectel", "chan_quectel"),
}
QUOTE, ESCAPED_QUOTE = '"', '\\"'
QUEUED = "queued"  # in what the console answers to an AT command that was taken


class Phase(Enum):
    """How far the driver has come with a dongle."""

    STOPPED = "stopped"  # by somebody at Asterisk's console
    ABSENT = "absent"  # its port is not there or does not open
    STARTING = "starting"
    UP = "up"  # the modem is set up and can be asked; registered or not


_PHASES = {"Stopped": Phase.STOPPED, "Not connected": Phase.ABSENT, "Not initialized": Phase.STARTING}
_REGISTRATIONS = {  # GSM_regstate2str()
    "Not registered, not searching": Registration.IDLE,
    "Registered, home network": Registration.HOME,
    "Not registered, but searching": Registration.SEARCHING,
    "Registration denied": Registration.DENIED,
    "Registered, roaming": Registration.ROAMING,
}
_TECHNOLOGIES = {  # sys_submode2str(), and sys_mode2str() where that says nothing
    "GSM": "gsm",
    "GPRS": "gprs",
    "EDGE": "edge",
    "WCDMA": "umts",
    "HSDPA": "hsdpa",
    "HSUPA": "hsupa",
    "HSDPA and HSUPA": "hspa",
    "GSM/GPRS": "gsm",
}


@dataclass(frozen=True, slots=True)
class Device:
    """A dongle as its driver shows it. Empty strings and None are "not known"."""

    name: str
    phase: Phase
    state: str  # the driver's own word
    port: str  # the AT port
    manufacturer: str
    model: str
    firmware: str
    imei: str
    imsi: str
    number: str
    operator: str
    registration: Registration
    registered: bool
    technology: str
    signal_dbm: int | None
    voice: bool
    tasks: int  # groups of AT commands that wait for their answers
    deletes: bool  # the driver deletes what it has read: messages get lost
    deaf: bool  # the driver takes no messages
    ucs2: bool  # the driver has set the modem's character set to UCS-2


def device(row: Message) -> Device:
    """An entry of `ShowDevices`. Raises DecodeError where it is none."""
    name, state, tasks = row.get("Device"), row.get("State"), row.get("TasksInQueue")
    if not name or not state or not re.fullmatch("[0-9]{1,9}", tasks):
        raise DecodeError(f"the driver's entry of a dongle lacks its name, state or queue: {name[:40]!a}")
    phase = _PHASES.get(state, Phase.UP)
    up = phase is Phase.UP
    return Device(
        name=name,
        phase=phase,
        state=state,
        port=_known(row, "DataState"),
        manufacturer=_known(row, "Manufacturer"),
        model=_known(row, "Model"),
        firmware=_known(row, "Firmware"),
        imei=_known(row, "IMEIState"),
        imsi=_known(row, "IMSIState"),
        number=_known(row, "SubscriberNumber"),
        operator=_known(row, "ProviderName") if up else "",
        registration=_REGISTRATIONS.get(row.get("GSMRegistrationStatus"), Registration.UNKNOWN),
        registered=up and state != "GSM not registered",
        technology=_technology(row) if up else "",
        signal_dbm=_signal(row.get("RSSI")) if up else None,
        voice=row.get("Voice") == "Yes",
        tasks=int(tasks),
        deletes=row.get("AutoDeleteSMS") == "Yes",
        deaf=row.get("DisableSMS") == "Yes",
        ucs2=row.get("UseUCS2Encoding") == "Yes",
    )


def _known(row: Message, name: str) -> str:
    value = row.get(name)
    return "" if value in ("Unknown", "NONE") else value


def _technology(row: Message) -> str:
    return _TECHNOLOGIES.get(row.get("Submode"), "") or _TECHNOLOGIES.get(row.get("Mode"), "")


def _signal(text: str) -> int | None:
    """Of "17, -79 dBm": the drivers do not agree on the second number, so the first, as of AT+CSQ, is taken."""
    rssi = re.match("[0-9]{1,2}(?![0-9])", text)
    return rssi_dbm(int(rssi[0])) if rssi else None


def unescape(text: str) -> str:
    """A line of the modem as it was: the drivers write CR and LF as a backslash and a letter."""
    return text.replace("\\r", "\r").replace("\\n", "\n")


def stored(event: Message) -> Stored | None:
    """The message that a `NewCMGR` event tells of; None for one without. Raises DecodeError. A hint."""
    lines = [line for line in re.split("[\r\n]+", unescape(event.get("Message"))) if line]
    return commands_sms.parse_read(lines)


@dataclass(frozen=True, slots=True)
class Outcome:
    """A `Report` event: what became of a message that was sent. A hint, unless `payload` cannot be guessed."""

    payload: str
    submission: bool  # whether the modem took it, as against what the network did with it
    success: bool


def outcome(event: Message) -> Outcome:
    return Outcome(event.get("Payload"), event.get("Type") == "0", event.get("Success") == "1")


def text(words: str) -> str:
    """The value of `Message` in `SendSMS` for a text, C escapes and all.

    Raises EncodeError for what would not go out as it is: too long for a line of AMI, blanks alone, a NUL.
    """
    if not words.strip(" \t") or "\0" in words:
        raise EncodeError("text: is empty or has a NUL, which Asterisk's driver cannot send")
    if _fills_one_part(words):
        words += " "  # the driver splits a text of exactly 160 septets into parts that no network takes
    written = words.replace("\\", "\\\\").replace("\r", "\\r").replace("\n", "\\n")
    length = len(written.encode("utf-8", "replace"))
    if length > TEXT_OCTETS:
        raise EncodeError(f"text: is too long for Asterisk's driver: {length} octets of at most {TEXT_OCTETS}")
    return written


def _fills_one_part(words: str) -> bool:
    try:
        return len(gsm7.encode(words)) == ONE_PART
    except EncodeError:
        return False
