"""kill -9 with every channel under load: each delivery ends, none is gone, and repeats carry the same key."""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from e2e.channels_kit import ANN, CHANNELS, Peers, everywhere
from homeline_lab.mosquitto import PROGRAM

pytestmark = pytest.mark.skipif(PROGRAM is None, reason="mosquitto is not installed")

TRIALS, MESSAGES = 4, 6


async def test_killed_at_random_with_all_channels_at_work(tmp_path: Path) -> None:
    dice = random.Random(11)
    async with everywhere(tmp_path) as peers:
        home = peers.home
        for trial in range(TRIALS):
            for number in range(MESSAGES):
                home.dongle.deliver(f"message {trial}.{number} of many", ANN)
            await asyncio.sleep(dice.uniform(0.0, 0.5))
            await home.killed()
            await home.run("")
        await home.until_dongle("ready")
        await _all_arrived(peers)
        await peers.nothing_waits()
        deliveries = await _deliveries(peers)
        messages = {message["id"] for message in await home.messages()}
        ended = Counter((each["event"], each["channel"]) for each in deliveries if each["event"] in messages)
        assert ended == Counter((message, channel) for message in messages for channel in CHANNELS)
        assert {each["state"] for each in deliveries} == {"done"}
        await _once_or_under_one_key(peers)


async def _all_arrived(peers: Peers) -> None:
    """Until everything that was sent to the dongle is in the inbox; a kill loses events."""
    wanted = {f"message {trial}.{number} of many" for trial in range(TRIALS) for number in range(MESSAGES)}
    async with asyncio.timeout(30):
        while set(await peers.home.texts()) != wanted:
            await asyncio.sleep(0.05)
    assert len(await peers.home.texts()) == len(wanted)


async def _deliveries(peers: Peers) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    while True:
        before = {"before": found[-1]["id"]} if found else {}
        page = await peers.home.call("list_deliveries", limit=500, **before)
        found += page["deliveries"]
        if not page["more"]:
            return found


async def _once_or_under_one_key(peers: Peers) -> None:
    home = peers.home
    for documents in (peers.published(), peers.hooked(), peers.run()):
        keys: dict[str, set[str]] = {}
        for document in documents:
            keys.setdefault(document["text"], set()).add(document["id"])
        assert len(keys) == TRIALS * MESSAGES
        assert {len(each) for each in keys.values()} == {1}
    mails: dict[str, set[str]] = {}
    for mail in peers.mailed():
        mails.setdefault(str(mail["X-Homeline-Event"]), set()).add(str(mail["Message-ID"]))
    assert len(mails) == TRIALS * MESSAGES
    assert {len(each) for each in mails.values()} == {1}
    async with asyncio.timeout(30):
        while any(message["state"] in ("queued", "sending") for message in await home.messages("out")):
            await asyncio.sleep(0.05)
    outbox = await home.messages("out")
    assert len(outbox) == len({message["text"] for message in outbox}) == TRIALS * MESSAGES
    texted = Counter(peers.texted())
    unknown = {message["text"] for message in outbox if message["state"] == "unknown"}
    alerts = {alert["key"] for alert in (await home.call("list_alerts"))["alerts"]}
    assert set(texted.values()) == {1}  # an SMS costs money: never twice, and what may have gone is said
    assert {m["text"] for m in outbox} - unknown <= set(texted)
    assert {f"message.{m['id']}.failed" for m in outbox if m["state"] == "unknown"} <= alerts
