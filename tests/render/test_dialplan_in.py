"""Calls that come in through a dongle, in a real Asterisk, each in every way that it can go."""

from __future__ import annotations

import asyncio
import wave
from urllib.parse import quote

import pytest

from homeline.model import CallDirection
from homeline_lab.sip_calls import Call
from homeline_lab.sip_hand import Hand
from homeline_lab.tone import sine
from render.dialplan_kit import BASE, House, asterisk_programs, house

__all__ = ["asterisk_programs", "house"]
pytestmark = pytest.mark.asyncio(loop_scope="module")

LINE = """
config line 'home'
	option dongle 'stick'
	option ring_timeout '5'
"""
BOTH = f"{LINE}\n\tlist ring 'alice'\n\tlist ring 'bob'\n"
NOBODY = f"{LINE}\n\tlist ring 'carol'\n"
VOICEMAIL = "\toption voicemail '1'\n\toption longest_voicemail '5'\n"


async def ringing(house: House, count: int) -> dict[str, Call]:
    """The next calls that ring at phones and trunks, by what was called there."""
    return {call.to: call for call in [await house.peer.incoming() for _ in range(count)]}


async def test_phones_ring_at_once_with_all_their_devices_and_one_takes_the_call(house: House) -> None:
    await house.use(BOTH + "\tlist ring 'carol'\n")
    caller = await house.gsm_call("0791234567", name="stick", hz=500)
    rings = await ringing(house, 3)
    assert rings.keys() == {"alice", "alice2", "bob"}
    assert {(ring.number, ring.name) for ring in rings.values()} == {("+41791234567", "")}  # it can be called back
    await rings["bob"].answer(700)
    await asyncio.gather(rings["alice"].ended(), rings["alice2"].ended())
    await asyncio.gather(caller.hears(700), rings["bob"].hears(500))
    await caller.hang_up()
    record = await house.record()
    assert (record.direction, record.line, record.source) == (CallDirection.IN, "home", "stick")
    assert (record.status, record.answered_by, record.cause, record.reason) == ("ANSWER", "bob", 16, "")
    assert (record.number, record.name, record.dialled) == ("0791234567", "", "s")  # the network's own text
    assert record.answered_at and record.started_at <= record.answered_at <= record.ended_at


async def test_who_answers_is_smoothed(house: House) -> None:
    """What comes over the internet, on its own channel: the caller's has no buffer, as the GSM network needs none."""
    await house.use(BOTH.replace("option ring_timeout", "option agc '4000'\n\toption ring_timeout"))
    log = len(house.asterisk.log)
    caller = await house.gsm_call("+41791234567", hz=500)
    called = (await ringing(house, 3))["bob"]
    await called.answer(700)
    await asyncio.gather(caller.hears(700), called.hears(500))
    await caller.hang_up()
    await house.idle()
    ran = [line for line in house.asterisk.log[log:].splitlines() if "homeline-smooth" in line and "Executing" in line]
    steps = [line.partition("] Set(")[2] or line.partition(" Set(")[2] for line in ran if "Set(" in line]
    assert [step.partition(", ")[2].split('"')[1] for step in steps] == [
        "JITTERBUFFER(fixed)=120",
        "AGC(rx)=4000",
    ]
    assert all(step.startswith('"PJSIP/') for step in steps)
    assert not [line for line in house.asterisk.log[log:].splitlines() if "non-existent" in line]


async def test_the_called_phone_hangs_up(house: House) -> None:
    await house.use(BOTH)
    caller = await house.gsm_call("+33123456789")
    rings = await ringing(house, 3)
    await rings["alice2"].answer()
    await rings["alice2"].hang_up()
    await caller.ended()
    assert (await house.record()).answered_by == "alice"


async def test_the_caller_gives_up_while_it_rings(house: House) -> None:
    await house.use(BOTH)
    caller = await house.gsm_call("+41791234567")
    rings = await ringing(house, 3)
    await caller.hang_up()
    for ring in rings.values():
        await ring.ended()
    record = await house.record()
    assert (record.status, record.answered_at, record.answered_by, record.recording) == ("CANCEL", None, "", "")


