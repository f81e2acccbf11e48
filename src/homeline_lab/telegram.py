"""Telegram's Bot API for the lab: it keeps chats and updates, and checks each request against the documented fields.

async with Telegram() as telegram:
    …  option api 'http://127.0.0.1:PORT', option token TOKEN
    sent = (await telegram.wait_for(1))[0]
    telegram.say(OWNER, "an answer", reply_to=sent.message)

What is checked is what core.telegram.org/bots/api says of "Making requests", getUpdates and sendMessage; the texts of
errors are those that Telegram's server gives.
"""

from __future__ import annotations

import asyncio
import json
from collections import deque
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any

from homeline_lab.web import Heard, Reply, WebServer

BOT = 123456
TOKEN = f"{BOT}:AAlab-0123456789abcdefghijklmno"
OWNER = 1001  # a private chat: its number is that of the person
GROUP = -2002
LIMIT = 4096  # units of UTF-16

# Fields and their kinds. "chat" is a number, or the @name of a channel.
SEND_MESSAGE: dict[str, Any] = {
    **dict.fromkeys(("business_connection_id", "text", "parse_mode", "message_effect_id"), str),
    **dict.fromkeys(("message_thread_id", "direct_messages_topic_id"), int),
    **dict.fromkeys(("disable_notification", "protect_content", "allow_paid_broadcast"), bool),
    **dict.fromkeys(("link_preview_options", "reply_parameters", "reply_markup", "suggested_post_parameters"), dict),
    "chat_id": "chat",
    "entities": list,
}
GET_UPDATES: dict[str, Any] = {"offset": int, "limit": int, "timeout": int, "allowed_updates": list}
LINK_PREVIEW = {"is_disabled", "url", "prefer_small_media", "prefer_large_media", "show_above_text"}
REPLY = {
    *("message_id", "chat_id", "allow_sending_without_reply", "quote", "quote_parse_mode", "quote_entities"),
    *("quote_position", "checklist_task_id"),
}


@dataclass(frozen=True, slots=True)
class Sent:
    """A message of the bot's: as the chat shows it."""

    chat: int | str
    message: int
    text: str
    silent: bool
    reply_to: int | None = None


@dataclass
class Failure:
    """What to refuse the next calls of a method with."""

    method: str
    status: int
    description: str
    parameters: dict[str, int] = field(default_factory=dict)
    chat: int | str | None = None  # None: whatever chat


class Refused(Exception):
    def __init__(self, status: int, description: str, parameters: dict[str, int] | None = None) -> None:
        super().__init__(description)
        self.status, self.parameters = status, parameters or {}


