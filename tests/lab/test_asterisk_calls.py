"""Two peers of the lab call each other: what the tests of calls rely on."""

from __future__ import annotations

import asyncio
import math
from array import array
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
import trustme
from hypothesis import given
from hypothesis import strategies as st

from asterisk_kit import asterisk_programs as asterisk_programs
from homeline_lab.asterisk import own_address
from homeline_lab.sip_peer import Account, Address, Phone, Provider, Tls
from homeline_lab.tone import LOUDNESS, loudness, share, sine

pytestmark = pytest.mark.usefixtures("asterisk_programs")


@given(st.sampled_from([350, 440, 620, 1004]), st.integers(0, 10_000))
def test_a_tone_is_told_from_others(hz: int, first: int) -> None:
    samples = array("h", sine(hz, 800, first=first))
    assert share(samples, hz) > 0.95
    assert all(share(samples, other) < 0.1 for other in (350, 440, 620, 1004) if other != hz)
    assert math.isclose(loudness(samples), LOUDNESS / math.sqrt(2), rel_tol=0.05)


def test_silence_is_no_tone() -> None:
    assert share(array("h", bytes(1600)), 440) == 0 == share(array("h"), 440)
    assert share(array("h", [1, -1] * 400), 4000) == 0


@asynccontextmanager
async def pair(
    folder: Path, transport: str = "udp", tls: Tls | None = None
) -> AsyncIterator[tuple[Provider, Provider]]:
    """Two who know each other by their addresses."""
    one, two = own_address(), own_address()
    if tls:
        issue(tls, one, two)
    here = Provider(folder / "here", Address(two, transport=transport), name="here", address=one, tls=tls)
    there = Provider(folder / "there", Address(one, transport=transport), name="there", address=two, tls=tls)
    async with here, there:
        yield here, there


def issue(files: Tls, *addresses: str) -> None:
    """An authority and one certificate for all."""
    authority = trustme.CA()
    own = authority.issue_cert(*addresses)
    own.cert_chain_pems[0].write_to_path(str(files.certificate))
    own.private_key_pem.write_to_path(str(files.key))
    authority.cert_pem.write_to_path(str(files.ca))


async def test_a_call_with_tones_both_ways(tmp_path: Path) -> None:
    async with pair(tmp_path) as (here, there):
        twice = (("X-A", "1"), ("X-A", "2"))
        call = await here.call("+41791234567", shows="+4433", name="Grandma", headers=twice, hz=440)
        other = await there.incoming()
        assert (other.to, other.number, other.name) == ("+41791234567", "+4433", "Grandma")
        assert await other.header("X-A") == "1"
        assert await other.header("X-None") == ""
        await call.rings()
        assert not call.answered.is_set()
        await other.answer(620)
        await call.is_answered()
        await asyncio.gather(call.hears(620), other.hears(440))
        with pytest.raises(TimeoutError, match=r"1004 Hz was not heard .* tones near \[.*440"):
            await other.hears(1004, 0.5)
        call.play(0)
        await other.audio.hears_nothing()
        assert (await other.hang_up()).cause == 16
        assert (await call.ended()).status == "ANSWER"


async def test_calls_that_are_not_taken(tmp_path: Path) -> None:
    async with pair(tmp_path) as (here, there):
        busy = await here.call("1")
        await (await there.incoming()).refuse(17)
        end = await busy.ended()
        assert (end.status, end.cause, end.sip) == ("BUSY", 17, "SIP 486 Busy Here")
        with pytest.raises(TimeoutError, match="does not get answered"):
            await busy.is_answered()
        given_up = await here.call("1")
        ringing = await there.incoming()
        await given_up.rings()
        await given_up.hang_up()
        await ringing.ended()
        with pytest.raises(TimeoutError, match="nothing rings at there"):
            await there.incoming(0.1)


async def test_a_call_with_tls_and_srtp(tmp_path: Path) -> None:
    tls = Tls(tmp_path / "cert.pem", tmp_path / "key.pem", tmp_path / "ca.pem")
    async with pair(tmp_path, "tls", tls) as (here, there):
        call = await here.call("1", hz=440)
        other = await there.incoming()
        await other.answer(620)
        await asyncio.gather(call.hears(620), other.hears(440))
        assert await there.exchange.read(other, "CHANNEL(pjsip,secure)") == "1"
        assert await there.exchange.read(other, "CHANNEL(rtp,secure)") == "1"


async def test_a_phone_registers_and_is_called(tmp_path: Path) -> None:
    one, two = own_address(), own_address()
    account = Account("mobile", "correct-horse-9")
    provider = Provider(tmp_path / "p", Address(one), name="provider", address=two, asks=account, registrar=True)
    phone = Phone(tmp_path / "m", Address(two), name="mobile", password=account.password, address=one)
    async with provider, phone:
        await phone.registered()
        await provider.has_registration()
        call = await provider.call("mobile", shows="12", hz=440)
        other = await phone.incoming()
        assert other.number == "12"
        await other.answer()
        await other.hears(440)
        await call.hang_up()
        await other.ended()
