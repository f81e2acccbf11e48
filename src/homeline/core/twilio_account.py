"""What decides at Twilio where a call goes: the configuration as tables, for the webhook and for the function there.

Both decide by the same `Account`, and numbers are understood by patterns that the library `phonenumbers` gave when the
tables were made (as the dial plan's are, `core.dialling`). So the function needs no library, and agrees.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from homeline.config_calls import Line, Trunk, TrunkMode, TrunkType, Where
from homeline.config_options import Config
from homeline.core import dialling, dialling_countries
from homeline.core.dialling import Gate
from homeline.core.dialling_countries import Form

_SHORTEST_RING = 5  # seconds
_RECORDING = 5  # seconds before the router gives up in which Twilio's voicemail takes a call


@dataclass(frozen=True, slots=True)
class Way:
    """An outbound section that leads somewhere from Twilio."""

    name: str
    home: bool  # through the router and what it has; else Twilio itself carries the call
    shown: str = ""  # the number of the caller that is shown: E.164, "" where none is known
    longest: int = 3600  # seconds
    chosen: tuple[str, ...] = ()  # patterns, as in `dialling.Gate`
    closed: tuple[str, ...] = ()
    open: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Account:
    """Everything by which a call at Twilio is judged."""

    domain: str = ""  # host name of the softphones' SIP domain
    trunk_domain: str = ""  # of the trunk's, "" where it has none
    router: str = ""  # name of the credential with which the router calls, and registers
    registered: bool = False  # the router is reached by its registration, else through `byoc`
    byoc: str = ""  # SID of the BYOC trunk
    home: tuple[str, ...] = ()  # the home numbers, E.164
    caller_ids: tuple[str, ...] = ()  # numbers that Twilio may show, E.164
    phones: tuple[str, ...] = ()  # softphones at Twilio, by the name of their credential
    numbers: Mapping[str, str] = field(default_factory=dict)  # what is dialled: the phone
    allowed: Mapping[str, tuple[str, ...]] = field(
        default_factory=dict
    )  # phone: its ways; one that is not here has all
    ways: tuple[Way, ...] = ()  # in order: the first that lets a number through carries the call
    forms: tuple[Form, ...] = ()  # how numbers are dialled in the country
    emergency: tuple[str, ...] = dialling_countries.EMERGENCY  # patterns
    to_router: bool = False  # calls to a number at Twilio go to the router, beside the softphones here
    ring_timeout: int = 30  # seconds that softphones ring
    after: str = ""  # URL that says what follows when no softphone has answered; "" is nothing
    after_router: bool = False  # also where the router handed the call over: it has no voicemail of its own


def account(config: Config, *, byoc: str = "", after: str = "") -> Account:
    """The tables of a configuration; `byoc` is the SID of the BYOC trunk, `after` the URL of voicemail, "" for none."""
    tables = dialling.tables(config)
    trunk = router_trunk(config)
    phones = [phone for phone in config.phones if phone.enabled and phone.where is Where.TWILIO]
    numbers = {number: phone.name for phone in phones for number in _dialled(phone.name, phone.number)}
    return Account(
        domain=_host(config.twilio.domain_name),
        trunk_domain=_host(config.twilio.trunk_domain_name) if trunk and trunk.mode is TrunkMode.BYOC else "",
        router=trunk.username if trunk else "",
        registered=bool(trunk and trunk.mode is TrunkMode.REGISTERED),
        byoc=byoc if trunk and trunk.mode is TrunkMode.BYOC else "",
        home=tuple(dict.fromkeys(_home(config))),
        caller_ids=tuple(dict.fromkeys(_caller_ids(config))),
        phones=tuple(phone.name for phone in phones),
        numbers=numbers,
        allowed={phone.name: phone.outbound for phone in phones if phone.outbound},
        ways=tuple(way for gate in tables.gates if (way := _way(gate, trunk, config))),
        forms=(*tables.forms.international, *tables.forms.national),
        emergency=dialling_countries.emergency(config.main.country),
        to_router=bool(trunk and trunk.ring),
        ring_timeout=_ring_timeout(config, trunk, after),
        after=after,
        after_router=bool(after) and not _has_voicemail(config, trunk),
    )


def router_trunk(config: Config) -> Trunk | None:
    """The trunk by which the router and the softphones at Twilio reach each other: the first that can."""
    modes = (TrunkMode.BYOC, TrunkMode.REGISTERED)
    found = (trunk for trunk in config.trunks if trunk.enabled and trunk.type is TrunkType.TWILIO)
    return next((trunk for trunk in found if trunk.mode in modes), None)


def _host(name: str) -> str:
    return f"{name}.sip.twilio.com" if name else ""


def _dialled(name: str, number: str) -> Iterable[str]:
    """What is dialled to reach a phone, besides its name where that has letters."""
    if name.isdigit():
        yield from (name, f"+{name}")
    if number:
        yield number


def _home(config: Config) -> Iterable[str]:
    dongles = (dialling.dongle_of(config, line) for line in config.lines if line.enabled)
    return (dongle.number for dongle in dongles if dongle and dongle.number)


def _caller_ids(config: Config) -> Iterable[str]:
    if config.twilio.caller_id:
        yield config.twilio.caller_id
    yield from (t.caller_id for t in config.trunks if t.enabled and t.type is TrunkType.TWILIO and t.caller_id)


def _way(gate: Gate, trunk: Trunk | None, config: Config) -> Way | None:
    """A section that leads through Twilio, or through the router where that takes calls of its trunk; None for others.

    What the section lets through "as it is dialled" are short numbers: they mean something in the SIM's network alone.
    """
    at_twilio = gate.trunk is not None and gate.trunk.type is TrunkType.TWILIO
    if not at_twilio and (trunk is None or trunk.name not in gate.rule.sources):
        return None
    own = gate.trunk.caller_id if gate.trunk else gate.dongle.number if gate.dongle else ""
    fallback = next(iter(_caller_ids(config)) if at_twilio else iter(_home(config)), "")
    return Way(
        gate.rule.name,
        not at_twilio,
        own or fallback,
        gate.rule.longest_call * 60,
        gate.chosen,
        gate.closed,
        gate.open,
    )


def _lines(config: Config, trunk: Trunk | None) -> list[Line]:
    """The lines that ring softphones at Twilio."""
    start = f"{trunk.name}/" if trunk else "/"
    return [line for line in config.lines if line.enabled and any(entry.startswith(start) for entry in line.ring)]


def _has_voicemail(config: Config, trunk: Trunk | None) -> bool:
    return any(line.voicemail for line in _lines(config, trunk))


def _ring_timeout(config: Config, trunk: Trunk | None, after: str) -> int:
    """As long as the router rings; a little less where Twilio's voicemail has to answer before it gives up."""
    longest = min((line.ring_timeout for line in _lines(config, trunk)), default=30)
    return max(_SHORTEST_RING, longest - _RECORDING) if after else longest
