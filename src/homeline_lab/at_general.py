"""Commands of ITU-T V.250 and 3GPP TS 27.007 about the modem itself and its SIM."""

from __future__ import annotations

from homeline_lab.at_line import AtError, Op, Request
from homeline_lab.modem import CME_OF_LOCK, Handler, Modem, Settings
from homeline_lab.sim import Lock, Sim
from homeline_lab.tpdu import semi_octets


def accept(_modem: Modem, _request: Request) -> None:
    """Commands that are fine and change nothing that the lab has."""


def reset_settings(modem: Modem, _request: Request) -> None:
    """ATZ, AT&F: message settings go back, as a modem's profile does; registration and SIM stay."""
    modem.settings = Settings(modem.model.cnmi_default, curc=modem.settings.curc)


def identification(modem: Modem, _request: Request) -> list[str]:
    model = modem.model
    if "quectel" in model.families:
        return [model.manufacturer, model.model, f"Revision: {model.firmware}"]
    return [
        f"Manufacturer: {model.manufacturer}",
        f"Model: {model.model}",
        f"Revision: {model.firmware}",
        f"IMEI: {modem.imei}",
        "+GCAP: +CGSM,+DS,+ES",
    ]


def plain(attribute: str) -> Handler:
    """A command whose answer is one fact alone, such as AT+CGMI."""

    def handler(modem: Modem, request: Request) -> list[str]:
        source = modem if attribute == "imei" else modem.model
        return [] if request.op is Op.TEST else [str(getattr(source, attribute))]

    return handler


def capabilities(_modem: Modem, _request: Request) -> list[str]:
    return ["+GCAP: +CGSM,+DS,+ES"]


def error_mode(modem: Modem, request: Request) -> list[str]:
    if request.op is Op.SET:
        modem.settings.cmee = request.number(0)
        return []
    return ["+CMEE: (0-2)"] if request.op is Op.TEST else [f"+CMEE: {modem.settings.cmee}"]


def character_set(modem: Modem, request: Request) -> list[str]:
    if request.op is Op.TEST:
        return ["+CSCS: (" + ",".join(f'"{c}"' for c in modem.model.charsets) + ")"]
    if request.op is Op.SET:
        if request.text(0).upper() not in modem.model.charsets:
            raise AtError("CME", 4)
        modem.settings.cscs = request.text(0).upper()
        return []
    return [f'+CSCS: "{modem.settings.cscs}"']


def function(modem: Modem, request: Request) -> list[str]:
    """AT+CFUN; with ,1 the whole device starts again and its USB side goes away meanwhile."""
    if request.op is Op.TEST:
        return ["+CFUN: (0,1,4),(0,1)"]
    if request.op is not Op.SET:
        return [f"+CFUN: {modem.function}"]
    value, restart = request.number(0), request.number(1, 0)
    if value not in (0, 1, 4):
        raise AtError("CME", 4)
    if restart:
        modem.later(modem.on_restart)
    else:
        modem.set_function(value)
    return []


def pin(modem: Modem, request: Request) -> list[str]:
    """AT+CPIN: the state, the PIN, or PUK and new PIN."""
    sim = modem.sim
    if sim is None or modem.sim_busy:
        raise AtError("CME", 14 if sim else 10)
    if request.op is Op.TEST:
        return []
    if sim.lock is Lock.BLOCKED:
        raise AtError("CME", 13)
    if request.op is not Op.SET:
        return [f"+CPIN: {sim.lock}"]
    if sim.lock is Lock.READY:
        raise AtError("CME", 3)
    if not _unlock(sim, request):
        raise AtError("CME", 16 if sim.lock is Lock.PIN else CME_OF_LOCK[sim.lock])
    modem.later(modem.sim_usable)
    return []


def _unlock(sim: Sim, request: Request) -> bool:
    if sim.lock is Lock.PUK:
        if len(request.args) != 2:
            raise AtError("CME", 12)
        return sim.enter_puk(request.text(0), request.text(1))
    return sim.enter_pin(request.text(0))


def tries_3gpp(modem: Modem, _request: Request) -> list[str]:
    """AT+CPINR (27.007 8.65)."""
    sim = _card(modem)
    return [f"+CPINR: SIM PIN,{sim.pin_tries},3", f"+CPINR: SIM PUK,{sim.puk_tries},10"]


