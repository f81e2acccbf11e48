"""Calls with TLS and SRTP, and over a trunk at which the router registers."""

from __future__ import annotations

from pathlib import Path

import pytest

from asterisk_kit import asterisk_programs as asterisk_programs
from e2e.calls_kit import OURS, PROVIDER, TLS, calling, certificates, phone, talk, uci
from homeline_lab.asterisk import own_address
from homeline_lab.sip_calls import Call
from homeline_lab.sip_peer import Address, Provider

pytestmark = pytest.mark.usefixtures("asterisk_programs")

GRANDMA = "+41791234567"


async def is_secure(call: Call) -> bool:
    """Whether signalling and media of this end are encrypted."""
    found = [await call.exchange.read(call, f"CHANNEL({what},secure)") for what in ("pjsip", "rtp")]
    return found == ["1", "1"]


async def test_a_trunk_with_tls_and_srtp_both_ways(tmp_path: Path) -> None:
    house, address = own_address(), own_address()
    tls = certificates(tmp_path, house, address)
    gaps = {"secure": "1", "line": uci(ring=["byoc/+441632960000"]), "outbound": uci(sources=["byoc"])}
    async with (
        calling(tmp_path, "line", "outbound", "twilio", sip=TLS + uci(external_address="198.51.100.7"),
                address=house, provider=address, **gaps) as home,
        Provider(tmp_path / "p", home.calls.at("tls"), name="p", address=address, tls=tls) as twilio,
    ):  # fmt: skip
        call = await home.calls.gsm_call(GRANDMA)
        far = await twilio.incoming()
        assert (far.to, far.number) == ("+441632960000", GRANDMA)
        await far.answer()
        await talk(call, far)
        assert await is_secure(far)
        await call.hang_up()
        await far.ended()

        call = await twilio.call("+41441112233", headers=OURS)
        far = await home.calls.gsm_incoming()
        await far.answer()
        await talk(call, far)
        await far.hang_up()
        assert (await call.ended()).cause == 16


async def test_a_trunk_without_srtp_is_refused_where_it_is_on(tmp_path: Path) -> None:
    """By TLS, from the right address, with the right header, but media in clear."""
    house, address = own_address(), own_address()
    tls = certificates(tmp_path, house, address)
    async with (
        calling(tmp_path, "line", "outbound", "twilio", sip=TLS + uci(external_address="198.51.100.7"),
                address=house, provider=address, secure="1", outbound=uci(sources=["byoc"])) as home,
        Provider(tmp_path / "p", home.calls.at("tls"), name="p", address=address, tls=tls, srtp=False) as twilio,
    ):  # fmt: skip
        assert (await (await twilio.call("+41441112233", headers=OURS)).ended()).sip.startswith("SIP 488")
        assert home.gsm == []


async def test_a_phone_with_tls_and_srtp(tmp_path: Path) -> None:
    house, desk_address = own_address(), own_address()
    tls = certificates(tmp_path, house, desk_address)
    async with (
        calling(tmp_path, "phones", "line", "outbound", sip=TLS, address=house, phone=uci(secure="1")) as home,
        phone(home, "desk", tls=tls, address=desk_address) as desk,
    ):
        call = await desk.call("+41441112233")
        far = await home.calls.gsm_incoming()
        await far.answer()
        await talk(call, far)
        await far.hang_up()
        await call.ended()


async def test_the_router_registers_and_is_called_there(tmp_path: Path) -> None:
    """As behind carrier-grade NAT: the provider knows the router by its registration alone."""
    house, address = own_address(), own_address()
    gaps = {"line": uci(ring=["registered/+441632960000"]), "outbound": uci(sources=["registered"])}
    async with (
        Provider(tmp_path / "p", Address(house), name="p", address=address, asks=PROVIDER, registrar=True) as provider,
        calling(tmp_path, "line", "outbound", "registered", address=house, provider=address, **gaps) as home,
    ):
        await provider.has_registration(20)
        call = await home.calls.gsm_call(GRANDMA)
        far = await provider.incoming()
        assert far.to == "+441632960000"
        await far.answer()
        await talk(call, far)
        await call.hang_up()

        call = await provider.call("+41441112233")
        far = await home.calls.gsm_incoming()
        await far.answer()
        await talk(call, far)
        await call.hang_up()


async def test_the_router_registers_by_tls_and_is_called_by_that_alone(tmp_path: Path) -> None:
    """The provider calls through the connection that the router has made, from whatever port."""
    house, address = own_address(), own_address()
    tls = certificates(tmp_path, house, address)
    home_at = Address(house, transport="tls")
    gaps = {"sip": TLS, "outbound": uci(sources=["registered"]), "registering": uci(secure="1")}
    async with (
        Provider(
            tmp_path / "p", home_at, name="p", address=address, asks=PROVIDER, registrar=True, tls=tls
        ) as provider,
        calling(tmp_path, "line", "outbound", "registered", address=house, provider=address, **gaps) as home,
    ):
        await provider.has_registration(20)
        call = await provider.call("+41441112233")
        far = await home.calls.gsm_incoming()
        await far.answer()
        await talk(call, far)
        await call.hang_up()
