"""Answers in a maildir, read by the real process, on a real store and outbox: sent once, refused, or left to wait."""

from __future__ import annotations

import asyncio
import mailbox as mailboxes
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from homeline.adapters import mailbox_process
from homeline.adapters.mailbox_process import Found, Mail, MailboxError
from homeline.adapters.store import Store
from homeline.config_automatic import Mailbox
from homeline.core import replies
from homeline.core.rules import match
from homeline.errors import ConfigError, StoreFull
from homeline.mailbox import imap, question
from homeline.model import Direction, Event, Message
from homeline.service.channels import mailbox
from homeline.service.channels.mailbox import MailboxReader, build, wrong
from hostile import HOSTILE
from mailbox_mails import ADDRESS, OWNER, mail
from service.kit import ANN, CONFIG, NOW, Sender, Service, parts

EVE = "eve@example.org"


class Post:
    """A service with a stored message of Ann, its maildir, and who reads it."""

    def __init__(self, service: Service, **options: Any) -> None:
        self.service = service
        self.folder = mailboxes.Maildir(service.paths.inside("/etc/homeline/mails"), create=True)
        self.account = Mailbox(
            "me", type="maildir", path="/etc/homeline/mails", address=ADDRESS, senders=(OWNER,), every=1, **options
        )
        self.reader = build(self.account, service.world())

    async def receive(self, text: str = "Are you coming?", sender: str = ANN) -> Event:
        """A message of that sender, stored."""
        received = parts(text)
        received = [replace(part, sender=sender, peer=sender, pdu=part.pdu + text.encode().hex()) for part in received]
        event = (await self.service.database(Store.receive, received, NOW, self.plan))[-1].event
        assert event is not None
        return event

    def plan(self, event: Event) -> Any:
        return match((), event, NOW)

    async def address(self, event: Event) -> str:
        invitation = await self.reader.invitation(event)
        assert invitation is not None
        return invitation.address

    async def come(self, event: Event, text: str = "Yes", number: int = 1, **options: Any) -> str:
        """An answer to it lies in the maildir; the name of its file."""
        name: str = self.folder.add(mail(text, number, options.pop("to", None) or await self.address(event), **options))
        return name

    async def round(self) -> float:
        """Read once; seconds until the next time."""
        return await self.reader._round()

    async def sent(self) -> list[tuple[str, str]]:
        messages = (await self.service.database(Store.list_messages, direction=Direction.OUT)).messages
        return [(message.peer, message.text) for message in reversed(messages)]

    async def alerts(self) -> dict[str, str]:
        return {each.key: each.text for each in await self.service.database(Store.list_alerts)}

    def seen(self, name: str) -> bool:
        return "S" in self.folder[name].get_flags()

    @property
    def said(self) -> list[str]:
        return [problem.text for problem in self.service.said.all()]


@pytest.fixture
async def post(tmp_path: Path) -> AsyncIterator[Post]:
    async with Service(tmp_path) as service:
        service.dongles["stick"] = Sender()
        service.paths.state.mkdir(parents=True)
        yield Post(service)


# -- taken ------------------------------------------------------------------------------------------------------------


async def test_an_answer_is_sent_once_and_marked(post: Post) -> None:
    event = await post.receive()
    name = await post.come(event, "Yes, at eight.")
    for _ in range(2):
        assert await post.round() == 60
    assert await post.sent() == [(ANN, "Yes, at eight.")]
    assert post.seen(name)
    assert await post.alerts() == {}


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE)
async def test_hostile_texts_are_sent_as_they_are_or_refused_in_words(post: Post, text: str) -> None:
    await post.come(await post.receive(), f"Begin {text}")
    await post.round()
    sent, alerts = await post.sent(), await post.alerts()
    assert len(sent) + len(alerts) == 1
    assert all(body.startswith("Begin") or body == "" for _, body in sent)
    assert post.said == []


async def test_the_same_answer_in_another_file_is_not_sent_again(post: Post) -> None:
    event = await post.receive()
    names = [await post.come(event), await post.come(event)]
    await post.round()
    names.append(await post.come(event))
    await post.round()
    assert await post.sent() == [(ANN, "Yes")]
    assert all(map(post.seen, names))
    await post.come(event, "Yes", 2)  # their owner wrote it twice
    await post.round()
    assert len(await post.sent()) == 2


