"""What may be dialled, and where it goes: the reference for the dial plan that Asterisk gets.

`decide` says what becomes of a dialled text without Asterisk; the dial plan is made of the same tables (`tables`), and
a test compares the two on a real Asterisk. Only what the owner allows in an `outbound` section leaves: in their order,
the first that the caller may use and that lets the number through.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import StrEnum

from homeline.config_calls import Line, Outbound, Phone, Trunk, Where
from homeline.config_options import Config, Dongle
from homeline.core import dialling_countries as countries
from homeline.core.dialling_countries import Forms
from homeline.core.dialling_patterns import ANYTHING, matches
from homeline.errors import RenderError
from homeline.model import TECHNOLOGY

MAX_DIALLED = 24  # characters: the longest international prefix (Australia has 8) and 15 digits
MARKS = "+*#"  # what a number may have besides digits
RING_TIMEOUT = 90  # seconds that a call out may ring


class Refusal(StrEnum):
    """Why a call is not put through: the last field of its record. Each has its cause and tone in the dial plan."""

    NOT_A_NUMBER = "not_a_number"  # letters, two numbers in one, too long
    NOT_ALLOWED = "not_allowed"  # no outbound section lets this caller call this number
    CLOSED = "closed"  # the audit found that strangers could call out
    NO_GRANT = "no_grant"  # the daemon is away or the clock is not set: nobody counts the day's minutes
    NO_MINUTES = "no_minutes"  # the day's minutes are used up
    BUSY = "busy"  # as many calls as the outbound section or the trunk allows are up
    NOT_PROVED = "not_proved"  # a call from Twilio's networks that is not our account's
    NO_LINE = "no_line"  # a call of a dongle that no line is for
    WITHHELD = "withheld"  # a caller without a number, and the line wants none


@dataclass(frozen=True, slots=True)
class Gate:
    """An outbound section that is in use, as patterns. What `exact` has is dialled as it is, all else is E.164."""

    rule: Outbound
    line: Line | None  # what carries the calls: a line with its dongle, or a trunk
    dongle: Dongle | None
    trunk: Trunk | None
    exact: tuple[str, ...] = ()
    emergency: frozenset[str] = frozenset()  # those of `exact` that no limit holds up
    chosen: tuple[str, ...] = ()  # prefixes that the owner wrote down: they count before what follows
    closed: tuple[str, ...] = ()  # within the countries: premium rate, and other countries of the same calling code
    open: tuple[str, ...] = ()  # countries

    def admits(self, number: str) -> bool:
        """Whether an international number may be called."""
        if _any(self.chosen, number):
            return True
        return not _any(self.closed, number) and _any(self.open, number)


@dataclass(frozen=True, slots=True)
class Tables:
    """Everything by which dialled texts are judged."""

    forms: Forms
    gates: tuple[Gate, ...] = ()
    phones: tuple[Phone, ...] = ()  # those at the router
    trunks: tuple[Trunk, ...] = ()
    problems: tuple[tuple[str, str, str], ...] = field(default=())  # where, text, advice

    def gates_of(self, source: str) -> tuple[Gate, ...]:
        """What a phone or trunk may use, in order."""
        phone = next((phone for phone in self.phones if phone.name == source), None)
        if phone is None:
            return tuple(gate for gate in self.gates if source in gate.rule.sources)
        return tuple(gate for gate in self.gates if not phone.outbound or gate.rule.name in phone.outbound)

    def rung_by(self, source: str) -> tuple[str, ...]:
        """The phones at the router that ring on calls from this trunk which no gate is for."""
        here = {phone.name for phone in self.phones}
        trunk = next((trunk for trunk in self.trunks if trunk.name == source), None)
        return tuple(name for name in trunk.ring if name in here) if trunk else ()

    def own_number(self, source: str) -> str | None:
        """The number of a trunk, as far as it is known. It is called from there and never back."""
        return next((trunk.caller_id for trunk in self.trunks if trunk.name == source and trunk.caller_id), None)

    def extensions(self) -> dict[str, str]:
        """What phones dial to reach each other (name or short number): the phone. What may leave goes first."""
        taken = {number for gate in self.gates for number in gate.exact}
        found = {phone.name: phone.name for phone in self.phones if phone.name not in taken}
        found |= {phone.number: phone.name for phone in self.phones if phone.number and phone.number not in taken}
        return found


@dataclass(frozen=True, slots=True)
class Decision:
    """What becomes of a dialled text: it rings `phone` (from a trunk all of `ring`), calls `number` through `gate`, or
    `refusal` says why not."""

    phone: str = ""
    ring: tuple[str, ...] = ()
    gate: Gate | None = None
    number: str = ""
    refusal: Refusal | None = None


def decide(tables: Tables, source: str, dialled: str, *, closed: bool = False) -> Decision:
    """What the dial plan does with a text that a phone or trunk dials, but for limits that depend on other calls."""
    extensions = tables.extensions() if any(phone.name == source for phone in tables.phones) else {}
    if dialled in extensions:
        return Decision(phone=extensions[dialled])
    ring = tables.rung_by(source)
    if not 0 < len(dialled) <= MAX_DIALLED or any(mark not in "0123456789" + MARKS for mark in dialled):
        return Decision(ring=ring) if ring else Decision(refusal=Refusal.NOT_A_NUMBER)
    number = international(tables.forms, dialled)
    if ring and number == tables.own_number(source):
        return Decision(ring=ring)
    for gate in tables.gates_of(source):
        if dialled in gate.exact:
            refused = closed and dialled not in gate.emergency
            return Decision(refusal=Refusal.CLOSED) if refused else Decision(gate=gate, number=dialled)
        if number and gate.admits(number):
            return Decision(refusal=Refusal.CLOSED) if closed else Decision(gate=gate, number=number)
    return Decision(ring=ring) if ring else Decision(refusal=Refusal.NOT_ALLOWED)


def international(forms: Forms, dialled: str) -> str:
    """A dialled text as E.164; "" where it is none."""
    for form in (*forms.international, *forms.national):
        if matches(form.pattern, dialled):
            number = form.apply(dialled)
            digits = number[1:]
            return number if digits.isascii() and digits.isdigit() and len(digits) <= countries.LONGEST else ""
    return ""


def tables(config: Config) -> Tables:
    """The tables of a configuration. What does not work is left out and said in `problems`."""
    problems: list[tuple[str, str, str]] = []
    try:
        forms = countries.forms(config.main.country)
    except RenderError as error:
        problems.append(("main.country", str(error), "numbers are understood only in their form with +"))
        forms = countries.forms("")
    phones = tuple(phone for phone in config.phones if phone.enabled and phone.where is Where.ROUTER)
    gates = tuple(gate for rule in config.outbounds if rule.enabled if (gate := _gate(config, rule, problems)))
    trunks = tuple(trunk for trunk in config.trunks if trunk.enabled)
    return Tables(forms, gates, phones, trunks, tuple(problems))


def _gate(config: Config, rule: Outbound, problems: list[tuple[str, str, str]]) -> Gate | None:
    line = next((line for line in config.lines if line.enabled and line.name == rule.via), None)
    trunk = next((trunk for trunk in config.trunks if trunk.enabled and trunk.name == rule.via), None)
    dongle = dongle_of(config, line) if line else None
    if (line is None or dongle is None) and trunk is None:
        problems.append((f"{rule.name}.via", f"'{rule.via}' can carry no calls", "its numbers cannot be called"))
        return None
    closed, opened = _territories(rule, problems)
    return Gate(
        rule,
        line if dongle else None,
        dongle,
        None if dongle else trunk,
        exact=rule.numbers,
        emergency=frozenset(number for number in rule.numbers if countries.is_emergency(number, config.main.country)),
        chosen=tuple(prefix + ANYTHING for prefix in rule.prefixes),
        closed=closed,
        open=opened,
    )


def _territories(rule: Outbound, problems: list[tuple[str, str, str]]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """What of the rule's countries is closed, and what they have."""
    opened: dict[str, None] = {}
    closed: dict[str, None] = {}
    for country in rule.countries:
        try:
            found = countries.territory(country)
        except RenderError as error:
            problems.append((f"{rule.name}.countries", str(error), "write its prefixes into `prefixes`"))
            continue
        opened |= dict.fromkeys(found.own)
        closed |= dict.fromkeys(found.not_own)
    return tuple(pattern for pattern in closed if pattern not in opened), tuple(opened)


def dongle_of(config: Config, line: Line) -> Dongle | None:
    """The line's dongle, where it is one that Asterisk can call through."""
    found = (dongle for dongle in config.dongles if dongle.enabled and dongle.name == line.dongle)
    return next((dongle for dongle in found if dongle.driver in TECHNOLOGY), None)


def _any(patterns: Iterable[str], number: str) -> bool:
    return any(matches(pattern, number) for pattern in patterns)
