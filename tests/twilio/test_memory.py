"""What is kept in UCI of what was made, and that nothing else there is believed."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from homeline.config_twilio import MADE
from homeline.twilio.memory import LONGEST_VALUE, Memory, digest

SIDS = st.from_regex(r"[A-Z]{2}[0-9a-f]{32}", fullmatch=True)
KINDS = st.from_regex(r"[a-z_]{1,20}", fullmatch=True)
NUMBERS = st.from_regex(r"PN[0-9a-f]{32}", fullmatch=True)
FIELDS = st.from_regex(r"[a-z_]{1,24}", fullmatch=True)
FLAGS = st.from_regex(r"[01]{3}", fullmatch=True)


@given(
    st.sets(st.tuples(KINDS, SIDS)),
    st.dictionaries(SIDS, st.from_regex(r"[0-9a-f]{8}", fullmatch=True)),
    st.dictionaries(st.from_regex(r"[A-Z]{2}", fullmatch=True), FLAGS),
    st.dictionaries(st.tuples(NUMBERS, FIELDS), st.text(max_size=LONGEST_VALUE // 4)),
)
def test_there_and_back(
    things: set[tuple[str, str]],
    passwords: dict[str, str],
    dialing: dict[str, str],
    before: dict[tuple[str, str], str],
) -> None:
    memory = Memory(things, passwords, dialing, before)
    lines = memory.lines()
    assert Memory.of(lines) == memory and lines == Memory.of(lines[::-1]).lines()
    assert all(MADE.parse(line) == line for line in lines)  # UCI takes each, and root's helper does


@given(st.lists(st.text()))
def test_anything_else_is_forgotten(lines: list[str]) -> None:
    memory = Memory.of(lines)
    assert memory.things == set() and memory.dialing == {} and memory.before == {}


def test_a_value_that_is_none_is_forgotten() -> None:
    line = f"before:PN{'a' * 32}.voice_url="
    assert (
        Memory.of([line, f"{line}=", f"{line}a", f"{line}//8", "before:PN1.voice_url=aHR0", "before:=aHR0"]).before
        == {}
    )


def test_a_digest_needs_the_key() -> None:
    first = digest("key", "CR1", "password")
    assert first == digest("key", "CR1", "password") and len(first) == 8
    assert (
        len({first, digest("yek", "CR1", "password"), digest("key", "CR2", "password"), digest("key", "CR1", "p")}) == 4
    )
