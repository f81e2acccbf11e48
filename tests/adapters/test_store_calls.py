"""The call log in the store: once, in one transaction with its deliveries; cheap among many; its recordings."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from adapters.store_kit import ANN, BOB, NOW, nothing, part, plan
from homeline.adapters.store import CLOCK_SET, Store, Unseen
from homeline.errors import NotFound
from homeline.model import Call, CallDirection, CallState, DeliveryState, EventKind

DAY = 86400
IN, OUT = CallDirection.IN, CallDirection.OUT


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    store = Store.open(tmp_path / "homeline.db")
    yield store
    store.close()


def call(uid: str, state: CallState = CallState.MISSED, **fields: Any) -> Call:
    known = Call(0, IN, state, uid, "stick", "home", ANN, ANN, started_at=NOW, ended_at=NOW + 30, cause=16)
    return replace(known, unread=state in (CallState.MISSED, CallState.VOICEMAIL), **fields)


def message(uid: str, size: int = 1000, **fields: Any) -> Call:
    fields = {"recording": f"voicemail-{uid}.wav", "recording_size": size, "recording_seconds": 17} | fields
    return call(uid, CallState.VOICEMAIL, **fields)


def uids(calls: Any) -> list[str]:
    return [item.uid for item in calls]


def test_a_call_comes_back_as_it_was(store: Store) -> None:
    whole = Call(
        *(0, OUT, CallState.ANSWERED, "u1", "stick", "home", ANN, "0791234567", "Ann", "+4100", "desk", "swiss"),
        *(NOW, NOW + 5, NOW + 65, 16, "why", "voicemail-1.wav", 17, 2700, True),
    )
    event = store.add_call(whole, NOW + 70, "beside it", plan)
    assert event is not None
    stored = replace(whole, id=event.id)
    assert event.call == store.get_call(event.id) == stored
    assert store.get_event(event.id) == event
    assert (event.kind, event.at, event.dongle, event.peer, event.text) == (
        EventKind.CALL, NOW + 70, "stick", ANN, "beside it",
    )  # fmt: skip
    ((delivery, due),) = store.due_deliveries(NOW + 70)
    assert (delivery.rule, delivery.channel, due) == ("all", "mail", event)


def test_a_message_is_an_event_of_its_own_kind(store: Store) -> None:
    event = store.add_call(message("u"), NOW, "", plan)
    assert event is not None
    assert event.kind is EventKind.VOICEMAIL
    assert store.get_event(event.id).call == event.call


def test_a_call_is_stored_once_and_does_not_come_back_when_it_was_deleted(store: Store) -> None:
    first = store.add_call(call("u"), NOW, "", plan)
    assert first is not None
    assert store.add_call(call("u"), NOW + 1, "", plan) is None
    assert len(store.list_deliveries()) == 1
    assert store.delete_messages([first.id], NOW) == 1
    assert store.knows_call("u")
    assert store.add_call(call("u"), NOW + 2, "", plan) is None
    assert store.list_deliveries() == []
    assert not store.knows_call("v")


def test_nothing_is_stored_where_the_deliveries_cannot_be(store: Store, tmp_path: Path) -> None:
    store.add_call(call("u0"), NOW, "", plan)
    store._db.execute("DROP TABLE delivery")
    with pytest.raises(Exception, match="delivery"):
        store.add_call(call("u1"), NOW, "", plan)
    assert not store.knows_call("u1")
    assert uids(store.list_calls().calls) == ["u0"]


def test_ids_are_shared_with_messages(store: Store) -> None:
    (receipt,) = store.receive([part("hello")], NOW, nothing)
    event = store.add_call(call("u"), NOW, "", nothing)
    assert receipt.event is not None
    assert event is not None
    assert event.id == receipt.event.id + 1
    assert store.mark_read([receipt.event.id, event.id]) == 2
    assert store.mark_read([receipt.event.id, event.id]) == 0
    assert store.delete_messages([receipt.event.id, event.id, 99], NOW) == 2
    with pytest.raises(NotFound):
        store.get_call(event.id)


def test_half_characters_are_no_reason_to_lose_a_call(store: Store) -> None:
    event = store.add_call(call("u", peer_name="a\ud800b", peer="\udc00", reason="\ud800"), NOW, "\ud800", plan)
    assert event is not None
    assert event.call is not None
    assert store.get_event(event.id).call == event.call
    assert event.call.peer_name == "a\ufffdb"


# -- lists ----------------------------------------------------------------------------------------------------------


def test_filters_and_pages(store: Store) -> None:
    for number in range(4):
        store.add_call(call(f"in {number}", peer=ANN if number % 2 else BOB), NOW, "", nothing)
    store.add_call(call("out", CallState.FAILED, direction=OUT, dongle="other"), NOW, "", nothing)
    store.add_call(message("vm"), NOW, "", nothing)
    assert uids(store.list_calls().calls) == ["vm", "out", "in 3", "in 2", "in 1", "in 0"]
    assert uids(store.list_calls(direction=OUT).calls) == ["out"]
    assert uids(store.list_calls(state=CallState.MISSED, peer=BOB).calls) == ["in 2", "in 0"]
    assert uids(store.list_calls(dongle="other").calls) == ["out"]
    assert uids(store.list_calls(state=CallState.VOICEMAIL, unread=True).calls) == ["vm"]
    first = store.list_calls(limit=2)
    assert (uids(first.calls), first.more, first.unseen) == (["vm", "out"], True, Unseen(4, 1))
    rest = store.list_calls(before=first.calls[-1].id, limit=500)
    assert (uids(rest.calls), rest.more) == (["in 3", "in 2", "in 1", "in 0"], False)
    assert store.list_calls(before=0).calls == []
    assert len(store.list_calls(before=2**80).calls) == 6
    store.mark_read([item.id for item in rest.calls])
    assert uids(store.list_calls(unread=True).calls) == ["vm"]
    assert store.unseen() == Unseen(0, 1)


QUERIES: dict[str, dict[str, Any]] = {
    "all": {},
    "a page in the middle": {"before": 5000},
    "missed": {"state": CallState.MISSED},
    "rare state": {"state": CallState.REFUSED},
    "voicemail, unread": {"state": CallState.VOICEMAIL, "unread": True},
    "unread": {"unread": True},
    "direction": {"direction": OUT},
    "peer": {"peer": ANN},
    "peer that never called": {"peer": "+1"},
    "all at once": {"peer": ANN, "state": CallState.MISSED, "dongle": "stick", "direction": IN, "unread": True},
}


@pytest.mark.parametrize("name", QUERIES)
def test_a_page_reads_few_rows_among_many(store: Store, name: str) -> None:
    """Counted in steps of SQLite's machine, which a slow computer does not change."""
    store._db.execute(
        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 10000) "
        "INSERT INTO call(id, direction, state, uid, dongle, peer, unread) "
        "SELECT i, iif(i % 7, 'in', 'out'), iif(i % 900 = 3, 'refused', iif(i % 2, 'missed', 'answered')), 'u' || i, "
        "'stick', iif(i % 50, 'x' || i, ?), i % 2 AND i > 9000 FROM n",
        (ANN,),
    )
    steps = 0

    def count() -> None:
        nonlocal steps
        steps += 1

    terms = dict(QUERIES[name])
    store.list_calls(**terms, limit=20)
    store._db.set_progress_handler(count, 100)
    store.list_calls(**terms, limit=20)
    store._db.set_progress_handler(None, 100)  # type: ignore[arg-type]
    assert steps < 60, steps  # 40 of them count what is unread


