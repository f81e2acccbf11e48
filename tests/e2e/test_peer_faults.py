"""Faults of the daemon's other peers: mail commands, the bus, permissions, the clock."""

from __future__ import annotations

import asyncio
import os
import select
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pytest

from e2e.kit import LAUNCHER, body, living, parsed

SENDER = "+41791112233"
SECOND = """
config email 'second'
	list to 'second@home.lab'
	option from 'homeline@router.lab'
	option command 'mailer'
	option timeout '5'

config rule 'also'
	list channels 'second'
"""
TO_SECOND = '#!/bin/sh\nexec cat > "$(dirname "$0")/../taken"\n'


def install(root: Path, script: str) -> Path:
    """The program of the channel `second`."""
    program = root / "etc/homeline/commands.d/mailer"
    program.write_text(script)
    program.chmod(0o755)
    return program


async def test_a_missing_mail_command_delays_no_other_and_is_tried_when_it_is_there(tmp_path: Path) -> None:
    async with living(tmp_path, extra=SECOND) as home:
        home.dongle.deliver("hello", SENDER)
        await home.events.wait("delivery.done", lambda d: d["channel"] == "owner")
        assert "mailer" in (await home.problems())["channel second"]
        (waiting,) = (await home.call("list_deliveries", channel="second"))["deliveries"]
        assert waiting["state"] == "pending"
        assert "not run" in waiting["error"]
        install(tmp_path, TO_SECOND)
        home.router.configure(home.configuration().replace("timeout '5'", "timeout '6'"))
        await home.events.wait("delivery.done", lambda d: d["channel"] == "second")
        assert "hello" in (tmp_path / "etc/homeline/taken").read_text()
        assert "channel second" not in await home.problems()


async def test_a_mail_command_that_refuses_and_one_that_fails_for_now(tmp_path: Path) -> None:
    async with living(tmp_path, extra=SECOND) as home:
        install(tmp_path, "#!/bin/sh\necho no such user >&2\nexit 67\n")
        home.dongle.deliver("hello", SENDER)
        failed = await home.events.wait("delivery.failed")
        assert "no such user" in failed["error"]
        alert = await home.events.wait("alert.raised")
        assert alert["key"] == "delivery.second"
        install(tmp_path, TO_SECOND)
        assert await home.call("retry_delivery", id=failed["id"]) == {"count": 1}
        await home.events.wait("delivery.done", lambda d: d["channel"] == "second")
        assert (await home.events.wait("alert.cleared"))["key"] == "delivery.second"
        install(tmp_path, "#!/bin/sh\nexit 75\n")
        home.dongle.deliver("later", SENDER)
        await home.events.wait("delivery.done", lambda d: d["channel"] == "owner" and d["id"] > failed["id"])
        (waiting,) = (await home.call("list_deliveries", channel="second", state="pending"))["deliveries"]
        install(tmp_path, TO_SECOND)
        await home.call("retry_delivery", id=waiting["id"])
        await home.events.wait("delivery.done", lambda d: d["id"] == waiting["id"])


async def test_a_mail_command_that_hangs_is_ended_and_delays_no_other(tmp_path: Path) -> None:
    async with living(tmp_path, extra=SECOND) as home:
        pid = tmp_path / "pid"
        install(tmp_path, f"#!/bin/sh\necho $$ > {pid}.new; mv {pid}.new {pid}; exec sleep 1000\n")
        home.dongle.deliver("hello", SENDER)
        await home.events.wait("delivery.done", lambda d: d["channel"] == "owner", timeout=3)
        assert (await home.call("list_deliveries", channel="second"))["deliveries"][0]["state"] == "sending"
        process = os.pidfd_open(int(pid.read_text()))
        install(tmp_path, TO_SECOND)
        await home.logged("did not end within 5 s")
        ended, _, _ = await asyncio.to_thread(select.select, [process], [], [], 30)
        os.close(process)
        assert ended
        (waiting,) = (await home.call("list_deliveries", channel="second"))["deliveries"]
        await home.call("retry_delivery", id=waiting["id"])
        await home.events.wait("delivery.done", lambda d: d["channel"] == "second")


async def test_the_bus_is_restarted(tmp_path: Path) -> None:
    async with living(tmp_path) as home:
        await home.warm_up()
        await home.router.bus.stop()
        home.router.published.clear()
        home.dongle.deliver("while the bus was away", SENDER)
        await home.mail.wait_for(1)
        await home.router.bus.start()
        await home.router.ready(2.0)  # the object is back
        await home.bus.wait_ready(5.0)
        assert await home.texts() == ["while the bus was away"]
        home.dongle.deliver("and after it", SENDER)
        await home.events.wait("message.received", lambda m: m["text"] == "and after it")


