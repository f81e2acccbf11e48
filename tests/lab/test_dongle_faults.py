"""Each fault does what it says, and no more."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from homeline.protocol import pdu
from homeline_lab.dongle import Dongle
from homeline_lab.faults import Faults, interjected
from homeline_lab.wire import Pace
from lab.terminal import Terminal

OK = "\r\nOK\r\n"
SUBMIT = pdu.encode_submit("+41791234567", "hello")[0]


@pytest.fixture
async def dongle(tmp_path: Path) -> AsyncIterator[Dongle]:
    async with Dongle("e1750", tmp_path) as d:
        d.at_port.echo = False
        yield d


@pytest.fixture
async def terminal(dongle: Dongle) -> AsyncIterator[Terminal]:
    t = Terminal(dongle.port)
    yield t
    t.close()


async def test_mute(dongle: Dongle, terminal: Terminal) -> None:
    dongle.faults.mute = True
    terminal.write(b"AT\r")
    dongle.say("+CMTI: nothing")
    await dongle.seen("", times=0)
    await dongle.wait(lambda: dongle.count() == 1)
    dongle.faults.mute = False
    assert await terminal.ask("AT") == OK, "what came while it was mute is gone"


async def test_swallowed_commands(dongle: Dongle, terminal: Terminal) -> None:
    dongle.faults.swallow = 1
    terminal.write(b"AT+CGMI\r")
    assert await terminal.ask("AT+CGMM") == "\r\nE1750\r\n" + OK


async def test_commands_that_come_too_soon_are_lost(dongle: Dongle, terminal: Terminal) -> None:
    dongle.faults.min_gap = 0.05
    assert await terminal.ask("AT+CGMI") == "\r\nhuawei\r\n" + OK
    terminal.write(b"AT+CGSN\r")
    await dongle.seen("+CGSN", times=0)
    await dongle.wait(lambda: dongle.count("+CGSN") == 1)
    await asyncio.sleep(0.06)  # the gap itself
    assert await terminal.ask("AT+CGMM") == "\r\nE1750\r\n" + OK


async def test_refusals(dongle: Dongle, terminal: Terminal) -> None:
    dongle.faults.refuse("+CSQ", "+CME ERROR: 14", times=2)
    assert [await terminal.ask("AT+CSQ") for _ in range(3)] == [
        "\r\n+CME ERROR: 14\r\n",
        "\r\n+CME ERROR: 14\r\n",
        "\r\n+CSQ: 17,99\r\n" + OK,
    ]


async def test_a_submission_is_refused_after_its_text_or_before(dongle: Dongle, terminal: Terminal) -> None:
    dongle.faults.refuse("+CMGS", "+CMS ERROR: 500")
    assert await terminal.ask(f"AT+CMGS={SUBMIT.length}") == "\r\n> "
    terminal.write(SUBMIT.pdu.encode() + b"\x1a")
    assert await terminal.until(b"500\r\n") == b"\r\n+CMS ERROR: 500\r\n"
    dongle.faults.refuse("+CMGS", "+CMS ERROR: 512", at_prompt=True)
    assert await terminal.ask(f"AT+CMGS={SUBMIT.length}") == "\r\n+CMS ERROR: 512\r\n"
    assert not dongle.sent


async def test_the_answer_of_a_submission_is_lost_and_the_message_is_not(dongle: Dongle, terminal: Terminal) -> None:
    dongle.faults.lose_answer("+CMGS")
    assert await terminal.ask(f"AT+CMGS={SUBMIT.length}") == "\r\n> "
    terminal.write(SUBMIT.pdu.encode() + b"\x1a")
    await dongle.wait(lambda: len(dongle.sent) == 1)
    assert await terminal.ask("AT") == OK


async def test_lost_indication(dongle: Dongle, terminal: Terminal) -> None:
    await terminal.ask("AT+CNMI=2,1")
    dongle.faults.lost_notices = 1
    dongle.deliver("one")
    dongle.deliver("two")
    assert await terminal.until(b"1\r\n") == b'\r\n+CMTI: "SM",1\r\n'
    assert len(dongle.stored()) == 2


async def test_noise(dongle: Dongle, terminal: Terminal) -> None:
    dongle.faults.noise_before, dongle.faults.noise_after = b"\x00\xff", b"\x00"
    assert await terminal.ask("AT+CSQ") == "\x00\xff\r\n+CSQ: 17,99\r\n" + OK
    dongle.noise(b"\xfe")
    assert await terminal.until(b"\xfe") == b"\x00\xfe"


async def test_unsolicited_lines_at_every_place(dongle: Dongle, terminal: Terminal) -> None:
    (raw,) = dongle.deliver("x")
    header = f"+CMGR: 1,,{len(raw) // 2 - 8}"
    await terminal.ask("AT+CMGR=0")
    for position in range(4):
        dongle.faults.interject("^RSSI:9", position)
        lines = [line for line in (await terminal.ask("AT+CMGR=0")).split("\r\n") if line]
        if position == 3:
            await terminal.until(b"^RSSI:9\r\n")
            lines.append("^RSSI:9")
        expected = [header, raw, "OK"]
        expected.insert(position, "^RSSI:9")
        assert lines == expected
    assert interjected(b"\r\na\r\nb\r\n", "U", None) == b"\r\n\r\nU\r\na\r\n\r\nU\r\nb\r\n"


async def test_the_port_vanishes_in_the_middle_of_an_answer(dongle: Dongle, terminal: Terminal, tmp_path: Path) -> None:
    dongle.deliver("hello")
    dongle.faults.vanish("+CMGR", octets=20, back_as="ttyUSB1", seconds=0.01)
    terminal.write(b"AT+CMGR=0\r")
    await terminal.gone()
    assert terminal.heard == b"\r\n+CMGR: 0,,24\r\n0791"
    await dongle.wait(lambda: dongle.plugged)
    t = Terminal(tmp_path / "dev/ttyUSB1")
    assert (await t.ask("AT")).endswith(OK)
    t.close()


async def test_the_port_vanishes_with_the_prompt(dongle: Dongle, terminal: Terminal) -> None:
    dongle.faults.vanish("+CMGS", octets=2, at_prompt=True)
    terminal.write(b"AT+CMGS=10\r")
    await terminal.gone()
    assert terminal.heard == b"\r\n"
    assert not dongle.plugged


async def test_latency_of_one_command(dongle: Dongle, terminal: Terminal) -> None:
    dongle.faults.latency["+COPS"] = 0.05
    loop = asyncio.get_running_loop()
    begin = loop.time()
    terminal.write(b"AT+COPS?\rAT+CSQ\r")
    await terminal.until(b"OK\r\n")
    await terminal.until(b"OK\r\n")
    assert loop.time() - begin >= 0.05, "the second waits behind the first"
    begin = loop.time()
    await terminal.ask("AT+CSQ")
    assert loop.time() - begin < 0.05


@pytest.mark.parametrize("pace", [Pace(1, 0.0), Pace.baud(115200), Pace.baud(921600)])
async def test_a_slow_line_says_the_same(dongle: Dongle, terminal: Terminal, pace: Pace) -> None:
    dongle.store(dongle.network.encode("hello" * 20) * 3)
    whole = await terminal.ask("AT+CMGL=4")
    dongle.set_pace(pace)
    assert (await terminal.ask("AT+CMGL=4")).replace(",1,,", ",0,,") == whole


async def test_a_line_of_115200_baud_takes_its_time(dongle: Dongle, terminal: Terminal) -> None:
    dongle.store(dongle.network.encode("hello" * 20) * 10)
    dongle.set_pace(Pace.baud(115200))
    begin = asyncio.get_running_loop().time()
    octets = len(await terminal.ask("AT+CMGL=4"))
    assert asyncio.get_running_loop().time() - begin >= octets / 11520 * 0.9


async def test_all_well_again(dongle: Dongle, terminal: Terminal) -> None:
    dongle.faults.mute = True
    dongle.faults.refuse("+CSQ")
    dongle.faults.vanish("+CSQ")
    dongle.faults.clear()
    assert dongle.faults == Faults()
    assert await terminal.ask("AT+CSQ") == "\r\n+CSQ: 17,99\r\n" + OK


@given(st.lists(st.binary(max_size=200), max_size=5))
def test_any_bytes_do_no_harm(chunks: list[bytes]) -> None:
    async def scenario() -> None:
        async with Dongle("generic") as dongle:
            t = Terminal(dongle.port)
            for chunk in chunks:
                t.write(chunk)
            t.write(b"\x1b\r")  # out of a prompt, out of a line
            t.write(b"ATE0\r")
            await t.ask("AT+CGMI")
            t.close()

    asyncio.run(scenario())