@dataclass
class Telegram:
    """While it is entered it listens; `server` is the web server, whose `replies` come before its own."""

    token: str = TOKEN
    port: int = 0
    webhook: bool = False  # whether one is set, which forbids getUpdates
    sent: list[Sent] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)  # requests that the documentation does not allow
    failures: deque[Failure] = field(default_factory=deque)
    blocked: set[int] = field(default_factory=set)
    moved: dict[int, int] = field(default_factory=dict)
    chats: dict[int, str] = field(default_factory=lambda: {OWNER: "private", GROUP: "group"})

    async def __aenter__(self) -> Telegram:
        self.server = WebServer(self._answer, port=self.port)
        self._updates: list[dict[str, Any]] = []
        self._last_update = 700_000_000
        self._last_message = 40
        self._changed = asyncio.Condition()
        self._asking: asyncio.Task[Any] | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        await self.server.__aenter__()
        self.port = self.server.port
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None
    ) -> None:
        await self.server.__aexit__(None, None, None)
        if error is None:
            assert self.wrong == []

    @property
    def url(self) -> str:
        return self.server.url

    @property
    def pending(self) -> list[dict[str, Any]]:
        """Updates that nobody has confirmed."""
        return list(self._updates)

    # -- what people do -----------------------------------------------------------------------------------------------

    def say(self, chat: int, text: str | None, *, sender: int = OWNER, reply_to: int | None = None, **more: Any) -> int:
        """Somebody writes; the update's number. `reply_to` is a message of the bot's, or another number."""
        message: dict[str, Any] = {
            "message_id": self._new_message(),
            "from": {"id": sender, "is_bot": False, "first_name": "Ann"},
            "chat": {"id": chat, "type": self.chats.get(chat, "private")},
            "date": 1_800_000_000,
            **({"text": text} if text is not None else {}),
        }
        if reply_to is not None:
            ours = next((sent for sent in self.sent if sent.message == reply_to), None)
            author = {"id": BOT, "is_bot": True, "first_name": "Bot"} if ours else message["from"]
            original = {"message_id": reply_to, "from": author, "chat": message["chat"], "date": 1}
            message["reply_to_message"] = {**original, "text": ours.text if ours else "?"}
        return self.update({"message": {**message, **more}})

    def update(self, content: dict[str, Any]) -> int:
        """Any update; its number."""
        self._last_update += 1
        self._updates.append({"update_id": self._last_update, **content})
        self._told()
        return self._last_update

    async def wait_for(self, count: int, timeout: float = 10.0) -> list[Sent]:
        """The bot's messages, once there are `count`."""
        await self.until(lambda: len(self.sent) >= count, timeout)
        return self.sent

    async def until(self, condition: Any, timeout: float = 10.0) -> None:
        async with asyncio.timeout(timeout), self._changed:
            await self._changed.wait_for(condition)

    def _told(self) -> None:
        task = asyncio.ensure_future(self._wake())
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _wake(self) -> None:
        async with self._changed:
            self._changed.notify_all()

    # -- requests -----------------------------------------------------------------------------------------------------

    async def _answer(self, heard: Heard) -> Reply:
        try:
            result = await self._call(heard)
        except Refused as refused:
            found: dict[str, Any] = {"ok": False, "error_code": refused.status, "description": str(refused)}
            if refused.parameters:
                found["parameters"] = refused.parameters
            return _reply(refused.status, found)
        return _reply(200, {"ok": True, "result": result})

    async def _call(self, heard: Heard) -> Any:
        beginning, _, method = heard.path.rpartition("/")
        if beginning != f"/bot{self.token}":
            raise Refused(401, "Unauthorized")
        if heard.method != "POST" or heard.headers.get("content-type") != "application/json":
            raise self._error(f"{method}: {heard.method} with {heard.headers.get('content-type')}")
        values = json.loads(heard.body)
        if method == "sendMessage":
            return self._send(values)
        if method == "getUpdates":
            return await self._get_updates(values)
        raise Refused(404, "Not Found")

    def _error(self, words: str) -> Refused:
        self.wrong.append(words)
        return Refused(400, f"Bad Request: {words}")

    def _check(self, values: dict[str, Any], fields: dict[str, Any], required: tuple[str, ...] = ()) -> None:
        for name, value in values.items():
            kind = fields.get(name)
            number = isinstance(value, int) and not isinstance(value, bool)
            named = isinstance(value, str) and value.startswith("@")
            good = (number or named) if kind == "chat" else number if kind is int else kind and isinstance(value, kind)
            if not good:
                raise self._error(f"{name} {value!r} is not documented")
        for name in required:
            if name not in values:
                raise self._error(f"{name} is missing")

    def _fail(self, method: str, chat: int | str | None = None) -> None:
        for failure in self.failures:
            if failure.method == method and failure.chat in (None, chat):
                self.failures.remove(failure)
                raise Refused(failure.status, failure.description, failure.parameters)

    def _send(self, values: dict[str, Any]) -> dict[str, Any]:
        self._check(values, SEND_MESSAGE, ("chat_id", "text"))
        reply = values.get("reply_parameters", {})
        if not set(reply) <= REPLY or not set(values.get("link_preview_options", {})) <= LINK_PREVIEW:
            raise self._error(f"{values} has undocumented parts")
        chat, text = values["chat_id"], values["text"]
        self._fail("sendMessage", chat)
        if isinstance(chat, int):
            if chat in self.moved:
                words = "Bad Request: group chat was upgraded to a supergroup chat"
                raise Refused(400, words, {"migrate_to_chat_id": self.moved[chat]})
            if chat in self.blocked:
                raise Refused(403, "Forbidden: bot was blocked by the user")
            if chat not in self.chats:
                raise Refused(400, "Bad Request: chat not found")
        if not text.strip():
            raise Refused(400, "Bad Request: message text is empty")
        if len(text.encode("utf-16-le", "surrogatepass")) // 2 > LIMIT:
            raise self._error("message is too long")
        number = self._new_message()
        silent = values.get("disable_notification", False)
        self.sent.append(Sent(chat, number, text, silent, reply.get("message_id")))
        self._told()
        return {"message_id": number, "chat": {"id": chat}, "date": 1_800_000_000, "text": text}

    def _new_message(self) -> int:
        self._last_message += 1
        return self._last_message

    async def _get_updates(self, values: dict[str, Any]) -> list[dict[str, Any]]:
        self._check(values, GET_UPDATES)
        limit, timeout = values.get("limit", 100), values.get("timeout", 0)
        if not 1 <= limit <= 100 or timeout < 0 or not all(isinstance(each, str) for each in values["allowed_updates"]):
            raise self._error(f"{values} is not documented")
        self._fail("getUpdates")
        if self.webhook:
            raise Refused(409, "Conflict: can't use getUpdates method while webhook is active; use deleteWebhook")
        if self._asking is not None:
            self._asking.cancel()
        self._asking = asyncio.current_task()
        self._updates = [each for each in self._updates if each["update_id"] >= values.get("offset", 0)]
        self._told()
        allowed = {"update_id", *values["allowed_updates"]}

        def news() -> list[dict[str, Any]]:
            return [each for each in self._updates if set(each) <= allowed]

        try:
            await self.until(news, timeout)
        except TimeoutError:
            return []
        except asyncio.CancelledError:
            if self._asking is asyncio.current_task():
                raise  # the peer hung up
            words = "Conflict: terminated by other getUpdates request; make sure that only one bot instance is running"
            raise Refused(409, words) from None
        finally:
            if self._asking is asyncio.current_task():
                self._asking = None
        return news()[:limit]


def _reply(status: int, found: dict[str, Any]) -> Reply:
    return Reply(status, json.dumps(found).encode(), (("Content-Type", "application/json"),))
