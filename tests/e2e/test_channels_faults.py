"""Channels that are broken in every way beside those that work, which do not notice."""

from __future__ import annotations

import datetime
import ssl
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import trustme

from e2e.channels_kit import ANN, CHANNELS, Peers, everywhere, install
from homeline_lab.mosquitto import PROGRAM, Mosquitto
from homeline_lab.web import Reply, WebServer

pytestmark = pytest.mark.skipif(PROGRAM is None, reason="mosquitto is not installed")

BROKEN = """
config webhook '{name}'
	option url '{url}'
	option allow_local '1'
	option timeout '60'
"""
OTHERS = """
config telegram 'mute'
	list chats '1001'
	option replies '1'
	option api '{silent}'
	option allow_local '1'
	option timeout '60'

config mqtt 'frozen'
	option host '127.0.0.1'
	option port '{frozen}'
	option timeout '60'

config command 'hangs'
	option program 'hang'
	option timeout '60'

config email 'stuck'
	list to 'other@home.lab'
	option from 'homeline@router.lab'
	option host '127.0.0.1'
	option port '{deaf}'
	option tls 'none'
	option timeout '60'

config mailbox 'mailbox'
	option host '127.0.0.1'
	option port '{deaf}'
	option tls 'none'
	option user 'ann'
	option address 'line@home.lab'
	list senders 'owner@home.lab'

config rule 'broken'
	option priority 'high'
	list events 'message'
{channels}
"""
SECRETS = """
config telegram 'mute'
	option token '123456:AAlab-0123456789abcdefghijklmno'

config mailbox 'mailbox'
	option password 'anything'
"""
WAITING = ("silent", "drip", "deaf", "mute", "hangs", "stuck")  # in their first attempt for as long as a test takes
REFUSING = ("refuses", "gone", "expired", "garbage", "endless", "frozen")


def expired() -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    past = datetime.datetime(2020, 1, 1, tzinfo=datetime.UTC)
    trustme.CA().issue_cert("127.0.0.1", not_after=past).configure_cert(context)
    return context


@dataclass
class Ruins:
    """The broken ones: more of the configuration."""

    more: str
    broker: Mosquitto


@asynccontextmanager
async def ruins(root: Path) -> AsyncIterator[Ruins]:
    install(root, "#!/bin/sh\nsleep 600\n", "hang")
    servers = {
        "silent": WebServer(lambda _: Reply(silent=True)),
        "drip": WebServer(lambda _: Reply(body=b"x" * 1000, pause=0.5)),
        "deaf": WebServer(deaf=True),
        "refuses": WebServer(lambda _: Reply(500, b"broken")),
        "expired": WebServer(tls=expired()),
        "garbage": WebServer(lambda _: Reply(raw=b"\0\xff" * 5000)),
        "endless": WebServer(lambda _: Reply(503, endless=b"<html>" * 1000)),
    }
    async with AsyncExitStack() as stack:
        for server in servers.values():
            await stack.enter_async_context(server)
        broker = await stack.enter_async_context(Mosquitto(root / "frozen"))
        urls = {name: server.url for name, server in servers.items()} | {"gone": "http://127.0.0.1:9"}
        hooks = "".join(BROKEN.format(name=name, url=url) for name, url in urls.items())
        channels = "".join(f"\tlist channels '{name}'\n" for name in (*WAITING, *REFUSING))
        others = OTHERS.format(silent=urls["silent"], frozen=broker.port, deaf=servers["deaf"].port, channels=channels)
        yield Ruins(hooks + others, broker)


async def states(peers: Peers, channel: str) -> list[dict[str, Any]]:
    return list((await peers.home.call("list_deliveries", channel=channel, limit=100))["deliveries"])


async def test_what_works_does_not_wait_for_what_is_broken(tmp_path: Path) -> None:
    secrets = "\nconfig telegram 'bot'\n\toption token '123456:AAlab-0123456789abcdefghijklmno'\n" + SECRETS
    async with ruins(tmp_path) as broken, everywhere(tmp_path, more=broken.more, secrets=secrets) as peers:
        broken.broker.freeze()
        for number in range(10):
            peers.home.dongle.deliver(f"message {number}", ANN)
        await peers.done(10)
        for channel in WAITING:
            found = await states(peers, channel)
            assert len(found) == 10
            assert {each["attempts"] for each in found} == {0}, channel
            assert "sending" in {each["state"] for each in found}, channel
        for channel in REFUSING:
            found = await states(peers, channel)
            assert len(found) == 10
            assert {each["state"] for each in found} <= {"pending", "sending"}, channel
        problems = await peers.home.problems()
        assert "not trusted" in problems["channel expired"]
        assert len(CHANNELS) * 10 == len(peers.home.events.of("delivery.done"))
