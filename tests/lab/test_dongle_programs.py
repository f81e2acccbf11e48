"""Real SMS programs on the simulated dongle: the proof that it speaks as dongles do."""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from homeline.protocol import pdu
from homeline_lab.dongle import Dongle
from homeline_lab.models import MODELS

PATH = os.environ.get("PATH", "") + ":/usr/sbin"


def needs(program: str) -> pytest.MarkDecorator:
    missing = shutil.which(program, path=PATH) is None
    return pytest.mark.skipif(missing, reason=f"{program} is not installed (Debian: gammu, gammu-smsd, smstools)")


async def run(*command: str) -> str:
    process = await asyncio.create_subprocess_exec(
        *command, stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT
    )
    output, _ = await asyncio.wait_for(process.communicate(), 40)
    assert process.returncode == 0, output
    return output.decode(errors="replace")


@asynccontextmanager
async def daemon(*command: str, **env: str) -> AsyncIterator[None]:
    process = await asyncio.create_subprocess_exec(
        *command,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.DEVNULL,
        start_new_session=True,
        env=os.environ | {"PATH": PATH} | env,
    )
    try:
        yield
    finally:
        if process.returncode is None:
            os.killpg(process.pid, signal.SIGKILL)
            await process.wait()


def gammu_config(folder: Path, port: Path, rest: str = "") -> str:
    file = folder / "gammurc"
    file.write_text(f"[gammu]\ndevice = {port}\nconnection = at\nsynchronizetime = no\n{rest}")
    return str(file)


@needs("gammu")
@pytest.mark.parametrize("model", sorted(MODELS))
async def test_gammu_reads_sends_and_deletes(model: str, tmp_path: Path) -> None:
    async with Dongle(model, tmp_path) as dongle:
        config = gammu_config(tmp_path, dongle.port)
        dongle.deliver("Grüezi, a text")
        script = tmp_path / "script"
        script.write_text("identify\ngetallsms\nsendsms TEXT +41791234567 -text there\ndeleteallsms 1\n")
        said = await run("gammu", "-c", config, "batch", str(script))
        assert dongle.model.imei in said
        assert "Grüezi, a text" in said
        sent = pdu.decode(dongle.sent[0].pdu)
        assert isinstance(sent, pdu.Submit)
        assert (sent.recipient.text, sent.user.text) == ("+41791234567", "there")
        assert not dongle.stored()


@needs("gammu-smsd")
async def test_gammu_smsd_receives(tmp_path: Path) -> None:
    async with Dongle("e1750", tmp_path) as dongle:
        for name in ("inbox", "outbox", "sent", "error"):
            (tmp_path / name).mkdir()
        folders = "".join(f"{n}path = {tmp_path / n}/\n" for n in ("inbox", "outbox", "error"))
        smsd = f"[smsd]\nservice = files\nlogfile = {tmp_path}/smsd.log\n{folders}sentsmspath = {tmp_path}/sent/\n"
        config = gammu_config(tmp_path, dongle.port, smsd)
        async with daemon("gammu-smsd", "-c", config):
            dongle.deliver("to the inbox")
            await dongle.wait(lambda: dongle.network.delivered == 1 and not dongle.stored(), 40)
        (found,) = list((tmp_path / "inbox").iterdir())
        assert found.read_text(encoding="utf-8") == "to the inbox"


@needs("smsd")
async def test_smstools_receives_and_sends(tmp_path: Path) -> None:
    async with Dongle("e1750", tmp_path) as dongle:
        for name in ("outgoing", "checked", "incoming", "failed", "sent"):
            (tmp_path / name).mkdir()
        folders = "".join(f"{n} = {tmp_path / n}\n" for n in ("outgoing", "checked", "incoming", "failed", "sent"))
        config = tmp_path / "smsd.conf"
        config.write_text(
            f"devices = D\nlogfile = {tmp_path}/smsd.log\nloglevel = 7\ninfofile = {tmp_path}/info\n"
            f"pidfile = {tmp_path}/pid\n{folders}delaytime = 1\n"
            f"[D]\ndevice = {dongle.port}\nincoming = yes\nbaudrate = 115200\n"
        )
        async with daemon("smsd", f"-c{config}", "-t"):
            dongle.deliver("for the tools")
            (tmp_path / "outgoing/one").write_text("To: 41791234567\n\nfrom the tools\n")
            await dongle.wait(lambda: bool(dongle.sent) and dongle.network.delivered == 1 and not dongle.stored(), 40)
        (found,) = list((tmp_path / "incoming").iterdir())
        assert found.read_text().endswith("for the tools")
        sent = pdu.decode(dongle.sent[0].pdu)
        assert isinstance(sent, pdu.Submit)
        assert sent.user.text.strip() == "from the tools"
