"""Phones' texts into the outbox: each once, whatever fails in between. tests/e2e has the phone and Asterisk."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from pathlib import Path

import pytest

from homeline.adapters.store import Store
from homeline.config_calls import Phone, Where
from homeline.errors import ConnectionLost, StoreFull
from homeline.model import Direction, Message
from homeline.protocol import ami
from homeline.service.sip_messages import SipMessages
from homeline.telephony import TEXTED, TEXTS_FAMILY
from protocol.test_sip_record import record
from service.astdb_kit import AstDb
from service.kit import ANN, CONFIG, Sender, Service

PHONES = (Phone("desk", sms=True), Phone("mute"), Phone("far", sms=True, where=Where.TWILIO))
TEXTING = replace(CONFIG, phones=PHONES)


class Db(AstDb):
    """With the phones' texts in it, and those who listen."""

    def __init__(self) -> None:
        super().__init__()
        self.hear: Callable[[ami.Message], None] = lambda message: None
        self.came: Callable[[bool], None] = lambda up: None

    @property
    def texts(self) -> dict[str, str]:
        return self.families.setdefault(TEXTS_FAMILY, {})

    def listen(self, event: str, handler: Callable[[ami.Message], None]) -> Callable[[], None]:
        assert event == "UserEvent"
        self.hear = handler
        return lambda: None

    def on_state(self, handler: Callable[[bool], None]) -> Callable[[], None]:
        self.came = handler
        return lambda: None


class Desk:
    """A daemon's part about texts; a new one on the same service is a daemon that was started again."""

    def __init__(self, service: Service, db: Db) -> None:
        self.service, self.db = service, db
        self.told: list[tuple[str, str, str]] = []
        self.texts = SipMessages(service.context, db, service.outbox, self._tell)

    async def _tell(self, phone: str, sender: str, text: str) -> None:
        self.told.append((phone, sender, text))

    async def sent(self) -> list[Message]:
        page = await self.service.database(Store.list_messages, direction=Direction.OUT, limit=500)
        return list(reversed(page.messages))


@pytest.fixture
async def desk(tmp_path: Path) -> AsyncIterator[Desk]:
    service = Service(tmp_path, TEXTING)
    service.dongles["stick"] = Sender("stick")
    yield Desk(service, Db())
    await service.database.close()


def text(words: str, to: str = ANN, call: str = "1@x") -> str:
    return record(words.encode(), to.encode(), call.encode())


async def test_a_text_is_queued_and_its_record_goes(desk: Desk) -> None:
    desk.db.texts["1"] = text("hello")
    assert await desk.texts.walk() == 1
    (message,) = await desk.sent()
    assert (message.peer, message.text) == (ANN, "hello")
    assert desk.db.texts == {} and desk.told == []
    assert await desk.texts.walk() == 0


@pytest.mark.parametrize("action", ["DBDel", "DBGetTree"])
async def test_a_crash_in_between_doubles_nothing(desk: Desk, action: str) -> None:
    """Asterisk goes away after the SMS was queued, or before; and the daemon is another one afterwards."""

    def breaks(asked: str, fields: dict[str, str]) -> None:
        if asked == action:
            raise ConnectionLost("gone")

    desk.db.texts.update({"1": text("one"), "2": text("two", call="2@x")})
    desk.db.before = breaks
    with pytest.raises(ConnectionLost):
        await desk.texts.walk()
    assert len(await desk.sent()) == (1 if action == "DBDel" else 0)
    desk.db.before = lambda asked, fields: None
    await Desk(desk.service, desk.db).texts.walk()
    assert [message.text for message in await desk.sent()] == ["one", "two"]
    assert desk.db.texts == {}


async def test_a_full_disk_keeps_the_records(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object, **__: object) -> None:
        raise StoreFull("no space")

    desk.db.texts["1"] = text("one")
    with monkeypatch.context() as patch:
        patch.setattr(Store, "queue_message", full)
        with pytest.raises(StoreFull):
            await desk.texts.walk()
    assert len(desk.db.texts) == 1 and desk.told == []
    await desk.texts.walk()
    assert [message.text for message in await desk.sent()] == ["one"]


