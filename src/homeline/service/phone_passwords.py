"""A new password for a softphone: made here, written into UCI by root's helper, shown once.

When the configuration that comes back has the password, it counts.
"""

from __future__ import annotations

import asyncio
import logging
import os
from typing import TYPE_CHECKING, Any

from homeline.config import MAIN_FILE, Config
from homeline.config_calls import Where
from homeline.errors import DecodeError, NotFound, NotSupported
from homeline.paths import Paths
from homeline.protocol import uci
from homeline.service.committing import Committer

if TYPE_CHECKING:
    from homeline.adapters.serve_once import ServeOnce

log = logging.getLogger(__name__)

# Nothing that looks like something else when it is typed; a power of two, so that each is as likely as the others.
ALPHABET = "abcdefghijkmnpqrstuvwxyz23456789"
LENGTH = 20  # 100 bits: what a recorded SIP digest is guessed from, off line
WAIT = 12.0  # seconds for root's helper


def password() -> str:
    """A random one."""
    return "".join(ALPHABET[octet % len(ALPHABET)] for octet in os.urandom(LENGTH))


class PhonePasswords:
    """The method `new_phone_password`. One at a time."""

    def __init__(self, paths: Paths, committer: Committer) -> None:
        self._paths, self._committer = paths, committer
        self._turn = asyncio.Lock()
        self._served: ServeOnce | None = None  # the last account that is to be fetched

    async def renew(self, phone: str) -> dict[str, Any]:
        """Give a phone a new password; the account's name and the password, this once.

        Raises NotFound, NotSupported (its account is not at this router), and what Committer does: then the old
        password counts.
        """
        section = self._section(phone)
        if section is None:
            raise NotFound(f"There is no phone '{phone[:64]}'.")
        if section.options.get("where", Where.ROUTER) != Where.ROUTER:
            raise NotSupported(f"The account of the phone {phone} is not at this router.")
        async with self._turn:
            self._withdraw()
            secret = password()
            lines = [f"phone {phone} password {secret}"]
            await self._committer.commit(lines, lambda config: _has(config, phone, secret), WAIT)
        log.info("The phone %s has a new password", phone)
        return {"phone": phone, "username": phone, "password": secret}

    async def provision(self, config: Config, phone: str) -> dict[str, Any]:
        """Have the phone's account fetched by itself, once: from which port and path. {} where that cannot be."""
        from homeline.service import provisioning

        account = next((item for item in config.phones if item.name == phone), None)
        if account is None:
            return {}
        self._withdraw()
        try:
            self._served = await provisioning.offer(account, config.sip)
        except OSError as error:
            log.warning("The account of the phone %s cannot be served: %s", phone, error.strerror or error)
            return {}
        return provisioning.shape(self._served)

    def _withdraw(self) -> None:
        if self._served is not None:
            self._served.close()

    def _section(self, phone: str) -> uci.Section | None:
        """The phone's section as it is written: while it has no password the configuration leaves it out."""
        try:
            sections = uci.parse((self._paths.config / MAIN_FILE).read_bytes())
        except (OSError, DecodeError):
            return None
        return next((section for section in sections if (section.type, section.name) == ("phone", phone)), None)


def _has(config: Config, phone: str, secret: str) -> bool:
    return any(item.name == phone and item.password == secret for item in config.phones)