async def test_nobody_answers_and_there_is_no_voicemail(house: House) -> None:
    await house.use(BOTH)
    caller = await house.gsm_call("+41791234567")
    await ringing(house, 3)
    await caller.ended()
    record = await house.record()
    assert (record.status, record.answered_at, record.answered_by) == ("NOANSWER", None, "")


async def test_the_only_phone_is_busy_and_so_is_the_line(house: House) -> None:
    await house.use(f"{LINE}\n\tlist ring 'bob'\n")
    caller = await house.gsm_call("+41791234567")
    await (await house.peer.incoming()).refuse(17)
    assert (await caller.ended()).cause == 17
    assert (await house.record()).status == "BUSY"


async def test_phones_and_a_trunk_in_turn(house: House) -> None:
    turn = "\toption strategy 'turn'\n\tlist ring 'carol'\n\tlist ring 'bob'\n\tlist ring 'peer/+41441112233'\n"
    await house.use(LINE + turn)
    caller = await house.gsm_call("+41791234567")
    first = await house.peer.incoming()
    assert first.to == "bob"
    await first.refuse(21)
    second = await house.peer.incoming()
    assert second.to == "+41441112233"
    await second.answer(700)
    await caller.hears(700)
    await second.hang_up()
    assert (await house.record()).answered_by == "peer"


async def test_a_trunk_rings_no_more_often_than_it_may(house: House) -> None:
    base = BASE.replace("config trunk 'peer'\n", "config trunk 'peer'\n\toption max_calls '1'\n")
    await house.use(f"{LINE}\n\tlist ring 'peer/desk'\n\tlist ring 'bob'\n", base=base)
    first = await house.gsm_call("+41791234567")
    assert (await ringing(house, 2)).keys() == {"desk", "bob"}
    second = await house.gsm_call("+41791234568")
    assert (await ringing(house, 1)).keys() == {"bob"}  # the trunk is taken
    await first.hang_up()
    await second.hang_up()
    await house.idle()
    third = await house.gsm_call("+41791234569")
    assert (await ringing(house, 2)).keys() == {"desk", "bob"}  # and free again
    await third.hang_up()
    await house.idle()


async def test_two_calls_at_once_on_one_dongle(house: House) -> None:
    await house.use(f"{LINE}\n\tlist ring 'alice'\n\tlist ring 'bob'\n")
    first = await house.gsm_call("+41791234567", hz=500)
    rings = await ringing(house, 3)
    await rings["bob"].answer()
    second = await house.gsm_call("+41791234568", hz=900)
    again = await ringing(house, 3)
    await again["alice"].answer()
    await asyncio.gather(rings["bob"].hears(500), again["alice"].hears(900))
    await first.hang_up()
    await again["alice"].hears(900)
    await second.hang_up()
    await house.idle()
    assert {ended.record.answered_by for ended in await house.records()} == {"alice", "bob"}


@pytest.mark.parametrize("number", ["", "anonymous"])
async def test_without_a_number(house: House, number: str) -> None:
    await house.use(BOTH)
    caller = await house.gsm_call(number)
    rings = await ringing(house, 3)
    assert {ring.number for ring in rings.values()} <= {"", "anonymous"}
    await caller.hang_up()
    assert (await house.record()).number == number


async def test_without_a_number_refused(house: House) -> None:
    await house.use(BOTH + "\toption withheld 'reject'\n")
    caller = await house.gsm_call("")
    assert (await caller.ended()).cause == 21
    record = await house.record()
    assert (record.direction, record.reason, record.line) == (None, "withheld", "home")
    known = await house.gsm_call("+41791234567")
    await ringing(house, 3)
    await known.hang_up()
    await house.idle()


