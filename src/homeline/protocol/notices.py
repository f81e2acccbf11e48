"""What a modem says unasked, typed: `unsolicited(line, pdu)` (3GPP TS 27.005 3.4, 27.007, vendors' manuals).

Nothing here raises: a line that cannot be read, or that nobody knows, is an Other.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

from homeline.errors import DecodeError
from homeline.protocol import at_fields as f
from homeline.protocol.commands_network import (
    Registered,
    huawei_dbm,
    huawei_technology,
    named_technology,
    parse_registration,
    rssi_dbm,
)


@dataclass(frozen=True, slots=True)
class NewMessage:
    """+CMTI: a message was stored. Without an index (garbled, or none given) the storage must be looked through."""

    storage: str
    index: int | None


@dataclass(frozen=True, slots=True)
class DirectMessage:
    """+CMT: a message that is nowhere stored."""

    pdu: str


@dataclass(frozen=True, slots=True)
class StatusReportNotice:
    """+CDSI: a status report was stored (storage, index), or +CDS: here it is (pdu)."""

    storage: str = ""
    index: int | None = None
    pdu: str = ""


@dataclass(frozen=True, slots=True)
class Ussd:
    """+CUSD, whole; `ussd` reads it."""

    line: str


@dataclass(frozen=True, slots=True)
class Ring:
    """A call comes in. `call_type` as in +CRING (VOICE, …), empty for a plain RING."""

    call_type: str = ""


@dataclass(frozen=True, slots=True)
class Caller:
    """+CLIP: who calls; an empty number is withheld."""

    number: str
    type: int | None = None


class CallPhase(StrEnum):
    DIALING = "dialing"
    ALERTING = "alerting"  # it rings at the other end
    ANSWERED = "answered"
    ENDED = "ended"


@dataclass(frozen=True, slots=True)
class CallProgress:
    """A call goes on or ends (Huawei ^ORIG … ^CEND, Wavecom +WIND, ZTE, SIMCom; NO CARRIER, BUSY, NO ANSWER)."""

    phase: CallPhase
    index: int | None = None  # as in +CLCC
    duration: int | None = None  # seconds
    end_status: int | None = None  # Huawei's own
    cause: int | None = None  # 3GPP TS 24.008 10.5.4.11
    text: str = ""  # BUSY and the like


@dataclass(frozen=True, slots=True)
class SignalNotice:
    """The signal changed; None: unknown."""

    dbm: int | None


@dataclass(frozen=True, slots=True)
class Technology:
    """The access technology changed; "" is none."""

    name: str


@dataclass(frozen=True, slots=True)
class SimState:
    """The SIM came, went or wants something: READY, SIM PIN, NOT INSERTED, … in the words of +CPIN."""

    state: str


@dataclass(frozen=True, slots=True)
class StorageFull:
    """No further message can be stored. An empty name means the one that receives."""

    storage: str = ""


@dataclass(frozen=True, slots=True)
class SmsReady:
    """The modem has read the SIM's messages: storage and indications can be set, the SIM can be drained."""


@dataclass(frozen=True, slots=True)
class Restart:
    """The modem may have begun anew, its settings lost. `certain` is False for lines that come at other times too."""

    certain: bool


@dataclass(frozen=True, slots=True)
class Other:
    """Any other line; `error` says why one of a known kind could not be read."""

    line: str
    error: str = ""


Notice = (
    NewMessage
    | DirectMessage
    | StatusReportNotice
    | Ussd
    | Ring
    | Caller
    | CallProgress
    | Registered
    | SignalNotice
    | Technology
    | SimState
    | StorageFull
    | SmsReady
    | Restart
    | Other
)


def unsolicited(line: str, pdu: str | None = None) -> Notice:
    """What `line` says, with the PDU line behind it where it has one. Never raises."""
    name = line.partition(":")[0].strip().upper()
    try:
        if name in _WITH_PDU:
            return _WITH_PDU[name](_pdu(name, pdu))
        if name in _LINES:
            return _LINES[name](line.partition(":")[2].strip())
        if name in ("+CREG", "+CGREG", "+CEREG", "+C5GREG"):
            return parse_registration(line)
        return Ussd(line) if name == "+CUSD" else Other(line)
    except DecodeError as error:
        return Other(line, str(error))


def _pdu(name: str, pdu: str | None) -> str:
    if pdu is None or not f.is_hex(pdu):
        raise DecodeError(f"{name}: no PDU but '{f.shown(pdu or '')}'")
    return pdu


_WITH_PDU: dict[str, Callable[[str], Notice]] = {
    "+CMT": DirectMessage,
    "+CDS": lambda pdu: StatusReportNotice(pdu=pdu),
}


def _place(rest: str) -> tuple[str, int | None]:
    """A storage and an index; None where there is no index that could be one."""
    fields = f.split(rest)
    try:
        index = f.optional(fields, 1, "index")
    except DecodeError:
        index = None
    return f.text(fields, 0).upper(), index if index is not None and 0 <= index <= 65535 else None


def _caller(rest: str) -> Notice:
    fields = f.split(rest)
    return Caller(f.ucs2_or_text(f.text(fields, 0)), f.optional(fields, 1, "+CLIP"))


def _call(phase: CallPhase) -> Callable[[str], Notice]:
    return lambda rest: CallProgress(phase, f.optional(f.split(rest), 0, phase) if rest else None)


def _ended(text: str) -> Callable[[str], Notice]:
    return lambda _rest: CallProgress(CallPhase.ENDED, text=text)


