"""Calls from phones and trunks, in a real Asterisk: what leaves, what does not, and what is said about it."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from homeline.core.dialling import Refusal
from homeline.model import CallDirection
from homeline_lab.sip_hand import Hand
from homeline_lab.sip_peer import Address, Phone
from homeline_lab.sip_raw import DIALLED, Stranger, request
from render.dialplan_kit import BASE, PASSWORD, SID, House, asterisk_programs, house

__all__ = ["asterisk_programs", "house"]
pytestmark = pytest.mark.asyncio(loop_scope="module")

OUR = (("X-Twilio-AccountSid", SID),)
LINE = """
config line 'home'
	option dongle 'stick'
	option agc '4000'
"""
SWISS = f"""{LINE}
config outbound 'swiss'
	option via 'home'
	list countries 'CH'
	list numbers '112'
	list sources 'byoc'
	option daily_minutes '0'
"""
ABROAD = """
config outbound 'abroad'
	option via 'peer'
	list countries 'GB'
	option daily_minutes '0'
"""


async def test_a_phone_calls_through_the_dongle(house: House) -> None:
    await house.use(SWISS)
    caller = await house.dial("phone-alice", "0441112233", hz=500)
    called = await house.gsm()
    assert called.to == "+41441112233"
    await called.answer(700)
    await asyncio.gather(caller.hears(700), called.hears(500))
    await called.hang_up()
    assert (await caller.ended()).cause == 16
    record = await house.record()
    assert (record.direction, record.source, record.dialled) == (CallDirection.OUT, "alice", "0441112233")
    assert (record.rule, record.line, record.answered_by) == ("swiss", "home", "stick")
    assert (record.status, record.reason) == ("ANSWER", "")
    assert record.answered_at


@pytest.mark.parametrize(
    ("cause", "status", "seen"), [(17, "BUSY", 17), (21, "CHANUNAVAIL", 21), (1, "CHANUNAVAIL", 1)]
)
async def test_what_the_called_party_says_goes_back(house: House, cause: int, status: str, seen: int) -> None:
    await house.use(SWISS + ABROAD)
    caller = await house.dial("phone-alice", "+442079460000")
    called = await house.peer.incoming()
    await called.refuse(cause)
    assert (await caller.ended()).cause == seen
    record = await house.record()
    assert (record.cause, record.answered_at, record.answered_by) == (seen, None, "")
    assert record.status in (status, "CONGESTION", "BUSY")


async def test_the_caller_gives_up(house: House) -> None:
    await house.use(SWISS)
    caller = await house.dial("phone-alice", "0441112233")
    called = await house.gsm()
    await caller.hang_up()
    await called.ended()
    assert (await house.record()).status == "CANCEL"


@pytest.mark.parametrize(
    ("option", "shown"),
    [("", "+41791110000"), ("option caller_id '+41445556677'", "+41445556677"), ("option privacy '1'", "anonymous")],
)
async def test_a_phone_calls_through_a_trunk(house: House, option: str, shown: str) -> None:
    base = BASE.replace("config trunk 'peer'\n", f"config trunk 'peer'\n\t{option}\n")
    await house.use(SWISS + ABROAD, base=base)
    caller = await house.dial("phone-bob", "00442079460000", hz=500)
    called = await house.peer.incoming()
    assert (called.to, called.number) == ("+442079460000", shown)
    await called.answer(700)
    await asyncio.gather(caller.hears(700), called.hears(500))
    await caller.hang_up()
    record = await house.record()
    assert (record.rule, record.line, record.answered_by) == ("abroad", "", "peer")


@pytest.mark.parametrize("dialled", ["bob", "24"])
async def test_phones_call_each_other(house: House, dialled: str) -> None:
    await house.use(SWISS)
    caller = await house.dial("phone-alice", dialled, hz=500)
    called = await house.peer.incoming()
    assert called.to == "bob"
    await called.answer(700)
    await asyncio.gather(caller.hears(700), called.hears(500))
    await caller.hang_up()
    record = await house.record()
    assert (record.direction, record.source, record.answered_by) == (CallDirection.INTERNAL, "alice", "bob")
    assert record.dialled == dialled


async def test_a_phone_that_is_not_registered(house: House) -> None:
    await house.use(SWISS)
    caller = await house.dial("phone-alice", "carol")
    assert (await caller.ended()).cause == 20
    record = await house.record()
    assert (record.direction, record.status, record.answered_by) == (CallDirection.INTERNAL, "CHANUNAVAIL", "")


async def test_click_to_call(house: House) -> None:
    await house.use(SWISS)
    await house.asterisk.cli("channel originate Local/bob@homeline-click/n extension 0441112233@homeline-phone-bob")
    phone = await house.peer.incoming()
    assert phone.to == "bob"
    await phone.answer(500)
    called = await house.gsm()
    assert called.to == "+41441112233"
    await called.answer(700)
    await asyncio.gather(phone.hears(700), called.hears(500))
    await phone.hang_up()
    await called.ended()
    record = await house.record()
    assert (record.direction, record.source, record.rule) == (CallDirection.OUT, "bob", "swiss")


# --- a real softphone hears and sees why ---


@pytest.fixture
def mobile(house: House, tmp_path: Path) -> Phone:
    return Phone(tmp_path / "mobile", Address(house.address), name="mobile", password=PASSWORD)


async def test_a_softphone_is_told_why(house: House, mobile: Phone) -> None:
    await house.use(SWISS)
    async with mobile:
        await mobile.registered()
        log = len(house.asterisk.log)
        for dialled, sip in (("0900123456", "403"), ("+442079460000", "403"), ("nobody", "484"), ("1" * 60, "484")):
            call = await mobile.call(dialled)
            assert sip in (await call.ended(20)).sip
        assert "call from mobile to '0900123456' refused: no outbound section allows it" in house.asterisk.log[log:]
        assert "refused: it is not one telephone number" in house.asterisk.log[log:]
        assert house.asterisk.log[log:].count("Playing 'cannot-complete-as-dialed") == 2
    await house.idle()
    assert {ended.record.reason for ended in await house.records()} == {"not_allowed", "not_a_number"}
    assert house.exchange.calls == [] or all(call.over.is_set() for call in house.exchange.calls)


async def test_a_tone_where_there_are_no_sound_files(house: House) -> None:
    await house.use(SWISS)
    text = house.plan.text.replace("feature-not-avail-line", "no-such-sound")
    house.asterisk.write({"homeline/extensions.conf": text})
    await house.asterisk.cli("dialplan reload")
    log = len(house.asterisk.log)
    caller = await house.dial("phone-alice", "0900123456")
    assert (await caller.ended(20)).cause == 21
    assert "PlayTones(" in house.asterisk.log[log:]
    await house.idle()


# --- trunks ---


async def test_a_trunk_that_proves_itself_calls_through_the_dongle(house: House) -> None:
    await house.use(SWISS)
    caller = await house.peer.call("0441112233", shows="+15550001111", name='A "b" <c>, d)):0:1', headers=OUR, hz=500)
    called = await house.gsm()
    assert called.to == "+41441112233"
    await called.answer(700)
    await asyncio.gather(caller.hears(700), called.hears(500))
    await caller.hang_up()
    record = await house.record()
    assert (record.direction, record.source, record.rule) == (CallDirection.OUT, "byoc", "swiss")
    assert record.number == "+15550001111"
    assert record.name.endswith("d)):0:1")


async def test_a_callers_number_writes_no_lines_where_asterisk_tells_of_it(house: House) -> None:
    """Asterisk takes the number from SIP with its line breaks, and writes it to its manager as it is."""
    await house.use(SWISS)
    async with Hand(house.peer.address, "x%0d%0aEvil%3a%20yes%0d%0a%0d%0aEvent%3a+1", (house.address, 5060)) as caller:
        call = asyncio.ensure_future(caller.invite("0441112233", "one", headers=OUR))
        called = await house.gsm()
        assert (called.number, called.name) == ("xEvilyesEvent+1", "stranger")
        await called.refuse()
        assert (await call).status == 403
    assert (await house.record()).number == "x\r\nEvil: yes\r\n\r\nEvent:+1"


OTHER = "AC" + "f" * 32
UNPROVED = [
    (),
    (("X-Twilio-AccountSid", OTHER),),
    (("X-Twilio-AccountSid", ""),),
    (("X-Twilio-AccountSid", SID.lower()),),
    (("X-Twilio-AccountSid", SID + "0"),),
    (("X-Twilio-AccountSid", f"{SID},{SID}"),),
    (("X-Twilio-AccountSid", 'x" | "1'),),
    (("X-Twilio-AccountSid", f'{OTHER}" = "" | "1'),),
    (("X-Twilio-AccountSid", "x)):0:1"),),
    (("X-Twilio-AccountSid", f".*|{SID}x"),),
    (("X-Twilio-Account", SID),),
    (("X-Twilio-AccountSidx", SID),),
    (("X-Twilio-AccountSid", SID), ("X-Twilio-AccountSid", SID)),
    (("X-Twilio-AccountSid", SID), ("X-Twilio-AccountSid", OTHER)),
    (("X-Twilio-AccountSid", OTHER), ("X-Twilio-AccountSid", SID)),
    (("X-Twilio-AccountSid", SID), ("X-Twilio-AccountSid", "")),
    (("X-Twilio-AccountSid", ""), ("X-Twilio-AccountSid", SID)),
    (("X-Twilio-AccountSid", SID), ("x-twilio-accountsid", OTHER)),
    (("x-twilio-accountsid", OTHER), ("X-Twilio-AccountSid", SID)),
]


@pytest.mark.parametrize("headers", UNPROVED, ids=range(len(UNPROVED)))
async def test_a_trunk_that_does_not_is_refused(house: House, headers: tuple[tuple[str, str], ...]) -> None:
    await house.use(SWISS)
    log, calls = len(house.asterisk.log), len(house.exchange.calls)
    async with Stranger(house.peer.address) as stranger:
        target = (house.address, 5060)
        packet = request("INVITE", "0441112233", target, source=stranger.source, headers=headers)
        assert await stranger.ask(packet, target) == "INVITE 403"
    record = await house.record()
    assert (record.direction, record.reason, record.source) == (None, Refusal.NOT_PROVED, "byoc")
    assert "refused: it is not a call of our account" in house.asterisk.log[log:]
    assert len(house.exchange.calls) == calls


# What no user of a SIP URI may have: Asterisk does not even answer.
NOT_SIP = ("1&Local/112@default", "${SHELL(id)}", "$[1+1]", "s%00@x", "a\\'b\\\"c", "٣٤")


@pytest.mark.parametrize("dialled", [*DIALLED, "bob", "24", "s", "homeline-via-swiss,s,1"])
async def test_whatever_a_proved_trunk_dials_only_what_is_allowed_leaves(house: House, dialled: str) -> None:
    """Also phones: a trunk rings none of them."""
    await house.use(SWISS)
    log, calls = len(house.asterisk.log), len(house.exchange.calls)
    async with Stranger(house.peer.address) as stranger:
        target = (house.address, 5060)
        allowed = dialled in ("+41791234567", "112")
        packet = request("INVITE", dialled, target, source=stranger.source, headers=OUR)
        if allowed:
            await stranger.send([packet], target)
            assert (await house.gsm()).to == dialled
            return
        if dialled in NOT_SIP:
            await stranger.send([packet], target)  # thrown away, and all that comes after it is looked at later
            dialled, packet = "nobody", request("INVITE", "nobody", target, source=stranger.source, headers=OUR)
        status = (await stranger.ask(packet, target)).split()[1]
        if status == "404":
            await house.asterisk.wait_log("rejected because extension not found", after=log)
        else:
            assert status in ("403", "484")
            assert (await house.record()).reason in ("not_allowed", "not_a_number")
    assert len(house.exchange.calls) == calls
    assert house.peer.exchange._arrivals.empty()


async def test_a_trunk_that_no_section_names_calls_nobody(house: House) -> None:
    await house.use(SWISS)
    for dialled in ("0441112233", "112", "bob", "23"):
        caller = await house.exchange.originate(f"Local/{dialled}@homeline-trunk-peer/n")
        assert (await caller.ended()).cause in (21, 28)
    await house.idle()
    assert len(await house.records()) == 4
    assert all(ended.record.direction is None for ended in await house.records())


# --- a trunk's own number ---

RING = BASE.replace(
    "config trunk 'peer'\n",
    "config trunk 'peer'\n\toption caller_id '+41441234567'\n\toption ring_timeout '5'\n\tlist ring 'bob'\n",
)


@pytest.mark.parametrize(
    "dialled", ["+41441234567", "0900123456", "+33123456789", "homeline41", "s", "bob", "*21*0900123456#"]
)
async def test_phones_ring_on_calls_to_a_trunks_own_number(house: House, dialled: str) -> None:
    """Whatever the provider calls us, and what would not be let out is nobody else's either."""
    await house.use(SWISS.replace("'byoc'", "'peer'"), base=RING)
    calls = len(house.exchange.calls)
    caller = await house.exchange.originate(
        f"Local/{dialled}@homeline-trunk-peer/n", number="0791234567", name="Anna", hz=500
    )
    called = await house.peer.incoming()
    assert (called.to, called.number, called.name) == ("bob", "+41791234567", "Anna")
    await called.answer(700)
    await asyncio.gather(caller.hears(700), called.hears(500))
    await caller.hang_up()
    record = await house.record()
    assert (record.direction, record.line, record.source) == (CallDirection.IN, "peer", "peer")
    assert (record.status, record.answered_by, record.reason, record.rule) == ("ANSWER", "bob", "", "")
    assert (record.number, record.name, record.dialled) == ("0791234567", "Anna", dialled)
    assert len(house.exchange.calls) == calls


