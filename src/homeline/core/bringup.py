"""From a port that answers AT to a modem that receives and sends SMS: an ordered list of named steps.

A step is a generator: it yields commands and gets their values, or the error that a command ended with (ModemError,
TimedOut, DecodeError) thrown in; what it learns it writes into `Modem`. So nothing here waits or does I/O, and the
order, the choices and the failures are tested without a port. `STEPS` must be done before messages come; `DETAILS`
follow while they already do.
"""

from __future__ import annotations

import binascii
from collections.abc import Callable, Generator, Iterable, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from homeline.errors import DecodeError, HomelineError, ModemError, TimedOut
from homeline.model import Reason, Registration
from homeline.protocol import commands, commands_network, commands_sms, quirks
from homeline.protocol.at import Command
from homeline.protocol.commands import PinTries
from homeline.protocol.commands_network import Registered
from homeline.protocol.commands_sms import Indications, Memory
from homeline.protocol.quirks import Quirks

Script = Generator[Command[Any], Any, None]

FEW_TRIES = 1  # with so many tries left, a PIN is entered by the owner only
ASSUMED_MEMORIES = ("SM", "ME")  # of a modem that does not list its own
PASSING = (ModemError, DecodeError, TimedOut)  # what an optional command may end with


class SimError(HomelineError):
    """The SIM cannot be used now; `reason` says why."""

    def __init__(self, reason: Reason, message: str) -> None:
        super().__init__(message)
        self.reason = reason


@dataclass(slots=True)
class Modem:
    """What is known of the modem behind one open port, and how it was set up."""

    pin: str = field(default="", repr=False)  # to enter if the SIM asks; empty: none, or not again
    pin_refused: bool = False  # the configured PIN was refused before
    cards: dict[str, str] = field(default_factory=dict, repr=False)  # IMSI to ICCID of SIMs seen since the start
    manufacturer: str = ""
    model: str = ""
    firmware: str = ""
    imei: str = ""
    quirks: Quirks = quirks.GENERIC
    iccid: str = ""
    imsi: str = ""
    number: str = ""
    tries: PinTries = field(default_factory=PinTries)
    service_centre: str = ""
    memories: tuple[str, ...] = ()  # to be drained; the first receives
    selected: str = ""  # the memory that AT+CMGR and AT+CMGL read now
    use: dict[str, Memory] = field(default_factory=dict)
    indications: tuple[int, ...] = ()  # as set by AT+CNMI; empty: none could be set
    acknowledges: bool = False  # direct messages must be acknowledged (AT+CSMS=1)
    domains: dict[str, Registered] = field(default_factory=dict)
    operator: str = ""
    technology: str = ""
    signal_dbm: int | None = None
    voice: bool | None = None
    character_set: str = ""  # of AT+CSCS, for USSD

    @property
    def sim(self) -> str:
        """The identity under which parts are unique."""
        return self.iccid or self.imsi or f"imei:{self.imei}"

    @property
    def registration(self) -> Registration:
        """The best of what the domains say: SMS needs one of them. Packet service alone (CGREG) carries none."""
        carrying = [answer for name, answer in self.domains.items() if name != "CGREG"]
        return overall(answer.registration for answer in carrying or self.domains.values())


@dataclass(frozen=True, slots=True)
class Step:
    """One step. If a `required` one fails, bring-up fails; else the step is passed over."""

    name: str
    script: Callable[[Modem], Script]
    required: bool = False


_BEST = (
    Registration.HOME,
    Registration.ROAMING,
    Registration.SEARCHING,
    Registration.DENIED,
    Registration.EMERGENCY,
    Registration.IDLE,
)


def overall(reports: Iterable[Registration]) -> Registration:
    """One registration of several domains (circuit-switched, EPS)."""
    present = set(reports)
    return next((state for state in _BEST if state in present), Registration.UNKNOWN)


def pin_digest(sim: str, pin: str) -> str:
    """Stands for a PIN in the memory of refused ones, so that a changed PIN is told from the same. It hides nothing."""
    return f"{binascii.crc32(f'{sim}:{pin}'.encode()):08x}"


def _may(*builders: Callable[[], Command[Any]]) -> Generator[Command[Any], Any, Any]:
    """The value of the first of some commands that does not fail; None if all do."""
    for build in builders:
        try:
            return (yield build())
        except PASSING:
            continue
    return None


def _echo(_modem: Modem) -> Script:
    yield commands.echo_off()


def _errors(_modem: Modem) -> Script:
    yield commands.error_codes()


def _identity(modem: Modem) -> Script:
    modem.manufacturer = (yield from _may(commands.manufacturer)) or ""
    modem.model = (yield from _may(commands.model)) or ""
    modem.firmware = (yield from _may(commands.revision)) or ""
    modem.imei = (yield from _may(commands.imei)) or modem.imei
    modem.quirks = quirks.find(modem.manufacturer, modem.model)


def _radio(_modem: Modem) -> Script:
    level = yield commands.functionality()
    if level is not None and level != 1:
        yield commands.set_functionality(1)


