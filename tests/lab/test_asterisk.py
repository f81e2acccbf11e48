"""The lab's Asterisk: gotten, started, asked, killed, several at once; nothing is left behind."""

from __future__ import annotations

import asyncio
import os
import shutil
import sys
from pathlib import Path

import pytest

from asterisk_kit import asterisk_programs as asterisk_programs
from homeline_lab import asterisk_get
from homeline_lab.asterisk import Asterisk, NoAsterisk, free_port, own_address
from homeline_lab.asterisk_programs import CACHED, KEPT, VARIABLE, Programs, find, report
from homeline_lab.house_asterisk import HouseAsterisk

ECHO = {"extensions.conf": "[default]\nexten => 1,1,Log(NOTICE,it was called)\n same => n,Wait(60)\n"}


async def test_it_runs_and_loads_what_calls_need(tmp_path: Path, asterisk_programs: Programs) -> None:
    async with Asterisk(tmp_path) as asterisk:
        shown = await asterisk.cli("module show like pjsip")
        secure = await asterisk.cli("module show like res_srtp")
        version = await asterisk.until("core show version", "built by")  # which it can say a moment later than others
    assert "chan_pjsip.so" in shown and "Not Running" not in shown
    assert "Running" in secure
    assert version.startswith(f"Asterisk {asterisk_programs.version}")
    assert asterisk.complaints() == []


async def test_its_log_tells_of_a_call(tmp_path: Path, asterisk_programs: Programs) -> None:
    async with Asterisk(tmp_path, files=ECHO) as asterisk:
        await asterisk.cli("channel originate Local/1@default application Wait 60")
        assert "NOTICE" in await asterisk.wait_log("it was called")
        assert len(await asterisk.channels()) == 2
        with pytest.raises(TimeoutError, match=r"has not logged 'something else'(?s:.)*it was called"):
            await asterisk.wait_log("something else", 0.05)
        with pytest.raises(TimeoutError, match=r"does not show 'no such words' but:\n.*uptime"):
            await asterisk.until("core show uptime", "no such words", 0.05)


async def test_what_is_in_its_database_outlasts_a_restart(tmp_path: Path, asterisk_programs: Programs) -> None:
    async with Asterisk(tmp_path) as asterisk:
        await asterisk.cli("database put family key value")
        assert await asterisk.get("${DB(family/key)}") == "value"
        await asterisk.restart()
        assert await asterisk.get("${DB(family/key)}") == "value"


async def test_killed_it_can_be_started_again(tmp_path: Path, asterisk_programs: Programs) -> None:
    async with Asterisk(tmp_path) as asterisk:
        await asterisk.kill()
        assert not asterisk.running
        with pytest.raises(OSError):
            await asterisk.cli("core show uptime")
        await asterisk.start()
        assert "uptime" in await asterisk.cli("core show uptime")


async def test_several_at_once_with_sips_own_port(tmp_path: Path, asterisk_programs: Programs) -> None:
    addresses = [own_address() for _ in range(3)]
    async with asyncio.TaskGroup() as group:
        for address in addresses:
            group.create_task(_look(tmp_path / address, address))


async def _look(root: Path, address: str) -> None:
    conf = f"[udp]\ntype = transport\nprotocol = udp\nbind = {address}\n"
    async with Asterisk(root, files={"pjsip.conf": conf}) as asterisk:
        assert f"{address}:5060" in await asterisk.cli("pjsip show transports")


async def test_modules_are_added_and_left_out(tmp_path: Path, asterisk_programs: Programs) -> None:
    broken = tmp_path / "chan_dongle.so"
    broken.write_bytes(b"no module")
    async with Asterisk(tmp_path / "house", modules=[broken], without=["res_srtp"]) as asterisk:
        assert "0 modules loaded" in await asterisk.cli("module show like res_srtp")
        assert any("chan_dongle" in line for line in asterisk.complaints())


async def test_nothing_is_left_behind(tmp_path: Path, asterisk_programs: Programs) -> None:
    async with Asterisk(tmp_path) as asterisk:
        assert asterisk.process
        pid, folder = asterisk.process.pid, asterisk.run_folder
        assert folder.is_dir()
    assert not folder.exists()
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


