"""pjsip.conf: trunks. Endpoint, aor, identify and registration have the section's name; passwords NAME-out and NAME-in.

Where calls go: a host name stands in the request, as providers want it. Where `next_hop` has a name, its address is
written as a hidden outbound proxy, so Asterisk asks no DNS. Else the name has its port beside it, which leaves one
query, done beside everything else. Several hosts are aors in order of preference: NAME, NAME-2 …
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from ipaddress import IPv4Network, IPv6Network, ip_network

from homeline.config_calls import Trunk, TrunkMode
from homeline.config_options import Config
from homeline.core import twilio_addresses
from homeline.core.trunks import next_hop
from homeline.render import peers
from homeline.render.conf import Section
from homeline.render.part import Part, Problem, addresses, fitting, joined, marked
from homeline.render.transports import name as transport_name
from homeline.telephony import Facts

Network = IPv4Network | IPv6Network

_FOR_EVER = "1000000000"  # tries of a registration: no owner is there to start it again
_ANY_NETWORK = ("0.0.0.0/0", "::/0")


@dataclass(frozen=True, slots=True)
class _Way:
    """Where a trunk's requests go: the hosts in the request, and the next hop where that is written down."""

    contacts: tuple[str, ...]  # URIs without user
    hop: str = ""

    @property
    def proxy(self) -> list[tuple[str, str]]:
        return [("outbound_proxy", self.hop)] if self.hop else []


def enabled(config: Config) -> list[Trunk]:
    return [trunk for trunk in config.trunks if trunk.enabled]


def trunks(config: Config, facts: Facts) -> Part:
    """Every trunk that is switched on."""
    claims, problems = _claims(config, facts)
    return joined((Part(problems=problems), *(_trunk(trunk, config, facts, claims) for trunk in enabled(config))))


def sources(config: Config, facts: Facts) -> list[str]:
    """Every network from which calls of a trunk may come."""
    return [network for trunk in enabled(config) for network in _networks(trunk, facts)[0]]


def _claims(config: Config, facts: Facts) -> tuple[dict[str, tuple[str, ...]], list[Problem]]:
    """By trunk: the networks that are its own, so that calls from there are known as its.

    Of trunks with the same network one alone can have it. A registered trunk comes last: its calls carry a token.
    """
    claims: dict[str, tuple[str, ...]] = {}
    taken: list[tuple[Network, Trunk]] = []
    problems: list[Problem] = []
    for trunk in sorted(enabled(config), key=lambda trunk: trunk.mode is TrunkMode.REGISTERED):
        networks = [(text, ip_network(text, strict=False)) for text in _networks(trunk, facts)[0]]
        shared = {text: first.name for text, own in networks for network, first in taken if _overlap(own, network)}
        claims[trunk.name] = tuple(text for text, _ in networks if text not in shared)
        if tuple(text for text, _ in networks) != _ANY_NETWORK:
            taken += [(own, trunk) for text, own in networks if text not in shared]
            problems += [] if trunk.mode is TrunkMode.REGISTERED else _shared(trunk, shared)
    return claims, problems


def _overlap(one: Network, other: Network) -> bool:
    return one.version == other.version and one.overlaps(other)


def _shared(trunk: Trunk, shared: dict[str, str]) -> list[Problem]:
    text = "belongs to trunk '{}' as well, as which calls from there count"
    advice = "let one trunk serve both, or give each its own networks"
    return [(f"{trunk.name}.allowed", f"{network} {text.format(name)}", advice) for network, name in shared.items()]


def _trunk(trunk: Trunk, config: Config, facts: Facts, claims: Mapping[str, Sequence[str]]) -> Part:
    way, problems = _way(trunk, config, facts)
    networks, unknown = _networks(trunk, facts)
    allow, codecs = peers.codecs(trunk.name, trunk.codecs, facts, default=trunk.codecs == Trunk(trunk.name).codecs)
    sections = [
        _endpoint(trunk, trunk.name, config, way, allow, networks),
        *_by_password_alone(trunk, config, way, allow, networks),
        *_aors(trunk, way),
        *_auths(trunk),
        *([] if networks == _ANY_NETWORK else _identify(trunk, claims[trunk.name])),
        *_registration(trunk, way),
    ]
    return Part(marked(sections, facts), [*problems, *unknown, *codecs])


def _way(trunk: Trunk, config: Config, facts: Facts) -> tuple[_Way, list[Problem]]:
    hosts = twilio_addresses.hosts(trunk)
    parameters = "" if trunk.signalling == "udp" else f";transport={trunk.signalling}"
    named = _Way(tuple(f"sip:{_bracketed(host)}:{trunk.remote_port}{parameters}" for host in hosts))
    if not (host := next_hop(trunk)):
        return named, []
    found = fitting(addresses(host, facts), config)
    if not found:
        advice = "check the name, and the router's DNS; Asterisk looks it up itself until then"
        return named, [(f"{trunk.name}.host", f"the address of '{host}' is not known", advice)]
    port = f":{trunk.port}" if trunk.port else ""
    hop = f"sip:{_bracketed(found[0])}:{trunk.remote_port}{parameters};lr;hide"
    return _Way((f"sip:{host}{port}{parameters}",), hop), []


def _bracketed(host: str) -> str:
    return f"[{host}]" if ":" in host else host


