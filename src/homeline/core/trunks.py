"""The host names whose addresses the configuration of calls needs. Pure."""

from __future__ import annotations

from homeline.config_options import Config
from homeline.core import twilio_addresses


def is_number(host: str) -> bool:
    """Whether a host, as the configuration has it, is an address and no name."""
    return ":" in host or host.replace(".", "").isdigit()


def hosts(config: Config) -> tuple[str, ...]:
    """The names to look up, each once, in order: the trunks' hosts, and the router's own where it is a name."""
    if not config.sip.enabled:
        return ()
    found = [host for trunk in config.trunks if trunk.enabled for host in twilio_addresses.hosts(trunk)]
    if config.sip.external_address:
        found.append(config.sip.external_address)
    return tuple(dict.fromkeys(host for host in found if not is_number(host)))
