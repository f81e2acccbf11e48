"""What a bot writes to chats (docs/telegram.md).

Telegram knows no idempotency key. What each chat got of a delivery is remembered where there are several to get it, so
that one that fails does not double it for the others.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterator

from homeline.adapters.http import OWNERS_PAUSE
from homeline.adapters.store import Store
from homeline.config_channels import Telegram
from homeline.errors import DeliveryError, StoreError
from homeline.model import Delivery, Event, EventKind, Priority
from homeline.service.channels import Made, World
from homeline.service.channels.telegram_api import Bot, BotError, is_number
from homeline.service.note import Note

log = logging.getLogger(__name__)

GRACE = 5.0  # seconds
LIMIT = 4096  # units of UTF-16 in a message (sendMessage, `text`)
MOST_MESSAGES = 4  # that a text is split into; what is beyond is cut
ELLIPSIS = "…"
ANSWERABLE = (EventKind.MESSAGE, EventKind.CALL, EventKind.VOICEMAIL)


class TelegramChannel(Made):
    """Done when every chat has it."""

    concurrency = 1  # in order, and a chat takes no more than one message a second

    def __init__(self, account: Telegram, world: World, bot: Bot) -> None:
        self.account, self.world, self.bot = account, world, bot
        self.moved: dict[str, str] = {}  # chats that have another number now
        self.noting = asyncio.Lock()  # held while a message is on its way and not yet remembered
        self.timeout = len(account.chats) * MOST_MESSAGES * account.timeout + GRACE

    async def deliver(self, delivery: Delivery, event: Event) -> None:
        """Send what is not sent yet. Raises DeliveryError."""
        note = self.world.wording.note(delivery, event)
        pieces = list(split(text_of(note)))
        failures: dict[str, BotError] = {}
        for chat in self.account.chats:
            try:
                await self._to_chat(chat, note, pieces)
            except BotError as error:
                if not error.of_chat:
                    raise
                failures[chat] = error
        if failures:
            raise self._failure(failures)

    def _failure(self, failures: dict[str, BotError]) -> DeliveryError:
        """Where some chats got it this is the end, and an alert: the others must not hold up what else they all get."""
        words = " ".join(f"Chat {chat}: {error}" for chat, error in failures.items())
        if len(failures) < len(self.account.chats) or all(error.permanent for error in failures.values()):
            return DeliveryError(words, permanent=True)
        return DeliveryError(words, retry_after=OWNERS_PAUSE)

    async def _to_chat(self, chat: str, note: Note, pieces: list[str]) -> None:
        several = len(pieces) * len(self.account.chats) > 1
        for number, piece in enumerate(pieces):
            key = f"{note.key}:{chat}:{number}"
            if several and await self._was_sent(key):
                continue
            async with self.noting:
                sent = await self.send(chat, piece, silent=note.priority is Priority.LOW)
                await self._remember(key if several else "", sent, note.event)

    async def send(self, chat: str, text: str, *, silent: bool = False, reply_to: int | None = None) -> tuple[str, int]:
        """Send one message; the chat's number and that of the message in it (0 if not told). Raises BotError."""
        values = {
            "chat_id": self.moved.get(chat, chat),
            "text": text,
            "disable_notification": silent or self.account.silent,
            "link_preview_options": {"is_disabled": True},
        }
        if not str(values["chat_id"]).startswith("@"):
            values["chat_id"] = int(str(values["chat_id"]))
        if reply_to is not None:
            values["reply_parameters"] = {"message_id": reply_to, "allow_sending_without_reply": True}
        try:
            result = await self.bot.call("sendMessage", values, self.account.timeout)
        except BotError as error:
            if error.moved_to is None or chat in self.moved:
                raise
            self.note_move(chat, error.moved_to)
            return await self.send(chat, text, silent=silent, reply_to=reply_to)
        table = result if isinstance(result, dict) else {}
        return str(values["chat_id"]), table["message_id"] if is_number(table.get("message_id")) else 0

    def note_move(self, chat: str, number: int) -> None:
        """A group got another number when it became a supergroup."""
        self.moved[chat] = str(number)
        log.warning("Telegram: the chat %s of %s is now %d; enter that in chats", chat, self.account.name, number)

    # -- what was sent ------------------------------------------------------------------------------------------------

    async def _was_sent(self, key: str) -> bool:
        try:
            return await self.world.context.database(Store.request_result, f"{self.source}:sent", key) is not None
        except StoreError as error:
            raise DeliveryError(str(error)) from None

    async def _remember(self, key: str, sent: tuple[str, int], event: Event) -> None:
        """That this was sent, and which event it told of, for replies. What cannot be stored now is not known later."""
        database, now = self.world.context.database, self.world.context.clock()
        try:
            if key:
                await database(Store.add_request, f"{self.source}:sent", key, now)
            if self.account.replies and sent[1] and event.kind in ANSWERABLE and event.peer and not event.digest:
                await database(Store.add_reference, self.source, self.reference(*sent), event.id, now)
        except StoreError as error:
            log.warning("Telegram: what was sent could not be remembered: %s", error)

    @property
    def source(self) -> str:
        """Under which name the store keeps what concerns this account."""
        return f"telegram:{self.account.name}"

    def reference(self, chat: str, message: int) -> str:
        """A message's name: numbers of messages are a chat's own, and another bot has other chats."""
        return f"{self.bot.id}:{chat}:{message}"


def text_of(note: Note) -> str:
    """The owner's own words, or the subject with the text below."""
    text = note.text if note.own_words else f"{note.subject}\n\n{note.brief}"
    return (text if text.strip() else note.subject).encode("utf-8", "replace").decode().replace("\0", "\ufffd")


def split(text: str) -> Iterator[str]:
    """Messages of at most LIMIT units of UTF-16, none of them blank: Telegram takes no such."""
    pieces = [piece for piece in _pieces(text) if piece.strip()]
    yield from pieces[: MOST_MESSAGES - 1]
    if len(pieces) > MOST_MESSAGES:
        yield next(_pieces(pieces[MOST_MESSAGES - 1], LIMIT - len(ELLIPSIS))) + ELLIPSIS
    else:
        yield from pieces[MOST_MESSAGES - 1 :]


def _pieces(text: str, limit: int = LIMIT) -> Iterator[str]:
    begin = used = 0
    for at, character in enumerate(text):
        size = 2 if character > "\uffff" else 1
        if used + size > limit:
            yield text[begin:at]
            begin, used = at, 0
        used += size
    yield text[begin:]
