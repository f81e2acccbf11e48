"""An IMAP server for the lab: Dovecot from Debian, all its own in a folder that goes with it, on loopback.

async with Dovecot() as server:
    server.append(mail)              # what somebody's mail server would deliver
    server.flags()                   # {uid: flags}
"""

from __future__ import annotations

import asyncio
import contextlib
import grp
import imaplib
import os
import pwd
import shutil
import signal
import socket
import tempfile
from collections.abc import Iterator
from pathlib import Path

USER, PASSWORD = "owner@example.org", 'pass "word" \\ ü'

CONFIGURATION = """
base_dir = {folder}/run
state_dir = {folder}/state
log_path = {folder}/log
protocols = imap
listen = 127.0.0.1
auth_mechanisms = {mechanisms}
disable_plaintext_auth = {secured_only}
mail_location = maildir:{folder}/mail
default_internal_user = {service}
default_internal_group = {service_group}
default_login_user = {login}
first_valid_uid = 0
mailbox_list_index = no
ssl = {ssl}
{certificate}
passdb {{
  driver = passwd-file
  args = scheme=PLAIN username_format=%u {folder}/users
}}
userdb {{
  driver = static
  args = uid={uid} gid={gid} home={folder}/home
}}
service imap-login {{
  chroot =
  inet_listener imap {{
    port = {port}
  }}
  inet_listener imaps {{
    port = {secure_port}
    ssl = {implicit}
  }}
}}
service anvil {{
  chroot =
}}
service stats {{
  chroot =
}}
"""


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


class Dovecot:
    """With `certificate` (a PEM file of certificate and key) it has STARTTLS on `port` and TLS on `secure_port`."""

    def __init__(self, *, certificate: Path | None = None, mechanisms: str = "plain login") -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="dovecot-"))
        self._certificate, self._mechanisms = certificate, mechanisms
        self.port, self.secure_port = free_port(), free_port()
        self.secured_only = False
        self._process: asyncio.subprocess.Process | None = None

    @staticmethod
    def program() -> str | None:
        """Where it is, if it is installed."""
        return shutil.which("dovecot", path=os.environ.get("PATH", "") + ":/usr/sbin:/usr/local/sbin")

    async def __aenter__(self) -> Dovecot:
        self.folder.chmod(0o711)  # its parts run as different users
        root = os.geteuid() == 0
        own = pwd.getpwuid(os.geteuid())
        mail = pwd.getpwnam("nobody") if root else own  # Dovecot gives root no mail
        for name in ("mail", "home", "run", "state"):
            (self.folder / name).mkdir(exist_ok=True)
            os.chown(self.folder / name, mail.pw_uid, mail.pw_gid) if root and name in ("mail", "home") else None
        (self.folder / "users").write_text(f"{USER}:{{PLAIN}}{PASSWORD}\n")
        secured = "yes" if self._certificate else "no"
        text = CONFIGURATION.format(
            folder=self.folder,
            mechanisms=self._mechanisms,
            secured_only="yes" if self.secured_only else "no",
            service="dovecot" if root else own.pw_name,
            service_group="dovecot" if root else grp.getgrgid(own.pw_gid).gr_name,
            login="dovenull" if root else own.pw_name,
            ssl=secured,
            certificate=f"ssl_cert = <{self._certificate}\nssl_key = <{self._certificate}" if self._certificate else "",
            uid=mail.pw_uid,
            gid=mail.pw_gid,
            port=self.port,
            secure_port=self.secure_port if self._certificate else 0,
            implicit=secured,
        )
        (self.folder / "dovecot.conf").write_text(text)
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.stop()
        shutil.rmtree(self.folder, ignore_errors=True)

    async def start(self) -> None:
        """Start it, again after `stop`, and wait until it takes connections."""
        program = self.program()
        assert program, "dovecot is not installed (apt-get install dovecot-imapd)"
        self._process = await asyncio.create_subprocess_exec(
            program, "-F", "-c", str(self.folder / "dovecot.conf"), start_new_session=True
        )
        async with asyncio.timeout(20):
            while True:
                with contextlib.suppress(OSError):
                    socket.create_connection(("127.0.0.1", self.port), 1).close()
                    return
                if self._process.returncode is not None:
                    raise RuntimeError((self.folder / "log").read_text())
                await asyncio.sleep(0.02)

    async def stop(self) -> None:
        if self._process is not None and self._process.returncode is None:
            self._process.terminate()
            await self._process.wait()

    @contextlib.contextmanager
    def frozen(self) -> Iterator[None]:
        """Connections are taken by the kernel, and nobody says a word."""
        assert self._process is not None
        os.killpg(self._process.pid, signal.SIGSTOP)
        try:
            yield
        finally:
            os.killpg(self._process.pid, signal.SIGCONT)

    @contextlib.contextmanager
    def _open(self) -> Iterator[imaplib.IMAP4]:
        with imaplib.IMAP4("127.0.0.1", self.port, 10) as server:
            if self.secured_only:
                server.starttls()
            server.authenticate("PLAIN", lambda _: f"\0{USER}\0{PASSWORD}".encode())
            server.select()
            yield server

    def append(self, *mails: bytes, flags: str = "") -> int:
        """Put mails into the inbox; the UID of the last."""
        with self._open() as server:
            for mail in mails:
                kind, data = server.append("INBOX", flags, "", mail)
                assert kind == "OK", data
            return int(data[0].split(b"APPENDUID")[1].split()[1].rstrip(b"]"))

    def flags(self) -> dict[int, set[str]]:
        """The flags of each mail of the inbox by UID."""
        with self._open() as server:
            _, data = server.uid("FETCH", "1:*", "(FLAGS)")
            found = {}
            for item in data:
                if isinstance(item, bytes):
                    uid = int(item.split(b"UID ")[1].split()[0].rstrip(b")"))
                    names = item.split(b"FLAGS (")[1].split(b")")[0].decode()
                    found[uid] = set(names.split()) - {r"\Recent"}
            return found
