"""An SMS that is forwarded by SMS, through the whole daemon: once, whatever is killed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from e2e.kit import Home, living
from homeline.protocol import pdu
from hostile import HOSTILE

SENDER, OWNER = "+41791112233", "+447700900123"
EXTRA = f"""
config sms 'abroad'
	list to '{OWNER}'

config rule 'texts'
	list events 'message'
	list channels 'abroad'
"""


async def forwarded(home: Home, event: int) -> None:
    await home.events.wait("delivery.done", lambda d: d["event"] == event and d["channel"] == "abroad")


async def sent(home: Home, count: int) -> list[tuple[str, str]]:
    """What the network took, once it is so much."""
    await home.dongle.wait(lambda: len(home.dongle.sent) >= count)
    return [(each.recipient, text_of(each.pdu)) for each in home.dongle.sent]


def text_of(submitted: str) -> str:
    item = pdu.decode(submitted)
    assert isinstance(item, pdu.Submit)
    return item.user.text


async def test_a_message_reaches_the_other_phone_and_nothing_comes_back(tmp_path: Path) -> None:
    async with living(tmp_path, extra=EXTRA) as home:
        home.dongle.deliver(HOSTILE["html"], SENDER)
        assert await sent(home, 1) == [(OWNER, f"{SENDER}: {HOSTILE['html']}")]
        home.dongle.deliver("and back", OWNER)
        answer = await home.events.wait("message.received", lambda m: m["text"] == "and back")
        await forwarded(home, answer["id"])
        outbox: list[dict[str, Any]] = await home.messages("out")
        assert [message["peer"] for message in outbox] == [OWNER]
        deliveries = (await home.call("list_deliveries", event=answer["id"], channel="abroad"))["deliveries"]
        assert [(each["state"], each["note"]) for each in deliveries] == [
            ("done", "Not forwarded by SMS: one of our own SMS caused it.")
        ]


async def test_killed_at_any_step_it_goes_out_once(tmp_path: Path) -> None:
    """The dongle is slow, so each kill finds the SMS somewhere else on its way."""
    async with living(tmp_path, extra=EXTRA) as home:
        for number, name in enumerate(("message.received", "delivery.done", "message.sent"), 1):
            home.dongle.deliver(f"text {number}", SENDER)
            await home.events.wait_for(name, 1, lambda e, n=number, k=name: _about(e, n, k))
            await home.killed()
            home.events.heard.clear()
            await home.run()
            home.dongle.deliver(f"marker {number}", SENDER)
            await home.events.wait("message.sent", lambda m, n=number: m["text"] == f"{SENDER}: marker {n}")
        texts = [text for _, text in await sent(home, 1)]
        assert len(texts) == len(set(texts))
        outbox = await home.messages("out")
        wanted = {f"{SENDER}: {word} {number}" for word in ("text", "marker") for number in (1, 2, 3)}
        assert sorted(message["text"] for message in outbox) == sorted(wanted)
        unknown = {message["text"] for message in outbox if message["state"] == "unknown"}
        assert wanted - unknown <= set(texts)


def _about(event: dict[str, Any], number: int, kind: str) -> bool:
    if kind == "delivery.done":
        return bool(event["channel"] == "abroad")
    return str(event["text"]).endswith(f"text {number}")
