"""Root's helper and the owner's files of Asterisk: one line of ours in each, and nothing else is ever touched."""

from __future__ import annotations

import os
import shutil
import stat
import subprocess
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from homeline.protocol import asterisk_conf
from homeline.telephony import INCLUDED, INCLUDED_BELOW
from openwrt_kit import SHELLS

HELPER = Path(__file__).parents[2] / "files/usr/libexec/homeline/root-helper"
ALWAYS = [name for name in INCLUDED if name not in ("dongle.conf", "quectel.conf")]
OWNERS = {
    "pjsip.conf": "; nothing yet\n",
    "rtp.conf": "; ports\n[general]\nrtpstart=5000\nrtpend=31000\n;[other]\n[ice_host_candidates]\n",
    "extensions.conf": "[general]\nstatic=yes\n[globals]\nX=1",  # no newline at its end
    "manager.conf": "",
    "logger.conf": "[general]\r\n[logfiles]\r\nconsole => notice\r\n",
    "hep.conf": "[general]\nenabled = no\n",
    "modules.conf": "[modules]\nautoload=yes\n\n\n",
    "dongle.conf": "[general]\ninterval=15\n[dongle0]\naudio=/dev/ttyUSB1\ndata=/dev/ttyUSB2\n",
}


@pytest.fixture
def root(tmp_path: Path) -> Path:
    for folder in ("etc/config", "etc/homeline", "etc/asterisk", "etc/init.d"):
        (tmp_path / folder).mkdir(parents=True)
    (tmp_path / "etc/asterisk").chmod(0o755)  # whatever our umask is
    (tmp_path / "etc/config/homeline").write_text("config homeline 'main'\n")
    for name, text in OWNERS.items():
        (tmp_path / "etc/asterisk" / name).write_text(text, newline="")
    return tmp_path


def call(root: Path, *options: str, shell: list[str] = SHELLS[0]) -> str:
    """Runs the helper; what it complains of."""
    group = str(os.getgid())
    arguments = [str(root)] if "--remove" in options else [str(root), group, group]
    done = subprocess.run([*shell, str(HELPER), *options, *arguments], capture_output=True, text=True, timeout=30)
    assert (done.returncode, done.stdout) == (0, "")
    return done.stderr


def owners(root: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in (root / "etc/asterisk").iterdir() if path.is_file()}


def init(root: Path, running: bool) -> Path:
    """An init script of Asterisk's that notes what it is told."""
    path, log = root / "etc/init.d/asterisk", root / "told"
    path.write_text(f'#!/bin/sh\n[ "$1" != running ] || exit {0 if running else 1}\necho "$1" >>"{log}"\n')
    path.chmod(0o755)
    return log


@pytest.mark.parametrize("shell", SHELLS, ids=lambda shell: shell[0])
def test_each_file_includes_ours(root: Path, shell: list[str]) -> None:
    before = owners(root)
    assert call(root, "--asterisk", shell=shell) == ""
    once = owners(root)
    for name in ALWAYS:
        parsed = asterisk_conf.parse(once[name].decode())
        targets = [f"homeline//{name}", f"homeline/{name}"] if name in INCLUDED_BELOW else [f"homeline/{name}"]
        assert [include.target for include in parsed.includes] == targets
        assert all(include.kind == "tryinclude" for include in parsed.includes)
    assert once["dongle.conf"] == before["dongle.conf"]
    assert set(once) == {*before}
    stats = {name: (root / "etc/asterisk" / name).stat() for name in once}
    assert call(root, "--asterisk", shell=shell) == ""
    assert owners(root) == once
    assert {name: (root / "etc/asterisk" / name).stat() for name in once} == stats  # not even written again


@pytest.mark.parametrize("shell", SHELLS, ids=lambda shell: shell[0])
@pytest.mark.parametrize("options", [["--remove"], []], ids=["removed", "switched off"])
def test_what_was_put_there_goes_again(root: Path, shell: list[str], options: list[str]) -> None:
    before = owners(root)
    (root / "etc/asterisk/logger.conf").unlink()
    call(root, "--asterisk", "--dongle", "--quectel", shell=shell)
    assert set(owners(root)) == {*before, "quectel.conf"}
    (root / "etc/asterisk/homeline/pjsip.conf").write_text("password = x\n")
    assert call(root, *options, shell=shell) == ""
    after = owners(root)
    assert after.pop("extensions.conf") == before.pop("extensions.conf") + b"\n"  # its last line was not ended
    del before["logger.conf"]
    assert after == before
    assert (root / "etc/asterisk/homeline").exists() == (not options)
    assert not (root / "etc/asterisk/homeline/pjsip.conf").exists()


