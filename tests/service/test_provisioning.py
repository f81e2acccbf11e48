"""What Linphone gets as its account."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from dataclasses import replace

import pytest

from homeline.config_calls import Phone
from homeline.config_sip import Sip
from homeline.service import provisioning

ANNA = Phone("anna", password="k7wq2mzt9xh4pvbn3rcd", display="Anna")


def entries(phone: Phone, sip: Sip, address: str) -> dict[str, dict[str, str]]:
    root = ET.fromstring(provisioning.document(phone, sip, address))
    assert root.tag == f"{{{provisioning.NAMESPACE}}}config"
    return {section.attrib["name"]: {entry.attrib["name"]: entry.text or "" for entry in section} for section in root}


def test_in_the_own_network() -> None:
    found = entries(ANNA, Sip(), "192.168.1.1")
    assert found["proxy_0"]["reg_proxy"] == "<sip:192.168.1.1:5060;transport=udp>"
    assert found["proxy_0"]["reg_identity"] == '"Anna" <sip:anna@192.168.1.1>'
    assert found["auth_info_0"] == {"username": "anna", "passwd": "k7wq2mzt9xh4pvbn3rcd", "domain": "192.168.1.1"}
    assert found["sip"]["media_encryption"] == "none"
    assert found["misc"] == {"transient_provisioning": "1"}


def test_with_tls_the_name_of_the_certificate_counts() -> None:
    sip = Sip(transports=("udp", "tls"), tls_port=5071, external_address="home.example.org")
    found = entries(replace(ANNA, secure=True), sip, "192.168.1.1")
    assert found["proxy_0"]["reg_proxy"] == "<sip:home.example.org:5071;transport=tls>"
    assert (found["sip"]["media_encryption"], found["sip"]["media_encryption_mandatory"]) == ("srtp", "1")
    assert entries(ANNA, sip, "192.168.1.1")["auth_info_0"]["domain"] == "192.168.1.1"


@pytest.mark.parametrize(("transports", "port", "transport"), [(("tcp",), 5060, "tcp"), (("tls",), 5061, "tls")])
def test_what_the_router_listens_to(transports: tuple[str, ...], port: int, transport: str) -> None:
    found = entries(ANNA, Sip(transports=transports), "fd00::1")
    assert found["proxy_0"]["reg_proxy"] == f"<sip:[fd00::1]:{port};transport={transport}>"


def test_signs_that_mean_something_in_xml() -> None:
    found = entries(replace(ANNA, password="a<b>&\"c' d", display=""), Sip(), "192.168.1.1")
    assert found["auth_info_0"]["passwd"] == "a<b>&\"c' d"
    assert found["proxy_0"]["reg_identity"] == "<sip:anna@192.168.1.1>"


@pytest.mark.parametrize(
    ("networks", "address", "allowed"),
    [
        ((), "192.168.1.20", True),
        ((), "fe80::1", True),
        ((), "203.0.113.7", False),
        (("192.168.7.0/24",), "192.168.1.20", False),
        (("192.168.7.1/24",), "192.168.7.20", True),
    ],
)
async def test_only_from_where_it_may_register(networks: tuple[str, ...], address: str, allowed: bool) -> None:
    served = await provisioning.offer(replace(ANNA, allow_from=networks), Sip(bind="127.0.0.1"))
    try:
        assert served._allowed(address) == allowed
        assert provisioning.shape(served) == {"port": served.port, "token": served.token, "seconds": 600}
    finally:
        served.close()