def _networks(trunk: Trunk, facts: Facts) -> tuple[tuple[str, ...], list[Problem]]:
    """Where the trunk's calls come from: what is configured or published, else the addresses of its host."""
    networks = twilio_addresses.sources(trunk)
    if networks:
        return networks, []
    if trunk.inbound_username:
        return _ANY_NETWORK, []
    found = [address for host in twilio_addresses.hosts(trunk) for address in addresses(host, facts)]
    if found:
        return tuple(dict.fromkeys(found)), []
    text = "calls from it are refused, as its addresses are not known"
    return (), [(f"{trunk.name}.allowed", text, f"set allowed, or see why '{trunk.host}' cannot be looked up")]


def _endpoint(
    trunk: Trunk, name: str, config: Config, way: _Way, allow: Sequence[str], networks: Sequence[str]
) -> Section:
    """Known by its address, and by its password where it has one; never by From, where anybody can write its name."""
    options = [
        ("type", "endpoint"),
        ("context", f"homeline-trunk-{trunk.name}"),
        ("transport", transport_name(trunk.signalling)),
        ("identify_by", "auth_username" if networks == _ANY_NETWORK else "ip"),
        *([("auth", f"{trunk.name}-in")] if trunk.inbound_username else []),
        *([("outbound_auth", f"{trunk.name}-out")] if trunk.username else []),
        *([("aors", ",".join(section.name for section in _aors(trunk, way)))] if name == trunk.name else []),
        *way.proxy,
        *_identity(trunk),
        ("send_connected_line", "no"),
        ("force_rport", "yes"),
        ("timers", trunk.session_timers),
        ("device_state_busy_at", str(trunk.max_calls)),
        *peers.media(allow, trunk.dtmf, secure=trunk.is_secure),
        *peers.closed(config),
        *([] if networks == _ANY_NETWORK else peers.only_from(networks)),
    ]
    return Section(name, options)


def _identity(trunk: Trunk) -> list[tuple[str, str]]:
    """Who we say that calls, and whether we believe the provider. The number itself is the dial plan's."""
    domain = trunk.from_domain or (trunk.host if trunk.mode is TrunkMode.REGISTERED else "")
    return [
        *([("from_user", trunk.from_user)] if trunk.from_user else []),
        *([("from_domain", domain)] if domain else []),
        ("send_pai", "yes" if trunk.send_pai else "no"),
        ("trust_id_outbound", "yes" if trunk.send_pai else "no"),
        ("trust_id_inbound", "yes" if trunk.trust_pai else "no"),
    ]


def _by_password_alone(
    trunk: Trunk, config: Config, way: _Way, allow: Sequence[str], networks: Sequence[str]
) -> list[Section]:
    """An endpoint for what a provider without fixed addresses sends us.

    Asterisk looks for an endpoint with the name in Authorization, so it has to have that one.
    """
    if networks != _ANY_NETWORK or trunk.inbound_username == trunk.name:
        return []
    return [_endpoint(trunk, trunk.inbound_username, config, way, allow, networks)]


def _aors(trunk: Trunk, way: _Way) -> list[Section]:
    names = [trunk.name, *(f"{trunk.name}-{number}" for number in range(2, len(way.contacts) + 1))]
    return [
        Section(
            name,
            [
                ("type", "aor"),
                ("contact", contact),
                ("qualify_frequency", str(trunk.qualify)),
                *way.proxy,
            ],
        )
        for name, contact in zip(names, way.contacts, strict=True)
    ]


def _auths(trunk: Trunk) -> list[Section]:
    found = []
    if trunk.username:
        found.append(peers.auth(f"{trunk.name}-out", trunk.username, trunk.password, trunk.realm))
    if trunk.inbound_username:
        found.append(peers.auth(f"{trunk.name}-in", trunk.inbound_username, trunk.inbound_password))
    return found


def _identify(trunk: Trunk, networks: Sequence[str]) -> list[Section]:
    if not networks:
        return []
    matches = [("match", network) for network in networks]
    return [Section(trunk.name, [("type", "identify"), ("endpoint", trunk.name), ("srv_lookups", "no"), *matches])]


def _registration(trunk: Trunk, way: _Way) -> list[Section]:
    """At the first host only: two would ring us twice.

    `line` puts a token into our address, by which a call to it is known as this trunk's before its source is looked at;
    the endpoint's access list holds the source too.
    """
    if trunk.mode is not TrunkMode.REGISTERED:
        return []
    server = way.contacts[0]
    options = [
        ("type", "registration"),
        ("transport", transport_name(trunk.signalling)),
        ("server_uri", server),
        ("client_uri", f"sip:{trunk.username}@{_bracketed(twilio_addresses.hosts(trunk)[0])}"),
        ("contact_user", trunk.username),
        ("outbound_auth", f"{trunk.name}-out"),
        *way.proxy,
        ("line", "yes"),
        ("endpoint", trunk.name),
        ("expiration", str(trunk.expiry)),
        ("max_random_initial_delay", "0"),
        ("retry_interval", "30"),
        ("forbidden_retry_interval", "300"),
        ("fatal_retry_interval", "300"),
        ("auth_rejection_permanent", "no"),
        ("max_retries", _FOR_EVER),
    ]
    return [Section(trunk.name, options)]
