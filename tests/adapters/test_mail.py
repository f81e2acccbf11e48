"""The mail adapter without a network: what is run, what is refused, what an exit status means."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from homeline.adapters.commands import ERROR_LIMIT, allowed_command
from homeline.adapters.mail import (
    Mailer,
    failure,
    find_program,
    msmtp_settings,
    remove_other_settings,
    settings_path,
)
from homeline.adapters.process import Input
from homeline.config import Email
from homeline.errors import ConfigError, DeliveryError
from homeline.paths import Paths

ROOT = Path("/")
ACCOUNT = Email("home", ("me@example.org",), "line@example.org", "mail.example.org", 587, user="me", password="s3cret")
MSMTP = shutil.which("msmtp")


@pytest.fixture
def paths(tmp_path: Path) -> Paths:
    lab = Paths(tmp_path)
    lab.run.mkdir(parents=True)
    lab.commands.mkdir(parents=True, mode=0o755)
    lab.commands.chmod(0o755)
    return lab


def install(paths: Paths, text: str = "cat >/dev/null", name: str = "send") -> Path:
    path = paths.commands / name
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)
    return path


def command(**options: object) -> Email:
    return Email("home", ("me@example.org",), "line@example.org", command="send", timeout=10, **options)  # type: ignore[arg-type]


# -- msmtp's configuration ---------------------------------------------------------------------------------------------


def settings(**options: object) -> list[str]:
    fields = {"to": ("me@example.org",), "sender": "line@example.org", "host": "mail.example.org", "port": 587}
    account = Email("home", **(fields | options))  # type: ignore[arg-type]
    return msmtp_settings(account, Paths(ROOT)).decode().splitlines()[1:]


def test_settings_of_an_account_with_starttls() -> None:
    assert settings(user="me", password="s3cret", ca_file="/etc/ssl/own.pem") == [
        "account default",
        'host "mail.example.org"',
        'port "587"',
        'timeout "60"',
        'from "line@example.org"',
        'tls "on"',
        'tls_starttls "on"',
        'tls_certcheck "on"',
        'tls_trust_file "/etc/ssl/own.pem"',
        'auth "on"',
        'user "me"',
        'password "s3cret"',
    ]


def test_settings_of_implicit_tls_without_check() -> None:
    lines = settings(tls="tls", port=465, tls_verify=False, ca_file="/etc/ssl/own.pem")
    assert lines[-3:] == ['tls "on"', 'tls_starttls "off"', 'tls_certcheck "off"']


def test_settings_without_tls() -> None:
    assert settings(tls="none", port=25)[-1] == 'tls "off"'


@pytest.mark.parametrize(
    ("options", "option"),
    [
        ({"host": "mail\npasswordeval id"}, "host"),
        ({"host": ""}, "host"),
        ({"sender": "a@b\r"}, "from"),
        ({"sender": "a%U@b"}, "from"),
        ({"sender": "*@b"}, "from"),
        ({"user": "a\0b", "password": "x"}, "user"),
        ({"user": "me", "password": ""}, "password"),
        ({"user": "me", "password": "s3cret\neval id"}, "password"),
        ({"user": "me", "password": "x" * 600}, "password"),
        ({"user": "\ud800", "password": "x"}, "user"),
        ({"ca_file": "/etc/ssl/a\nb"}, "ca_file"),
    ],
)
def test_what_msmtp_cannot_express_is_refused_by_section_and_option(options: dict[str, str], option: str) -> None:
    with pytest.raises(ConfigError) as caught:
        settings(**options)
    assert (caught.value.section, caught.value.option) == ("home", option)
    assert "s3cret" not in str(caught.value)
    str(caught.value).encode()


@pytest.mark.skipif(MSMTP is None, reason="msmtp is not installed (apt-get install msmtp)")
@hypothesis_settings(max_examples=50, deadline=None)  # each starts a program
@given(st.text(min_size=1, max_size=200))
@example('"')
@example('""')
@example('a"b')
@example(" edges ")
@example("# no comment")
@example("\\")
@example("tab\t")
def test_msmtp_reads_every_value_as_it_was_meant(tmp_path_factory: pytest.TempPathFactory, value: str) -> None:
    """`msmtp --pretend` shows the user's name as it understood it."""
    try:
        content = msmtp_settings(
            Email("home", ("a@b",), "a@b", "localhost", 25, "none", user=value, password="p"), Paths(ROOT)
        )
    except ConfigError:
        assert any(c in "\r\n\0" for c in value) or len(value.encode()) > 400
        return
    path = tmp_path_factory.getbasetemp() / "msmtprc"
    path.write_bytes(content)
    path.chmod(0o600)
    shown = subprocess.run(
        [str(MSMTP), "-C", str(path), "--pretend", "x@y"],
        input=b"",
        capture_output=True,
        check=True,
        env={"LC_ALL": "C"},
    ).stdout
    user = next(line for line in shown.split(b"\n") if line.startswith(b"user")).removeprefix(b"user = ")
    assert user == value.encode()


