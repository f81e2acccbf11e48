"""A `mailbox` section: answers to forwarded mails become SMS (docs/replies.md).

Every few minutes a process of its own reads what is new. A mail counts by its token, which only mails of ours carry;
the rest here is about what must not happen: an answer sent twice, a program's answer, a flood, a refusal in silence.
"""

from __future__ import annotations

import asyncio
import logging
import os
from dataclasses import dataclass
from typing import Any

from homeline.adapters import mailbox_process
from homeline.adapters.mailbox_process import Found, Mail, MailboxError
from homeline.adapters.store import Store
from homeline.adapters.store_requests import Limit
from homeline.config_automatic import Mailbox
from homeline.core import replies
from homeline.errors import ConfigError, EncodeError, InvalidArgument, LimitReached, NotFound, NotSupported, StoreError
from homeline.model import Event
from homeline.protocol import pdu
from homeline.service.channels import Invitation, Made, World

log = logging.getLogger(__name__)

MINUTE = 60.0  # seconds
HOUR = 3600
LONGEST_PAUSE = 3600.0  # seconds between two tries while it does not work
STORE_PAUSE = 30.0
MORE_PAUSE = 2.0  # a server that always says that there is more shall not keep the router busy
KEPT_EVERY = 6 * 3600.0  # seconds
KEY = "reply_key"


class _Later(Exception):
    """An answer cannot be taken now; this says why. The mails from it on stay as they are."""


@dataclass(frozen=True, slots=True)
class _State:
    """How far the folder was read. `place` says of which folder."""

    place: str
    validity: str = ""
    after: int = 0

    def __str__(self) -> str:
        return f"{self.place} {self.validity} {self.after}"


