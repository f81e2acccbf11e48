"""Thousands of deliveries that wait when the service starts, and a configuration that changes beneath them."""

from __future__ import annotations

import asyncio
import sqlite3
from collections import Counter
from contextlib import closing
from pathlib import Path

import pytest

from e2e.channels_kit import ANN, SECTIONS, Peers, everywhere
from e2e.kit import Home
from homeline_lab.bench import procfs
from homeline_lab.mosquitto import PROGRAM

pytestmark = pytest.mark.skipif(PROGRAM is None, reason="mosquitto is not installed")

WAITING = 2500  # messages, for each of four channels
MEMORY = 12.0  # MB more than at rest: what HTTP and TLS's library take, and what is under way at once
FAST = ("broker", "hook", "bot", "other")
OTHER = """
config webhook 'other'
	option url 'http://127.0.0.1:{web}/other'
	option allow_local '1'
	option timeout '3'
"""


def pile_up(home: Home, count: int, channels: tuple[str, ...]) -> None:
    """Have so many messages in the store as if they had come, each to be delivered to all these channels."""
    with closing(sqlite3.connect(home.router.paths.inside("/etc/homeline/homeline.db"))) as db:
        first = db.execute("SELECT max(id) FROM event").fetchone()[0]
        columns = [row[1] for row in db.execute("PRAGMA table_info(message)") if row[1] not in ("id", "text")]
        for number in range(count):
            new, text = first + 1 + number, f"waiting {number}"
            db.execute(
                "INSERT INTO event(id, kind, at, dongle) SELECT ?, kind, at, dongle FROM event WHERE id = 1", (new,)
            )
            names = ", ".join(columns)
            db.execute(
                f"INSERT INTO message(id, text, {names}) SELECT ?, ?, {names} FROM message WHERE id = 1", (new, text)
            )
            for channel in channels:
                db.execute(
                    "INSERT INTO delivery(event, rule, channel, next_at, created_at) "
                    "SELECT ?, 'all', ?, next_at, created_at FROM delivery WHERE event = 1 LIMIT 1",
                    (new, channel),
                )
        db.commit()


async def until_sent(peers: Peers, channels: tuple[str, ...], timeout: float = 120.0) -> None:
    async with asyncio.timeout(timeout):
        for channel in channels:
            while (await peers.home.call("list_deliveries", channel=channel, state="pending", limit=1))["deliveries"]:
                await asyncio.sleep(0.1)


async def test_ten_thousand_deliveries_go_out_in_order_and_in_little_memory(tmp_path: Path) -> None:
    wanted = [f"waiting {number}" for number in range(WAITING)]
    async with everywhere(tmp_path, sections=SECTIONS + OTHER) as peers:
        home = peers.home
        home.dongle.deliver("first", ANN)
        await peers.done(1)
        assert home.router.daemon is not None
        before = procfs.memory([home.router.daemon.pid])
        await home.router.stop()
        pile_up(home, WAITING, FAST)
        await home.run()
        most = 0.0
        async with asyncio.timeout(120):
            while (await home.call("list_deliveries", state="pending", limit=1))["deliveries"]:
                most = max(most, procfs.memory([home.router.daemon.pid]))
                await asyncio.sleep(0.2)
        assert most - before < MEMORY
        assert [text.rpartition("\n\n")[2] for text in peers.chatted()[1:]] == wanted
        assert [document["text"] for document in peers.published()[1:]] == wanted
        for path in ("/hook", "/other"):
            hooked = Counter(heard.path for heard in peers.web.heard)
            assert hooked[path] == WAITING + (path == "/hook")
        assert len({heard.headers["idempotency-key"] for heard in peers.web.heard}) == 2 * WAITING + 1


async def applied(peers: Peers, extra: str) -> None:
    """Commit another configuration and wait until it is in force."""
    home = peers.home
    home.events.heard[:] = [heard for heard in home.events.heard if heard[0] != "config.applied"]
    home.router.configure(home.configuration(extra))
    await home.events.wait("config.applied")


async def test_a_configuration_that_changes_while_things_are_sent(tmp_path: Path) -> None:
    """Sections that change, go, come back under the same name and with a mistake; and a rule that goes."""
    rule = "\nconfig rule 'another'\n\tlist events 'message'\n\tlist channels 'other'\n"
    async with everywhere(tmp_path, more=rule) as peers:
        home = peers.home
        other = OTHER.format(web=peers.web.port)
        await applied(peers, other)
        home.dongle.deliver("first", ANN)
        await peers.done(1, FAST)
        await home.router.stop()
        pile_up(home, 300, FAST)
        await home.run("")
        for turn in range(12):
            changed = other.replace("timeout '3'", f"timeout '{turn + 4}'").replace("/other'", f"/other?{turn}'")
            mistake = other.replace("http://127", "nowhere")
            await applied(peers, (changed, "", changed, mistake)[turn % 4])
            home.dongle.deliver(f"beside {turn}", ANN)
        await applied(peers, other)
        await until_sent(peers, FAST)
        await peers.nothing_waits()
        keys = Counter(heard.headers["idempotency-key"] for heard in peers.web.heard)
        paths = Counter(heard.path.partition("?")[0] for heard in peers.web.heard)
        assert set(keys.values()) == {1}
        assert paths["/hook"] == 313
        assert paths["/other"] >= 301
        assert Counter(document["text"] for document in peers.published()) == Counter(await home.texts())
        failed = (await home.call("list_deliveries", state="failed"))["deliveries"]
        assert failed == []
        assert home.log.count("Traceback") == 0
