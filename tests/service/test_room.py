"""An alert before the disk is full."""

from __future__ import annotations

from pathlib import Path

import pytest

from homeline.service.room import Room, space
from service.kit import Service

MIB = 1024 * 1024


@pytest.mark.parametrize(
    ("size", "enough", "too_little"),
    [(8, 0.5, 0.49), (100, 5, 4.9), (100_000, 16, 15.9)],
)
async def test_an_alert_until_there_is_clearly_room_again(
    tmp_path: Path, size: float, enough: float, too_little: float
) -> None:
    free = enough
    async with Service(tmp_path) as service:
        room = Room(service.alerts, tmp_path, lambda _: (int(free * MIB), int(size * MIB)))
        await room.look()
        assert service.of("alert.raised") == []
        free = too_little
        await room.look()
        await room.look()
        (alert,) = service.of("alert.raised")
        assert alert["key"] == "disk.database"
        free = enough * 1.4
        await room.look()
        assert service.of("alert.cleared") == []
        free = enough * 1.6
        await room.look()
        assert len(service.of("alert.cleared")) == 1


async def test_an_alert_of_the_last_run_ends(tmp_path: Path) -> None:
    async with Service(tmp_path) as service:
        await service.alerts.raise_("disk.database", "nearly full")
        await Room(service.alerts, tmp_path, lambda _: (MIB * 50, MIB * 100)).look()
        assert len(service.of("alert.cleared")) == 1


async def test_a_folder_that_is_not_there_says_nothing(tmp_path: Path) -> None:
    async with Service(tmp_path) as service:
        await Room(service.alerts, tmp_path / "nowhere").look()
        assert service.told == []


def test_a_real_disk(tmp_path: Path) -> None:
    free, size = space(tmp_path)
    assert 0 <= free <= size
