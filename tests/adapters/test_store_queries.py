"""Lists, searches, marks, retention; and that their cost does not grow with the store."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from adapters.store_kit import ANN, BOB, NOW, SIM, long_text, nothing, part, parts, plan
from homeline.adapters.store import CLOCK_SET, PURGED_AT_ONCE, TOMBSTONE_DAYS, Store
from homeline.errors import NotFound
from homeline.model import Direction, EventKind, Message

DAY = 86400


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    store = Store.open(tmp_path / "homeline.db")
    yield store
    store.close()


def say(store: Store, *texts: str, sender: str = ANN, now: int = NOW) -> None:
    store.receive([part(text, sender=sender, at=now) for text in texts], now, nothing)


def send(store: Store, text: str, peer: str = ANN, dongle: str = "home") -> Message:
    return store.queue_message(dongle, SIM, peer, peer, text, "gsm7", [("00", text)], NOW, False, False)


def listed(messages: object) -> list[str]:
    assert isinstance(messages, list)
    return [message.text for message in messages]


# -- lists ----------------------------------------------------------------------------------------------------------


def test_pages(store: Store) -> None:
    say(store, *(f"text {n}" for n in range(1, 8)))
    first = store.list_messages(limit=3)
    assert (listed(first.messages), first.more, first.unread) == (["text 7", "text 6", "text 5"], True, 7)
    second = store.list_messages(before=first.messages[-1].id, limit=3)
    assert (listed(second.messages), second.more) == (["text 4", "text 3", "text 2"], True)
    third = store.list_messages(before=second.messages[-1].id, limit=3)
    assert (listed(third.messages), third.more) == (["text 1"], False)
    assert store.list_messages(before=1).messages == []
    assert store.list_messages(before=-(2**80)).messages == []
    assert len(store.list_messages(before=2**80).messages) == 7
    assert len(store.list_messages(limit=0).messages) == 1


def test_filters(store: Store) -> None:
    say(store, "from ann")
    say(store, "from bob", sender=BOB)
    send(store, "to ann")
    send(store, "to bob", BOB, "other")
    store.mark_read([1])
    cases: list[tuple[list[str], dict[str, object]]] = [
        (["to bob", "to ann", "from bob", "from ann"], {}),
        (["from bob", "from ann"], {"direction": Direction.IN}),
        (["to bob", "to ann"], {"direction": Direction.OUT}),
        (["to bob"], {"dongle": "other"}),
        (["to ann", "from ann"], {"peer": ANN}),
        (["from bob"], {"unread": True}),
        (["to bob", "to ann", "from bob", "from ann"], {"unread": False}),
        (["to ann", "from ann"], {"text": "ANN"}),
        (["from ann"], {"peer": ANN, "direction": Direction.IN, "dongle": "home", "text": "from"}),
        ([], {"peer": ANN, "unread": True}),
        ([], {"text": "nobody"}),
    ]
    for expected, filters in cases:
        assert listed(store.list_messages(**filters).messages) == expected, filters  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("needle", "found"),
    [
        ("gr\u00fc\u00df", True),
        ("GR\u00dcSS", True),  # ß and SS are one letter without case
        ("GR\u00dcE", False),
        ("100%", True),
        ("1%0", False),
        ("a_b", True),
        ("axb", False),
        ("wow!", True),
        ("\\", True),
        ("'", True),
    ],
)
def test_search_knows_case_and_no_wildcards(store: Store, needle: str, found: bool) -> None:
    say(store, "Viele Gr\u00fc\u00dfe, 100% a_b wow! \\ '")
    assert bool(store.list_messages(text=needle).messages) is found
    assert bool(store.list_conversations(text=needle).conversations) is found


def test_unknown_messages(store: Store) -> None:
    for unknown in (0, -1, 5, 2**80):
        with pytest.raises(NotFound):
            store.get_message(unknown)


# -- conversations --------------------------------------------------------------------------------------------------


def conversations(store: Store, **filters: object) -> list[tuple[str, str, int, int]]:
    page = store.list_conversations(**filters)  # type: ignore[arg-type]
    return [(c.peer, c.last.text, c.unread, c.count) for c in page.conversations]


def test_conversations(store: Store) -> None:
    say(store, "a1", "a2")
    say(store, "b1", sender=BOB)
    assert conversations(store) == [(BOB, "b1", 1, 1), (ANN, "a2", 2, 2)]
    send(store, "a3")
    assert conversations(store) == [(ANN, "a3", 2, 3), (BOB, "b1", 1, 1)]
    assert conversations(store, before=4) == [(BOB, "b1", 1, 1)]
    assert conversations(store, limit=1) == [(ANN, "a3", 2, 3)]
    assert store.list_conversations(limit=1).more
    assert not store.list_conversations(limit=2).more
    assert conversations(store, text="a1") == [(ANN, "a3", 2, 3)]
    assert conversations(store, text=BOB[-5:]) == [(BOB, "b1", 1, 1)]
    store.mark_read(peer=ANN)
    assert conversations(store) == [(ANN, "a3", 0, 3), (BOB, "b1", 1, 1)]
    store.delete_messages([4], NOW)
    assert conversations(store) == [(BOB, "b1", 1, 1), (ANN, "a2", 0, 2)]
    store.delete_messages([1, 2, 3], NOW)
    assert conversations(store) == []
    assert store.unread() == 0


def test_marking_counts_what_was_unread(store: Store) -> None:
    say(store, "a", "b", "c")
    say(store, "d", sender=BOB)
    assert store.mark_read([1, 1, 99, 0, -5, 2**80]) == 1
    assert store.mark_read([1]) == 0
    assert store.mark_read([2], ANN) == 2
    assert store.unread() == 1


# -- retention ------------------------------------------------------------------------------------------------------


def purge_all(store: Store, now: int, days: int) -> int:
    total = 0
    while count := store.purge(now, days):
        total += count
    return total


def test_what_is_old_goes(store: Store) -> None:
    say(store, "old", now=NOW - 11 * DAY)
    store.add_event(EventKind.USSD, NOW - 11 * DAY, "home", "", "old", {}, nothing)
    say(store, "young", now=NOW - 9 * DAY)
    assert purge_all(store, NOW, 0) == 0
    assert purge_all(store, NOW, 10) == 2
    assert listed(store.list_messages().messages) == ["young"]
    assert conversations(store) == [(ANN, "young", 1, 1)]
    assert not store.receive([part("old", at=NOW - 11 * DAY)], NOW, plan)[0].new  # it may still lie on the SIM
    store.purge(NOW + TOMBSTONE_DAYS * DAY, 10**4)
    assert not store.receive([part("old", at=NOW - 11 * DAY)], NOW, plan)[0].new  # it was seen there
    store.purge(NOW + (TOMBSTONE_DAYS + 1) * DAY, 10**4)
    assert store.receive([part("old", at=NOW - 11 * DAY)], NOW, plan)[0].new


def test_what_is_unfinished_stays(store: Store) -> None:
    then = NOW - 100 * DAY
    store.receive([part("to be delivered", at=then)], then, plan)
    store.receive([part("archived", at=then + 1)], then, plan, archived=True)
    store.receive(parts(long_text("p", 2), at=then)[:1], then, plan)
    store.queue_message("home", SIM, ANN, ANN, "queued", "gsm7", [("00", "queued")], then, False, False)
    store.raise_alert("disk", "full", "", "warning", "", then, plan)
    assert purge_all(store, NOW, 10) == 0
    assert len(store.expire_parts(NOW, 600, nothing)) == 1
    assert len(store.list_alerts()) == 1
    store.delivery_done(1, NOW)
    store.delivery_done(2, NOW)
    store.clear_alert("disk", then + 1)
    assert purge_all(store, NOW, 10) == 2  # the message and the alert's event
    assert store.list_alerts(open_only=False) == []


def test_a_clock_that_is_not_set_purges_nothing(store: Store) -> None:
    store.receive([part("from 1970")], 5 * DAY, nothing)
    assert purge_all(store, CLOCK_SET - 1, 1) == 0
    assert purge_all(store, NOW, 1) == 0  # nobody knows how old it is
    say(store, "old", now=NOW - 11 * DAY)
    assert purge_all(store, NOW, 10) == 2  # older than this one, that is


def test_purging_is_done_in_small_pieces(store: Store) -> None:
    store.receive([part("a", at=NOW - n) for n in range(PURGED_AT_ONCE + 7)], NOW - 30 * DAY, nothing)
    assert store.purge(NOW, 10) == PURGED_AT_ONCE
    assert store.purge(NOW, 10) == 7
    assert store.purge(NOW, 10) == 0


# -- cost -----------------------------------------------------------------------------------------------------------

Asked = list[tuple[str, tuple[object, ...]]]


@pytest.fixture
def asked(store: Store) -> Asked:
    """Every statement that the store executes, with its values."""
    statements: Asked = []

    class Recording(sqlite3.Connection):
        def execute(self, sql: str, values: object = (), /) -> sqlite3.Cursor:
            statements.append((sql, tuple(values)))  # type: ignore[arg-type]
            return super().execute(sql, values)  # type: ignore[arg-type]

    path = store.path
    store._db.close()
    store._db = sqlite3.connect(path, factory=Recording, isolation_level=None)
    store._db.create_function("has_text", 2, lambda value, needle: needle in value.casefold())
    statements.clear()
    return statements


def plans(store: Store, asked: Asked) -> Iterator[tuple[str, str]]:
    for sql, values in list(asked):
        if re.match(r"\s*(SELECT|INSERT|UPDATE|DELETE)", sql):
            for row in store._db.execute(f"EXPLAIN QUERY PLAN {sql}", values).fetchall():
                yield sql, row[3]


@pytest.mark.parametrize(
    ("filters", "index"),
    [
        ({"direction": Direction.OUT}, "message_direction (direction=? AND rowid>? AND rowid<?)"),
        ({"dongle": "home"}, "message_dongle (dongle=? AND rowid>? AND rowid<?)"),
        ({"peer": ANN}, "message_peer (peer=? AND rowid>? AND rowid<?)"),
        ({"unread": True}, "message_unread (unread=? AND rowid>? AND rowid<?)"),
        ({"direction": Direction.IN, "unread": True, "peer": ANN}, "message_peer (peer=? AND rowid>? AND rowid<?)"),
        ({}, "INTEGER PRIMARY KEY (rowid>? AND rowid<?)"),
    ],
)
def test_each_filter_has_an_index(store: Store, asked: Asked, filters: dict[str, object], index: str) -> None:
    """The page is read from its first row on, and no row that does not belong to it."""
    store.list_messages(before=5, **filters)  # type: ignore[arg-type]
    page = [step for sql, step in plans(store, asked) if "ORDER BY" in sql]
    assert [re.sub(r"^SEARCH message USING (INDEX )?", "", step) for step in page] == [index]


QUICK: list[tuple[str, Callable[[Store], object]]] = [
    ("all", lambda s: s.list_messages()),
    ("before", lambda s: s.list_messages(before=5)),
    ("direction", lambda s: s.list_messages(direction=Direction.OUT, before=5)),
    ("dongle", lambda s: s.list_messages(dongle="home", before=5)),
    ("peer", lambda s: s.list_messages(peer=ANN, before=5)),
    ("unread", lambda s: s.list_messages(unread=True, before=5)),
    ("all of them", lambda s: s.list_messages(Direction.IN, "home", ANN, "", True, 5)),
    ("conversations", lambda s: s.list_conversations(before=5)),
    ("one message", lambda s: s.get_message(1)),
    ("one event", lambda s: s.get_event(1)),
    ("mark", lambda s: s.mark_read([1], ANN)),
    ("due", lambda s: s.due_deliveries(NOW, ["mail"])),
    ("next due", lambda s: s.next_due("mail")),
    ("rules", lambda s: s.rule_summaries()),
    ("next queued", lambda s: s.next_queued("home", NOW)),
    ("next queued at", lambda s: s.next_queued_at("home")),
    ("next expiry", lambda s: s.next_expiry(600)),
    ("expire", lambda s: s.expire_parts(NOW + 600, 600, plan)),
    ("archived", lambda s: s.release_archived("other", NOW, plan, True)),
    ("receive", lambda s: s.receive([part("z"), *parts(long_text("y", 2))], NOW, plan)),
    ("replace", lambda s: s.receive([part("z", pid=0x41)], NOW, plan)),
    ("report", lambda s: s.apply_report(SIM, ANN, 7, "delivered", NOW, NOW, plan)),
    ("delete", lambda s: s.delete_messages([1], NOW)),
    ("alert", lambda s: s.raise_alert("k", "t", "", "warning", "", NOW, plan)),
]
SMALL_SCANS = re.compile(
    # One row for each rule, open parts only, pending or failed deliveries only, and numbers counted from one end.
    r"SCAN (rule_result|opened|\(subquery.*|delivery USING (COVERING )?INDEX delivery_(due|failed)"
    r"|message USING (COVERING )?INDEX message_(open|archived))"
)


@pytest.mark.parametrize(("name", "question"), QUICK, ids=[name for name, _ in QUICK])
def test_nothing_reads_or_sorts_whole_tables(
    store: Store, asked: Asked, name: str, question: Callable[[Store], object]
) -> None:
    say(store, "a", "b")
    store.receive([*parts(long_text("x", 2))[:1], part("c")], NOW, plan)
    send(store, "d")
    asked.clear()
    question(store)
    seen = list(plans(store, asked))
    assert seen
    for sql, step in seen:
        if step.startswith("SCAN") and not SMALL_SCANS.match(step):
            in_order = step in ("SCAN message", "SCAN conversation USING INDEX conversation_last") and "LIMIT" in sql
            assert in_order or "sum(unread) FROM conversation" in sql, f"{step}: {sql}"
        if "TEMP B-TREE" in step:
            # Sorted are a dongle's queue, a sender's open messages, a reference's parts, an event's deliveries, counts
            # by rule, and what is overdue.
            few = (
                "'queued'",
                "joining = ?",
                "part.reference",
                "part.state IN",
                "event = ?",
                "GROUP BY rule",
                "open_since",
            )
            assert any(sign in sql for sign in few), f"{step}: {sql}"
