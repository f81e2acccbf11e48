"""The LuCI application's files: what they may call is what they are granted, every string can be translated, small."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from homeline.config_sip import Sip

REPOSITORY = Path(__file__).parents[2]
RESOURCES = REPOSITORY / "htdocs/luci-static/resources"
SCRIPTS = sorted(RESOURCES.rglob("*.js"))
VIEWS = sorted((RESOURCES / "view/homeline").glob("*.js"))
ACL = REPOSITORY / "root/usr/share/rpcd/acl.d/luci-app-homeline.json"
MENU = REPOSITORY / "root/usr/share/luci/menu.d/luci-app-homeline.json"
GROUP = "luci-app-homeline"

# Methods of ours that change something, or cause something to be done.
CHANGING = re.compile(
    r"(?:acknowledge|add|cancel|delete|drop|enter|hangup|mark|new|originate|"
    r"release|reload|render|resend|reset|retry|send|test)_?"
)


def source(path: Path) -> str:
    """A script without its comments."""
    return re.sub(r"/\*.*?\*/|^\s*//.*?$", "", path.read_text(), flags=re.DOTALL | re.MULTILINE)


def granted(half: str) -> set[str]:
    return set(json.loads(ACL.read_text())[GROUP][half]["ubus"]["homeline"])


def declared() -> set[str]:
    """The methods of ours that any script declares."""
    return {
        name
        for path in SCRIPTS
        for name in re.findall(r"\bdeclare(?:Job)?\('(\w+)'", source(path))
        + re.findall(r"object:\s*'homeline',\s*method:\s*'(\w+)'", source(path))
    }


def test_the_group_grants_exactly_what_is_declared() -> None:
    assert declared() == granted("read") | granted("write")
    assert not granted("read") & granted("write")


def test_looking_is_read_and_changing_is_write() -> None:
    assert {name for name in declared() if CHANGING.match(name)} == granted("write")


def test_what_scripts_stage_by_themselves_is_granted_too() -> None:
    found = {pair for path in SCRIPTS for pair in re.findall(r"object: '(\w+)', method: '(\w+)'", source(path))}
    assert {name for name, _ in found} <= {"homeline", "uci"}
    granted_uci = json.loads(ACL.read_text())[GROUP]["write"]["ubus"].get("uci", [])
    assert {method for name, method in found if name == "uci"} == set(granted_uci)


def test_the_group_runs_nothing_and_reads_no_secret() -> None:
    group = json.loads(ACL.read_text())
    assert list(group) == [GROUP]
    assert group[GROUP]["read"]["uci"] == ["homeline"]
    assert group[GROUP]["write"]["uci"] == ["homeline", "homeline_secret"]
    assert "exec" not in ACL.read_text()
    for half in ("read", "write"):
        assert set(group[GROUP][half]) <= {"ubus", "uci", "file", "cgi-io"}
        assert set(group[GROUP][half]["ubus"]) <= {"homeline", "uci"}


def test_the_only_files_are_recordings() -> None:
    group = json.loads(ACL.read_text())[GROUP]
    assert group["read"]["cgi-io"] == ["download"]
    folders = (Sip().voicemail_folder, "/mnt/*/homeline/voicemail")
    files = [f"{folder}/voicemail-*{suffix}" for folder in folders for suffix in (".gsm", ".wav", ".mp3")]
    assert group["read"]["file"] == {name: ["read"] for name in files}
    assert not {"cgi-io", "file"} & set(group["write"])


def test_each_declared_method_is_called() -> None:
    api = source(RESOURCES / "homeline/rpc.js")
    names = re.findall(r"^\t(\w+): declare", api, re.MULTILINE)
    others = "".join(source(path) for path in SCRIPTS if path.name != "rpc.js")
    assert [name for name in names if f"api.{name}(" not in others] == []


def test_the_menu_leads_to_each_view() -> None:
    menu = json.loads(MENU.read_text())
    paths = {entry["action"]["path"] for entry in menu.values() if entry["action"]["type"] == "view"}
    assert paths == {f"homeline/{path.stem}" for path in VIEWS}
    assert menu["admin/services/homeline"]["depends"]["acl"] == [GROUP]


@pytest.mark.parametrize("path", SCRIPTS, ids=lambda path: path.stem)
def test_every_translation_is_of_literal_words(path: Path) -> None:
    code = source(path)
    assert re.findall(r"\b_\((?!\s*')[^)]*\)", code) == []
    assert re.findall(r"\bN_\((?![^;]*?,\s*'[^']*',\s*'[^']*')[^;]*", code) == []


@pytest.mark.parametrize("path", SCRIPTS, ids=lambda path: path.stem)
def test_nothing_makes_elements_of_text(path: Path) -> None:
    code = source(path)
    assert (
        re.findall(r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|rawhtml|\beval\b|new Function", code) == []
    )
    # E(tag, attributes, text) takes the text for HTML: children stand in an array, or in a variable that holds one
    bare = re.findall(r"\bE\('\w+', \{[^{}]*\}, ((?:'|_\(|N_\(|String\(|[\w.]+\s*[,)])[^\n]*)", code)
    assert [each for each in bare if not re.match(r"(?:found|notices|buttons|bars|last|children|nodes)\)", each)] == []


@pytest.mark.parametrize("path", SCRIPTS, ids=lambda path: path.stem)
def test_no_page_runs_a_command_or_fetches_from_elsewhere(path: Path) -> None:
    code = source(path)
    assert re.findall(r"require request\b|'exec'|XMLHttpRequest|\bfetch\(|'(?:src|href)': '", code) == []
    assert set(re.findall(r"\bfs\.(\w+)", code)) <= {"read_direct"}


@pytest.mark.parametrize("path", SCRIPTS, ids=lambda path: path.stem)
def test_no_class_of_the_browser_is_used_whose_name_is_one_of_luci(path: Path) -> None:
    """LuCI's loader runs our scripts within its own, where these names are its classes."""
    assert re.findall(r"\bnew (?:Headers|Request|Response)\b", source(path)) == []
