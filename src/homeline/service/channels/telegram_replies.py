"""Answers to the bot's messages, sent as SMS to whom the message was from (docs/telegram.md).

The bot asks Telegram for news and waits with it (long polling): no address of the router's has to be reachable. News is
confirmed with the next question, so only after the SMS is committed; a crash in between brings it once more, and the
request's name, bot and update_id, tells that it was carried out.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping
from typing import Any

from homeline.adapters.store import Store
from homeline.adapters.store_requests import Limit
from homeline.config_channels import Telegram
from homeline.core.retry import Policy, pause
from homeline.errors import HomelineError, InvalidArgument, NotFound, StoreError
from homeline.model import Event, Message, MessageState
from homeline.protocol import pdu
from homeline.service.channels import World
from homeline.service.channels.telegram_api import Bot, BotError, is_number
from homeline.service.channels.telegram_chats import TelegramChannel

log = logging.getLogger(__name__)

POLL = 50  # seconds that Telegram keeps a question open when there is no news
POLL_GRACE = 15.0  # seconds for the way there and back
AT_ONCE = 10  # updates in one answer
RETRIES = Policy(longest=300.0)
PATIENCE = 3  # questions in a row that may fail before it is said
MOST_PARTS = 8  # of an SMS: a message of Telegram's can be long, and each part costs
SOON = 10.0  # seconds within which most SMS are sent; before that nothing is answered
HOUR = 3600
QUIET = 60.0  # seconds between two explanations to one chat
MOST_FOLLOWED = 100  # SMS whose end is waited for

HELP = "Answer one of my messages, and what you write goes as SMS to the number that it is from."
FORGOTTEN = "Not sent: I do not know what that message was about. Answer a newer one."
ONLY_TEXT = "Not sent: an SMS can have text only."


class TelegramWithReplies(TelegramChannel):
    """The channel, which also listens. `connected` tells whether Telegram answered the last question."""

    def __init__(self, account: Telegram, world: World, bot: Bot, listener: Bot) -> None:
        """`listener` is the same bot with connections of its own, so that its wait holds up nothing."""
        super().__init__(account, world, bot)
        self._listener = listener
        self.connected = False
        self._strangers_at = self._never()
        self._helped: dict[str, float] = {}
        self._ends: dict[int, asyncio.Future[str]] = {}
        self._following: set[asyncio.Task[None]] = set()

    @staticmethod
    def _never() -> float:
        return float("-inf")

    async def run(self) -> None:
        """Listen until cancelled."""
        deaf = self.world.listen(self._heard)
        try:
            await self._listen()
        finally:
            deaf()
            self.connected = False
            for task in self._following:
                task.cancel()
            await asyncio.gather(*self._following, return_exceptions=True)

    async def _listen(self) -> None:
        offset = failures = 0
        while True:
            try:
                for update in await self._ask(offset):
                    await self._take(update)
                    offset = update["update_id"] + 1
                failures = 0
                continue
            except BotError as error:
                self.connected = False
                failures += 1
                seconds = self._troubled(error, failures)
            except StoreError as error:
                log.warning("Telegram: replies wait for the database: %s", error)
                seconds = RETRIES.first
            await asyncio.sleep(seconds)

    async def _ask(self, offset: int) -> list[dict[str, Any]]:
        """The news from `offset` on, once there is some. Raises BotError.

        The first question is answered at once, so that it is known whether Telegram can be reached.
        """
        wait = POLL if self.connected else 0
        values = {"offset": offset, "limit": AT_ONCE, "timeout": wait, "allowed_updates": ["message"]}
        result = await self._listener.call("getUpdates", values, wait + POLL_GRACE)
        if not isinstance(result, list):
            raise BotError("Telegram's answer about news is not understood.")
        self.connected = True
        self.world.say(self._name, "", "")
        return [update for update in result if isinstance(update, dict) and is_number(update.get("update_id"))]

    def _troubled(self, error: BotError, failures: int) -> float:
        """Say it where it is more than a moment's; the seconds until the next question."""
        words, advice = f"Replies are not heard: {error}", "They are asked for again and again."
        if error.status == 409:
            webhook = "webhook" in str(error).lower()
            advice = (
                "A webhook is set for this bot: delete it (deleteWebhook), or use another bot."
                if webhook
                else "Another program asks for this bot's news: a bot serves one."
            )
        if error.retry_after is not None or failures >= PATIENCE:
            self.world.say(self._name, words, advice)
        return pause(RETRIES, failures, 0.0, error.retry_after)

    @property
    def _name(self) -> str:
        return f"telegram {self.account.name}"

    # -- one update ---------------------------------------------------------------------------------------------------

    async def _take(self, update: Mapping[str, Any]) -> None:
        """Do what it asks for, and commit that. Raises StoreError; whatever else goes wrong ends here."""
        try:
            message = _table(update.get("message"))
            chat, sender = _table(message.get("chat")), _table(message.get("from"))
            anonymous = _table(message.get("sender_chat")).get("id") == chat.get("id")  # a group's hidden administrator
            if not is_number(chat.get("id")) or (sender.get("is_bot") is True and not anonymous):
                return
            number = str(chat["id"])
            if self._allowed(number) is None:
                await self._stranger(number, sender)
            elif is_number(message.get("migrate_to_chat_id")):
                self.note_move(number, message["migrate_to_chat_id"])
            elif is_number(message.get("message_id")):
                await self._message(number, message, str(update["update_id"]))
        except StoreError:
            raise
        except Exception:  # a defect here must not bring the same update for ever
            log.exception("Telegram: an update of %s was not understood.", self.account.name)

    def _allowed(self, number: str) -> str | None:
        """The configured number of a chat, which may have another one meanwhile; None for a stranger's."""
        found = (chat for chat in self.account.chats if number in (chat, self.moved.get(chat)))
        return next(found, None)

    async def _stranger(self, number: str, sender: Mapping[str, Any]) -> None:
        now = asyncio.get_running_loop().time()
        if now - self._strangers_at < HOUR:
            return
        self._strangers_at = now
        name = " ".join(str(sender[key]) for key in ("first_name", "last_name") if isinstance(sender.get(key), str))
        shown = "".join(c if c.isprintable() else " " for c in name)[:60]
        await self.world.alerts.raise_(
            f"telegram.{self.account.name}.stranger",
            f"Somebody in the chat {number} ('{shown}') wrote to the bot of {self.account.name} and was refused.",
            f"If that is you, add {number} to the option chats of {self.account.name}.",
            logged=f"A stranger wrote to the bot of {self.account.name} and was refused.",
        )

    async def _message(self, number: str, message: Mapping[str, Any], update: str) -> None:
        """A message in an allowed chat."""
        original = _table(message.get("reply_to_message"))
        here = message["message_id"]
        if _table(original.get("from")).get("id") != self.bot.id:  # people talk among each other, or do not know how
            if _table(message.get("chat")).get("type") == "private":
                await self._explain(number, here)
            return
        text = message.get("text")
        event = await self._about(number, original.get("message_id"))
        if event is None:
            await self._answer(number, here, FORGOTTEN)
        elif not isinstance(text, str) or not text.strip():
            await self._answer(number, here, ONLY_TEXT)
        else:
            await self._reply(number, here, text, event, update)

    async def _explain(self, number: str, here: int) -> None:
        now = asyncio.get_running_loop().time()
        if now - self._helped.get(number, self._never()) >= QUIET:
            self._helped[number] = now
            await self._answer(number, here, HELP)

    async def _about(self, number: str, message: object) -> Event | None:
        """The event that a message of ours told of."""
        if not isinstance(message, int):
            return None
        database, name = self.world.context.database, self.reference(number, message)
        event = await database(Store.referenced_event, self.source, name)
        if event is None:
            async with self.noting:  # who answers at once may be faster than our note of what was sent
                event = await database(Store.referenced_event, self.source, name)
        if event is None:
            return None
        try:
            found: Event = await self.world.event(event)
        except NotFound:
            return None
        return found

    async def _reply(self, number: str, here: int, text: str, event: Event, update: str) -> None:
        try:
            message = await self._queue(text, event, f"{self.bot.id}:{update}")
        except StoreError:
            raise
        except HomelineError as error:
            await self._answer(number, here, f"Not sent: {error}")
            return
        task = asyncio.ensure_future(self._follow(number, here, message))
        self._following.add(task)
        task.add_done_callback(self._following.discard)

    async def _queue(self, text: str, event: Event, request: str) -> Message:
        """Queue the SMS, once for each request. Raises HomelineError."""
        parts = pdu.preview(text).parts
        if parts > MOST_PARTS:
            raise InvalidArgument(f"this would be {parts} SMS, and {MOST_PARTS} are the most.")
        account = self.account
        words = f"{account.rate} replies an hour are the most ({account.name}.rate)."
        limit = Limit(self.source, HOUR, account.rate, words)
        dongle = account.dongle or event.dongle
        send = self.world.outbox.send
        try:
            return await send(event.peer, text, dongle, request=(self.source, request), limits=(limit,))
        except InvalidArgument as error:
            if str(error).startswith("to:"):
                raise InvalidArgument("whoever sent that has no number that could be answered.") from None
            raise

    # -- what became of it --------------------------------------------------------------------------------------------

    def _heard(self, name: str, data: Mapping[str, Any]) -> None:
        """An event of the bus."""
        if name in ("homeline.message.sent", "homeline.message.failed"):
            end = self._ends.get(int(data["id"]))
            if end is not None and not end.done():
                end.set_result(str(data.get("error", "")) if name.endswith("failed") else "")

    async def _follow(self, number: str, here: int, message: Message) -> None:
        """Tell in the chat how the SMS ended, and before that if it takes a while."""
        if message.state not in (MessageState.QUEUED, MessageState.SENDING):
            await self._answer(number, here, _ended(message, message.error))
            return
        if len(self._ends) >= MOST_FOLLOWED:
            return
        end = self._ends[message.id] = asyncio.get_running_loop().create_future()
        try:
            try:
                error = await asyncio.wait_for(asyncio.shield(end), SOON)
            except TimeoutError:
                await self._answer(
                    number, here, f"Waiting: the SMS to {message.peer} goes out when {message.dongle} can."
                )
                error = await end
            await self._answer(number, here, f"Not sent: {error}" if error else f"Sent to {message.peer}.")
        finally:
            self._ends.pop(message.id, None)

    async def _answer(self, number: str, here: int, text: str) -> None:
        """Write under a message. What cannot be told is told by an alert, if it matters."""
        try:
            await self.send(self._allowed(number) or number, text, silent=True, reply_to=here)
        except BotError as error:
            log.warning("Telegram: an answer in a chat of %s was not taken: %s", self.account.name, error)


def _ended(message: Message, error: str) -> str:
    good = message.state in (MessageState.SENT, MessageState.DELIVERED)
    return f"Sent to {message.peer}." if good else f"Not sent: {error or message.state}"


def _table(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}