def test_where_the_first_value_may_count_as_well_as_the_last_ours_is_both(root: Path) -> None:
    call(root, "--asterisk")
    lines = (root / "etc/asterisk/rtp.conf").read_text().splitlines()
    head = lines.index(f"[{INCLUDED_BELOW['rtp.conf']}]")
    assert (lines[head + 2], lines[-2]) == ('#tryinclude "homeline//rtp.conf"', '#tryinclude "homeline/rtp.conf"')
    (root / "etc/asterisk/rtp.conf").write_text("[other]\n")
    call(root, "--asterisk")
    lines = (root / "etc/asterisk/rtp.conf").read_text().splitlines()
    assert lines[0] == "[other]" and lines[-2] == '#tryinclude "homeline/rtp.conf"' and len(lines) == 4


def test_files_of_drivers_come_and_go_with_their_dongles(root: Path) -> None:
    before = owners(root)["dongle.conf"]
    call(root, "--asterisk", "--dongle")
    assert b'#tryinclude "homeline/dongle.conf"' in owners(root)["dongle.conf"]
    assert "quectel.conf" not in owners(root)
    call(root, "--asterisk", "--quectel")
    assert owners(root)["dongle.conf"] == before
    assert "quectel.conf" in owners(root)


@given(text=st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=60))
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_no_line_of_the_owners_is_lost(root: Path, text: str) -> None:
    path = root / "etc/asterisk/pjsip.conf"
    path.write_text(text, newline="")
    call(root, "--asterisk")
    assert path.read_bytes().startswith(text.encode())
    call(root)
    assert path.read_bytes() in (text.encode(), text.encode() + b"\n")


def test_our_lines_that_somebody_tore_apart_cost_no_other_line(root: Path) -> None:
    path = root / "etc/asterisk/pjsip.conf"
    call(root, "--asterisk")
    first, line, last = path.read_text().splitlines()[-3:]
    path.write_text(f"{first}\n[mine]\n{last}\nx=1\n{first}\n; end\n")
    call(root, "--asterisk")
    assert path.read_text() == f"[mine]\nx=1\n; end\n{first}\n{line}\n{last}\n"


@pytest.mark.skipif(os.getuid() != 0, reason="only root can give a file away")
def test_owner_and_mode_stay(root: Path) -> None:
    path = root / "etc/asterisk/manager.conf"
    path.chmod(0o640)
    os.chown(path, 65534, 65533)
    call(root, "--asterisk")
    info = path.stat()
    assert b"#tryinclude" in path.read_bytes()
    assert (info.st_uid, info.st_gid, stat.S_IMODE(info.st_mode)) == (65534, 65533, 0o640)


def test_links_are_not_written_through(root: Path) -> None:
    elsewhere = root / "elsewhere.conf"
    elsewhere.write_text("x\n")
    path = root / "etc/asterisk/pjsip.conf"
    path.unlink()
    path.symlink_to(elsewhere)
    words = call(root, "--asterisk")
    assert "pjsip.conf is no plain file" in words
    assert '#tryinclude "homeline/pjsip.conf"' in words  # what to do
    assert elsewhere.read_text() == "x\n"
    assert b"#tryinclude" in owners(root)["manager.conf"]  # the others are served


def test_a_link_in_our_folders_place_is_refused(root: Path) -> None:
    elsewhere = root / "elsewhere"
    elsewhere.mkdir()
    mode = elsewhere.stat().st_mode
    (root / "etc/asterisk/homeline").symlink_to(elsewhere)
    assert "homeline is a link; remove it" in call(root, "--asterisk")
    assert elsewhere.stat().st_mode == mode
    call(root, "--remove")
    assert elsewhere.is_dir()


@pytest.mark.skipif(os.getuid() != 0, reason="only root can give a folder away")
def test_a_folder_that_is_not_roots_is_left_alone(root: Path) -> None:
    os.chown(root / "etc/asterisk", 65534, 65534)
    before = owners(root)
    assert "must be root's own folder" in call(root, "--asterisk")
    assert owners(root) == before


def test_the_folders_are_as_daemon_and_asterisk_need_them(root: Path) -> None:
    call(root, "--asterisk")
    modes = {
        "etc/asterisk/homeline": 0o2750,
        "var/spool": 0o755,
        "var/spool/asterisk": 0o750,
        "var/spool/asterisk/homeline": 0o2770,
        "etc/homeline": 0o710,
        "etc/homeline/greetings": 0o755,
    }
    assert {name: stat.S_IMODE((root / name).stat().st_mode) for name in modes} == modes
    recording = root / "var/spool/asterisk/homeline/call.gsm"
    recording.touch()
    call(root, "--asterisk")
    assert recording.exists()
    assert not (root / "var/run/homeline/uci/recordings.new").exists()


