"""The script of uci-defaults: makes what is missing, follows changes of the options, keeps what the owner has set."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from homeline import config
from homeline.config import Main
from openwrt_kit import DEFAULTS, FILES, FORM, SHELLS


@pytest.fixture
def root(tmp_path: Path) -> Path:
    folder = tmp_path / "etc/config"
    folder.mkdir(parents=True)
    for name in ("homeline", "homeline_secret"):
        (folder / name).write_text("# the owner's\n")
    return tmp_path


# A step that a later version could have: an option of all sections of a type by another name.
STEP = """VERSION=2
from_1() {
	local section
	for section in $(uci -q show homeline | sed -n -e 's/^homeline\\.\\([a-z0-9_]*\\)=rule$/\\1/p'); do
		uci -q get "homeline.$section.priority" >/dev/null ||
			uci -q set "homeline.$section.priority=$(uci -q get "homeline.$section.urgency")"
		uci -q delete "homeline.$section.urgency"
	done
	echo step
}
"""


def run_defaults(root: Path, shell: list[str], step: str = "") -> str:
    """The script of uci-defaults with the lab's uci; what it prints."""
    program = root / "bin/uci"
    if not program.exists():
        program.parent.mkdir()
        program.write_text(f'#!/bin/sh\nexec {sys.executable} -m homeline_lab uci --root {root} "$@"\n')
        program.chmod(0o755)
    script = DEFAULTS.read_text().replace("/etc/config", str(root / "etc/config"))
    if step:
        script = re.sub(r"^VERSION=[0-9]+\n", lambda _: step, script, flags=re.MULTILINE)
    environment = {"PATH": f"{program.parent}:/usr/sbin:/usr/bin:/sbin:/bin", "PYTHONPATH": str(FILES.parent / "src")}
    done = subprocess.run(
        [*shell, "-c", script], capture_output=True, text=True, timeout=60, check=True, env=environment
    )
    assert done.stderr == ""
    return done.stdout


def committed(root: Path) -> str:
    return (root / "etc/config/homeline").read_text()


@pytest.mark.parametrize("shell", SHELLS, ids=lambda shell: shell[0])
def test_a_file_without_a_number_gets_one_and_keeps_the_rest(root: Path, shell: list[str]) -> None:
    (root / "etc/config/homeline").write_text("config homeline 'main'\n\toption enabled '1'\n\nconfig rule 'all'\n")
    assert run_defaults(root, shell) == ""
    once = committed(root)
    main = config.read(once, "").main
    assert (main.enabled, main.version) == (True, FORM)
    assert "\nconfig rule 'all'\n" in once
    assert run_defaults(root, shell) == ""
    assert committed(root) == once


@pytest.mark.parametrize("shell", SHELLS, ids=lambda shell: shell[0])
def test_what_is_not_there_is_made_disabled(root: Path, shell: list[str]) -> None:
    for name in ("homeline", "homeline_secret"):
        (root / "etc/config" / name).unlink()
    run_defaults(root, shell)
    assert config.read(committed(root), "").main == Main(enabled=False, version=FORM)
    assert {path.stat().st_mode & 0o777 for path in (root / "etc/config").iterdir()} == {0o600}


def test_the_shipped_files_are_left_as_they_are(root: Path) -> None:
    """Also their comments, which a commit would take away."""
    shipped = (FILES / "etc/config/homeline").read_text()
    (root / "etc/config/homeline").write_text(shipped)
    run_defaults(root, SHELLS[0])
    assert committed(root) == shipped


@pytest.mark.parametrize("shell", SHELLS, ids=lambda shell: shell[0])
def test_a_change_of_the_options_is_followed_once(root: Path, shell: list[str]) -> None:
    text = "config homeline 'main'\n\toption version '1'\n\nconfig rule 'all'\n\toption urgency 'high'\n"
    text += "\nconfig rule 'own'\n\toption urgency 'low'\n\toption priority 'normal'\n"
    (root / "etc/config/homeline").write_text(text)
    assert run_defaults(root, shell, STEP) == "step\n"
    once = committed(root)
    assert "urgency" not in once
    assert "option version '2'" in once
    assert re.findall(r"priority '(.*)'", once) == ["high", "normal"]  # what the owner has set stays
    assert run_defaults(root, shell, STEP) == ""
    assert committed(root) == once


@pytest.mark.parametrize("text", ["config homeline 'main\n", "config homeline main\n\toption version 'seven'\n"])
def test_a_configuration_with_a_mistake_is_not_lost(root: Path, text: str) -> None:
    (root / "etc/config/homeline").write_text(text)
    run_defaults(root, SHELLS[0])
    if "seven" in text:
        assert config.read(committed(root), "").main.version == FORM
    else:
        assert committed(root) == text


def test_what_a_later_version_left_is_not_touched(root: Path) -> None:
    text = "config homeline 'main'\n\toption version '9'\n"
    (root / "etc/config/homeline").write_text(text)
    assert run_defaults(root, SHELLS[0], STEP) == ""
    assert committed(root) == text
