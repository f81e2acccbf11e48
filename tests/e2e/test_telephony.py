"""From UCI to a real Asterisk: first set-up, changes, what only a restart brings, what does not come up, faults."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from asterisk_kit import asterisk_programs as asterisk_programs
from e2e.kit import Events, Home, Table
from e2e.test_command import command
from homeline.errors import BusError
from homeline.protocol import uci
from homeline_lab.asterisk import Asterisk, Programs, free_port
from homeline_lab.house_asterisk import HouseAsterisk

pytestmark = pytest.mark.usefixtures("asterisk_programs")

DESK = "\nconfig phone 'desk'\n\toption number '11'\n"
MOBILE = "\nconfig phone 'mobile'\n\toption number '12'\n"
TIMEOUT = 30.0


def secrets(extra: str) -> str:
    """A password for each phone."""
    names = [name for name in ("desk", "mobile") if f"phone '{name}'" in extra]
    return "".join(f"config phone '{name}'\n\toption password '{name}-correct-horse'\n" for name in names)


class PhoneHome(Home):
    """A home with an Asterisk that knows nothing of it yet."""

    sip = ""

    @property
    def pbx(self) -> Asterisk:
        assert self.asterisk
        return self.asterisk.asterisk

    async def comes(self, state: str, *changed: str) -> Table:
        """The next time that the daemon says what became of Asterisk's configuration, with these files changed."""
        return await self.events.wait(
            "config.applied",
            lambda data: data.get("asterisk") == state and set(changed) <= set(data.get("changed", ())),
            TIMEOUT,
        )

    def commit(self, extra: str) -> None:
        """`uci commit` with these sections in place of those before."""
        self.events.heard.clear()
        self.router.configure(self.configuration(extra), secrets(extra))

    async def endpoints(self) -> list[str]:
        lines = (await self.pbx.cli("pjsip show endpoints")).splitlines()
        return sorted(line.split()[1].partition("/")[0] for line in lines if line.startswith(" Endpoint:  "))[1:]

    async def asks(self, state: str, timeout: float = TIMEOUT) -> Table:
        """`status` once its table `asterisk` has this configuration."""
        async with asyncio.timeout(timeout):
            while True:
                status = await self.call("status")
                if status["asterisk"]["configuration"] == state:
                    return status
                await asyncio.sleep(0.05)

    def ours(self) -> dict[str, str]:
        folder = self.root / "etc/asterisk/homeline"
        return {path.name: path.read_text() for path in folder.glob("*.conf")}


@asynccontextmanager
async def at_home(
    root: Path, extra: str = DESK, *, sip: str = "", running: bool = True, files: Mapping[str, str] | None = None
) -> AsyncIterator[PhoneHome]:
    """The daemon runs and its configuration is in force. `files` are the owner's."""
    asterisk = HouseAsterisk(root, running=running, files=files)
    async with PhoneHome(root, asterisk=asterisk, sip=sip) as home:
        home.router.configure(home.configuration(extra), secrets(extra))
        home.events = Events(home)
        await home.bus.wait_ready(10)
        try:
            await home.run(state="")
            await home.comes("applied")
            yield home
        finally:
            print(home.log)
            print(home.pbx.log[-8000:])


@pytest.mark.parametrize("running", [True, False], ids=["running", "stopped"])
async def test_a_stock_asterisk_is_set_up(tmp_path: Path, running: bool) -> None:
    async with at_home(tmp_path, running=running) as home:
        assert await home.endpoints() == ["desk"]
        status = await home.call("status")
        assert status["asterisk"]["running"]
        assert status["problems"] == []
        assert set(home.ours()) == {
            *("pjsip.conf", "rtp.conf", "extensions.conf", "manager.conf", "logger.conf", "modules.conf")
        }
        complaints = [line for line in home.pbx.complaints() if "homeline" in line]
        assert complaints == []


async def test_beside_all_files_that_come_with_asterisk(tmp_path: Path, asterisk_programs: Programs) -> None:
    """Those that OpenWrt's packages install too: nothing in them is a problem, or in the way of ours."""
    samples = asterisk_programs.samples
    if not samples.is_dir():
        pytest.skip("this Asterisk came without its samples: `homeline-lab asterisk --again` gets them")
    files = {str(path.relative_to(samples)): path.read_text(errors="replace") for path in samples.rglob("*.conf")}
    assert len(files) > 50
    del files["asterisk.conf"]  # of folders, which are the lab's
    async with at_home(tmp_path, files=files) as home:
        status = await home.call("status")
        assert status["problems"] == []
        assert await home.endpoints() == ["desk"]
        assert [line for line in home.pbx.complaints() if "homeline" in line] == []