def test_recordings_are_not_put_where_somebody_else_wants_them(root: Path) -> None:
    """/var is /tmp on a router: whoever is first may have made the spool, as a link to a folder of root's."""
    elsewhere = root / "usr/lib"
    (elsewhere / "asterisk").mkdir(parents=True)
    (root / "var").mkdir()
    (root / "var/spool").symlink_to(elsewhere)
    words = call(root, "--asterisk")
    assert "var/spool must be root's own folder" in words
    assert list((elsewhere / "asterisk").iterdir()) == []


def test_nothing_below_a_folder_in_ours_is_removed(root: Path) -> None:
    """Its owner could have a link to another folder in its place while root walks through it."""
    call(root, "--asterisk")
    ours = root / "etc/asterisk/homeline"
    (ours / "inner").mkdir()
    for name in ("pjsip.conf", ".pjsip.conf.new", "inner/file"):
        (ours / name).touch()
    assert "could not be removed" in call(root, "--remove")
    assert [path.name for path in ours.iterdir()] == ["inner"] and (ours / "inner/file").exists()
    shutil.rmtree(ours / "inner")
    assert call(root, "--remove") == ""
    assert not ours.exists()


def test_without_asterisk_nothing_is_made_for_it(root: Path) -> None:
    shutil.rmtree(root / "etc/asterisk")
    assert call(root, "--asterisk") == ""
    assert not (root / "etc/asterisk").exists()
    assert (root / "var/run/homeline/uci/homeline").exists()  # SMS goes on


def request(root: Path, text: str) -> Path:
    path = root / "var/run/homeline/restart-asterisk"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


@pytest.mark.parametrize("shell", SHELLS, ids=lambda shell: shell[0])
@pytest.mark.parametrize(
    ("word", "running", "told"),
    [("start", False, "start"), ("start", True, "reload"), ("restart", True, "restart"), ("restart", False, "restart")],
)
def test_the_daemons_request_is_carried_out(root: Path, shell: list[str], word: str, running: bool, told: str) -> None:
    log = init(root, running)
    path = request(root, f"{word}\n")
    assert call(root, "--asterisk", shell=shell) == ""
    assert log.read_text().split() == ["enabled", told]
    assert not path.exists()
    call(root, "--asterisk", shell=shell)
    assert log.read_text().split() == ["enabled", told]


@pytest.mark.parametrize("text", ["", "; reboot\n", "$(reboot)\n", "start; reboot", "x" * 100000, "\0\xff", "stop\n"])
def test_nothing_else_can_be_asked_for(root: Path, text: str) -> None:
    log = init(root, running=True)
    path = request(root, text)
    assert "the daemon asked for something unknown" in call(root, "--asterisk")
    assert log.read_text().split() == ["enabled"]
    assert not path.exists()


def test_a_request_counts_only_while_asterisk_is_wanted(root: Path) -> None:
    log = init(root, running=True)
    path = request(root, "restart\n")
    call(root)
    assert not path.exists()  # or it would count at any later time
    assert not log.exists()


def test_a_request_that_is_a_link_is_not_read(root: Path) -> None:
    log = init(root, running=True)
    (root / "word").write_text("restart\n")
    path = root / "var/run/homeline/restart-asterisk"
    path.parent.mkdir(parents=True)
    path.symlink_to(root / "word")
    assert "no plain file" in call(root, "--asterisk")
    os.mkfifo(path)  # in which root would wait for ever
    assert "no plain file" in call(root, "--asterisk")
    assert not log.exists()


@pytest.mark.parametrize("shell", SHELLS, ids=lambda shell: shell[0])
def test_a_folder_in_the_place_of_a_request_stops_nothing(root: Path, shell: list[str]) -> None:
    for name in ("restart-asterisk", "commit-secrets"):
        path = root / "var/run/homeline" / name
        (path / "inner").mkdir(parents=True)
        for options in (["--asterisk"], []):
            assert f"{name} is no plain file" in call(root, *options, shell=shell)
        assert (path / "inner").is_dir()
        shutil.rmtree(path)
    assert (root / "var/run/homeline/uci/homeline").exists()


