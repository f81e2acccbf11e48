"""What the account should have, of the configuration. Pure.

Everything of ours has a name that begins with a mark, `homeline DOMAIN`, by which it is known again. Twilio reaches a
router at a public address by a BYOC or Elastic SIP trunk; any other router registers at the softphones' domain.
Sources: www.twilio.com/docs/voice/bring-your-own-carrier-byoc, …/docs/voice/api/sip-registration,
…/docs/sip-trunking.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field

from homeline.config_calls import Phone, Trunk, TrunkMode, TrunkType, Where
from homeline.config_options import Config
from homeline.core import twilio_account
from homeline.core.trunks import is_number
from homeline.core.twilio_addresses import HOME
from homeline.twilio import filling
from homeline.twilio.function_source import source
from homeline.twilio.kinds import Value

FUNCTION_PATH = "/voice"
_BY_ROUTER = "?caller=router"  # on the URL of the router's trunk: core.twilio_routing
_MARK = "homeline"
_REROUTE = "see the number in Twilio's console, Regional routing"
_LONGEST_MARK = 40  # characters of the domain in it: a SIP domain's friendly name has 64 at most
_STEP = 10  # between the priorities of ways to the router


@dataclass(frozen=True, slots=True)
class Ref:
    """A value that is known only when another item is there: what `make` makes of one of its fields."""

    key: str
    field: str = "sid"
    make: Callable[[str], str] = str


@dataclass(frozen=True, slots=True)
class Item:
    """One thing that should be there. `key` names it among the others."""

    key: str
    kind: str
    name: str | Ref
    fields: Mapping[str, Value | Ref] = field(default_factory=dict)
    parent: str = ""
    secret: str = field(default="", repr=False)
    adopted: bool = False  # it is the owner's, and only changed


@dataclass(slots=True)
class Wanted:
    items: list[Item] = field(default_factory=list)
    mistakes: list[str] = field(default_factory=list)  # why nothing may be done
    advice: list[str] = field(default_factory=list)
    countries: tuple[str, ...] = ()  # to which Twilio must allow calls


def mark(config: Config) -> str:
    """How the names of all that is ours begin."""
    return f"{_MARK} {config.twilio.domain_name[:_LONGEST_MARK]}"


def wanted(config: Config, public_address: str = "") -> Wanted:
    """Everything that should be there, in the order in which it can be made."""
    made = Wanted(countries=_countries(config))
    trunks = [trunk for trunk in config.trunks if trunk.enabled and trunk.type is TrunkType.TWILIO]
    phones = [phone for phone in config.phones if phone.enabled and phone.where is Where.TWILIO]
    registered = [trunk for trunk in trunks if trunk.mode is TrunkMode.REGISTERED]
    byoc = _only(trunks, TrunkMode.BYOC, made)
    elastic = _only(trunks, TrunkMode.ELASTIC, made)
    for trunk in (byoc, elastic):
        if trunk and not filling.is_public(config.sip, public_address) and is_number(config.sip.external_address):
            made.mistakes.append(
                f"{trunk.name}.mode: Twilio cannot reach {config.sip.external_address}: use 'registered'"
            )
    functions = config.twilio.routing == "function" and bool(phones or byoc or registered)
    if functions and config.twilio.region not in ("", HOME):
        made.mistakes.append(
            f"twilio.routing: functions are made in {HOME} only; in {config.twilio.region} use 'webhook' or 'none'"
        )
    if functions:
        made.items += _service(config)
    if byoc:
        made.items += _byoc(config, byoc, public_address, made)
    if functions:
        made.items.append(_code(config, byoc))
    if phones or registered:
        made.items += _softphones(config, phones, registered, made)
    if elastic:
        made.items += _elastic(config, elastic, public_address, made)
    made.items += _numbers(config, elastic, functions, made)
    made.mistakes += _wrong_hosts(config, trunks)
    return made


def _only(trunks: list[Trunk], mode: TrunkMode, made: Wanted) -> Trunk | None:
    found = [trunk for trunk in trunks if trunk.mode is mode]
    for trunk in found[1:]:
        made.mistakes.append(f"{trunk.name}.mode: there is one trunk '{mode}' already, '{found[0].name}'")
    return found[0] if found else None


def _wrong_hosts(config: Config, trunks: list[Trunk]) -> Iterator[str]:
    """A trunk that would call another domain than that which is made for it."""
    for trunk in trunks:
        expected = filling.domain(config.twilio, trunk.mode)
        name, _, rest = expected.partition(".")
        if trunk.host != expected and not (trunk.host.startswith(f"{name}.{rest.partition('.')[0]}.")):
            option = "domain" if trunk.mode is TrunkMode.REGISTERED else "trunk_domain"
            yield (
                f"{trunk.name}.host is '{trunk.host}', and the domain made for it is '{expected}':"
                f" leave host out, or set twilio.{option} to its first part"
            )


def _voice(config: Config, caller: str = "") -> dict[str, Value | Ref]:
    """`voice_url` and `voice_method`; {} where the owner answers Twilio himself."""
    url = config.twilio.public_url
    if config.twilio.routing == "webhook":
        return {"voice_url": f"{url}/voice{caller}", "voice_method": "POST"}
    if config.twilio.routing == "function":
        make = f"https://{{}}{FUNCTION_PATH}{caller}".format
        return {"voice_url": Ref("environment", "domain_name", make), "voice_method": "POST"}
    return {}


def _status(config: Config, prefix: str) -> dict[str, Value | Ref]:
    """Where the end of a call is told: the webhook, if it answers."""
    if config.twilio.routing == "none":
        return {}
    told = config.twilio.routing == "webhook"
    url = f"{config.twilio.public_url}/status" if told else ""
    return {f"{prefix}status_callback_url": url, f"{prefix}status_callback_method": "POST"}


def places(config: Config) -> tuple[str, ...]:
    """How addresses begin that lead to the webhook and to the function."""
    webhook = f"{config.twilio.public_url}/" if config.twilio.public_url else ""
    return tuple(filter(None, (webhook, f"https://{_service_name(config)}-")))


def _service_name(config: Config) -> str:
    """With which the host name of its function begins."""
    return mark(config).replace(" ", "-")


def _service(config: Config) -> Iterator[Item]:
    """The service with the one function that says where calls go."""
    name = mark(config)
    fields: dict[str, Value | Ref] = {"friendly_name": f"{name} routing", "include_credentials": False}
    yield Item("service", "service", _service_name(config), fields)
    yield Item("environment", "environment", _MARK, parent="service")
    yield Item("function", "function", FUNCTION_PATH, parent="service")


def _code(config: Config, byoc: Trunk | None) -> Item:
    """What the function does: the configuration is in it, and so is the BYOC trunk's SID."""

    def code(byoc_sid: str) -> str:
        return source(twilio_account.account(config, byoc=byoc_sid))

    fields: dict[str, Value | Ref] = {"code": Ref("byoc_trunk", make=code) if byoc else code("")}
    return Item("code", "deployment", FUNCTION_PATH, fields, parent="environment")


