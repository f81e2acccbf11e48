"""Finding the port of a dongle among several, with simulated dongles over real ptys."""

from __future__ import annotations

import asyncio
import threading
from contextlib import AsyncExitStack
from dataclasses import replace
from pathlib import Path

import pytest

from homeline.adapters import usb
from homeline.model import DongleState, Reason
from homeline.service.dongle_ports import Finder, Link, PortBook
from homeline_lab.dongle import Dongle
from service.dongle_kit import QUICK, Host, driving

MODELS = ["e1750", "ec25", "sim7600", "generic"]


@pytest.mark.parametrize("model", MODELS)
async def test_of_a_dongles_ports_the_one_that_tells_things_unasked_is_chosen(model: str, tmp_path: Path) -> None:
    host = Host()
    async with Dongle(model, tmp_path, every_port=True) as dongle, driving(tmp_path, host):
        assert (await host.state(DongleState.READY)).port == str(dongle.port)


async def test_two_dongles_without_a_choice_are_a_question_to_the_owner(tmp_path: Path) -> None:
    host = Host()
    async with Dongle("e1750", tmp_path), Dongle("ec25", tmp_path, "ttyUSB5", usb_path="1-2"), driving(tmp_path, host):
        status = await host.state(DongleState.ABSENT)
        assert status.reason is Reason.NOT_CONFIGURED
        assert "1-1, 1-2" in status.detail


@pytest.mark.parametrize("by", ["imei", "usb_path", "port"])
async def test_two_dongles_are_told_apart(tmp_path: Path, by: str) -> None:
    one, two, book = Host(), Host(), PortBook()
    async with AsyncExitStack() as stack:
        first = await stack.enter_async_context(Dongle("e1750", tmp_path, "ttyUSB0", every_port=True))
        second = await stack.enter_async_context(
            Dongle("e1750", tmp_path, "ttyUSB5", usb_path="1-2", imei="356938035643809", every_port=True)
        )
        choice = {"imei": ["354369047238739", "356938035643809"], "usb_path": ["1-1", "1-2"], "port": ["", ""]}
        choice["port"] = [f"/dev/{first.port.name}", f"/dev/{second.port.name}"]
        # In the other order, so that the first that is found is not right by chance.
        await stack.enter_async_context(driving(tmp_path, two, book=book, name="d2", **{by: choice[by][1]}))
        await stack.enter_async_context(driving(tmp_path, one, book=book, name="d1", **{by: choice[by][0]}))
        assert (await one.state(DongleState.READY)).imei == first.modem.imei
        assert (await two.state(DongleState.READY)).imei == second.modem.imei


async def test_a_dongle_is_found_by_imei_in_another_socket_and_under_other_names(tmp_path: Path) -> None:
    host = Host()
    async with Dongle("generic", tmp_path, "ttyUSB0", usb_path="1-9"), driving(tmp_path, host, imei="354369047238739"):
        assert (await host.state(DongleState.ABSENT)).reason is Reason.NO_PORT
        async with Dongle("e1750", tmp_path, "ttyUSB1", usb_path="1-2", every_port=True):
            await host.state(DongleState.READY)
        await host.state(DongleState.ABSENT)
        async with Dongle("e1750", tmp_path, "ttyUSB8", usb_path="1-3.4", every_port=True):
            assert (await host.state(DongleState.READY)).usb_path == "1-3.4"


async def test_another_modem_under_the_same_name_is_not_taken_for_ours(tmp_path: Path) -> None:
    host = Host()
    async with driving(tmp_path, host, imei="354369047238739"):
        async with Dongle("e1750", tmp_path):
            await host.state(DongleState.READY)
        async with Dongle("e1750", tmp_path, imei="356938035643809") as stranger:
            await stranger.seen("+CGSN")
            assert (await host.state(DongleState.ABSENT)).reason is Reason.UNPLUGGED
            assert stranger.count("+CNMI") == 0


async def test_a_serial_port_that_is_no_usb_port(tmp_path: Path) -> None:
    host = Host()
    async with Dongle("generic") as dongle:
        (tmp_path / "dev").mkdir()
        (tmp_path / "dev/ttyS1").symlink_to(dongle.port)
        async with driving(tmp_path, host, port="/dev/ttyS1"):
            status = await host.state(DongleState.READY)
            assert (status.port, status.usb_path) == (str(tmp_path / "dev/ttyS1"), "")


async def test_a_configured_port_that_is_not_there_is_told(tmp_path: Path) -> None:
    host = Host()
    async with Dongle("e1750", tmp_path), driving(tmp_path, host, port="/dev/ttyUSB9"):
        status = await host.state(DongleState.ABSENT)
        assert status.reason is Reason.NO_PORT
        assert "/dev/ttyUSB9" in status.detail


async def test_something_that_is_no_serial_port(tmp_path: Path) -> None:
    host = Host()
    (tmp_path / "dev").mkdir()
    (tmp_path / "dev/ttyUSB0").write_text("a file")
    async with driving(tmp_path, host, port="/dev/ttyUSB0"):
        assert (await host.state(DongleState.FAILED)).reason is Reason.NOT_A_MODEM


async def test_a_dongle_that_is_stopped_while_its_imei_is_asked_lets_go_of_the_port(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As a change of its settings does: the new one must find the port free."""
    book, asked = PortBook(), asyncio.Event()

    async def never(_finder: Finder, _link: Link) -> bool:
        asked.set()
        await asyncio.Event().wait()
        return True

    async with Dongle("e1750", tmp_path):
        with monkeypatch.context() as patch:
            patch.setattr(Finder, "_is_ours", never)
            async with driving(tmp_path, Host(), book=book), asyncio.timeout(10):
                await asked.wait()
        assert book.taken == {}
        host = Host()
        async with driving(tmp_path, host, book=book):
            await host.up()


async def test_a_kernel_that_does_not_answer_holds_up_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Reading a device's name waits while the kernel resets the device."""
    held = threading.Event()
    with monkeypatch.context() as patch:
        patch.setattr(usb, "candidates", lambda _sys, _dev: held.wait(10) and [])
        host = Host()
        async with driving(tmp_path, host, timing=replace(QUICK, open=0.05)):
            state = await host.state(DongleState.BLOCKED)
            assert state.reason is Reason.OPEN_TIMEOUT
            held.set()
            await host.state(DongleState.ABSENT)
