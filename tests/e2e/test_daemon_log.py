"""What the daemon says on its standard streams: procd gives them to logd with one level each."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path


def test_what_is_wrong_with_the_configuration_is_said_at_the_start(tmp_path: Path) -> None:
    copies = tmp_path / "var/run/homeline/uci"
    copies.mkdir(parents=True)
    (copies / "homeline").write_text("config homeline 'main'\n\toption nonsense '1'\n")
    command = (sys.executable, "-m", "homeline", "run", "--root", str(tmp_path))
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as daemon:
        assert daemon.stderr is not None
        first = daemon.stderr.readline()
        daemon.terminate()
        daemon.communicate(timeout=15)
    assert first == "WARNING Configuration: main.nonsense: Homeline has no such option\n"


def test_what_is_well_goes_to_output_and_what_is_wrong_to_error(tmp_path: Path) -> None:
    command = (sys.executable, "-m", "homeline", "run", "--root", str(tmp_path))
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as daemon:
        assert daemon.stderr is not None
        wrong = [daemon.stderr.readline()]  # there is no bus here, among other things
        daemon.terminate()
        out, rest = daemon.communicate(timeout=15)
    wrong += rest.splitlines()
    assert daemon.returncode == 0
    assert "INFO Stopping\n" in out
    assert any("ubusd is not running" in line for line in wrong)
    assert {line.split()[0] for line in wrong} <= {"WARNING", "ERROR"}
    assert {line.split()[0] for line in out.splitlines()} == {"INFO"}
