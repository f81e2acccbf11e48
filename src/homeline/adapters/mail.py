"""Handing a finished mail to msmtp, or to the owner's own sendmail-compatible command.

msmtp is given a configuration file of our own in the run folder; it reads sender and recipients from the mail's
headers. A command of the owner is called as every mail transfer agent's `sendmail` can be: `COMMAND -i -t`, mail on
standard input, lines end in LF. What an exit status means is in sysexits.h; msmtp's source says when it uses which.
"""

from __future__ import annotations

import contextlib
import os
import re
from binascii import b2a_base64
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path

from homeline.adapters.commands import OWNERS_PAUSE, allowed_command, last_words
from homeline.adapters.process import Input
from homeline.adapters.process import run as run_program
from homeline.config import Email
from homeline.errors import ConfigError, DeliveryError
from homeline.paths import Paths

Run = Callable[[Sequence[str], Input, float], Awaitable[tuple[int, bytes]]]

PROGRAM_FOLDERS = ("/usr/bin", "/usr/sbin", "/usr/local/bin", "/bin", "/sbin")
LINE_LIMIT = 499  # msmtp reads its configuration by lines of at most 500 bytes, the line's end included

# The statuses of sysexits.h. Those in neither set here pass by themselves: an outage, a broken connection, a full disk.
_REFUSED = {65, 67}  # EX_DATAERR, EX_NOUSER: this mail will never be taken
_OWNERS = {64, 66, 77, 78}  # EX_USAGE, EX_NOINPUT (the CA file), EX_NOPERM, EX_CONFIG: the owner must mend something
_WORDS = {
    64: "it does not know how it was called",
    65: "the mail, its sender or a recipient was refused",
    66: "it could not read a file",
    67: "a recipient does not exist",
    68: "the mail server's name is not known",
    69: "the mail server did not take the mail",
    70: "it failed inside",
    71: "the system would not let it work",
    74: "the connection broke",
    75: "the mail server cannot be reached now",
    76: "the mail server does not speak as it should",
    77: "user name or password was refused",
    78: "its configuration is wrong",
}
# msmtp has one status for several replies of the server (RFC 5321 4.2.1, RFC 4954 6); the reply itself tells more.
_REPLY = re.compile(r"server message: (\d\d)\d")


class Mailer:
    """Sends mails of one `email` section. Nothing is opened or written before the first mail."""

    def __init__(self, account: Email, paths: Paths, run: Run = run_program, program: str = "") -> None:
        """`run` runs a program, as `process.run` does; `program` is msmtp's path, looked for if not given.

        Raises ConfigError for a value that msmtp's configuration cannot express.
        """
        self._account, self._paths, self._run, self._program = account, paths, run, program
        self._settings = b"" if account.command else msmtp_settings(account, paths)

    async def send(self, mail: Input) -> None:
        """Hand over one mail, or a file with one; returns when it was taken. Raises DeliveryError."""
        argv = self._command() if self._account.command else self._msmtp()
        name = Path(argv[0]).name
        try:
            status, output = await self._run(argv, mail, self._account.timeout)
        except TimeoutError:
            raise DeliveryError(f"{name} did not end within {self._account.timeout} s.") from None
        except OSError as error:
            raise DeliveryError(f"{name} cannot be started: {error.strerror}.", retry_after=OWNERS_PAUSE) from None
        if status != 0:
            raise failure(name, status, self._without_secrets(output))

    def _command(self) -> list[str]:
        return [allowed_command(self._paths.commands, self._account.command), "-i", "-t"]

    def _msmtp(self) -> list[str]:
        program = self._program or find_program("msmtp")
        path = settings_path(self._paths, self._account.name)
        try:
            _keep_private(path, self._settings)
        except OSError as error:
            raise DeliveryError(f"{path} cannot be written: {error.strerror}.", retry_after=OWNERS_PAUSE) from None
        return [program, "-C", str(path), "--read-envelope-from", "-t"]

    def _without_secrets(self, output: bytes) -> str:
        return last_words(output, said_as(self._account.user, self._account.password))


def said_as(user: str, password: str) -> tuple[str, ...]:
    """How a password goes to a server, which may say it again: as it is, in AUTH LOGIN and in PLAIN (RFC 4616 2)."""
    if not password:
        return ()
    coded = (f"\0{user}\0{password}", f"{user}\0{user}\0{password}", password)
    return (*(b2a_base64(each.encode(), newline=False).decode() for each in coded), password)


