"""UCI's syntax. Every row's outcome was compared with libuci (openwrt/uci of 2025-11-26, `uci_load` in strict mode)."""

from __future__ import annotations

import os
import shutil
import subprocess
import time
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from homeline.errors import DecodeError, EncodeError
from homeline.protocol import uci
from homeline.protocol.uci import Section

N = "config t 'n'\n"  # most rows are about what stands below a section


def options(text: str | bytes) -> dict[str, str | list[str]]:
    """The options of the only section."""
    (section,) = uci.parse(text)
    return section.options


@pytest.mark.parametrize(
    ("line", "value"),
    [
        ("option a b", "b"),
        ("option a 'b c'", "b c"),
        ('option a "b c"', "b c"),
        ("option a 'it'\\''s'", "it's"),  # as libuci writes an apostrophe
        ("option a ''\\'''\\'''", "''"),
        ("option a b'c d'\"e f\"g", "bc de fg"),
        ('option a "say \\"hi\\""', 'say "hi"'),
        ("option a 'back\\slash'", "back\\slash"),
        ("option a back\\\\slash", "back\\slash"),
        ("option a b\\ c", "b c"),
        ("option a b\\#c", "b#c"),
        ("option a b#c", "b"),  # a comment, in the middle of a word
        ("option a 'b'#c", "b"),
        ("option a 'b#c'", "b#c"),
        ("option a b # c", "b"),
        ("option a 'two\nlines'", "two\nlines"),
        ('option a "two\nlines"', "two\nlines"),
        ("option a 'two\n\nmore\n'", "two\n\nmore\n"),
        ("option a b\\\nc", "bc"),
        ("option a b\\\r\nc", "bc"),
        ('option a "b\\\nc"', "bc"),
        ("option a 'b\\\nc'", "b\\\nc"),
        ("option a b\\\n", "b"),
        ("option a b\r", "b"),
        ("option a\tb", "b"),
        ("\toption\ta\t'b'\t", "b"),
        ("o a b", "b"),
        ("option a 'ü €'", "ü €"),
        ("option a 'b\x01c'", "b\x01c"),
        ("option a b\u00a0c\u2028d\x85e\x1ff", "b\u00a0c\u2028d\x85e\x1ff"),  # none of them is a blank of the C locale
        ("option a 1\noption a 2", "2"),
        ("option a 1\noption a ''", "1"),
        ("option a 1\noption a", "1"),
        ("list a 1\noption a 2", "2"),
        ("option 'a' b", "b"),
    ],
)
def test_a_value(line: str, value: str) -> None:
    assert options(f"{N}{line}\n") == {"a": value}
    assert options(f"{N}{line}") == {"a": value}


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        ("list a 1\nlist a 2", {"a": ["1", "2"]}),
        ("option a 1\nlist a 2", {"a": ["1", "2"]}),
        ("list a ''", {"a": [""]}),
        ("list a", {"a": [""]}),
        ("l a 1", {"a": ["1"]}),
        ("option a ''", {}),
        ("option a", {}),
        ("option b 1\noption a 2\noption b 3", {"b": "3", "a": "2"}),
        ("option a 'x'; option b 'y'", {"a": "x", "b": "y"}),
        ("option a 'x';option b 'y'", {"a": "x", "b": "y"}),
        ("option a x ; option b y", {"a": "x", "b": "y"}),
        ("option a x; option b y", {"a": "x"}),  # after a bare word the rest of the line is lost
        ("# option a 1", {}),
        ("", {}),
        ("   \n\t\n\r\n", {}),
    ],
)
def test_options_in_order(lines: str, expected: dict[str, str | list[str]]) -> None:
    found = options(f"{N}{lines}\n")
    assert list(found.items()) == list(expected.items())


