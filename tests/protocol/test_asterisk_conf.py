"""Hand-written files of Asterisk, read as Asterisk reads them."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from homeline.errors import DecodeError
from homeline.protocol.asterisk_conf import MAX_LINE, MAX_SIZE, Entry, Include, Section, parse

RECORDED = json.loads((Path(__file__).parents[1] / "captures/asterisk_conf/recorded.json").read_text())


def view(sections: list[Section]) -> list[Any]:
    return [
        [section.name, section.template, [[entry.name, entry.value] for entry in section.entries]]
        for section in sections
    ]


def files(**texts: str) -> Any:
    def reader(target: str) -> Iterable[tuple[str, str]]:
        name = target.replace(".", "_")
        return [(target, texts[name])] if name in texts else []

    return reader


@pytest.mark.parametrize("case", RECORDED, ids=range(len(RECORDED)))
def test_a_file_is_read_as_asterisk_read_it(case: dict[str, Any]) -> None:
    read: list[Any] | None
    try:
        read = view(parse(case["file"], reader=files(inc_conf=case["include"])).sections)
    except DecodeError:
        read = None
    assert read == case["sections"]


def test_where_things_stand() -> None:
    parsed = parse(
        "; a comment\n[base](!)\ncontext = home ; here\n\n[6001](base)\ntype => endpoint\n[6001](+)\nauth=6001\n",
        "pjsip.conf",
    )
    assert parsed.sections == [
        Section("base", "pjsip.conf", 2, True, entries=[Entry("context", "home", "pjsip.conf", 3)]),
        Section(
            "6001",
            "pjsip.conf",
            5,
            parents=("base",),
            entries=[
                Entry("context", "home", "pjsip.conf", 3),
                Entry("type", "endpoint", "pjsip.conf", 6),
                Entry("auth", "6001", "pjsip.conf", 8),
            ],
        ),
    ]
    assert parsed.names == ("base", "6001")
    assert parsed.named("BASE") == []
    (phone,) = parsed.named("6001")
    assert (phone.get("Type"), phone.get("none", "?"), phone.all("auth")) == ("endpoint", "?", ["6001"])
    found = phone.find("AUTH")
    assert found and found.line == 8


def test_includes_are_named_and_read_where_a_reader_is_given() -> None:
    text = '[a]\nx=1\n#include "one.conf"\ny=2\n#tryinclude homeline/pjsip.conf\n#exec /bin/date\n'
    alone = parse(text, "pjsip.conf")
    assert alone.includes == [
        Include("include", "one.conf", "pjsip.conf", 3),
        Include("tryinclude", "homeline/pjsip.conf", "pjsip.conf", 5),
        Include("exec", "/bin/date", "pjsip.conf", 6),
    ]
    assert alone.has_include("homeline/pjsip.conf")
    assert not alone.has_include("/bin/date")
    assert not alone.has_include("pjsip.conf")
    whole = parse(text, "pjsip.conf", files(one_conf="z=3\n[b]\nq=4\n"))
    assert view(whole.sections) == [["a", False, [["x", "1"], ["z", "3"], ["y", "2"]]], ["b", False, [["q", "4"]]]]
    assert [(entry.file, entry.line) for entry in whole.sections[0].entries] == [
        ("pjsip.conf", 2), ("one.conf", 1), ("pjsip.conf", 4)
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("secret=1\n", "a.conf, line 1: an option before the first section"),
        ("\n[secret\n", "a.conf, line 2: a section's name without ]"),
        ("[a](!\n", "a.conf, line 1: a ( that is never closed"),
        ("[a](+)\n", "a.conf, line 1: adds to a section that is not there"),
        ("[a](!)\n[a](+)\n", "a.conf, line 2: adds to a section that is not there"),
        ("[a](secret)\n", "a.conf, line 1: inherits from a section that is not there"),
        ("[a]\n\\\n", "a.conf, line 2: a backslash before nothing"),
        ("[a]\n#include secret\n", "a.conf, line 2: includes a file that is not there, or more than 10 deep"),
        ("[a]\n" + "x=1\n" * MAX_SIZE, f"a.conf: longer than {MAX_SIZE} characters, with what it includes"),
    ],
)
def test_what_asterisk_refuses_names_the_line_and_never_the_text(text: str, reason: str) -> None:
    with pytest.raises(DecodeError) as caught:
        parse(text, "a.conf", files())
    assert str(caught.value) == reason


def test_a_mistake_in_an_included_file_ends_that_file_alone() -> None:
    parsed = parse("[a]\n#include one.conf\ny=2\n", "a.conf", files(one_conf="x=1\n[b\nz=3\n"))
    assert view(parsed.sections) == [["a", False, [["x", "1"], ["y", "2"]]]]
    assert parsed.mistakes == [("one.conf", 2, "a section's name without ]")]


def test_a_file_that_includes_itself_ends() -> None:
    parsed = parse("[a]\n#include a.conf\n", "", files(a_conf="y=1\n#include a.conf\n"))
    assert len(parsed.sections[0].entries) == 10
    assert [reason for _, _, reason in parsed.mistakes] == ["includes a file that is not there, or more than 10 deep"]
    tried = parse("[a]\n#tryinclude a.conf\n", "", files(a_conf="y=1\n#tryinclude a.conf\n"))
    assert len(tried.sections[0].entries) == 10
    with pytest.raises(DecodeError, match="longer"):
        parse("[a]\n#tryinclude a.conf\n", "", files(a_conf="#tryinclude a.conf\n" * 100 + "x=1\n" * 100))


def test_what_asterisk_only_minds() -> None:
    parsed = parse(f"[a]\nno equal sign\n#frobnicate x\n{'x' * MAX_LINE}=1\ny=2\n", "a.conf")
    assert [(line, reason.split()[0]) for _, line, reason in parsed.mistakes] == [(2, "has"), (3, "is"), (4, "is")]
    assert view(parsed.sections) == [["a", False, [["y", "2"]]]]


@given(st.text(st.sampled_from("[]()!+=>;-\\# \n\t\0ab\ufeffé\udc80"), max_size=200), st.text(max_size=50))
def test_anything_is_read_or_refused_with_a_line(text: str, included: str) -> None:
    try:
        parsed = parse(text, "f", files(a=included))
    except DecodeError as error:
        assert str(error).startswith("f")
    else:
        for section in parsed.sections:
            assert all(entry.name and "\0" not in entry.value for entry in section.entries if entry.file == "f")
