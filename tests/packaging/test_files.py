"""The router's file system as the package lays it: root's helper, the init script, the bus's permission."""

from __future__ import annotations

import json
import os
import re
import shutil
import stat
import subprocess
from pathlib import Path

import pytest

from homeline import __version__, config
from homeline.config import Main
from openwrt_kit import FILES, FORM, SHELLS

HELPER = FILES / "usr/libexec/homeline/root-helper"
INIT = FILES / "etc/init.d/homeline"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    folder = tmp_path / "etc/config"
    folder.mkdir(parents=True)
    for name, text in (("homeline", "config homeline 'main'\n"), ("homeline_secret", "# secret\n")):
        (folder / name).write_text(text)
        (folder / name).chmod(0o600)
    return tmp_path


def helper(root: Path, shell: list[str] = SHELLS[0], group: str = "") -> subprocess.CompletedProcess[str]:
    command = [*shell, str(HELPER), str(root), group or str(os.getgid())]
    return subprocess.run(command, capture_output=True, text=True, timeout=20)


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


@pytest.mark.parametrize("shell", SHELLS, ids=lambda shell: shell[0])
def test_the_helper_copies_what_is_committed(root: Path, shell: list[str]) -> None:
    done = helper(root, shell)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    copy = root / "var/run/homeline/uci"
    assert (copy / "homeline").read_text() == "config homeline 'main'\n"
    assert sorted(path.name for path in copy.iterdir()) == ["homeline", "homeline_secret"]
    assert mode(copy / "homeline") == mode(copy / "homeline_secret") == 0o640
    assert mode(copy) == 0o750
    assert mode(root / "var/run/homeline") == 0o1770


@pytest.mark.parametrize("shell", SHELLS, ids=lambda shell: shell[0])
def test_the_helper_tells_its_version_and_does_nothing(tmp_path: Path, shell: list[str]) -> None:
    done = subprocess.run([*shell, str(HELPER), "--version", str(tmp_path)], capture_output=True, text=True, timeout=20)
    assert (done.returncode, done.stdout, done.stderr) == (0, f"homeline {__version__}\n", "")
    assert not list(tmp_path.iterdir())


def test_the_helper_can_run_again_and_follows_changes(root: Path) -> None:
    helper(root)
    (root / "etc/config/homeline").write_text("config homeline 'main'\n\toption enabled '1'\n")
    (root / "etc/config/homeline_secret").unlink()
    assert helper(root).returncode == 0
    copy = root / "var/run/homeline/uci"
    assert "enabled" in (copy / "homeline").read_text()
    assert [path.name for path in copy.iterdir()] == ["homeline"]


def test_the_copy_is_replaced_in_one_step(root: Path) -> None:
    helper(root)
    with (root / "var/run/homeline/uci/homeline").open() as reader:
        (root / "etc/config/homeline").write_text("config rule 'new'\n")
        helper(root)
        assert reader.read() == "config homeline 'main'\n"  # the old file is whole for whoever reads it


@pytest.mark.parametrize("place", ["var/run/homeline", "var/run/homeline/uci"])
def test_the_helper_does_not_write_through_a_link(root: Path, place: str) -> None:
    """Root must not be led elsewhere by what another user put in the run folder."""
    elsewhere = root / "elsewhere"
    elsewhere.mkdir()
    (root / place).parent.mkdir(parents=True, exist_ok=True)
    (root / place).symlink_to(elsewhere)
    done = helper(root)
    assert done.returncode == 1
    assert "belongs to somebody else" in done.stderr
    assert not list(elsewhere.iterdir())


@pytest.mark.skipif(os.getuid() != 0, reason="only root can make a folder of another user")
def test_the_helper_refuses_a_folder_of_somebody_else(root: Path) -> None:
    (root / "var/run/homeline").mkdir(parents=True)
    os.chown(root / "var/run/homeline", 65534, 65534)
    done = helper(root)
    assert done.returncode == 1
    assert "var/run/homeline belongs to somebody else" in done.stderr


