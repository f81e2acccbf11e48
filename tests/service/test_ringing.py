"""Calls to a dongle without voice: one event for each, with the number or without, however its modem tells."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from homeline.adapters.store import Store
from homeline.config_calls import Line
from homeline.model import CallState
from homeline.protocol.notices import unsolicited
from homeline.service.calls import Calls
from homeline.service.ringing import RingingDongles
from service.kit import CONFIG, NOW, Service

NEVER = 3600.0  # seconds of silence that no test waits for


@asynccontextmanager
async def ringing(folder: Path, silence: float = NEVER) -> AsyncIterator[tuple[Service, RingingDongles]]:
    config = replace(CONFIG, lines=(Line("home", "stick"),))
    async with Service(folder, config) as service, asyncio.TaskGroup() as tasks:

        def spawn(work: Coroutine[Any, Any, None]) -> None:
            tasks.create_task(work)

        yield service, RingingDongles(service.context, Calls(service.context), spawn, silence)


@pytest.mark.parametrize(
    ("lines", "number"),
    [
        (['RING', '+CLIP: "+41791112233",145,,,,0', 'RING', '+CLIP: "+41791112233",145,,,,0'], "+41791112233"),
        (['+CRING: VOICE', '+CLIP: "0791112233",129'], "+41791112233"),
        (['RING', '+CLIP: "41791112233",145'], "+41791112233"),
        (['RING', '+CLIP: "",128,,,,1', 'RING', '+CLIP: "",128,,,,1'], None),
        (['RING', 'RING', 'RING'], None),
        (['RING'], None),
        (['RING', 'RING', '+CLIP: "117",129'], "117"),
        (['RING', f'+CLIP: "{"9" * 5000}",129'], "9" * 64),
    ],
)  # fmt: skip
@pytest.mark.parametrize("end", ["^CEND:1,0,29,16", "NO CARRIER", "+WIND: 6,1"])
async def test_a_call_is_missed_once(tmp_path: Path, lines: list[str], number: str | None, end: str) -> None:
    async with ringing(tmp_path) as (service, dongles):
        for line in lines:
            dongles.heard("stick", unsolicited(line))
        service.now += 20
        dongles.heard("stick", unsolicited(end))
        dongles.heard("stick", unsolicited(end))
        (missed,) = await service.told_of("call.missed")
        assert missed.get("peer") == number
        assert (missed["direction"], missed["state"], missed["unread"]) == ("in", "missed", True)
        assert (missed["dongle"], missed["line"]) == ("stick", "home")
        assert (missed["started_at"], missed["ended_at"]) == (NOW, NOW + 20)
        assert service.of("call.ended") == [missed]
        assert len(service.of("call.started")) == (0 if lines == ["RING"] else 1)
        assert service.wakes == 1
        (delivery,) = await service.database(Store.list_deliveries)
        assert delivery.event == missed["id"]


async def test_the_bus_is_told_who_rings_while_it_rings(tmp_path: Path) -> None:
    async with ringing(tmp_path) as (service, dongles):
        dongles.heard("stick", unsolicited("RING"))
        dongles.heard("stick", unsolicited('+CLIP: "0791112233",129'))
        (started,) = await service.told_of("call.started")
        assert started == {
            "direction": "in", "state": "ringing", "unread": False, "dongle": "stick", "line": "home",
            "peer": "+41791112233", "peer_raw": "0791112233", "started_at": NOW,
        }  # fmt: skip
        dongles.forget("stick")
        await service.told_of("call.missed")


async def test_a_modem_that_just_goes_silent(tmp_path: Path) -> None:
    async with ringing(tmp_path, 0.05) as (service, dongles):
        dongles.heard("stick", unsolicited("RING"))
        await service.told_of("call.missed")
        dongles.heard("stick", unsolicited("RING"))
        first, second = await service.told_of("call.missed", 2)
        assert first["id"] < second["id"]


async def test_two_dongles_ring_at_once(tmp_path: Path) -> None:
    async with ringing(tmp_path) as (service, dongles):
        for name, number in (("stick", "+41791112233"), ("other", "+41794445566")):
            dongles.heard(name, unsolicited("RING"))
            dongles.heard(name, unsolicited(f'+CLIP: "{number}",145'))
        for name in ("stick", "other"):
            dongles.heard(name, unsolicited("NO CARRIER"))
        told = await service.told_of("call.missed", 2)
        assert {(call["dongle"], call["peer"]) for call in told} == {
            ("stick", "+41791112233"),
            ("other", "+41794445566"),
        }


async def test_other_notices_are_no_calls(tmp_path: Path) -> None:
    async with ringing(tmp_path) as (service, dongles):
        for line in ("^CEND:1,0,29,16", "^ORIG:1,0", "^RSSI:20", "NO CARRIER", "nonsense"):
            dongles.heard("stick", unsolicited(line))
        dongles.forget("stick")
        assert service.told == []
        page = await service.database(Store.list_calls)
        assert [call for call in page.calls if call.state is CallState.MISSED] == []