def _vendor(modem: Modem) -> Script:
    for builder in modem.quirks.setup:
        yield from _may(builder)


def _card(modem: Modem) -> Script:
    modem.iccid = (yield from _may(*modem.quirks.iccid)) or ""


# 3GPP TS 27.007 9.2.1; the SMS family (27.005 3.2.5) says the same with 300 added
_SIM_ERRORS = {
    10: Reason.SIM_MISSING,
    11: Reason.SIM_PIN,
    12: Reason.SIM_PUK,
    13: Reason.SIM_FAILURE,
    14: Reason.SIM_BUSY,
    15: Reason.SIM_FAILURE,
    18: Reason.SIM_PUK,
    310: Reason.SIM_MISSING,
    311: Reason.SIM_PIN,
    313: Reason.SIM_FAILURE,
    314: Reason.SIM_BUSY,
    315: Reason.SIM_FAILURE,
    316: Reason.SIM_PUK,
}
_STATES = {"SIM PUK": Reason.SIM_PUK, "SIM PUK2": Reason.NONE, "SIM PIN2": Reason.NONE, "READY": Reason.NONE}


def sim_trouble(error: HomelineError) -> Reason:
    """What an error says of the SIM; NONE when it says nothing."""
    return _SIM_ERRORS.get(error.code, Reason.NONE) if isinstance(error, ModemError) else Reason.NONE


def _sim(modem: Modem) -> Script:
    try:
        state: str = yield commands.pin_state()
    except ModemError as error:
        raise SimError(sim_trouble(error) or Reason.SIM_FAILURE, str(error)) from error
    if state == "SIM PIN":
        modem.tries = (yield from _may(*modem.quirks.pin_tries)) or PinTries()
        yield from _enter(modem)
    elif (reason := _STATES.get(state, Reason.SIM_FAILURE)) is not Reason.NONE:
        raise SimError(reason, f"the SIM asks for {state}" if reason is Reason.SIM_PUK else f"the SIM is {state}")


def _enter(modem: Modem) -> Script:
    """Enter the configured PIN: once, and never when that could block the SIM."""
    reason = _pin_reason(modem)
    if reason is not Reason.NONE:
        raise SimError(reason, _pin_words(reason, modem.tries))
    pin, modem.pin = modem.pin, ""
    modem.pin_refused = True  # until it is known to be right
    try:
        yield commands.enter_pin(pin)
    except HomelineError as error:
        if sim_trouble(error) is Reason.SIM_BUSY:
            modem.pin_refused = False
            raise SimError(Reason.SIM_BUSY, str(error)) from error
        raise SimError(Reason.SIM_PIN_WRONG, str(error)) from error
    modem.pin_refused = False
    modem.pin = pin


def _pin_reason(modem: Modem) -> Reason:
    if modem.pin_refused:
        return Reason.SIM_PIN_WRONG
    if not modem.pin:
        return Reason.SIM_PIN
    if modem.tries.pin is not None and modem.tries.pin <= FEW_TRIES:
        return Reason.SIM_PIN_FEW_TRIES
    return Reason.NONE


def _pin_words(reason: Reason, tries: PinTries) -> str:
    left = "" if tries.pin is None else f"; tries left: {tries.pin}"
    words = {
        Reason.SIM_PIN_WRONG: "the configured PIN was refused and is not tried again",
        Reason.SIM_PIN: "the SIM asks for its PIN and none is configured",
        Reason.SIM_PIN_FEW_TRIES: "too few tries are left to risk the configured PIN",
    }
    return words[reason] + left


def _subscriber(modem: Modem) -> Script:
    if not modem.iccid:  # some modems read nothing before the PIN
        yield from _card(modem)
    try:
        modem.imsi = yield commands.imsi()
    except PASSING as error:
        # Without an identity the messages of a SIM that is merely slow would count as those of an unknown one.
        if (reason := sim_trouble(error)) is not Reason.NONE:
            raise SimError(reason, str(error)) from error
    if modem.imsi and not modem.iccid:
        modem.iccid = modem.cards.get(modem.imsi, "")
    elif modem.imsi:
        modem.cards[modem.imsi] = modem.iccid


def _format(_modem: Modem) -> Script:
    yield commands_sms.pdu_mode()


def _storage(modem: Modem) -> Script:
    lists = yield from _may(commands_sms.memories)
    readable = [name.upper() for name in lists[0]] if lists else list(ASSUMED_MEMORIES)
    receiving = [name.upper() for name in lists[-1]] if lists else readable
    order = [name for name in ("SM", "ME", "MT") if name in receiving and name in readable]
    if not order:
        raise ModemError(f"storages: none of SM and ME among {', '.join(receiving)}")
    first = order[0]
    modem.memories = tuple(name for name in ("SM", "ME") if name in readable) or (first,)
    modem.memories = (first, *(name for name in modem.memories if name != first))
    depth = min(len(lists), 3) if lists else 3
    rows: tuple[Memory, ...] = yield commands_sms.select_memories(*[first] * depth)
    modem.selected = first
    modem.use = {first: rows[0]} if rows else {}


