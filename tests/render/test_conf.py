"""The syntax of Asterisk's files: what is written is read back as it was, or refused by name."""

from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from jinja2 import UndefinedError

from homeline.errors import RenderError
from homeline.protocol import asterisk_conf
from homeline.render.conf import MAX_LINE, Section, value
from homeline.render.template import fill, sections
from hostile import HOSTILE

SYNTAX = st.text('ab ;-\\#[]<>=!+()"$', max_size=30)
TEXTS = st.one_of(st.sampled_from(sorted(HOSTILE.values())), st.text(max_size=60), SYNTAX)


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("plain", "plain"),
        ("a;b", r"a\;b"),
        (";--", r"\;--"),
        (r"a\;b", r"a\\;b"),  # Asterisk takes one backslash away before a semicolon, and only there
        ("a\\", "a\\"),
        ("> x", "> x"),
        ("${EXTEN} \"q\" 'q' [s] #include x", "${EXTEN} \"q\" 'q' [s] #include x"),
        ("Zürich ٣", "Zürich ٣"),
        ("", ""),
    ],
)
def test_value(text: str, written: str) -> None:
    assert value(text) == written


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("a\nb", "cannot hold"),
        ("a\rb", "cannot hold"),
        ("a\0b", "cannot hold"),
        ("a\u2028b", "cannot hold"),
        ("a\ud800b", "cannot hold"),
        (" a", "blank"),
        ("a ", "blank"),
        ("ä" * MAX_LINE, "longer"),
    ],
)
def test_value_refused(text: str, words: str) -> None:
    with pytest.raises(RenderError, match=words):
        value(text)
    with pytest.raises(RenderError, match=r"^\[trunk\] password: "):
        Section("trunk", [("username", "x"), ("password", text)])


@pytest.mark.parametrize("name", ["", "a]b", "a\nb", "a b", "x" * 80, "ä", "a;b", "a(+)"])
def test_names_are_plain(name: str) -> None:
    with pytest.raises(RenderError, match="cannot be"):
        Section(name, [])
    with pytest.raises(RenderError, match="cannot be"):
        Section("parent", [], parents=[name])
    with pytest.raises(RenderError, match="cannot be"):
        Section("good", [(name, "x")])


def test_flags() -> None:
    assert Section("a", []).flags == ""
    assert Section("a", [], extends=True).flags == "(+)"
    assert Section("a", [], template=True, parents=["b", "c"]).flags == "(!,b,c)"


@given(st.lists(st.tuples(st.sampled_from(("secret", "contact", "match")), TEXTS), max_size=5), TEXTS)
@example([("secret", "x"), ("secret", ";--")], "--;")
def test_what_is_written_is_read_back(options: list[tuple[str, str]], comment: str) -> None:
    try:
        section = Section("one", options, comment=comment)
    except RenderError as error:
        assert str(error).startswith("[one] ")
        return
    text = sections("some.conf", [section, Section("two", [("end", "yes")])], about="why")
    parsed = asterisk_conf.parse(text, "some.conf")
    assert [found.name for found in parsed.sections] == ["one", "two"]
    assert [(entry.name, entry.value) for entry in parsed.sections[0].entries] == options


@given(TEXTS)
def test_no_template_can_forget_to_escape(text: str) -> None:
    lines = fill("header", file="x.conf", about="").count("\n")
    try:
        found = fill("header", file=text, about=text)
    except RenderError:
        return
    assert found.count("\n") == lines + bool(text)
    assert all(line.startswith(";") for line in found.splitlines())


def test_a_hole_in_a_template_is_an_error() -> None:
    with pytest.raises(UndefinedError, match="undefined"):
        fill("header", about="")
