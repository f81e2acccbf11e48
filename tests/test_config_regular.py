"""What times, schedules, balances and automatic answers owe: mistakes name section and option."""

from __future__ import annotations

import pytest

from homeline import config

BASE = """
config homeline 'main'
	option enabled '1'

config dongle 'stick'

config email 'mail'
	list to 'a@example.org'
	option from 'b@example.org'
	option host 'mail.example.org'
"""
RULE = (
    BASE
    + """
config rule 'r'
	list channels 'mail'
"""
)


def said(text: str) -> dict[str, str]:
    return {problem.where: problem.text for problem in config.read(text).problems}


def section(kind: str, **options: str) -> str:
    lines = "".join(f"\toption {name} '{value}'\n" for name, value in {"dongle": "stick", **options}.items())
    return f"{BASE}\nconfig {kind} 'x'\n{lines}"


@pytest.mark.parametrize("option", ["times", "quiet"])
@pytest.mark.parametrize("value", ["mon-fri 08:00-18:00", "22:00-07:00", "sat,sun", "SAT 08:00-24:00"])
def test_times_are_taken(option: str, value: str) -> None:
    assert said(f"{RULE}\tlist {option} '{value}'\n") == {}


@pytest.mark.parametrize("option", ["times", "quiet"])
@pytest.mark.parametrize(("value", "words"), [("monday", "a day that is none"), ("8-18", "times of day")])
def test_times_that_are_none_leave_the_rule_out(option: str, value: str, words: str) -> None:
    found = said(f"{RULE}\tlist {option} '{value}'\n")
    assert words in found[f"r.{option}"]
    assert f"(is '{value}')" in found[f"r.{option}"]


def test_quiet_hours_without_an_end_are_said_and_the_rule_counts() -> None:
    read = config.read(f"{RULE}\tlist quiet 'mon-fri'\n\tlist quiet 'sat,sun'\n")
    assert [problem.where for problem in read.problems] == ["r.quiet"]
    assert [rule.name for rule in read.rules] == ["r"]


@pytest.mark.parametrize(
    ("options", "missing"),
    [
        ({"text": "x"}, "to"),
        ({"to": "+41791234567"}, "text"),
        ({"action": "call"}, "to"),
        ({"action": "ussd", "to": "+41791234567"}, "code"),
        ({"action": "ussd", "code": "*100#"}, ""),
        ({"action": "call", "to": "+41791234567"}, ""),
        ({"to": "+41791234567", "text": "x"}, ""),
    ],
)
def test_what_a_schedule_needs(options: dict[str, str], missing: str) -> None:
    found = said(section("schedule", **options))
    assert [where for where in found if where.startswith("x.")] == ([f"x.{missing}"] if missing else [])


def test_a_balance_needs_a_group() -> None:
    assert "no group" in said(section("balance", code="*100#", pattern="balance is .*"))["x.pattern"]
    assert said(section("balance", code="*100#", pattern="balance is (.*)")) == {}


def test_an_answer_needs_a_template() -> None:
    assert "x.text" in said(f"{BASE}\nconfig auto_reply 'x'\n\toption text '{{nothing}}'\n")
    assert said(f"{BASE}\nconfig auto_reply 'x'\n\toption text 'You wrote {{text}}'\n") == {}