async def test_a_dongle_without_a_line(house: House) -> None:
    await house.use(BOTH)
    caller = await house.gsm_call("+41791234567", dongle="spare")
    assert (await caller.ended()).cause == 17
    record = await house.record()
    assert (record.direction, record.source, record.reason) == (CallDirection.IN, "spare", "no_line")


@pytest.mark.parametrize("extension", ["s", "i", "+41791110000", "0791110000", "CNUM", "*100#", "h2"])
async def test_any_extension_is_the_line(house: House, extension: str) -> None:
    """Channel drivers send a call to the SIM's own number, to `exten`, or to s."""
    await house.use(BOTH)
    caller = await house.exchange.originate(f"Local/{extension}@homeline-dongle-stick/n", number="+41791234567")
    assert (await ringing(house, 3)).keys() == {"alice", "alice2", "bob"}
    await caller.hang_up()
    assert (await house.record()).dialled == extension


@pytest.mark.parametrize("extension", ["sms", "report", "ussd"])
async def test_what_a_driver_starts_for_a_message_is_no_call(house: House, extension: str) -> None:
    await house.use(BOTH)
    await house.asterisk.cli(f"channel originate Local/{extension}@homeline-dongle-stick/n application Wait 1")
    await house.idle()
    assert await house.records() == []


async def test_a_phones_address_calls_nothing_else(house: House) -> None:
    """Where a device is reached is its own text, and might hold what Dial takes for another party."""
    await house.use(f"{LINE}\n\tlist ring 'mallory'\n")
    log = len(house.asterisk.log)
    caller = await house.gsm_call("+41791234567")
    await house.asterisk.wait_log("Dial(", after=log)
    assert 'Dial("Local' in house.asterisk.log[log:]
    await caller.hang_up()
    await house.idle()
    assert "PJSIP/mallory,5" in house.asterisk.log[log:]
    assert "Local/s/" not in house.asterisk.log[log:].partition("Dial(")[2].partition("\n")[0]
    while not house.peer.exchange._arrivals.empty():
        await house.peer.incoming()


async def test_a_phones_address_does_not_hide_the_rest_of_the_ring(house: House) -> None:
    """A parenthesis in it would make Asterisk take the timeout and the options for a part of it."""
    await house.use(f"{LINE}\n\tlist ring 'eve'\n\tlist ring 'bob'\n")
    calls = len(house.exchange.calls)
    async with Hand(house.eve, "eve", (house.address, 5060), port=5060) as eve:
        eve.status, eve.headers = "302 Moved Temporarily", [("Contact", "<sip:Local/0900123456%40lab-in/n@x>")]
        caller = await house.gsm_call("+41791234567")
        assert (await ringing(house, 1)).keys() == {"bob"}
        await caller.ended()  # when the time to ring is over
    # It rings by its account alone: Asterisk takes one of its two devices, whose order hangs on their address.
    assert any(line.startswith(("INVITE sip:eve(@", "INVITE sip:eve2@")) for line in eve.asked)
    assert (await house.record()).status == "NOANSWER"
    assert len(house.exchange.calls) == calls  # nobody was called instead


ADDRESSES = [
    ("sip:dave@192.0.2.1:5060;transport=udp;ob", True),
    ("sip:dave-0x55d2;x-a=b~1@[2001:db8::1]:5060;rinstance=8f%2C", True),
    ("sip:dave!x*y_.+@host.example", True),
    ("sip:dave(@192.0.2.1", False),
    ("sip:dave)@192.0.2.1", False),
    ("sip:da've@192.0.2.1", False),
    ("sip:dave,1@192.0.2.1", False),
    ('sip:"dave@192.0.2.1', False),
    ("sip:dave\\@192.0.2.1", False),
    ("sip:däve@192.0.2.1", False),
    ("sip:dave$@192.0.2.1", False),
    ("sip:dave?@192.0.2.1", False),
    ("sip:dave@192.0.2.1;x=[", False),
    ("sip:d&PJSIP/peer/x@192.0.2.1", False),
    ("sip:d&Local/s@192.0.2.1", False),
    ("sip:" + "d" * 100 + "@192.0.2.1", False),  # more than fits, in this test
]


