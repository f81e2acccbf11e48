"""What the rows alone cannot say of the sections about calls.

In order: `sip` (a mistake puts its options back to their defaults), trunks and phones, lines, outbound rules. Each may
lean on those before it. Names end as parts of Asterisk's names, so some are refused here.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import MISSING, dataclass, fields, replace
from typing import Any

from homeline import config_checks_twilio
from homeline.config_calls import EDGES, Line, Outbound, Phone, Sip, Trunk, TrunkMode, TrunkType, Where, Withheld
from homeline.config_checks import Tell, kept
from homeline.config_options import Config
from homeline.config_types import prefix_length
from homeline.errors import ConfigError
from homeline.model import Driver

MAX_NAME = 40  # characters: a context's name has at most 79, and ours begin with some words of their own
MIN_PASSWORD = 12  # characters of a phone's password, which strangers may try at leisure
_MIN_DIFFERENT = 6  # of them
# Sections of pjsip.conf with a meaning, `anonymous`, the endpoint for everybody who is nobody else, and extensions to
# which Asterisk goes by itself.
_RESERVED = (
    *("global", "system", "general", "globals", "default", "anonymous", "acl", "homeline"),
    *("s", "i", "t", "h", "a", "o", "e", "failed"),
)
_EMERGENCY = ("112", "911")  # every mobile phone takes them for emergency calls (3GPP TS 22.101 10.1.1)
_WIDEST = {True: 32, False: 16}  # prefix lengths (IPv6 or not) of a network that is proof enough without a password
_INBOUND = (TrunkMode.BYOC, TrunkMode.ELASTIC, TrunkMode.PEER)  # calls come to an open port of ours


def calls(config: Config, declared: Mapping[str, str], tell: Tell) -> Config:
    """The configuration without what is wrong about calls. `declared`: every section's name with its type."""
    config = replace(config, sip=_sip(config.sip, tell))
    names = _Names()
    config = replace(config, trunks=kept(config.trunks, lambda trunk: _trunk(trunk, config, names), tell))
    numbers: dict[str, str] = {}
    config = replace(config, phones=kept(config.phones, lambda phone: _phone(phone, config, names, numbers), tell))
    known = _Known(config, declared)
    config = replace(config, trunks=tuple(_rung(trunk, known, tell) for trunk in config.trunks))
    taken: dict[str, str] = {}
    lines = (_ringing(line, known, tell) for line in config.lines)
    config = replace(config, lines=kept(lines, lambda line: _line(line, config, known, taken), tell))
    outbounds = (_sourced(outbound, known, tell) for outbound in config.outbounds)
    config = replace(config, outbounds=kept(outbounds, lambda rule: _outbound(rule, config, known, numbers), tell))
    _phones_rules(config, declared, tell)
    _phones_texts(config, declared, tell)
    config_checks_twilio.account(config, tell)
    _switched_off(config, tell)
    return config


@dataclass(slots=True)
class _Known:
    """Why a name that one section gives for another does not do."""

    config: Config
    declared: Mapping[str, str]

    def reason(self, name: str, *types: str) -> str:
        """ "" where an enabled section of one of these types is there, else what is wrong with the name."""
        found = self.declared.get(name)
        if found not in types:
            return f"there is no {' or '.join(types)} '{name}'"
        sections: Iterable[Any] = getattr(self.config, f"{found}s")
        section = next((section for section in sections if section.name == name), None)
        if section is None:
            return f"the {found} '{name}' is left out for a mistake"
        return "" if section.enabled else f"the {found} '{name}' is switched off"

    def away(self, name: str) -> str:
        """ "" where this phone is at the router, else what is to be done."""
        where = next(phone.where for phone in self.config.phones if phone.name == name)
        return "" if where is Where.ROUTER else f"the phone '{name}' is not at the router; ring it through a trunk"


class _Names:
    """Names of endpoints, which Asterisk keeps in one space, capital letters and small ones alike."""

    def __init__(self) -> None:
        self._taken: dict[str, str] = {}

    def check(self, section: str, name: str, option: str = "") -> None:
        """Takes an endpoint's name: the section's own, or what its `option` says. ConfigError where it cannot be."""
        lower = name.lower()
        if lower in _RESERVED:
            raise ConfigError(
                section, option, "", f"'{name}' has a meaning of its own in Asterisk; choose another name"
            )
        _check_form(name)
        owner = self._taken.setdefault(lower, section)
        if owner != section:
            raise ConfigError(section, option, "", f"'{name}' is a name of '{owner}' already, capital letters apart")


