"""What holds calls out within their limits, in a real Asterisk: calls at once, their length, the minutes of a day."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path

import pytest

from homeline.telephony import GRANT_FAMILY, USED_FAMILY
from homeline_lab.asterisk import Programs, own_address
from homeline_lab.sip_calls import Call
from homeline_lab.sip_hand import Hand
from render.dialplan_kit import BASE, SID, House, asterisk_programs, house

__all__ = ["asterisk_programs", "house"]
pytestmark = pytest.mark.asyncio(loop_scope="module")

LINE = """
config line 'home'
	option dongle 'stick'
	option jitter_buffer '0'
"""
RULE = f"""{LINE}
config outbound 'swiss'
	option via 'home'
	list countries 'CH'
	list numbers '112'
	list numbers '1414'
	list sources 'byoc'
"""
FREE = f"{RULE}\toption daily_minutes '0'\n"
NUMBER = "0441112233"


async def refused(house: House, dialled: str, *, closed: bool = False) -> str:
    """A trunk dials what must not leave; why it did not."""
    calls = len(house.exchange.calls)
    before = {ended.key for ended in await house.records()}
    caller = await house.peer.call(dialled, headers=(("X-Twilio-AccountSid", SID),))
    assert (await caller.ended()).sip.split()[1] == ("403" if dialled.startswith("09") or closed else "503")
    async with asyncio.timeout(5):
        while not (new := [ended for ended in await house.records() if ended.key not in before]):
            await asyncio.sleep(0.02)
    assert len(house.exchange.calls) == calls
    (one,) = new
    assert one.record.direction is None
    return one.record.reason


async def answered(house: House, dialled: str = NUMBER, source: str = "phone-alice") -> tuple[Call, Call]:
    caller = await house.dial(source, dialled)
    called = await house.gsm()
    await called.answer()
    await caller.is_answered()
    return caller, called


async def grant(house: House, seconds: int, name: str = "g1", until: int = 300) -> None:
    await house.put(GRANT_FAMILY, "swiss", f"{name},{int(time.time()) + until},{seconds}")


# --- calls at once ---


async def test_as_many_calls_at_once_as_the_rule_says(house: House) -> None:
    await house.use(FREE + "\toption concurrent '2'\n")
    first = await answered(house)
    second = await answered(house, "0441112234")
    assert await refused(house, "0441112235") == "busy"
    await first[0].hang_up()
    await first[1].ended()
    third = await answered(house, "0441112236")
    await third[0].hang_up()
    await second[0].hang_up()


async def test_as_many_calls_of_a_trunk_at_once_as_it_may(house: House) -> None:
    await house.use(FREE + "\toption concurrent '9'\n")
    calls = []
    for last in "12":  # as many as the trunk may have
        calls.append(await house.peer.call(f"044111223{last}", headers=(("X-Twilio-AccountSid", SID),)))
        await house.gsm()
    assert await refused(house, "0441112233") == "busy"
    await answered(house)  # phones are none of the trunk's
    for call in calls:
        await call.hang_up()


async def test_as_many_calls_out_through_a_trunk_as_it_may(house: House) -> None:
    rule = "config outbound 'abroad'\n\toption via 'peer'\n\tlist countries 'GB'\n\toption daily_minutes '0'\n"
    await house.use(rule + "\toption concurrent '9'\n\tlist sources 'byoc'\n")
    calls = [await house.dial("phone-alice", f"+44207946000{last}") for last in "12"]
    for _ in calls:
        await house.peer.incoming()
    assert await refused(house, "+442079460003") == "busy"
    for call in calls:
        await call.hang_up()


async def test_never_more_than_that_however_many_are_dialled_together(house: House) -> None:
    base = BASE.replace("config trunk 'byoc'\n", "config trunk 'byoc'\n\toption max_calls '100'\n")
    await house.use(RULE + "\toption concurrent '3'\n\toption longest_call '2'\n", base=base)
    await grant(house, 250)
    before = len(house.exchange.calls)
    dialled = [house.peer.call(f"04411122{last}", headers=(("X-Twilio-AccountSid", SID),)) for last in range(10, 30)]
    calls = await asyncio.gather(*dialled)
    async with asyncio.timeout(10):
        while sum(call.over.is_set() for call in calls) + len(house.exchange.calls) - before < len(calls):
            await asyncio.sleep(0.05)
    left = len(house.exchange.calls) - before
    assert left <= 3
    used = (await house.get(USED_FAMILY, "swiss")).partition(",")[2]
    assert int(used or 0) <= min(250, 120 * left)


# --- closed ---


async def test_closed(house: House) -> None:
    await house.use(FREE, closed="extensions.conf lets strangers dial")
    assert await refused(house, NUMBER, closed=True) == "closed"
    assert await refused(house, "1414", closed=True) == "closed"
    assert await refused(house, "0900123456") == "not_allowed"
    await house.dial("phone-alice", "112")
    assert (await house.gsm()).to == "112"


# --- the minutes of a day ---


async def test_an_emergency_call_knows_no_limits(house: House) -> None:
    await house.use(RULE)
    await grant(house, 600)
    await answered(house)
    for _ in range(2):
        await house.dial("phone-alice", "112")
        assert (await house.gsm()).to == "112"
    assert (await house.get(USED_FAMILY, "swiss")).split(",")[1] == "600"  # of the first call


@pytest.mark.parametrize(
    "value",
    ["", "g1,{past},600", "g1,{far},600", "g1,,600", "g1", ",,", "g1,abc,600", "600"],
)
async def test_without_a_grant_that_holds_no_call_leaves(house: House, value: str) -> None:
    await house.use(RULE)
    now = int(time.time())
    if value:
        await house.put(GRANT_FAMILY, "swiss", value.format(past=now - 1, far=now + 7200))
    assert await refused(house, NUMBER) == "no_grant"
    assert await house.get(USED_FAMILY, "swiss") == ""


@pytest.mark.parametrize(("value", "used"), [("5", ""), ("0", ""), ("", ""), ("600", "g1,600"), ("600", "g1,595")])
async def test_without_minutes_no_call_leaves(house: House, value: str, used: str) -> None:
    await house.use(RULE)
    await house.put(GRANT_FAMILY, "swiss", f"g1,{int(time.time()) + 300},{value}")
    if used:
        await house.put(USED_FAMILY, "swiss", used)
    assert await refused(house, NUMBER) == "no_minutes"
    assert await house.get(USED_FAMILY, "swiss") == used


async def test_what_was_used_counts_and_what_was_not_needed_is_given_back(house: House) -> None:
    await house.use(RULE + "\toption concurrent '2'\n\toption longest_call '2'\n")
    await grant(house, 300)
    first = await answered(house)
    assert await house.get(USED_FAMILY, "swiss") == "g1,120"
    second = await answered(house, "0441112234")
    assert await house.get(USED_FAMILY, "swiss") == "g1,240"
    await first[0].hang_up()
    await second[1].hang_up()
    await house.idle()
    spent = sum((ended.record.ended_at - (ended.record.answered_at or 0)) for ended in await house.records())
    name, used = (await house.get(USED_FAMILY, "swiss")).split(",")
    assert (name, int(used)) == ("g1", spent)
    assert spent <= 10


async def test_a_call_that_nobody_answers_uses_nothing(house: House) -> None:
    await house.use(RULE)
    await grant(house, 300)
    await house.put(USED_FAMILY, "swiss", "g1,100")
    caller = await house.dial("phone-alice", NUMBER)
    called = await house.gsm()
    assert await house.get(USED_FAMILY, "swiss") == "g1,300"
    await called.refuse(17)
    await caller.ended()
    await house.record()
    assert await house.get(USED_FAMILY, "swiss") == "g1,100"


async def test_a_new_grant_begins_anew_and_owes_nothing_to_the_old_one(house: House) -> None:
    await house.use(RULE + "\toption concurrent '2'\n\toption longest_call '2'\n")
    await house.put(USED_FAMILY, "swiss", "g0,9999")
    await grant(house, 600)
    first = await answered(house)
    await grant(house, 600, "g2")
    second = await answered(house, "0441112234")
    assert await house.get(USED_FAMILY, "swiss") == "g2,120"
    await first[0].hang_up()
    await first[1].ended()
    assert await house.get(USED_FAMILY, "swiss") == "g2,120"
    await second[0].hang_up()


async def test_a_call_ends_when_its_seconds_are_over(house: House) -> None:
    await house.use(RULE)
    await grant(house, 6)
    caller, called = await answered(house)
    await called.ended(12)
    await caller.ended(12)
    record = await house.record()
    assert record.answered_at
    assert 5 <= record.ended_at - record.answered_at <= 7
    name, used = (await house.get(USED_FAMILY, "swiss")).split(",")
    assert name == "g1"
    assert 5 <= int(used) <= 7
    assert await refused(house, NUMBER) == "no_minutes"


async def test_no_call_outlives_its_caller(house: House) -> None:
    """By an INVITE with Replaces a device takes another's place in its call, and the dial plan is not asked."""
    await house.use(RULE)
    await grant(house, 600)
    async with Hand(own_address(), "alice", (house.address, 5060)) as alice:
        first = asyncio.ensure_future(alice.invite(NUMBER, "one"))
        called = await house.gsm()
        await called.answer()
        answer = await first
        assert answer.status == 200
        replaced = f"one@{alice.address};to-tag={answer.tag};from-tag=one"
        await alice.invite("anybody", "two", headers=[("Replaces", replaced)])
        await called.ended()
        await house.record()
    assert int((await house.get(USED_FAMILY, "swiss")).removeprefix("g1,")) <= 10  # what was not needed is back


