"""Where a trunk's requests go, and the host names whose addresses that needs. Pure."""

from __future__ import annotations

from homeline.config_calls import Trunk
from homeline.config_options import Config
from homeline.core import twilio_addresses


def is_number(host: str) -> bool:
    """Whether a host, as the configuration has it, is an address and no name."""
    return ":" in host or host.replace(".", "").isdigit()


def next_hop(trunk: Trunk) -> str:
    """The name whose address we tell Asterisk, so that it asks no DNS; "" where it goes by the hosts' names or numbers.

    With TLS the certificate is held against the host of the next hop, so that is the name. And an endpoint has one next
    hop only, so several hosts are names too.
    """
    first, *others = twilio_addresses.hosts(trunk)
    return "" if others or trunk.signalling == "tls" or is_number(first) else first


def hosts(config: Config) -> tuple[str, ...]:
    """The names to look up, each once, in order: of the trunks, and the router's own where it is a name."""
    found = [name for trunk in config.trunks if trunk.enabled for name in _wanted(trunk)]
    if config.sip.external_address:
        found.append(config.sip.external_address)
    return tuple(dict.fromkeys(host for host in found if not is_number(host))) if config.sip.enabled else ()


def _wanted(trunk: Trunk) -> tuple[str, ...]:
    """Names whose addresses are next hops, or those from which the trunk's calls come."""
    known = twilio_addresses.sources(trunk) or trunk.inbound_username
    return (next_hop(trunk),) if known and next_hop(trunk) else () if known else twilio_addresses.hosts(trunk)