def _cend(rest: str) -> Notice:
    """^CEND:call, duration, end status[, cause]."""
    call, duration, status, cause = (f.optional(f.split(rest), index, "^CEND") for index in range(4))
    return CallProgress(CallPhase.ENDED, call, duration, status, cause)


def _wind(rest: str) -> Notice:
    """Wavecom's +WIND: 2 the other end rings, 5,n call n begins, 6,n it ends, 7 SMS ready, 1 and 0 SIM in and out."""
    fields = f.split(rest)
    event, call = f.integer(fields, 0, "+WIND"), f.optional(fields, 1, "+WIND")
    found: dict[int, Notice] = {
        0: SimState("NOT INSERTED"),
        1: SimState("INSERTED"),
        2: CallProgress(CallPhase.ALERTING),
        5: CallProgress(CallPhase.DIALING, call),
        6: CallProgress(CallPhase.ENDED, call),
        7: SmsReady(),
    }
    return found.get(event, Other(f"+WIND: {rest}"))


def _voice_call(rest: str) -> Notice:
    """SIMCom's VOICE CALL: BEGIN, and END: 000018 with its seconds."""
    if rest.upper().startswith("BEGIN"):
        return CallProgress(CallPhase.ANSWERED)
    seconds = rest.partition(":")[2].strip()
    return CallProgress(CallPhase.ENDED, duration=f.optional([seconds], 0, "VOICE CALL"))


def _rssi(rest: str) -> Notice:
    return SignalNotice(rssi_dbm(f.integer(f.split(rest), 0, "rssi")))


def _hcsq(rest: str) -> Notice:
    return SignalNotice(huawei_dbm(rest))


def _mode(rest: str) -> Notice:
    fields = f.split(rest)
    return Technology(huawei_technology(f.integer(fields, 0, "^MODE"), f.optional(fields, 1, "^MODE")))


def _qind(rest: str) -> Notice:
    """Quectel: "csq",rssi,ber; "act","LTE"; "smsfull","SM"; SMS DONE, PB DONE."""
    fields = f.split(rest)
    kind = f.text(fields, 0).lower()
    if kind == "csq":
        return SignalNotice(rssi_dbm(f.integer(fields, 1, "+QIND")))
    if kind == "act":
        return Technology(named_technology(f.text(fields, 1)))
    if kind == "smsfull":
        return StorageFull(f.text(fields, 1))
    return SmsReady() if kind in ("sms done", "pb done") else Other(f"+QIND: {rest}")


def _simst(rest: str) -> Notice:
    """Huawei: 1 is usable, 0 is not, 240 a SIM in ROM, 255 none."""
    state = f.integer(f.split(rest), 0, "^SIMST")
    return SimState({1: "READY", 240: "READY", 255: "NOT INSERTED"}.get(state, "NOT READY"))


def _qsimstat(rest: str) -> Notice:
    """Quectel +QSIMSTAT: enabled, inserted."""
    return SimState({0: "NOT INSERTED", 1: "INSERTED"}.get(f.integer(f.split(rest), 1, "+QSIMSTAT"), "UNKNOWN"))


def _cfun(rest: str) -> Notice:
    return Restart(certain=False) if rest == "1" else Other(f"+CFUN: {rest}")


# Modems say +CFUN: 1 after AT+CFUN=1 as well, and old Huawei ones repeat ^BOOT for as long as they run.
_LINES: dict[str, Callable[[str], Notice]] = {
    "+CMTI": lambda rest: NewMessage(*_place(rest)),
    "+CDSI": lambda rest: StatusReportNotice(*_place(rest)),
    "RING": lambda _rest: Ring(),
    "+CRING": Ring,
    "+CLIP": _caller,
    "^ORIG": _call(CallPhase.DIALING),
    "^CONF": _call(CallPhase.ALERTING),
    "^CONN": _call(CallPhase.ANSWERED),
    "CONNECT": _call(CallPhase.ANSWERED),
    "HANGUP": _call(CallPhase.ENDED),
    "^CEND": _cend,
    "+WIND": _wind,
    "VOICE CALL": _voice_call,
    "NO CARRIER": _ended("NO CARRIER"),
    "NO ANSWER": _ended("NO ANSWER"),
    "NO DIALTONE": _ended("NO DIALTONE"),
    "NO DIAL TONE": _ended("NO DIALTONE"),
    "BUSY": _ended("BUSY"),
    "^RSSI": _rssi,
    "+CSQ": _rssi,
    "^HCSQ": _hcsq,
    "^MODE": _mode,
    "+ZPASR": lambda rest: Technology(named_technology(rest)),
    "+QIND": _qind,
    "+CPIN": lambda rest: SimState(f.unquote(rest).upper()),
    "^SIMST": _simst,
    "+QSIMSTAT": _qsimstat,
    "^SMMEMFULL": lambda rest: StorageFull(f.text(f.split(rest), 0)),
    "+SMS FULL": lambda _rest: StorageFull(),
    "SMS FULL": lambda _rest: StorageFull(),
    "SMS READY": lambda _rest: SmsReady(),
    "SMS DONE": lambda _rest: SmsReady(),
    "PB DONE": lambda _rest: SmsReady(),
    "RDY": lambda _rest: Restart(certain=True),
    "*ATREADY": lambda _rest: Restart(certain=True),
    "^SYSSTART": lambda _rest: Restart(certain=True),
    "SIM READY": lambda _rest: Restart(certain=False),
    "+CFUN": _cfun,
    "^BOOT": lambda _rest: Restart(certain=False),
}
