"""Commands that vendors made for themselves: Huawei ^, Quectel +Q, SIMCom, ZTE. Builders and parsers as in `commands`.

Which model has which is data in `quirks`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from homeline.errors import DecodeError
from homeline.protocol import at_fields as f
from homeline.protocol.at import Command, nothing
from homeline.protocol.commands import PinTries, parse_iccid
from homeline.protocol.commands_network import Signal, huawei_dbm, huawei_technology, named_technology


@dataclass(frozen=True, slots=True)
class SystemInfo:
    """^SYSINFO and ^SYSINFOEX. `sim` is None where the modem does not tell."""

    service: int  # 0 none, 1 restricted, 2 full, 3 restricted region, 4 power saving
    roaming: bool
    sim: bool | None
    technology: str


# -- ICCID --


def huawei_iccid() -> Command[str]:
    """AT^ICCID?."""
    return _iccid("AT^ICCID?", "^ICCID:")


def quectel_iccid() -> Command[str]:
    """AT+QCCID."""
    return _iccid("AT+QCCID", "+QCCID:")


def simcom_iccid() -> Command[str]:
    """AT+CICCID; the answer is written +ICCID: or +CICCID:."""
    return _iccid("AT+CICCID", "+ICCID:", "+CICCID:")


def zte_iccid() -> Command[str]:
    """AT+ZICCID?."""
    return _iccid("AT+ZICCID?", "+ZICCID:")


def ccid() -> Command[str]:
    """AT+CCID, which many have; some answer without a prefix."""
    return _iccid("AT+CCID", "+CCID:", "+ICCID:")


def ccid_query() -> Command[str]:
    """AT+CCID?, the same asked in the other form."""
    return _iccid("AT+CCID?", "+CCID:")


def _iccid(line: str, *prefixes: str) -> Command[str]:
    return Command(line, lambda lines: parse_iccid(lines, *prefixes), prefixes, plain=True)


# -- access technology and signal --


def huawei_system_info() -> Command[SystemInfo]:
    """AT^SYSINFO."""
    return Command("AT^SYSINFO", parse_huawei_system_info, ("^SYSINFO:",))


def parse_huawei_system_info(lines: Sequence[str]) -> SystemInfo:
    """srv_status, srv_domain, roam_status, sys_mode, sim_state[, lock_state, sys_submode]."""
    fields = f.split(f.pick(lines, "^SYSINFO:"))
    mode, submode = f.integer(fields, 3, "^SYSINFO"), f.optional(fields, 6, "^SYSINFO")
    return _system_info(fields, 4, huawei_technology(mode, submode))


def huawei_system_info_extended() -> Command[SystemInfo]:
    """AT^SYSINFOEX."""
    return Command("AT^SYSINFOEX", parse_huawei_system_info_extended, ("^SYSINFOEX:",))


def parse_huawei_system_info_extended(lines: Sequence[str]) -> SystemInfo:
    """srv_status, srv_domain, roam_status, sim_state, lock_state, sysmode, name, submode, name."""
    fields = f.split(f.pick(lines, "^SYSINFOEX:"))
    return _system_info(fields, 3, named_technology(f.text(fields, 8)) or named_technology(f.text(fields, 6)))


def _system_info(fields: Sequence[str], sim: int, technology: str) -> SystemInfo:
    state = f.optional(fields, sim, "SIM state")
    usable = None if state is None else state not in (0, 255)
    service, roaming = f.integer(fields, 0, "service"), f.optional(fields, 2, "roaming") == 1
    return SystemInfo(service, roaming, usable, technology if service else "")


def huawei_technology_query() -> Command[str]:
    """The technology from AT^SYSINFO."""
    return Command("AT^SYSINFO", lambda lines: parse_huawei_system_info(lines).technology, ("^SYSINFO:",))


def huawei_technology_extended_query() -> Command[str]:
    """The technology from AT^SYSINFOEX."""
    return Command("AT^SYSINFOEX", lambda lines: parse_huawei_system_info_extended(lines).technology, ("^SYSINFOEX:",))


def quectel_technology() -> Command[str]:
    """AT+QNWINFO: +QNWINFO: "FDD LTE","26201","LTE BAND 3",1300; "" when it says No Service."""
    return Command("AT+QNWINFO", lambda lines: _named(lines, "+QNWINFO:"), ("+QNWINFO:",))


def simcom_technology() -> Command[str]:
    """AT+CPSI?: +CPSI: LTE,Online,262-01,…; "" for NO SERVICE."""
    return Command("AT+CPSI?", lambda lines: _named(lines, "+CPSI:"), ("+CPSI:",))


def _named(lines: Sequence[str], prefix: str) -> str:
    return named_technology(f.text(f.split(f.pick(lines, prefix)), 0))


def huawei_signal() -> Command[Signal]:
    """AT^HCSQ?; the unsolicited form looks the same."""
    return Command("AT^HCSQ?", lambda lines: Signal(None, None, huawei_dbm(f.pick(lines, "^HCSQ:"))), ("^HCSQ:",))


def quectel_signal() -> Command[Signal]:
    """AT+QCSQ: +QCSQ: "LTE",rssi,rsrp,sinr,rsrq in dBm; "NOSERVICE" alone."""
    return Command("AT+QCSQ", parse_quectel_signal, ("+QCSQ:",))


def parse_quectel_signal(lines: Sequence[str]) -> Signal:
    fields = f.split(f.pick(lines, "+QCSQ:"))
    value = f.optional(fields, 1 if f.text(fields, 0).upper() == "GSM" else 2, "+QCSQ")
    return Signal(None, None, value if value is not None and -150 <= value < 0 else None)


# -- SIM --


def huawei_pin_tries() -> Command[PinTries]:
    """AT^CPIN?: ^CPIN: state,[times],puk,pin,puk2,pin2."""
    return _tries("AT^CPIN?", "^CPIN:", 3, 2)


def quectel_pin_tries() -> Command[PinTries]:
    """AT+QPINC="SC": +QPINC: "SC",pin,puk."""
    return _tries('AT+QPINC="SC"', "+QPINC:", 1, 2)


def simcom_pin_tries() -> Command[PinTries]:
    """AT+SPIC: +SPIC: pin,puk,pin2,puk2."""
    return _tries("AT+SPIC", "+SPIC:", 0, 1)


def _tries(line: str, prefix: str, pin: int, puk: int) -> Command[PinTries]:
    def parse(lines: Sequence[str]) -> PinTries:
        fields = f.split(f.pick(lines, prefix))
        tries = PinTries(f.optional(fields, pin, prefix), f.optional(fields, puk, prefix))
        if tries == PinTries():
            raise DecodeError(f"{prefix} no tries in the answer")
        return tries

    return Command(line, parse, (prefix,))


# -- voice --


def huawei_voice() -> Command[bool]:
    """AT^CVOICE?: whether voice is unlocked. A modem without voice refuses the command."""
    return _voice("AT^CVOICE?", "^CVOICE:", lambda fields: f.text(fields, 0).strip("()") == "0")


def quectel_voice() -> Command[bool]:
    """AT+QPCMV?: a modem that answers can carry voice over USB."""
    return _voice("AT+QPCMV?", "+QPCMV:", bool)


def simcom_voice() -> Command[bool]:
    """AT+CPCMREG?: likewise."""
    return _voice("AT+CPCMREG?", "+CPCMREG:", bool)


def _voice(line: str, prefix: str, judge: Callable[[list[str]], bool]) -> Command[bool]:
    return Command(line, lambda lines: judge(f.split(f.pick(lines, prefix))), (prefix,))


# -- unsolicited lines on and off --


def huawei_reports(on: bool = True) -> Command[None]:
    """AT^CURC: ^RSSI, ^MODE and the like; +CMTI does not depend on it."""
    return Command(f"AT^CURC={int(on)}", nothing)


def quectel_reports(kind: str) -> Command[None]:
    """AT+QINDCFG="kind",1: csq, smsfull, act, ring, ccinfo."""
    return Command(f"AT+QINDCFG={f.quoted(kind, 'indication')},1", nothing)


def quectel_reports_query() -> Command[bool]:
    """AT+QINDCFG="all": whether indications are on at all."""
    return Command(
        'AT+QINDCFG="all"',
        lambda lines: f.integer(f.split(f.pick(lines, "+QINDCFG:")), 1, "+QINDCFG") == 1,
        ("+QINDCFG:",),
    )


def quectel_report_port() -> Command[None]:
    """AT+QURCCFG="urcport","usbat": unsolicited lines come on the AT port, where modems default to another one."""
    return Command('AT+QURCCFG="urcport","usbat"', nothing)
