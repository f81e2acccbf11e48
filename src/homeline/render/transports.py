"""pjsip.conf: the sockets of SIP, and what holds for all of SIP."""

from __future__ import annotations

from pathlib import Path

from homeline.config_options import Config
from homeline.paths import Paths
from homeline.render.conf import Section
from homeline.render.part import Part, Problem, addresses, fitting, has, is_ipv6
from homeline.telephony import Facts

SYSTEM_CA = "/etc/ssl/certs/ca-certificates.crt"  # OpenWrt's package ca-bundle, in every image; Debian has it there too
_FOR_ALL = ("global", "type=global")  # how the owner's pjsip.conf tells that it has such a section


def name(protocol: str) -> str:
    """Our transport for udp, tcp or tls. No section of UCI can have such a name."""
    return f"homeline-{protocol}"


def transports(config: Config, facts: Facts) -> Part:
    """A transport for each of `sip.transports`, and the settings for all of SIP where the owner has none."""
    outside, problems = _outside(config, facts)
    sections = [
        Section(name(protocol), [*_bind(protocol, config), *_tls(protocol, config, facts), ("tos", "cs3"), *outside])
        for protocol in dict.fromkeys(config.sip.transports)
    ]
    return Part([*_everywhere(facts), *sections], problems)


def _everywhere(facts: Facts) -> list[Section]:
    """Nothing in it is needed, so an owner's section of this kind stays as it is: Asterisk takes only one."""
    if any(has(facts, "pjsip.conf", mark) for mark in _FOR_ALL):
        return []
    options = [("type", "global"), ("user_agent", "Homeline"), ("keep_alive_interval", "60")]
    return [Section("global", options, comment="strangers need not know what runs here, and connections stay open")]


def _bind(protocol: str, config: Config) -> list[tuple[str, str]]:
    port = config.sip.tls_port if protocol == "tls" else config.sip.port
    host = f"[{config.sip.bind}]" if is_ipv6(config) else config.sip.bind or "0.0.0.0"  # noqa: S104 - every address
    return [("type", "transport"), ("protocol", protocol), ("bind", f"{host}:{port}")]


def _tls(protocol: str, config: Config, facts: Facts) -> list[tuple[str, str]]:
    if protocol != "tls":
        return []
    files = (
        ("cert_file", config.sip.certificate),
        ("priv_key_file", config.sip.key),
        ("ca_list_file", config.sip.ca_file),
    )
    return [
        *((option, below(facts, path)) for option, path in files if path),
        *([] if config.sip.ca_file else [("ca_list_file", SYSTEM_CA)]),
        ("method", "tlsv1_2"),
        ("verify_server", "yes"),
        ("allow_wildcard_certs", "yes"),  # such as Twilio's: *.sip.twilio.com
    ]


def below(facts: Facts, path: str) -> str:
    """A path of the configuration as Asterisk has to open it."""
    return str(Paths(Path(facts.root)).inside(path))


def _outside(config: Config, facts: Facts) -> tuple[list[tuple[str, str]], list[Problem]]:
    """How the internet reaches us, for every peer that is not in an own network."""
    host = config.sip.external_address
    if not host:
        return [], []
    found = fitting(addresses(host, facts), config)
    if not found:
        text = f"the address of '{host}' is not known: calls over the internet may have no sound"
        return [], [("sip.external_address", text, "check the name, and the router's DNS")]
    own = [("local_net", network) for network in fitting(config.sip.local_networks, config)]
    return [("external_media_address", found[0]), ("external_signaling_address", found[0]), *own], []