@pytest.mark.parametrize("shell", SHELLS, ids=lambda shell: shell[0])
def test_what_an_ended_run_left_is_not_written_through(root: Path, shell: list[str]) -> None:
    """A link that was taken out of the daemon's reach, but not removed any more."""
    victim = root / "victim"
    victim.write_text("x\n")
    (root / "var/run/homeline/uci").mkdir(parents=True)
    for name, taken in (("restart-asterisk", "request"), ("commit-secrets", "secrets")):
        (root / "var/run/homeline/uci" / taken).symlink_to(victim)
        (root / "var/run/homeline" / name).write_text("\n")
    call(root, "--asterisk", shell=shell)
    assert victim.read_text() == "x\n"
    assert sorted(path.name for path in (root / "var/run/homeline/uci").iterdir()) == ["homeline"]


@pytest.mark.parametrize("shell", SHELLS, ids=lambda shell: shell[0])
def test_requests_without_an_end_are_not_read_to_their_end(root: Path, shell: list[str]) -> None:
    log = init(root, running=True)
    for name in ("restart-asterisk", "commit-secrets"):
        with request(root, "x").with_name(name).open("wb") as file:
            file.truncate(1 << 36)  # 64 GiB that are nowhere
    assert "something unknown" in call(root, "--asterisk", shell=shell)
    assert log.read_text().split() == ["enabled"]


@pytest.mark.parametrize("shell", SHELLS, ids=lambda shell: shell[0])
@pytest.mark.parametrize("text", [b"[general]\0\0\0\nx=1\n", b"; " + b"x" * 1_000_000 + b"\n"], ids=["NUL", "long"])
def test_what_no_editor_wrote_is_left_as_it_is(root: Path, shell: list[str], text: bytes) -> None:
    path = root / "etc/asterisk/pjsip.conf"
    path.write_bytes(text)
    assert "pjsip.conf is no text, or too long" in call(root, "--asterisk", shell=shell)
    assert path.read_bytes() == text
    assert b"#tryinclude" in owners(root)["manager.conf"]


@pytest.mark.parametrize("shell", SHELLS, ids=lambda shell: shell[0])
@pytest.mark.parametrize("mode", [0o775, 0o757, 0o1777])
def test_a_folder_that_others_may_write_is_left_alone(root: Path, shell: list[str], mode: int) -> None:
    before = owners(root)
    (root / "etc/asterisk").chmod(mode)
    assert "must be writable by root alone" in call(root, "--asterisk", shell=shell)
    assert owners(root) == before


def test_a_spool_that_is_a_link_is_not_followed(root: Path) -> None:
    (root / "elsewhere").mkdir()
    (root / "var/spool").mkdir(parents=True)
    (root / "var/spool/asterisk").symlink_to(root / "elsewhere")
    assert "var/spool/asterisk is a link" in call(root, "--asterisk")
    assert list((root / "elsewhere").iterdir()) == []


@pytest.mark.parametrize("shell", SHELLS, ids=lambda shell: shell[0])
def test_while_the_configuration_cannot_be_read_asterisk_keeps_what_it_has(root: Path, shell: list[str]) -> None:
    before = owners(root)
    log = init(root, running=True)
    assert call(root, "--as-before", shell=shell) == ""
    assert owners(root) == before
    assert not (root / "etc/asterisk/homeline").exists()
    call(root, "--asterisk", "--dongle", shell=shell)
    (root / "etc/asterisk/homeline/pjsip.conf").touch()
    with_ours = owners(root)
    request(root, "restart\n")
    assert call(root, "--as-before", shell=shell) == ""
    assert owners(root) == with_ours
    assert (root / "etc/asterisk/homeline/pjsip.conf").exists()
    assert log.read_text().split() == ["enabled", "restart"]


def test_asterisk_forgets_ours_when_it_is_switched_off(root: Path) -> None:
    call(root, "--asterisk")
    log = init(root, running=True)
    call(root)
    assert log.read_text().split() == ["reload"]
    call(root)
    assert log.read_text().split() == ["reload"]  # once


def test_the_switch_of_asterisks_package_is_set(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    init(root, running=False)
    (root / "etc/config/asterisk").touch()
    programs = root / "programs"
    programs.mkdir()
    (programs / "uci").write_text(f'#!/bin/sh\necho "$*" >>"{root}/uci"\n')
    (programs / "uci").chmod(0o755)
    monkeypatch.setenv("PATH", str(programs), prepend=os.pathsep)
    request(root, "start\n")
    call(root, "--asterisk")
    folder = f"-q -c {root}/etc/config"
    assert (root / "uci").read_text().splitlines() == [
        f"{folder} get asterisk.general.enabled",
        f"{folder} set asterisk.general.enabled=1",
        f"{folder} commit asterisk",
    ]