@pytest.mark.parametrize("shell", SHELLS, ids=lambda shell: shell[0])
def test_copies_that_could_be_read_are_kept_while_others_cannot(root: Path, shell: list[str]) -> None:
    helper(root, shell)
    copy = root / "var/run/homeline/uci"
    for text in ("config 'x\n", "config 'y\n"):
        (root / "etc/config/homeline").write_text(text)
        done = subprocess.run(
            [*shell, str(HELPER), "--as-before", str(root), str(os.getgid())],
            capture_output=True,
            text=True,
            timeout=20,
        )
        assert (done.returncode, done.stderr) == (0, "")
        assert (copy / "homeline").read_text() == text  # the daemon says what is wrong with it
        assert (copy / "homeline.good").read_text() == "config homeline 'main'\n"
        assert mode(copy / "homeline.good") == 0o640
    (root / "etc/config/homeline").write_text("config homeline 'main'\n")
    helper(root, shell)
    assert sorted(path.name for path in copy.iterdir()) == ["homeline", "homeline_secret"]


def test_folders_on_the_way_are_everybodys_to_pass(root: Path) -> None:
    helper(root)
    assert mode(root / "var") == mode(root / "var/run") == 0o755


def test_a_group_that_is_not_there_is_said(root: Path) -> None:
    done = helper(root, group="no-such-group")
    assert done.returncode == 1
    assert "there is no group no-such-group" in done.stderr


# What rc.common and procd.sh offer, reduced to words on standard output.
STUBS = """
uci() { [ "$3" != "$BROKEN" ]; }
logger() { echo "log $*"; }
config_load() { :; }
config_get_bool() {
	case "$2" in sip) eval "$1='$SIP'" ;; twilio) eval "$1='$WEBHOOK'" ;; *) eval "$1='$ENABLED'" ;; esac
}
procd_running() { [ "$RUNNING" = "$1 $2" ]; }
config_get() { eval "$1='$2'"; }
config_foreach() { for section in $DRIVERS; do "$1" "$section"; done; }
user_exists() { case "$1" in homeline|asterisk) return 0;; esac; return 1; }
group_exists() { case " dialout asterisk " in *" $1 "*) return 0;; esac; return 1; }
id() { [ "$2" = homeline ] && echo "homeline dialout" || echo "asterisk"; }
group_add_user() { echo "join $1 $2"; }
mkdir() { echo "mkdir $*"; }
chown() { echo "chown $*"; }
procd_open_instance() { echo "open${1:+ $1}"; }
procd_set_param() { echo "param $*"; }
procd_close_instance() { echo "close"; }
procd_add_reload_trigger() { echo "trigger $* after $PROCD_RELOAD_DELAY"; }
"""


def run_init(
    tmp_path: Path,
    shell: list[str],
    function: str,
    enabled: str,
    sip: str = "0",
    drivers: str = "serial",
    packs: str = "",
    broken: str = "",
    helper: str = "echo helper",
    webhook: str = "0",
    running: str = "",
) -> list[str]:
    """What a function of the init script does, with its absolute paths led elsewhere.

    `packs` are folders where packages of ours may be; without it two are installed. `broken` is a file that cannot be
    read.
    """
    if not packs:
        packs = str(tmp_path / "packs")
        for name in ("homeline-asterisk", "homeline-twilio"):
            Path(packs).mkdir(exist_ok=True, parents=True)
            (Path(packs) / f"{name}.pack").touch()
    text = (
        INIT.read_text()
        .replace("/usr/libexec/homeline/root-helper", helper)
        .replace("CONFIGS=/etc/config", f"CONFIGS={FILES / 'etc/config'}")
        .replace("COPIES=/var/run/homeline/uci", f"COPIES={tmp_path / 'uci'}")
        .replace("STATE=/etc/homeline", f"STATE={tmp_path / 'state'}")
        .replace("RENDERED=/etc/asterisk/homeline", f"RENDERED={tmp_path / 'rendered'}")
        .replace("/usr/lib/python3.*/site-packages/homeline", packs)
    )
    said = f"ENABLED={enabled}\nSIP={sip}\nWEBHOOK={webhook}\nBROKEN={broken}\nDRIVERS='{drivers}'\nRUNNING='{running}'"
    script = f"{said}\n{STUBS}\n{text}\n{function}"
    done = subprocess.run([*shell, "-euc", script], capture_output=True, text=True, timeout=20, check=True)
    assert done.stderr == ""
    return done.stdout.splitlines()


