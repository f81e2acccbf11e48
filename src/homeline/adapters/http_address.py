"""Where a request goes: the parts of a URL, and which addresses are the router itself.

The router's own services (its web pages, its bus behind them, a broker without a password) trust whoever comes from
the router. So a request to an address of the router's own is refused unless the owner allowed it, in whatever form the
address is written: IPv6 has several that carry one of IPv4.
"""

from __future__ import annotations

import re
import socket
from dataclasses import dataclass
from typing import TYPE_CHECKING

from homeline.config_types import SIP_HOST

if TYPE_CHECKING:
    from ipaddress import IPv4Address, IPv6Address

_PARTS = re.compile(r"(?i:(https?)://)([^/?#]*)([^#]*)(?:#.*)?")
_AUTHORITY = re.compile(r"(?:\[([0-9A-Fa-f:.]+)\]|([^:\[\]]+))(?::([0-9]{1,5}))?")

# IPv6 networks whose addresses end in one of IPv4: translators (RFC 6052 2.1, RFC 8215), the old compatible form.
_CARRY_AT_THE_END = ("64:ff9b::/96", "64:ff9b:1::/48", "::/96")
# Addresses that nobody has (RFC 5737, RFC 3849): where these can be bound, binding tells nothing.
_NOBODYS = {4: "192.0.2.1", 6: "2001:db8::1"}


@dataclass(frozen=True, slots=True)
class Url:
    """A server and what is asked of it. `path` includes the query and may be a secret: it is in no text."""

    secure: bool
    host: str  # a name without its last dot, or an address without brackets
    port: int
    path: str

    @property
    def authority(self) -> str:
        """The value of the header Host (RFC 9110 7.2)."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == (443 if self.secure else 80) else f"{host}:{self.port}"

    def __repr__(self) -> str:
        return f"Url({self.authority})"


def parse(text: str) -> Url:
    """The parts of an `http` or `https` URL. Raises ValueError, whose words do not repeat it."""
    parts = _PARTS.fullmatch(text)
    if parts is None:
        raise ValueError("must begin with https:// or http://")
    authority = _AUTHORITY.fullmatch(parts[2])
    if authority is None:
        raise ValueError("has no host, or more than host and port before its path")
    literal, name, digits = authority.groups()
    host = str(SIP_HOST.parse(literal or name))
    if literal and ":" not in literal:
        raise ValueError("has brackets around what is no IPv6 address")
    secure = parts[1].lower() == "https"
    port = int(digits) if digits else 443 if secure else 80
    if not 0 < port < 65536:
        raise ValueError("has a port beyond 65535")
    path = parts[3] if parts[3].startswith("/") else f"/{parts[3]}"
    if not re.fullmatch("[!-~]+", path):
        raise ValueError("has characters that a URL cannot have")
    return Url(secure, host.lower().removesuffix("."), port, path)


def is_address(host: str) -> bool:
    """Whether a URL's host is an address and no name."""
    return ":" in host or not set(host) - set("0123456789.")


def is_own(address: str) -> bool:
    """Whether a connection to this address would end on the router, or is no connection to one machine at all."""
    from ipaddress import ip_address

    ip = ip_address(address.partition("%")[0])
    return any(_stays(each) for each in (ip, *_carried(ip)))


def _stays(ip: IPv4Address | IPv6Address) -> bool:
    if ip.is_loopback or ip.is_unspecified or ip.is_link_local or ip.is_multicast:
        return True
    return (ip.version == 4 and ip.packed[0] in (0, 255)) or _is_assigned(str(ip), ip.version)


def _carried(ip: IPv4Address | IPv6Address) -> list[IPv4Address]:
    """The addresses of IPv4 that one of IPv6 stands for."""
    from ipaddress import IPv4Address, IPv6Network

    if ip.version == 4:
        return []
    found = [ip.ipv4_mapped, ip.sixtofour, *(ip.teredo or ())]
    if any(ip in IPv6Network(network) for network in _CARRY_AT_THE_END):
        found.append(IPv4Address(ip.packed[-4:]))
    return [each for each in found if each is not None]


def _is_assigned(address: str, version: int) -> bool:
    """Whether it is an address of one of our interfaces: those can be bound."""
    family = socket.AF_INET6 if version == 6 else socket.AF_INET
    if not binds(family, _NOBODYS[version]):
        return binds(family, address)
    with socket.socket(family, socket.SOCK_DGRAM) as probe:  # net.ipv4.ip_nonlocal_bind is set: ask the routes
        try:
            probe.connect((address, 9))  # sends nothing
        except OSError:
            return False
        return str(probe.getsockname()[0]) == address


def binds(family: int, address: str) -> bool:
    """Whether a socket can be bound to the address."""
    try:
        with socket.socket(family, socket.SOCK_DGRAM) as probe:
            probe.bind((address, 0))
    except OSError:
        return False
    return True