class MailboxReader(Made):
    """Reads the mailbox until cancelled, and meanwhile makes the addresses that answers go to."""

    def __init__(self, account: Mailbox, world: World) -> None:
        self.account, self._world = account, world
        self._key = b""
        self._where = f"mailbox {account.name}"
        self._known: _State | None = None
        self._written = float("-inf")  # when the state was, by the loop's clock
        self._failures = 0
        self._reported = float("-inf")  # when a refusal was, by the loop's clock

    async def run(self) -> None:
        """Begins at once, so that what came while the service was away waits no longer."""
        self._world.replies[self.account.name] = self.invitation
        try:
            while True:
                pause = await self._round()
                await asyncio.sleep(pause)
        finally:
            if self._world.replies.get(self.account.name) == self.invitation:
                del self._world.replies[self.account.name]

    async def invitation(self, event: Event) -> Invitation | None:
        """Where an answer to a mail about this event goes; None for what cannot be answered. Raises StoreError."""
        if not replies.answerable(event):
            return None
        token = replies.token(await self._secret(), self.account.name, event.id)
        if self.account.plus:
            return Invitation(replies.address_with(self.account.address, token))
        return Invitation(self.account.address, f"[#{token}]")

    async def _secret(self) -> bytes:
        if not self._key:
            self._key = await self._world.context.database(_kept_key)
        return self._key

    # -- reading ------------------------------------------------------------------------------------------------------

    async def _round(self) -> float:
        """Read once; seconds until the next time."""
        usual: float = self.account.every * MINUTE
        try:
            more = await self._read()
        except MailboxError as error:
            self._failures += 1
            advice = "Mend it in the section, or at the server." if error.owners else "It is tried again by itself."
            self._world.say(self._where, str(error), advice)
            return float(min(usual * 2 ** min(self._failures, 10), max(usual, LONGEST_PAUSE)))
        except StoreError as error:
            log.warning("%s waits for the database: %s", self._where, error)
            return STORE_PAUSE
        except _Later as later:
            self._world.say(self._where, str(later), "The answers wait in the mailbox.")
            return usual
        self._failures = 0
        self._world.say(self._where, "", "")
        return min(MORE_PAUSE, usual) if more else usual

    async def _read(self) -> bool:
        """Take what is new; whether there is more. Raises MailboxError, StoreError, _Later."""
        state = await self._state()
        question = await self._question(state)
        found = await mailbox_process.ask(question)
        handled: list[str] = []
        trouble: Exception | None = None
        for mail in found.mails:
            try:
                if await self._take(mail, found):
                    handled.append(mail.id)
            except (StoreError, _Later) as error:
                trouble = error
                break
        if handled:
            await mailbox_process.ask({**question, "validity": found.validity, "mark": handled})
        if trouble is not None:
            raise trouble
        now = _State(state.place, found.validity, found.after)
        await self._keep(state, now, bool(handled))
        return found.more and bool(handled or now != state)

    async def _keep(self, before: _State, now: _State, handled: bool) -> None:
        """Remember how far it was read. On flash only now and then: mails that are not for us come all the time."""
        self._known, moment = now, asyncio.get_running_loop().time()
        if now != before and (handled or now.validity != before.validity or moment - self._written >= KEPT_EVERY):
            await self._world.context.database(Store.set_setting, self._where, str(now))
            self._written = moment

    async def _state(self) -> _State:
        if self._known is not None:
            return self._known
        account = self.account
        place = replies.digest("\0".join((account.host, account.user, account.folder, account.path)))
        kept = (await self._world.context.database(Store.setting, self._where) or "").split(" ")
        if len(kept) == 3 and kept[0] == place and kept[2].isdigit():
            return _State(place, kept[1], int(kept[2]))
        return _State(place)

    async def _question(self, state: _State) -> dict[str, Any]:
        account, paths = self.account, self._world.paths
        return {
            "mailbox": account.name,
            "type": account.type,
            "address": account.address,
            "senders": [sender.lower() for sender in account.senders],
            "key": (await self._secret()).hex(),
            "validity": state.validity,
            "after": state.after,
            "since": self._world.context.clock() - replies.DAYS * 86400,
            "host": account.host,
            "port": account.port,
            "tls": account.tls,
            "tls_verify": account.tls_verify,
            "ca_file": str(paths.inside(account.ca_file)) if account.ca_file else "",
            "user": account.user,
            "password": account.password,
            "folder": account.folder,
            "path": str(paths.inside(account.path)) if account.path else "",
        }

    # -- one answer ---------------------------------------------------------------------------------------------------

    async def _take(self, mail: Mail, found: Found) -> bool:
        """Send it, or refuse it; False for one that is left as it is. Raises StoreError, _Later."""
        if mail.automatic:
            log.info("%s: a mail that a program wrote is left alone", self._where)
            return False
        key = await self._secret()
        number = replies.event_of(key, self.account.name, mail.token)
        others = (each.name for each in self._world.context.config.mailboxes)
        if number is None and any(replies.event_of(key, name, mail.token) is not None for name in others):
            return False  # another section reads the same folder
        if number is None:
            await self._stranger(mail, "its token is not one of ours")
        elif mail.sender not in {sender.lower() for sender in self.account.senders}:
            await self._stranger(mail, "its sender is not in `senders`")
        else:
            await self._owners(mail, number, _request(mail, found))
        return True

    async def _owners(self, mail: Mail, number: int, key: str) -> None:
        context, source = self._world.context, f"mailbox:{self.account.name}"
        if await context.database(Store.request_result, source, key) is not None:
            return  # sent before; what failed then was to mark it
        reason = mail.trouble or wrong(mail.text)
        event = None
        try:
            event = await self._world.event(number)
        except NotFound:
            reason = "What it answers was deleted."
        if event is not None:
            if context.clock() - event.at > replies.DAYS * 86400:
                reason = f"What it answers is older than {replies.DAYS} days."
            elif not replies.answerable(event):
                reason = "What it answers has no number."
        if event is None or reason or (reason := await self._send(mail, event, (source, key))):
            await self._unsent(number, key, reason)

    async def _send(self, mail: Mail, event: Event, request: tuple[str, str]) -> str:
        """Queue the SMS; why it can never be, or "". Raises StoreError, _Later."""
        name, rate = self.account.name, self.account.rate
        words = f"More than {rate} answers within an hour."
        dongles = self._world.dongles
        dongle = self.account.dongle or (event.dongle if event.dongle in dongles else "")
        try:
            await self._world.outbox.send(
                event.peer, mail.text, dongle, request=request, limits=(Limit(request[0], HOUR, rate, words),)
            )
        except (LimitReached, NotFound) as error:
            raise _Later(str(error)) from None
        except (InvalidArgument, EncodeError, NotSupported) as error:
            return str(error)
        log.info("mailbox %s: an answer to event %d is sent", name, event.id)
        return ""

    async def _stranger(self, mail: Mail, reason: str) -> None:
        """Refuse a mail that is perhaps not the owner's. One alert an hour: who sends many shall not reach far."""
        log.warning("%s: a mail was refused: %s", self._where, reason)
        now = asyncio.get_running_loop().time()
        if now - self._reported < HOUR:
            return
        self._reported = now
        who = mail.sender or "somebody whose address cannot be read"
        await self._world.alerts.raise_(
            f"mailbox.{self.account.name}.refused",
            f"A mail to {self.account.address} was not sent as an SMS: {reason}. It came from {who}.",
            "If it was you, answer from an address that the section names. Else somebody tries to send SMS as you.",
            logged=f"A mail to mailbox {self.account.name} was refused: {reason}.",
        )

    async def _unsent(self, number: int, key: str, reason: str) -> None:
        """Tell the owner that an answer of theirs did not go out."""
        await self._world.alerts.raise_(
            f"mailbox.{self.account.name}.{key}",
            f"Your answer to event {number} was not sent as an SMS: {reason}",
            "Send it once more, otherwise.",
        )


def wrong(text: str) -> str:
    """Why a text cannot be an answer; "" if it can."""
    if not text.strip():
        return "There is no text in it beside the quote."
    try:
        parts = pdu.preview(text).parts
    except EncodeError as error:
        return f"It cannot be an SMS: {error}."
    return f"It would be {parts} SMS, and {replies.MAX_PARTS} are the most." if parts > replies.MAX_PARTS else ""


def _request(mail: Mail, found: Found) -> str:
    """What names this answer for ever: its Message-ID, so that a copy in another folder is the same; else its place."""
    place = f"{found.validity}.{mail.id}"
    return replies.digest(f"{mail.token}\0{mail.message_id}" if mail.message_id else f"{mail.token}\0\0{place}")


def _kept_key(store: Store) -> bytes:
    """In the store's thread: this router's key, made when it is first asked for."""
    kept = store.setting(KEY) or ""
    if len(kept) != 2 * replies.KEY_BYTES:
        kept = os.urandom(replies.KEY_BYTES).hex()
        store.set_setting(KEY, kept)
    return bytes.fromhex(kept)


def build(section: Mailbox, world: World) -> MailboxReader:
    """Raises ConfigError for an address to which no token can be added."""
    local = section.address.partition("@")[0]
    if section.plus and len(local) + 1 + replies.LONGEST > replies.LOCAL_LIMIT:
        raise ConfigError(section.name, "address", section.address, "is too long for `user+TOKEN`: switch `plus` off")
    return MailboxReader(section, world)