async def test_an_answer_that_was_sent_but_not_marked_is_only_marked(post: Post, monkeypatch: Any) -> None:
    name = await post.come(await post.receive())
    ask = mailbox_process.ask

    async def broken(question: Any, *args: Any) -> Found:
        if "mark" in question:
            raise MailboxError("The connection failed.")
        return await ask(question, *args)

    monkeypatch.setattr(mailbox_process, "ask", broken)
    assert await post.round() == 120
    assert post.said == ["The connection failed."]
    assert not post.seen(name)
    monkeypatch.setattr(mailbox_process, "ask", ask)
    assert await post.round() == 60
    assert post.said == []
    assert post.seen(name)
    assert await post.sent() == [(ANN, "Yes")]


async def test_the_dongle_by_which_it_came_sends_unless_another_is_named(post: Post) -> None:
    post.service.dongles["another"] = Sender("another")
    await post.come(await post.receive())
    await post.round()
    post.reader = build(replace(post.account, dongle="another"), post.service.world())
    await post.come(await post.receive("And?"), number=2)
    await post.round()
    messages = (await post.service.database(Store.list_messages, direction=Direction.OUT)).messages
    assert [message.dongle for message in messages] == ["another", "stick"]


async def test_the_key_outlives_a_restart_and_is_this_routers_own(post: Post, tmp_path: Path) -> None:
    event = await post.receive()
    before = await post.address(event)
    again = build(post.account, post.service.world())
    assert await again.invitation(event) == await post.reader.invitation(event)
    async with Service(tmp_path / "other") as other:
        other.paths.state.mkdir(parents=True)
        assert await Post(other).address(event) != before


async def test_without_plus_the_token_stands_in_the_subject(post: Post) -> None:
    post.reader = build(replace(post.account, plus=False), post.service.world())
    event = await post.receive()
    invitation = await post.reader.invitation(event)
    assert invitation is not None
    assert invitation.address == ADDRESS
    content = mail("Yes", to=ADDRESS).replace(b"Re: SMS", f"Re: SMS {invitation.mark}".encode())
    post.folder.add(content)
    await post.round()
    assert await post.sent() == [(ANN, "Yes")]


async def test_what_cannot_be_answered_gets_no_address(post: Post) -> None:
    assert await post.reader.invitation(await post.receive(sender="SWISSCOM")) is None


# -- refused ----------------------------------------------------------------------------------------------------------


async def test_a_stranger_is_refused_and_reported_once_an_hour(post: Post) -> None:
    event = await post.receive()
    names = [await post.come(event, number=number, sender=f"{number}-{EVE}") for number in range(3)]
    await post.round()
    assert await post.sent() == []
    assert all(map(post.seen, names))
    assert (await post.alerts())["mailbox.me.refused"] == (
        f"A mail to {ADDRESS} was not sent as an SMS: its sender is not in `senders`. It came from 0-{EVE}."
    )
    assert len(post.service.of("alert.raised")) == 1


@pytest.mark.parametrize("to", [f"line+1-{'a' * 16}@home.example", f"line+999999-{'a' * 16}@home.example"])
async def test_a_token_that_is_not_ours_is_refused(post: Post, to: str) -> None:
    name = await post.come(await post.receive(), to=to)
    await post.round()
    assert await post.sent() == []
    assert post.seen(name)
    assert "its token is not one of ours" in (await post.alerts())["mailbox.me.refused"]


async def test_another_mailboxes_token_is_refused(post: Post) -> None:
    event = await post.receive()
    other = build(replace(post.account, name="other"), post.service.world())
    invitation = await other.invitation(event)
    assert invitation is not None
    await post.come(event, to=invitation.address)
    await post.round()
    assert await post.sent() == []


