"""Where a real Asterisk sends what we tell it to send: without DNS, and with certificates that are looked at."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from asterisk_kit import asterisk_programs
from homeline_lab.asterisk import own_address
from homeline_lab.sip_peer import Account, Address, Phone, Provider, Tls
from render.kit import FACTS, PUBLIC, SIP
from render.live import asterisk, house

__all__ = ["asterisk_programs"]
pytestmark = pytest.mark.usefixtures("asterisk_programs")

NAME = "sip.provider.example"  # which no DNS knows (RFC 6761)
VOIP = f"\nconfig trunk 'voip'\n\toption host '{NAME}'\n\toption username '41441112233'\n"
SAFE = "\nconfig phone 'safe'\n\toption secure '1'\n\tlist codecs 'alaw'\n"
SECURE_TRUNK = (
    "\nconfig trunk 'voip'\n\toption mode 'peer'\n\toption host '{host}'\n\tlist allowed '{host}'\n"
    "\toption secure '1'\n\toption username 'house'\n"
)
ECHO = "[homeline-phone-safe]\nexten => 123,1,Answer()\n same => n,Echo()\n"


@pytest.mark.parametrize("protocol", ["udp", "tcp"])
async def test_a_known_address_needs_no_dns(tmp_path: Path, protocol: str) -> None:
    host, address = own_address(), own_address()
    uci = SIP + "\tlist transports 'udp'\n\tlist transports 'tcp'\n" + VOIP + f"\toption transport '{protocol}'\n"
    facts = replace(FACTS, addresses={NAME: (host,)})
    rendered, _ = house(tmp_path / "house", address, uci, host=NAME, facts=facts)
    options = {"address": host, "registrar": True, "asks": Account("41441112233", "Registers-8")}
    async with (
        Provider(tmp_path / "voip", Address(address, transport=protocol), name="voip", **options) as provider,
        asterisk(tmp_path / "house", rendered) as running,
    ):
        await provider.has_registration()
        await running.cli("channel originate PJSIP/+41791112233@voip application Wait 30")
        call = await provider.incoming()
        exchange = provider.exchange
        assert f"@{NAME}" in await exchange.read(call, "CHANNEL(pjsip,request_uri)")
        assert f"@{NAME}" in await exchange.read(call, "CHANNEL(pjsip,remote_uri)")
        assert not await exchange.read(call, "PJSIP_HEADER(read,Route)")
        assert await exchange.read(call, "PJSIP_HEADER(read,User-Agent)") == "Homeline"
        await call.answer()
        await call.is_answered()
        assert len(await running.channels()) == 1
        if protocol == "udp":  # whoever ends it, the other is told
            await call.hang_up()
            await running.until("core show channels count", "0 active channels")
        else:
            await running.cli("channel request hangup all")
            await call.ended()


@pytest.mark.parametrize("good", [True, False])
async def test_a_certificate_is_for_the_host_that_was_meant(tmp_path: Path, good: bool) -> None:
    host, address = own_address(), own_address()
    uci = SIP + PUBLIC + SECURE_TRUNK.format(host=host)
    rendered, _ = house(tmp_path / "house", address, uci, host=host)
    folder = tmp_path / "house/etc/homeline"
    own = "peer" if good else "sip"  # a certificate of the same authority, for somebody else
    tls = Tls(folder / f"{own}.crt", folder / f"{own}.key", folder / "ca.pem")
    async with (
        Provider(tmp_path / "peer", Address(address, transport="tls"), name="peer", address=host, tls=tls) as provider,
        asterisk(tmp_path / "house", rendered) as running,
    ):
        await running.cli("channel originate PJSIP/+41791112233@voip application Wait 5")
        if good:
            call = await provider.incoming()
            await call.refuse()
        else:
            await running.wait_log("server identity does not match")
            assert not provider.exchange.calls


async def test_a_phone_with_tls_and_srtp(tmp_path: Path) -> None:
    address = own_address()
    rendered, _ = house(tmp_path / "house", address, SIP + PUBLIC + SAFE)
    folder = tmp_path / "house/etc/homeline"
    tls = Tls(folder / "peer.crt", folder / "peer.key", folder / "ca.pem")
    files = {"homeline/extensions.conf": ECHO}
    options = {"name": "safe", "password": "behind-a-door-3", "tls": tls, "codecs": "alaw"}
    async with (
        asterisk(tmp_path / "house", rendered, files) as running,
        Phone(tmp_path / "phone", Address(address, transport="tls"), **options) as phone,
    ):
        await phone.registered()
        call = await phone.call("123")
        await call.is_answered()
        call.play(440)
        await call.hears(440)
        await call.hang_up()
        await running.cli("channel originate PJSIP/safe application Wait 5")
        back = await phone.incoming()  # on the connection that the phone has made
        await back.refuse()
