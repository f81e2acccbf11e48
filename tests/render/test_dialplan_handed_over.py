"""A router that has registered at Twilio: its calls come to one name, and a header says whom it is to call."""

from __future__ import annotations

import re

import pytest

from homeline.model import CallDirection
from homeline.telephony import NUMBER_HEADER as HEADER
from homeline_lab.sip_raw import Stranger, request
from hostile import HOSTILE
from render.dialplan_kit import BASE, SID, House, asterisk_programs, house

__all__ = ["asterisk_programs", "house"]
pytestmark = pytest.mark.asyncio(loop_scope="module")

OURS = ("X-Twilio-AccountSid", SID)
SECRETS = "config trunk 'byoc'\n\toption password 'Router-correct-horse-1'"
REGISTERED = BASE.replace(
    "option mode 'byoc'", "option mode 'registered'\n\toption username 'router'\n\tlist ring 'bob'"
).replace("config phone 'bob'", "config phone 'bob'\n\toption display 'Bob'")
SWISS = """
config line 'home'
	option dongle 'stick'
config outbound 'swiss'
	option via 'home'
	list countries 'CH'
	list numbers '112'
	list sources 'byoc'
	option daily_minutes '0'
"""


async def ask(house: House, *headers: tuple[str, str], user: str = "router") -> None:
    """An INVITE with these headers is sent, and not waited for."""
    async with Stranger(house.peer.address) as twilio:
        target = (house.address, 5060)
        await twilio.send([request("INVITE", user, target, source=twilio.source, headers=headers)], target)


async def test_the_number_in_the_header_is_called(house: House) -> None:
    await house.use(SWISS, base=REGISTERED, secrets=SECRETS)
    caller = await house.peer.call("router", shows="alice", headers=(OURS, (HEADER, "41441112233")))
    called = await house.gsm()
    assert called.to == "+41441112233"
    await called.answer()
    await caller.is_answered()
    await caller.hang_up()
    record = await house.record()
    assert (record.direction, record.source, record.rule) == (CallDirection.OUT, "byoc", "swiss")
    assert (record.number, record.dialled) == ("alice", "+41441112233")


@pytest.mark.parametrize("headers", [(), ((HEADER, "15005550006"),)], ids=["without", "its_number_at_twilio"])
async def test_what_is_nobodys_to_call_rings_at_home(house: House, headers: tuple[tuple[str, str], ...]) -> None:
    await house.use(SWISS, base=REGISTERED, secrets=SECRETS)
    calls = len(house.exchange.calls)
    caller = await house.peer.call("router", shows="+12025550123", headers=(OURS, *headers))
    called = await house.peer.incoming()
    assert (called.to, called.number) == ("bob", "+12025550123")
    await caller.hang_up()
    assert (await house.record()).direction is CallDirection.IN
    assert len(house.exchange.calls) == calls


HOSTILE_HEADERS = [
    ((HEADER, ""),),
    ((HEADER, "+41441112233"),),  # the plus is ours
    ((HEADER, "41900123456"),),
    ((HEADER, "112"),),  # only whole numbers come this way
    ((HEADER, "41441112233&Dongle/stick/0900123456"),),
    ((HEADER, "41441112233,41441112244"),),
    ((HEADER, "41441112233)):0:1"),),
    ((HEADER, "${SHELL(id)}"),),
    ((HEADER, "1" * 4000),),
    ((HEADER, "41441112233"), (HEADER, "41441112244")),
    ((HEADER, "41441112233"), (HEADER.lower(), "41900123456")),
    ((f"{HEADER}2", "41900123456"),),
    *(((HEADER, re.sub("[\r\n\x00\ud800-\udfff]", " ", text)[:2000]),) for text in HOSTILE.values()),
]


@pytest.mark.parametrize("headers", HOSTILE_HEADERS, ids=range(len(HOSTILE_HEADERS)))
async def test_nothing_else_in_the_header_leaves(house: House, headers: tuple[tuple[str, str], ...]) -> None:
    """It rings at home, as a call to the router does that says nothing."""
    await house.use(SWISS, base=REGISTERED, secrets=SECRETS)
    calls = len(house.exchange.calls)
    await ask(house, OURS, *headers)
    called = await house.peer.incoming()
    assert called.to == "bob"
    await called.refuse(17)
    record = await house.record()
    assert (record.direction, record.rule) == (CallDirection.IN, "")
    assert len(house.exchange.calls) == calls


async def test_a_stranger_hands_nothing_over(house: House) -> None:
    await house.use(SWISS, base=REGISTERED, secrets=SECRETS)
    calls = len(house.exchange.calls)
    await ask(house, ("X-Twilio-AccountSid", "AC" + "f" * 32), (HEADER, "41441112233"))
    record = await house.record()
    assert (record.reason, record.dialled) == ("not_proved", "+41441112233")
    assert len(house.exchange.calls) == calls


async def test_a_trunk_that_is_called_at_the_number_itself_has_no_such_header(house: House) -> None:
    await house.use(SWISS)
    await ask(house, OURS, (HEADER, "41441112244"), user="+41441112233")
    called = await house.gsm()
    assert called.to == "+41441112233"
    await called.refuse(17)