def test_sections() -> None:
    text = """package ignored

config homeline 'main'
	option a '1'

config rule
	option a '2'

config rule
config 'x~y!' named
config homeline main
	option b '3'
"""
    found = [(s.type, s.name, s.anonymous, s.options) for s in uci.parse(text)]
    assert found == [
        ("homeline", "main", False, {"a": "1", "b": "3"}),
        ("rule", "cfg0292bd", True, {"a": "2"}),
        ("rule", "cfg0392bd", True, {}),
        ("x~y!", "named", False, {}),
    ]


@pytest.mark.parametrize(
    ("kind", "position", "name"),
    [("rule", 1, "cfg0192bd"), ("rule", 2, "cfg0292bd"), ("wifi-iface", 3, "cfg033579"), ("zone", 297, "cfg129dc81")],
)
def test_names_of_unnamed_sections(kind: str, position: int, name: str) -> None:
    assert uci.anonymous_name(kind, position) == name


def test_an_explicit_name_may_equal_a_made_one() -> None:
    sections = uci.parse("config t 'cfg0292bd'\nconfig rule\nconfig t cfg0292bd\n\toption a 1\n")
    assert [(s.name, s.anonymous, s.options) for s in sections] == [
        ("cfg0292bd", False, {"a": "1"}),
        ("cfg0292bd", True, {}),
    ]


@pytest.mark.parametrize(
    ("text", "line", "column", "words"),
    [
        ("option a b\n", 1, 1, "before the first section"),
        ("config\n", 1, 1, "expected package"),
        ("config", 1, 7, "config without name"),
        ("config \n", 1, 8, "a section's type is missing"),
        ("config t x-y\n", 1, 10, "letters, digits and _"),
        ("config 't t'\n", 1, 8, "a section's type"),
        ("config tü\n", 1, 8, "a section's type"),
        ("config t n n2\n", 1, 12, "too many words"),
        ("config 't'; option a b\n", 1, 13, "too many words"),
        (N + "option\n", 2, 1, "expected package"),
        (N + "option '' b\n", 2, 8, "an option's name is missing"),
        (N + "option a-b c\n", 2, 8, "an option's name"),
        (N + "option a b c\n", 2, 12, "too many words"),
        (N + "option a 'b'; \n", 2, 15, "expected package"),
        (N + "\nfrob a b\n", 3, 1, "expected package"),
        (N + "  Option a b\n", 2, 3, "expected package"),
        (N + "option a 'b\nc\n", 2, 10, "never closed"),
        (N + 'option a "b\nc\n', 2, 10, "never closed"),
        (N + "option a 'b\0c'\n", 2, 12, "NUL"),
        ("config t n\nconfig u n\n", 2, 10, "another type"),
        ("package a/b\n", 1, 9, "a package's name"),
    ],
)
def test_mistakes_have_a_place(text: str, line: int, column: int, words: str) -> None:
    with pytest.raises(DecodeError) as caught:
        uci.parse(text)
    assert str(caught.value).startswith(f"line {line}, column {column}: ")
    assert words in str(caught.value)


def test_errors_never_repeat_the_file() -> None:
    for text in (
        N + "option a 'hunter2\n",
        N + "hunter2\n",
        N + "option a b hunter2\n",
        "config hunter2 hunter2 hunter2",
    ):
        with pytest.raises(DecodeError) as caught:
            uci.parse(text)
        assert "hunter2" not in str(caught.value)


def test_bytes_that_are_no_utf_8_survive() -> None:
    data = b"\nconfig t 'n'\n\toption a '\xff\xe9'\n\n"
    sections = uci.parse(data)
    assert uci.dump(sections).encode("utf-8", "surrogateescape") == data


def test_options_given_twice_are_told() -> None:
    (section,) = uci.parse(
        N + "option a 1\noption a 2\nlist b 1\nlist b 2\noption c 1\noption c ''\noption d 1\nlist d 2\n"
    )
    assert section.repeated == {"a"}