@pytest.mark.parametrize(("address", "harmless"), ADDRESSES)
async def test_which_addresses_are_given_to_dial(house: House, address: str, harmless: bool) -> None:
    await house.use(f"{LINE}\n\tlist ring 'bob'\n")
    text = house.plan.text.replace("${PJSIP_DIAL_CONTACTS(bob)}", "PJSIP/bob/${URIDECODE(${LAB_ADDRESS})}")
    text = text.replace("<= 3000]", "<= 80]").replace(
        " same => n,Dial(", " same => n,Set(DB(lab/ring)=${HL_RING})\n same => n,Dial("
    )
    assert text.count("LAB_ADDRESS") == 1
    house.asterisk.write({"homeline/extensions.conf": text})
    await house.asterisk.cli("dialplan reload")
    variables = {"LAB_ADDRESS": quote(address, safe="")}
    caller = await house.exchange.originate("Local/s@homeline-dongle-stick/n", variables=variables)
    await caller.ended()
    await house.idle()
    assert await house.get("lab", "ring") == ("&PJSIP/bob/" + address if harmless else "&PJSIP/bob")


async def test_no_call_is_mute_however_long_it_rings(house: House) -> None:
    """An adaptive jitter buffer would leave a third of them without sound."""
    await house.use(f"{LINE}\n\tlist ring 'bob'\n")

    async def talk(caller: Call, called: Call, wait: float) -> None:
        await asyncio.sleep(wait)
        await called.answer(500)
        caller.play(700)
        await asyncio.gather(caller.hears(500), called.hears(700))

    calls = []
    for wait in (0, 0.1, 0.2, 0.3, 0.5, 0.7, 1.0, 1.5):
        calls.append((await house.gsm_call("+41791234567"), await house.peer.incoming(), wait))
    await asyncio.gather(*(talk(*call) for call in calls))


async def test_a_call_goes_on_while_the_dial_plan_is_read_anew(house: House) -> None:
    await house.use(BOTH)
    caller = await house.gsm_call("+41791234567", hz=500)
    rings = await ringing(house, 3)
    await rings["bob"].answer(700)
    await house.reload(LINE.replace("home", "other") + "\tlist ring 'carol'\n")
    await asyncio.gather(caller.hears(700), rings["bob"].hears(500))
    await caller.hang_up()
    record = await house.record()
    assert (record.line, record.answered_by, record.status) == ("home", "bob", "ANSWER")


# --- voicemail ---


async def test_voicemail(house: House) -> None:
    await house.use(BOTH + VOICEMAIL)
    caller = await house.gsm_call("+41791234567", hz=500)
    await ringing(house, 3)
    await caller.is_answered()
    await caller.hears(1000, timeout=15)
    await asyncio.sleep(1.2)  # this long is what is said into it
    await caller.hang_up()
    record = await house.record()
    assert (record.status, record.answered_by, record.answered_at) == ("NOANSWER", "", None)
    assert record.recording.endswith(".WAV")
    recording = house.asterisk.root / "var/spool/asterisk/homeline" / record.recording
    assert recording.read_bytes()[:4] == b"RIFF"
    assert recording.stat().st_size > 1625  # a second in WAV49


async def test_voicemail_without_words(house: House) -> None:
    """As on a router where no package has brought `vm-intro`: the tone and the recording come all the same."""
    await house.use(BOTH + VOICEMAIL)
    house.asterisk.write({"homeline/extensions.conf": house.plan.text.replace("vm-intro", "no-such-sound")})
    await house.asterisk.cli("dialplan reload")
    log = len(house.asterisk.log)
    caller = await house.gsm_call("+41791234567", hz=500)
    await ringing(house, 3)
    await caller.hears(1000, timeout=15)
    await asyncio.sleep(1.2)  # this long is what is said into it
    await caller.hang_up()
    assert (await house.record()).recording.endswith(".WAV")
    said = [line for line in house.asterisk.log[log:].splitlines() if "no-such-sound" in line and "WARNING" in line]
    assert len(said) == 3  # of one missing file


