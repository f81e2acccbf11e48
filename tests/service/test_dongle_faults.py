"""Faults of the line, the modem and the port, with the simulated dongle over real ptys: each is told and healed."""

from __future__ import annotations

import asyncio
import errno
import subprocess
import sys
import threading
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest
import serial

from homeline.adapters.serial import open_device
from homeline.model import Disposition, DongleState, Reason, ReceivedPart
from homeline_lab.dongle import Dongle
from service.dongle_kit import QUICK, Host, driving


@pytest.mark.parametrize("octets", [0, 5, 30, 90])
async def test_the_port_vanishes_within_an_answer_and_comes_back_under_another_name(
    tmp_path: Path, octets: int
) -> None:
    host = Host()
    async with Dongle("e1750", tmp_path) as dongle, driving(tmp_path, host):
        await host.up()
        dongle.faults.vanish("+CMGR", octets, back_as="ttyUSB7", seconds=0.2)
        dongle.deliver("survives")
        await host.wait(lambda: any(s.state is DongleState.ABSENT for s in host.states))
        assert host.states[-1].reason is Reason.UNPLUGGED
        await host.wait(lambda: host.texts == ["survives"])
        await dongle.wait(lambda: not dongle.stored())
        assert (await host.state(DongleState.READY)).port.endswith("/ttyUSB7")


async def test_unplugged_and_plugged_in_again_under_another_name(tmp_path: Path) -> None:
    host = Host()
    async with Dongle("ec25", tmp_path, every_port=True) as dongle, driving(tmp_path, host):
        await host.state(DongleState.READY)
        dongle.unplug()
        assert (await host.state(DongleState.ABSENT)).port == ""
        dongle.plug("ttyUSB4")
        await host.state(DongleState.READY)
        dongle.deliver("back")
        await host.wait(lambda: host.texts == ["back"])


async def test_a_change_of_ports_is_looked_at_at_once(tmp_path: Path) -> None:
    host = Host()
    slow = replace(QUICK, poll_least=60.0, poll_most=60.0)
    async with driving(tmp_path, host, slow) as driver:
        await host.state(DongleState.ABSENT)
        async with Dongle("e1750", tmp_path):
            driver.ports_changed()
            await host.state(DongleState.READY, timeout=3)


async def test_a_mute_modem_is_found_out_and_used_again_when_it_speaks(tmp_path: Path) -> None:
    host = Host()
    async with Dongle("e1750", tmp_path) as dongle, driving(tmp_path, host, replace(QUICK, monitor=0.1)) as driver:
        await host.up()
        dongle.faults.mute = True
        driver._session.port.run = short(driver)  # type: ignore[method-assign, union-attr]
        await host.state(DongleState.FAILED, timeout=20)
        assert any(s.state is DongleState.RECOVERING and s.reason is Reason.MUTE for s in host.states)
        assert host.states[-1].reason is Reason.MUTE
        dongle.faults.mute = False
        dongle.deliver("heard again")
        await host.wait(lambda: host.texts == ["heard again"])
        await host.state(DongleState.READY)


def short(driver):  # type: ignore[no-untyped-def]
    """Commands of the running session with short deadlines: no test waits for a real modem's."""
    port = driver._session.port
    original = type(port).run

    async def run(command, timeout=None, **more):  # type: ignore[no-untyped-def]
        return await original(port, command, 0.2, **more)

    return run


async def test_a_port_that_never_answers_is_no_modem_and_is_tried_again(tmp_path: Path) -> None:
    host = Host()
    async with Dongle("e1750", tmp_path) as dongle:
        dongle.faults.mute = True
        async with driving(tmp_path, host):
            assert (await host.state(DongleState.FAILED)).reason is Reason.NOT_A_MODEM
            dongle.faults.mute = False
            await host.state(DongleState.READY)


async def test_noise_around_every_answer_does_not_matter(tmp_path: Path) -> None:
    host = Host()
    async with Dongle("e1750", tmp_path) as dongle:
        dongle.faults.noise_before = b"\x00\xff\xfe\r\n\x80garbage\r\n"
        async with driving(tmp_path, host):
            await host.state(DongleState.READY)
            dongle.deliver("through noise")
            await host.wait(lambda: host.texts == ["through noise"])