def _check_form(name: str) -> None:
    if len(name) > MAX_NAME:
        raise ConfigError(name, "", "", f"its name is longer than {MAX_NAME} characters")
    if name.startswith("_"):
        raise ConfigError(name, "", "", "its name begins with _, which makes a pattern of it in Asterisk's dial plan")


def _sip(sip: Sip, tell: Tell) -> Sip:
    """`sip` with defaults for what contradicts itself."""
    for options, reason in (_media_mistake(sip), _port_mistake(sip), _certificate_mistake(sip)):
        if reason:
            tell.odd("sip", options[0], reason, "default used")
            defaults = {field.name: field.default for field in fields(Sip) if field.default is not MISSING}
            sip = replace(sip, **{option: defaults[option] for option in options})
    return sip


def _media_mistake(sip: Sip) -> tuple[tuple[str, ...], str]:
    options = ("rtp_start", "rtp_end")
    if sip.rtp_start % 2:
        return options, f"must be even, as RTP has the even port of each pair (is '{sip.rtp_start}')"
    if sip.rtp_end < sip.rtp_start + 3:
        return options, f"leaves no room for a call up to rtp_end (is '{sip.rtp_start}', rtp_end '{sip.rtp_end}')"
    return options, ""


def _port_mistake(sip: Sip) -> tuple[tuple[str, ...], str]:
    ports = {"port": sip.port, "tls_port": sip.tls_port, "ami_port": sip.ami_port}
    for port in ports.values():
        if sip.rtp_start <= port <= sip.rtp_end:
            return (*ports, "rtp_start", "rtp_end"), f"lies among the ports of media (is '{port}')"
    if len(set(ports.values())) < len(ports):
        return tuple(ports), f"port, tls_port and ami_port must differ (are {sip.port}, {sip.tls_port}, {sip.ami_port})"
    return (), ""


def _certificate_mistake(sip: Sip) -> tuple[tuple[str, ...], str]:
    if bool(sip.certificate) == bool(sip.key):
        return (), ""
    return ("certificate", "key"), "certificate and key go together; only one is set"


def _transport(name: str, option: str, transport: str, sip: Sip) -> None:
    if transport not in sip.transports:
        raise ConfigError(name, option, "", f"needs '{transport}' in sip.transports")


def _certificate(name: str, option: str, sip: Sip) -> None:
    if not sip.certificate:
        raise ConfigError(name, option, "", "TLS needs sip.certificate and sip.key")


def _trunk(trunk: Trunk, config: Config, names: _Names) -> None:
    names.check(trunk.name, trunk.name)
    _filled(trunk, "host")
    _pair(trunk, "username", "password")
    _pair(trunk, "inbound_username", "inbound_password")
    if trunk.is_secure and trunk.signalling != "tls":
        raise ConfigError(trunk.name, "transport", trunk.transport, "with secure the keys of SRTP need 'tls'")
    (_twilio if trunk.type is TrunkType.TWILIO else _provider)(trunk, config)
    _width(trunk)
    _transport(trunk.name, "transport", trunk.signalling, config.sip)
    if trunk.signalling == "tls" and trunk.mode in _INBOUND:
        _certificate(trunk.name, "transport", config.sip)
    if trunk.mode is TrunkMode.REGISTERED:
        _filled(trunk, "username", " where the router registers")
    if trunk.inbound_username and not trunk.allowed:  # then its calls are known by that name
        names.check(trunk.name, trunk.inbound_username, "inbound_username")


def _filled(trunk: Trunk, option: str, when: str = "") -> None:
    """That there is a value; of a Twilio trunk, where it could come from."""
    if not getattr(trunk, option):
        how = "; `homeline twilio apply` fills it in" if trunk.type is TrunkType.TWILIO else ""
        raise ConfigError(trunk.name, option, "", f"is required{when}{how}")


def _pair(trunk: Trunk, username: str, password: str) -> None:
    if getattr(trunk, username) and not getattr(trunk, password):
        raise ConfigError(trunk.name, password, "", "is not set; it belongs in /etc/config/homeline_secret")
    if getattr(trunk, password) and not getattr(trunk, username):
        raise ConfigError(trunk.name, username, "", f"is required, as {password} is set")


