"""URLs and what they lead to; which addresses are the router itself."""

from __future__ import annotations

import ipaddress
import socket

import pytest
from hypothesis import given
from hypothesis import strategies as st

from homeline.adapters import http_address
from homeline.adapters.http_address import is_address, is_own, parse
from hostile import HOSTILE

GOOD = [
    ("https://a.example", True, "a.example", 443, "/", "a.example"),
    ("HTTP://A.Example:80/x?y#z", False, "a.example", 80, "/x?y", "a.example"),
    ("https://a.example.:8443?q=1", True, "a.example", 8443, "/?q=1", "a.example:8443"),
    ("http://192.0.2.1:8080/", False, "192.0.2.1", 8080, "/", "192.0.2.1:8080"),
    ("https://[2001:DB8::1]/x", True, "2001:db8::1", 443, "/x", "[2001:db8::1]"),
    ("http://nas:5000/hook", False, "nas", 5000, "/hook", "nas:5000"),
]


@pytest.mark.parametrize(("text", "secure", "host", "port", "path", "authority"), GOOD)
def test_the_parts_of_a_url(text: str, secure: bool, host: str, port: int, path: str, authority: str) -> None:
    url = parse(text)
    assert (url.secure, url.host, url.port, url.path, url.authority) == (secure, host, port, path, authority)
    assert path == "/" or path not in repr(url)


BAD = [
    "",
    "a.example",
    "ftp://a.example",
    "https://",
    "https:///x",
    "https://user:pw@a.example/",
    "https://a.example:0/",
]
BAD += ["https://a.example:99999/", "https://a.example:x/", "https://[192.0.2.1]/", "https://[::1/", "https://::1/"]
BAD += [
    "https://a b/",
    "https://a.example/ä",
    "https://a.example/a b",
    "https://a.example/\r\nX: y",
    "https://ä.example/",
]
BAD += ["https://1.2.3/", "https://0x7f.1.2.3.4.5:/", "https://a.example\\@b.example/", "https://-a.example/"]


@pytest.mark.parametrize("text", BAD)
def test_what_is_no_url(text: str) -> None:
    with pytest.raises(ValueError) as caught:
        parse(text)
    assert not text or text not in str(caught.value)


@given(st.one_of(st.text(), st.sampled_from(list(HOSTILE.values())), st.from_regex(r"https?://[!-~]{0,40}")))
def test_a_url_is_understood_or_refused(text: str) -> None:
    for each in (text, f"https://a.example/{text}", f"https://{text}/"):
        try:
            url = parse(each)
        except ValueError:
            continue
        assert (url.authority + url.path).isascii()
        assert (url.authority + url.path).isprintable()
        assert " " not in url.authority + url.path


@pytest.mark.parametrize("host", ["192.0.2.1", "2001:db8::1", "::1"])
def test_an_address_is_no_name(host: str) -> None:
    assert is_address(host)
    assert not is_address("a.example")


# RFC 4291 2.5.5.2, RFC 6052 2.1, RFC 8215, RFC 3056, and the form of RFC 4291 2.5.5.1 that nobody should use.
FORMS = ["{0}", "::ffff:{0}", "64:ff9b::{0}", "64:ff9b:1::{0}", "::{0}"]


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("address", ["127.0.0.1", "127.255.0.9", "0.0.0.0", "169.254.9.9"])
def test_the_router_in_every_form(form: str, address: str) -> None:
    assert is_own(form.format(address))
    six_to_four = ipaddress.IPv6Address(0x2002 << 112 | int(ipaddress.IPv4Address(address)) << 80 | 1)
    assert is_own(str(six_to_four))


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("address", ["192.168.77.77", "198.51.100.7", "10.99.99.99"])
def test_others_in_every_form(form: str, address: str) -> None:
    """The lab machine has none of them."""
    assert not is_own(form.format(address))


def test_others_by_ipv6() -> None:
    assert not is_own("2001:db8::5")
    assert not is_own("fd00:77::1")
    assert is_own("fe80::1%eth0")


def outward() -> str:
    """An address of this machine that is not its loopback's."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("198.51.100.1", 9))
        except OSError:
            pytest.skip("this machine has no way out, so no address but loopback")
        return str(probe.getsockname()[0])


def test_an_address_of_an_interface_is_ours() -> None:
    assert is_own(outward())
    assert is_own(f"::ffff:{outward()}")


def test_where_every_address_can_be_bound_the_routes_tell(monkeypatch: pytest.MonkeyPatch) -> None:
    """As with net.ipv4.ip_nonlocal_bind, which load balancers set."""
    own = outward()
    monkeypatch.setattr(http_address, "binds", lambda _family, _address: True)
    assert is_own(own)
    assert not is_own("198.51.100.7")