async def test_the_settings_file_is_private_and_comes_back(paths: Paths) -> None:
    calls: list[list[str]] = []

    async def run(argv: Sequence[str], data: Input, timeout: float) -> tuple[int, bytes]:
        calls.append(list(argv))
        assert path.read_bytes() == msmtp_settings(ACCOUNT, paths)
        assert path.stat().st_mode & 0o777 == 0o600
        return 0, b""

    path = settings_path(paths, "home")
    mailer = Mailer(ACCOUNT, paths, run, "/usr/bin/msmtp")
    assert not path.exists()
    old_mask = os.umask(0)
    try:
        await mailer.send(b"mail")
        path.unlink()
        await mailer.send(b"mail")
        path.chmod(0o600)
        path.write_text("another's")
        await mailer.send(b"mail")
    finally:
        os.umask(old_mask)
    assert calls == [["/usr/bin/msmtp", "-C", str(path), "--read-envelope-from", "-t"]] * 3
    assert [file.name for file in paths.run.iterdir()] == ["msmtp-home.conf"]


async def test_a_run_folder_that_cannot_be_written_is_said(tmp_path: Path) -> None:
    mailer = Mailer(ACCOUNT, Paths(tmp_path), program="/usr/bin/msmtp")
    with pytest.raises(DeliveryError, match=r"msmtp-home\.conf cannot be written: No such file") as caught:
        await mailer.send(b"")
    assert not caught.value.permanent


def test_settings_of_accounts_that_are_no_more_are_removed(paths: Paths) -> None:
    for name in ("home", "old", "older"):
        settings_path(paths, name).write_text("password")
    (paths.run / "else.conf").write_text("")
    remove_other_settings(paths, ["home", "new"])
    assert {path.name for path in paths.run.iterdir()} == {"msmtp-home.conf", "else.conf"}


def test_a_missing_program_is_named() -> None:
    with pytest.raises(DeliveryError, match="no-such-program is not installed"):
        find_program("no-such-program")
    assert find_program("sh").endswith("/sh")


# -- the owner's command -----------------------------------------------------------------------------------------------


async def test_a_command_gets_the_mail_as_a_sendmail_would(paths: Paths) -> None:
    install(paths, f'cat > {paths.root}/mail; echo "$0 $*" > {paths.root}/called')
    await Mailer(command(), paths).send(b"To: me\n\nhello\n")
    assert (paths.root / "mail").read_bytes() == b"To: me\n\nhello\n"
    assert (paths.root / "called").read_text() == f"{paths.commands}/send -i -t\n"


def _outside(paths: Paths) -> None:
    other = paths.root / "evil"
    other.write_text("#!/bin/sh\n")
    other.chmod(0o755)
    (paths.commands / "send").symlink_to(other)


def _to_itself(paths: Paths) -> None:
    (paths.commands / "send").symlink_to("send")


def _folder(paths: Paths) -> None:
    (paths.commands / "send").mkdir()


def _fifo(paths: Paths) -> None:
    os.mkfifo(paths.commands / "send", 0o755)


def _mode(mode: int) -> Callable[[Paths], None]:
    return lambda paths: install(paths).chmod(mode)


def _open_folder(mode: int) -> Callable[[Paths], None]:
    def make(paths: Paths) -> None:
        install(paths)
        paths.commands.chmod(mode)

    return make


