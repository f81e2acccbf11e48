"""Twilio's networks and host names for a trunk."""

from __future__ import annotations

import ipaddress
import re

import pytest

from homeline.config_calls import EDGES, Trunk, TrunkMode, TrunkType
from homeline.core import twilio_addresses
from homeline.core.twilio_addresses import NETWORKS, hosts, sources


def twilio(host: str = "home.sip.twilio.com", **options: object) -> Trunk:
    return Trunk("t", type=TrunkType.TWILIO, mode=TrunkMode.BYOC, host=host, **options)  # type: ignore[arg-type]


def test_every_edge_has_its_networks_and_they_are_apart() -> None:
    assert tuple(NETWORKS) == EDGES
    networks = [ipaddress.ip_network(network) for found in NETWORKS.values() for network in found]
    for network in networks:
        assert network.prefixlen == 30
        assert network.is_global
    assert not any(a.overlaps(b) for a in networks for b in networks if a is not b)
    assert re.fullmatch(r"20\d\d-(0[1-9]|1[0-2])", twilio_addresses.AS_OF)


@pytest.mark.parametrize(
    ("trunk", "networks"),
    [
        (twilio(), tuple(network for edge in EDGES for network in NETWORKS[edge])),
        (twilio(edges=("frankfurt", "dublin")), ("35.156.191.128/30", "54.171.127.192/30")),
        (twilio(edges=("frankfurt",), allowed=("127.0.0.9",)), ("127.0.0.9",)),
        (twilio(region="ie1"), tuple(network for edge in EDGES for network in NETWORKS[edge])),
        (Trunk("t", host="sip.example.org"), ()),
        (Trunk("t", host="sip.example.org", allowed=("192.0.2.0/24",)), ("192.0.2.0/24",)),
    ],
)
def test_sources(trunk: Trunk, networks: tuple[str, ...]) -> None:
    assert sources(trunk) == networks


@pytest.mark.parametrize(
    ("trunk", "names"),
    [
        (twilio(), ("home.sip.twilio.com",)),
        (twilio(edges=("frankfurt", "dublin")), ("home.sip.frankfurt.twilio.com", "home.sip.dublin.twilio.com")),
        (twilio("a.b.sip.twilio.com", edges=("tokyo",)), ("a.b.sip.tokyo.twilio.com",)),
        (twilio("home.pstn.twilio.com", edges=("sao-paulo",)), ("home.pstn.sao-paulo.twilio.com",)),
        (twilio("home.sip.sydney.twilio.com", edges=("dublin",)), ("home.sip.sydney.twilio.com",)),
        (twilio(region="ie1"), ("home.sip.dublin.twilio.com",)),
        (twilio(region="au1", edges=("tokyo",)), ("home.sip.tokyo.twilio.com",)),
        (twilio(region="us1"), ("home.sip.twilio.com",)),
        (twilio("127.0.0.9", edges=("dublin",)), ("127.0.0.9",)),
        (Trunk("t", host="x.sip.twilio.com", edges=("dublin",)), ("x.sip.twilio.com",)),
    ],
)
def test_hosts(trunk: Trunk, names: tuple[str, ...]) -> None:
    assert hosts(trunk) == names