def _service_centre(modem: Modem) -> Script:
    address = yield commands_sms.service_centre()
    modem.service_centre = address.number if address else ""


def indication_choices(offered: Indications | None) -> list[tuple[int, ...]]:
    """Settings of AT+CNMI in the order to try them (3GPP TS 27.005 3.4.1).

    Messages are to be stored and told (<mt> 1): what is only shown could be lost. So are status reports (<ds> 2), or
    shown (1) where the modem cannot store them. What comes while the line is taken is to be kept by the modem (<mode>
    2), and handed out when indications are switched on (<bfr> 0).
    """
    if offered is None or not offered.mode or not offered.mt:
        return [(2, 1, 0, 2, 0), (2, 1, 0, 1, 0), (2, 1, 0, 0, 0), (1, 1, 0, 1, 0), (1, 1, 0, 0, 0), (2, 1)]
    mode = _first((2, 1, 3), offered.mode)
    mt = _first((1, 2, 3), offered.mt)
    bfr = _first((0, 1), offered.bfr)
    reports = [ds for ds in (2, 1, 0) if ds in offered.ds] or [0]
    return [(mode, mt, 0, ds, bfr) for ds in reports]


def _first(wanted: Sequence[int], offered: Sequence[int]) -> int:
    return next((value for value in wanted if value in offered), offered[0] if offered else 0)


def _indications(modem: Modem) -> Script:
    choices = indication_choices((yield from _may(commands_sms.indications_offered)))
    if (
        choices[0][1] != 1 and modem.quirks.acknowledges
    ):  # messages come directly: only with phase 2+ are they acknowledged, so that none is lost
        service = yield from _may(commands_sms.message_service_query)
        if service != 1:
            yield from _may(commands_sms.message_service)
            service = yield from _may(commands_sms.message_service_query)
        modem.acknowledges = service == 1
    for values in choices[:-1]:
        if (yield from _accepted(commands_sms.set_indications(*values))):
            break
    else:
        yield commands_sms.set_indications(*(values := choices[-1]))
    # As the modem itself puts it: a later difference means that it has forgotten.
    modem.indications = (yield from _may(commands_sms.indications)) or values


def _registration(modem: Modem) -> Script:
    for domain in modem.quirks.domains:
        for mode in (2, 1):
            try:
                yield commands_network.registration_reports(domain, mode)
                break
            except PASSING:
                continue
    yield from ask_registration(modem)


def ask_registration(modem: Modem) -> Script:
    """The registration of each domain that the modem has."""
    for domain in modem.quirks.domains:
        answer = yield from _may(partial(commands_network.registration, domain))
        if answer is not None:
            modem.domains[domain] = answer
            modem.technology = answer.technology if answer.registered and answer.technology else modem.technology


def _operator(modem: Modem) -> Script:
    yield from _may(commands_network.operator_format)
    yield from ask_operator(modem)


def ask_operator(modem: Modem) -> Script:
    """The operator's name, and the access technology that stands beside it."""
    answer = yield commands_network.operator()
    modem.operator = answer.name
    modem.technology = commands_network.technology(answer.act) or modem.technology
    modem.technology = (yield from _may(*modem.quirks.technology)) or modem.technology


def ask_signal(modem: Modem) -> Script:
    """The signal, by the best command that the modem has and that says something."""
    for builder in modem.quirks.signal:
        answer = yield from _may(builder)
        modem.signal_dbm = answer.dbm if answer else None
        if modem.signal_dbm is not None:
            return


def _ussd(modem: Modem) -> Script:
    for name in dict.fromkeys((modem.quirks.ussd_charset, "GSM", "IRA")):
        if (yield from _accepted(commands.character_set(name))):
            modem.character_set = name
            break
    yield from _may(commands.ussd_reports)


def _accepted(command: Command[None]) -> Generator[Command[Any], Any, bool]:
    try:
        yield command
    except PASSING:
        return False
    return True


def _number(modem: Modem) -> Script:
    numbers = yield commands.own_numbers()
    modem.number = numbers[0].number if numbers else ""


def _voice(modem: Modem) -> Script:
    modem.voice = yield from _may(*modem.quirks.voice)
    yield from _may(commands.caller_id)


SIM = Step("SIM", _sim, required=True)
INDICATIONS = Step("indications", _indications, required=True)

STEPS = (
    Step("echo off", _echo, required=True),
    Step("error codes", _errors),
    Step("identity", _identity),
    Step("radio on", _radio),
    Step("vendor's settings", _vendor),
    Step("SIM card's number", _card),
    SIM,
    Step("subscriber", _subscriber),
    Step("PDU mode", _format, required=True),
    Step("message storage", _storage, required=True),
    Step("service centre", _service_centre),
    INDICATIONS,
    Step("registration", _registration),
)

DETAILS = (
    Step("signal", ask_signal),
    Step("operator", _operator),
    Step("character set", _ussd),
    Step("own number", _number),
    Step("voice", _voice),
)