def test_size_is_bounded() -> None:
    with pytest.raises(DecodeError, match="longer than"):
        uci.parse("#" * (uci.MAX_SIZE + 1))


@pytest.mark.parametrize(
    "piece", ["list a b\n", "option a b\n", "config t\n", "'", "\\\n", "\\", ";", "\n", "option a 'b';", "x" * 50 + " "]
)
def test_no_file_takes_long(piece: str) -> None:
    text = (N + piece * (uci.MAX_SIZE // len(piece)))[: uci.MAX_SIZE]
    before = time.process_time()
    with suppress(DecodeError):
        uci.parse(text)
    assert time.process_time() - before < 3  # 0.2 s here; something quadratic would take minutes


names = st.text(alphabet="abcXYZ019_", min_size=1, max_size=8)
values = st.text(alphabet=st.characters(exclude_characters="\0", exclude_categories=["Cs"]), min_size=1, max_size=30)
sections_ = st.lists(
    st.builds(
        Section,
        type=st.text(alphabet="abc-_.9!", min_size=1, max_size=8),
        name=names,
        options=st.dictionaries(names, values | st.lists(values, min_size=1, max_size=3), max_size=4),
    ),
    max_size=4,
    unique_by=lambda section: section.name,
)


@given(sections_)
def test_what_is_written_is_read_again(sections: list[Section]) -> None:
    assert uci.parse(uci.dump(sections)) == sections
    assert uci.parse(uci.dump(sections, "homeline")) == sections


@given(st.binary(max_size=80) | st.text(alphabet=" \t\n\r\\'\"#;abconfigplst", max_size=60).map(str.encode))
def test_any_bytes_are_read_or_refused(data: bytes) -> None:
    for text in (data, N.encode() + data, N.encode() + b"option a " + data):
        try:
            sections = uci.parse(text)
        except DecodeError as error:
            assert str(error).startswith("line ")
        else:
            assert all(section.name and section.type for section in sections)


@pytest.mark.parametrize(
    "section",
    [
        Section("t t", "n"),
        Section("a#b", "n"),
        Section("", "n"),
        Section("t", "n-n"),
        Section("t", "n", options={"a b": "c"}),
        Section("t", "n", options={"a": "b\0c"}),
        Section("t", "n", options={"a": ["b", "\0"]}),
    ],
)
def test_what_uci_cannot_hold_is_refused(section: Section) -> None:
    with pytest.raises(EncodeError):
        uci.dump([section])


def test_the_text_of_export() -> None:
    sections = [Section("t", "n", options={"a": "it's", "b": ["1", "2"]}), Section("u", "cfg02", anonymous=True)]
    assert uci.dump(sections, "p") == (
        "package p\n\nconfig t 'n'\n\toption a 'it'\\''s'\n\tlist b '1'\n\tlist b '2'\n\nconfig u\n\n"
    )


UCI = os.environ.get("UCI") or shutil.which("uci")


@pytest.mark.skipif(not UCI, reason="no `uci` command on PATH (nor named by the variable UCI) to compare with")
def test_the_real_command_agrees(tmp_path: Path) -> None:
    sections = [
        Section("homeline", "main", options={"a": "it's", "b": ["x y", "'", "", "\\"], "c": 'q"#;', "d": "two\nlines"}),
        Section("rule", uci.anonymous_name("rule", 2), anonymous=True, options={"e": "ü"}),
    ]
    (tmp_path / "homeline").write_text(uci.dump(sections))
    command = [str(UCI), "-c", str(tmp_path), "-t", str(tmp_path / "staged")]
    exported = subprocess.run([*command, "-N", "export", "homeline"], capture_output=True, check=True, timeout=20)
    assert exported.stdout.decode() == uci.dump(sections, "homeline")
    shown = subprocess.run([*command, "-X", "show", "homeline"], capture_output=True, check=True, timeout=20)
    assert f"homeline.{sections[1].name}=rule".encode() in shown.stdout
