"""What happened at Twilio, into a real store."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from homeline.adapters.store import Store
from homeline.config import Config
from homeline.core import twilio_events
from homeline.core.twilio_events import Ended, Happened, Recorded, Spoken, Text
from homeline.errors import StoreFull
from homeline.model import Event, EventKind
from homeline.service.calls import Calls
from homeline.service.inbox import Inbox
from homeline.service.outside import WORDS, Outside
from homeline.service.voicemail import Voicemail
from hostile import HOSTILE
from service.kit import ANN, CONFIG, NOW, Service

OURS = "+15005550006"
SID = "1b" * 16
TEXT = Text(f"SM{SID}", ANN, OURS, "hello", 0)
ENDED = Ended(f"CA{SID}", "in", "missed", ANN, OURS, NOW - 5)
RECORDED = Recorded(f"RE{SID}", f"CA{SID}", ANN, OURS, NOW - 60, 7)
SPOKEN = Spoken(f"TR{SID}", f"RE{SID}", "call me back")
SOUND = b"\xff\xfb" + b"s" * 28_000


class House:
    def __init__(self, service: Service) -> None:
        self.service = service
        context, paths = service.context, service.paths
        calls = Calls(context)
        self.voicemail = Voicemail(context, paths, service.alerts, calls)
        self.outside = Outside(context, paths, Inbox(context), calls, self.voicemail, service.said.say)
        self.spool = paths.webhook_files
        self.spool.mkdir(parents=True)

    async def tell(self, event: Happened) -> dict[str, Any]:
        return dict(await self.outside.handle(twilio_events.to_json(event)))

    def fetched(self, event: Recorded, sound: bytes = SOUND) -> None:
        (self.spool / event.file).write_bytes(sound)

    async def deliveries(self) -> list[tuple[Any, Event]]:
        """Those that are due now."""
        found: list[tuple[Any, Event]] = await self.service.database(Store.due_deliveries, self.service.now)
        return found

    async def calls(self) -> list[Any]:
        page = await self.service.database(Store.list_calls)
        return page.calls


@asynccontextmanager
async def living(folder: Path, config: Config = CONFIG) -> AsyncIterator[House]:
    async with Service(folder, config) as service:
        yield House(service)


async def test_a_text_is_in_the_inbox_once(tmp_path: Path) -> None:
    async with living(tmp_path) as house:
        for _ in range(3):
            assert await house.tell(TEXT) == {"ok": True}
        (told,) = house.service.of("message.received")
        assert (told["peer"], told["text"], "dongle" in told) == (ANN, "hello", False)
        assert OURS in told["note"]
        ((_, event),) = await house.deliveries()
        assert event.text == "hello"


async def test_a_text_is_not_answered_by_the_sim(tmp_path: Path) -> None:
    from homeline.config_automatic import AutoReply

    answering = replace(CONFIG, auto_replies=(AutoReply("away", text="I am away"),))
    async with living(tmp_path, answering) as house:
        await house.tell(TEXT)
        assert {delivery.rule for delivery, _ in await house.deliveries()} == {"all"}


async def test_a_text_that_was_deleted_does_not_come_back(tmp_path: Path) -> None:
    async with living(tmp_path) as house:
        await house.tell(TEXT)
        (told,) = house.service.of("message.received")
        await house.service.database(Store.delete_messages, [told["id"]], NOW)
        assert await house.tell(TEXT) == {"ok": True}
        assert len(house.service.of("message.received")) == 1


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE.keys())
async def test_hostile_texts(tmp_path: Path, text: str) -> None:
    async with living(tmp_path) as house:
        assert await house.tell(replace(TEXT, text=text, sender=text[:64], recipient=text[:64])) == {"ok": True}
        assert await house.tell(replace(ENDED, caller=text[:64], called=text[:64], reason=text)) == {"ok": True}
        assert len(await house.deliveries()) == 2


async def test_a_call_is_in_the_log_once(tmp_path: Path) -> None:
    async with living(tmp_path) as house:
        for _ in range(3):
            assert await house.tell(ENDED) == {"ok": True}
        (call,) = await house.calls()
        assert (call.peer, call.dialled, str(call.state), call.unread, call.line) == (
            ANN,
            OURS,
            "missed",
            True,
            "twilio",
        )
        assert len(house.service.of("call.missed")) == 1


async def test_an_outgoing_call(tmp_path: Path) -> None:
    async with living(tmp_path) as house:
        out = Ended(f"CA{SID}", "out", "answered", "alice", "0791112233", NOW, 61)
        assert await house.tell(out) == {"ok": True}
        (call,) = await house.calls()
        assert (call.peer, call.through, call.started_at, call.answered_at) == (ANN, "alice", NOW - 61, NOW - 61)


async def test_what_is_told_cannot_be_read(tmp_path: Path) -> None:
    async with living(tmp_path) as house:
        for question in (None, [], {}, {"event": "message"}, {**twilio_events.to_json(ENDED), "ended_at": 2**70}):
            answer = await house.outside.handle(question)
            assert answer["never"] is True
        for state in ("direction", "state"):
            answer = await house.outside.handle({**twilio_events.to_json(ENDED), state: "other"})
            assert "ok" not in answer


async def test_a_full_disk_is_told_and_tried_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object, **__: object) -> None:
        raise StoreFull("no space")

    async with living(tmp_path) as house:
        with monkeypatch.context() as patch:
            patch.setattr(Store, "receive", full)
            assert await house.tell(TEXT) == {"error": "no space"}
        assert await house.tell(TEXT) == {"ok": True}


# -- voicemail --------------------------------------------------------------------------------------------------------


async def test_a_message_is_on_flash_and_goes_through_the_rules(tmp_path: Path) -> None:
    async with living(tmp_path) as house:
        house.fetched(RECORDED)
        for _ in range(3):
            assert await house.tell(RECORDED) == {"ok": True}
        (call,) = await house.calls()
        assert (str(call.state), call.peer, call.dialled, call.recording_seconds) == ("voicemail", ANN, OURS, 7)
        assert (house.voicemail.folder / call.recording).read_bytes() == SOUND
        assert call.recording.endswith(".mp3")
        ((_, event),) = await house.deliveries()
        assert event.kind is EventKind.VOICEMAIL
        assert len(house.service.of("voicemail.received")) == 1


async def test_a_recording_that_is_not_fetched_yet(tmp_path: Path) -> None:
    async with living(tmp_path) as house:
        assert "error" in await house.tell(RECORDED)
        assert await house.calls() == []


async def test_a_recording_that_never_came(tmp_path: Path) -> None:
    async with living(tmp_path) as house:
        assert await house.tell(replace(RECORDED, missing="The recording is still at Twilio")) == {"ok": True}
        (call,) = await house.calls()
        assert (str(call.state), call.recording, call.reason) == ("voicemail", "", "The recording is still at Twilio")


async def test_nothing_was_said(tmp_path: Path) -> None:
    async with living(tmp_path) as house:
        house.fetched(RECORDED, b"\xff\xfb")
        assert await house.tell(RECORDED) == {"ok": True}
        (call,) = await house.calls()
        assert (str(call.state), call.recording) == ("missed", "")


async def test_no_room_for_a_recording(tmp_path: Path) -> None:
    small = replace(CONFIG, sip=replace(CONFIG.sip, voicemail_quota=1))
    async with living(tmp_path, small) as house:
        first, second = RECORDED, replace(RECORDED, sid=f"RE{'2c' * 16}")
        for event in (first, second):
            house.fetched(event, b"\xff\xfb" + b"s" * 700_000)
        assert await house.tell(first) == {"ok": True}
        assert "error" in await house.tell(second)
        (call,) = await house.calls()
        await house.service.database(Store.mark_read, [call.id])
        assert await house.tell(second) == {"ok": True}


@pytest.mark.parametrize("when", [0, NOW + 10**6])
async def test_a_time_that_cannot_be(tmp_path: Path, when: int) -> None:
    async with living(tmp_path) as house:
        house.fetched(RECORDED)
        assert await house.tell(replace(RECORDED, started_at=when)) == {"ok": True}
        assert (await house.calls())[0].started_at == NOW


async def test_the_power_fails_between_flash_and_store(tmp_path: Path) -> None:
    """The recording becomes the message of an unknown caller, and not a second one when Twilio asks again."""
    async with living(tmp_path) as house:
        house.fetched(RECORDED)
        await house.voicemail.take(RECORDED.file, RECORDED.started_at, f"twilio-{RECORDED.sid}", house.spool)
        await house.voicemail.orphans()
        assert await house.tell(RECORDED) == {"ok": True}
        assert len(await house.calls()) == 1


async def test_words_that_come_soon_go_out_with_the_message(tmp_path: Path) -> None:
    async with living(tmp_path) as house:
        event = replace(RECORDED, transcribed=True)
        house.fetched(event)
        assert "error" in await house.tell(SPOKEN)  # words before the message: again later
        assert await house.tell(event) == {"ok": True}
        assert await house.deliveries() == []
        wakes = house.service.wakes
        assert await house.tell(SPOKEN) == {"ok": True}
        assert house.service.wakes == wakes + 1
        ((_, due),) = await house.deliveries()
        assert due.text == "call me back"
        assert await house.tell(SPOKEN) == {"ok": True}
        assert len(await house.deliveries()) == 1


async def test_words_that_do_not_come_hold_up_nothing_for_long(tmp_path: Path) -> None:
    async with living(tmp_path) as house:
        event = replace(RECORDED, transcribed=True)
        house.fetched(event)
        await house.tell(event)
        house.service.now += WORDS
        ((_, due),) = await house.deliveries()
        assert due.text == ""


async def test_no_words_free_the_message_at_once(tmp_path: Path) -> None:
    async with living(tmp_path) as house:
        event = replace(RECORDED, transcribed=True)
        house.fetched(event)
        await house.tell(event)
        assert await house.tell(replace(SPOKEN, text="")) == {"ok": True}
        assert len(await house.deliveries()) == 1


async def test_words_that_come_late_go_out_after_the_message(tmp_path: Path) -> None:
    async with living(tmp_path) as house:
        event = replace(RECORDED, transcribed=True)
        house.fetched(event)
        await house.tell(event)
        house.service.now += WORDS
        ((first, _),) = await house.deliveries()
        await house.service.database(Store.delivery_done, first.id, house.service.now)
        assert await house.tell(SPOKEN) == {"ok": True}
        ((second, due),) = await house.deliveries()
        assert (second.revision, due.text) == (first.revision + 1, "call me back")


async def test_quiet_hours_stay(tmp_path: Path) -> None:
    """Words do not free what the owner's quiet hours hold."""
    async with living(tmp_path) as house:
        later = NOW + 8 * 3600
        context = house.service.context
        plan = type(context).plan

        def held(self: Any, event: Event) -> Any:
            return [replace(wanted, hold_until=later) for wanted in plan(self, event)]

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(type(context), "plan", held)
            event = replace(RECORDED, transcribed=True)
            house.fetched(event)
            await house.tell(event)
            await house.tell(SPOKEN)
        assert await house.deliveries() == []
        house.service.now = later
        assert len(await house.deliveries()) == 1


async def test_words_about_a_message_that_was_deleted(tmp_path: Path) -> None:
    async with living(tmp_path) as house:
        house.fetched(RECORDED)
        await house.tell(RECORDED)
        (call,) = await house.calls()
        await house.service.database(Store.delete_messages, [call.id], NOW)
        assert await house.tell(SPOKEN) == {"ok": True}


async def test_the_socket_is_there_while_it_is_wanted(tmp_path: Path) -> None:
    from homeline.webhook.daemon import NotTaken, tell

    async with living(tmp_path) as house:
        await house.outside.apply(wanted=True)
        await house.outside.apply(wanted=True)
        path = house.service.paths.webhook_socket
        await tell(path, twilio_events.to_json(TEXT))
        with pytest.raises(NotTaken) as refused:
            await tell(path, {"event": "other"})
        assert refused.value.never
        await house.outside.apply(wanted=False)
        with pytest.raises(NotTaken):
            await tell(path, twilio_events.to_json(TEXT))
