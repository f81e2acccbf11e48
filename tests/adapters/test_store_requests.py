"""What was asked for is done once, across restarts; and an answer finds its event."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

import pytest

from adapters.store_kit import NOW
from homeline.adapters.store import Store
from homeline.adapters.store_requests import Limit
from homeline.errors import LimitReached, NotFound
from homeline.model import Message

DAY = 86400


def queue(store: Store, text: str, request: tuple[str, str] | None, now: int = NOW) -> Message:
    parts = [("00", text)]
    return store.queue_message("home", "sim", "+41791234567", "079", text, "gsm7", parts, now, request=request)


def test_a_repeated_request_is_the_first_message(tmp_path: Path) -> None:
    with closing(Store.open(tmp_path / "s.db")) as store:
        first = queue(store, "one", ("mqtt:a", "7"))
        assert queue(store, "other words", ("mqtt:a", "7")) == first
        assert queue(store, "two", ("mqtt:b", "7")).id > first.id
        assert queue(store, "three", None).id > first.id
    with closing(Store.open(tmp_path / "s.db")) as store:
        assert queue(store, "one", ("mqtt:a", "7")).id == first.id
        assert store.request_result("mqtt:a", "7") == str(first.id)
        assert store.request_result("mqtt:a", "8") is None


def test_a_request_whose_message_was_deleted_is_not_sent_again(tmp_path: Path) -> None:
    with closing(Store.open(tmp_path / "s.db")) as store:
        first = queue(store, "one", ("mqtt:a", "7"))
        store.delete_messages([first.id], NOW)
        with pytest.raises(NotFound):
            queue(store, "one", ("mqtt:a", "7"))


def test_what_was_asked_for_before_the_clock_was_set_is_not_done_again(tmp_path: Path) -> None:
    with closing(Store.open(tmp_path / "s.db")) as store:
        first = queue(store, "one", ("mqtt:a", "7"), now=100)
        store.add_reference("telegram", "1:2", first.id, 100)
        assert queue(store, "two", ("mqtt:a", "8")).id > first.id  # the clock is right by now
        assert queue(store, "one", ("mqtt:a", "7")).id == first.id
        store.add_reference("telegram", "1:3", first.id, NOW)
        assert store.referenced_event("telegram", "1:2") == first.id
        later = NOW + 91 * DAY
        assert store.add_request("mqtt:a", "9", later)
        assert store.request_result("mqtt:a", "7") is None  # from then on it is as old as any other


def test_other_requests_are_remembered_too(tmp_path: Path) -> None:
    with closing(Store.open(tmp_path / "s.db")) as store:
        assert store.add_request("mqtt:a", "1", NOW, "done")
        assert not store.add_request("mqtt:a", "1", NOW, "again")
        assert store.request_result("mqtt:a", "1") == "done"


def test_old_requests_and_references_are_forgotten(tmp_path: Path) -> None:
    with closing(Store.open(tmp_path / "s.db")) as store:
        store.add_request("a", "1", NOW)
        store.add_reference("a", "1", 5, NOW)
        later = NOW + 91 * DAY
        store.add_request("a", "2", later)
        store.add_reference("a", "2", 6, later)
        assert store.request_result("a", "1") is None
        assert store.request_result("a", "2") == ""
        assert store.referenced_event("a", "1") is None
        assert store.referenced_event("a", "2") == 6


def test_a_reference_is_a_channels_own(tmp_path: Path) -> None:
    with closing(Store.open(tmp_path / "s.db")) as store:
        store.add_reference("telegram", "10", 5, NOW)
        store.add_reference("telegram", "10", 6, NOW)
        assert store.referenced_event("telegram", "10") == 6
        assert store.referenced_event("other", "10") is None


def texted(store: Store, request: str, now: int, *limits: Limit) -> Message:
    parts = [("00", "hello")]
    return store.queue_message(
        "home", "sim", "+41791234567", "079", "hello", "gsm7", parts, now, request=("answer", request), limits=limits
    )


def test_limits_are_counted_with_the_message_and_outlast_a_restart(tmp_path: Path) -> None:
    sender, daily = Limit("sender", 3600, 1, "answered lately"), Limit("daily", DAY, 2, "enough for today")
    with closing(Store.open(tmp_path / "s.db")) as store:
        first = texted(store, "1", NOW, sender, daily)
        assert texted(store, "1", NOW, sender, daily) == first  # the same request counts nothing
        with pytest.raises(LimitReached, match="answered lately"):
            texted(store, "2", NOW + 3599, daily, sender)
        assert store.last_done("daily") == (NOW, 1)  # what was refused is not counted
    with closing(Store.open(tmp_path / "s.db")) as store:
        with pytest.raises(LimitReached):
            texted(store, "3", NOW + 3599, sender, daily)
        texted(store, "4", NOW + 3600, sender, daily)
        with pytest.raises(LimitReached, match="enough"):
            texted(store, "5", NOW + 7200, sender, daily)
        assert store.last_done("sender") == (NOW + 3600, 1)
        texted(store, "6", NOW + DAY, sender, daily)
        assert store.request_result("answer", "5") is None
        assert [message.id for message in store.list_messages().messages] == [first.id + 2, first.id + 1, first.id]


def test_a_limit_that_a_wrong_clock_began_does_not_last_for_decades(tmp_path: Path) -> None:
    with closing(Store.open(tmp_path / "s.db")) as store:
        store.use_limits([Limit("x", DAY, 1, "no")], NOW + 1000 * DAY)
        with pytest.raises(LimitReached):
            store.use_limits([Limit("x", DAY, 1, "no")], NOW + 999 * DAY + 1)
        store.use_limits([Limit("x", DAY, 1, "no")], NOW)
        assert store.last_done("x") == (NOW, 1)


def test_what_is_done_regularly(tmp_path: Path) -> None:
    with closing(Store.open(tmp_path / "s.db")) as store:
        assert store.last_done("schedule:a") == (0, 0)
        store.note_done("schedule:a", NOW, 2)
        store.note_done("reply:%", NOW - 5)
        store.note_done("reply:b", NOW)
        store.forget_done("reply:", NOW)
        assert [store.last_done(name) for name in ("schedule:a", "reply:%", "reply:b")] == [(NOW, 2), (0, 0), (NOW, 0)]