async def test_a_commit_changes_what_it_is_about_and_a_call_goes_on(tmp_path: Path) -> None:
    async with at_home(tmp_path) as home:
        await home.pbx.cli("channel originate Local/s@lab-in application Wait 60")
        channels = await home.pbx.channels()
        assert channels
        untouched = (home.root / "etc/asterisk/homeline/rtp.conf").stat()
        home.commit(DESK + MOBILE)
        told = await home.comes("applied", "pjsip.conf")
        assert set(told["changed"]) <= {"pjsip.conf", "extensions.conf"}
        assert await home.endpoints() == ["desk", "mobile"]
        home.commit(MOBILE)
        await home.comes("applied", "pjsip.conf")
        assert await home.endpoints() == ["mobile"]
        assert await home.pbx.channels() == channels
        assert (home.root / "etc/asterisk/homeline/rtp.conf").stat() == untouched


async def test_another_section_is_no_change_for_asterisk(tmp_path: Path) -> None:
    async with at_home(tmp_path) as home:
        before = home.ours()
        home.commit(DESK + "\nconfig rule 'other'\n\tlist events 'alert'\n\tlist channels 'owner'\n")
        await home.events.wait("config.applied")
        home.commit(DESK + MOBILE)
        await home.comes("applied", "pjsip.conf")
        told = [data for data in home.events.of("config.applied") if "asterisk" in data]
        assert len(told) == 1
        assert home.ours() != before


async def test_the_daemon_comes_back_to_what_is_in_force(tmp_path: Path) -> None:
    async with at_home(tmp_path) as home:
        files = {path: path.stat().st_mtime_ns for path in (home.root / "etc/asterisk/homeline").iterdir()}
        await home.killed()
        home.events.heard.clear()
        await home.run(state="")
        told = await home.comes("applied")
        assert told["changed"] == []
        assert {path: path.stat().st_mtime_ns for path in files} == files
        assert home.log.count("Root's helper is asked to restart") == 1  # at the first set-up


async def test_what_only_a_restart_brings_waits_for_the_end_of_calls(tmp_path: Path) -> None:
    async with at_home(tmp_path) as home:
        await home.pbx.cli("channel originate Local/s@lab-in application Wait 60")
        process = home.pbx.process
        home.commit(DESK + "\nconfig sip 'sip'\n\toption port '5070'\n")
        await home.comes("pending_restart")
        status = await home.asks("pending_restart")
        (problem,) = [p for p in status["problems"] if p["where"] == "asterisk restart"]
        assert problem["advice"] == "It happens when no call is up."
        assert home.pbx.process is process
        home.events.heard.clear()
        await home.pbx.cli("channel request hangup all")
        await home.comes("applied")
        assert home.pbx.process is not process
        assert ":5070" in await home.pbx.cli("pjsip show transports")


async def test_the_owner_may_say_when(tmp_path: Path) -> None:
    async with at_home(tmp_path) as home:
        process = home.pbx.process
        home.commit(DESK + "\nconfig sip 'sip'\n\toption port '5070'\n\toption restart 'manual'\n")
        await home.comes("pending_restart")
        problems = await home.problems()
        assert "asterisk restart" in problems
        assert home.pbx.process is process
        home.events.heard.clear()
        await home.call("render_config", restart=True)
        await home.comes("applied")
        assert home.pbx.process is not process
        assert "asterisk restart" not in await home.problems()


async def test_a_change_that_does_not_come_up_is_rolled_back(tmp_path: Path) -> None:
    """The owner's own file has a mistake, for which Asterisk keeps the old one, and reports success."""
    async with at_home(tmp_path) as home:
        before = home.ours()
        owners = home.root / "etc/asterisk/pjsip.conf"
        sound = owners.read_text()
        owners.write_text(sound + "[broken\n")
        home.commit(DESK + MOBILE)
        await home.events.wait("config.applied", lambda data: "mobile" in data.get("error", ""), TIMEOUT)
        assert (await home.call("status"))["asterisk"]["configuration"] == "rolled_back"
        assert home.ours() == before
        assert await home.endpoints() == ["desk"]
        problems = await home.problems()
        assert "Asterisk does not take it" in problems["asterisk configuration"]
        home.events.heard.clear()
        owners.write_text(sound)
        await home.comes("applied", "pjsip.conf")
        assert await home.endpoints() == ["desk", "mobile"]
        assert "asterisk configuration" not in await home.problems()


