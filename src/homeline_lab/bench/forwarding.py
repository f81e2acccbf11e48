"""Forwarding: from a message's arrival to an MQTT publication and a webhook's request; many to three channels."""

from __future__ import annotations

import asyncio
import json
import random
import statistics
import tempfile
import time
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

from homeline_lab.bench import procfs
from homeline_lab.bench.measure import ROOM, Effort, Figures, percentile
from homeline_lab.bench.ours import Homeline, compile_daemon
from homeline_lab.bench.program import Program
from homeline_lab.bench.scene import label
from homeline_lab.house import House
from homeline_lab.mosquitto import Ear, Mosquitto
from homeline_lab.web import Heard, WebServer

RULE = """
config mqtt 'broker'
	option host '127.0.0.1'
	option port '{broker}'

config webhook 'hook'
	option url '{url}'
	option allow_local '1'

config rule 'everywhere'
	list events 'message'
	list channels 'broker'
	list channels 'hook'
"""
TIMEOUT = 300.0  # seconds for all that was asked for


class Arrivals:
    """When each text came to a peer, seconds of the monotonic clock; a text that came twice counts once."""

    def __init__(self) -> None:
        self.at: dict[str, float] = {}
        self._news = asyncio.Event()

    def note(self, payload: bytes) -> None:
        """A document of an event came; others are not ours to count."""
        try:
            text = json.loads(payload).get("text", "")
        except (ValueError, AttributeError):
            return
        self.at.setdefault(text, time.monotonic())
        self._news.set()

    async def until(self, condition: Callable[[], bool]) -> None:
        async with asyncio.timeout(TIMEOUT):
            while not condition():
                self._news.clear()
                await self._news.wait()


class Listener(Ear):
    """Takes the time of each publication as it comes."""

    def __init__(self, port: int, arrivals: Arrivals) -> None:
        super().__init__(port, topic="homeline/#")
        self._arrivals = arrivals

    def _hear(self, message: object) -> None:
        self._arrivals.note(message.payload)  # type: ignore[attr-defined]


async def forwarding(kind: type[Program], effort: Effort) -> Figures:
    """To a real mosquitto, a web server and a mail server, one at a time and many at once; memory before and after."""
    if kind is not Homeline:
        return {}
    compile_daemon()
    published, posted = Arrivals(), Arrivals()

    def heard(request: Heard) -> None:
        posted.note(request.body)

    with tempfile.TemporaryDirectory(prefix="homeline-bench-") as folder:
        root = Path(folder)
        (root / "house").mkdir()
        async with (
            Mosquitto(root / "broker") as broker,
            Listener(broker.port, published),
            WebServer(on_request=heard) as web,
            House(
                root / "house",
                level="error",
                extra=RULE.format(broker=broker.port, url=f"{web.url}/hook"),
                storages={"SM": ROOM},
            ) as house,
        ):
            await house.start()
            await _one(house, "warm", published, posted)
            await asyncio.sleep(1.0)
            idle = _memory(house)
            return {
                **await _singles(house, effort, published, posted),
                "channels_idle_mb": idle,
                **await _many(house, effort, published, posted),
            }


async def _one(house: House, text: str, *peers: Arrivals) -> float:
    """Let a message arrive and wait until every peer has it; when it arrived."""
    at = time.monotonic()
    house.dongle.deliver(text)
    for peer in peers:
        await peer.until(lambda peer=peer: text in peer.at)  # type: ignore[misc]
    return at


async def _singles(house: House, effort: Effort, published: Arrivals, posted: Arrivals) -> Figures:
    sent = {}
    for i in range(effort.singles):
        await asyncio.sleep(random.uniform(0.1, 0.6))
        sent[label(i)] = await _one(house, label(i), published, posted)
    figures: Figures = {}
    for name, peer in (("mqtt", published), ("webhook", posted)):
        found = [peer.at[text] - at for text, at in sent.items()]
        figures[f"{name}_p50_ms"] = statistics.median(found) * 1000
        figures[f"{name}_p99_ms"] = percentile(found, 0.99) * 1000
    return figures


async def _many(house: House, effort: Effort, published: Arrivals, posted: Arrivals) -> Figures:
    """Messages a second until all three channels have all of them, from the first arrival."""
    network = house.dongle.network
    texts = [label(i + 100_000) for i in range(effort.many)]
    start = network.now() - timedelta(days=1)
    pdus = [network.encode(text, at=start + timedelta(seconds=i))[0] for i, text in enumerate(texts)]
    mails = len(house.mail.mails) + effort.many
    begun = time.monotonic()
    network.deliver_pdus(pdus)
    for peer in (published, posted):
        await peer.until(lambda peer=peer: all(text in peer.at for text in texts))  # type: ignore[misc]
    await house.mail.wait_for(mails, TIMEOUT)
    rate = effort.many / (time.monotonic() - begun)
    await asyncio.sleep(1.0)
    return {"channels_per_s": rate, "channels_after_mb": _memory(house), "channels_messages": effort.many}


def _memory(house: House) -> float:
    assert house.router.daemon is not None
    return procfs.memory([house.router.daemon.pid])