def test_the_old_database_gets_the_tables(tmp_path: Path) -> None:
    from homeline.adapters import store_file, store_schema

    path = tmp_path / "homeline.db"
    opened = store_file.open_file(path, store_schema.MIGRATIONS[:1])
    store_file.close_file(opened, path)
    store = Store.open(path)
    try:
        assert store.add_call(call("u"), NOW, "", plan) is not None
    finally:
        store.close()


# -- recordings -----------------------------------------------------------------------------------------------------


def stored(store: Store, item: Call, *, done: bool | None = None) -> int:
    """Add a call; its delivery done, given up, or (None) none wanted."""
    event = store.add_call(item, NOW, "", nothing if done is None else plan)
    assert event is not None
    if done is not None:
        (delivery,) = store.list_deliveries(event=event.id)
        if done:
            store.delivery_done(delivery.id, NOW)
        else:
            store.delivery_failed(delivery.id, "no", NOW)
    return event.id


def test_room_is_made_by_the_oldest_that_were_heard_of(store: Store) -> None:
    unheard = stored(store, message("1"))
    mailed = stored(store, message("2"), done=True)
    given_up = stored(store, message("3"), done=False)
    pending = store.add_call(message("4"), NOW, "", plan)
    read = stored(store, message("5"))
    store.mark_read([read])
    assert store.recordings_size() == 5000
    assert not store.make_room(2001, "no room")
    assert store.recordings_size() == 5000
    assert store.make_room(1000, "no room")
    assert store.unwanted_recordings() == ["voicemail-2.wav"]
    assert store.make_room(1, "no room")
    assert store.unwanted_recordings() == ["voicemail-2.wav", "voicemail-5.wav"]
    assert (store.get_call(mailed).recording, store.get_call(mailed).reason) == ("", "no room")
    assert store.get_call(mailed).state is CallState.VOICEMAIL
    for kept in (unheard, given_up, pending.id if pending else 0):
        assert store.get_call(kept).recording
    assert store.knows_recording("voicemail-2.wav")
    store.recordings_deleted(["voicemail-2.wav"])
    assert not store.knows_recording("voicemail-2.wav")
    assert store.unwanted_recordings() == ["voicemail-5.wav"]


