"""Who calls the house and is called: softphones and providers, each a second Asterisk with an address of its own.

async with Phone(folder, home=Address("127.100.0.1"), name="mobile", password="…") as phone:
    await phone.registered()
    call = await phone.call("+41441234567")
    await call.is_answered()
    await call.hears(440)
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from homeline_lab.asterisk import Asterisk, own_address
from homeline_lab.sip_calls import DIALPLAN, MANAGER, Call, Exchange

PORTS = {"udp": 5060, "tcp": 5060, "tls": 5061}


@dataclass(frozen=True, slots=True)
class Tls:
    """PEM files: ours, and whom we trust."""

    certificate: Path
    key: Path
    ca: Path


@dataclass(frozen=True, slots=True)
class Address:
    """Where the house listens."""

    host: str
    port: int = 0  # 0: SIP's own
    transport: str = "udp"  # udp, tcp, tls

    @property
    def uri(self) -> str:
        return f"sip:{self.host}:{self.port or PORTS[self.transport]};transport={self.transport}"


@dataclass(frozen=True, slots=True)
class Account:
    """A name and a password for digest."""

    username: str = ""
    password: str = field(default="", repr=False)


class Peer:
    """A SIP party that shares nothing with the house but the network. Calls from the house ring at `incoming`.

    `address` is its own, one that nobody uses if none is given. `account` answers the house's challenges, `asks`
    challenges the house. With `registrar` the house may register with `asks`, and is called where it registered.
    `codecs` are Asterisk's names. With `tls` media is SRTP unless `srtp` is off. `files` are more of its Asterisk's.
    """

    registers = False

    def __init__(
        self,
        folder: Path,
        home: Address,
        *,
        name: str,
        address: str = "",
        account: Account | None = None,
        asks: Account | None = None,
        registrar: bool = False,
        codecs: str = "ulaw,alaw",
        tls: Tls | None = None,
        srtp: bool = True,
        files: Mapping[str, str] | None = None,
    ) -> None:
        self.name, self.home, self.address = name, home, address or own_address()
        self._account, self._asks, self._registrar = account, asks, registrar
        self._codecs, self._tls, self._srtp = codecs, tls, srtp and tls is not None
        own = {"pjsip.conf": self._pjsip(), "extensions.conf": DIALPLAN, "manager.conf": self._manager()}
        self.asterisk = Asterisk(folder, name=name, files=own | dict(files or {}))
        self.exchange = Exchange(self.asterisk, self.address)
        self._stack = AsyncExitStack()

    async def __aenter__(self) -> Peer:
        try:
            await self._stack.enter_async_context(self.asterisk)
            await self._stack.enter_async_context(self.exchange)
        except BaseException:
            await self._stack.aclose()
            raise
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._stack.aclose()

    # --- calls ---

    async def call(
        self,
        number: str,
        *,
        shows: str = "",
        name: str = "",
        headers: tuple[tuple[str, str], ...] = (),
        hz: float = 0,
    ) -> Call:
        """Calls a number, or any user part, at the house."""
        return await self.exchange.dial(f"PJSIP/{number}@home", number=shows, name=name, headers=headers, hz=hz)

    async def incoming(self, timeout: float = 10.0) -> Call:
        return await self.exchange.incoming(timeout)

    async def registered(self, timeout: float = 10.0) -> None:
        """Until this one is registered at the house."""
        await self.asterisk.until("pjsip show registrations", " Registered", timeout)

    async def has_registration(self, timeout: float = 10.0) -> None:
        """Until the house is registered here."""
        await self.asterisk.until("pjsip show contacts", f"{self._aor_name}/sip:", timeout)

    # --- its configuration ---

    def _manager(self) -> str:
        return f"[general]\nenabled = yes\nbindaddr = {self.address}\nport = 5038\n{MANAGER}"

    def _pjsip(self) -> str:
        accounts = (("ours", self._account), ("theirs", self._asks))
        auths = [_auth(section, account) for section, account in accounts if account]
        return "\n".join([self._transport(), *auths, self._endpoint(), self._aor(), *self._registration()])

    def _transport(self) -> str:
        protocol = self.home.transport
        lines = [
            "[transport]",
            "type = transport",
            f"protocol = {protocol}",
            f"bind = {self.address}:{PORTS[protocol]}",
        ]
        if self._tls:
            lines += [f"cert_file = {self._tls.certificate}", f"priv_key_file = {self._tls.key}"]
            lines += [f"ca_list_file = {self._tls.ca}", "verify_server = yes", "method = tlsv1_2"]
        return "\n".join([*lines, ""])

    def _endpoint(self) -> str:
        lines = ["[home]", "type = endpoint", "context = lab-in", "transport = transport", f"aors = {self._aor_name}"]
        lines += [f"allow = !all,{self._codecs}", "direct_media = no", "rtp_symmetric = yes", "trust_id_outbound = yes"]
        lines += ["outbound_auth = ours"] if self._account else []
        lines += ["auth = theirs"] if self._asks else []
        lines += [f"from_user = {self._account.username}"] if self._account and self.registers else []
        lines += ["media_encryption = sdes"] if self._srtp else []
        lines += ["rewrite_contact = yes"] if self._registrar else []  # calls come by the connection of who registered
        return "\n".join([*lines, "[home]", "type = identify", "endpoint = home", f"match = {self.home.host}", ""])

    @property
    def _aor_name(self) -> str:
        """Who registers does so by its user name."""
        return self._asks.username if self._asks and self._registrar else "home"

    def _aor(self) -> str:
        contact = "max_contacts = 1\nremove_existing = yes" if self._registrar else f"contact = {self.home.uri}"
        return f"[{self._aor_name}]\ntype = aor\n{contact}\n"

    def _registration(self) -> list[str]:
        if not self.registers:
            return []
        assert self._account
        user = self._account.username
        client = self.home.uri.replace("sip:", f"sip:{user}@", 1)
        lines = ["[home]", "type = registration", "transport = transport", "outbound_auth = ours", "retry_interval = 1"]
        lines += [
            f"server_uri = {self.home.uri}",
            f"client_uri = {client}",
            f"contact_user = {user}",
            "max_retries = 100",
        ]
        return [
            "\n".join([*lines, "forbidden_retry_interval = 1", "expiration = 60", "max_random_initial_delay = 0", ""])
        ]


class Provider(Peer):
    """A SIP provider: known to the house by its address, or the house registers at it (`registrar`)."""


class Phone(Peer):
    """A softphone that registers at the house with an account of it."""

    registers = True

    def __init__(self, folder: Path, home: Address, *, name: str, password: str, **options: Any) -> None:
        """`options` as for any peer."""
        super().__init__(folder, home, name=name, account=Account(name, password), **options)


def _auth(section: str, account: Account) -> str:
    return f"[{section}]\ntype = auth\nusername = {account.username}\npassword = {account.password}\n"