async def test_no_more_records_than_the_daemon_can_look_at(house: House) -> None:
    """Twilio's other customers can send as many calls as they like, and phones too."""
    await house.use(f"{FREE}config line 'second'\n\toption dongle 'spare'\n")
    text = house.plan.text.replace("> 1000]", "> 3]")
    assert text != house.plan.text
    house.asterisk.write({"homeline/extensions.conf": text})
    await house.asterisk.cli("dialplan reload")
    for _ in range(6):
        await (await house.peer.call(NUMBER)).ended()
    await house.idle()
    assert len(await house.records()) == 4
    caller, _ = await answered(house)
    await caller.hang_up()
    await (await house.dial("phone-alice", "carol")).ended()
    await house.idle()
    assert len(await house.records()) == 4
    await (await house.gsm_call("+41791234567", dongle="spare")).ended()
    await house.idle()
    assert len(await house.records()) == 5


@pytest.mark.parametrize(
    "module", ["func_groupcount", "func_lock", "func_db", "app_softhangup", "app_stack", "res_pjsip_header_funcs"]
)
async def test_without_a_module_that_holds_a_limit_no_call_leaves(
    asterisk_programs: Programs, tmp_path: Path, module: str
) -> None:
    async with House(tmp_path, without=[module]) as house:
        await house.use(RULE)
        await grant(house, 600)
        caller = await house.peer.call(NUMBER, headers=(("X-Twilio-AccountSid", SID),))
        await caller.ended()
        assert house.exchange.calls == []