def _credentials(key: str, name: str, users: Mapping[str, str]) -> Iterator[Item]:
    """A list of credentials: {user: password}."""
    yield Item(key, "credential_list", name)
    for user, password in users.items():
        yield Item(f"{key}.{user}", "credential", user, parent=key, secret=password)


def _addresses(key: str, name: str, address: str) -> Iterator[Item]:
    yield Item(key, "access_list", name)
    fields: dict[str, Value | Ref] = {"friendly_name": "router", "cidr_prefix_length": 32}
    yield Item(f"{key}.router", "address", address, fields, parent=key)


def _softphones(config: Config, phones: list[Phone], registered: list[Trunk], made: Wanted) -> Iterator[Item]:
    """The domain at which softphones register, and a router without a public address."""
    users = {phone.name: phone.password for phone in phones}
    for trunk in registered:
        if users.setdefault(trunk.username, trunk.password) != trunk.password:
            made.mistakes.append(f"{trunk.name}.username: '{trunk.username}' is somebody else's name as well")
    _check_users(users, made)
    open_trunks = [trunk.name for trunk in registered if not trunk.is_secure]
    if config.twilio.secure and open_trunks:
        made.advice.append(f"The softphones' domain takes calls without TLS, as {open_trunks[0]}.secure is off.")
    name = f"{mark(config)} phones"
    yield from _credentials("phones", name, users)
    fields: dict[str, Value | Ref] = {
        "friendly_name": name,
        "sip_registration": True,
        "secure": config.twilio.secure and not open_trunks,
    }
    domain = f"{config.twilio.domain_name}.sip.twilio.com"
    yield Item("domain", "sip_domain", domain, {**fields, **_voice(config), **_status(config, "voice_")})
    yield Item("domain.calls", "calls_list", Ref("phones"), parent="domain")
    yield Item("domain.registrations", "registrations_list", Ref("phones"), parent="domain")
    yield _region(config, "domain", domain)


def _check_users(users: Mapping[str, str], made: Wanted) -> None:
    for user, password in users.items():
        if len(user) > 32:
            made.mistakes.append(f"'{user}' is longer than the 32 characters that Twilio takes for a user")
        if mistake := filling.password_mistake(password):
            made.mistakes.append(f"the password of '{user}' {mistake}, which Twilio wants")


def _region(config: Config, parent: str, domain: str) -> Item:
    return Item(f"{parent}.region", "region", domain, {"voice_region": config.twilio.region or HOME}, parent=parent)