async def test_endless_noise_does_not_extend_a_deadline(tmp_path: Path) -> None:
    host = Host()
    async with Dongle("e1750", tmp_path) as dongle:
        dongle.faults.mute = True

        async def babble() -> None:
            while True:
                dongle.noise(b"\xaa\x55 nonsense \r\n")
                await asyncio.sleep(0.02)

        task = asyncio.create_task(babble())
        try:
            async with driving(tmp_path, host):
                await host.state(DongleState.FAILED, timeout=5)
        finally:
            task.cancel()


async def test_a_modem_that_swallows_hasty_commands_is_given_time(tmp_path: Path) -> None:
    host = Host()
    async with Dongle("e1750", tmp_path) as dongle:
        dongle.faults.min_gap = 0.25
        async with driving(tmp_path, host) as driver:
            await host.wait(lambda: driver._session is not None and driver._session.port.gap > 0, timeout=20)
            dongle.deliver("slowly")
            await host.wait(lambda: host.texts == ["slowly"], timeout=40)
            assert driver._session is not None
            assert driver._session.port.gap == pytest.approx(0.3)


@pytest.mark.parametrize("quiet", [True, False])
async def test_a_modem_that_starts_again_by_itself_is_set_up_again(tmp_path: Path, quiet: bool) -> None:
    host = Host()
    async with Dongle("ec25", tmp_path) as dongle, driving(tmp_path, host, replace(QUICK, monitor=0.2)):
        await host.up()
        if quiet:
            dongle.modem.power_up(quiet=True)
        else:
            dongle.reset()
        await host.wait(lambda: any(s.state is DongleState.STARTING for s in host.states[-3:]))
        await host.state(DongleState.READY)
        dongle.deliver("with new settings")
        await host.wait(lambda: host.texts == ["with new settings"])


async def test_the_owners_reset_restarts_the_modem_which_comes_back_under_another_name(tmp_path: Path) -> None:
    host = Host()
    async with Dongle("e1750", tmp_path) as dongle, driving(tmp_path, host) as driver:
        await host.state(DongleState.READY)
        dongle.next_name = "ttyUSB3"
        await driver.reset()
        await host.wait(lambda: any(s.reason is Reason.RESET for s in host.states))
        await dongle.wait(lambda: dongle.plugged and dongle.name == "ttyUSB3")
        await host.wait(lambda: host.states[-1].port.endswith("ttyUSB3") and host.states[-1].state is DongleState.READY)


async def test_a_refused_step_is_named_and_the_ladder_climbed_to_the_restart(tmp_path: Path) -> None:
    host = Host()
    async with Dongle("e1750", tmp_path) as dongle:
        dongle.faults.refuse("+CMGF", times=4)
        async with driving(tmp_path, host):
            await host.state(DongleState.READY)
            refused = [s for s in host.states if s.reason is Reason.STEP_FAILED]
            assert "PDU mode" in refused[0].detail
            assert "radio off and on" in refused[1].detail
            assert "restarting" in refused[2].detail


async def test_a_modem_that_keeps_starting_again_ends_on_the_ladder(tmp_path: Path) -> None:
    host = Host()
    async with Dongle("ec25", tmp_path) as dongle:
        dongle.faults.interject("RDY", 0, times=9, command="+CMGF")
        async with driving(tmp_path, host):
            await host.wait(lambda: any(s.state is DongleState.RECOVERING for s in host.states))


async def test_an_open_that_blocks_blocks_nothing_else(tmp_path: Path) -> None:
    host = Host()
    release = threading.Event()
    hung = threading.Event()

    def opener(path: str, baudrate: int) -> serial.Serial:
        if not release.is_set():
            hung.set()
            release.wait(20)
            raise OSError(errno.ENODEV, "gone")
        return open_device(path, baudrate)

    async with Dongle("e1750", tmp_path), driving(tmp_path, host, replace(QUICK, open=0.2), opener):
        assert (await host.state(DongleState.BLOCKED)).reason is Reason.OPEN_TIMEOUT
        assert hung.is_set()
        release.set()
        await host.state(DongleState.READY)


def test_an_open_that_blocks_does_not_hold_up_the_end_of_the_program(tmp_path: Path) -> None:
    code = (
        "import asyncio, time\nfrom pathlib import Path\nfrom homeline.adapters.serial import open_port\n"
        "async def main():\n"
        "    try: await open_port(Path('/dev/null'), 9600, 0.1, lambda path, rate: time.sleep(60))\n"
        "    except Exception as error: print(error.reason)\n"
        "asyncio.run(main())"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=20)
    assert run.stdout == "open_timeout\n"


