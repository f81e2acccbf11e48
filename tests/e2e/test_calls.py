"""Calls through the whole house: a real daemon, a real Asterisk, phones and providers of their own, and their sound."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from asterisk_kit import asterisk_programs as asterisk_programs
from e2e.calls_kit import DID, OURS, PROVIDER, THEIRS, calling, phone, talk, uci
from homeline_lab.asterisk import Programs, own_address
from homeline_lab.sip_peer import Provider
from homeline_lab.sipp import Sipp, answer, call

pytestmark = pytest.mark.usefixtures("asterisk_programs")

GRANDMA = "+41791234567"


async def test_a_call_from_the_dongle_rings_both_phones_and_one_answers(tmp_path: Path) -> None:
    async with (
        calling(tmp_path, "phones", "line", line=uci(ring=["desk", "mobile"])) as home,
        phone(home, "desk") as desk,
        phone(home, "mobile") as mobile,
    ):
        call = await home.calls.gsm_call("0791234567", name="Grandma")
        at_desk, at_mobile = await asyncio.gather(desk.incoming(), mobile.incoming())
        assert at_desk.number == at_mobile.number == GRANDMA  # one that can be called back
        await call.rings()
        await at_mobile.answer()
        await call.is_answered()
        await at_desk.ended()
        await talk(call, at_mobile)
        assert (await call.hang_up()).cause == 16
        assert (await at_mobile.ended()).cause == 16
        await home.quiet()


async def test_phones_ring_in_turn(tmp_path: Path) -> None:
    line = uci(ring=["desk", "mobile"], strategy="turn", ring_timeout="5")
    async with (
        calling(tmp_path, "phones", "line", line=line) as home,
        phone(home, "desk") as desk,
        phone(home, "mobile") as mobile,
    ):
        call = await home.calls.gsm_call(GRANDMA)
        first = await desk.incoming()
        assert mobile.exchange.calls == []
        await first.refuse(17)
        second = await mobile.incoming()
        await second.answer()
        await talk(call, second)
        await second.hang_up()
        assert (await call.ended()).cause == 16


async def test_a_call_from_the_dongle_goes_over_a_trunk(tmp_path: Path) -> None:
    address = own_address()
    line = uci(ring=["peer/+441632960000"])
    async with (
        calling(tmp_path, "line", "peer", provider=address, line=line) as home,
        Provider(tmp_path / "p", home.calls.at(), name="p", address=address, account=THEIRS, asks=PROVIDER) as provider,
    ):
        call = await home.calls.gsm_call(GRANDMA)
        far = await provider.incoming()
        assert (far.to, far.number) == ("+441632960000", GRANDMA)
        assert f"sip:{GRANDMA}@" in await far.header("P-Asserted-Identity")
        await call.rings()
        await far.answer()
        await talk(call, far)
        assert (await far.hang_up()).cause == 16
        assert (await call.ended()).cause == 16

        busy = await home.calls.gsm_call(GRANDMA)
        await (await provider.incoming()).refuse(17)
        assert (await busy.ended()).cause == 17


@pytest.mark.parametrize(
    ("options", "shown", "asserted", "privacy"),
    [
        ({"caller_id": DID}, DID, f"<sip:{DID}@", ""),
        ({"caller_id": DID, "send_pai": "0"}, DID, "", ""),
        ({"caller_id": DID, "privacy": "1"}, "anonymous", f"<sip:{DID}@", "id"),
    ],
    ids=["shown", "without_pai", "private"],
)
async def test_who_calls_through_a_trunk(
    tmp_path: Path, options: dict[str, str], shown: str, asserted: str, privacy: str
) -> None:
    """A private call tells the provider who calls, and that nobody else is to know (RFC 3323, RFC 3325)."""
    address = own_address()
    async with (
        calling(tmp_path, "phones", "peer", "away", provider=address, trunk=uci(**options)) as home,
        Provider(tmp_path / "p", home.calls.at(), name="p", address=address, account=THEIRS, asks=PROVIDER) as provider,
        phone(home, "desk") as desk,
    ):
        call = await desk.call("+442079460000")
        far = await provider.incoming()
        assert (far.to, far.number) == ("+442079460000", shown)
        assert asserted in await far.header("P-Asserted-Identity")
        assert bool(asserted) == bool(await far.header("P-Asserted-Identity"))
        assert await far.header("Privacy") == privacy
        await far.refuse(17)
        assert (await call.ended()).cause == 17


async def test_a_phone_calls_through_the_dongle(tmp_path: Path) -> None:
    async with calling(tmp_path, "phones", "line", "outbound") as home, phone(home, "desk") as desk:
        call = await desk.call("0441112233")
        far = await home.calls.gsm_incoming()
        assert far.to == "+41441112233"
        await call.rings()
        await far.answer()
        await talk(call, far)
        assert (await far.hang_up()).cause == 16
        assert (await call.ended()).cause == 16

        busy = await desk.call("+441632960000")
        await (await home.calls.gsm_incoming()).refuse(17)
        assert (await busy.ended()).sip == "SIP 486 Busy Here"

        given_up = await desk.call("0441112233")
        far = await home.calls.gsm_incoming()
        await given_up.hang_up()
        await far.ended()
        await home.quiet()


async def test_a_trunk_that_proves_itself_calls_through_the_dongle(tmp_path: Path) -> None:
    address = own_address()
    async with (
        calling(tmp_path, "line", "peer", "outbound", provider=address, outbound=uci(sources=["peer"])) as home,
        Provider(tmp_path / "p", home.calls.at(), name="p", address=address, account=THEIRS, asks=PROVIDER) as provider,
    ):
        call = await provider.call("+41441112233", shows=DID)
        far = await home.calls.gsm_incoming()
        assert far.to == "+41441112233"
        await far.answer()
        await talk(call, far)
        await call.hang_up()
        assert (await far.ended()).cause == 16
        assert (await (await provider.call("+390612345678")).ended()).sip == "SIP 403 Forbidden"
        assert len(home.gsm) == 1


async def test_phones_call_each_other(tmp_path: Path) -> None:
    async with calling(tmp_path, "phones") as home, phone(home, "desk") as desk, phone(home, "mobile") as mobile:
        call = await desk.call("12", shows="+1900", name="The Bank")
        far = await mobile.incoming()
        assert (far.number, far.name) == ("11", "Desk")  # not what the phone says of itself
        await far.answer()
        await talk(call, far)
        await call.hang_up()
        await far.ended()


async def test_keys_of_a_phone_reach_the_other_end(tmp_path: Path, asterisk_programs: Programs) -> None:
    """As they are pressed for a machine that answers."""
    if asterisk_programs.version < "22":
        pytest.skip("the lab hears keys by AudioSocket, which does not tell them before Asterisk 22")
    async with calling(tmp_path, "phones", "line", line=uci(ring=["desk"])) as home, phone(home, "desk") as desk:
        call = await home.calls.gsm_call(GRANDMA)
        far = await desk.incoming()
        await far.answer()
        await talk(call, far)
        await far.press("159#*0")
        await call.audio.presses("159#*0")


async def test_no_more_calls_at_once_and_no_more_minutes_than_the_owner_allows(tmp_path: Path) -> None:
    """The daemon grants the day's minutes; where it does not, nobody calls."""
    limits = uci(daily_minutes="30", concurrent="1", longest_call="2")
    async with calling(tmp_path, "phones", "line") as home, phone(home, "desk") as desk:
        home.parts = ("phones", "line", "limited")
        await home.changed(outbound=limits)
        await home.pbx.until("database show homeline-grant", "limited")
        call = await desk.call("0441112233")
        far = await home.calls.gsm_incoming()
        await far.answer()
        await talk(call, far)
        second = await desk.call("0441112244")
        assert (await second.ended()).status != "ANSWER"
        await home.pbx.wait_log("'0441112244' refused")
        await far.hang_up()
        await call.ended()
        await home.killed()
        await home.pbx.cli("database deltree homeline-grant")
        third = await desk.call("0441112255")
        assert (await third.ended()).status != "ANSWER"
        await home.pbx.wait_log("'0441112255' refused")
        assert len(home.gsm) == 1


async def test_a_trunk_of_another_make_calls_and_is_called(tmp_path: Path) -> None:
    """SIPp, which shares no line of code with Asterisk."""
    address, house = own_address(), own_address()
    gaps = {"provider": address, "line": uci(ring=["byoc/+441632960000"]), "outbound": uci(sources=["byoc"])}
    sip = uci(external_address="198.51.100.7")
    sipp = Sipp(tmp_path / "sipp")
    async with calling(tmp_path, "line", "outbound", "twilio", sip=sip, address=house, **gaps) as home:
        target = (house, 5060)
        there = asyncio.ensure_future(sipp.run(answer(), target, source=address, port=5060))
        inward = await home.calls.gsm_call(GRANDMA)
        await inward.is_answered()
        assert (await inward.hang_up()).cause == 16
        done = await there
        assert (done.good, done.bad) == (1, 0), done.text

        scenario = call(to="+41441112233", headers=OURS)
        there = asyncio.ensure_future(sipp.run(scenario, target, source=address, port=5060))
        far = await home.calls.gsm_incoming()
        await far.answer()
        done = await there
        assert (done.good, done.bad) == (1, 0), done.text
        assert (await far.ended()).cause == 16