async def test_it_ends_with_a_test_run_that_is_killed(tmp_path: Path, asterisk_programs: Programs) -> None:
    run = (
        "import asyncio, sys\nfrom pathlib import Path\nfrom homeline_lab.asterisk import Asterisk\nasync def main():\n"
    )
    run += " async with Asterisk(Path(sys.argv[1])) as a:\n  print(a.process.pid, a.run_folder, flush=True)\n"
    run += "  await asyncio.sleep(60)\nasyncio.run(main())\n"
    child = await asyncio.create_subprocess_exec(
        sys.executable, "-c", run, str(tmp_path), stdout=asyncio.subprocess.PIPE
    )
    assert child.stdout
    pid, folder = (await child.stdout.readline()).decode().split()
    child.kill()
    await child.wait()
    async with asyncio.timeout(10):
        while Path(f"/proc/{pid}/cmdline").exists() and Path(f"/proc/{pid}/cmdline").read_bytes():
            await asyncio.sleep(0.01)
    shutil.rmtree(folder)


async def test_a_start_that_fails_says_why(tmp_path: Path, asterisk_programs: Programs) -> None:
    asterisk = Asterisk(tmp_path, files={"modules.conf": "[modules]\nrequire = no_such_module.so\n"})
    with pytest.raises(RuntimeError, match="no_such_module"):
        await asterisk.__aenter__()
    assert not asterisk.run_folder.exists()


async def test_files_that_are_there_stay(tmp_path: Path, asterisk_programs: Programs) -> None:
    (tmp_path / "etc/asterisk").mkdir(parents=True)
    (tmp_path / "etc/asterisk/extensions.conf").write_text("[mine]\nexten => s,1,NoOp\n")
    async with Asterisk(tmp_path) as asterisk:
        assert "'s'" in await asterisk.cli("dialplan show mine")


def test_ports_and_addresses_differ() -> None:
    assert len({own_address() for _ in range(50)}) == 50
    assert all(1024 < free_port() < 32768 for _ in range(10))


def test_where_there_is_none_it_says_how_to_have_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(VARIABLE, str(tmp_path))
    find.cache_clear()
    try:
        with pytest.raises(NoAsterisk, match="scripts/setup dev"):
            Asterisk(tmp_path)
    finally:
        monkeypatch.undo()
        find.cache_clear()


def test_a_tree_that_is_not_complete_is_not_used(tmp_path: Path, asterisk_programs: Programs) -> None:
    """A copy by links, from which one library is taken away."""
    tree = tmp_path / CACHED
    for path in (p for p in asterisk_programs.root.rglob("*") if p.is_file()):
        link = tree / path.relative_to(asterisk_programs.root)
        link.parent.mkdir(parents=True, exist_ok=True)
        link.symlink_to(path)
    assert report(tree) == ""
    library = next(Programs(tree).libraries.glob("libasteriskpj*"))  # of which the machine has no other
    library.unlink()
    assert "does not run" in report(tree)
    (tree / "usr/bin/sipp").unlink()
    assert report(tree).endswith("usr/bin/sipp is missing")


def test_getting_uses_what_is_cached(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, asterisk_programs: Programs, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "homeline").mkdir()
    (tmp_path / "homeline" / CACHED).symlink_to(asterisk_programs.root)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.delenv(VARIABLE, raising=False)
    monkeypatch.setenv("PATH", "")  # nothing could be fetched
    find.cache_clear()
    try:
        assert asterisk_get.main([]) == 0
        assert asterisk_programs.version in capsys.readouterr().err
        (tmp_path / "homeline" / CACHED).unlink()
        find.cache_clear()
        assert asterisk_get.main([]) == 1
        assert "not to be had here" in capsys.readouterr().err
    finally:
        monkeypatch.undo()
        find.cache_clear()
    assert KEPT in {path.name for path in asterisk_programs.root.iterdir()}


@pytest.mark.usefixtures("asterisk_programs")
async def test_who_asks_for_a_restart_when_the_house_is_gone_does_not_wait(tmp_path: Path) -> None:
    async with HouseAsterisk(tmp_path, running=False):
        pass
    script = await asyncio.create_subprocess_exec(tmp_path / "etc/init.d/asterisk", "restart")
    try:
        assert await asyncio.wait_for(script.wait(), 10) == 0
    finally:
        if script.returncode is None:
            script.kill()
