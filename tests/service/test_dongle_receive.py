"""Receiving with the simulated dongle over real ptys."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from homeline.model import DongleState, Registration
from homeline_lab.dongle import Dongle
from service.dongle_kit import QUICK, Host, driving

MODELS = ["e1750", "ec25", "sim7600", "generic"]


@pytest.mark.parametrize("model", MODELS)
async def test_a_model_comes_up_and_says_who_it_is(model: str, tmp_path: Path) -> None:
    host = Host()
    async with Dongle(model, tmp_path, every_port=True) as dongle, driving(tmp_path, host):
        await host.wait(lambda: host.states[-1].operator != "" if host.states else False)
        status = host.states[-1]
        assert status.state is DongleState.READY
        assert status.registration is Registration.HOME
        assert (status.manufacturer, status.model) == (dongle.model.manufacturer, dongle.model.model)
        assert (status.imei, status.iccid, status.imsi) == (dongle.model.imei, dongle.sim.iccid, dongle.sim.imsi)
        assert status.operator == "Lab Mobile"
        assert status.technology == "umts"
        assert status.port == str(dongle.port)
        assert status.usb_path == "1-1"
        assert status.storage_size


@pytest.mark.parametrize("model", MODELS)
async def test_a_message_is_received_and_deleted_after_the_commit(model: str, tmp_path: Path) -> None:
    host = Host()
    async with Dongle(model, tmp_path, every_port=True) as dongle, driving(tmp_path, host):
        await host.state(DongleState.READY)
        dongle.deliver("hello")
        await host.wait(lambda: host.texts == ["hello"])
        await dongle.wait(lambda: not dongle.stored())