def _twilio(trunk: Trunk, config: Config) -> None:
    if trunk.mode is TrunkMode.PEER:
        raise ConfigError(trunk.name, "mode", trunk.mode, "of a Twilio trunk is registered, byoc or elastic")
    if not config.twilio.account_sid:
        raise ConfigError(trunk.name, "type", "", "Twilio's calls are known by twilio.account_sid, which is not set")
    if trunk.mode in _INBOUND and not config.sip.external_address:
        raise ConfigError(trunk.name, "mode", trunk.mode, "needs sip.external_address, to which Twilio sends calls")
    unknown = next((edge for edge in trunk.edges if edge not in EDGES), "")
    if unknown and not trunk.allowed:
        raise ConfigError(trunk.name, "edges", unknown, "has addresses that are not known here: set allowed")


def _provider(trunk: Trunk, config: Config) -> None:
    if trunk.mode in (TrunkMode.BYOC, TrunkMode.ELASTIC):
        raise ConfigError(trunk.name, "mode", trunk.mode, "is Twilio's; another provider is registered or peer")
    for option in ("edges", "region"):
        if value := getattr(trunk, option):
            raise ConfigError(trunk.name, option, value if isinstance(value, str) else value[0], "is Twilio's")
    if trunk.mode is TrunkMode.PEER and not (trunk.allowed or trunk.inbound_username):
        raise ConfigError(trunk.name, "allowed", "", "or inbound_username and inbound_password are required for a peer")


def _width(trunk: Trunk) -> None:
    """Without a password the address has to prove something, also beside Twilio's account, which is no secret."""
    wide = next((network for network in trunk.allowed if prefix_length(network) < _WIDEST[":" in network]), "")
    if wide and not trunk.inbound_username:
        raise ConfigError(trunk.name, "allowed", wide, "is too wide to prove anything without inbound_username")


def _phone(phone: Phone, config: Config, names: _Names, numbers: dict[str, str]) -> None:
    names.check(phone.name, phone.name)
    if phone.number in _EMERGENCY:
        raise ConfigError(phone.name, "number", phone.number, "is an emergency number")
    if phone.name in _EMERGENCY:  # phones reach each other by their names too
        raise ConfigError(phone.name, "", "", "its name is an emergency number")
    if phone.where is Where.ROUTER:
        _check_password(phone)
        if phone.secure:
            _transport(phone.name, "secure", "tls", config.sip)
            _certificate(phone.name, "secure", config.sip)
        elif set(config.sip.transports) == {"tls"}:
            raise ConfigError(phone.name, "secure", "", "must be on, as sip.transports has nothing but tls")
    if phone.number and numbers.setdefault(phone.number, phone.name) != phone.name:
        raise ConfigError(phone.name, "number", phone.number, f"is that of phone '{numbers[phone.number]}' as well")


def _check_password(phone: Phone) -> None:
    if not phone.password:
        raise ConfigError(phone.name, "password", "", "is not set; 'Password…' in LuCI (new_phone_password) makes one")
    if len(phone.password) < MIN_PASSWORD:
        raise ConfigError(phone.name, "password", "", f"is weak: shorter than {MIN_PASSWORD} characters")
    if len(set(phone.password)) < _MIN_DIFFERENT or phone.name.lower() == phone.password.lower():
        raise ConfigError(phone.name, "password", "", "is weak: too few different characters, or the phone's own name")


def _rung(trunk: Trunk, known: _Known, tell: Tell) -> Trunk:
    """The trunk with the phones that can ring on its calls; says which cannot."""
    names = trunk.ring if trunk.enabled else ()
    reasons = {name: known.reason(name, "phone") or known.away(name) for name in names}
    for name, reason in reasons.items():
        if reason:
            tell.odd(trunk.name, "ring", reason, f"'{name}' does not ring")
    return replace(trunk, ring=tuple(name for name in trunk.ring if not reasons.get(name)))


