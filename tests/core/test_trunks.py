"""Where a trunk's requests go, and which names are looked up for that."""

from __future__ import annotations

import pytest

from homeline.config_calls import Secure, Sip, Trunk, TrunkMode, TrunkType
from homeline.config_options import Config
from homeline.core.trunks import hosts, is_number, next_hop

NAME = "sip.provider.example"
TWILIO = "example.sip.twilio.com"


@pytest.mark.parametrize(
    ("host", "number"),
    [("192.0.2.1", True), ("2001:db8::1", True), ("::1", True), (NAME, False), ("1.example", False), ("home", False)],
)
def test_numbers(host: str, number: bool) -> None:
    assert is_number(host) is number


@pytest.mark.parametrize(
    ("trunk", "hop", "wanted"),
    [
        (Trunk("a", host=NAME), NAME, (NAME,)),
        (Trunk("a", host=NAME, transport="tcp", allowed=("192.0.2.1",)), NAME, (NAME,)),
        (Trunk("a", host="192.0.2.1"), "", ()),
        # With TLS the name is the next hop, so that the certificate can be held against it: then the address only
        # tells where calls come from.
        (Trunk("a", host=NAME, secure=Secure.ON), "", (NAME,)),
        (Trunk("a", host=NAME, transport="tls", allowed=("192.0.2.1",)), "", ()),
        (Trunk("a", host=NAME, transport="tls", mode=TrunkMode.PEER, inbound_username="them"), "", ()),
        (Trunk("a", type=TrunkType.TWILIO, host=TWILIO), TWILIO, (TWILIO,)),
        (Trunk("a", type=TrunkType.TWILIO, host=TWILIO, mode=TrunkMode.BYOC), "", ()),
        (Trunk("a", type=TrunkType.TWILIO, host=TWILIO, edges=("frankfurt", "dublin")), "", ()),
        (
            Trunk("a", type=TrunkType.TWILIO, host=TWILIO, edges=("dublin",)),
            "example.sip.dublin.twilio.com",
            ("example.sip.dublin.twilio.com",),
        ),
        (Trunk("a", host=NAME, enabled=False), NAME, ()),
    ],
)
def test_hosts(trunk: Trunk, hop: str, wanted: tuple[str, ...]) -> None:
    assert next_hop(trunk) == hop
    assert hosts(Config(sip=Sip(enabled=True), trunks=(trunk,))) == wanted
    assert hosts(Config(sip=Sip(enabled=False), trunks=(trunk,))) == ()


def test_each_name_once_and_the_routers_own() -> None:
    trunks = (Trunk("a", host=NAME), Trunk("b", host=NAME))
    assert hosts(Config(sip=Sip(enabled=True, external_address="home.example"), trunks=trunks)) == (
        NAME,
        "home.example",
    )
    assert hosts(Config(sip=Sip(enabled=True, external_address="203.0.113.1"))) == ()
