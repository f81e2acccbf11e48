"""One builder and one parser for each AT command of ITU-T V.250 and 3GPP TS 27.007 that is in use here.

A builder gives an `at.Command`; its parser raises DecodeError only. Registration, operator and signal are in
`commands_network`, SMS in `commands_sms`, calls and the phone book in `commands_calls`, vendors' own in `vendors`.
Timeouts are the longest that manuals give, cut where no person would wait. What the modem says unasked (`unsolicited`)
and what a refused submission means (`submit_failure`) can be had from here too.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from homeline.errors import DecodeError
from homeline.protocol import at_fields as f
from homeline.protocol.at import Command, nothing
from homeline.protocol.at_errors import submit_failure as submit_failure
from homeline.protocol.notices import Notice as Notice
from homeline.protocol.notices import unsolicited as unsolicited


@dataclass(frozen=True, slots=True)
class Address:
    """A number as the network wrote it and its type of address octet (145 international, 129 unknown)."""

    number: str
    type: int | None = None
    name: str = ""


@dataclass(frozen=True, slots=True)
class PinTries:
    """How often a wrong PIN or PUK may still be entered; None where the modem does not say."""

    pin: int | None = None
    puk: int | None = None


@dataclass(frozen=True, slots=True)
class Identity:
    """ATI: what each modem says of itself, where it says it in the usual words."""

    lines: tuple[str, ...]
    manufacturer: str = ""
    model: str = ""
    revision: str = ""
    imei: str = ""


# -- the line itself (V.250) --


def attention() -> Command[None]:
    """AT: is anyone there?"""
    return Command("AT", nothing, timeout=2)


def echo_off() -> Command[None]:
    """ATE0V1: no echo, results in words."""
    return Command("ATE0V1", nothing, timeout=2)


def restore() -> Command[None]:
    """ATZ: the stored profile."""
    return Command("ATZ", nothing)


def factory_defaults() -> Command[None]:
    """AT&F."""
    return Command("AT&F", nothing)


def identity() -> Command[Identity]:
    """ATI."""
    return Command("ATI", parse_identity, ("+GCAP:",), plain=True)


def parse_identity(lines: Sequence[str]) -> Identity:
    found: dict[str, str] = {}
    for line in lines:
        key, colon, value = line.partition(":")
        if colon:
            found.setdefault(key.strip().casefold(), re.sub(r"^\s*I:\s*", "", value).strip())
    return Identity(
        tuple(line.strip() for line in lines),
        found.get("manufacturer", ""),
        found.get("model", ""),
        found.get("revision", ""),
        found.get("imei", ""),
    )


def supported_commands() -> Command[tuple[str, ...]]:
    """AT+CLAC."""
    return Command("AT+CLAC", parse_supported_commands, ("+CLAC:",), plain=True, timeout=10)


def parse_supported_commands(lines: Sequence[str]) -> tuple[str, ...]:
    words = (word.strip() for line in lines for word in line.removeprefix("+CLAC:").split(","))
    return tuple(word for word in words if word)


# -- who it is --


def error_codes() -> Command[None]:
    """AT+CMEE=1: errors as numbers."""
    return Command("AT+CMEE=1", nothing)


def manufacturer() -> Command[str]:
    """AT+CGMI."""
    return _plain("+CGMI", _words)


def model() -> Command[str]:
    """AT+CGMM."""
    return _plain("+CGMM", _words)


def revision() -> Command[str]:
    """AT+CGMR; several lines come as one."""
    return _plain("+CGMR", _words)


def imei() -> Command[str]:
    """AT+CGSN."""
    return _plain("+CGSN", _digits_of("IMEI", 14, 16))


def imsi() -> Command[str]:
    """AT+CIMI."""
    return _plain("+CIMI", _digits_of("IMSI", 6, 15))


def _plain(name: str, parse: Callable[[Sequence[str]], str]) -> Command[str]:
    return Command(f"AT{name}", lambda lines: parse(_bare(lines, f"{name}:")), (f"{name}:",), plain=True)


def _bare(lines: Sequence[str], prefix: str) -> list[str]:
    return [f.unquote(line.strip().removeprefix(prefix).strip()).strip() for line in lines]


def _words(lines: Sequence[str]) -> str:
    words = " ".join(line for line in lines if line)
    if not words:
        raise DecodeError("the answer is empty")
    return words


def _digits_of(what: str, least: int, most: int) -> Callable[[Sequence[str]], str]:
    pattern = re.compile(rf"(?<!\d)\d{{{least},{most}}}(?!\d)", re.ASCII)

    def parse(lines: Sequence[str]) -> str:
        for line in lines:
            if match := pattern.search(line):
                return match[0]
        raise DecodeError(f"no {what} in '{f.shown(' | '.join(lines))}'")

    return parse


def iccid_from_file() -> Command[str]:
    """AT+CRSM: EF-ICCID read from the SIM (3GPP TS 51.011 10.1.1), for modems without a command of their own."""
    return Command("AT+CRSM=176,12258,0,0,10", lambda lines: parse_iccid(lines, "+CRSM:"), ("+CRSM:",))


def parse_iccid(lines: Sequence[str], *prefixes: str) -> str:
    """The ICCID (ITU-T E.118, 18 to 20 digits) of a line with one of the prefixes, or of a bare one.

    Its file on the SIM has the digits of each octet swapped and may end in F; both are put right.
    """
    for line in lines:
        for prefix in prefixes:
            line = line.removeprefix(prefix)
        if match := re.search(r"(?<![0-9A-Fa-f])[0-9]{17,20}[0-9Ff]{0,3}(?![0-9A-Fa-f])", line):
            value = match[0]
            if value.startswith("98"):
                value = "".join(value[i + 1 : i + 2] + value[i] for i in range(0, len(value), 2))
            return value.rstrip("Ff")
    raise DecodeError(f"no ICCID in '{f.shown(' | '.join(lines))}'")


def own_numbers() -> Command[tuple[Address, ...]]:
    """AT+CNUM. Some Huawei firmware writes ERROR+CNUM: for +CNUM:."""
    return Command("AT+CNUM", parse_own_numbers, ("+CNUM:", "ERROR+CNUM:"), timeout=10)


def parse_own_numbers(lines: Sequence[str]) -> tuple[Address, ...]:
    found = []
    for line in lines:
        fields = f.split(line.partition(":")[2])
        number = f.ucs2_or_text(f.text(fields, 1))
        if number:
            found.append(Address(number, f.optional(fields, 2, "+CNUM"), f.ucs2_or_text(f.text(fields, 0))))
    return tuple(found)


# -- SIM and radio --


def pin_state() -> Command[str]:
    """AT+CPIN?: READY, SIM PIN, SIM PUK, … (3GPP TS 27.007 8.3). Wavecom never ends its answer with OK."""
    return Command("AT+CPIN?", parse_pin_state, ("+CPIN:",), final_optional=True, timeout=5)


def parse_pin_state(lines: Sequence[str]) -> str:
    state = f.unquote(f.pick(lines, "+CPIN:")).upper()
    if not state:
        raise DecodeError("+CPIN: no state")
    return state


def enter_pin(pin: str) -> Command[None]:
    """AT+CPIN="1234". Raises EncodeError unless it is 4 to 8 digits."""
    pin = f.quoted(f.digits(pin, "PIN", 4, 8), "PIN")
    return Command(f"AT+CPIN={pin}", nothing, masked="AT+CPIN=****", timeout=20)


def pin_tries() -> Command[PinTries]:
    """AT+CPINR (3GPP TS 27.007 8.65)."""
    return Command("AT+CPINR", parse_pin_tries, ("+CPINR:",))


def parse_pin_tries(lines: Sequence[str]) -> PinTries:
    tries = {}
    for line in lines:
        fields = f.split(f.after(line, "+CPINR:"))
        tries[f.text(fields, 0).upper()] = f.integer(fields, 1, "+CPINR")
    if not tries:
        raise DecodeError("no +CPINR line in the answer")
    return PinTries(tries.get("SIM PIN"), tries.get("SIM PUK"))


def functionality() -> Command[int | None]:
    """AT+CFUN?: 0 minimum, 1 full, 4 radio off; None from a modem that answers with its ranges (ZTE)."""
    return Command("AT+CFUN?", parse_functionality, ("+CFUN:",), timeout=10)


def parse_functionality(lines: Sequence[str]) -> int | None:
    fields = f.split(f.pick(lines, "+CFUN:"))
    return None if fields[0].startswith("(") else f.integer(fields, 0, "+CFUN")


def set_functionality(level: int, *, reset: bool = False) -> Command[None]:
    """AT+CFUN=level[,1]. With `reset` the modem starts anew and may leave the bus without a final result."""
    f.within(level, 0, 127, "functionality")
    return Command(f"AT+CFUN={level}{',1' if reset else ''}", nothing, timeout=20)


# -- character set, USSD --


def character_sets() -> Command[tuple[str, ...]]:
    """AT+CSCS=?."""
    return Command("AT+CSCS=?", parse_character_sets, ("+CSCS:",))


def parse_character_sets(lines: Sequence[str]) -> tuple[str, ...]:
    return tuple(f.unquote(field) for field in f.split(f.pick(lines, "+CSCS:").strip("()")) if field)


def character_set(name: str) -> Command[None]:
    """AT+CSCS="UCS2"."""
    return Command(f"AT+CSCS={f.quoted(name, 'character set')}", nothing)


def ussd(payload: str, dcs: int | None = 15) -> Command[None]:
    """AT+CUSD=1,"payload",dcs: `payload` in the modem's dialect. The network's answer comes as +CUSD, unsolicited."""
    scheme = "" if dcs is None else f",{f.within(dcs, 0, 255, 'dcs')}"
    return Command(f"AT+CUSD=1,{f.quoted(payload, 'USSD code')}{scheme}", nothing, masked="AT+CUSD=1,…", timeout=30)


def caller_id() -> Command[None]:
    """AT+CLIP=1: who calls is shown behind RING."""
    return Command("AT+CLIP=1", nothing, timeout=15)


def ussd_reports() -> Command[None]:
    """AT+CUSD=1: shows what the network sends."""
    return Command("AT+CUSD=1", nothing)


def ussd_cancel() -> Command[None]:
    """AT+CUSD=2: ends the session."""
    return Command("AT+CUSD=2", nothing, timeout=15)
