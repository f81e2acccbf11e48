"""The last lines of the log."""

from __future__ import annotations

import logging

import pytest

from homeline.service.logs import KEPT, LEVELS, LONGEST, Recent
from hostile import HOSTILE


@pytest.fixture
def recent() -> Recent:
    return Recent()


def record(level: int, text: str, *arguments: object) -> logging.LogRecord:
    return logging.LogRecord("homeline", level, __file__, 1, text, arguments, None)


def test_newest_first_and_only_so_many(recent: Recent) -> None:
    for number in range(KEPT + 5):
        recent.handle(record(logging.INFO, "line %d", number))
    lines = recent.lines()
    assert [line.text for line in lines[:2]] == [f"line {KEPT + 4}", f"line {KEPT + 3}"]
    assert [line.number for line in lines] == list(range(KEPT + 5, 5, -1))


@pytest.mark.parametrize(
    ("number", "name"),
    [(5, "debug"), (10, "debug"), (20, "info"), (25, "info"), (30, "warning"), (40, "error"), (50, "error")],
)
def test_levels_have_the_names_of_the_configuration(recent: Recent, number: int, name: str) -> None:
    recent.handle(record(number, "hello"))
    assert [line.level for line in recent.lines()] == [name]
    shown = [least for least in LEVELS if recent.lines(least)]
    assert shown == list(LEVELS)[: list(LEVELS).index(name) + 1]


def test_pages(recent: Recent) -> None:
    for number in range(5):
        recent.handle(record(logging.INFO if number % 2 else logging.ERROR, str(number)))
    assert [line.text for line in recent.lines("error", before=5)] == ["2", "0"]
    assert recent.lines(before=1) == []


@pytest.mark.parametrize("name", HOSTILE)
def test_what_strangers_sent_is_one_line_that_can_be_shown(recent: Recent, name: str) -> None:
    recent.handle(record(logging.INFO, "from %s", HOSTILE[name]))
    (line,) = recent.lines()
    assert line.text.isprintable()
    assert len(line.text) <= LONGEST
    line.text.encode()


def test_a_line_that_cannot_be_made_stops_nothing(recent: Recent, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(logging, "raiseExceptions", False)
    recent.handle(record(logging.INFO, "%d", "no number"))
    recent.handle(record(logging.INFO, "well"))
    assert [line.text for line in recent.lines()] == ["well"]
