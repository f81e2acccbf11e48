"""Events, deliveries and alerts."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from adapters.store_kit import NOW, nothing, part, plan
from homeline.adapters.store import Store, Summary
from homeline.adapters.store_deliveries import DROPPED
from homeline.errors import NotFound
from homeline.model import DeliveryState, Event, EventKind, Wanted


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "homeline.db"


@pytest.fixture
def store(path: Path) -> Iterator[Store]:
    store = Store.open(path)
    yield store
    store.close()


def three(event: Event) -> Sequence[Wanted]:
    """Two rules, two channels, and one pair named twice."""
    return [Wanted("one", "mail"), Wanted("one", "mqtt"), Wanted("two", "mail"), Wanted("one", "mail")]


def happened(store: Store, count: int = 1, at: int = NOW) -> list[Event]:
    return [
        store.add_event(EventKind.USSD, at, "home", "*100#", f"balance {n}", {"code": "*100#"}, three)
        for n in range(count)
    ]


def due(store: Store, now: int, *channels: str) -> list[int]:
    return [delivery.id for delivery, _ in store.due_deliveries(now, channels or None)]


def test_events_are_kept_with_their_fields(store: Store) -> None:
    (event,) = happened(store)
    assert store.get_event(event.id) == event
    assert event.fields == {"code": "*100#"}
    plain = store.add_event(EventKind.CALL, NOW, "home", "x\udcffy", "\ud83d", {}, nothing)
    assert (plain.peer, plain.text) == ("x\ufffdy", "\ufffd")
    assert store.get_event(plain.id) == plain
    for unknown in (0, -1, 99, 2**80):
        with pytest.raises(NotFound):
            store.get_event(unknown)


def test_one_delivery_for_each_rule_and_channel(store: Store) -> None:
    (event,) = happened(store)
    found = store.due_deliveries(NOW)
    assert [(d.rule, d.channel, d.created_at, d.next_at) for d, _ in found] == [
        ("one", "mail", NOW, NOW),
        ("one", "mqtt", NOW, NOW),
        ("two", "mail", NOW, NOW),
    ]
    assert all(of == event for _, of in found)
    assert due(store, NOW - 1) == []
    assert due(store, NOW, "mqtt") == [2]
    assert due(store, NOW, "none") == []
    assert [d.id for d, _ in store.due_deliveries(NOW, None, 2)] == [1, 2]


def test_sending_is_not_given_again(path: Path) -> None:
    store = Store.open(path)
    happened(store, 2)
    store.delivery_sending(1, NOW)
    assert due(store, NOW, "mail") == [3, 4, 6]
    assert [d.id for d, _ in store.due_deliveries(NOW, ["mail"], 1)] == [3]
    assert [d.id for d in store.list_deliveries(state=DeliveryState.SENDING)] == [1]
    assert 1 not in [d.id for d in store.list_deliveries(state=DeliveryState.PENDING)]
    store.delivery_sending(2, NOW)
    store.delivery_sending(5, NOW)
    assert store.next_due("mqtt") is None
    store.delivery_released(5)
    assert store.next_due("mqtt") == NOW
    store.close()
    store = Store.open(path)  # a crash: what was being sent waits again
    store.recover(NOW)
    assert due(store, NOW, "mail") == [1, 3, 4, 6]
    store.close()


def test_done(store: Store) -> None:
    happened(store)
    store.delivery_sending(1, NOW)
    store.delivery_done(1, NOW + 2)
    (done,) = store.list_deliveries(state=DeliveryState.DONE)
    assert (done.id, done.attempts, done.done_at, done.error) == (1, 1, NOW + 2, "")
    assert due(store, NOW) == [2, 3]


def test_retry_and_failure(store: Store) -> None:
    happened(store)
    store.delivery_sending(1, NOW)
    store.delivery_retry(1, NOW + 60, "busy \udcff" + "x" * 9999, NOW)
    assert due(store, NOW, "mail") == [3]
    assert store.next_due("mail") == NOW
    assert due(store, NOW + 60, "mail") == [3, 1]  # the longest due first
    store.delivery_failed(1, "refused", NOW + 61)
    store.delivery_done(3, NOW + 61)
    assert store.next_due("mail") is None
    (failed,) = store.list_deliveries(state=DeliveryState.FAILED)
    assert (failed.attempts, failed.error, failed.done_at) == (2, "refused", NOW + 61)


def test_retried_by_the_owner(store: Store) -> None:
    first, second = happened(store, 2)
    for number in range(1, 7):
        store.delivery_failed(number, "refused", NOW)
    store.delivery_done(2, NOW)
    assert due(store, NOW + 9) == []
    assert store.retry_deliveries(NOW + 100, event=first.id) == 2
    assert store.retry_deliveries(NOW + 100, delivery=4) == 1
    assert store.retry_deliveries(NOW + 100, delivery=2) == 0  # it is done
    assert due(store, NOW + 100) == [1, 3, 4]
    assert [d.created_at for d, _ in store.due_deliveries(NOW + 100)] == [NOW + 100] * 3  # a new deadline
    assert second.id == 2
    for unknown in (99, 0, -1, 2**80):
        with pytest.raises(NotFound):
            store.retry_deliveries(NOW, delivery=unknown)
        with pytest.raises(NotFound):
            store.retry_deliveries(NOW, event=unknown)


def test_dropped_by_the_owner(store: Store) -> None:
    happened(store, 2)
    store.delivery_done(1, NOW)
    store.delivery_sending(2, NOW)
    channel = store.list_deliveries(limit=1)[0].channel
    waiting = [d.id for d in store.list_deliveries(channel=channel) if d.state is DeliveryState.PENDING]
    assert store.drop_deliveries(NOW + 5, delivery=1) == 0  # it is done
    assert store.drop_deliveries(NOW + 5, delivery=2) == 0  # it is being sent
    assert store.drop_deliveries(NOW + 5, delivery=3) == 1
    assert store.drop_deliveries(NOW + 5, channel=channel) == len(set(waiting) - {3})
    dropped = store.list_deliveries(state=DeliveryState.FAILED)
    assert {d.id for d in dropped} == {3, *waiting}
    assert {(d.error, d.done_at) for d in dropped} == {(DROPPED, NOW + 5)}
    assert store.drop_deliveries(NOW + 5, channel="nobody' OR '1") == 0
    with pytest.raises(NotFound):
        store.drop_deliveries(NOW, delivery=99)
    assert store.retry_deliveries(NOW + 9, delivery=3) == 1


def test_lists(store: Store) -> None:
    happened(store, 3)
    ids = [d.id for d in store.list_deliveries()]
    assert ids == list(range(9, 0, -1))
    assert [d.id for d in store.list_deliveries(event=2)] == [6, 5, 4]
    assert [d.id for d in store.list_deliveries(rule="two")] == [9, 6, 3]
    assert [d.id for d in store.list_deliveries(channel="mqtt", before=8)] == [5, 2]
    assert [d.id for d in store.list_deliveries(limit=2, before=5)] == [4, 3]
    assert store.list_deliveries(rule="none") == []


def test_how_each_rule_fares(store: Store) -> None:
    assert store.rule_summaries() == {}
    happened(store, 2)
    store.delivery_done(1, NOW + 1)
    store.delivery_retry(2, NOW + 90, "busy", NOW + 2)
    store.delivery_failed(3, "refused", NOW + 3)
    assert store.rule_summaries() == {
        "one": Summary("one", 3, 0, NOW + 1, NOW + 2, "busy"),
        "two": Summary("two", 1, 1, None, NOW + 3, "refused"),
    }


def test_ten_thousand_pending_deliveries_are_fetched_in_small_batches(store: Store) -> None:
    store.receive([part("a", at=NOW + n) for n in range(5000)], NOW, three)
    batch = store.due_deliveries(NOW, ["mail"], 20)
    assert [d.id for d, _ in batch[:3]] == [1, 3, 4]
    assert len(batch) == 20


# -- alerts ---------------------------------------------------------------------------------------------------------


def test_an_alert_is_raised_once(store: Store) -> None:
    alert, new, event = store.raise_alert("disk", "The disk is full.", "Make room.", "critical", "home", NOW, plan)
    assert new
    assert event is not None
    assert (event.kind, event.text, event.dongle) == (EventKind.ALERT, "The disk is full.", "home")
    assert event.fields == {"alert": str(alert.id), "key": "disk", "severity": "critical", "advice": "Make room."}
    again, new, event = store.raise_alert("disk", "Still full.", "Make room.", "critical", "home", NOW + 9, plan)
    assert (again.id, again.text, again.raised_at, new, event) == (alert.id, "Still full.", NOW, False, None)
    assert store.list_alerts() == [again]
    assert len(store.due_deliveries(NOW + 9)) == 1


def test_refreshing_what_did_not_change_writes_nothing(store: Store) -> None:
    store.raise_alert("disk", "Full.", "", "warning", "", NOW, plan)
    before = store._db.total_changes
    store.raise_alert("disk", "Full.", "", "warning", "", NOW + 1, plan)
    assert store._db.total_changes == before


def test_an_alert_that_was_cleared_is_raised_anew(store: Store) -> None:
    first, _, _ = store.raise_alert("disk", "Full.", "", "warning", "", NOW, plan)
    cleared = store.clear_alert("disk", NOW + 1)
    assert cleared is not None
    assert (cleared.id, cleared.cleared_at) == (first.id, NOW + 1)
    assert store.clear_alert("disk", NOW + 2) is None
    assert store.list_alerts() == []
    second, new, _ = store.raise_alert("disk", "Full.", "", "warning", "", NOW + 3, plan)
    assert new
    assert [alert.id for alert in store.list_alerts(open_only=False)] == [second.id, first.id]


def test_acknowledged(store: Store) -> None:
    alert, _, _ = store.raise_alert("disk", "Full.", "", "warning", "", NOW, plan)
    assert not alert.acknowledged
    store.acknowledge_alert(alert.id)
    assert store.list_alerts()[0].acknowledged is True
    assert store.raise_alert("disk", "Full.", "", "warning", "", NOW + 1, plan)[1] is False
    for unknown in (0, -1, 99, 2**80):
        with pytest.raises(NotFound):
            store.acknowledge_alert(unknown)


def test_what_was_acknowledged_does_not_hide_another_failure(store: Store) -> None:
    first, _, _ = store.raise_alert("delivery.me", "Event 1 failed.", "", "warning", "", NOW, plan)
    store.acknowledge_alert(first.id)
    second, new, event = store.raise_alert("delivery.me", "Event 2 failed.", "", "warning", "", NOW + 5, plan)
    assert new
    assert event is not None
    assert store.list_alerts() == [second]
    assert [alert.cleared_at for alert in store.list_alerts(open_only=False)] == [None, NOW + 5]


def test_a_page_of_alerts(store: Store) -> None:
    ids = [store.raise_alert(f"disk{n}", "Full.", "", "warning", "", NOW, plan)[0].id for n in range(5)]
    assert [alert.id for alert in store.list_alerts(limit=2)] == ids[:2:-1]
    assert [alert.id for alert in store.list_alerts(before=ids[3], limit=2)] == [ids[2], ids[1]]
