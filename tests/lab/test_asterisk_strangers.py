"""The lab's strangers: what they send is what it is meant to be, told by an Asterisk that lets everybody in."""

from __future__ import annotations

from pathlib import Path

import pytest

from asterisk_kit import asterisk_programs as asterisk_programs
from homeline_lab.asterisk import Asterisk, own_address
from homeline_lab.sip_raw import Stranger, hostile, request
from homeline_lab.sipp import Sipp, refused

pytestmark = pytest.mark.usefixtures("asterisk_programs")

CARELESS = """
[transport]
type = transport
protocol = udp
bind = {address}
[anonymous]
type = endpoint
context = open
allow = ulaw
"""
OPEN = """
[open]
exten => _[!-~]!,1,Log(NOTICE,a stranger dials ${EXTEN} with ${PJSIP_HEADER(read,X-Id,2)})
 same => n,Hangup(21)
exten => h,1,Hangup()
"""


def notices(asterisk: Asterisk, words: str) -> list[str]:
    return [line for line in asterisk.log.splitlines() if "NOTICE[" in line and words in line]


async def test_a_careless_house_takes_their_calls(tmp_path: Path) -> None:
    """Otherwise a test that finds no calls would find none because the requests are wrong."""
    address, names = own_address(), ("mobile", "twilio")
    files = {"pjsip.conf": CARELESS.format(address=address), "extensions.conf": OPEN}
    target = (address, 5060)
    async with Asterisk(tmp_path, files=files) as asterisk, Stranger(own_address()) as stranger:
        twice = request("INVITE", "12", target, source=stranger.source, headers=(("X-Id", "a"), ("X-Id", "b")))
        assert await stranger.ask(twice, target) == "INVITE 403"
        await asterisk.wait_log("a stranger dials 12 with b")
        assert await stranger.send(hostile(300, target, source=stranger.source, names=names), target) == 300
        last = request("INVITE", "the-last", target, source=stranger.source)
        await stranger.ask(last, target)
        assert len(notices(asterisk, "a stranger dials")) > 60
        assert "uptime" in await asterisk.cli("core show uptime")
        assert "a stranger dials 1&Local/112@default" in asterisk.log


async def test_sipp_counts_what_went_as_the_scenario_says(tmp_path: Path) -> None:
    address = own_address()
    files = {"pjsip.conf": CARELESS.format(address=address), "extensions.conf": OPEN}
    async with Asterisk(tmp_path / "house", files=files) as asterisk:
        sipp = Sipp(tmp_path / "sipp")
        scenario = refused(403, to="12", headers=(("X-Id", "a"), ("X-Id", "b")))
        done = await sipp.run(scenario, (address, 5060), source=own_address(), calls=20)
        assert (done.good, done.bad) == (20, 0), done.text
        assert len(notices(asterisk, "a stranger dials 12 with b")) == 20
        done = await sipp.run(refused(404), (address, 5060), source=own_address(), calls=2)
        assert (done.good, done.bad) == (0, 2), done.text


def test_strangers_are_the_same_each_time() -> None:
    one, two = (list(hostile(50, ("127.0.0.1", 5060), source=("127.0.0.2", 1), seed=7)) for _ in range(2))
    assert one == two
    assert one != list(hostile(50, ("127.0.0.1", 5060), source=("127.0.0.2", 1), seed=8))
    assert len(set(one)) == 50