def test_a_deleted_call_leaves_its_file_to_be_deleted(store: Store) -> None:
    kept, gone = stored(store, message("1")), stored(store, message("2"))
    assert store.knows_recording("voicemail-2.wav")
    assert not store.knows_recording("")
    store.delete_messages([gone], NOW)
    assert store.unwanted_recordings() == ["voicemail-2.wav"]
    assert store.knows_recording("voicemail-2.wav")
    assert store.get_call(kept).recording == "voicemail-1.wav"


def test_retention_takes_calls_with_their_files(store: Store) -> None:
    old = store.add_call(message("old"), NOW - 40 * DAY, "", nothing)
    waits = store.add_call(call("waits"), NOW - 40 * DAY, "", plan)
    new = store.add_call(call("new"), NOW, "", nothing)
    assert old is not None
    assert waits is not None
    assert new is not None
    assert store.purge(NOW, 30) == 1
    assert uids(store.list_calls().calls) == ["new", "waits"]
    assert store.unwanted_recordings() == ["voicemail-old.wav"]
    assert store.list_deliveries(state=DeliveryState.PENDING)[0].event == waits.id


def test_calls_of_before_the_clock_was_set_get_their_date(store: Store) -> None:
    event = store.add_call(call("u", started_at=50, ended_at=80, answered_at=60), 85, "", plan)
    late = store.add_call(call("v"), NOW, "", nothing)
    assert event is not None
    assert late is not None
    store.shift_times(CLOCK_SET)
    shifted = store.get_call(event.id)
    assert (shifted.started_at, shifted.answered_at, shifted.ended_at) == (
        CLOCK_SET + 50, CLOCK_SET + 60, CLOCK_SET + 80,
    )  # fmt: skip
    assert store.get_call(late.id).started_at == NOW
    assert store.get_call(late.id).answered_at is None
    assert store.get_event(event.id).at == CLOCK_SET + 85


def test_the_minutes_of_a_day(store: Store) -> None:
    midnight = NOW
    for uid, begun, ended, rule in (
        ("yesterday", -500, -100, "swiss"),
        ("over midnight", -60, 40, "swiss"),
        ("today", 100, 160, "swiss"),
        ("another", 100, 900, "abroad"),
        ("none", 100, 900, ""),
    ):
        answered = call(uid, CallState.ANSWERED, direction=OUT, rule=rule)
        answered = replace(answered, answered_at=midnight + begun, ended_at=midnight + ended)
        store.add_call(answered, NOW, "", nothing)
    store.add_call(call("unanswered", CallState.FAILED, direction=OUT, rule="swiss", ended_at=NOW + 99), NOW, "", plan)
    assert store.seconds_used("swiss", midnight) == 40 + 60
    assert store.seconds_used("abroad", midnight) == 800
    assert store.seconds_used("", midnight) == 0
    assert store.seconds_used("unheard of", midnight) == 0


def test_a_name_twice_is_told_by_the_database(store: Store) -> None:
    """What makes a call unique is the database's to hold, not only `add_call`'s to look up."""
    store.add_call(call("u"), NOW, "", nothing)
    with pytest.raises(sqlite3.IntegrityError):
        store._db.execute("INSERT INTO call(id, direction, state, uid) VALUES (99, 'in', 'missed', 'u')")
