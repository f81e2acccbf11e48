"""Replies to the bot's messages: from allowed chats alone, each sent once, and answered with what became of it."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest

from homeline.adapters.store import Store
from homeline.config_channels import Telegram as Account
from homeline.core.retry import Policy
from homeline.errors import HomelineError, ModemError, StoreError
from homeline.model import Delivery, Direction, Event, EventKind, Message
from homeline.service.channels import telegram_replies as replies
from homeline.service.channels.telegram import build
from homeline.service.channels.telegram_replies import FORGOTTEN, HELP, ONLY_TEXT, TelegramWithReplies
from homeline_lab.telegram import BOT, GROUP, OWNER, TOKEN, Failure, Sent, Telegram
from homeline_lab.web import Reply
from hostile import HOSTILE
from service.kit import ANN, BOB, NOW, Sender, Service, parts

STRANGER = 6666


@pytest.fixture
async def telegram() -> AsyncIterator[Telegram]:
    async with Telegram() as telegram:
        yield telegram


@pytest.fixture
async def service(tmp_path: Path) -> AsyncIterator[Service]:
    async with Service(tmp_path) as service:
        service.dongles["stick"] = Sender()
        await service.database(Store.unread)
        yield service


def made(service: Service, telegram: Telegram, **options: Any) -> TelegramWithReplies:
    given = {"token": TOKEN, "chats": (str(OWNER), str(GROUP)), "api": telegram.url, "allow_local": True, **options}
    channel = build(Account("bot", replies=True, **given), service.world())
    assert isinstance(channel, TelegramWithReplies)
    return channel


@contextlib.asynccontextmanager
async def listening(channel: TelegramWithReplies) -> AsyncIterator[TelegramWithReplies]:
    task = asyncio.ensure_future(channel.run())
    try:
        yield channel
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


async def told(
    service: Service, channel: TelegramWithReplies, telegram: Telegram, sender: str = ANN, text: str = "hello"
) -> Sent:
    """Let a message come and go out through the bot: what the owner sees in the first chat."""
    before = len(telegram.sent)
    (receipt,) = await service.database(Store.receive, parts(text, sender), NOW, lambda _: ())
    assert receipt.event is not None
    await channel.deliver(Delivery(receipt.event.id, receipt.event.id, "all", "bot"), receipt.event)
    return telegram.sent[before]


async def outgoing(service: Service) -> list[tuple[str, str]]:
    """What was queued, oldest first: recipient and text."""
    found = await service.database(Store.list_messages, direction=Direction.OUT)
    return [(message.peer, message.text) for message in reversed(found.messages)]


@contextlib.asynccontextmanager
async def serving(service: Service, *answers: int | HomelineError) -> AsyncIterator[None]:
    """The outbox sends, with a dongle that answers so."""
    service.dongles["stick"] = Sender(answers=answers or (7,))
    task = asyncio.ensure_future(service.outbox.serve("stick"))
    try:
        yield
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


async def confirmed(telegram: Telegram) -> None:
    """Until all that people wrote was taken and confirmed."""
    await telegram.until(lambda: not telegram.pending)


async def answered(telegram: Telegram, under: int) -> list[str]:
    """The bot's answers under somebody's message."""
    return [sent.text for sent in telegram.sent if sent.reply_to == under]


def here(telegram: Telegram, update: int) -> int:
    """The number of somebody's message by that of its update."""
    (found,) = [each["message"]["message_id"] for each in telegram.pending if each["update_id"] == update]
    return int(found)


# -- from reply to SMS -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "text", ["yes, tomorrow", "grüezi 🙂", *(HOSTILE[name] for name in ("html", "template", "at", "json"))]
)
async def test_a_reply_is_sent_to_whom_the_message_was_from(service: Service, telegram: Telegram, text: str) -> None:
    channel = made(service, telegram)
    async with listening(channel), serving(service):
        first = await told(service, channel, telegram, ANN)
        await told(service, channel, telegram, BOB)
        message = here(telegram, telegram.say(OWNER, text, reply_to=first.message))
        await telegram.until(lambda: any(sent.reply_to == message for sent in telegram.sent))
        assert await outgoing(service) == [(ANN, text)]
        assert await answered(telegram, message) == [f"Sent to {ANN}."]
        await confirmed(telegram)
        assert channel.connected
    assert not channel.connected


async def test_anybody_in_an_allowed_group_may_reply(service: Service, telegram: Telegram) -> None:
    channel = made(service, telegram, chats=(str(GROUP),))
    async with listening(channel), serving(service):
        sent = await told(service, channel, telegram)
        telegram.say(GROUP, "from the family", sender=777, reply_to=sent.message)
        await telegram.wait_for(2)
        assert await outgoing(service) == [(ANN, "from the family")]