@pytest.mark.parametrize("shell", SHELLS, ids=lambda shell: shell[0])
def test_the_init_script_starts_the_daemon_as_its_user(tmp_path: Path, shell: list[str]) -> None:
    lines = run_init(tmp_path, shell, "start_service", "1")
    for line in (
        "param command /usr/bin/homeline run",
        "param user homeline",
        "param no_new_privs 1",
        "param limits core=0 0 nofile=256 256",
        "param respawn 3600 5 0",
        "param reload_signal HUP",
        "param file /etc/config/homeline /etc/config/homeline_secret",
        "join asterisk homeline",
    ):
        assert line in lines
    assert "join dialout homeline" not in lines  # it is in that group: no write to flash
    assert lines.index("helper") < lines.index("open")  # the copy is there before the daemon
    assert lines[-1] == "close"


@pytest.mark.parametrize("shell", SHELLS, ids=lambda shell: shell[0])
def test_the_init_script_starts_nothing_while_disabled(tmp_path: Path, shell: list[str]) -> None:
    assert run_init(tmp_path, shell, "start_service", "0") == []
    (tmp_path / "rendered").mkdir()
    assert run_init(tmp_path, shell, "start_service", "0") == ["helper --remove"]


@pytest.mark.parametrize("shell", SHELLS, ids=lambda shell: shell[0])
@pytest.mark.parametrize(
    ("sip", "drivers", "called"),
    [
        ("0", "chan_dongle", "helper"),
        ("1", "serial", "helper --asterisk"),
        ("1", "serial chan_quectel", "helper --asterisk --quectel"),
        ("1", "chan_dongle", "helper --asterisk --dongle"),
    ],
)
def test_the_helper_is_told_what_the_owner_wants_of_asterisk(
    tmp_path: Path, shell: list[str], sip: str, drivers: str, called: str
) -> None:
    lines = run_init(tmp_path, shell, "start_service", "1", sip, drivers)
    assert called in lines
    assert ("join dialout asterisk" in lines) == (sip == "1")  # Asterisk's drivers open the dongles


@pytest.mark.parametrize("shell", SHELLS, ids=lambda shell: shell[0])
@pytest.mark.parametrize("broken", ["homeline", "homeline_secret"])
def test_a_configuration_that_cannot_be_read_ends_nothing(tmp_path: Path, shell: list[str], broken: str) -> None:
    """Nor is anything read from it, since what counts could be in the part that is not understood."""
    (tmp_path / "rendered").mkdir()
    lines = run_init(tmp_path, shell, "start_service", "0", broken=broken)
    assert "helper --as-before" in lines
    assert not [line for line in lines if line.startswith("helper") and line != "helper --as-before"]
    assert [line for line in lines if line.startswith("log ") and "cannot be read" in line]
    assert "param command /usr/bin/homeline run" in lines
    assert lines[-1] == "close"


@pytest.mark.parametrize("shell", SHELLS, ids=lambda shell: shell[0])
def test_a_helper_that_fails_does_not_end_a_daemon_that_runs(tmp_path: Path, shell: list[str]) -> None:
    (tmp_path / "uci").mkdir()
    lines = run_init(tmp_path, shell, "start_service", "1", helper="false")
    assert lines[-1] == "close"
    (tmp_path / "uci").rmdir()
    (tmp_path / "uci").symlink_to(tmp_path)  # not what the helper made
    assert "open" not in run_init(tmp_path, shell, "start_service || :", "1", helper="false")


