"""What tests of the serial driver share: a host that remembers, short waits, and a driver that runs."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from homeline.config import Dongle as DongleConfig
from homeline.errors import StoreError
from homeline.model import Disposition, DongleState, DongleStatus, ReceivedPart
from homeline.paths import Paths
from homeline.protocol.notices import Notice
from homeline.protocol.pdu import StatusReport
from homeline.protocol.ussd import Reply
from homeline.service.dongle import SerialDongle
from homeline.service.host import Timing

QUICK = Timing(
    open=2.0,
    probe=0.3,
    bring_up=10.0,
    boot=0.05,
    poll_least=0.02,
    poll_most=0.05,
    sim_busy=0.05,
    sim_locked=0.2,
    sim_patience=5.0,
    search=30.0,
    search_poll=0.2,
    denied=30.0,
    monitor=30.0,
    drain=30.0,
    store_retry=0.1,
    read_retry=0.1,
    ussd=1.0,
    ussd_grace=0.1,
    again=0.05,
    settle=0.05,
    pauses=(0.1, 0.1, 0.2, 0.4),
    stable=1.0,
)


class Host:
    """A store in memory: parts are unique by SIM and PDU, as in the real one. Waiters are woken by every change."""

    def __init__(self, known: bool = True) -> None:
        self.known = known  # whether SIMs that nobody remembered count as known
        self.sims: dict[str, str] = {}
        self.iccids: dict[str, str] = {}
        self.parts: dict[tuple[str, str], tuple[ReceivedPart, bool]] = {}
        self.batches: list[int] = []
        self.reports: list[StatusReport] = []
        self.states: list[DongleStatus] = []
        self.replies: list[Reply] = []
        self.notices: list[Notice] = []
        self.refused: set[tuple[str, str]] = set()
        self.broken = 0  # so many calls fail
        self.delay = 0.0  # seconds a commit takes
        self._waiters: set[asyncio.Event] = set()

    @property
    def texts(self) -> list[str]:
        """What was received as new, in order."""
        return [part.text for part, archived in self.parts.values() if not archived]

    @property
    def archived(self) -> list[str]:
        return [part.text for part, archived in self.parts.values() if archived]

    async def received(self, parts: Sequence[ReceivedPart], archived: bool) -> Sequence[Disposition]:
        self._fail()
        await asyncio.sleep(self.delay)
        self.batches.append(len(parts))
        for part in parts:
            self.parts.setdefault((part.sim, part.pdu), (part, archived))
        self._changed()
        stored = [self.parts[part.sim, part.pdu][1] for part in parts]
        return [Disposition.ARCHIVED if kept else Disposition.STORED for kept in stored]

    async def reported(self, report: StatusReport, dongle: str, sim: str, raw: str) -> None:
        self._fail()
        self.reports.append(report)
        self._changed()

    def changed(self, status: DongleStatus) -> None:
        self.states.append(replace(status))
        self._changed()

    def ussd(self, dongle: str, reply: Reply) -> None:
        self.replies.append(reply)
        self._changed()

    def notice(self, dongle: str, notice: Notice) -> None:
        self.notices.append(notice)
        self._changed()

    async def known_sim(self, sim: str) -> bool:
        self._fail()
        return self.known or sim in self.sims

    async def remember_sim(self, sim: str, dongle: str) -> None:
        self._fail()
        self.sims[sim] = dongle
        self._changed()

    async def iccid_of(self, imsi: str) -> str:
        self._fail()
        return self.iccids.get(imsi, "")

    async def pin_was_refused(self, imei: str, digest: str) -> bool:
        return (imei, digest) in self.refused

    async def pin_refused(self, imei: str, digest: str) -> None:
        self.refused.add((imei, digest))
        self._changed()

    def _fail(self) -> None:
        if self.broken:
            self.broken -= 1
            self._changed()
            raise StoreError("the store is broken for a test")

    def _changed(self) -> None:
        for event in self._waiters:
            event.set()

    async def wait(self, condition: Callable[[], bool], timeout: float = 10.0) -> None:
        """Until something holds; looked at after every call of the driver."""
        event = asyncio.Event()
        self._waiters.add(event)
        try:
            async with asyncio.timeout(timeout):
                while not condition():
                    event.clear()
                    await event.wait()
        except TimeoutError:
            seen = "\n".join(f"{s.state} {s.reason} {s.detail}" for s in self.states[-12:])
            raise AssertionError(f"not within {timeout} s; parts {len(self.parts)}; states:\n{seen}") from None
        finally:
            self._waiters.discard(event)

    async def up(self) -> DongleStatus:
        """Until the dongle is ready, its details are known and what lay in its memories was read."""
        await self.wait(lambda: bool(self.states) and self.states[-1].operator != "")
        return await self.state(DongleState.READY)

    async def state(self, *wanted: DongleState, timeout: float = 10.0) -> DongleStatus:
        """Until the dongle is in one of the states."""
        await self.wait(lambda: bool(self.states) and self.states[-1].state in wanted, timeout)
        return self.states[-1]


@asynccontextmanager
async def driving(
    root: Path, host: Host, timing: Timing = QUICK, opener: Any = None, book: Any = None, **config: Any
) -> AsyncIterator[SerialDongle]:
    """A driver that runs on a lab root; its task must not end by itself."""
    more = {"opener": opener} if opener else {}
    paths = Paths(root)
    paths.locks.mkdir(parents=True, exist_ok=True)
    dongle = SerialDongle(
        DongleConfig(**{"name": "d1", **config}), host, paths, timing=timing, book=book, clock=lambda: 1000, **more
    )
    task = asyncio.create_task(dongle.run())
    try:
        yield dongle
        assert not task.done() or task.exception() is None, task.exception()
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task
