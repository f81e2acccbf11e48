"""What answers by itself against what answers by itself: two routers whose dongles can text each other."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from e2e.kit import Home, living
from homeline.protocol import pdu

ANN = "+41791112233"
NUMBERS = {"left": "+41790000001", "right": "+41790000002"}
FORWARD = """
config sms 'further'
	list to '{other}'

config rule 'onward'
	list events 'message'
	list events 'report'
	list events 'alert'
	list channels 'further'
"""
ANSWER = """
config auto_reply 'away'
	option text 'I am away until Monday. You wrote: {{text}}'
	option hours '1'
"""


@asynccontextmanager
async def neighbours(root: Path, extra: str) -> AsyncIterator[dict[str, Home]]:
    """Two routers, and a network that takes what one sends to the other."""
    homes: dict[str, Home] = {}
    async with contextlib.AsyncExitStack() as stack:
        for name, other in (("left", "right"), ("right", "left")):
            (root / name).mkdir()
            own = {"number": NUMBERS[name], "report": "1", "rate": "600"}
            house = living(root / name, extra=extra.format(other=NUMBERS[other]), dongle_options=own)
            homes[name] = await stack.enter_async_context(house)
        carrying = asyncio.ensure_future(carry(homes))
        stack.callback(carrying.cancel)
        yield homes


async def carry(homes: dict[str, Home]) -> None:
    """Bring what each sends to the other, as it would look to it."""
    taken = dict.fromkeys(homes, 0)
    while True:
        for name, other in (("left", "right"), ("right", "left")):
            for each in homes[name].dongle.sent[taken[name] :]:
                taken[name] += 1
                item = pdu.decode(each.pdu)
                assert isinstance(item, pdu.Submit)
                if each.recipient == NUMBERS[other]:
                    homes[other].dongle.deliver(item.user.text, NUMBERS[name])
        await asyncio.sleep(0.01)


def sent(home: Home) -> list[str]:
    return [each.recipient for each in home.dongle.sent]


async def quiet(homes: dict[str, Home]) -> None:
    """Until nothing waits at either, twice in a row: what one sent is with the other by then."""
    calm = 0
    async with asyncio.timeout(30):
        while calm < 3:
            await asyncio.sleep(0.2)
            counts = [len(home.dongle.sent) for home in homes.values()]
            waiting = [
                *[
                    each
                    for home in homes.values()
                    for each in (await home.call("list_deliveries", state="pending"))["deliveries"]
                ],
                *[
                    m
                    for home in homes.values()
                    for m in await home.messages("out")
                    if m["state"] in ("queued", "sending")
                ],
            ]
            calm = calm + 1 if not waiting and counts == [len(home.dongle.sent) for home in homes.values()] else 0


@pytest.mark.parametrize("template", ["", "\toption template '!'\n"])
async def test_two_that_forward_to_each_other(tmp_path: Path, template: str) -> None:
    async with neighbours(tmp_path, FORWARD + template) as homes:
        homes["left"].dongle.deliver("from a stranger, of some length", ANN)
        await homes["right"].events.wait("message.received")
        await quiet(homes)
        assert sent(homes["left"]) == [NUMBERS["right"]]
        assert sent(homes["right"]) == []


async def test_two_that_answer_by_themselves(tmp_path: Path) -> None:
    async with neighbours(tmp_path, ANSWER) as homes:
        await homes["left"].call("send_message", to=NUMBERS["right"], text="hello, you")
        await homes["left"].events.wait("message.received")
        await quiet(homes)
        assert sent(homes["right"]) == [NUMBERS["left"]]
        assert sent(homes["left"]) in ([NUMBERS["right"]], [NUMBERS["right"]] * 2)


async def test_one_that_forwards_to_one_that_answers(tmp_path: Path) -> None:
    async with neighbours(tmp_path, FORWARD + ANSWER) as homes:
        for number in range(3):
            homes["left"].dongle.deliver(f"from a stranger, number {number}", ANN)
        await homes["right"].events.wait_for("message.received", 3)
        await quiet(homes)
        # The three, one answer to their sender, and the report that the answer arrived.
        assert sorted(sent(homes["left"])) == [*[NUMBERS["right"]] * 4, ANN]
        assert sent(homes["right"]) == []
