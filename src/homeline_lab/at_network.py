"""Commands about registration, operator and signal, standard and vendors' own."""

from __future__ import annotations

from homeline_lab.at_line import AtError, Op, Request
from homeline_lab.modem import Handler, Modem
from homeline_lab.radio import ACCESS_NAMES, HUAWEI_MODE, SIMCOM_MODE, dbm, notice_fields, registration_fields, signal


def registration(modem: Modem, request: Request) -> list[str]:
    """AT+CREG, +CGREG, +CEREG."""
    modes = modem.settings.registration_mode
    if request.op is Op.TEST:
        return [f"{request.name}: (0-2)"]
    if request.op is Op.SET:
        mode = request.number(0)
        if mode > 2:
            raise AtError("CME", 4)
        modes[request.name] = mode
        return []
    mode = modes[request.name]
    return [f"{request.name}: {mode},{registration_fields(modem, request.name, mode)}"]


def operator(modem: Modem, request: Request) -> list[str]:
    """AT+COPS: format, automatic, manual and no registration; the operator; the list of all."""
    if request.op is Op.TEST:
        return [_operators(modem)]
    if request.op is Op.SET:
        _select(modem, request)
        return []
    settings, network = modem.settings, modem.network
    if not modem.registered:
        return [f"+COPS: {settings.cops_mode}"]
    name = (network.operator.name, network.operator.short, network.operator.code)[settings.cops_format]
    return [f'+COPS: {settings.cops_mode},{settings.cops_format},"{name}",{network.access}']


def _operators(modem: Modem) -> str:
    network = modem.network
    rows = [
        f'({o.status},"{o.name}","{o.short}","{o.code}",{network.access})' for o in (network.operator, *network.others)
    ]
    return f"+COPS: {','.join(rows)},,(0,1,2,3,4),(0,1,2)"


def _select(modem: Modem, request: Request) -> None:
    mode = request.number(0)
    if request.text(1):
        form = request.number(1)
        if form > 2:
            raise AtError("CME", 4)
        modem.settings.cops_format = form
    if mode == 1 and request.text(2) not in (
        modem.network.operator.name,
        modem.network.operator.short,
        modem.network.operator.code,
    ):
        raise AtError("CME", 30)
    if mode in (0, 1, 2, 4) and mode != modem.settings.cops_mode:
        modem.settings.cops_mode = mode
        modem.later(modem.tell_registration)


def signal_quality(modem: Modem, request: Request) -> list[str]:
    return ["+CSQ: (0-31,99),(0-7,99)"] if request.op is Op.TEST else [f"+CSQ: {signal(modem)},99"]


def extended_quality(modem: Modem, _request: Request) -> list[str]:
    """AT+CESQ: rxlev for GSM, RSRQ and RSRP for LTE; the rest is not known."""
    rssi = signal(modem)
    if rssi == 99:
        return ["+CESQ: 99,99,255,255,255,255"]
    if modem.network.access == 7:
        return [f"+CESQ: 99,99,255,255,20,{min(97, dbm(rssi) + 120)}"]
    return [f"+CESQ: {dbm(rssi) + 111},99,255,255,255,255"]


# Huawei --------------------------------------------------------------------------------------------------------------


def periodic_notices(modem: Modem, request: Request) -> list[str]:
    """AT^CURC."""
    if request.op is Op.SET:
        modem.settings.curc = request.number(0)
        return []
    return [f"^CURC: {modem.settings.curc}"]


def system_information(modem: Modem, _request: Request) -> list[str]:
    """AT^SYSINFO: service, domain, roaming, mode, SIM state, reserved, submode."""
    mode, submode = HUAWEI_MODE.get(modem.network.access, "0,0").split(",")
    service = 2 if modem.registered else 0
    return [f"^SYSINFO:{service},3,{int(modem.registration == 5)},{mode},{1 if modem.sim else 255},,{submode}"]


def mode_notice(modem: Modem, _request: Request) -> list[str]:
    return [f"^MODE:{notice_fields(modem)['mode']}"]


def voice(_modem: Modem, _request: Request) -> list[str]:
    """AT^CVOICE?: 0 is "voice works", then rate, bits, frame in ms."""
    return ["^CVOICE:0,8000,16,20"]


def boot(_modem: Modem, _request: Request) -> list[str]:
    return ["^BOOT:27710117,0,0,0,6"]


# Quectel and SIMCom --------------------------------------------------------------------------------------------------


def quectel_signal(modem: Modem, _request: Request) -> list[str]:
    rssi = signal(modem)
    if rssi == 99:
        return ['+QCSQ: "NOSERVICE"']
    if modem.network.access == 7:
        return [f'+QCSQ: "LTE",{dbm(rssi)},{dbm(rssi) - 27},140,-10']
    return [f'+QCSQ: "WCDMA",{dbm(rssi)},{dbm(rssi) - 5},-8']


def quectel_network(modem: Modem, _request: Request) -> list[str]:
    network = modem.network
    if not modem.registered:
        return ["+QNWINFO: No Service"]
    return [f'+QNWINFO: "{ACCESS_NAMES.get(network.access, "NONE")}","{network.operator.code}","LTE BAND 3",1300']


def quectel_operator(modem: Modem, _request: Request) -> list[str]:
    o = modem.network.operator
    return [f'+QSPN: "{o.name}","{o.short}","",0,"{o.code}"']


def simcom_system(modem: Modem, _request: Request) -> list[str]:
    network = modem.network
    if not modem.registered:
        return ["+CPSI: NO SERVICE,Online"]
    code = network.operator.code
    plmn = f"{code[:3]}-{code[3:]}"
    if network.access == 7:
        system, rest = "LTE", "112,EUTRAN-BAND3,1300,5,5,-105,-952,-649,14"
    elif network.access in (0, 3):
        system, rest = "GSM", "21,EGSM 900,-65,0,29-29"
    else:
        system, rest = "WCDMA", "WCDMA IMT 2000,65,10663,0,6.5,62,27,3,500"
    return [f"+CPSI: {system},Online,{plmn},0x{network.area:X},{network.cell},{rest}"]


def simcom_mode(modem: Modem, request: Request) -> list[str]:
    return [] if request.op is Op.SET else [f"+CNSMOD: 0,{SIMCOM_MODE.get(modem.network.access, 0)}"]


def attached(modem: Modem, request: Request) -> list[str]:
    """AT+CGATT: packet service goes with registration."""
    return [f"+CGATT: {int(modem.registered)}"] if request.op is Op.READ else []


COMMANDS: dict[str, Handler] = {
    "+CREG": registration,
    "+CGREG": registration,
    "+CEREG": registration,
    "+COPS": operator,
    "+CGATT": attached,
    "+CSQ": signal_quality,
    "+CESQ": extended_quality,
}

FAMILIES: dict[str, dict[str, Handler]] = {
    "huawei": {
        "^CURC": periodic_notices,
        "^SYSINFO": system_information,
        "^MODE": mode_notice,
        "^CVOICE": voice,
        "^BOOT": boot,
    },
    "quectel": {"+QCSQ": quectel_signal, "+QNWINFO": quectel_network, "+QSPN": quectel_operator},
    "simcom": {"+CPSI": simcom_system, "+CNSMOD": simcom_mode},
}
