"""The entry for a LuCI with a Lua runtime, run by Lua 5.1: the same menu as in menu.d."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path

import pytest

HERE = Path(__file__).parent
REPOSITORY = HERE.parents[1]
MENU = REPOSITORY / "root/usr/share/luci/menu.d/luci-app-homeline.json"
LUA = shutil.which("lua5.1")

pytestmark = pytest.mark.skipif(LUA is None, reason="lua5.1 is not installed")


def made(folder: Path = REPOSITORY / "luasrc") -> list[list[str]]:
    """What the controller's index() makes: a row for each node."""
    command = [str(LUA), str(HERE / "dispatcher.lua"), str(folder), "homeline"]
    done = subprocess.run(command, check=True, capture_output=True, text=True, timeout=20)
    return [line.split("\t") for line in done.stdout.splitlines()]


def test_it_makes_the_menu_of_menu_d() -> None:
    expected = []
    for place, node in json.loads(MENU.read_text()).items():
        depends = node.get("depends", {})
        configs = ",".join(f"{name}={json.dumps(wanted)}" for name, wanted in depends.get("uci", {}).items())
        action = node["action"]
        row = [place, node["title"], str(node["order"]), action["type"], action.get("path", "")]
        expected.append([*row, ",".join(depends.get("acl", ())), configs])
    assert made() == expected


def test_it_needs_nothing_else_of_luci(tmp_path: Path) -> None:
    """A controller that asks for more than the functions above ends in an error here, so this would be seen."""
    (tmp_path / "controller").mkdir()
    words = (REPOSITORY / "luasrc/controller/homeline.lua").read_text().replace("firstchild()", "cbi('homeline')")
    (tmp_path / "controller/homeline.lua").write_text(words)
    with pytest.raises(subprocess.CalledProcessError):
        made(tmp_path)
