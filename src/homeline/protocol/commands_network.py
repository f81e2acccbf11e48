"""The AT commands of registration, operator and signal (3GPP TS 27.007 7 and 8.5), as in `commands`."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from homeline.errors import DecodeError
from homeline.model import Registration
from homeline.protocol import at_fields as f
from homeline.protocol.at import Command, nothing

# <stat> of 3GPP TS 27.007 7.2; 9 and 10 (CSFB not preferred) are registered too.
_STAT = (
    Registration.IDLE,
    Registration.HOME,
    Registration.SEARCHING,
    Registration.DENIED,
    Registration.UNKNOWN,
    Registration.ROAMING,
    Registration.HOME,
    Registration.ROAMING,
    Registration.EMERGENCY,
    Registration.HOME,
    Registration.ROAMING,
)
# <AcT> of 3GPP TS 27.007 7.3, in ModemManager's words
_ACT = (
    *("gsm", "gsm-compact", "umts", "edge", "hsdpa", "hsupa", "hspa"),
    *("lte", "gsm", "lte", "lte", "5gnr", "5gnr", "lte"),
)
# What vendors call them, the first match counts
_NAMES = (
    ("NSA", "lte"),
    ("NR", "5gnr"),
    ("LTE", "lte"),
    ("HSPA+", "hspa-plus"),
    ("HSPA", "hspa"),
    ("HSDPA", "hsdpa"),
    ("HSUPA", "hsupa"),
    ("WCDMA", "umts"),
    ("UMTS", "umts"),
    ("TDSCDMA", "umts"),
    ("TD-SCDMA", "umts"),
    ("EDGE", "edge"),
    ("GPRS", "gprs"),
    ("GSM", "gsm"),
)
_REGISTRATION = re.compile(r"\+(CREG|CGREG|CEREG|C5GREG):\s*(.*)")
_OPERATOR = re.compile(r'\(\s*(\d)\s*,\s*"([^"]*)"\s*,\s*"([^"]*)"\s*,\s*"([^"]*)"\s*(?:,\s*(\d+)\s*)?\)')

# Huawei's <sysmode> and <submode> in ModemManager's words; the sub-mode is the finer one
_HUAWEI_MODES = {3: "gsm", 5: "umts", 7: "umts", 15: "umts"}
_HUAWEI_SUBMODES = {
    **{1: "gsm", 2: "gprs", 3: "edge", 4: "umts", 5: "hsdpa", 6: "hsupa", 7: "hspa", 8: "umts", 9: "hspa-plus"},
    **{17: "hspa-plus", 18: "hspa-plus", 101: "lte"},
}


def technology(act: int | None) -> str:
    """The access technology of an <AcT> number, "" where it is not known."""
    return _ACT[act] if act is not None and 0 <= act < len(_ACT) else ""


def named_technology(name: str) -> str:
    """The access technology that a vendor writes as `FDD LTE`, `HSPA+` and so on; "" for none or an unknown one."""
    upper = name.upper()
    return next((ours for theirs, ours in _NAMES if theirs in upper), "")


def huawei_technology(mode: int, submode: int | None) -> str:
    """The access technology of ^MODE and ^SYSINFO, "" without service."""
    return _HUAWEI_SUBMODES.get(submode or 0, "") or _HUAWEI_MODES.get(mode, "")


def huawei_dbm(rest: str) -> int | None:
    """What ^HCSQ says: "LTE",rssi,rsrp,sinr,rsrq or "WCDMA",rssi,rscp,ecio or "GSM",rssi; 255 is unknown."""
    fields = f.split(rest)
    index, offset = {"LTE": (2, -141), "WCDMA": (2, -121)}.get(f.text(fields, 0).upper(), (1, -121))
    value = f.optional(fields, index, "^HCSQ")
    return value + offset if value is not None and 0 <= value <= 97 else None


@dataclass(frozen=True, slots=True)
class Registered:
    """What +CREG and its relatives say. `lac` is LTE's tracking area; `n` is None in an unsolicited line."""

    domain: str  # "CREG", "CGREG", "CEREG" or "C5GREG"
    stat: int
    n: int | None = None
    lac: int | None = None
    ci: int | None = None
    act: int | None = None

    @property
    def registration(self) -> Registration:
        return _STAT[self.stat] if 0 <= self.stat < len(_STAT) else Registration.UNKNOWN

    @property
    def registered(self) -> bool:
        return self.registration in (Registration.HOME, Registration.ROAMING)

    @property
    def technology(self) -> str:
        return technology(self.act)


@dataclass(frozen=True, slots=True)
class Operator:
    """+COPS?. `name` is empty when no operator is selected; `format` 0 long, 1 short, 2 numeric."""

    mode: int
    format: int | None = None
    name: str = ""
    act: int | None = None


@dataclass(frozen=True, slots=True)
class Network:
    """One operator of +COPS=?. `stat` 0 unknown, 1 available, 2 current, 3 forbidden."""

    stat: int
    long: str
    short: str
    numeric: str
    act: int | None = None


