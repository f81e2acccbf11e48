"""The Telegram channel against a double of the Bot API that knows its documented fields."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from homeline import config
from homeline.adapters.store import Store
from homeline.config import Rule
from homeline.config_channels import Telegram as Account
from homeline.errors import ConfigError, DeliveryError
from homeline.model import Delivery, Event, EventKind, Priority
from homeline.service.channels import Active
from homeline.service.channels.telegram import build
from homeline.service.channels.telegram_chats import LIMIT, MOST_MESSAGES, TelegramChannel, split
from homeline_lab.telegram import BOT, GROUP, OWNER, TOKEN, Failure, Telegram
from homeline_lab.web import Reply
from hostile import HOSTILE, SENDERS
from service.kit import ANN, NOW, Service
from wording_kit import wording

SECRET = TOKEN.partition(":")[2]


def event(text: str = "hello", sender: str = ANN, kind: EventKind = EventKind.MESSAGE) -> Event:
    return Event(7, kind, NOW, "stick", sender, text)


def delivery(**options: Any) -> Delivery:
    return Delivery(1, 7, "all", "bot", **options)


@pytest.fixture
async def telegram() -> AsyncIterator[Telegram]:
    async with Telegram() as telegram:
        yield telegram


def channel(
    service: Service, telegram: Telegram, *chats: int | str, rule: Rule | None = None, **options: Any
) -> TelegramChannel:
    names = tuple(map(str, chats or (OWNER,)))
    given = {"token": TOKEN, "chats": names, "api": telegram.url, "allow_local": True, "timeout": 10, **options}
    return build(Account("bot", **given), service.world(wording=wording("5f3a", rule or Rule("all"))))


async def refused(made: TelegramChannel, what: Event | None = None) -> DeliveryError:
    with pytest.raises(DeliveryError) as caught:
        await made.deliver(delivery(), what or event())
    assert SECRET not in str(caught.value)
    return caught.value


# -- what goes out -----------------------------------------------------------------------------------------------------


async def test_a_message_to_each_chat(service: Service, telegram: Telegram) -> None:
    await channel(service, telegram, OWNER, GROUP, "@news").deliver(delivery(), event())
    assert [sent.chat for sent in telegram.sent] == [OWNER, GROUP, "@news"]
    assert {sent.text.partition("\n")[0] for sent in telegram.sent} == {f"SMS from {ANN}, 2027-01-15 08:00:00 +00:00"}
    assert {sent.text.partition("\n\n")[2] for sent in telegram.sent} == {"hello"}


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE)
async def test_hostile_texts(service: Service, telegram: Telegram, text: str) -> None:
    await channel(service, telegram).deliver(delivery(), event(text))
    whole = "".join(sent.text for sent in telegram.sent).partition("\n\n")[2]
    mere = text.encode("utf-8", "replace").decode().replace("\0", "\ufffd")
    if len(telegram.sent) == MOST_MESSAGES:
        assert whole.endswith("…")
        assert mere.startswith(whole[:-1])
    else:
        assert whole == mere


@pytest.mark.parametrize("sender", SENDERS)
async def test_hostile_senders(service: Service, telegram: Telegram, sender: str) -> None:
    await channel(service, telegram).deliver(delivery(), event(sender=sender))
    assert len(telegram.sent) == 1


async def test_without_a_sound(service: Service, telegram: Telegram) -> None:
    await channel(service, telegram).deliver(delivery(), event())
    await channel(service, telegram, silent=True).deliver(delivery(), event())
    await channel(service, telegram, rule=Rule("all", priority=Priority.LOW)).deliver(delivery(), event())
    assert [sent.silent for sent in telegram.sent] == [False, True, True]


@given(st.text(alphabet="a\n🙂é ", max_size=5 * LIMIT))
def test_splitting(text: str) -> None:
    pieces = list(split(text))
    assert all(len(piece.encode("utf-16-le")) <= 2 * LIMIT and piece.strip() for piece in pieces)
    assert len(pieces) <= MOST_MESSAGES


@pytest.mark.parametrize("length", [1, LIMIT, LIMIT + 1, 2 * LIMIT, MOST_MESSAGES * LIMIT])
def test_what_fits_is_all_there(length: int) -> None:
    text = ("abc🙂" * length)[:length]
    pieces = list(split(text))
    assert "".join(pieces) == text or (len(pieces) == MOST_MESSAGES and pieces[-1].endswith("…"))
    plain = "x" * length
    assert "".join(split(plain)) == plain


def test_what_does_not_fit_is_cut() -> None:
    pieces = list(split("🙂" * LIMIT * 3))
    assert len(pieces) == MOST_MESSAGES
    assert pieces[-1] == "🙂" * (LIMIT // 2 - 1) + "…"


async def test_a_long_text_is_several_messages_that_are_not_doubled(service: Service, telegram: Telegram) -> None:
    made = channel(service, telegram)
    telegram.failures.append(Failure("sendMessage", 500, "Internal Server Error"))
    await refused(made, event("x" * 5000))
    telegram.failures.append(Failure("sendMessage", 429, "Too Many Requests: retry after 3", {"retry_after": 3}))
    await refused(made, event("x" * 5000))
    await made.deliver(delivery(), event("x" * 5000))
    assert "".join(sent.text for sent in telegram.sent).endswith("x" * 5000)
    assert len(telegram.sent) == 2


async def test_the_first_chat_gets_nothing_twice_when_the_second_fails(service: Service, telegram: Telegram) -> None:
    made = channel(service, telegram, OWNER, GROUP)
    telegram.failures.append(Failure("sendMessage", 502, "Bad Gateway", chat=GROUP))
    assert not (await refused(made)).permanent
    await channel(service, telegram, OWNER, GROUP).deliver(delivery(), event())  # another run of the daemon
    assert [sent.chat for sent in telegram.sent] == [OWNER, GROUP]
    await made.deliver(delivery(revision=1), event("hello again"))  # a late part came: that is another text
    assert len(telegram.sent) == 4


# -- what is refused ---------------------------------------------------------------------------------------------------

REFUSALS = [
    (Failure("sendMessage", 429, "Too Many Requests: retry after 17", {"retry_after": 17}), False, 17.0),
    (Failure("sendMessage", 429, "Too Many Requests"), False, None),
    (Failure("sendMessage", 500, "Internal Server Error"), False, None),
    (Failure("sendMessage", 401, "Unauthorized"), False, 300.0),
    (Failure("sendMessage", 404, "Not Found"), False, 300.0),
    (Failure("sendMessage", 403, "Forbidden: bot was blocked by the user"), False, 300.0),
    (Failure("sendMessage", 403, "Forbidden: bot was kicked from the group chat"), False, 300.0),
    (Failure("sendMessage", 400, "Bad Request: chat not found"), False, 300.0),
    (Failure("sendMessage", 400, "Bad Request: have no rights to send a message"), False, 300.0),
    (Failure("sendMessage", 400, "Bad Request: message is too long"), True, None),
    (Failure("sendMessage", 400, "Bad Request: message text is empty"), True, None),
]


@pytest.mark.parametrize(("failure", "permanent", "pause"), REFUSALS)
async def test_refusals(
    service: Service, telegram: Telegram, failure: Failure, permanent: bool, pause: float | None
) -> None:
    telegram.failures.append(failure)
    error = await refused(channel(service, telegram))
    assert (error.permanent, error.retry_after) == (permanent, pause)
    assert failure.description.partition(": ")[2].partition(" retry")[0] in str(error)


async def test_one_chat_that_blocks_the_bot_does_not_hold_up_the_others(service: Service, telegram: Telegram) -> None:
    """The delivery ends, with an alert; when the owner tries it again, who has it gets it no second time."""
    telegram.blocked.add(OWNER)
    made = channel(service, telegram, OWNER, GROUP)
    error = await refused(made)
    assert error.permanent
    assert str(error) == f"Chat {OWNER}: Telegram answered with status 403: Forbidden: bot was blocked by the user"
    assert [sent.chat for sent in telegram.sent] == [GROUP]
    telegram.blocked.clear()
    await made.deliver(delivery(), event())
    assert [sent.chat for sent in telegram.sent] == [GROUP, OWNER]


async def test_a_group_that_moved_gets_it_under_its_new_number(service: Service, telegram: Telegram) -> None:
    telegram.moved[GROUP], telegram.chats[-100777] = -100777, "supergroup"
    made = channel(service, telegram, GROUP)
    await made.deliver(delivery(), event())
    await made.deliver(delivery(), event())
    assert [sent.chat for sent in telegram.sent] == [-100777, -100777]
    assert len(telegram.server.heard) == 3  # the second time nobody asks the old one


async def test_moves_without_end(service: Service, telegram: Telegram) -> None:
    telegram.moved.update({GROUP: -5, -5: GROUP})
    assert (await refused(channel(service, telegram, GROUP))).retry_after == 300


ANSWERS = {
    "no JSON": (Reply(200, b"<html>log in</html>"), "status 200"),
    "JSON of another kind": (Reply(200, b"[1, 2]"), "status 200"),
    "not ok": (Reply(200, b'{"ok": false}'), "status 200"),
    "nested": (Reply(200, b"[" * 60_000), "status 200"),
    "a hostile description": (Reply(500, b'{"ok":false,"description":{"a":"b"},"parameters":[]}'), "status 500"),
    "hostile parameters": (Reply(429, b'{"ok":false,"parameters":{"retry_after":"x","migrate_to_chat_id":[]}}'), "429"),
    "huge parameters": (Reply(429, b'{"ok":false,"parameters":{"retry_after":1' + b"0" * 400 + b"}}"), "429"),
    "a broken connection": (Reply(reset=True), "ended the connection"),
}


@pytest.mark.parametrize("how", ANSWERS)
async def test_answers_that_make_no_sense(service: Service, telegram: Telegram, how: str) -> None:
    reply, words = ANSWERS[how]
    telegram.server.replies.append(reply)
    error = await refused(channel(service, telegram))
    assert words in str(error)
    assert not error.permanent


async def test_an_answer_that_breaks_off_says_that_it_was_taken(service: Service, telegram: Telegram) -> None:
    telegram.server.replies.append(
        Reply(raw=b'HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n{"ok":true,"result":{"mess')
    )
    await channel(service, telegram, replies=True).deliver(delivery(), event())


async def test_the_token_is_in_no_text(service: Service, telegram: Telegram, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    made = channel(service, telegram)
    telegram.server.answer = lambda heard: Reply(400, f'{{"ok":false,"description":"no {heard.path}"}}'.encode())
    error = await refused(made)
    telegram.server.replies.append(Reply(307, headers=(("Location", f"/bot{TOKEN}/elsewhere"),)))
    telegram.server.replies.append(Reply(307, headers=(("Location", f"https://else.example/bot{TOKEN}/"),)))
    assert SECRET not in f"{error} {await refused(made)} {made.account!r} {caplog.text}"


# -- references, for replies -------------------------------------------------------------------------------------------


async def test_what_can_be_answered_is_remembered(service: Service, telegram: Telegram) -> None:
    made = channel(service, telegram, OWNER, replies=True)
    for what in (event(), event("balance", "", EventKind.USSD), event("gone", kind=EventKind.ALERT)):
        await made.deliver(delivery(), what)
    known = [
        await service.database(Store.referenced_event, "telegram:bot", f"{BOT}:{OWNER}:{sent.message}")
        for sent in telegram.sent
    ]
    assert known == [7, None, None]


async def test_without_replies_nothing_listens_and_nothing_is_remembered(service: Service, telegram: Telegram) -> None:
    made = channel(service, telegram)
    assert not isinstance(made, Active)
    assert isinstance(channel(service, telegram, replies=True), Active)
    await made.deliver(delivery(), event())
    key = f"{BOT}:{OWNER}:{telegram.sent[0].message}"
    assert await service.database(Store.referenced_event, "telegram:bot", key) is None


# -- the configuration -------------------------------------------------------------------------------------------------

SECTION = """
config homeline 'main'
	option enabled '1'

config telegram 'bot'
{options}
"""


def read(options: str) -> config.Config:
    return config.read(SECTION.format(options=options), f"config telegram 'bot'\n\toption token '{TOKEN}'\n")


def test_sections() -> None:
    assert read("\tlist chats '1001'\n\tlist chats '@news'\n").problems == ()
    assert [problem.where for problem in read("").problems][:1] == ["bot.chats"]
    wrong = read("\tlist chats '@news'\n\toption replies '1'\n")
    assert [problem.where for problem in wrong.problems][:1] == ["bot.chats"]


async def test_a_server_that_cannot_be(service: Service, telegram: Telegram) -> None:
    with pytest.raises(ConfigError):
        channel(service, telegram, api="https://::1/")


async def test_equal_sections_are_equal_channels(service: Service, telegram: Telegram) -> None:
    assert channel(service, telegram) == channel(service, telegram)
    assert channel(service, telegram) != channel(service, telegram, GROUP)