async def test_a_hidden_administrator_of_a_group_is_a_member_and_a_bot_is_not(
    service: Service, telegram: Telegram
) -> None:
    """Telegram shows both as bots; the administrator's message is sent in the group's name."""
    channel = made(service, telegram)
    sent = await told(service, channel, telegram)
    bot = {"id": 1087968824, "is_bot": True, "first_name": "Group"}
    group = telegram.sent[1]
    telegram.say(GROUP, "a bot", reply_to=group.message, **{"from": bot})
    telegram.say(GROUP, "hidden", reply_to=group.message, **{"from": bot}, sender_chat={"id": GROUP})
    async with listening(channel):
        await confirmed(telegram)
    assert sent.chat == OWNER
    assert await outgoing(service) == [(ANN, "hidden")]


async def test_a_refusal_of_the_network_is_told(service: Service, telegram: Telegram) -> None:
    channel = made(service, telegram)
    async with listening(channel), serving(service, ModemError("unassigned number", "CMS", 1)):
        sent = await told(service, channel, telegram)
        telegram.say(OWNER, "hello?", reply_to=sent.message)
        assert (await telegram.wait_for(3))[-1].text == "Not sent: unassigned number"


async def test_a_wait_is_told_and_then_the_end(
    service: Service, telegram: Telegram, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(replies, "SOON", 0.05)
    channel = made(service, telegram)
    async with listening(channel):
        sent = await told(service, channel, telegram)
        telegram.say(OWNER, "hello?", reply_to=sent.message)
        waiting = (await telegram.wait_for(3))[-1]
        assert waiting.text == f"Waiting: the SMS to {ANN} goes out when stick can."
        async with serving(service):
            assert (await telegram.wait_for(4))[-1].text == f"Sent to {ANN}."


async def test_replies_are_not_limited_to_the_dongle_of_the_message(service: Service, telegram: Telegram) -> None:
    channel = made(service, telegram, dongle="other")
    service.dongles["other"] = Sender("other")
    async with listening(channel):
        sent = await told(service, channel, telegram)
        telegram.say(OWNER, "hello?", reply_to=sent.message)
        await confirmed(telegram)
    found = await service.database(Store.list_messages, direction=Direction.OUT)
    assert [message.dongle for message in found.messages] == ["other"]


# -- once --------------------------------------------------------------------------------------------------------------


async def test_an_update_that_comes_again_sends_nothing(service: Service, telegram: Telegram) -> None:
    """As after kill -9 between the commit and the next question."""
    channel = made(service, telegram)
    sent = await told(service, channel, telegram)
    telegram.say(OWNER, "once", reply_to=sent.message)
    (update,) = telegram.pending
    await channel._take(update)
    assert telegram.pending == [update]
    async with listening(made(service, telegram)):
        await confirmed(telegram)
    assert await outgoing(service) == [(ANN, "once")]


async def test_nothing_is_confirmed_while_the_store_fails(
    service: Service, telegram: Telegram, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(replies, "RETRIES", Policy(first=0.01))
    channel = made(service, telegram)
    sent = await told(service, channel, telegram)
    send, failing = service.outbox.send, [StoreError("the disk is full")] * 3

    async def fails(*args: Any, **kwargs: Any) -> Message:
        if failing:
            assert telegram.pending
            raise failing.pop()
        return await send(*args, **kwargs)

    monkeypatch.setattr(service.outbox, "send", fails)
    async with listening(channel):
        telegram.say(OWNER, "once", reply_to=sent.message)
        await confirmed(telegram)
    assert failing == []
    assert await outgoing(service) == [(ANN, "once")]


async def test_another_bot_begins_its_own_count(service: Service, telegram: Telegram) -> None:
    """Numbers of updates and messages are a bot's own: after the token changed those of before mean nothing."""
    channel = made(service, telegram)
    sent = await told(service, channel, telegram)
    telegram.say(OWNER, "to the first bot", reply_to=sent.message)
    await channel._take(telegram.pending[0])
    other = made(service, telegram, token="999:" + TOKEN.partition(":")[2])
    assert other.reference("1", 2) != channel.reference("1", 2)
    reply = telegram.pending[0]["message"]["reply_to_message"]
    reply["from"]["id"] = 999
    await other._take(telegram.pending[0])
    assert len(await outgoing(service)) == 1


# -- what is refused ---------------------------------------------------------------------------------------------------


async def test_a_stranger_is_refused_and_reported_once(service: Service, telegram: Telegram) -> None:
    channel = made(service, telegram)
    async with listening(channel):
        sent = await told(service, channel, telegram)
        for _ in range(5):
            telegram.say(STRANGER, "pay me", sender=STRANGER, reply_to=sent.message)
        await confirmed(telegram)
    assert await outgoing(service) == []
    assert len(telegram.sent) == 2  # the message in two chats; nothing to the stranger
    (alert,) = await service.database(Store.list_alerts)
    assert alert.key == "telegram.bot.stranger"
    assert f"in the chat {STRANGER} ('Ann') wrote to the bot of bot and was refused" in alert.text
    assert str(STRANGER) in alert.advice


@pytest.mark.parametrize("name", HOSTILE.values(), ids=HOSTILE)
async def test_a_strangers_hostile_name(service: Service, telegram: Telegram, name: str) -> None:
    sender = {"id": 1, "is_bot": False, "first_name": name, "last_name": ["x"]}
    await made(service, telegram)._take({"update_id": 1, "message": {"chat": {"id": 1}, "from": sender}})
    (alert,) = await service.database(Store.list_alerts)
    assert len(alert.text) < 250
    assert alert.text.isprintable()


REFUSED: dict[str, tuple[Callable[[Telegram, int], int], str]] = {
    "an unknown message": (lambda telegram, sent: telegram.say(OWNER, "x", reply_to=_other(telegram)), FORGOTTEN),
    "a picture": (lambda telegram, sent: telegram.say(OWNER, None, reply_to=sent, photo=[{}]), ONLY_TEXT),
    "blanks": (lambda telegram, sent: telegram.say(OWNER, " \n ", reply_to=sent), ONLY_TEXT),
    "a book": (
        lambda telegram, sent: telegram.say(OWNER, "x" * 4000, reply_to=sent),
        "Not sent: this would be 27 SMS, and 8 are the most.",
    ),
    "no reply": (lambda telegram, sent: telegram.say(OWNER, "/start"), HELP),
    "a reply to oneself": (lambda telegram, sent: telegram.say(OWNER, "x", reply_to=3), HELP),
}


def _other(telegram: Telegram) -> int:
    """A message of the bot's that told of nothing that can be answered."""
    telegram.sent.append(Sent(OWNER, 7, "an alert", False))
    return 7


@pytest.mark.parametrize("what", REFUSED)
async def test_what_cannot_be_sent_is_answered(service: Service, telegram: Telegram, what: str) -> None:
    act, words = REFUSED[what]
    channel = made(service, telegram, chats=(str(OWNER),))
    async with listening(channel):
        sent = await told(service, channel, telegram)
        message = here(telegram, act(telegram, sent.message))
        await confirmed(telegram)
    assert await answered(telegram, message) == [words]
    assert await outgoing(service) == []


async def test_a_sender_without_a_number(service: Service, telegram: Telegram, monkeypatch: pytest.MonkeyPatch) -> None:
    async def bank(*_: object) -> Event:
        return Event(5, EventKind.MESSAGE, NOW, "stick", "Bank", "your code")

    channel = made(service, telegram)
    async with listening(channel):
        await channel.deliver(
            Delivery(5, 5, "all", "bot"), Event(5, EventKind.MESSAGE, NOW, "stick", "Bank", "your code")
        )
        monkeypatch.setattr(channel, "_about", bank)
        sent = telegram.sent[0]
        telegram.say(OWNER, "who are you?", reply_to=sent.message)
        assert (await telegram.wait_for(3))[
            -1
        ].text == "Not sent: whoever sent that has no number that could be answered."


async def test_a_dongle_that_is_gone(service: Service, telegram: Telegram) -> None:
    channel = made(service, telegram)
    async with listening(channel):
        sent = await told(service, channel, telegram)
        service.dongles.clear()
        telegram.say(OWNER, "hello?", reply_to=sent.message)
        assert (await telegram.wait_for(3))[-1].text == "Not sent: There is no dongle 'stick'."


async def test_a_message_that_was_deleted(service: Service, telegram: Telegram) -> None:
    channel = made(service, telegram)
    async with listening(channel):
        sent = await told(service, channel, telegram)
        await service.database(Store.delete_messages, [1], NOW)
        telegram.say(OWNER, "hello?", reply_to=sent.message)
        assert (await telegram.wait_for(3))[-1].text == FORGOTTEN


async def test_a_limit_an_hour(service: Service, telegram: Telegram) -> None:
    channel = made(service, telegram, rate=2)
    async with listening(channel):
        sent = await told(service, channel, telegram)
        for number in range(3):
            telegram.say(OWNER, f"reply {number}", reply_to=sent.message)
        await telegram.wait_for(3)
        assert telegram.sent[-1].text == "Not sent: 2 replies an hour are the most (bot.rate)."
        service.now += 3601
        telegram.say(OWNER, "reply 3", reply_to=sent.message)
        await confirmed(telegram)
    assert [text for _, text in await outgoing(service)] == ["reply 0", "reply 1", "reply 3"]


async def test_who_answers_before_it_is_noted_what_was_sent(
    service: Service, telegram: Telegram, monkeypatch: pytest.MonkeyPatch
) -> None:
    channel = made(service, telegram, chats=(str(OWNER),))
    remember, seen = channel._remember, asyncio.Event()

    async def late(*args: Any) -> None:
        telegram.say(OWNER, "quick", reply_to=telegram.sent[0].message)
        await seen.wait()
        await remember(*args)

    about = channel._about

    async def looked(*args: Any) -> Event | None:
        asyncio.get_running_loop().call_later(0.05, seen.set)
        return await about(*args)

    monkeypatch.setattr(channel, "_remember", late)
    monkeypatch.setattr(channel, "_about", looked)
    async with listening(channel):
        await told(service, channel, telegram)
        await confirmed(telegram)
    assert await outgoing(service) == [(ANN, "quick")]


async def test_people_in_a_group_talk_among_each_other(service: Service, telegram: Telegram) -> None:
    channel = made(service, telegram)
    async with listening(channel):
        telegram.say(GROUP, "dinner?")
        telegram.say(GROUP, "yes", reply_to=3)
        telegram.update({"edited_message": {"message_id": 3, "text": "no", "chat": {"id": OWNER}}})
        telegram.say(OWNER, "done")
        await telegram.until(lambda: not [each for each in telegram.pending if "message" in each])
    assert [sent.text for sent in telegram.sent] == [HELP]


async def test_help_is_not_repeated(service: Service, telegram: Telegram) -> None:
    async with listening(made(service, telegram)):
        for _ in range(5):
            telegram.say(OWNER, "hello?")
        await confirmed(telegram)
    assert [sent.text for sent in telegram.sent] == [HELP]


async def test_a_group_that_moves_stays_allowed(service: Service, telegram: Telegram) -> None:
    channel = made(service, telegram)
    async with listening(channel), serving(service):
        telegram.chats[-100777] = "supergroup"
        telegram.say(GROUP, None, migrate_to_chat_id=-100777)
        await confirmed(telegram)
        await told(service, channel, telegram)
        assert telegram.sent[1].chat == -100777
        telegram.say(-100777, "still here", reply_to=telegram.sent[1].message)
        await telegram.wait_for(3)
    assert await outgoing(service) == [(ANN, "still here")]


ODD: list[Any] = [
    None,
    [],
    {},
    {"update_id": "5"},
    {"update_id": 5},
    {"update_id": 5, "message": None},
    {"update_id": 5, "message": {"chat": []}},
    {"update_id": 5, "message": {"chat": {"id": "1001"}}},
    {"update_id": 5, "message": {"chat": {"id": OWNER}}},
    {"update_id": 5, "message": {"chat": {"id": OWNER}, "message_id": True, "text": {}}},
    {"update_id": 5, "message": {"chat": {"id": OWNER}, "message_id": 3, "reply_to_message": {"from": {"id": BOT}}}},
    {
        "update_id": 5,
        "message": {
            "chat": {"id": OWNER},
            "message_id": 3,
            "from": 5,
            "text": "x",
            "reply_to_message": {"message_id": [1], "from": {"id": BOT}},
        },
    },
    {"update_id": 1 << 70, "message": {"chat": {"id": OWNER}}},
]


async def test_updates_that_make_no_sense(
    service: Service, telegram: Telegram, caplog: pytest.LogCaptureFixture
) -> None:
    """None stops what comes after."""
    import json

    channel = made(service, telegram)
    sent = await told(service, channel, telegram)
    telegram.server.replies.append(Reply(200, json.dumps({"ok": True, "result": ODD}).encode()))
    async with listening(channel), serving(service):
        telegram.say(OWNER, "after that", reply_to=sent.message)
        await telegram.until(lambda: not telegram.pending)
    assert await outgoing(service) == [(ANN, "after that")]
    assert "Traceback" not in caplog.text


async def test_a_defect_does_not_bring_an_update_for_ever(
    service: Service, telegram: Telegram, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    channel = made(service, telegram)

    async def fails(*_: Any) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(channel, "_message", fails)
    async with listening(channel):
        telegram.say(OWNER, "x")
        await confirmed(telegram)
    assert "was not understood" in caplog.text


# -- asking for news ---------------------------------------------------------------------------------------------------

TROUBLES = [
    (
        Failure("getUpdates", 409, "Conflict: terminated by other getUpdates request; make sure that only one runs"),
        "Another program asks for this bot's news",
    ),
    (
        Failure("getUpdates", 409, "Conflict: can't use getUpdates method while webhook is active"),
        "A webhook is set for this bot",
    ),
    (Failure("getUpdates", 401, "Unauthorized"), "asked for again and again"),
    (Failure("getUpdates", 429, "Too Many Requests", {"retry_after": 5}), "asked for again and again"),
]


@pytest.mark.parametrize(("failure", "advice"), TROUBLES)
async def test_what_is_said_of_a_bot_that_is_not_heard(
    service: Service, telegram: Telegram, monkeypatch: pytest.MonkeyPatch, failure: Failure, advice: str
) -> None:
    monkeypatch.setattr(replies, "pause", lambda *_: 0.05)
    telegram.failures.append(failure)
    channel, said = made(service, telegram), asyncio.Event()
    problems = []

    def say(where: str, words: str, advice: str) -> None:
        if words:
            problems.append((where, words, advice))
        elif problems:
            said.set()

    object.__setattr__(channel.world, "say", say)
    async with listening(channel):
        await asyncio.wait_for(said.wait(), 10)  # it is heard again, and that is said too
    ((where, words, found),) = problems
    assert where == "telegram bot"
    assert "Replies are not heard: Telegram answered with status" in words
    assert advice in found


async def test_a_passing_failure_is_not_said(
    service: Service, telegram: Telegram, monkeypatch: pytest.MonkeyPatch
) -> None:
    pauses = []
    monkeypatch.setattr(replies, "pause", lambda _policy, failures, *_: pauses.append(failures) or 0.01)
    channel = made(service, telegram)
    said: list[str] = []
    object.__setattr__(channel.world, "say", lambda _where, words, _advice: said.append(words))
    telegram.server.replies += [Reply(502, b"x"), Reply(reset=True), Reply(200, b'{"ok":true,"result":{}}'), Reply(500)]
    async with listening(channel):
        telegram.say(OWNER, "hello")
        await confirmed(telegram)
    assert pauses == [1, 2, 3, 4]
    assert [bool(words) for words in said][:3] == [True, True, False]


async def test_two_who_ask_do_not_fight_without_a_pause(service: Service, telegram: Telegram) -> None:
    """The other one is told that it lost; we said it, and rest."""
    async with listening(made(service, telegram)):
        await telegram.until(lambda: telegram._asking is not None)
        second = made(service, telegram)
        async with listening(second):
            await telegram.server.wait_for(2)
            async with asyncio.timeout(5):
                while not service.said.all() and len(telegram.server.heard) < 20:
                    await asyncio.sleep(0.01)
            assert len(telegram.server.heard) < 10


async def test_a_server_that_says_nothing_is_asked_anew(
    service: Service, telegram: Telegram, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A connection that is half open ends at its deadline."""
    monkeypatch.setattr(replies, "POLL", 0)
    monkeypatch.setattr(replies, "POLL_GRACE", 0.3)
    monkeypatch.setattr(replies, "RETRIES", Policy(first=0.01))
    telegram.server.replies.append(Reply(silent=True))
    async with listening(made(service, telegram)):
        telegram.say(OWNER, "hello")
        await confirmed(telegram)


async def test_ending_hangs_up(service: Service, telegram: Telegram) -> None:
    async with listening(made(service, telegram)):
        await telegram.until(lambda: telegram._asking is not None)
    await telegram.server.until(lambda: not telegram.server.open_connections)


async def test_answers_that_telegram_does_not_take_hold_up_nothing(service: Service, telegram: Telegram) -> None:
    channel = made(service, telegram)
    async with listening(channel), serving(service):
        sent = await told(service, channel, telegram)
        telegram.failures.append(Failure("sendMessage", 400, "Bad Request: message thread not found"))
        telegram.say(OWNER, "first", reply_to=sent.message)
        telegram.say(OWNER, "second", reply_to=sent.message)
        await telegram.wait_for(3)
    assert [text for _, text in await outgoing(service)] == ["first", "second"]
