"""kill -9 of the real daemon at every step of sending: nothing is sent twice, and what may have gone is `unknown`."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

from e2e.kit import Home, living
from homeline_lab.network import Outcome
from homeline_lab.wire import Pace

TO = "+41791234567"
LONG = "A long message that needs three parts. " * 10


async def state(home: Home, message: int) -> str:
    return str((await home.call("get_message", id=message))["message"]["state"])


async def queued(home: Home, text: str = "hello", **arguments: Any) -> int:
    return int((await home.call("send_message", to=TO, text=text, **arguments))["id"])


async def test_killed_while_it_waits_for_a_dongle(tmp_path: Path) -> None:
    async with living(tmp_path) as home:
        home.dongle.unplug()
        await home.until_dongle("absent")
        message = await queued(home)
        await home.killed()
        home.dongle.plug()
        await home.run()
        await home.events.wait("message.sent")
        assert [sent.recipient for sent in home.dongle.sent] == [TO]
        assert await state(home, message) in ("sent", "delivered")


async def test_killed_before_the_modem_asks_for_the_text(tmp_path: Path) -> None:
    async with living(tmp_path) as home:
        home.dongle.faults.latency["+CMGS"] = 60.0
        message = await queued(home)
        await home.dongle.wait(lambda: home.dongle.count("+CMGS") > 0)
        await home.killed()
        home.dongle.faults.clear()
        home.dongle.replug()
        await home.run()
        assert await state(home, message) == "unknown"
        await home.events.wait("alert.raised", lambda alert: alert["key"] == f"message.{message}.failed")
        await nothing_more_is_sent(home, 0)


async def test_killed_while_the_modem_waits_for_the_text(tmp_path: Path) -> None:
    """The next daemon finds a modem that takes everything for text, and must end that without sending it."""
    async with living(tmp_path) as home:
        await home.warm_up()
        home.dongle.set_pace(Pace(1, 0.2))  # the prompt takes 0.8 s
        message = await queued(home)
        await home.dongle.wait(lambda: home.dongle.log[-1].data.endswith(b"> "))
        await home.killed()
        home.dongle.set_pace(None)
        await home.run()
        assert await state(home, message) == "unknown"
        await nothing_more_is_sent(home, 0)


async def test_killed_when_the_network_has_it_and_the_report_tells(tmp_path: Path) -> None:
    async with living(tmp_path) as home:
        home.dongle.network.outcome = Outcome(delay=1.0)
        home.dongle.faults.lose_answer("+CMGS")
        message = await queued(home)
        await home.dongle.wait(lambda: bool(home.dongle.sent))
        await home.killed()
        await home.run()
        assert await state(home, message) == "unknown"
        await home.events.wait("message.delivered", lambda m: m["id"] == message)
        await nothing_more_is_sent(home, 1)
        assert await state(home, message) == "delivered"


async def test_killed_between_the_parts_of_a_long_message(tmp_path: Path) -> None:
    async with living(tmp_path) as home:
        network, submit = home.dongle.network, home.dongle.network.submit
        network.outcome = Outcome(status=None)

        def submit_and_freeze(pdu: bytes, reference: int, own_number: str) -> int | None:
            home.dongle.faults.latency["+CMGS"] = 60.0
            return submit(pdu, reference, own_number)

        network.submit = submit_and_freeze  # type: ignore[method-assign]
        message = await queued(home, LONG)
        await home.dongle.wait(lambda: home.dongle.count("+CMGS") == 2)
        await home.killed()
        network.submit = submit  # type: ignore[method-assign]
        home.dongle.faults.clear()
        home.dongle.replug()
        await home.run()
        assert await state(home, message) == "unknown"
        assert await part_states(home, message) == ["sent", "unknown", "queued"]
        await nothing_more_is_sent(home, 1)
        assert await call_state(home, "resend_message", message) == "queued"
        await home.events.wait("message.sent", lambda m: m["id"] == message)
        assert await part_states(home, message) == ["sent"] * 3
        parts = [each.pdu for each in home.dongle.sent if each.recipient == TO]
        assert len(parts) == len(set(parts)) == 3


async def part_states(home: Home, message: int) -> list[str]:
    return [part["state"] for part in (await home.call("get_message", id=message))["parts"]]


async def call_state(home: Home, method: str, message: int) -> str:
    return str((await home.call(method, id=message))["state"])


async def test_killed_again_and_again_with_a_full_queue(tmp_path: Path) -> None:
    dice = random.Random(7)
    async with living(tmp_path, dongle_options={"rate": "600"}) as home:
        home.dongle.network.outcome = Outcome(status=None)
        ids = {await queued(home, f"text {number}"): f"text {number}" for number in range(40)}
        for _ in range(8):
            enough = home.dongle.count("+CMGS") + dice.randrange(1, 5)
            await home.dongle.wait(lambda enough=enough: home.dongle.count("+CMGS") >= enough)  # type: ignore[misc]
            await home.killed()
            home.dongle.replug()
            await home.run()
        await queued(home, "the last")
        await home.events.wait("message.sent", lambda m: m["text"] == "the last")
        recipients = [each.pdu for each in home.dongle.sent]
        assert len(set(recipients)) == len(recipients)
        states = {m["id"]: m["state"] for m in await home.messages("out")}
        assert {states[message] for message in ids} <= {"sent", "unknown"}
        assert 1 <= sum(states[message] == "unknown" for message in ids) <= 8
        certain = sum(state == "sent" for state in states.values())
        assert certain <= len(home.dongle.sent) <= len(ids) + 1


async def nothing_more_is_sent(home: Home, before: int) -> None:
    """Another message goes through the queue, so whatever was before it had its turn."""
    reply = await home.call("send_message", to="+41790000099", text="another", wait=10, report=False)
    assert reply["state"] == "sent"
    assert len(home.dongle.sent) == before + 1
    assert home.dongle.sent[-1].recipient == "+41790000099"