async def test_what_a_program_wrote_is_left_alone(post: Post) -> None:
    event = await post.receive()
    content = b"Auto-Submitted: auto-replied\r\n" + mail("I am away.", to=await post.address(event))
    name = post.folder.add(content)
    await post.round()
    assert (await post.sent(), await post.alerts(), post.seen(name)) == ([], {}, False)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("> only a quote", "There is no text in it beside the quote."),
        ("x" * 1531, "It would be 11 SMS, and 10 are the most."),
        ("ж" * 671, "It would be 11 SMS, and 10 are the most."),
        ("x" * 60000, "It cannot be an SMS"),
    ],
)
async def test_an_owners_answer_that_cannot_be_sent_is_reported(post: Post, text: str, reason: str) -> None:
    event = await post.receive()
    name = await post.come(event, text)
    await post.round()
    assert await post.sent() == []
    assert post.seen(name)
    (words,) = (await post.alerts()).values()
    assert words.startswith(f"Your answer to event {event.id} was not sent as an SMS: {reason}")


async def test_each_answer_that_was_not_sent_is_reported(post: Post) -> None:
    event = await post.receive()
    for number in range(2):
        await post.come(event, "> nothing", number)
    await post.round()
    assert len(post.service.of("alert.raised")) == 2


async def test_an_old_message_and_a_deleted_one_are_not_answered(post: Post) -> None:
    old, gone = await post.receive(), await post.receive("Second")
    await post.come(old, number=1)
    await post.come(gone, number=2)
    await post.service.database(Store.delete_messages, [gone.id], NOW)
    post.service.now += replies.DAYS * 86400 + 1
    await post.round()
    assert await post.sent() == []
    assert sorted((await post.alerts()).values()) == [
        f"Your answer to event {old.id} was not sent as an SMS: What it answers is older than 90 days.",
        f"Your answer to event {gone.id} was not sent as an SMS: What it answers was deleted.",
    ]


# -- left to wait -----------------------------------------------------------------------------------------------------


async def test_more_than_the_rate_waits_in_the_mailbox(post: Post) -> None:
    post.reader = build(replace(post.account, rate=2), post.service.world())
    event = await post.receive()
    names = [await post.come(event, str(number), number) for number in range(3)]
    assert await post.round() == 60
    assert len(await post.sent()) == 2
    assert [post.seen(name) for name in names].count(True) == 2
    assert post.said == ["More than 2 answers within an hour."]
    post.service.now += 3601
    await post.round()
    assert len(await post.sent()) == 3
    assert all(map(post.seen, names))
    assert post.said == []


async def test_without_a_dongle_answers_wait(post: Post) -> None:
    event = await post.receive()
    sender = post.service.dongles.pop("stick")
    name = await post.come(event)
    await post.round()
    assert (post.said, post.seen(name)) == (["No dongle is configured."], False)
    post.service.dongles["stick"] = sender
    await post.round()
    assert (await post.sent(), post.said) == ([(ANN, "Yes")], [])


async def test_a_store_that_is_full_loses_nothing(post: Post, monkeypatch: Any) -> None:
    event = await post.receive()
    names = [await post.come(event, str(number), number) for number in range(2)]
    send, calls = post.service.outbox.send, 0

    async def full(*args: Any, **options: Any) -> Message:
        nonlocal calls
        calls += 1
        if calls == 2:
            raise StoreFull("The disk is full.")
        return await send(*args, **options)

    monkeypatch.setattr(post.service.outbox, "send", full)
    assert await post.round() == 30
    assert [post.seen(name) for name in names].count(True) == 1
    await post.round()
    assert len(await post.sent()) == 2


async def test_a_server_that_is_away_is_asked_less_often(post: Post, monkeypatch: Any) -> None:
    async def away(_question: Any) -> Found:
        raise MailboxError("The server did not answer in time.", owners=len(pauses) > 2)

    monkeypatch.setattr(mailbox_process, "ask", away)
    pauses: list[float] = []
    for _ in range(8):
        pauses.append(await post.round())
    assert pauses == [120, 240, 480, 960, 1920, 3600, 3600, 3600]
    (problem,) = post.service.said.all()
    assert problem.where == "mailbox me"


# -- how far it was read ----------------------------------------------------------------------------------------------


async def test_the_next_question_begins_where_the_last_ended(post: Post, monkeypatch: Any) -> None:
    asked: list[tuple[str, int]] = []
    answers = [Found((), "5", 8, True), Found((), "5", 9), Found((), "6", 2)]

    async def ask(question: Any) -> Found:
        asked.append((question["validity"], question["after"]))
        return answers[min(len(asked), len(answers)) - 1]

    monkeypatch.setattr(mailbox_process, "ask", ask)
    assert [await post.round() for _ in range(2)] == [2, 60]
    again = build(post.account, post.service.world())  # a restart: the second answer was not worth a write to flash
    for _ in range(3):
        await again._round()
    assert asked == [("", 0), ("5", 8), ("5", 8), ("6", 2), ("6", 2)]
    moved = build(replace(post.account, path="/etc/homeline/other"), post.service.world())
    await moved._round()
    assert asked[-1] == ("", 0)