def _ringing(line: Line, known: _Known, tell: Tell) -> Line:
    """The line with what can ring; says what cannot, unless that is said already or on purpose."""

    def wrong(entry: str) -> str:
        name, slash, _ = entry.partition("/")
        if reason := known.reason(name, "phone", "trunk"):
            return reason
        if known.declared[name] == "trunk":
            return "" if slash else f"a trunk is rung as '{name}/USER', with the user or number to call there"
        if slash:
            return f"'{name}' is a phone and is rung by its name alone"
        return known.away(name)

    if line.enabled and line.greeting and not line.voicemail:
        tell.odd(line.name, "greeting", "does nothing, as voicemail is off", "")
    reasons = {entry: wrong(entry) for entry in line.ring if line.enabled}
    for entry, reason in reasons.items():
        if reason:
            tell.odd(line.name, "ring", reason, f"'{entry}' does not ring")
    return replace(line, ring=tuple(entry for entry in line.ring if not reasons.get(entry)))


def _line(line: Line, config: Config, known: _Known, taken: dict[str, str]) -> None:
    _check_form(line.name)
    if reason := known.reason(line.dongle, "dongle"):
        raise ConfigError(line.name, "dongle", "", reason)
    driver = next(dongle.driver for dongle in config.dongles if dongle.name == line.dongle)
    if driver is Driver.SERIAL:
        reason = f"the driver of '{line.dongle}' is serial; calls need chan_dongle or chan_quectel"
        raise ConfigError(line.name, "dongle", "", reason)
    if line.withheld is Withheld.VOICEMAIL and not line.voicemail:
        raise ConfigError(line.name, "withheld", line.withheld, "needs voicemail to be on")
    if taken.setdefault(line.dongle, line.name) != line.name:
        raise ConfigError(line.name, "dongle", line.dongle, f"is that of line '{taken[line.dongle]}' as well")


def _sourced(outbound: Outbound, known: _Known, tell: Tell) -> Outbound:
    """The rule with the sources that are there; says the others."""
    reasons = {name: known.reason(name, "trunk") for name in outbound.sources if outbound.enabled}
    for name, reason in reasons.items():
        if reason:
            tell.odd(outbound.name, "sources", reason, f"'{name}' may not call through it")
    return replace(outbound, sources=tuple(name for name in outbound.sources if not reasons.get(name)))


def _outbound(outbound: Outbound, config: Config, known: _Known, numbers: Mapping[str, str]) -> None:
    _check_form(outbound.name)
    if reason := _Known(config, known.declared).reason(outbound.via, "line", "trunk"):
        raise ConfigError(outbound.name, "via", "", reason)
    if not (outbound.countries or outbound.prefixes or outbound.numbers):
        raise ConfigError(
            outbound.name, "countries", "", "or prefixes or numbers are required: nothing else may be called"
        )
    if outbound.via in outbound.sources:
        raise ConfigError(outbound.name, "sources", outbound.via, "would send a trunk's calls back to it")
    if clash := next((number for number in outbound.numbers if number in numbers), ""):
        raise ConfigError(outbound.name, "numbers", clash, f"is the number of phone '{numbers[clash]}'")


def _phones_rules(config: Config, declared: Mapping[str, str], tell: Tell) -> None:
    """Says outbound rules that phones name and that are not there. The names stay: no name would allow all."""
    for phone in config.phones:
        for name in phone.outbound if phone.enabled else ():
            if declared.get(name) != "outbound":
                tell.odd(phone.name, "outbound", f"there is no outbound section '{name}'", "it allows nothing")


def _phones_texts(config: Config, declared: Mapping[str, str], tell: Tell) -> None:
    """Says why a phone's texts go nowhere."""
    for phone in config.phones:
        if not (phone.enabled and phone.sms):
            continue
        if phone.where is not Where.ROUTER:
            tell.odd(phone.name, "sms", "does nothing, as the phone is not at the router", "")
        if phone.sms_dongle and declared.get(phone.sms_dongle) != "dongle":
            tell.odd(phone.name, "sms_dongle", f"there is no dongle '{phone.sms_dongle}'", "it sends nothing")


def _switched_off(config: Config, tell: Tell) -> None:
    """Says once that `sip.enabled` is off while something needs Asterisk."""
    if config.sip.enabled:
        return
    sections: Iterable[Trunk | Phone | Line] = (*config.trunks, *config.phones, *config.lines)
    names = [section.name for section in sections if section.enabled]
    names += [dongle.name for dongle in config.dongles if dongle.enabled and dongle.driver is not Driver.SERIAL]
    if names:
        tell.odd("sip", "enabled", f"is off, and {', '.join(names[:5])} cannot work without Asterisk", "set it to 1")
