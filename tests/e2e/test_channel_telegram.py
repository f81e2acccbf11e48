"""A message to a Telegram chat and the answer back as SMS, through the whole daemon, whatever is killed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from e2e.kit import Home, living
from homeline.protocol import pdu
from homeline_lab.telegram import OWNER, TOKEN, Failure, Sent, Telegram
from homeline_lab.web import Heard
from hostile import HOSTILE

SENDER = "+41791112233"
EXTRA = f"""
config telegram 'bot'
	list chats '{OWNER}'
	option replies '1'
	option api 'http://127.0.0.1:{{port}}'
	option allow_local '1'

config rule 'chatted'
	list events 'message'
	list channels 'bot'
"""
SECRET = f"""
config telegram 'bot'
	option token '{TOKEN}'
"""


def options(telegram: Telegram) -> dict[str, Any]:
    return {"extra": EXTRA.format(port=telegram.port), "secret": SECRET}


async def shown(telegram: Telegram, text: str) -> Sent:
    """The bot's message with this text."""
    await telegram.until(lambda: any(text in sent.text for sent in telegram.sent))
    return next(sent for sent in telegram.sent if text in sent.text)


async def went_out(home: Home, count: int) -> list[tuple[str, str]]:
    """What the network took, once it is so much."""
    await home.dongle.wait(lambda: len(home.dongle.sent) >= count)
    items = [(each.recipient, pdu.decode(each.pdu)) for each in home.dongle.sent]
    return [(recipient, item.user.text) for recipient, item in items if isinstance(item, pdu.Submit)]


async def test_there_and_back(tmp_path: Path) -> None:
    async with Telegram() as telegram, living(tmp_path, **options(telegram)) as home:
        home.dongle.deliver(HOSTILE["html"], SENDER)
        message = await shown(telegram, HOSTILE["html"])
        assert message.text.startswith(f"SMS from {SENDER}, ")
        telegram.say(OWNER, "Grüezi 🙂", reply_to=message.message)
        assert await went_out(home, 1) == [(SENDER, "Grüezi 🙂")]
        answer = await shown(telegram, "Sent to")
        assert answer.text == f"Sent to {SENDER}."
        log = f"{home.log} {await home.call('status')} {await home.call('get_config')} {home.events.heard}"
        assert TOKEN.partition(":")[2] not in log


async def test_killed_after_the_reply_was_queued_and_before_it_was_confirmed(tmp_path: Path) -> None:
    async with Telegram() as telegram, living(tmp_path, **options(telegram)) as home:
        home.dongle.deliver("hello", SENDER)
        message = await shown(telegram, "hello")

        def confirms(heard: Heard) -> None:
            if heard.path.endswith("/getUpdates") and telegram.pending:
                telegram.server.on_request = None
                telegram.failures.append(Failure("getUpdates", 500, "never heard of it"))
                home.kill()

        home.dongle.unplug()  # or it might be killed while the SMS is sent, which is another story
        await home.until_dongle("absent")
        telegram.server.on_request = confirms
        update = telegram.say(OWNER, "once", reply_to=message.message)
        await home.ended()
        assert [each["update_id"] for each in telegram.pending] == [update]
        home.dongle.replug()
        await home.run()
        await telegram.until(lambda: not telegram.pending)
        assert await went_out(home, 1) == [(SENDER, "once")]
        home.dongle.deliver("marker", SENDER)
        marker = await shown(telegram, "marker")
        telegram.say(OWNER, "twice", reply_to=marker.message)
        assert await went_out(home, 2) == [(SENDER, "once"), (SENDER, "twice")]


async def test_a_reply_that_came_while_the_router_was_off(tmp_path: Path) -> None:
    async with Telegram() as telegram, living(tmp_path, **options(telegram)) as home:
        home.dongle.deliver("hello", SENDER)
        message = await shown(telegram, "hello")
        await home.events.wait("delivery.done", lambda d: d["channel"] == "bot")
        await home.killed()
        telegram.say(OWNER, "later", reply_to=message.message)
        await home.run()
        assert await went_out(home, 1) == [(SENDER, "later")]


async def test_a_stranger_is_refused_and_reported(tmp_path: Path) -> None:
    async with Telegram() as telegram, living(tmp_path, **options(telegram)) as home:
        home.dongle.deliver("hello", SENDER)
        message = await shown(telegram, "hello")
        telegram.say(4711, "send this", sender=4711, reply_to=message.message)
        alert = await home.events.wait("alert.raised", lambda a: a["key"] == "telegram.bot.stranger")
        assert "chat 4711" in alert["text"]
        await telegram.until(lambda: not telegram.pending)
        assert home.dongle.sent == []
        assert {sent.chat for sent in telegram.sent} == {OWNER}


async def test_a_bot_that_two_programs_ask(tmp_path: Path) -> None:
    async with Telegram() as telegram:
        telegram.failures.extend(
            Failure("getUpdates", 409, "Conflict: terminated by other getUpdates") for _ in range(9)
        )
        async with living(tmp_path, **options(telegram)) as home:
            await home.logged("Replies are not heard")
            problems = {each["where"]: each for each in (await home.call("status"))["problems"]}
            assert "Another program asks" in problems["telegram bot"]["advice"]
            home.dongle.deliver("hello", SENDER)  # what goes out is not concerned
            await shown(telegram, "hello")