async def test_the_owners_greeting(house: House) -> None:
    greetings = house.asterisk.root / "etc/homeline/greetings"
    greetings.mkdir(parents=True, exist_ok=True)
    with wave.open(str(greetings / "welcome.wav"), "wb") as file:
        file.setparams((1, 2, 8000, 0, "NONE", ""))
        file.writeframes(sine(700, 8000))
    await house.use(NOBODY + VOICEMAIL + "\toption greeting 'welcome'\n")
    caller = await house.gsm_call("+41791234567")
    await caller.hears(700)
    await caller.hears(1000)
    await caller.hang_up()
    await house.idle()


async def test_voicemail_that_cannot_be_written(house: House) -> None:
    await house.use(NOBODY + VOICEMAIL)
    folder = house.asterisk.root / "var/spool/asterisk/homeline"
    away = folder.rename(folder.with_name("away"))
    folder.write_text("not a folder")
    try:
        caller = await house.gsm_call("+41791234567", hz=500)
        await caller.hears(1000, timeout=15)
        await caller.ended()
        assert (await house.record()).recording == ""
    finally:
        folder.unlink()
        away.rename(folder)


async def test_voicemail_at_once_where_nothing_is_registered_and_never_over_another(house: House) -> None:
    base = BASE.replace("config sip 'sip'\n", "config sip 'sip'\n\toption voicemail_format 'gsm'\n")
    await house.use(NOBODY + VOICEMAIL, base=base)
    callers = [await house.gsm_call(number, hz=500) for number in ("+41791234567", "+41791234568")]
    await asyncio.gather(*(caller.hears(1000, timeout=15) for caller in callers))
    await asyncio.gather(*(caller.ended(timeout=15) for caller in callers))  # the longest voicemail
    await house.idle()
    records = [ended.record for ended in await house.records()]
    assert {record.number for record in records} == {"+41791234567", "+41791234568"}
    assert len({record.recording for record in records}) == 2
    for record in records:
        assert (house.asterisk.root / "var/spool/asterisk/homeline" / record.recording).suffix == ".gsm"
        assert record.status == ""


async def test_callers_without_a_number_go_to_voicemail(house: House) -> None:
    await house.use(BOTH + VOICEMAIL + "\toption withheld 'voicemail'\n")
    caller = await house.gsm_call("")
    await caller.is_answered()
    await caller.hang_up()
    record = await house.record()
    assert record.recording == ""  # hung up before the tone
    assert house.peer.exchange._arrivals.empty()


# --- what callers show ---

HOSTILE = [
    "x)):0:1",
    "a):0:0",
    "):1",
    "((((",
    "))))",
    "${SHELL(touch /tmp/owned)}",
    "$[1+1]",
    "a^b&c|d",
    "Ä ü 🙂",
    "x;y",
    "1&Local/112@default",
    "a" * 200,
    "{}" * 30,
]


@pytest.mark.parametrize("text", HOSTILE)
async def test_what_a_caller_shows_is_recorded_as_it_is_and_does_nothing(house: House, text: str) -> None:
    await house.use(BOTH)
    variables = {"LAB_NUMBER": text, "LAB_CALLER": text}
    caller = await house.exchange.originate("Local/s@lab-caller/n", variables=variables)
    rings = await ringing(house, 3)
    shown = text.encode()[:80].decode(errors="ignore")
    await caller.hang_up()
    record = await house.record()
    assert record.number.rstrip("\N{REPLACEMENT CHARACTER}") == shown
    assert record.name.rstrip("\N{REPLACEMENT CHARACTER}") == shown
    assert all(set(ring.number) <= set("0123456789+*#") for ring in rings.values())
