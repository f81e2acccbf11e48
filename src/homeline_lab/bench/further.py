"""What only Homeline has: its object on the bus, and a configuration that counts as soon as it is committed."""

from __future__ import annotations

import asyncio
import statistics
import tempfile
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

from homeline.adapters.store import Store
from homeline.model import Event, ReceivedPart, Wanted
from homeline_lab.bench.measure import Effort, Figures
from homeline_lab.bench.ours import Homeline
from homeline_lab.bench.program import Program
from homeline_lab.bench.screen import screen
from homeline_lab.house import House

INBOX = 100_000
AT_ONCE = 1000  # messages that are stored in one transaction
PEERS = 500
SINCE = 1_700_000_000  # s, when the first of them came

RULE = """
config rule 'another_{number}'
	list events 'message'
	list channels 'owner'
"""


async def further(kind: type[Program], effort: Effort) -> Figures:
    """The bus with an inbox of 100,000 messages: `status`, a page of 50, also in a browser, and from a commit to its
    effect."""
    if kind is not Homeline:
        return {}
    with tempfile.TemporaryDirectory(prefix="homeline-bench-") as folder:
        async with House(Path(folder), level="error", options={"retention_days": "0"}) as house:
            await asyncio.to_thread(_fill, house.router.paths.state / "homeline.db")
            await house.start()
            return {
                **await screen(house, Path(folder) / "chromium", effort.singles),
                "status_p50_ms": await _median(lambda: house.call("status"), effort),
                "page_p50_ms": await _median(lambda: house.call("list_messages", limit=50), effort),
                "page_deep_p50_ms": await _median(
                    lambda: house.call("list_messages", limit=50, before=INBOX // 2), effort
                ),
                "commit_p50_ms": await _commit(house, effort),
            }


def _fill(database: Path) -> None:
    store = Store.open(database)
    for first in range(0, INBOX, AT_ONCE):
        store.receive([_part(first + i) for i in range(AT_ONCE)], SINCE + first, _nothing)
    store.close()


def _part(number: int) -> ReceivedPart:
    peer = f"+4179{number % PEERS:07d}"
    return ReceivedPart(
        "stick",
        "8941010000000000001",
        f"0011{number:08X}",
        sender=peer,
        peer=peer,
        sent_at=SINCE + number,
        text=f"message {number:06d} of the benchmark",
        encoding="gsm7",
    )


def _nothing(_event: Event) -> list[Wanted]:
    return []


async def _median(call: Callable[[], Awaitable[object]], effort: Effort) -> float:
    """Milliseconds from the request to the whole reply."""
    found = []
    for _ in range(effort.singles * 3):
        asked = time.perf_counter()
        await call()
        found.append(time.perf_counter() - asked)
    return statistics.median(found) * 1000


async def _commit(house: House, effort: Effort) -> float:
    """Milliseconds from a committed file to the daemon's word that it is in force, root's helper in between."""
    applied = asyncio.Event()
    house.bus.listen("homeline.config.applied", lambda _name, _data: applied.set())
    await house.bus.wait_ready(5.0)
    found = []
    for number in range(effort.rounds * 3):
        applied.clear()
        committed = time.perf_counter()
        house.router.configure(house.configuration(RULE.format(number=number)))
        await asyncio.wait_for(applied.wait(), 10.0)
        found.append(time.perf_counter() - committed)
        await asyncio.sleep(0.5)  # else two commits would be one reload
    return statistics.median(found) * 1000
