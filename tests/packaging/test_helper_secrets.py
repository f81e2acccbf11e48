"""Root's helper commits what the daemon made for phones and at Twilio, and nothing else that could be in that file."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

from homeline import config
from homeline.config_twilio import MADE as FORM
from homeline.protocol import uci
from homeline.service.phone_passwords import ALPHABET, LENGTH, password
from openwrt_kit import SHELLS

HELPER = Path(__file__).parents[2] / "files/usr/libexec/homeline/root-helper"
MAIN = """config homeline 'main'

config phone 'desk'

config trunk 'peer'
	option host 'sip.example.org'
	option username 'me'

config trunk 'cloud'
	option type 'twilio'

config trunk 'full'
	option type 'twilio'
	option mode 'elastic'
	option host 'mine.pstn.twilio.com'
	option username 'me'

config phone 'away'
	option where 'twilio'

config phone 'known'
	option where 'twilio'

config twilio 'twilio'
	option account_sid 'AC00112233445566778899aabbccddeeff'
	list made 'sip_domain=SD0'
"""
SECRET = """# the owner's
config trunk 'peer'
	option password 'theirs'

config trunk 'full'
	option password 'theirs'

config phone 'known'
	option password 'theirs'
"""
GOOD = "k7wq2mzt9xh4pvbn3rcd"
MADE = "Ab3" * 8  # the form of passwords for Twilio


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


def sections_of(text: str) -> dict[str, Mapping[str, str | list[str]]]:
    return {section.name: section.options for section in uci.parse(text)}


def sections(root: Path, name: str = "homeline") -> dict[str, Mapping[str, str | list[str]]]:
    """What is committed."""
    return sections_of((root / "etc/config" / name).read_text())


def passwords(root: Path) -> dict[str, str]:
    """As the daemon gets them."""
    loaded = config.load(root / "var/run/homeline/uci")
    assert [problem for problem in loaded.problems if problem.where.startswith("/")] == []
    found = {found.name: found.password for found in (*loaded.phones, *loaded.trunks)}
    return {"desk": found.get("desk", ""), "peer": found["peer"]}  # a phone without a password is left out


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
        f"phone away password {GOOD}",
        f"phone known password {MADE}",
        f"phone desk password {MADE}",
        f"phone away number {MADE}",
        f"trunk peer password {MADE}",
        f"trunk full password {MADE}",
        f"trunk cloud password {MADE}x",
        f"trunk cloud password {MADE[:-1]}-",
        f"trunk cloud inbound_password {MADE}",
        "trunk cloud host sip.example.org",
        "trunk cloud host .sip.twilio.com",
        "trunk cloud host x.example.sip.twilio.com",
        "trunk cloud host home.sip.twilio.com.example.org",
        f"trunk cloud host {'x' * 64}.sip.twilio.com",
        "trunk peer host home.sip.twilio.com",
        "trunk full host home.sip.twilio.com",
        "trunk full mode byoc",
        "trunk full username router",
        "trunk cloud mode peer",
        "trunk cloud username admin",
        "trunk cloud allowed 0.0.0.0/1",
        "trunk cloud enabled 0",
        "twilio twilio account_sid AC00000000000000000000000000000000",
        "twilio twilio public_url https://example.org",
        "twilio twilio bind 0.0.0.0",
        "twilio desk made sip_domain=SD1",
        "homeline main made sip_domain=SD1",
        "homeline main enabled 0",
    ],
)
def test_nothing_else_is_committed(root: Path, line: str) -> None:
    request(root).write_text(f"{line}\nphone desk password {GOOD}\n")
    assert "could not be committed" in helped(root).stderr
    assert (root / "etc/config/homeline").read_text() == MAIN
    assert passwords(root) == {"desk": GOOD, "peer": "theirs"}


@pytest.mark.parametrize("shell", SHELLS, ids=lambda shell: shell[0])
def test_what_was_made_at_twilio_is_committed(root: Path, shell: list[str]) -> None:
    lines = ["trunk cloud mode registered", "trunk cloud host home-1.sip.twilio.com", "trunk cloud username router"]
    lines += [f"trunk cloud password {MADE}", f"phone away password {MADE[::-1]}"]
    longest = f"before:PN{'a' * 32}.status_callback_method={'x' * 1400}"
    lines += ["twilio twilio made", "twilio twilio made sip_domain=SD1", "twilio twilio made dialing:CH=100"]
    lines += [f"twilio twilio made {FORM.parse(longest)}"]
    request(root).write_text("".join(f"{line}\n" for line in lines))
    assert helped(root, shell).stderr == ""
    main, secret = sections(root), sections(root, "homeline_secret")
    assert main["cloud"] == {
        **{"type": "twilio", "mode": "registered", "host": "home-1.sip.twilio.com", "username": "router"}
    }
    assert main["twilio"]["made"] == ["sip_domain=SD1", "dialing:CH=100", longest]
    assert (secret["cloud"], secret["away"]) == ({"password": MADE}, {"password": MADE[::-1]})
    assert (main["full"], secret["full"]) == (sections_of(MAIN)["full"], {"password": "theirs"})
    request(root).write_text("twilio twilio made\n")
    helped(root, shell)
    assert "made" not in sections(root)["twilio"]
    request(root).write_text("twilio twilio made\n")  # there is none to be emptied
    assert helped(root, shell).stderr == ""


@pytest.mark.parametrize(
    "item", ["sip_domain", "=SD1", "sip_domain=", "Sip=1", "a='b", "a=$(reboot)", "a=" + "x" * 1600]
)
def test_what_can_not_have_been_made(root: Path, item: str) -> None:
    """Of a list with something odd the rest counts."""
    with pytest.raises(ValueError, match="must be"):
        FORM.parse(item)
    request(root).write_text(f"twilio twilio made a=1\ntwilio twilio made {item}\ntwilio twilio made b=2\n")
    assert "could not be committed" in helped(root).stderr
    assert sections(root)["twilio"]["made"] == ["a=1", "b=2"]


def test_what_the_owner_has_staged_stays_staged(root: Path) -> None:
    def run(*words: str) -> str:
        command = [str(root / "bin/uci"), "-c", str(root / "etc/config"), *words]
        return subprocess.run(command, capture_output=True, text=True, timeout=60, check=True).stdout

    run("set", "homeline.main.country=CH")
    run("set", "homeline_secret.peer.password=mine")
    request(root).write_text(f"phone desk password {GOOD}\ntwilio twilio made a=1\n")
    helped(root)
    assert passwords(root) == {"desk": GOOD, "peer": "theirs"}
    assert "country" not in sections(root)["main"]
    assert run("get", "homeline.main.country") == "CH\n"


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