@dataclass(frozen=True, slots=True)
class Signal:
    """`rssi` and `ber` as in +CSQ, None for "not known"; `dbm` of what the technology measures (RSSI, RSCP, RSRP)."""

    rssi: int | None
    ber: int | None
    dbm: int | None


def registration(domain: str = "CREG") -> Command[Registered | None]:
    """AT+CREG?, AT+CGREG?, AT+CEREG?, AT+C5GREG?. None when the modem says OK alone."""
    prefix = f"+{domain}:"
    return Command(f"AT+{domain}?", parse_registration_answer, (prefix,), owns=is_registration_answer)


def registration_reports(domain: str = "CREG", mode: int = 2) -> Command[None]:
    """AT+CREG=mode: 0 none, 1 changes of registration, 2 of location too."""
    return Command(f"AT+{domain}={f.within(mode, 0, 5, 'mode')}", nothing)


def is_registration_answer(line: str) -> bool:
    """Whether the line has <n> in front, as only an answer has: an unsolicited one begins with <stat>,<lac>."""
    fields = f.split(line.partition(":")[2])
    return len(fields) == 2 or (len(fields) > 2 and fields[1].isdigit() and len(fields[1]) <= 2)


def parse_registration_answer(lines: Sequence[str]) -> Registered | None:
    return parse_registration(lines[-1]) if lines else None


def parse_registration(line: str) -> Registered:
    """Either form of a +CxREG line. Raises DecodeError."""
    match = _REGISTRATION.match(line)
    if match is None:
        raise DecodeError(f"no registration line: '{f.shown(line)}'")
    domain, rest = match.groups()
    fields = f.split(rest)
    n = f.integer(fields, 0, domain) if is_registration_answer(line) else None
    if n is not None:
        fields = fields[1:]
    act = f.optional(fields, 3, domain)
    return Registered(
        domain, f.integer(fields, 0, domain), n, f.hexadecimal(fields, 1, domain), f.hexadecimal(fields, 2, domain), act
    )


def operator_format(numeric: bool = False) -> Command[None]:
    """AT+COPS=3,0 (or 3,2): how +COPS? names operators; selects nothing."""
    return Command(f"AT+COPS=3,{2 if numeric else 0}", nothing, timeout=10)


def automatic_operator() -> Command[None]:
    """AT+COPS=0: the modem selects."""
    return Command("AT+COPS=0", nothing, timeout=120)


def operator() -> Command[Operator]:
    """AT+COPS?."""
    return Command("AT+COPS?", parse_operator, ("+COPS:",), timeout=10)


def parse_operator(lines: Sequence[str]) -> Operator:
    fields = f.split(f.pick(lines, "+COPS:"))
    mode, form, act = f.integer(fields, 0, "+COPS"), f.optional(fields, 1, "+COPS"), f.optional(fields, 3, "+COPS")
    return Operator(mode, form, f.ucs2_or_text(f.text(fields, 2)), act)


def networks() -> Command[tuple[Network, ...]]:
    """AT+COPS=?: looks for networks, which takes minutes."""
    return Command("AT+COPS=?", parse_networks, ("+COPS:",), timeout=180)


def parse_networks(lines: Sequence[str]) -> tuple[Network, ...]:
    rows = _OPERATOR.findall(f.pick(lines, "+COPS:"))
    return tuple(
        Network(int(stat), f.ucs2_or_text(long), f.ucs2_or_text(short), numeric, f.optional([act], 0, "+COPS"))
        for stat, long, short, numeric, act in rows
    )


def signal() -> Command[Signal]:
    """AT+CSQ."""
    return Command("AT+CSQ", parse_signal, ("+CSQ:",))


def parse_signal(lines: Sequence[str]) -> Signal:
    fields = f.split(f.pick(lines, "+CSQ:"))
    rssi, ber = f.integer(fields, 0, "+CSQ"), f.optional(fields, 1, "+CSQ")
    return Signal(None if rssi == 99 else rssi, None if ber == 99 else ber, rssi_dbm(rssi))


def rssi_dbm(rssi: int) -> int | None:
    """dBm of a +CSQ <rssi> (3GPP TS 27.007 8.5): 0..31 in steps of 2 from -113; None for all else."""
    return 2 * rssi - 113 if 0 <= rssi <= 31 else None


def extended_signal() -> Command[Signal]:
    """AT+CESQ (3GPP TS 27.007 8.69)."""
    return Command("AT+CESQ", parse_extended_signal, ("+CESQ:",))


def parse_extended_signal(lines: Sequence[str]) -> Signal:
    fields = f.split(f.pick(lines, "+CESQ:"))
    ber = f.optional(fields, 1, "+CESQ")
    for index, highest, offset in ((5, 97, -141), (2, 96, -121), (0, 63, -111)):  # RSRP, RSCP, RXLEV
        value = f.optional(fields, index, "+CESQ")
        if value is not None and 0 <= value <= highest:
            return Signal(None, None if ber == 99 else ber, value + offset)
    return Signal(None, None if ber == 99 else ber, None)
