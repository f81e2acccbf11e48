"""What the owner left out and Homeline chooses: a trunk's mode, domain, user name and password, and phones' passwords.

It is filled into UCI's sections before they are read, so that all of what a configuration owes is checked as ever.
"""

from __future__ import annotations

import ipaddress
import secrets
import string
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from homeline import config
from homeline.config_options import Config
from homeline.config_sip import Sip, Twilio
from homeline.config_types import BOOLEAN
from homeline.protocol import uci

_LENGTH = 24  # characters of a password: 142 bits
_ALPHABET = string.ascii_letters + string.digits
_SHORTEST = 12
_ROUTER = "router"  # name of the credential with which the router registers and calls
_DEFAULTED = "default used"  # a problem's advice where a value of `twilio` could not be read
_SUFFIX = {"byoc": "sip", "registered": "sip", "elastic": "pstn"}  # of the domain's name, by the trunk's mode


@dataclass(slots=True)
class Filled:
    """The configuration with everything filled in; what was, by section and option; and why it cannot be used so."""

    config: Config
    options: dict[str, dict[str, str]] = field(default_factory=dict)
    secrets: dict[str, dict[str, str]] = field(default_factory=dict, repr=False)
    mistakes: list[str] = field(default_factory=list)
    advice: list[str] = field(default_factory=list)


def filled(main: str, secret: str, public_address: str = "") -> Filled:
    """Reads UCI's two files. Raises DecodeError for what is no UCI."""
    sections = {section.name: section for section in uci.parse(main)}
    kept = {section.name: section for section in uci.parse(secret)}
    known = config.assembled(sections.values(), kept.values())
    made = Filled(known)
    names = {section.name for section in sections.values() if _at_twilio(section, "phone")}
    for section in sections.values():
        if _at_twilio(section, "trunk"):
            _fill_trunk(
                section, kept, known, public_address, _ROUTER if _ROUTER not in names else "homeline-router", made
            )
        elif _at_twilio(section, "phone"):
            _fill_password(section, kept, made)
    made.config = config.assembled(sections.values(), kept.values())
    made.mistakes += _mistakes(sections.values(), made.config)
    return made


def _at_twilio(section: uci.Section, kind: str) -> bool:
    """Whether this is a trunk of Twilio's or a phone there, and switched on."""
    option = ("type", "twilio") if kind == "trunk" else ("where", "twilio")
    return section.type == kind and section.options.get(option[0]) == option[1] and _on(section)


def _on(section: uci.Section) -> bool:
    value = section.options.get("enabled", "1")
    try:
        return bool(BOOLEAN.parse(value)) if isinstance(value, str) else True
    except ValueError:
        return True  # a mistake, which is told


def _fill_trunk(
    section: uci.Section, kept: dict[str, uci.Section], known: Config, public_address: str, user: str, made: Filled
) -> None:
    if not section.options.get("mode"):
        mode, advice = _mode(known.sip, section, public_address)
        _fill(section, "mode", mode, made)
        made.advice += [advice] if advice else []
    mode = str(section.options["mode"])
    host = domain(known.twilio, mode)
    if section.options.get("host") in {domain(known.twilio, each) for each in _SUFFIX} - {host}:
        del section.options["host"]  # it was filled in for another mode
    _fill(section, "host", host, made)
    if not (known.twilio.static_address and mode != "registered"):
        _fill(section, "username", user, made)
        _fill_password(section, kept, made)


def domain(twilio: Twilio, mode: str) -> str:
    """The host name of the domain at which a trunk of this mode calls and registers."""
    name = twilio.domain_name if mode == "registered" else twilio.trunk_domain_name
    return f"{name}.{_SUFFIX.get(mode, 'sip')}.twilio.com" if name else ""


def is_public(sip: Sip, public_address: str) -> bool:
    """Whether Twilio can reach the router: its address is one of the internet's, not one behind a provider's NAT."""
    try:
        return ipaddress.IPv4Address(public_address or sip.external_address).is_global  # Twilio calls by IPv4 only
    except ValueError:
        return False


def _mode(sip: Sip, section: uci.Section, public_address: str) -> tuple[str, str]:
    """How Twilio and the router find each other where the owner leaves it open, and what would make it better."""
    if not sip.external_address or not is_public(sip, public_address):
        return "registered", ""
    plain = section.options.get("secure") == "0" or section.options.get("transport") in ("udp", "tcp")
    if plain or (sip.certificate and "tls" in sip.transports):
        return "byoc", ""
    return (
        "registered",
        "With sip.certificate and sip.key, and tls in sip.transports, Twilio could call the router directly.",
    )


def _fill(section: uci.Section, option: str, value: str, made: Filled) -> None:
    if value and not section.options.get(option):
        section.options[option] = value
        made.options.setdefault(section.name, {})[option] = value


def _fill_password(section: uci.Section, kept: dict[str, uci.Section], made: Filled) -> None:
    secret = kept.setdefault(section.name, uci.Section(section.type, section.name))
    if secret.type == section.type and not secret.options.get("password"):
        secret.options["password"] = made.secrets.setdefault(section.name, {})["password"] = new_password()


def new_password() -> str:
    """A password that Twilio takes and nobody guesses."""
    while True:
        made = "".join(secrets.choice(_ALPHABET) for _ in range(_LENGTH))
        if not password_mistake(made):
            return made


def password_mistake(password: str) -> str:
    """Why Twilio does not take it; "" where it does (www.twilio.com/docs/voice/sip/api/sip-credential-resource)."""
    if len(password) < _SHORTEST:
        return f"is shorter than {_SHORTEST} characters"
    kinds: Mapping[str, str] = {"lower-case": string.ascii_lowercase, "upper-case": string.ascii_uppercase}
    for name, letters in kinds.items():
        if not set(password) & set(letters):
            return f"has no {name} letter"
    return "" if set(password) & set(string.digits) else "has no digit"


def _mistakes(sections: Iterable[uci.Section], config: Config) -> list[str]:
    """What is wrong with what belongs to Twilio: a section that is left out would be taken for one to remove there."""
    read = {trunk.name for trunk in config.trunks} | {phone.name for phone in config.phones}
    wrong = {
        section.name
        for section in sections
        if section.name not in read and (_at_twilio(section, "trunk") or _at_twilio(section, "phone"))
    }
    told = [problem for problem in config.problems if problem.where.partition(".")[0] in wrong]
    told += [each for each in config.problems if each.where.startswith("twilio.") and each.advice == _DEFAULTED]
    unsaid = wrong - {problem.where.partition(".")[0] for problem in told}  # there may be more than are told
    return [f"{problem.where} {problem.text}" for problem in told] + [f"{name} is left out" for name in sorted(unsaid)]
