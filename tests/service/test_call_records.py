"""Asterisk's records into the call log: each once, whatever fails in between; recordings first of all onto flash."""

from __future__ import annotations

import asyncio
import errno
import shutil
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from homeline.adapters import recordings
from homeline.adapters.store import Store, Unseen
from homeline.config import Config
from homeline.config_calls import Line, Outbound, Phone, Sip, Trunk
from homeline.errors import ConnectionLost, StoreError, StoreFull
from homeline.model import Call, CallState, EventKind
from homeline.paths import Paths
from homeline.protocol.ami import Message
from homeline.service import call_records, voicemail, walking
from homeline.service.call_records import CallRecords
from homeline.service.calls import Calls
from homeline.service.voicemail import Voicemail
from homeline.telephony import CALL_ENDED, CALL_STARTED, CALLS_FAMILY
from hostile import HOSTILE
from protocol.test_call_record import b64, written
from service.astdb_kit import AstDb
from service.kit import CONFIG, NOW, Service

CAPTURE = Path(__file__).parents[1] / "captures/asterisk/voicemail.WAV"
KEY = "1800000000.7"
RAW = "1800000000-7-1800000030.WAV"
LINES = replace(
    CONFIG,
    lines=(Line("home", "stick"),),
    phones=(Phone("desk"),),
    trunks=(Trunk("sky"),),
    outbounds=(Outbound("swiss", via="home"),),
)
LEFT = {"answered": "0", "answered_by": "", "status": "NOANSWER", "recording": RAW}


class Desk:
    """Everything around the records; a new one on the same folder is a daemon that was started again."""

    def __init__(self, service: Service, root: Path, db: AstDb) -> None:
        self.service, self.db = service, db
        self.paths = Paths(root)
        self.paths.recordings.mkdir(parents=True, exist_ok=True)
        calls = Calls(service.context)
        self.voicemail = Voicemail(service.context, self.paths, service.alerts, calls)
        self.records = CallRecords(service.context, db, calls, self.voicemail)

    def recorded(self, raw: str = RAW, size: int = 0) -> Path:
        """Asterisk has recorded a message."""
        path = self.paths.recordings / raw
        shutil.copy(CAPTURE, path)
        if size:
            with path.open("r+b") as file:
                file.truncate(size)
        return path

    async def calls(self) -> list[Call]:
        """The call log, oldest first."""
        return list(reversed((await self.service.database(Store.list_calls, limit=500)).calls))  # type: ignore[call-overload]

    async def flash(self) -> list[str]:
        return [kept.file for kept in recordings.kept_in(self.voicemail.folder)]

    async def deliveries(self) -> int:
        return len(await self.service.database(Store.list_deliveries, limit=500))

    async def settled(self) -> Call:
        """One call with its message, told once in the store, and nothing left in RAM or in Asterisk."""
        assert self.db.records == {}
        assert list(self.paths.recordings.iterdir()) == []
        (call,) = await self.calls()
        assert (call.state, call.recording_seconds, call.recording_size) == (CallState.VOICEMAIL, 1, 2465)
        assert await self.flash() == [call.recording]
        assert (self.voicemail.folder / call.recording).read_bytes() == CAPTURE.read_bytes()
        assert await self.deliveries() == 1
        return call


@asynccontextmanager
async def desk(root: Path, db: AstDb | None = None, config: Config = LINES) -> AsyncIterator[Desk]:
    async with Service(root, config) as service:
        yield Desk(service, root, db or AstDb())


# -- records --------------------------------------------------------------------------------------------------------


async def test_a_record_becomes_a_call_and_goes(tmp_path: Path) -> None:
    async with desk(tmp_path) as at:
        at.db.records[KEY] = written()
        assert await at.records.walk() == 1
        assert at.db.records == {}
        (ended,) = at.service.of("call.ended")
        assert ended == {
            "direction": "in", "state": "answered", "unread": False, "id": 1, "dongle": "stick", "line": "home",
            "peer": "+41791234567", "peer_raw": "0791234567", "name": "Ann", "dialled": "+41790000001",
            "through": "desk", "started_at": NOW, "answered_at": NOW + 5, "ended_at": NOW + 65, "cause": 16,
        }  # fmt: skip
        assert at.service.of("call.missed") == []
        assert await at.deliveries() == 0  # a rule for calls takes missed ones
        assert await at.records.walk() == 0


