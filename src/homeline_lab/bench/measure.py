"""The measurements, one function a row (or a few rows that share a scene). Each returns named figures."""

from __future__ import annotations

import asyncio
import random
import statistics
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass

from homeline_lab.bench import procfs
from homeline_lab.bench.bare import Bare
from homeline_lab.bench.program import Program
from homeline_lab.bench.scene import Scene, label, scene

Figures = dict[str, float | int | str | None]

SLOTS = 50  # a SIM card of usual size
ROOM = 255  # a SIM with room for all that a measurement puts on it
STRANGER_CODE = ";>ran;"  # a sender's name that is a shell command where somebody lets a shell see it


@dataclass(frozen=True, slots=True)
class Effort:
    """How much of each."""

    singles: int = 60  # messages one at a time
    rounds: int = 3  # of bursts and starts; the median counts
    idle: float = 60.0  # s
    many: int = 1000  # messages before the second look at the memory
    kills: int = 20
    mute: float = 60.0  # s
    patience: float = 30.0  # s for a program to come back alone


QUICK = Effort(singles=12, rounds=1, idle=10.0, many=200, kills=3, mute=10.0, patience=10.0)


def percentile(values: list[float], share: float) -> float:
    """The value below which that share of them lies, by the nearest rank."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


async def life(kind: type[Program], effort: Effort) -> Figures:
    """A quiet life: one message at a time, one submission at a time, idling, then many messages."""
    async with scene(kind, ROOM) as s:
        await s.begin()
        await asyncio.sleep(1.0)  # the handler has ended, whose memory is not the program's
        memory = procfs.memory(s.program.pids())
        return {
            **await _latency(s, effort),
            **await _sending(s, effort),
            **await _idle(s, effort),
            "memory_idle_mb": memory,
            **await _many(s, effort),
        }


async def _latency(s: Scene, effort: Effort) -> Figures:
    """From +CMTI (or, for who does not ask for it, from the message's arrival on the SIM) to the handler's start."""
    found = []
    for pdu in s.pdus(effort.singles):
        await asyncio.sleep(random.uniform(0.1, 1.3))
        handled = len(s.bell.times)
        delivered = s.deliver([pdu])
        found.append(await s.bell.wait(handled + 1, 30.0) - delivered)
        await s.drained()
    return {
        "latency_p50_ms": statistics.median(found) * 1000,
        "latency_p95_ms": percentile(found, 0.95) * 1000,
    }


async def _sending(s: Scene, effort: Effort) -> Figures:
    """From the request to the end of AT+CMGS."""
    found = []
    for i in range(effort.singles):
        await asyncio.sleep(random.uniform(0.1, 1.3))
        count = len(s.dongle.sent)
        asked = time.monotonic()
        await s.program.send("+41791234567", label(i))
        await s.dongle.wait(lambda n=count: len(s.dongle.sent) > n, 30.0)  # type: ignore[misc]
        found.append(s.dongle.sent[-1].at - asked)
    return {"send_p50_ms": statistics.median(found) * 1000}


async def _idle(s: Scene, effort: Effort) -> Figures:
    """Processor time and AT commands while nothing happens, for a minute."""
    await asyncio.sleep(3.0)
    pids = s.program.pids()
    cpu, commands = procfs.cpu(pids), s.dongle.count()
    await asyncio.sleep(effort.idle)
    minute = 60.0 / effort.idle
    return {
        "idle_cpu_s": (procfs.cpu(pids) - cpu) * minute,
        "idle_commands": round((s.dongle.count() - commands) * minute),
    }


async def _many(s: Scene, effort: Effort) -> Figures:
    """The memory after many messages."""
    handled = len(s.bell.times)
    s.deliver(s.pdus(effort.many))
    await s.bell.wait(handled + effort.many, 300.0)
    await s.drained(300.0)
    await asyncio.sleep(1.0)
    return {"memory_after_mb": procfs.memory(s.program.pids()), "memory_after_messages": effort.many}


async def burst(kind: type[Program], effort: Effort) -> Figures:
    """200 messages that lie on the SIM when the program starts: from its first look at them to the last handler."""
    rates, starts = [], []
    for _ in range(effort.rounds):
        async with scene(kind, ROOM) as s:
            await s.rest()
            starts.append(await _first_message(s))
            await s.program.stop()
            s.dongle.store(s.pdus(200, first=1))
            handled, begun = len(s.bell.times), time.monotonic()
            await s.program.start()
            last = await s.bell.wait(handled + 200, 120.0)
            rates.append(200 / (last - s.first_read(begun)))
    return {"burst_per_s": statistics.median(rates), "start_s": statistics.median(starts)}


async def _first_message(s: Scene) -> float:
    """From the start of the program to the handler of the message that waits on the SIM."""
    s.dongle.store(s.pdus(1))
    handled, begun = len(s.bell.times), time.monotonic()
    await s.program.start()
    first = await s.bell.wait(handled + 1, 60.0)
    await s.drained()
    return first - begun


async def flood(kind: type[Program], effort: Effort) -> Figures:
    """500 messages at once in the network, through a SIM of 50 slots, while the program idles."""
    rates = []
    for _ in range(effort.rounds):
        async with scene(kind, SLOTS) as s:
            await s.begin()
            pdus = s.pdus(500)
            handled = len(s.bell.times)
            begun = s.deliver(pdus)
            rates.append(500 / (await s.bell.wait(handled + 500, 300.0) - begun))
    return {"flood_per_s": statistics.median(rates)}


async def kills(kind: type[Program], effort: Effort) -> Figures:
    """kill -9 in the middle of 40 messages, started again: what the inbox lacks and what it has twice."""
    if kind is Bare:
        return {}
    lost = doubled = 0
    for trial in range(effort.kills):
        async with scene(kind, SLOTS) as s:
            await s.begin()
            s.dongle.network.interval = 0.01
            s.deliver(s.pdus(40))
            # from among the first messages to behind the last; spread evenly, so that few trials say much
            await asyncio.sleep(0.02 + 1.5 * trial / effort.kills)
            await s.program.kill()
            await s.program.start()
            await s.program.settled()
            await s.drained()
            inbox = await _settled_inbox(s)
            lost += sum(1 for i in range(40) if not inbox[label(i)])
            doubled += sum(max(0, inbox[label(i)] - 1) for i in range(40))
    return {"kill_trials": effort.kills, "kill_lost": lost, "kill_doubled": doubled}


async def _settled_inbox(s: Scene) -> dict[str, int]:
    """The inbox once nothing has come into it for a second."""
    before, now = None, await s.received()
    while now != before:
        await asyncio.sleep(1.0)
        before, now = now, await s.received()
    return now


async def healing(kind: type[Program], effort: Effort) -> Figures:
    """Unplugged and back; back under another name; mute for a while: how long until a message is handled, alone."""
    if kind is Bare:
        return {}
    trials: dict[str, Callable[[Scene], Awaitable[None]]] = {
        "replugged_s": lambda s: _away(s, ""),
        "renamed_s": lambda s: _away(s, "ttyUSB1"),
        "mute_s": lambda s: _mute(s, effort.mute),
    }
    found: Figures = {}
    for name, trial in trials.items():
        async with scene(kind, SLOTS) as s:
            await s.begin()
            handled = len(s.bell.times)
            await trial(s)
            back = time.monotonic()
            s.deliver(s.pdus(1))
            try:
                found[name] = await s.bell.wait(handled + 1, effort.patience) - back
            except TimeoutError:
                found[name] = None
    return found


async def _away(s: Scene, name: str) -> None:
    s.dongle.unplug()
    await asyncio.sleep(3.0)
    s.dongle.plug(name)


async def _mute(s: Scene, seconds: float) -> None:
    s.dongle.faults.mute = True
    await asyncio.sleep(seconds)
    s.dongle.faults.mute = False


async def hostility(kind: type[Program], _effort: Effort) -> Figures:
    """A sender's name and a text that are shell commands: whether one of them ran (each would make a file)."""
    if kind is Bare:
        return {}
    async with scene(kind, SLOTS) as s:
        await s.begin()
        handled = len(s.bell.times)
        s.dongle.deliver("hello", STRANGER_CODE)
        s.dongle.deliver(f"$(touch {s.folder}/textran) `touch {s.folder}/textran`;touch {s.folder}/textran")
        with suppress(TimeoutError):  # a shell that ran something else may have left the handler out
            await s.bell.wait(handled + 2, 20.0)
        await s.drained()
        ran = [what for what, file in (("sender", "ran"), ("text", "textran")) if list(s.folder.rglob(file))]
        return {"runs_code": ", ".join(ran) if ran else "no"}


MEASUREMENTS: tuple[Callable[[type[Program], Effort], Awaitable[Figures]], ...] = (
    life,
    burst,
    flood,
    kills,
    healing,
    hostility,
)
