"""Alerts: raised once, cleared once, and not lost while the store takes nothing."""

from __future__ import annotations

from pathlib import Path

import pytest

from homeline.adapters.store import Store
from homeline.errors import StoreFull
from service.kit import Service


async def test_raised_refreshed_and_cleared(tmp_path: Path) -> None:
    async with Service(tmp_path) as service:
        await service.alerts.raise_("dongle.stick", "It does not work.", "Plug it in.", "critical", "stick")
        await service.alerts.raise_("dongle.stick", "It still does not work.", "Plug it in.", "critical", "stick")
        (raised,) = service.of("alert.raised")
        assert (raised["key"], raised["severity"], raised["dongle"]) == ("dongle.stick", "critical", "stick")
        assert service.wakes == 1
        (delivery,) = await service.database(Store.list_deliveries)
        assert raised["event"] == delivery.event
        (listed,) = await service.database(Store.list_alerts)
        assert listed.event == delivery.event
        await service.alerts.clear("dongle.stick")
        await service.alerts.clear("dongle.stick")
        (cleared,) = service.of("alert.cleared")
        assert (cleared["id"], cleared["text"]) == (raised["id"], "It still does not work.")
        await service.alerts.raise_("dongle.stick", "Again.")
        assert service.of("alert.raised")[1]["id"] > raised["id"]


async def test_what_a_full_store_does_not_take_is_raised_when_it_does(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise StoreFull("no space")

    async with Service(tmp_path) as service:
        with monkeypatch.context() as patch:
            patch.setattr(Store, "raise_alert", refuse)
            await service.alerts.raise_("a", "First.", "Do this.", "critical", "stick")
            await service.alerts.raise_("b", "Second.")
            await service.alerts.store_again()
            assert [problem.where for problem in service.alerts.problems()] == ["a", "b"]
        await service.alerts.clear("b")
        await service.alerts.store_again()
        (raised,) = service.of("alert.raised")
        assert (raised["text"], raised["advice"], raised["severity"]) == ("First.", "Do this.", "critical")
        assert service.alerts.problems() == []