async def test_what_differs_is_another_text(desk: Desk) -> None:
    """The same request again is nothing; a phone that has no imagination for its Call-IDs loses nothing."""
    desk.db.texts["1"] = text("one")
    await desk.texts.walk()
    desk.db.texts.update({"2": text("one"), "3": text("two"), "4": text("one", to="+41794445566")})
    await desk.texts.walk()
    assert [message.text for message in await desk.sent()] == ["one", "two", "one"]


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (text("hello").replace("v1,desk", "v1,mute"), "may not send SMS"),
        (text("hello").replace("v1,desk", "v1,far"), "may not send SMS"),
        (text("hello").replace("v1,desk", "v1,gone"), "may not send SMS"),
        (text(""), "is empty"),
        (text("hello", to="desk"), "not a telephone number"),
        (text("hello", to="444"), "may not write to that number"),
        (text("hello", to="+"), "not a telephone number"),
        (text("hello") + "A" * 9000, "version"),
    ],
)
async def test_what_is_not_sent_is_said(desk: Desk, value: str, words: str) -> None:
    desk.db.texts["1"] = value
    await desk.texts.walk()
    assert await desk.sent() == [] and desk.db.texts == {}
    assert [words in said for _, _, said in desk.told] == ([] if words == "version" else [True])


async def test_a_phone_is_held_to_its_rate(desk: Desk) -> None:
    desk.service.context.config = replace(TEXTING, phones=(Phone("desk", sms=True, sms_rate=3),))
    desk.db.texts.update({str(number): text(f"{number}", call=f"{number}@x") for number in range(5)})
    await desk.texts.walk()
    assert len(await desk.sent()) == 3
    assert [said for _, _, said in desk.told] == ["Not sent: this phone has sent 3 in an hour."] * 2


@pytest.mark.parametrize("to", ["+33612345678", "079 111 22 34"])
async def test_the_numbers_that_a_phone_may_write_to(desk: Desk, to: str) -> None:
    desk.service.context.config = replace(TEXTING, phones=(Phone("desk", sms=True, sms_to=("+4179111*", "444")),))
    desk.db.texts.update({"1": text("hello", to=to), "2": text("hi", to="444")})
    await desk.texts.walk()
    sent = [message.peer for message in await desk.sent()]
    assert sent == (["444"] if to.startswith("+33") else ["+41791112234", "444"])


async def test_an_answer_goes_by_the_dongle_of_the_conversation(desk: Desk) -> None:
    service = desk.service
    both = (CONFIG.dongles[0], replace(CONFIG.dongles[0], name="other"))
    service.dongles["other"] = Sender("other")
    service.context.config = replace(TEXTING, dongles=both)
    await service.outbox.send(ANN, "first", "other")
    desk.db.texts["1"] = text("second")
    await desk.texts.walk()
    assert [(message.text, message.dongle) for message in await desk.sent()] == [
        ("first", "other"),
        ("second", "other"),
    ]
    service.context.config = replace(TEXTING, dongles=both, phones=(Phone("desk", sms=True, sms_dongle="stick"),))
    desk.db.texts["2"] = text("third", call="3@x")
    await desk.texts.walk()
    assert (await desk.sent())[-1].dongle == "stick"


async def test_a_hint_or_a_login_is_enough(desk: Desk) -> None:
    work = asyncio.create_task(desk.texts.run())
    try:
        for hint in ("event", "login"):
            desk.db.texts[hint] = text(hint)
            if hint == "event":
                desk.db.hear(ami.Message((("Event", "UserEvent"), ("UserEvent", TEXTED))))
            else:
                desk.db.came(True)
            async with asyncio.timeout(10):
                while desk.db.texts:
                    await asyncio.sleep(0.01)
    finally:
        work.cancel()
    assert len(await desk.sent()) == 2