@pytest.mark.parametrize("shell", SHELLS, ids=lambda shell: shell[0])
def test_without_the_package_for_calls_asterisk_is_left_alone(tmp_path: Path, shell: list[str]) -> None:
    packs = str(tmp_path / "pyth*")
    lines = run_init(tmp_path, shell, "start_service", "1", "1", "chan_dongle", packs, webhook="1")
    assert "helper" in lines
    assert "open webhook" not in lines
    found = tmp_path / "python3.11/homeline-asterisk.pack"
    found.parent.mkdir()
    found.touch()
    lines = run_init(tmp_path, shell, "start_service", "1", "1", "chan_dongle", packs)
    assert "helper --asterisk --dongle" in lines


@pytest.mark.parametrize("shell", SHELLS, ids=lambda shell: shell[0])
def test_the_webhook_is_a_process_of_its_own_where_it_is_wanted(tmp_path: Path, shell: list[str]) -> None:
    assert "open webhook" not in run_init(tmp_path, shell, "start_service", "1")
    assert run_init(tmp_path, shell, "start_service", "0", webhook="1") == []
    lines = run_init(tmp_path, shell, "start_service", "1", webhook="1")
    ours = lines[lines.index("open webhook") :]
    for line in ("param command /usr/bin/homeline webhook", "param user homeline", "param reload_signal HUP"):
        assert line in ours
    assert lines.index("open") < lines.index("open webhook")
    assert lines.count("close") == 2


@pytest.mark.parametrize("shell", SHELLS, ids=lambda shell: shell[0])
def test_a_slip_of_the_pen_does_not_end_the_webhook(tmp_path: Path, shell: list[str]) -> None:
    lines = run_init(tmp_path, shell, "start_service", "1", broken="homeline", running="homeline webhook")
    assert "open webhook" in lines
    lines = run_init(tmp_path, shell, "start_service", "1", broken="homeline", webhook="1")
    assert "open webhook" not in lines


def test_both_files_trigger_a_reload() -> None:
    lines = run_init(Path("/nowhere"), SHELLS[0], "service_triggers", "1")
    assert lines == ["trigger homeline homeline_secret after 100"]


def test_the_init_script_starts_late_enough_and_not_too_late() -> None:
    found = re.search(r"^START=(\d+)$", INIT.read_text(), re.MULTILINE)
    assert found
    assert 20 < int(found[1]) < 95  # after the network and ubus, before what waits for everything


def test_the_bus_lets_the_user_do_what_the_daemon_does_and_no_more() -> None:
    acl = json.loads((FILES / "usr/share/acl.d/homeline.json").read_text())
    assert acl == {
        "user": "homeline",
        "publish": ["homeline"],
        "send": ["homeline.*"],
        "access": {"service": {"methods": ["event"]}},
    }
    assert not (FILES / "usr/share/acl.d/homeline.json").stat().st_mode & 0o022  # ubusd ignores it otherwise


def shipped(name: str, comments: bool) -> str:
    text = (FILES / "etc/config" / name).read_text()
    return re.sub(r"^#(?! )", "", text, flags=re.MULTILINE) if comments else text


def test_the_shipped_configuration_is_disabled_and_without_problems() -> None:
    read = config.read(shipped("homeline", False), shipped("homeline_secret", False))
    assert read == config.Config(main=Main(enabled=False, version=FORM))


def test_the_example_in_its_comments_works() -> None:
    read = config.read(shipped("homeline", True), shipped("homeline_secret", True))
    assert read.problems == ()
    assert (len(read.dongles), len(read.rules), len(read.emails)) == (2, 1, 1)
    assert (len(read.phones), len(read.lines), len(read.outbounds)) == (1, 1, 1)
    assert read.dongles[0].pin
    assert read.emails[0].password


@pytest.mark.parametrize("path", [HELPER, INIT], ids=lambda path: path.name)
def test_scripts_are_executable_and_clean(path: Path) -> None:
    assert os.access(path, os.X_OK)
    if not shutil.which("shellcheck"):
        pytest.skip("shellcheck is not installed")
    done = subprocess.run(["shellcheck", str(path)], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stdout