def tries_huawei(modem: Modem, _request: Request) -> list[str]:
    """AT^CPIN?: state, tries of what is asked for now, then PUK, PIN, PUK2, PIN2."""
    sim = _card(modem)
    now = {Lock.PIN: str(sim.pin_tries), Lock.PUK: str(sim.puk_tries)}.get(sim.lock, "")
    return [f"^CPIN: {sim.lock},{now},{sim.puk_tries},{sim.pin_tries},10,3"]


def tries_quectel(modem: Modem, _request: Request) -> list[str]:
    sim = _card(modem)
    return [f'+QPINC: "SC",{sim.pin_tries},{sim.puk_tries}', '+QPINC: "P2",3,10']


def tries_simcom(modem: Modem, _request: Request) -> list[str]:
    """AT+SPIC: PIN, PUK, PIN2, PUK2."""
    sim = _card(modem)
    return [f"+SPIC: {sim.pin_tries},{sim.puk_tries},3,10"]


def _card(modem: Modem) -> Sim:
    if modem.sim is None:
        raise AtError("CME", 10)
    return modem.sim


def imsi(modem: Modem, _request: Request) -> list[str]:
    return [modem.ready_sim("CME").imsi]


def iccid(prefix: str) -> Handler:
    def handler(modem: Modem, _request: Request) -> list[str]:
        if modem.sim_busy:
            raise AtError("CME", 14)
        return [f"{prefix}: {_card(modem).iccid}"]

    return handler


def restricted_access(modem: Modem, request: Request) -> list[str]:
    """AT+CRSM: only READ BINARY of EF-ICCID (3GPP TS 31.102 13.2), whose digits are swapped and filled with F."""
    if request.args[:2] != ("176", "12258"):
        raise AtError("CME", 4)
    return [f'+CRSM: 144,0,"{semi_octets(_card(modem).iccid).hex().upper()}"']


def own_number(modem: Modem, _request: Request) -> list[str]:
    number = modem.ready_sim("CME").number
    return [f'+CNUM: "Own","{number}",{145 if number.startswith("+") else 129}'] if number else []


def commands_list(modem: Modem, _request: Request) -> list[str]:
    from homeline_lab.port import commands_of

    return ["+CLAC: " + ",".join(sorted(commands_of(modem.model)))]


COMMANDS: dict[str, Handler] = {
    **dict.fromkeys(
        ("E", "V", "Q", "X", "M", "L", "&C", "&D", "&K", "&W", "S0", "S3", "S4", "S5", "S7", "+IPR", "+IFC", "+ICF"),
        accept,
    ),
    **dict.fromkeys(("+CSSN", "+CMMS", "+CSDH", "+CVHU", "+CTZR", "+CTZU", "+CGEREP", "+CLVL", "+CMUT"), accept),
    **dict.fromkeys(("+CLIR", "+COLP", "+CCWA", "+CSTA", "+CMOD", "+CBST", "+CRLP", "+CSCB"), accept),
    "Z": reset_settings,
    "&F": reset_settings,
    "I": identification,
    "+CGMI": plain("manufacturer"),
    "+GMI": plain("manufacturer"),
    "+CGMM": plain("model"),
    "+GMM": plain("model"),
    "+CGMR": plain("firmware"),
    "+GMR": plain("firmware"),
    "+CGSN": plain("imei"),
    "+GSN": plain("imei"),
    "+GCAP": capabilities,
    "+CMEE": error_mode,
    "+CSCS": character_set,
    "+CFUN": function,
    "+CPIN": pin,
    "+CPINR": tries_3gpp,
    "+CIMI": imsi,
    "+CRSM": restricted_access,
    "+CNUM": own_number,
    "+CLAC": commands_list,
}

FAMILIES: dict[str, dict[str, Handler]] = {
    "huawei": {
        "^ICCID": iccid("^ICCID"),
        "^CPIN": tries_huawei,
        **dict.fromkeys(("^U2DIAG", "^CARDLOCK", "^DSFLOWRPT", "^PORTSEL", "^STSF", "^SETPORT"), accept),
    },
    "quectel": {
        "+QCCID": iccid("+QCCID"),
        "+CCID": iccid("+CCID"),
        "+QPINC": tries_quectel,
        **dict.fromkeys(("+QCFG", "+QURCCFG", "+QINDCFG", "+QSCLK"), accept),
    },
    "simcom": {"+CICCID": iccid("+ICCID"), "+SPIC": tries_simcom, **dict.fromkeys(("+CSCLK", "+CATR"), accept)},
    "": {"+CCID": iccid("+CCID")},
}