def failure(name: str, status: int, output: str) -> DeliveryError:
    """What it means that the program `name` ended with `status` (not 0) after it printed `output`."""
    reply = _REPLY.search(output)
    kind = reply[1] if reply else ""
    owners = status in _OWNERS or kind == "53"  # 530 to 538: the server wants a login, another one, or encryption
    refused = status in _REFUSED or (status == 69 and kind.startswith("5"))
    ended = f"exit status {status}" if status > 0 else f"ended by signal {-status}"
    words = _WORDS.get(status, "it failed")
    text = f"{name}: {words} ({ended})" + (f": {output}" if output else ".")
    return DeliveryError(text, permanent=refused and not owners, retry_after=OWNERS_PAUSE if owners else None)


def find_program(name: str) -> str:
    """The path of a program of the system. Raises DeliveryError if it is not installed."""
    for folder in PROGRAM_FOLDERS:
        path = f"{folder}/{name}"
        if os.access(path, os.X_OK):
            return path
    raise DeliveryError(f"{name} is not installed.", retry_after=OWNERS_PAUSE)


def settings_path(paths: Paths, account: str) -> Path:
    """Where msmtp's configuration of an account lies."""
    return paths.run / f"msmtp-{account}.conf"


def remove_other_settings(paths: Paths, accounts: Sequence[str]) -> None:
    """Remove the configurations, passwords in them, of accounts that are no more. What cannot be removed stays."""
    keep = {settings_path(paths, account) for account in accounts}
    for path in paths.run.glob("msmtp-*.conf"):
        if path not in keep:
            with contextlib.suppress(OSError):
                path.unlink()


def msmtp_settings(account: Email, paths: Paths) -> bytes:
    """msmtp's configuration of an account. Raises ConfigError for a value that it cannot express."""
    secure = account.tls != "none"
    rows = [
        ("host", account.host, "host"),
        ("port", str(account.port), "port"),
        ("timeout", str(account.timeout), "timeout"),
        ("from", _fixed_address(account), "from"),
        ("tls", _switch(secure), "tls"),
    ]
    if secure:
        rows.append(("tls_starttls", _switch(account.tls == "starttls"), "tls"))
        rows.append(("tls_certcheck", _switch(account.tls_verify), "tls_verify"))
    if secure and account.tls_verify and account.ca_file:
        rows.append(("tls_trust_file", str(paths.inside(account.ca_file)), "ca_file"))
    if account.user:
        rows += [("auth", "on", "user"), ("user", account.user, "user"), ("password", account.password, "password")]
    lines = ["# Written by Homeline for each start; changes are lost.", "account default"]
    lines += [_setting(account.name, *row) for row in rows]
    return "".join(f"{line}\n" for line in lines).encode()


def _switch(on: bool) -> str:
    return "on" if on else "off"


def _fixed_address(account: Email) -> str:
    """msmtp reads `%` and `*` in `from` as patterns and cannot quote them."""
    if set("%*") & set(account.sender):
        raise ConfigError(account.name, "from", account.sender, "must not have % or *: msmtp reads them as patterns")
    return account.sender


def _setting(section: str, command: str, value: str, option: str) -> str:
    """One line. msmtp takes the outermost pair of quotes off and knows no escapes: only the line's end is in danger."""
    shown = "" if option == "password" else value
    if not value:
        raise ConfigError(section, option, "", "must be set")
    if any(c in "\r\n\0" or "\ud800" <= c <= "\udfff" for c in value):
        raise ConfigError(section, option, ascii(shown) if shown else "", "must be one line of text for msmtp")
    line = f'{command} "{value}"'
    if len(line.encode()) > LINE_LIMIT:
        raise ConfigError(section, option, shown[:64], "is too long for msmtp")
    return line


def _keep_private(path: Path, content: bytes) -> None:
    """Have `content` in the file, which only we can read; written when it is not there: the run folder is RAM."""
    try:
        if path.read_bytes() == content:
            return
    except FileNotFoundError:
        pass
    new = path.with_name(f"{path.name}.new")
    new.unlink(missing_ok=True)
    descriptor = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
    new.replace(path)