async def test_what_a_restart_does_not_bring_is_rolled_back_by_another(tmp_path: Path) -> None:
    """An address that the router does not have."""
    async with at_home(tmp_path) as home:
        before, address = home.ours(), home.asterisk.address if home.asterisk else ""
        home.commit(DESK + "\nconfig sip 'sip'\n\toption bind '192.0.2.77'\n")
        await home.comes("pending_restart", "pjsip.conf")
        told = await home.comes("rolled_back")
        assert "transport missing" in told["error"]
        assert home.ours() == before
        await home.pbx.until("pjsip show transports", f"{address}:5060", TIMEOUT)
        assert (await home.asks("rolled_back"))["asterisk"]["error"] == told["error"]


async def test_an_asterisk_that_died_is_started_and_looked_at(tmp_path: Path) -> None:
    async with at_home(tmp_path) as home:
        home.events.heard.clear()
        await home.pbx.kill()
        await home.comes("waiting")
        await home.comes("applied")
        assert await home.endpoints() == ["desk"]


async def test_switched_off_nothing_of_ours_is_left(tmp_path: Path) -> None:
    async with at_home(tmp_path) as home:
        home.router.configure(home.configuration(DESK).replace("option enabled '1'\n\toption bind", "option bind"))
        async with asyncio.timeout(TIMEOUT):
            while home.ours() or await home.endpoints():
                await asyncio.sleep(0.05)
        assert (await home.call("status"))["asterisk"] == {"running": False, "configuration": "off"}
        for path in (home.root / "etc/asterisk").glob("*.conf"):
            assert "homeline/" not in path.read_text(), path
            assert "Homeline" not in path.read_text(), path
        home.commit(DESK)
        await home.comes("applied")
        assert await home.endpoints() == ["desk"]


async def test_the_owners_files_are_audited_when_they_change(tmp_path: Path) -> None:
    async with at_home(tmp_path) as home:
        owners = home.root / "etc/asterisk/pjsip.conf"
        sound = owners.read_text()
        stranger = "[open]\ntype = endpoint\ncontext = homeline-phone-desk\nallow = ulaw\n"
        owners.write_text(stranger + sound)
        async with asyncio.timeout(TIMEOUT):
            while not any("pjsip.conf" in where for where in await home.problems()):
                await asyncio.sleep(0.05)
        owners.write_text(sound)
        async with asyncio.timeout(TIMEOUT):
            while await home.problems():
                await asyncio.sleep(0.05)


async def test_a_line_of_ours_that_somebody_removed_comes_back(tmp_path: Path) -> None:
    async with at_home(tmp_path) as home:
        owners = home.root / "etc/asterisk/extensions.conf"
        sound = owners.read_text()
        owners.write_text("".join(line for line in sound.splitlines(True) if "homeline/extensions.conf" not in line))
        async with asyncio.timeout(TIMEOUT):
            while owners.read_text() != sound:
                await asyncio.sleep(0.05)


async def test_files_that_somebody_spoilt_are_written_again(tmp_path: Path) -> None:
    async with at_home(tmp_path) as home:
        path = home.root / "etc/asterisk/homeline/pjsip.conf"
        sound = path.read_text()
        path.write_text("")
        home.events.heard.clear()
        await home.pbx.cli("core reload")
        await home.comes("applied", "pjsip.conf")
        assert path.read_text() == sound
        assert await home.endpoints() == ["desk"]
        assert "asterisk configuration" not in await home.problems()


