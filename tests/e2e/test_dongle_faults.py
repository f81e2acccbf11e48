"""What dongles, their ports and their SIMs do to the real daemon: it heals by itself and loses nothing."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from e2e.kit import living
from homeline_lab.sim import Sim
from homeline_lab.wire import Pace

MODELS = ["e1750", "ec25", "sim7600", "generic"]
LONG = "A long message that needs three parts. " * 10
SENDER = "+41791112233"


@pytest.mark.parametrize("command", ["+CMGR", "+CMGD", "+CMGL"])
async def test_the_port_goes_in_the_middle_of_an_answer_and_is_back_under_another_name(
    tmp_path: Path, command: str
) -> None:
    async with living(tmp_path, quick=True) as home:
        await home.warm_up()
        if command == "+CMGL":  # what is told is read by +CMGR
            home.dongle.faults.lost_notices = 3
        home.dongle.faults.vanish(command, octets=20, back_as="ttyUSB1", seconds=0.1)
        home.dongle.deliver(LONG, SENDER)
        await home.events.wait("dongle.changed", lambda d: d["state"] == "absent")
        message = await home.events.wait("message.received")
        assert message["text"] == LONG
        await home.dongle.wait(lambda: not home.dongle.stored())
        await home.until_dongle("ready")
        assert (await home.status())["port"].endswith("/dev/ttyUSB1")
        await home.mail.wait_for(1)
        assert await home.texts() == [LONG]


async def test_the_port_goes_before_the_modem_asks_for_the_text(tmp_path: Path) -> None:
    """Nothing was handed over, so it is sent once the dongle is back."""
    async with living(tmp_path, quick=True) as home:
        home.dongle.faults.vanish("+CMGS", octets=2, back_as="ttyUSB1", seconds=0.1, at_prompt=True)
        first = await home.call("send_message", to=SENDER, text="hello", report=False)
        await home.events.wait("dongle.changed", lambda d: d["state"] == "absent")
        await home.until_dongle("ready")
        home.set_clock(60)  # it is put off by 10 s
        await home.call("send_message", to=SENDER, text="another", report=False)
        await home.events.wait_for("message.sent", 2)
        assert first["id"] in [message["id"] for message in home.events.of("message.sent")]
        assert [each.recipient for each in home.dongle.sent] == [SENDER] * 2


async def test_the_port_goes_after_the_modem_asked_for_the_text(tmp_path: Path) -> None:
    async with living(tmp_path, quick=True) as home:
        home.dongle.faults.vanish("+CMGS", octets=4, back_as="ttyUSB1", seconds=0.1, at_prompt=True)
        sent = await home.call("send_message", to=SENDER, text="hello", wait=10)
        assert sent["state"] == "unknown"
        assert "hung up" in sent["error"] or "went away" in sent["error"]
        await home.until_dongle("ready")
        assert not home.dongle.sent


async def test_a_full_sim_of_a_known_owner_is_emptied_at_the_start(tmp_path: Path) -> None:
    async with living(tmp_path) as home:
        await home.warm_up()
        await home.killed()
        wanted = [f"message {number}" for number in range(30)]
        for text in wanted:
            home.dongle.deliver(text, SENDER)
        assert home.dongle.slots().full
        assert home.dongle.network.queue
        await home.run()
        await home.events.wait_for("message.received", 30)
        assert await home.texts() == wanted


async def test_a_modem_that_is_mute_is_healed_and_what_came_meanwhile_is_read(tmp_path: Path) -> None:
    async with living(tmp_path, quick=True) as home:
        await home.warm_up()
        home.dongle.faults.mute = True
        home.dongle.deliver("while it was mute", SENDER)
        await home.events.wait("dongle.changed", lambda d: d["reason"] == "mute")
        assert "mute" in (await home.problems())["dongle stick"]
        home.dongle.faults.mute = False
        message = await home.events.wait("message.received")
        assert message["text"] == "while it was mute"
        await home.until_dongle("ready")
        assert "dongle stick" not in await home.problems()


async def test_a_modem_that_starts_again_by_itself_is_set_up_again(tmp_path: Path) -> None:
    async with living(tmp_path, quick=True) as home:
        await home.warm_up()
        home.dongle.reset()
        home.dongle.deliver("after the reset", SENDER)
        await home.events.wait("message.received", lambda m: m["text"] == "after the reset")


@pytest.mark.parametrize("model", MODELS)
async def test_garbage_and_lines_nobody_asked_for(tmp_path: Path, model: str) -> None:
    """Noise between and around answers, and an unsolicited line before each line of each answer."""
    async with living(tmp_path, model) as home:
        await home.warm_up()
        faults = home.dongle.faults
        faults.noise_before, faults.noise_after = b"\x00\xff\r\n", b"\x80\x00\r\n"
        faults.interject("^RSSI:9", times=10_000)
        faults.interject("+CREG: 1", times=10_000)
        home.dongle.noise(bytes(range(256)) * 20 + b"\r\n")
        home.dongle.deliver(LONG, SENDER)
        message = await home.events.wait("message.received")
        assert message["text"] == LONG
        sent = await home.call("send_message", to=SENDER, text="hello", wait=10, report=False)
        assert sent["state"] == "sent"
        assert (await home.status())["state"] == "ready"
        assert home.router.daemon is not None
        assert home.router.daemon.returncode is None


@pytest.mark.timeout(90)
async def test_255_stored_messages_over_a_slow_line(tmp_path: Path) -> None:
    async with living(tmp_path, "ec25") as home:
        await home.warm_up()
        await home.killed()
        wanted = [f"message {number}" for number in range(255)]
        memory = home.dongle.slots("ME")
        assert memory.size == 255
        home.dongle.store([pdu for text in wanted for pdu in home.dongle.network.encode(text, SENDER)], "ME")
        home.dongle.set_pace(Pace.baud(115200))
        await home.run()
        await home.events.wait_for("message.received", 255, timeout=60)
        assert await home.texts() == wanted
        await home.dongle.wait(lambda: not memory.used, timeout=30)


async def test_old_messages_of_a_strange_sim_are_archived_until_the_owner_releases_them(tmp_path: Path) -> None:
    async with living(tmp_path, start=False) as home:
        old = [home.dongle.network.encode(text, SENDER) for text in ("old", LONG)]
        home.dongle.store([pdu for message in old for pdu in message])
        await home.run()
        alert = await home.events.wait("alert.raised", lambda a: a["key"].startswith("archived."))
        assert "release_archived" in alert["advice"]
        home.dongle.deliver("new", SENDER)
        await home.events.wait("message.received")
        assert [m["text"] for m in await home.messages() if m["state"] != "archived"] == ["new"]
        assert len(home.dongle.stored()) == 4
        assert (await home.call("status"))["unread"] == 1
        assert await home.call("release_archived", dongle="stick", forward=True) == {"count": 2}
        await home.dongle.wait(lambda: not home.dongle.stored())
        await home.events.wait("alert.cleared", lambda a: a["key"] == alert["key"])
        assert sorted(await home.texts()) == sorted(["old", LONG, "new"])
        await home.mail.wait_for(4)  # three messages and the alert
        assert await home.call("release_archived", dongle="stick") == {"count": 0}


async def test_the_sim_is_swapped_for_a_strange_one(tmp_path: Path) -> None:
    async with living(tmp_path, quick=True) as home:
        await home.warm_up()
        home.dongle.insert_sim(Sim(iccid="8941010000000000002", imsi="228010000000002"))
        await home.events.wait("dongle.changed", lambda d: d.get("imsi") == "228010000000002")
        home.dongle.deliver("to the other number", SENDER)
        await home.events.wait("message.received", lambda m: m["text"] == "to the other number")


async def test_a_pin_that_is_refused_is_entered_once(tmp_path: Path) -> None:
    secret = "config dongle 'stick'\n\toption pin '1111'\n"
    async with living(tmp_path, quick=True, start=False, secret=secret, sim=Sim(pin="2222")) as home:
        await home.run("locked")
        assert (await home.status())["reason"] == "sim_pin_wrong"
        await home.killed()
        await home.run("locked")
        assert (await home.status())["reason"] == "sim_pin_wrong"
        assert home.dongle.sim is not None
        assert home.dongle.sim.pin_tries == 2
        reply = await home.call("enter_pin", dongle="stick", pin="2222")
        assert "state" in reply
        await home.until_dongle("ready")


async def test_a_port_that_another_program_has_is_named(tmp_path: Path) -> None:
    async with living(tmp_path, quick=True, start=False) as home:
        lock = home.router.paths.locks / "LCK..ttyUSB0"
        lock.write_text(f"{os.getppid():>10}\n")
        await home.run("blocked")
        status = await home.status()
        assert status["reason"] == "port_owned"
        assert str(os.getppid()) in status["detail"]
        lock.unlink()
        await home.until_dongle("ready")


async def test_the_owner_resets_the_dongle(tmp_path: Path) -> None:
    async with living(tmp_path, quick=True) as home:
        await home.warm_up()
        home.dongle.next_name = "ttyUSB3"
        await home.call("reset_dongle", dongle="stick")
        await home.dongle.wait(lambda: home.dongle.name == "ttyUSB3" and home.dongle.plugged)
        await home.events.wait("dongle.changed", lambda d: d.get("port", "").endswith("ttyUSB3"))
        await home.until_dongle("ready")