@pytest.mark.parametrize(
    ("make", "reason"),
    [
        (lambda paths: None, "No such file"),
        (lambda paths: paths.commands.rmdir(), "No such file"),
        (_outside, "leads out of the folder"),
        (_to_itself, "link"),
        (_folder, "not a plain file"),
        (_fifo, "not a plain file"),
        (_mode(0o644), "not executable"),
        (_mode(0o775), "written by others"),
        (_mode(0o757), "written by others"),
        (_open_folder(0o777), "its folder can be written by others"),
        (_open_folder(0o775), "its folder can be written by others"),
    ],
)
async def test_a_command_that_others_could_have_written_is_not_run(
    paths: Paths, make: Callable[[Paths], None], reason: str
) -> None:
    make(paths)
    with pytest.raises(DeliveryError, match=reason) as caught:
        await Mailer(command(), paths).send(b"")
    assert not caught.value.permanent  # the owner can mend it, and the mail then goes out
    assert caught.value.retry_after


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files away")
@pytest.mark.parametrize("what", ["file", "folder"])
def test_a_command_of_another_user_is_not_run(paths: Paths, what: str) -> None:
    path = install(paths)
    os.chown(path if what == "file" else paths.commands, 65534, 65534)
    with pytest.raises(DeliveryError, match="does not belong to root"):
        allowed_command(paths.commands, "send")


@pytest.mark.parametrize("name", ["", ".", "..", ".hidden", "../send", "a/b", "/bin/sh", "send\0x"])
def test_a_name_that_is_not_a_base_name_is_not_run(paths: Paths, name: str) -> None:
    install(paths)
    with pytest.raises(DeliveryError, match="is not that of a file"):
        allowed_command(paths.commands, name)


def test_a_link_within_the_folder_is_run_by_its_own_name(paths: Paths) -> None:
    install(paths, name="real")
    (paths.commands / "send").symlink_to("real")
    assert allowed_command(paths.commands, "send") == str(paths.commands / "send")


async def test_a_command_that_hangs_is_ended(paths: Paths) -> None:
    install(paths, "exec sleep 1000")
    account = Email("home", ("me@example.org",), "line@example.org", command="send", timeout=0)
    with pytest.raises(DeliveryError, match="did not end within 0 s"):
        await Mailer(account, paths).send(b"")


async def test_a_command_that_fails_is_quoted_without_secrets(paths: Paths) -> None:
    install(paths, "printf 'login s3cret\\033[2J\\nfailed\\n' >&2; exit 75")
    with pytest.raises(DeliveryError) as caught:
        await Mailer(command(password="s3cret"), paths).send(b"")
    assert str(caught.value) == ("send: the mail server cannot be reached now (exit status 75): login *** [2J failed")


async def test_a_command_that_prints_megabytes_is_quoted_in_short(paths: Paths) -> None:
    install(paths, "head -c 3000000 /dev/urandom; echo; echo the end; exit 1")
    with pytest.raises(DeliveryError, match=r"the end$") as caught:
        await Mailer(command(), paths).send(b"")
    assert len(str(caught.value)) < ERROR_LIMIT + 60
    assert str(caught.value).isprintable()


async def test_a_command_without_an_interpreter_says_so(paths: Paths) -> None:
    install(paths).write_text("#!/no/such/thing\n")
    with pytest.raises(DeliveryError, match="cannot be started: No such file"):
        await Mailer(command(), paths).send(b"")


# -- what a status means -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("status", "output", "kind"),
    [
        (64, "", "owner"),
        (65, "", "refused"),
        (65, "msmtp: recipient address x not accepted by the server\nmsmtp: server message: 550 5.1.1 no", "refused"),
        (
            65,
            "msmtp: envelope from address x not accepted by the server msmtp: server message: 530 5.7.0 auth",
            "owner",
        ),
        (66, "", "owner"),
        (67, "", "refused"),
        (68, "", "passing"),
        (69, "", "passing"),
        (69, "msmtp: server message: 451 4.3.0 later", "passing"),
        (69, "msmtp: server message: 554 5.7.1 spam", "refused"),
        (70, "", "passing"),
        (71, "", "passing"),
        (72, "", "passing"),
        (73, "", "passing"),
        (74, "", "passing"),
        (75, "msmtp: server message: 550 no matter", "passing"),
        (76, "", "passing"),
        (77, "", "owner"),
        (77, "msmtp: server message: 535 5.7.8 wrong", "owner"),
        (78, "", "owner"),
        (1, "", "passing"),
        (127, "", "passing"),
        (255, "", "passing"),
        (-9, "", "passing"),
        (-11, "", "passing"),
    ],
)
def test_a_status_decides_what_happens_next(status: int, output: str, kind: str) -> None:
    error = failure("send", status, output)
    assert error.permanent is (kind == "refused")
    assert (error.retry_after is not None) is (kind == "owner")
    assert (f"exit status {status}" if status > 0 else f"signal {-status}") in str(error)
    assert output in str(error)