async def test_a_missed_call_to_a_trunks_own_number_is_one_of_no_dongle(tmp_path: Path) -> None:
    async with desk(tmp_path) as at:
        at.db.records[KEY] = written(line="sky", source="sky", answered="0", answered_by="", status="")
        await at.records.walk()
        (missed,) = at.service.of("call.missed")
        assert (missed["direction"], missed["line"], missed["peer"]) == ("in", "sky", "+41791234567")
        assert "dongle" not in missed
        assert await at.deliveries() == 1


async def test_a_missed_call_is_forwarded_and_told_as_such(tmp_path: Path) -> None:
    async with desk(tmp_path) as at:
        at.db.records[KEY] = written(answered="0", answered_by="", status="NOANSWER")
        await at.records.walk()
        assert at.service.of("call.missed") == at.service.of("call.ended")
        assert at.service.wakes == 1
        (delivery,) = await at.service.database(Store.list_deliveries)
        event = await at.service.database(Store.get_event, delivery.event)
        assert (event.kind, event.peer, event.call and event.call.state) == (
            EventKind.CALL, "+41791234567", CallState.MISSED,
        )  # fmt: skip


async def test_a_record_that_cannot_be_deleted_is_stored_once(tmp_path: Path) -> None:
    async with desk(tmp_path) as at:
        at.db.records[KEY] = written()

        def away(action: str, _fields: dict[str, str]) -> None:
            if action == "DBDel":
                raise ConnectionLost("Asterisk is away")

        at.db.before = away
        with pytest.raises(ConnectionLost):
            await at.records.walk()
        at.db.before = lambda action, fields: None
        assert await at.records.walk() == 0
        assert at.db.records == {}
        assert len(await at.calls()) == 1
        assert len(at.service.of("call.ended")) == 1


async def test_the_same_id_after_a_boot_is_another_call(tmp_path: Path) -> None:
    """A router's clock starts with the same second each time, and with it Asterisk's ids."""
    async with desk(tmp_path) as at:
        for number in ("0791234567", "0797654321"):
            at.db.records["40.0"] = written(number=b64(number))
            await at.records.walk()
        assert [call.peer for call in await at.calls()] == ["+41791234567", "+41797654321"]


@pytest.mark.parametrize("value", ["", "nonsense", "v9,in", written(line="a b"), "v1," * 50_000])
async def test_what_cannot_be_read_is_told_and_holds_up_nothing(tmp_path: Path, value: str) -> None:
    async with desk(tmp_path) as at:
        at.db.records["1.1"], at.db.records[KEY] = value, written()
        assert await at.records.walk() == 2
        assert at.db.records == {}
        bad, good = await at.calls()
        assert (bad.state, bad.unread, good.state) == (CallState.MISSED, True, CallState.ANSWERED)
        assert "cannot be read" in bad.reason
        event = await at.service.database(Store.get_event, bad.id)
        assert event.text == f"1.1 {value[:8192]}"
        assert await at.deliveries() == 1


async def test_a_defect_about_one_record_holds_up_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with desk(tmp_path) as at:
        at.db.records["1.1"], at.db.records[KEY] = written(name=b64("Bob")), written()
        made = call_records.call_log.made

        def faulty(record: Any, *arguments: Any) -> Call:
            if record.name == "Bob":
                raise ZeroDivisionError
            return made(record, *arguments)

        monkeypatch.setattr(call_records.call_log, "made", faulty)
        assert await at.records.walk() == 1
        assert list(at.db.records) == ["1.1"]
        monkeypatch.undo()
        assert await at.records.walk() == 1