async def test_what_a_section_lets_a_trunk_call_is_called_and_rings_no_phone(house: House) -> None:
    await house.use(SWISS.replace("'byoc'", "'peer'"), base=RING)
    caller = await house.dial("trunk-peer", "0441112233")
    assert (await house.gsm()).to == "+41441112233"
    await caller.hang_up()
    record = await house.record()
    assert (record.direction, record.rule) == (CallDirection.OUT, "swiss")
    assert house.peer.exchange._arrivals.empty()


@pytest.mark.parametrize(
    ("phone", "cause", "status"), [("carol", 17, ""), ("bob", 17, "BUSY"), ("alice", 19, "NOANSWER")]
)
async def test_a_call_to_a_trunks_own_number_that_is_missed(house: House, phone: str, cause: int, status: str) -> None:
    await house.use(SWISS, base=RING.replace("list ring 'bob'", f"list ring '{phone}'"))
    caller = await house.dial("trunk-peer", "0441234567")
    if phone == "bob":
        await (await house.peer.incoming()).refuse(17)
    assert (await caller.ended()).cause == cause
    record = await house.record()
    assert (record.direction, record.line, record.answered_at) == (CallDirection.IN, "peer", None)
    assert (record.status, record.reason) == (status, "")


async def test_phones_ring_for_a_trunk_that_has_proved_itself_alone(house: House) -> None:
    base = BASE.replace("config trunk 'byoc'\n", "config trunk 'byoc'\n\tlist ring 'bob'\n\tlist ring 'alice'\n")
    await house.use(SWISS, base=base)
    assert (await (await house.peer.call("0900123456")).ended()).sip.split()[1] == "403"
    assert (await house.record()).reason == Refusal.NOT_PROVED
    await house.use(SWISS, base=base)
    caller = await house.peer.call("0900123456", headers=OUR)
    assert {(await house.peer.incoming()).to for _ in range(3)} == {"bob", "alice", "alice2"}
    await caller.hang_up()
    await house.idle()


async def test_a_call_of_a_trunk_with_tls_has_to_come_by_it(house: House) -> None:
    """The sender of a packet of UDP can be forged; what the call says of itself, too. (By TLS: tests/e2e.)"""
    base = BASE.replace("option secure '0'\n\toption transport 'udp'", "option secure '1'").replace(
        "config sip 'sip'\n",
        "config sip 'sip'\n\tlist transports 'udp'\n\tlist transports 'tls'\n"
        "\toption certificate '/etc/homeline/sip.pem'\n\toption key '/etc/homeline/sip.key'\n",
    )
    await house.use(SWISS, base=base)
    call = await house.peer.call("0441112233", headers=OUR)
    assert (await call.ended()).sip.split()[1] == "403"
    assert (await house.record()).reason == Refusal.NOT_PROVED
