"""A mail server for the lab: takes mail by SMTP on loopback, keeps it, says so, and refuses when it is told to.

With `install_command` a lab without msmtp can send too: it writes a small sendmail-compatible program.
"""

from __future__ import annotations

import asyncio
import mailbox
import ssl
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, AnyStr

from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session

COMMAND = """#!{python}
# Written by Homeline's lab: a sendmail that hands its mail to the lab's mail server.
import smtplib, sys
from email import message_from_bytes
from email.utils import getaddresses

content = sys.stdin.buffer.read()
mail = message_from_bytes(content)
recipients = [address for _, address in getaddresses(mail.get_all("To"))]
with smtplib.SMTP("{host}", {port}, timeout=10) as server:
    server.sendmail(mail["From"], recipients, content.replace(b"\\n", b"\\r\\n"))
"""


@dataclass(frozen=True, slots=True)
class Received:
    """One mail as it came: envelope and content, lines ending in CRLF. `user` is who logged in."""

    sender: str
    recipients: tuple[str, ...]
    content: bytes
    user: str = ""


@dataclass
class MailServer:
    """`async with MailServer() as server`: listens on `host` and `port` (0: any; the number is in `port` then).

    `tls` with `implicit` is TLS from the first byte, without it STARTTLS, which is required then. `users` are passwords
    by name; with any, a login is required. `replies` maps CONNECT, MAIL, RCPT and DATA to a reply given instead of
    "250 OK"; a mail so refused is not kept. `hang_up` ends the connection in the middle of each mail.
    """

    maildir: Path | None = None
    on_mail: Callable[[Received], None] | None = None
    host: str = "127.0.0.1"
    port: int = 0
    tls: ssl.SSLContext | None = None
    implicit: bool = False
    users: Mapping[str, str] = field(default_factory=dict)
    replies: dict[str, str] = field(default_factory=dict)
    hang_up: bool = False
    mails: list[Received] = field(default_factory=list)
    connections: int = 0

    async def __aenter__(self) -> MailServer:
        if self.maildir is not None:
            mailbox.Maildir(self.maildir, create=True)
        self._server = await asyncio.get_running_loop().create_server(
            self._session, self.host, self.port, ssl=self.tls if self.implicit else None
        )
        self.port = self._server.sockets[0].getsockname()[1]
        self._arrived = asyncio.Condition()
        return self

    async def __aexit__(self, *_: object) -> None:
        self._server.close()

    async def wait_for(self, count: int, timeout: float = 10.0) -> list[Received]:
        """The mails, once there are `count`. Raises TimeoutError."""
        async with asyncio.timeout(timeout), self._arrived:
            await self._arrived.wait_for(lambda: len(self.mails) >= count)
        return self.mails

    def _session(self) -> SMTP:
        self.connections += 1
        options: dict[str, Any] = {"hostname": "mail.lab", "timeout": 30, "loop": asyncio.get_running_loop()}
        if self.tls is not None and not self.implicit:
            options |= {"tls_context": self.tls, "require_starttls": True}
        if self.users:
            options |= {"authenticator": self._login, "auth_required": True}
            options["auth_require_tls"] = self.tls is not None and not self.implicit  # aiosmtpd knows STARTTLS only
        return _Session(self, **options)

    def _login(self, _server: SMTP, _session: Session, _envelope: Envelope, _mechanism: str, data: Any) -> AuthResult:
        if isinstance(data, LoginPassword) and self.users.get(data.login.decode()) == data.password.decode():
            return AuthResult(success=True, auth_data=data.login.decode())
        return AuthResult(success=False, handled=False)

    async def handle_MAIL(  # noqa: N802 - aiosmtpd's name
        self, _server: SMTP, _session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        envelope.mail_from = address
        return self.replies.get("MAIL", "250 OK")

    async def handle_RCPT(  # noqa: N802 - aiosmtpd's name
        self, _server: SMTP, _session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        envelope.rcpt_tos.append(address)
        return self.replies.get("RCPT", "250 OK")

    async def handle_DATA(self, _server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802
        if "DATA" in self.replies:
            return self.replies["DATA"]
        content = envelope.original_content or b""
        await self._keep(
            Received(envelope.mail_from or "", tuple(envelope.rcpt_tos), content, str(session.auth_data or ""))
        )
        return "250 OK, kept"

    async def _keep(self, mail: Received) -> None:
        if self.maildir is not None:
            mailbox.Maildir(self.maildir).add(mail.content)
        self.mails.append(mail)
        if self.on_mail is not None:
            self.on_mail(mail)
        async with self._arrived:
            self._arrived.notify_all()


class _Session(SMTP):
    """One connection."""

    def __init__(self, owner: MailServer, **options: Any) -> None:
        super().__init__(owner, **options)
        self._owner = owner

    async def push(self, status: AnyStr) -> None:
        """Every reply goes through here; the greeting is the first."""
        text = status.decode() if isinstance(status, bytes) else status
        if text.startswith("220 mail.lab") and "CONNECT" in self._owner.replies:
            text = self._owner.replies["CONNECT"]
        await super().push(text)
        if text.startswith("354") and self._owner.hang_up and isinstance(self.transport, asyncio.Transport):
            self.transport.abort()


def install_command(folder: Path, port: int, host: str = "127.0.0.1", name: str = "lab-sendmail") -> str:
    """Write a sendmail-compatible program into `folder` (Paths.commands) that sends to a MailServer; its name."""
    folder.mkdir(mode=0o755, parents=True, exist_ok=True)
    folder.chmod(0o755)  # whatever the umask: others must not be able to write it
    program = folder / name
    program.write_text(COMMAND.format(python=sys.executable, host=host, port=port))
    program.chmod(0o755)
    return name