async def test_what_was_read_is_kept_where_an_answer_was_taken_or_time_has_passed(post: Post, monkeypatch: Any) -> None:
    event = await post.receive()
    token = replies.in_addresses(ADDRESS, await post.address(event))[0]
    answers = [Found((), "5", 1), Found((), "5", 2), Found((Mail("3", token, OWNER, "", False, "Yes", ""),), "5", 3)]

    async def ask(question: Any) -> Found:
        return Found() if question.get("mark") else answers.pop(0)

    async def kept() -> str:
        return (await post.service.database(Store.setting, "mailbox me") or "").partition(" ")[2]

    monkeypatch.setattr(mailbox_process, "ask", ask)
    found = []
    for _ in range(3):
        await post.round()
        found.append(await kept())
    assert found == ["5 1", "5 1", "5 3"]
    monkeypatch.setattr(mailbox, "KEPT_EVERY", 0)
    answers.append(Found((), "5", 4))
    await post.round()
    assert await kept() == "5 4"


async def test_another_sections_answer_in_the_same_folder_is_left_to_it(post: Post) -> None:
    event = await post.receive()
    other = replace(post.account, name="other")
    post.service.context.config = replace(CONFIG, mailboxes=(post.account, other))
    invitation = await build(other, post.service.world()).invitation(event)
    assert invitation is not None
    name = await post.come(event, to=invitation.address)
    await post.round()
    assert (await post.alerts(), post.seen(name)) == ({}, False)
    await build(other, post.service.world())._round()
    assert (await post.sent(), post.seen(name)) == ([(ANN, "Yes")], True)


async def test_what_could_not_be_taken_is_asked_for_again(post: Post, monkeypatch: Any) -> None:
    event = await post.receive()
    token = replies.in_addresses(ADDRESS, await post.address(event))[0]
    asked = []

    async def ask(question: Any) -> Found:
        asked.append(question["after"])
        return Found((Mail("8", token, OWNER, "<1@x>", False, "Yes", ""),), "5", 8)

    monkeypatch.setattr(mailbox_process, "ask", ask)
    sender = post.service.dongles.pop("stick")
    await post.round()
    post.service.dongles["stick"] = sender
    await post.round()
    assert asked == [0, 0, 0]  # twice to read, once to mark
    assert len(await post.sent()) == 1


# -- the section ------------------------------------------------------------------------------------------------------


async def test_it_invites_while_it_runs(post: Post) -> None:
    world = post.service.world()
    reader = MailboxReader(post.account, world)
    task = asyncio.ensure_future(reader.run())
    await asyncio.sleep(0)
    assert world.replies["me"] == reader.invitation
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    assert world.replies == {}


def test_an_address_that_is_too_long_for_a_token(tmp_path: Path) -> None:
    world = Service(tmp_path).world()
    long = Mailbox("me", address="x" * 40 + "@home.example")
    with pytest.raises(ConfigError, match="too long"):
        build(long, world)
    assert build(replace(long, plus=False), world)


def test_texts_that_can_be_sent() -> None:
    assert wrong("x" * 1530) == ""
    assert mailbox.MINUTE == 60


def test_what_the_page_says_is_so() -> None:
    words = " ".join((Path(__file__).parents[2] / "docs/replies.md").read_text().split())
    for claim in (
        f"for {replies.DAYS} days",
        f"At most {replies.MAX_PARTS} SMS",
        f"reads {question.BODY_LIMIT // 1024} kB of a mail at most",
        f"It has {mailbox_process.TIMEOUT / 60:.0f} minutes".replace("2", "two"),
        f"{imap.TIMEOUT:.0f} seconds for each answer of the server and {question.PATIENCE} for each mail",
        f"pauses that grow to {'an hour' if mailbox.LONGEST_PAUSE == 3600 else '?'}",
    ):
        assert claim in words