async def test_a_store_that_fails_loses_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with desk(tmp_path) as at:
        at.db.records[KEY] = written(**LEFT)
        at.recorded()

        def full(*_arguments: object) -> None:
            raise StoreFull("no space")

        monkeypatch.setattr(Store, "add_call", full)
        with pytest.raises(StoreError):
            await at.records.walk()
        assert list(at.db.records) == [KEY]
        assert [path.name for path in at.paths.recordings.iterdir()] == [RAW]
        monkeypatch.undo()
        assert await at.records.walk() == 1
        await at.settled()


async def test_times_of_before_the_clock_was_set(tmp_path: Path) -> None:
    async with desk(tmp_path) as at:
        at.db.records["40.0"] = written(started="40", answered="45", ended="105")
        await at.records.walk()
        (call,) = await at.calls()
        assert (call.started_at, call.answered_at, call.ended_at) == (NOW - 65, NOW - 60, NOW)


async def test_a_flood_of_refused_calls_does_not_fill_the_flash(tmp_path: Path) -> None:
    async with desk(tmp_path) as at:
        refused = {"direction": "refused", "answered": "0", "status": "", "answered_by": "", "reason": "not_proved"}
        for number in range(100):
            at.db.records[f"1.{number}"] = written(number=b64(f"+{number}"), **refused)
        at.db.records[KEY] = written()
        assert await at.records.walk() == call_records.REFUSED_KEPT + 1
        assert at.db.records == {}
        assert {call.state for call in await at.calls()} == {CallState.REFUSED, CallState.ANSWERED}


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE)
async def test_hostile_names_and_numbers_are_mere_text(tmp_path: Path, text: str) -> None:
    async with desk(tmp_path) as at:
        hostile = b64(text[:1500])
        at.db.records[KEY] = written(number=hostile, name=hostile, dialled=hostile, **LEFT)
        at.recorded()
        assert await at.records.walk() == 1
        call = await at.settled()
        kept = text[:1500].encode("utf-8", "replace").decode()[:256].strip()
        if "\ud800" not in text:
            assert (call.peer_raw, call.peer_name, call.dialled) == (kept, kept, kept)
        assert recordings.is_kept_name(call.recording)


# -- running --------------------------------------------------------------------------------------------------------


def hint(name: str, **fields: str) -> Message:
    return Message((("Event", "UserEvent"), *fields.items(), ("UserEvent", name)))