async def test_a_port_that_another_program_has_is_named_and_taken_when_free(tmp_path: Path) -> None:
    host = Host()
    async with Dongle("e1750", tmp_path) as dongle:
        code = (
            "import fcntl, sys; f = open(sys.argv[1], 'rb+', buffering=0); fcntl.flock(f, fcntl.LOCK_EX);"
            "print('have it', flush=True); sys.stdin.read()"
        )
        other = await asyncio.create_subprocess_exec(
            *(sys.executable, "-c", code, str(dongle.port)), stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )
        assert other.stdout is not None
        await other.stdout.readline()
        async with driving(tmp_path, host) as driver:
            status = await host.state(DongleState.BLOCKED)
            assert status.reason is Reason.PORT_OWNED
            assert f"process {other.pid}" in status.detail
            assert other.stdin is not None
            other.stdin.close()
            await other.wait()
            driver.ports_changed()
            await host.state(DongleState.READY)


async def test_a_lock_file_of_a_living_program_is_respected_and_ours_is_left_behind_by_nobody(tmp_path: Path) -> None:
    host = Host()
    lock = tmp_path / "var/lock/LCK..ttyUSB0"
    lock.parent.mkdir(parents=True)
    async with Dongle("e1750", tmp_path) as dongle:
        lock.write_text(f"{1:>10}\n")  # process 1 lives
        async with driving(tmp_path, host) as driver:
            assert (await host.state(DongleState.BLOCKED)).reason is Reason.PORT_OWNED
            assert dongle.count() == 0
            lock.unlink()
            driver.ports_changed()
            await host.state(DongleState.READY)
            assert lock.exists()
        assert not lock.exists()


async def test_a_missing_permission_is_told_and_a_granted_one_used(tmp_path: Path) -> None:
    host = Host()
    denied = [True]

    def opener(path: str, baudrate: int) -> serial.Serial:
        if denied[0]:
            raise serial.SerialException(errno.EACCES, "could not open port")
        return open_device(path, baudrate)

    async with Dongle("e1750", tmp_path), driving(tmp_path, host, opener=opener) as driver:
        assert (await host.state(DongleState.BLOCKED)).reason is Reason.NO_PERMISSION
        denied[0] = False
        driver.ports_changed()
        await host.state(DongleState.READY)


async def test_no_network_is_told_and_after_a_while_the_radio_is_switched_off_and_on(tmp_path: Path) -> None:
    host = Host()
    async with Dongle("e1750", tmp_path) as dongle:
        dongle.network.registration = 2
        async with driving(tmp_path, host, replace(QUICK, search=0.3)):
            assert (await host.state(DongleState.SEARCHING)).reason is Reason.NO_NETWORK
            await dongle.seen("+CFUN", 2)
            dongle.network.register(1)
            await host.state(DongleState.READY)


async def test_a_network_that_denies_and_later_takes_us(tmp_path: Path) -> None:
    host = Host()
    async with Dongle("e1750", tmp_path) as dongle:
        dongle.network.registration = 3
        async with driving(tmp_path, host):
            assert (await host.state(DongleState.DENIED)).reason is Reason.REGISTRATION_DENIED
            dongle.network.register(5)
            await host.state(DongleState.READY)


async def test_a_fault_of_our_own_is_logged_and_the_dongle_used_again(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    class Faulty(Host):
        faults = 2

        async def received(self, parts: Sequence[ReceivedPart], archived: bool) -> Sequence[Disposition]:
            if self.faults:
                self.faults -= 1
                raise RuntimeError("a mistake in the code")
            return await super().received(parts, archived)

    host = Faulty()
    async with Dongle("e1750", tmp_path) as dongle, driving(tmp_path, host):
        await host.up()
        dongle.deliver("not lost")
        await host.wait(lambda: host.texts == ["not lost"])
        await dongle.wait(lambda: not dongle.stored())
    assert "a mistake in the code" in caplog.text


async def test_a_disabled_dongle_is_left_alone(tmp_path: Path) -> None:
    host = Host()
    async with Dongle("e1750", tmp_path) as dongle, driving(tmp_path, host, enabled=False):
        await host.state(DongleState.DISABLED)
        assert dongle.count() == 0