async def test_a_difference_is_shown_first_and_no_secret_with_it(tmp_path: Path) -> None:
    async with at_home(tmp_path) as home:
        reply = await home.call("render_config", dry_run=True)
        assert {file["name"] for file in reply["files"]} == set(home.ours())
        assert not any(file["changed"] for file in reply["files"])
        path = home.root / "etc/asterisk/homeline/pjsip.conf"
        sound = path.read_text()
        path.write_text(sound.replace("desk-correct-horse", "old-correct-horse").replace("[desk]", "[bureau]"))
        reply = await home.call("render_config", dry_run=True)
        changed = {file["name"]: file["diff"] for file in reply["files"] if file["changed"]}
        assert list(changed) == ["pjsip.conf"]
        assert "\n+[desk]\n" in changed["pjsip.conf"]
        assert "\n-[bureau]\n" in changed["pjsip.conf"]
        assert "\n-password = (not shown)\n" in changed["pjsip.conf"]  # that it is another one is seen
        assert "correct-horse" not in str(reply)
        assert path.read_text() != sound
        code, out, _ = await command(home.root, "render", "--diff")
        assert (code, "\n+[desk]\n" in out) == (0, True)
        assert "correct-horse" not in out
        reply = await home.call("render_config")
        assert (reply["asterisk"], reply["files"]) == ("applied", [{"name": "pjsip.conf", "changed": True}])
        assert path.read_text() == sound
        code, out, _ = await command(home.root, "render")
        assert (code, out) == (0, "No file changes.\n\nAsterisk: applied\n")
        code, out, _ = await command(home.root, "status")
        assert "phone desk" in out


async def test_what_is_not_committed_yet_is_compared_too(tmp_path: Path) -> None:
    async with at_home(tmp_path) as home:
        before = home.ours()
        attic = {".type": "phone", ".name": "attic", ".anonymous": False, "number": "19", ".secrets": ["password"]}
        sections = [
            {".type": section.type, ".name": section.name, **section.options}
            for section in uci.parse((home.root / "etc/config/homeline").read_text())
        ]
        reply = await home.call("render_config", dry_run=True, sections=[*sections, attic])
        changed = {file["name"]: file["diff"] for file in reply["files"] if file["changed"]}
        assert "\n+[attic]\n" in changed["pjsip.conf"]
        assert "desk" not in [line[2:-1] for line in changed["pjsip.conf"].split("\n") if line.startswith("-[")]
        assert home.ours() == before
        for wrong in ([{}], [{".type": "phone", ".name": 1}], [{**attic, "number": 19}], [{**attic, ".name": "a b"}]):
            with pytest.raises(BusError) as refused:
                await home.call("render_config", dry_run=True, sections=wrong)
            assert refused.value.status == 2
        with pytest.raises(BusError):
            await home.call("render_config", sections=sections)


async def test_the_manager_may_move(tmp_path: Path) -> None:
    async with at_home(tmp_path) as home:
        process, port = home.pbx.process, free_port()
        home.commit(DESK + f"\nconfig sip 'sip'\n\toption ami_port '{port}'\n")
        await home.comes("applied", "manager.conf")
        async with asyncio.timeout(TIMEOUT):
            while f"127.0.0.1:{port}" not in await home.pbx.cli("manager show settings"):
                await asyncio.sleep(0.05)
        home.commit(MOBILE + f"\nconfig sip 'sip'\n\toption ami_port '{port}'\n")
        await home.comes("applied", "pjsip.conf")
        async with asyncio.timeout(TIMEOUT):
            while await home.endpoints() != ["mobile"]:  # for a moment none, while it reads its files once more
                await asyncio.sleep(0.05)
        assert home.pbx.process is process


async def test_a_name_without_an_address_holds_nothing_up(tmp_path: Path) -> None:
    trunk = "\nconfig trunk 'peer'\n\toption host 'sip.nowhere.invalid'\n\toption username 'me'\n"
    async with at_home(tmp_path, DESK) as home:
        home.events.heard.clear()
        secret = secrets(DESK) + "config trunk 'peer'\n\toption password 'a-password-of-ours'\n"
        home.router.configure(home.configuration(DESK + MOBILE + trunk), secret + secrets(MOBILE))
        await home.comes("applied", "pjsip.conf")
        assert {"desk", "mobile"} <= set(await home.endpoints())
        async with asyncio.timeout(TIMEOUT):
            while "name sip.nowhere.invalid" not in await home.problems():
                await asyncio.sleep(0.05)


async def test_without_asterisk_sms_goes_on(tmp_path: Path) -> None:
    home = Home(tmp_path, extra="\nconfig sip 'sip'\n\toption enabled '1'\n" + DESK, secret=secrets(DESK))
    async with home:
        home.events = Events(home)
        await home.bus.wait_ready(10)
        await home.run()
        home.dongle.deliver("hello")
        await home.events.wait("message.received")
        async with asyncio.timeout(TIMEOUT):
            while not (found := [p for p in (await home.call("status"))["problems"] if "asterisk" in p["where"]]):
                await asyncio.sleep(0.05)
        (problem,) = found
        assert problem["text"] == "Asterisk is not installed, so there are no calls."
        assert "asterisk-pjsip" in problem["advice"]
