"""A real Asterisk shows, through the account that we render for it, exactly the objects that we rendered."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from asterisk_kit import asterisk_programs
from homeline.adapters.ami import Ami
from homeline.errors import ActionRefused
from homeline.service import asterisk_objects
from homeline.service.asterisk_objects import UNKNOWN
from homeline.telephony import MARK, Rendered
from homeline_lab.asterisk import own_address
from render.kit import CASES
from render.live import asterisk, house

__all__ = ["asterisk_programs"]
pytestmark = pytest.mark.usefixtures("asterisk_programs")


@asynccontextmanager
async def running(root: Path, rendered: Rendered) -> AsyncIterator[Ami]:
    """Connected as the daemon will be."""
    account = rendered.files["manager.conf"]
    (port,), (secret,) = re.findall(r"^port *= *(\d+)", account, re.M), re.findall(r"^secret *= *(\w+)", account, re.M)
    async with asterisk(root, rendered):
        ami = Ami(int(port), "homeline", lambda: secret)
        task = asyncio.create_task(ami.run())
        try:
            await ami.wait_connected(15)
            yield ami
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)


@pytest.mark.parametrize("name", ["everything", "provider_peer", "twilio_registered", "phones"])
async def test_what_was_rendered_is_what_is_shown(name: str, tmp_path: Path) -> None:
    rendered, _ = house(tmp_path, own_address(), CASES[name].uci)
    async with running(tmp_path, rendered) as ami:
        shown = await asterisk_objects.read(ami, rendered.objects)
    for kind in ("endpoint", "aor", "auth", "identify", "registration", "transport", MARK):
        assert set(shown[kind]) == set(rendered.objects.get(kind, ())), kind
    assert set(rendered.objects["context"]) <= set(shown["context"])
    assert {name for name in shown["context"] if name.startswith("homeline-")} == set(rendered.objects["context"])


async def test_of_a_transport_that_nobody_uses_func_sorcery_tells(tmp_path: Path) -> None:
    """Without it there is no saying, and that is told apart from a transport that is not there."""
    rendered, _ = house(tmp_path, own_address(), CASES["phones"].uci)
    assert rendered.objects["transport"]
    wanted = {"transport": (*rendered.objects["transport"], "never")}
    async with running(tmp_path, rendered) as ami:
        shown = await asterisk_objects.read(ami, wanted)
        assert ("never" in shown["transport"], shown[UNKNOWN]) == (False, ())
    files = {"modules.conf": f"{rendered.files['modules.conf']}\nnoload = func_sorcery.so\n"}
    async with running(tmp_path, replace(rendered, files={**rendered.files, **files})) as ami:
        shown = await asterisk_objects.read(ami, wanted)
    assert "never" in shown[UNKNOWN]
    assert set(shown["transport"]) | set(shown[UNKNOWN]) == set(wanted["transport"])


@pytest.mark.parametrize(("name", "allowed"), [("dongle", True), ("phones", False)])
async def test_commands_are_for_dongles_of_asterisk(name: str, allowed: bool, tmp_path: Path) -> None:
    rendered, _ = house(tmp_path, own_address(), CASES[name].uci)
    async with running(tmp_path, rendered) as ami:
        if allowed:
            assert "System uptime" in (await ami.command("core show uptime"))[0]
        else:
            with pytest.raises(ActionRefused, match="Permission denied"):
                await ami.command("core show uptime")
