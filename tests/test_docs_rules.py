"""`docs/rules.md` shows the criteria, fields and filters that the code has, and its examples work."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from homeline import config
from homeline.config import Rule
from homeline.core.rules import CRITERIA
from homeline.model import EventKind
from homeline.protocol import regex
from homeline.protocol.template import FIELDS, FILTERS, compile_

PAGE = (Path(__file__).parents[1] / "docs/rules.md").read_text()


def section(title: str) -> str:
    return re.split(r"^#+ ", PAGE.split(f"# {title}\n", 1)[1], maxsplit=1, flags=re.MULTILINE)[0]


def rows(text: str, head: str) -> list[tuple[str, str]]:
    """First and second column of the table whose first column has this head."""
    table = text.split(f"| {head} |", 1)[1].split("\n\n", 1)[0]
    return re.findall(r"^\| (`.*?`) \| (.*) \|$", table, re.MULTILINE)


def test_the_criteria() -> None:
    assert [name for name, _ in rows(section("What matches"), "criterion")] == [f"`{row.name}`" for row in CRITERIA]
    words = dict(rows(section("What matches"), "criterion"))["`events`"]
    assert set(re.findall(r"`(\w+)`", words)) == {kind.value for kind in EventKind}


def test_the_fields_and_filters_of_templates() -> None:
    text = section("Templates")
    assert rows(text, "field") == [(f"`{name}`", words) for name, words in FIELDS.items()]
    names = [re.match(r"`(\w+)", name) for name, _ in rows(text, "filter")]
    assert [name and name[1] for name in names] == list(FILTERS)


def test_the_templates_of_the_page_are_some() -> None:
    shown = re.findall(r"option (?:template|subject) '(.*)'", PAGE)
    assert len(shown) >= 3
    for template in shown:
        compile_(template)
    assert compile_('{{"sms": {text|json}}').fill({"text": "x"}) == '{"sms": "x"}'
    assert compile_("{name|or from}").fill({"from": "x"}) == "x"


def test_the_examples_work() -> None:
    examples = "".join(re.findall(r"^```\n(config rule.*?)^```", PAGE, re.MULTILINE | re.DOTALL))
    account = "config email '{}'\n\tlist to 'a@b'\n\toption from 'a@b'\n\toption host 'h'\n"
    read = config.read(examples + account.format("phone") + account.format("mail"))
    assert read.problems == ()
    assert [rule.name for rule in read.rules][:2] == ["codes", "everything_else"]
    assert len(read.rules) == PAGE.count("\nconfig rule '")


@pytest.mark.parametrize("pattern", [r"(a)\1", "(?=a)", "(?<!a)", "(?>a)", "a*+"])
def test_what_the_page_calls_refused_is_refused(pattern: str) -> None:
    with pytest.raises(ValueError, match="cannot be used"):
        regex.compile_(pattern)


def test_the_bounds_that_the_page_tells() -> None:
    assert f"at most {regex.LARGEST} steps" in PAGE
    assert f"first {regex.LONGEST:,} characters" in PAGE.replace("\n", " ")


def test_the_choices_of_codes() -> None:
    words = dict(rows(section("What it says"), "option"))["`codes`"]
    assert re.findall(r"`(\w+)`:", words) == ["first", "text", "redact"]
    assert Rule("x").codes == "first"
