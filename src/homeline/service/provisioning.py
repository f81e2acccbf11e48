"""A softphone's account as Linphone fetches it: its remote provisioning, the only way in which it scans one.

The keys are those of liblinphone's configuration (its documentation: "Provisioning configuration keys").
"""

from __future__ import annotations

from ipaddress import ip_address, ip_network
from typing import Any

from homeline.adapters.serve_once import ServeOnce
from homeline.config_calls import Phone
from homeline.config_sip import Sip

SECONDS = 600  # that it can be fetched for
KIND = "application/xml"
NAMESPACE = "http://www.linphone.org/xsds/lpconfig.xsd"
_ESCAPES = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;"})


async def offer(phone: Phone, sip: Sip) -> ServeOnce:
    """Serve it to the first who fetches it from where the phone may register. Raises OSError."""
    networks = [ip_network(text, strict=False) for text in phone.allow_from or sip.local_networks]

    def allowed(address: str) -> bool:
        return any(ip_address(address) in network for network in networks)

    served = ServeOnce(lambda address: document(phone, sip, address), allowed, KIND)
    await served.open(sip.bind, SECONDS)
    return served


def shape(served: ServeOnce) -> dict[str, Any]:
    """As `new_phone_password` shows it."""
    return {"port": served.port, "token": served.token, "seconds": SECONDS}


def document(phone: Phone, sip: Sip, address: str) -> bytes:
    """The account, for a router that is reached at `address`; with TLS at the name of its certificate."""
    host = sip.external_address if phone.secure and sip.external_address else address
    server = f"[{host}]" if ":" in host else host
    transport = "tls" if phone.secure else next((name for name in ("udp", "tcp") if name in sip.transports), "tls")
    port = sip.tls_port if transport == "tls" else sip.port
    display = f'"{phone.display}" ' if phone.display else ""
    sections = {
        "misc": {"transient_provisioning": "1"},  # once, not whenever the app starts
        "sip": {
            "default_proxy": "0",
            "media_encryption": "srtp" if phone.secure else "none",
            "media_encryption_mandatory": "1" if phone.secure else "0",
        },
        "proxy_0": {
            "reg_proxy": f"<sip:{server}:{port};transport={transport}>",
            "reg_identity": f"{display}<sip:{phone.name}@{server}>",
            "reg_expires": "600",
            "reg_sendregister": "1",
            "publish": "0",
        },
        "auth_info_0": {"username": phone.name, "passwd": phone.password, "domain": server},
    }
    lines = ['<?xml version="1.0" encoding="UTF-8"?>', f'<config xmlns="{NAMESPACE}">']
    for name, entries in sections.items():
        lines.append(f'<section name="{name}">')
        lines += (
            f'<entry name="{key}" overwrite="true">{value.translate(_ESCAPES)}</entry>'
            for key, value in entries.items()
        )
        lines.append("</section>")
    return "\n".join([*lines, "</config>", ""]).encode()
