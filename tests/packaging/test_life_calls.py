"""A call lives through an upgrade of the service: packages of two versions, and a real Asterisk with a call in it."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

import pytest

from asterisk_kit import asterisk_programs as asterisk_programs
from e2e.calls_kit import calling, phone, talk, uci
from homeline import __version__
from homeline_lab.packages.branches import BRANCHES
from openwrt_kit import built, opened
from router_kit import older

HERE = f"{sys.version_info.major}.{sys.version_info.minor}"
ON = next((branch for branch in BRANCHES[::-1] if branch.python == HERE), None)
pytestmark = [
    pytest.mark.usefixtures("asterisk_programs"),
    pytest.mark.timeout(240),
    pytest.mark.skipif(ON is None, reason=f"no branch of OpenWrt has Python {HERE}"),
]
NUMBER = "+41441112233"
PACKAGES = ("homeline", "homeline-asterisk")


def unpack(packages: dict[str, bytes], site: Path) -> None:
    """What the packages have of Python's modules, in place of what was there."""
    shutil.rmtree(site, ignore_errors=True)
    for name in PACKAGES:
        for path, (entry, content) in opened(packages[name])[1].items():
            _, mark, inside = path.partition("/site-packages/")
            if mark and entry.isfile():
                (site / inside).parent.mkdir(parents=True, exist_ok=True)
                (site / inside).write_bytes(content)


async def test_a_call_goes_on_over_an_upgrade(tmp_path: Path) -> None:
    """It is Asterisk's, which nothing restarts or reloads meanwhile; what became of it is in the log of calls."""
    assert ON
    old, new = built(ON, older(tmp_path / "older")), built(ON)
    site, root = tmp_path / "site", tmp_path / "root"
    root.mkdir()
    unpack(old, site)
    async with (
        calling(
            root, "phones", "line", "outbound", line=uci(ring=["desk"]), within=("env", f"PYTHONPATH={site}")
        ) as home,
        phone(home, "desk") as desk,
    ):
        assert (await home.call("status"))["version"] == "0.0.9"
        call = await desk.call(NUMBER)
        far = await home.calls.gsm_incoming()
        await far.answer()
        await talk(call, far)
        assert home.pbx.process
        pbx = home.pbx.process.pid

        await home.router.stop()  # as opkg does before it replaces the files
        unpack(new, site)
        await talk(call, far)
        home.events.heard.clear()
        await home.run(state="")
        await home.follows()
        assert (await home.call("status"))["version"] == __version__
        assert not call.over.is_set()
        assert home.pbx.process.pid == pbx
        await talk(call, far)

        assert (await far.hang_up()).cause == 16
        assert (await call.ended()).cause == 16
        await home.events.wait("call.ended", lambda data: data["peer"] == NUMBER, 30)
        assert [each["state"] for each in (await home.call("list_calls"))["calls"]] == ["answered"]
