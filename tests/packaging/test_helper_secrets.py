"""Root's helper commits passwords that the daemon made for phones, and nothing else that could be in that file."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from homeline import config
from homeline.service.phone_passwords import ALPHABET, LENGTH, password

HELPER = Path(__file__).parents[2] / "files/usr/libexec/homeline/root-helper"
SHELLS = [shell for shell in (["dash"], ["busybox", "ash"], ["bash", "--posix"]) if shutil.which(shell[0])]
MAIN = """config homeline 'main'

config phone 'desk'

config trunk 'peer'
	option host 'sip.example.org'
	option username 'me'
"""
SECRET = """# the owner's
config trunk 'peer'
	option password 'theirs'
"""
GOOD = "k7wq2mzt9xh4pvbn3rcd"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    for folder in ("etc/config", "var/run/homeline", "bin"):
        (tmp_path / folder).mkdir(parents=True)
    (tmp_path / "etc/config/homeline").write_text(MAIN)
    (tmp_path / "etc/config/homeline_secret").write_text(SECRET)
    script = tmp_path / "bin/uci"
    script.write_text(f'#!/bin/sh\nexec {sys.executable} -m homeline_lab uci "$@"\n')
    script.chmod(0o755)
    (tmp_path / "var/run/homeline").chmod(0o1770)
    return tmp_path


def request(root: Path) -> Path:
    return root / "var/run/homeline/commit-secrets"


def helped(root: Path, shell: list[str] = SHELLS[0]) -> subprocess.CompletedProcess[str]:
    command = [*shell, str(HELPER), str(root), str(os.getgid())]
    path = f"{root / 'bin'}:{os.environ['PATH']}"
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, env={**os.environ, "PATH": path})
    assert done.returncode == 0
    assert not os.path.lexists(request(root))
    assert sorted(path.name for path in (root / "var/run/homeline/uci").iterdir()) == ["homeline", "homeline_secret"]
    return done


def passwords(root: Path) -> dict[str, str]:
    """As the daemon gets them."""
    loaded = config.load(root / "var/run/homeline/uci")
    assert [problem for problem in loaded.problems if problem.where.startswith("/")] == []
    found = {found.name: found.password for found in (*loaded.phones, *loaded.trunks)}
    return {"desk": "", **found}  # a phone without a password is left out


@pytest.mark.parametrize("shell", SHELLS, ids=lambda shell: shell[0])
def test_a_password_is_committed_and_copied_in_one_run(root: Path, shell: list[str]) -> None:
    request(root).write_text(f"phone desk password {GOOD}\n")
    assert helped(root, shell).stderr == ""
    assert passwords(root) == {"desk": GOOD, "peer": "theirs"}
    request(root).write_text(f"phone desk password {GOOD[::-1]}\n")
    helped(root, shell)
    assert passwords(root) == {"desk": GOOD[::-1], "peer": "theirs"}


@pytest.mark.parametrize(
    "line",
    [
        f"trunk peer password {GOOD}",
        f"phone peer password {GOOD}",
        f"phone nobody password {GOOD}",
        f"phone main password {GOOD}",
        f"phone desk number {GOOD}",
        f"phone desk.password password {GOOD}",
        f"phone ../desk password {GOOD}",
        f"phone desk password {GOOD} more",
        f"phone desk password {GOOD}x",
        "phone desk password short",
        "phone desk password",
        "phone desk password $(touch$IFS/tmp/own)",
        "phone desk password 'k7wq2mzt9xh4pvbn3rc'",
        f"phone desk password {GOOD.upper()}",
        "phone",
        "",
        "\\",
        f"phone -c password {GOOD}",
        f"phone {'x' * 100} password {GOOD}",
    ],
)
def test_nothing_else_is_committed(root: Path, line: str) -> None:
    request(root).write_text(f"{line}\nphone desk password {GOOD}\n")
    assert "could not be committed" in helped(root).stderr
    assert (root / "etc/config/homeline").read_text() == MAIN
    assert passwords(root) == {"desk": GOOD, "peer": "theirs"}


@pytest.mark.parametrize("what", ["link", "pipe", "folder"])
def test_only_a_plain_file_is_read(root: Path, what: str) -> None:
    target = root / "elsewhere"
    target.write_text(f"phone desk password {GOOD}\n")
    if what == "link":
        request(root).symlink_to(target)
    elif what == "pipe":
        os.mkfifo(request(root))
    else:
        request(root).mkdir()
    assert "no plain file" in helped(root).stderr
    assert passwords(root) == {"desk": "", "peer": "theirs"}
    assert target.exists()


@pytest.mark.parametrize("shell", SHELLS, ids=lambda shell: shell[0])
def test_a_folder_is_never_walked_through(root: Path, shell: list[str]) -> None:
    """While root removes it, its owner could have links to root's folders in place of the ones in it."""
    (request(root) / "inner").mkdir(parents=True)
    command = [*shell, str(HELPER), str(root), str(os.getgid())]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert (done.returncode, "no plain file" in done.stderr) == (0, True)
    assert (request(root) / "inner").is_dir()
    assert sorted(path.name for path in (root / "var/run/homeline/uci").iterdir()) == ["homeline", "homeline_secret"]


def test_the_daemon_writes_what_the_helper_takes(root: Path) -> None:
    made = {password() for _ in range(50)}
    assert len(made) == 50
    assert {len(word) for word in made} == {LENGTH}
    assert set().union(*made) <= set(ALPHABET)
    assert 256 % len(ALPHABET) == 0  # so that none is more likely than another
    word = made.pop()
    request(root).write_text(f"phone desk password {word}\n")
    helped(root)
    assert passwords(root)["desk"] == word
