"""Our regular expressions against Python's `re`, and that no text makes them slow."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from homeline.protocol import regex
from homeline.protocol.regex import LONGEST, Match, compile_
from hostile import HOSTILE


@pytest.mark.parametrize(
    ("pattern", "text", "found"),
    [
        ("bank", "Your BANK says", True),
        ("(?-i:bank)", "Your BANK says", False),
        ("^code", "code 1", True),
        ("^code", "a\ncode 1", False),
        ("(?m)^code", "a\ncode 1", True),
        ("end$", "the end\n", True),
        ("end$", "the end\n\n", False),
        (r"end\Z", "the end\n", False),
        (r"\bpin\b", "your PIN: 1", True),
        (r"\bpin\b", "spinning", False),
        (r"\Bpin", "spinning", True),
        (r"a.c", "a\nc", False),
        (r"(?s)a.c", "a\nc", True),
        ("straße", "STRASSE", False),  # as in re: no full case folding
        ("ſ", "S", True),  # but this
        ("привет", "ПРИВЕТ", True),
        (r"\d{6}", "code 12345", False),
        (r"\d{6}", "code 123456", True),
        ("[^a-z ]", "abc def", False),
        ("x*", "", True),
        ("", "", True),
        ("(?x) a b # words", "ab", True),
        ("🎉", "well 🎉", True),
    ],
)
def test_what_is_found(pattern: str, text: str, found: bool) -> None:
    assert compile_(pattern).found(text) is found
    assert (compile_(pattern).search(text) is not None) is found
    assert (re.search(pattern, text, re.IGNORECASE) is not None) is found


@pytest.mark.parametrize(
    ("pattern", "text", "match"),
    [
        (r"balance:? (\d+[.,]\d\d)", "Your balance: 12.50 EUR", Match(5, 19, ("12.50",))),
        (r"(\d+)(?: (EUR|CHF))?", "12", Match(0, 2, ("12", None))),
        (r"a+?", "aaa", Match(0, 1, ())),
        (r"(a|ab)(c|bcd)(d*)", "abcd", Match(0, 4, ("a", "bcd", ""))),
        (r"(a*)(a|b)", "aab", Match(0, 3, ("aa", "b"))),
        (r"x|xy", "xy", Match(0, 1, ())),
        (r"(?:(a)|b)*", "ab", Match(0, 2, ("a",))),
        (r"$", "a\n", Match(1, 1, ())),
        (r"nothing", "else", None),
    ],
)
def test_groups(pattern: str, text: str, match: Match | None) -> None:
    assert compile_(pattern).search(text) == match
    theirs = re.search(pattern, text, re.IGNORECASE)
    assert match == (theirs and Match(*theirs.span(), theirs.groups()))


@pytest.mark.parametrize(
    ("pattern", "reason"),
    [
        ("a(b", "column 2: missing )"),
        ("a)", "column 2: unbalanced parenthesis"),
        ("[z-a]", "column 2: bad character range"),
        ("*", "column 1: nothing to repeat"),
        ("a**", "column 3: multiple repeat"),
        ("\\", "column 1: bad escape"),
        (r"(a)\1", "column 4: a reference back to a group cannot be used"),
        (r"\\[\1](a)\\(?P<n>b)(?P=n)", "column 20: a reference back"),
        (r"(a)(?(1)b|c)", "column 4: a condition on a group"),
        ("ab(?=c)", "column 3: looking ahead"),
        ("[(?=](?<!c)", "column 6: looking ahead"),
        ("(?>a)", "column 1: an atomic group"),
        ("ab*+", "column 3: a possessive"),
        ("(?a)b", "the flag a cannot be used"),
        ("(?a:b)", "the flag a cannot be used"),
        ("(?L)b", "flag"),
        ("[[a]]", "Possible nested set at position 1; write it with a backslash"),
        ("a{600}", "repeats more than 500 times"),
        ("(a{100}){100}", "is too large"),
        ("a{99999999999999}", "is too deep or too large"),
        ("(" * 500 + ")" * 500, "is too deep or too large"),
        ("a" * 500, "is too large"),
    ],
)
def test_what_cannot_be_used_is_said_with_its_column(pattern: str, reason: str) -> None:
    with pytest.raises(ValueError) as caught:
        compile_(pattern)
    assert reason in str(caught.value)


# -- against re -----------------------------------------------------------------------------------------------------

ATOMS = st.sampled_from(["a", "b", "A", "1", ".", r"\d", r"\w", r"\s", "[ab]", "[^a]", "[a-c1]", "é", "_", r"\n", " "])
PLACES = st.sampled_from(["^", "$", r"\b", r"\B", r"\A", r"\Z"])


def grown(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    repeats = st.sampled_from(["*", "+", "?", "*?", "+?", "??", "{2}", "{1,3}", "{0,2}?"])
    return st.one_of(
        st.lists(inner, min_size=2, max_size=3).map("".join),
        st.lists(inner, min_size=2, max_size=3).map(lambda ways: f"(?:{'|'.join(ways)})"),
        st.tuples(inner, repeats).map(lambda pair: f"(?:{pair[0]}){pair[1]}"),
        inner.map(lambda one: f"({one})"),
        inner.map(lambda one: f"(?-i:{one})"),
    )


PATTERNS = st.recursive(st.one_of(ATOMS, PLACES), grown, max_leaves=8)
TEXTS = st.text(alphabet="abAB1_ é\n.K\u212a", max_size=12)


@given(PATTERNS, TEXTS, st.sampled_from(["", "(?m)", "(?s)"]))
def test_it_finds_what_re_finds(pattern: str, text: str, flags: str) -> None:
    assume(text or r"\B" not in pattern)  # there `re` changed its mind between versions of Python
    theirs = re.search(flags + pattern, text, re.IGNORECASE)
    made = compile_(flags + pattern)
    assert made.found(text) is (theirs is not None)
    ours = made.search(text)
    assert (ours and ours.start) == (theirs and theirs.start())


@given(st.recursive(ATOMS, grown, max_leaves=6), TEXTS)
def test_it_prefers_what_re_prefers(pattern: str, text: str) -> None:
    assume(not re.search(r"[*?}]\)*[*+?{]|[*?}][^()]*\)+[*+{]|\|", pattern))  # no repetition of what may be empty
    theirs = re.search(pattern, text, re.IGNORECASE)
    assert compile_(pattern).search(text) == (theirs and Match(*theirs.span(), theirs.groups()))


@given(st.text(max_size=60))
def test_any_text_is_a_pattern_or_an_error_in_words(pattern: str) -> None:
    try:
        made = compile_(pattern)
    except ValueError as error:
        assert str(error)
        return
    assert made.found("some text") is bool(re.search(pattern, "some text", re.IGNORECASE))


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE)
def test_hostile_texts(text: str) -> None:
    text = text[:LONGEST]
    for pattern in ("[<>&]", r"^.*code", r"\bscript\b", r"(?s)^.*$", r"\W{3}", "[\ud800-\udfff]", "\x00"):
        assert compile_(pattern).found(text) is bool(re.search(pattern, text, re.IGNORECASE))


# -- how much work ----------------------------------------------------------------------------------------------------


def steps(work: Callable[[], object]) -> int:
    """How many lines of Python run."""
    count = 0

    def trace(frame: object, what: str, arg: object) -> object:
        nonlocal count
        count += what == "line"
        return trace

    before = sys.gettrace()
    sys.settrace(trace)  # type: ignore[arg-type]
    try:
        work()
    finally:
        sys.settrace(before)
    return count


CATASTROPHES = [
    (r"(a+)+$", "a", "b"),
    (r"(a|a)*b", "a", ""),
    (r"(a|aa)+$", "a", "!"),
    (r"(.*)*x", "ab", ""),
    (r"^(\w+\s?)*$", "word ", "!"),
    (r"(x+x+)+y", "x", ""),
    (r".*.*.*.*=.*", "a", ""),
    (r"(a?){50}b", "a", ""),
    (r"(a|b)*a(a|b){20}c", "abbab", ""),
]


@pytest.mark.parametrize(("pattern", "piece", "end"), CATASTROPHES)
def test_what_makes_others_slow_takes_linear_time(pattern: str, piece: str, end: str) -> None:
    made = compile_(pattern)
    short, long = (piece * (size // len(piece)) + end for size in (LONGEST // 4, LONGEST))
    first = steps(lambda: made.found(short))
    assert steps(lambda: made.found(long)) <= first * 4.4 + 1000
    assert steps(lambda: made.found(long + long)) <= first * 4.4 + 1000


def test_a_text_that_differs_all_the_way_is_followed_with_little_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    sizes = []
    number = regex._Stages.number

    def counted(self: regex._Stages, places: tuple[int, ...], before: int) -> int:
        sizes.append(self.size)
        return number(self, places, before)

    monkeypatch.setattr(regex._Stages, "number", counted)
    text = "".join(map(chr, range(0x4E00, 0x4E00 + 20_000)))
    pattern = compile_("(a|[一-龥])*b")
    assert not pattern.found(text)
    assert pattern.found(text + "b")
    assert 3000 < max(sizes) < 4_000 + regex.LARGEST


@pytest.mark.parametrize(("pattern", "piece", "end"), CATASTROPHES)
def test_groups_are_bounded_too(pattern: str, piece: str, end: str) -> None:
    made = compile_(pattern)
    text = piece * 40_000
    assert steps(lambda: made.search(text)) <= regex.LONGEST_SEARCH * regex.LARGEST * 12