async def test_it_looks_at_the_start_at_hints_and_at_each_login(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(walking, "BREATH", 0.0)
    async with desk(tmp_path) as at:
        at.db.records["1.1"] = written()
        running = asyncio.create_task(at.records.run())
        await at.service.told_of("call.ended", 1)
        at.db.records["1.2"] = written()
        at.records.hint(hint("Something"))
        at.records.hint(hint(CALL_ENDED, Key="1.2"))
        await at.service.told_of("call.ended", 2)
        at.db.connected = False
        at.records.connected(False)
        at.db.records["1.3"] = written()
        at.records.hint(hint(CALL_ENDED))
        at.db.connected = True
        at.records.connected(True)
        await at.service.told_of("call.ended", 3)
        await asyncio.wait_for(at.records.caught_up(), 5)
        running.cancel()


async def test_it_goes_on_after_asterisk_was_lost_in_the_middle(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(walking, "PAUSE", 0.01)
    async with desk(tmp_path) as at:
        at.db.records["1.1"], at.db.records["1.2"] = written(), written(name=b64("Bob"))
        failures = 3

        def flaky(action: str, _fields: dict[str, str]) -> None:
            nonlocal failures
            if failures and action == "DBDel":
                failures -= 1
                raise ConnectionLost("gone")

        at.db.before = flaky
        running = asyncio.create_task(at.records.run())
        await at.service.told_of("call.ended", 2)
        await asyncio.wait_for(at.records.caught_up(), 5)
        assert at.db.records == {}
        assert len(at.service.of("call.ended")) == 2
        running.cancel()


@pytest.mark.parametrize(
    ("fields", "shown"),
    [
        (
            {"CallerIDNum": "+41791234567", "CallerIDName": "Ann", "Exten": "s", "Line": "home"},
            {"direction": "in", "line": "home", "dongle": "stick", "peer": "+41791234567", "name": "Ann"},
        ),
        ({"CallerIDNum": "<unknown>", "Line": "home"}, {"direction": "in", "line": "home", "dongle": "stick"}),
        ({"CallerIDNum": "+41791234567", "Line": "sky"}, {"direction": "in", "line": "sky", "peer": "+41791234567"}),
        ({"Channel": "PJSIP/desk-1", "Rule": "swiss"}, {"direction": "out", "rule": "swiss", "peer": "+41441112233"}),
        ({"Channel": "PJSIP/desk-1"}, {"direction": "internal", "peer": "+41441112233"}),
        ({"CallerIDNum": "x" * 9999, "Line": "home"}, {"direction": "in", "peer": "x" * 256}),
        ({"Line": "$(reboot)"}, {"direction": "internal"}),
    ],
)
async def test_the_bus_is_told_that_it_rings(tmp_path: Path, fields: dict[str, str], shown: dict[str, str]) -> None:
    async with desk(tmp_path) as at:
        at.records.hint(hint(CALL_STARTED, **fields))
        (started,) = await at.service.told_of("call.started")
        assert {name: started.get(name) for name in shown} == shown
        assert (started["state"], "id" in started) == ("ringing", False)
        assert await at.calls() == []


async def test_a_flood_of_forged_hints_is_cut_short(tmp_path: Path) -> None:
    async with desk(tmp_path) as at:
        for _ in range(500):
            at.records.hint(hint(CALL_STARTED, Channel="PJSIP/desk-1"))
        await at.service.told_of("call.started", call_records.TOLD_AT_ONCE)
        await asyncio.sleep(0)  # the last ones end
        assert len(at.service.of("call.started")) == call_records.TOLD_AT_ONCE
        at.records.hint(hint(CALL_STARTED, Channel="PJSIP/desk-1"))
        await at.service.told_of("call.started", call_records.TOLD_AT_ONCE + 1)


# -- voicemail ------------------------------------------------------------------------------------------------------


async def test_a_message_is_kept_and_forwarded(tmp_path: Path) -> None:
    async with desk(tmp_path) as at:
        at.db.records[KEY] = written(**LEFT)
        at.recorded()
        assert await at.records.walk() == 1
        call = await at.settled()
        assert call.unread
        (received,) = at.service.of("voicemail.received")
        assert (received["recording"], received["seconds"], received["size"]) == (call.recording, 1, 2465)
        assert at.service.of("call.missed") == []
        event = await at.service.database(Store.get_event, call.id)
        assert event.kind is EventKind.VOICEMAIL


class Killed(BaseException):
    """kill -9, as far as a test in one process can have it: nothing catches it."""


def at_copy(monkeypatch: pytest.MonkeyPatch, at: Desk) -> None:
    """The copy has its name, and nobody was told."""
    keep = recordings.keep

    def kill(*arguments: Any) -> None:
        keep(*arguments)
        raise Killed

    monkeypatch.setattr(recordings, "keep", kill)


def half_way(monkeypatch: pytest.MonkeyPatch, at: Desk) -> None:
    """The copy is begun."""

    def kill(_source: int, target: Path) -> int:
        target.write_bytes(b"RIFF")
        raise Killed

    monkeypatch.setattr(recordings, "_copy", kill)


def before_commit(monkeypatch: pytest.MonkeyPatch, at: Desk) -> None:
    def kill(*_arguments: object) -> None:
        raise Killed

    monkeypatch.setattr(Store, "_make_deliveries", kill)


def after_commit(monkeypatch: pytest.MonkeyPatch, at: Desk) -> None:
    async def kill(_self: Voicemail, _raw: str) -> None:
        raise Killed

    monkeypatch.setattr(Voicemail, "let_go", kill)


def before_the_record_goes(monkeypatch: pytest.MonkeyPatch, at: Desk) -> None:
    def kill(action: str, _fields: dict[str, str]) -> None:
        if action == "DBDel":
            raise Killed

    at.db.before = kill


@pytest.mark.parametrize("moment", [half_way, at_copy, before_commit, after_commit, before_the_record_goes])
async def test_a_crash_at_each_step_repeats_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, moment: Callable[[pytest.MonkeyPatch, Desk], None]
) -> None:
    db = AstDb()
    async with desk(tmp_path, db) as at:
        db.records[KEY] = written(**LEFT)
        at.recorded()
        moment(monkeypatch, at)
        with pytest.raises(Killed):
            await at.records.walk()
    monkeypatch.undo()
    db.before = lambda action, fields: None
    async with desk(tmp_path, db) as at:
        await at.records.walk()
        await at.settled()
        await at.records.walk()
        await at.settled()


async def test_a_power_cut_before_the_commit_leaves_a_message_of_nobody(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """RAM is gone with the record and the original; what is on flash is all that is left."""
    async with desk(tmp_path) as at:
        at.db.records[KEY] = written(**LEFT)
        raw = at.recorded()
        at_copy(monkeypatch, at)
        with pytest.raises(Killed):
            await at.records.walk()
        raw.unlink()
    monkeypatch.undo()
    async with desk(tmp_path) as at:
        await at.records.walk()
        call = await at.settled()
        assert (call.peer, call.started_at, call.reason) == ("", NOW, "found after the power had failed")


async def test_recordings_of_a_lost_database_are_shown_and_not_mailed_again(tmp_path: Path) -> None:
    async with desk(tmp_path) as at:
        at.db.records[KEY] = written(**LEFT)
        at.recorded()
        await at.records.walk()
    for path in (tmp_path / "db").iterdir():
        path.unlink()
    async with desk(tmp_path) as at:
        at.service.now = NOW + 3 * 86400
        await at.records.walk()
        (call,) = await at.calls()
        assert (call.state, call.started_at, call.unread) == (CallState.VOICEMAIL, NOW, True)
        assert await at.deliveries() == 0


@pytest.mark.parametrize("gone", ["missing", "short", "link"])
async def test_a_call_without_a_message_is_missed(tmp_path: Path, gone: str) -> None:
    async with desk(tmp_path) as at:
        at.db.records[KEY] = written(**LEFT)
        if gone == "short":
            at.recorded(size=500)
        elif gone == "link":
            (at.paths.recordings / RAW).symlink_to(CAPTURE)
        assert await at.records.walk() == 1
        (call,) = await at.calls()
        assert (call.state, call.recording) == (CallState.MISSED, "")
        assert await at.flash() == []
        assert list(at.paths.recordings.iterdir()) == []


def with_quota(**options: Any) -> Config:
    return replace(LINES, sip=Sip(**options))


async def fill(at: Desk, count: int) -> None:
    """`count` messages in the log."""
    for number in range(count):
        at.recorded(f"{number}.WAV")
        at.db.records[f"1.{number}"] = written(**(LEFT | {"recording": f"{number}.WAV", "name": b64(str(number))}))
    await at.records.walk()
    assert len(await at.flash()) == count


async def test_the_oldest_that_was_heard_of_makes_room(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(voicemail, "MEBIBYTE", 2465)
    async with desk(tmp_path, config=with_quota(voicemail_quota=3)) as at:
        await fill(at, 3)
        first, second, third = await at.calls()
        await at.service.database(Store.mark_read, [second.id])
        assert await at.service.database(Store.unseen) == Unseen(0, 2)
        at.db.records[KEY] = written(**LEFT)
        at.recorded()
        assert await at.records.walk() == 1
        assert await at.flash() == sorted({first.recording, third.recording, (await at.calls())[3].recording})
        gone = (await at.calls())[1]
        assert (gone.recording, gone.state, gone.reason) == ("", CallState.VOICEMAIL, voicemail.GIVEN_UP)
        assert await at.service.database(Store.unwanted_recordings) == []
        assert at.db.records == {}


async def test_where_nobody_has_heard_of_any_it_waits_in_ram(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(voicemail, "MEBIBYTE", 2465)
    async with desk(tmp_path, config=with_quota(voicemail_quota=2)) as at:
        await fill(at, 2)
        at.db.records["1.8"] = written(**LEFT)
        at.db.records["1.9"] = written()
        at.recorded()
        assert await at.records.walk() == 1  # what is behind it is not held up
        assert list(at.db.records) == ["1.8"]
        assert (at.paths.recordings / RAW).exists()
        (raised,) = at.service.of("alert.raised")
        assert raised["key"] == "voicemail.room"
        assert await at.records.walk() == 0
        assert len(at.service.of("alert.raised")) == 1
        await at.service.database(Store.mark_read, [(await at.calls())[0].id])
        assert await at.records.walk() == 1
        assert at.db.records == {}
        assert len(at.service.of("alert.cleared")) == 1


async def test_a_full_disk_keeps_it_in_ram_until_there_is_room(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with desk(tmp_path) as at:
        at.db.records[KEY] = written(**LEFT)
        at.recorded()

        def full(*_arguments: object) -> None:
            raise OSError(errno.ENOSPC, "No space left on device")

        monkeypatch.setattr(recordings, "keep", full)
        assert await at.records.walk() == 0
        assert list(at.db.records) == [KEY]
        (raised,) = at.service.of("alert.raised")
        assert "No space left on device" in raised["text"]
        monkeypatch.undo()
        assert await at.records.walk() == 1
        assert at.db.records == {}
        assert (await at.calls())[0].state is CallState.VOICEMAIL


@pytest.mark.parametrize("place", ["spool", "flash"])
async def test_a_missing_permission_is_said_and_nothing_is_lost(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, place: str
) -> None:
    async with desk(tmp_path) as at:
        at.db.records[KEY] = written(**LEFT)
        at.recorded()

        def denied(*_arguments: object) -> None:
            raise PermissionError(errno.EACCES, "Permission denied")

        monkeypatch.setattr(recordings, "size" if place == "spool" else "keep", denied)
        monkeypatch.setattr(recordings, "found_in", denied)
        for _ in range(2):
            assert await at.records.walk() == 0
        (raised,) = at.service.of("alert.raised")
        assert "Permission denied" in raised["text"]
        assert "group asterisk" in raised["advice"]
        monkeypatch.undo()
        assert await at.records.walk() == 1
        await at.service.told_of("alert.cleared")
        assert at.db.records == {}


async def test_what_asterisk_left_behind_becomes_a_message(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with desk(tmp_path) as at:
        at.recorded()
        await at.records.walk()
        assert await at.calls() == []  # it may still be recorded
        with (at.paths.recordings / RAW).open("ab") as file:
            file.write(b"\0" * 65)
        await at.records.walk()
        monkeypatch.setattr(voicemail, "ORPHANED", 0.0)
        await at.records.walk()
        (call,) = await at.calls()
        assert (call.state, call.peer, call.reason) == (CallState.VOICEMAIL, "", "Asterisk ended before the call did")
        assert list(at.paths.recordings.iterdir()) == []
        await at.records.walk()
        assert len(await at.calls()) == 1


async def test_a_recording_whose_record_waits_is_not_left_behind(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(voicemail, "MEBIBYTE", 1)
    monkeypatch.setattr(voicemail, "ORPHANED", 0.0)
    async with desk(tmp_path) as at:
        at.db.records[KEY] = written(**LEFT)
        at.recorded()
        for _ in range(3):
            assert await at.records.walk() == 0
        assert await at.calls() == []
        assert (at.paths.recordings / RAW).exists()


async def test_a_deleted_call_takes_its_recording_with_it(tmp_path: Path) -> None:
    async with desk(tmp_path) as at:
        at.db.records[KEY] = written(**LEFT)
        at.recorded()
        await at.records.walk()
        call = await at.settled()
        await at.service.database(Store.delete_messages, [call.id], NOW)
        await at.voicemail.sweep()
        assert await at.flash() == []
        assert await at.service.database(Store.unwanted_recordings) == []
        await at.records.walk()
        assert await at.calls() == []


def test_the_family_is_the_dial_plans() -> None:
    assert CALLS_FAMILY == "homeline-call"