async def test_a_bus_that_is_not_there_at_the_start(tmp_path: Path) -> None:
    async with living(tmp_path, start=False) as home:
        await home.router.bus.stop()
        await home.router.start(home.command(["-m", "homeline", "run", "--root", str(tmp_path)]))
        home.dongle.deliver("without a bus", SENDER)
        await home.dongle.seen("+CMGL", timeout=15)
        await home.router.bus.start()
        await home.router.ready(5.0)
        await home.bus.wait_ready(5.0)
        assert (await home.status())["state"] in ("starting", "ready")


async def test_a_bus_permission_that_is_missing_and_granted_later(tmp_path: Path) -> None:
    """Without acl.d's file ubusd refuses to publish the object; the daemon works on, and is there once it may be."""
    async with living(tmp_path, start=False) as home:
        allowed = home.router.bus.permits
        home.router.bus.permits = lambda peer, action, name: name != "homeline" and allowed(peer, action, name)
        await home.router.start(home.command(["-m", "homeline", "run", "--root", str(tmp_path)]))
        await home.dongle.seen("+CPMS", timeout=15)
        assert "homeline" in home.log
        home.router.bus.permits = allowed
        await home.router.ready(5.0)
        await home.until_dongle("ready")
        assert "bus" not in await home.problems()


NOBODY = 65534
PYTHONPATH = ":".join(path for path in sys.path if path.endswith(("/src", "/site-packages")))


def as_nobody() -> list[str]:
    """How to run Python as a user without rights, where this machine lets us."""
    if os.geteuid() != 0 or shutil.which("setpriv") is None:
        pytest.skip("only root can run the daemon as another user, with setpriv")
    become = ["setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups"]
    probe = "import sys; assert sys.version_info >= (3, 11); import serial, phonenumbers, homeline.cli"
    for python in (sys.executable, "/usr/bin/python3"):
        command = [*become, python, "-c", probe]
        environment = {**os.environ, "PYTHONPATH": PYTHONPATH}
        if subprocess.run(command, env=environment, cwd="/", capture_output=True, timeout=30).returncode == 0:
            return [*become, python]
    pytest.skip("there is no Python here that others than root may run with our packages")


async def test_a_port_permission_that_is_missing_and_granted_later() -> None:
    program = as_nobody()
    folder = Path(tempfile.mkdtemp(prefix="homeline-nobody-"))  # pytest's own folders are closed to others
    folder.chmod(0o755)
    try:
        async with living(folder, start=False) as home:
            home.router.group = NOBODY
            shutil.chown(home.router.paths.state, NOBODY, NOBODY)
            home.router.paths.locks.chmod(0o1777)
            device = home.dongle.port.resolve()
            device.chmod(0o600)
            command = [*program, str(LAUNCHER), str(folder)]
            await home.router.start(command, {"PYTHONPATH": PYTHONPATH})
            await home.router.ready(15)
            await home.bus.wait_ready(5)
            await home.until_dongle("blocked")
            assert (await home.status())["reason"] == "no_permission"
            assert "dialout" in (await home.call("status"))["problems"][0]["advice"]
            device.chmod(0o666)
            await home.until_dongle("ready")
            await home.warm_up()  # also the database and the mail's settings are such a user's
    finally:
        shutil.rmtree(folder, ignore_errors=True)


async def test_a_clock_in_1970_that_is_set_later(tmp_path: Path) -> None:
    """Mail goes out, dates come from the service centre, and nothing waits for decades when the clock is set."""
    async with living(tmp_path, start=False, quick=True, extra=SECOND) as home:
        home.set_clock(1000 - int(time.time()))
        await home.run()
        assert "clock" in await home.problems()
        home.dongle.deliver("hello", SENDER)
        message = await home.events.wait("message.received")
        assert message["at"] < 10_000 < 1_700_000_000 < message["sent_at"]
        await home.events.wait("delivery.done", lambda d: d["channel"] == "owner")
        (mail,) = map(parsed, home.mail.mails)
        assert body(mail) == "hello"
        assert "1970" not in mail["Date"]
        assert "1970" not in mail["Subject"]
        install(tmp_path, TO_SECOND)  # it has failed and waits
        home.set_clock(0)
        assert "clock" not in await home.problems()
        (waiting,) = (await home.call("list_deliveries", channel="second"))["deliveries"]
        await home.call("retry_delivery", id=waiting["id"])
        shown = (await home.call("get_message", id=message["id"]))["message"]
        assert abs(shown["at"] - time.time()) < 100
        home.dongle.deliver("again", SENDER)
        await home.events.wait("message.received", lambda m: m["text"] == "again")
        assert (await home.call("list_deliveries", channel="second"))["deliveries"]


async def test_a_clock_that_goes_back_stops_nothing(tmp_path: Path) -> None:
    async with living(tmp_path, quick=True) as home:
        await home.warm_up()
        home.mail.replies["MAIL"] = "451 later"
        home.set_clock(10 * 365 * 86400)
        home.dongle.deliver("in ten years", SENDER)
        await home.events.wait("message.received")
        await home.logged("is tried again")
        home.mail.replies.clear()
        home.set_clock(0)
        await home.events.wait("delivery.done", timeout=20)