def _proof(key: str, name: str, config: Config, trunk: Trunk, public_address: str, made: Wanted) -> Iterator[Item]:
    """What the router proves itself with when it calls: a credential, or an address that never changes."""
    if not config.twilio.static_address:
        _check_users({trunk.username: trunk.password}, made)
        yield from _credentials(key, name, {trunk.username: trunk.password})
        return
    address = public_address or config.sip.external_address
    try:
        ipaddress.IPv4Address(address)
    except ValueError:
        made.mistakes.append("twilio.static_address needs an IPv4 address in sip.external_address")
    yield from _addresses(key, name, address)


def _byoc(config: Config, trunk: Trunk, public_address: str, made: Wanted) -> Iterator[Item]:
    """The trunk by which calls come to the router, and the domain at which the router calls."""
    name = f"{mark(config)} trunk"
    proof, mapping = ("trunk.proof", "calls_addresses" if config.twilio.static_address else "calls_list")
    yield from _proof(proof, name, config, trunk, public_address, made)
    yield Item("policy", "policy", name)
    yield from _ways("target", "policy", config, trunk)
    policy: dict[str, Value | Ref] = {"connection_policy_sid": Ref("policy")}
    yield Item("byoc_trunk", "byoc_trunk", name, {**_voice(config, _BY_ROUTER), **_status(config, ""), **policy})
    domain = f"{config.twilio.trunk_domain_name}.sip.twilio.com"
    yield Item(
        "trunk",
        "sip_domain",
        domain,
        {"friendly_name": name, "secure": trunk.is_secure, "byoc_trunk_sid": Ref("byoc_trunk")},
    )
    yield Item("trunk.calls", mapping, Ref(proof), parent="trunk")
    yield _region(config, "trunk", domain)


def _ways(kind: str, parent: str, config: Config, trunk: Trunk) -> Iterator[Item]:
    """SIP URIs by which Twilio reaches the router, the best first: one for each edge location."""
    port = config.sip.tls_port if trunk.signalling == "tls" else config.sip.port
    transport = "" if trunk.signalling == "udp" else f";transport={trunk.signalling}"
    uri = f"sip:{config.sip.external_address}:{port}{transport}"
    ways = [(edge, f"{uri};edge={edge}") for edge in trunk.edges] or [("router", uri)]
    for rank, (label, way) in enumerate(ways, 1):
        order: dict[str, Value | Ref] = {"priority": rank * _STEP, "weight": _STEP}
        yield Item(f"{parent}.{label}", kind, way, {"friendly_name": label, **order, "enabled": True}, parent=parent)


def _elastic(config: Config, trunk: Trunk, public_address: str, made: Wanted) -> Iterator[Item]:
    """An Elastic SIP trunk: Twilio's numbers alone, no routing of ours."""
    name = f"{mark(config)} elastic"
    proof, mapping = ("elastic.proof", "trunk_addresses" if config.twilio.static_address else "trunk_list")
    yield from _proof(proof, name, config, trunk, public_address, made)
    domain = f"{config.twilio.trunk_domain_name}.pstn.twilio.com"
    yield Item("elastic", "trunk", name, {"domain_name": domain, "secure": trunk.is_secure})
    yield from _ways("origination", "elastic", config, trunk)
    yield Item("elastic.calls", mapping, Ref(proof), parent="elastic")


def _numbers(config: Config, elastic: Trunk | None, functions: bool, made: Wanted) -> Iterator[Item]:
    """Numbers at Twilio that the owner gives us: their texts, and their calls, if no Elastic SIP trunk has them."""
    twilio = config.twilio
    fields: dict[str, Value | Ref] = {}
    if not elastic and (functions or twilio.routing == "webhook"):
        fields |= _voice(config)
    if not elastic and twilio.routing == "webhook":
        fields |= {"status_callback": f"{twilio.public_url}/status", "status_callback_method": "POST"}
    if twilio.inbound_sms and twilio.webhook:
        fields |= {"sms_url": f"{twilio.public_url}/sms", "sms_method": "POST"}
    for number in (number for number in twilio.adopt if number.startswith("+")):
        if twilio.region not in ("", HOME):
            made.advice.append(
                f"Twilio takes calls of {number} in {HOME} until it is re-routed to {twilio.region}: {_REROUTE}"
            )
        yield Item(number, "number", number, fields, adopted=True)
        if elastic:
            yield Item(f"{number}.trunk", "trunk_number", Ref(number), parent="elastic")


def _countries(config: Config) -> tuple[str, ...]:
    """Countries to which calls leave through Twilio itself: calls by a BYOC trunk are not its."""
    trunks = {
        trunk.name for trunk in config.trunks if trunk.type is TrunkType.TWILIO and trunk.mode is TrunkMode.ELASTIC
    }
    rules = [rule for rule in config.outbounds if rule.enabled and (config.twilio.caller_id or rule.via in trunks)]
    return tuple(dict.fromkeys(country for rule in rules for country in rule.countries))
