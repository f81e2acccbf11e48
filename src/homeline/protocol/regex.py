"""Regular expressions in linear time: the owner writes them, and what a stranger sent is held against them.

Python's `re` backtracks: a harmless-looking pattern may take hours for a text that somebody made for it. Here a pattern
becomes a list of steps, and all ways through it are followed at once, character by character (Thompson 1968, Pike's
registers for groups), so the work is at most the text's length times the pattern's, and both are bounded. Which
characters a piece of a pattern takes is asked of `re` itself, whose parser is used too: so `.`, `\\w`, `[^a-z]` and
flags mean what they mean there. What needs backtracking (references back, looking ahead) is refused.

Upper and lower case are alike, unless the pattern says `(?-i:…)`.
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from re import _compiler, _constants, _parser  # type: ignore[attr-defined]  # as they are in Python 3.11 to 3.14
from typing import Any

LARGEST = 500  # steps of a pattern
LONGEST = 40_000  # characters of a text that are looked at: more than an SMS can have
LONGEST_SEARCH = 2_000  # with groups, which cost more
_KEPT = 4_000  # what is remembered of the ways through a pattern, in numbers

# A step: what it is, and its argument.
_TAKE, _FORK, _GO, _MARK, _WHERE, _END = range(6)
Step = tuple[int, Any]
_Way = tuple[int, tuple[int, ...]]  # a place in the steps, and the marks made on the way to it

# What stands before and after a position. A last line end is one of its own: `$` matches before it.
_EDGE, _WORD, _OTHER, _NEWLINE, _LAST_NEWLINE = range(5)

_REFUSED = {
    _constants.GROUPREF: "a reference back to a group",
    _constants.GROUPREF_EXISTS: "a condition on a group",
    _constants.ASSERT: "looking ahead or back, (?=…) or (?<=…),",
    _constants.ASSERT_NOT: "looking ahead or back, (?!…) or (?<!…),",
    _constants.ATOMIC_GROUP: "an atomic group (?>…)",
    _constants.POSSESSIVE_REPEAT: "a possessive repetition such as *+",
}
# Where those begin in a pattern: escaped characters and sets are passed over.
_SUSPECT = re.compile(r"\\[1-9]|\(\?(?:<?[=!]|P=|\(|>)|[*+?}]\+|\\.|\[\^?\]?(?:\\.|[^\]\\])*\]", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Match:
    """Where a pattern was found, and its groups: None for one that took no part."""

    start: int
    end: int
    groups: tuple[str | None, ...]


@lru_cache(maxsize=64)
def compile_(pattern: str) -> Pattern:
    """Understand a pattern. ValueError with the reason and the column, from 1, where it is none that can be used."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            tree = _parser.parse(pattern, re.IGNORECASE)
        return Pattern(_Steps(pattern).of(tree), tree.state.groups - 1)
    except re.error as error:
        column = "" if error.pos is None else f"column {error.pos + 1}: "
        raise ValueError(column + error.msg) from None
    except Warning as warning:
        raise ValueError(f"{warning}; write it with a backslash") from None
    except (RecursionError, OverflowError):
        raise ValueError("is too deep or too large") from None


class _Steps:
    """Makes the steps of a parsed pattern."""

    def __init__(self, pattern: str) -> None:
        self._pattern = pattern
        self._steps: list[Step] = []
        self._takes: dict[str, Callable[[str], object]] = {}

    def of(self, tree: Any) -> list[Step]:
        self._group((None, tree.state.flags, 0, tree), 0)
        self._add(_END, None)
        return self._steps

    def _add(self, kind: int, argument: Any) -> int:
        if len(self._steps) >= LARGEST:
            raise ValueError(f"is too large: it has more than {LARGEST} steps, repetitions counted")
        self._steps.append((kind, argument))
        return len(self._steps) - 1

    def _set(self, step: int, *ways: int) -> None:
        """Where a fork or a jump leads; of a fork the first way is preferred."""
        self._steps[step] = (_FORK, ways) if len(ways) > 1 else (_GO, ways[0])

    def _sequence(self, items: Iterable[Any], flags: int) -> None:
        for kind, argument in items:
            if kind is _constants.BRANCH:
                self._branch(argument[1], flags)
            elif kind is _constants.SUBPATTERN:
                self._group(argument, flags)
            elif kind in (_constants.MAX_REPEAT, _constants.MIN_REPEAT):
                self._repeat(argument, flags, greedy=kind is _constants.MAX_REPEAT)
            elif kind is _constants.AT:
                self._add(_WHERE, _where(argument, flags))
            elif kind in _REFUSED:
                raise ValueError(f"{self._column()}{_REFUSED[kind]} cannot be used")
            else:
                self._add(_TAKE, self._taker((kind, argument), flags))

    def _column(self) -> str:
        found = (match for match in _SUSPECT.finditer(self._pattern))
        plain = re.compile(r"\\[^1-9]|\[", re.DOTALL)
        return next((f"column {match.start() + 1}: " for match in found if not plain.match(match[0])), "")

    def _taker(self, item: Any, flags: int) -> Callable[[str], object]:
        """Whether one character fits, by `re`'s own rules."""
        key = f"{item} {int(flags)}"
        if key not in self._takes:
            state = _parser.State()
            state.flags = int(flags)
            one = _compiler.compile(_parser.SubPattern(state, [item]), int(flags))
            self._takes[key] = one.match
        return self._takes[key]

    def _branch(self, ways: list[Any], flags: int) -> None:
        ends = []
        for way in ways[:-1]:
            fork = self._add(_FORK, ())
            self._sequence(way, flags)
            ends.append(self._add(_GO, 0))
            self._set(fork, fork + 1, len(self._steps))
        self._sequence(ways[-1], flags)
        for end in ends:
            self._set(end, len(self._steps))

    def _group(self, argument: tuple[int | None, int, int, Any], flags: int) -> None:
        group, more, less, items = argument
        if more & re.ASCII:
            raise ValueError("the flag a cannot be used")
        if group is not None:
            self._add(_MARK, 2 * group)
        self._sequence(items, (flags | more) & ~less)
        if group is not None:
            self._add(_MARK, 2 * group + 1)

    def _repeat(self, argument: tuple[int, Any, Any], flags: int, greedy: bool) -> None:
        least, most, items = argument
        for_ever = most is _constants.MAXREPEAT
        if least > LARGEST or (most > LARGEST and not for_ever):
            raise ValueError(f"repeats more than {LARGEST} times")
        for _ in range(least):
            self._sequence(items, flags)
        if for_ever:
            fork = self._add(_FORK, ())
            self._sequence(items, flags)
            self._set(self._add(_GO, 0), fork)
            forks = [fork]
        else:
            forks = []
            for _ in range(most - least):
                forks.append(self._add(_FORK, ()))
                self._sequence(items, flags)
        for fork in forks:
            out = len(self._steps)
            self._set(fork, *((fork + 1, out) if greedy else (out, fork + 1)))


def _where(code: Any, flags: int) -> Callable[[int, int], bool]:
    """Whether a position, by what stands before and after it, is such a place."""
    if code in (_constants.AT_BOUNDARY, _constants.AT_NON_BOUNDARY):
        wanted = code is _constants.AT_BOUNDARY
        return lambda before, after: ((before == _WORD) is not (after == _WORD)) is wanted
    lines = bool(flags & re.MULTILINE)
    if code is _constants.AT_BEGINNING and lines:
        return lambda before, after: before in (_EDGE, _NEWLINE)
    if code in (_constants.AT_BEGINNING, _constants.AT_BEGINNING_STRING):
        return lambda before, after: before == _EDGE
    if code is _constants.AT_END_STRING:
        return lambda before, after: after == _EDGE
    return lambda before, after: after in ((_EDGE, _LAST_NEWLINE, _NEWLINE) if lines else (_EDGE, _LAST_NEWLINE))


class _Stages:
    """What was found out while one text was followed: all places where one may be, and which such stage comes next."""

    def __init__(self) -> None:
        self.places: list[tuple[tuple[int, ...], int]] = []  # with what stands before
        self.ways: list[dict[str, int]] = []  # by the next character
        self.size = 0
        self._numbers: dict[tuple[tuple[int, ...], int], int] = {}

    def number(self, places: tuple[int, ...], before: int) -> int:
        """The stage's number, given at its first sight."""
        self.size += 1
        key = places, before
        if key not in self._numbers:
            self._numbers[key] = len(self.places)
            self.places.append(key)
            self.ways.append({})
            self.size += len(places)
        return self._numbers[key]


class Pattern:
    """A pattern that was understood; made by `compile_`. It keeps nothing of the texts."""

    __slots__ = ("_groups", "_steps")

    def __init__(self, steps: list[Step], groups: int) -> None:
        self._steps, self._groups = steps, groups

    @property
    def groups(self) -> int:
        """How many groups it has."""
        return self._groups

    def found(self, text: str) -> bool:
        """Whether the pattern is somewhere in the text's first 40,000 characters."""
        text = text[:LONGEST]
        last_newline = text.endswith("\n")
        stages = _Stages()
        stage = stages.number((), _EDGE)
        for character in text[:-1] if last_newline else text:
            following = stages.ways[stage].get(character)
            if following is None:
                after = _kind(character)
                places = self._after(stages.places[stage], character, after)
                if places is None:
                    return True
                following = stages.ways[stage][character] = stages.number(places, after)
                if stages.size > _KEPT:
                    stages = _Stages()
                    following = stages.number(places, after)
            stage = following
        here = stages.places[stage]
        if last_newline:
            places = self._after(here, "\n", _LAST_NEWLINE)
            if places is None:
                return True
            here = places, _NEWLINE
        return self._after(here, "", _EDGE) is None

    def _after(self, here: tuple[tuple[int, ...], int], character: str, after: int) -> tuple[int, ...] | None:
        """The places where one may be after the character; None if the pattern's end was reached before it."""
        places = []
        for place in self._reached((*here[0], 0), here[1], after):
            kind, argument = self._steps[place]
            if kind == _END:
                return None
            if character and argument(character):
                places.append(place + 1)
        return tuple(places)

    def _reached(self, places: Iterable[int], before: int, after: int) -> Iterator[int]:
        """The steps that take a character, and the end, that can be reached without taking one."""
        seen: set[int] = set()
        stack = list(places)
        while stack:
            place = stack.pop()
            if place in seen:
                continue
            seen.add(place)
            kind, argument = self._steps[place]
            if kind in (_TAKE, _END):
                yield place
            elif kind == _FORK:
                stack.extend(argument)
            elif kind == _GO:
                stack.append(argument)
            elif kind == _MARK or argument(before, after):
                stack.append(place + 1)

    def search(self, text: str) -> Match | None:
        """Where the pattern is first found in the text's first 2,000 characters, as `re.search` has it.

        The groups may differ from those of `re` where a repetition repeats what may be empty.
        """
        text = text[:LONGEST_SEARCH]
        found: tuple[int, ...] | None = None
        ways: list[_Way] = []
        before = _EDGE
        for at in range(len(text) + 1):
            character = text[at : at + 1]
            after = _LAST_NEWLINE if character == "\n" and at == len(text) - 1 else _kind(character)
            if found is None:
                ways.append((0, (at, -1) + (-1, -1) * self._groups))
            ready, end = self._ready(ways, at, before, after)
            found = end or found
            ways = [(place + 1, marks) for place, marks in ready if character and self._steps[place][1](character)]
            before = _NEWLINE if after == _LAST_NEWLINE else after
        return None if found is None else self._match(text, found)

    def _ready(self, ways: list[_Way], at: int, before: int, after: int) -> tuple[list[_Way], tuple[int, ...] | None]:
        """The ways that take a character next, the preferred first, and the marks of one that ended, if it was met."""
        seen: set[int] = set()
        ready: list[_Way] = []
        stack = ways[::-1]
        while stack:
            place, marks = stack.pop()
            if place in seen:
                continue
            seen.add(place)
            kind, argument = self._steps[place]
            if kind == _END:
                return ready, (marks[0], at, *marks[2:])  # whatever comes later is less preferred
            if kind == _TAKE:
                ready.append((place, marks))
            elif kind == _FORK:
                stack.extend((way, marks) for way in reversed(argument))
            elif kind == _GO:
                stack.append((argument, marks))
            elif kind == _MARK:
                stack.append((place + 1, (*marks[:argument], at, *marks[argument + 1 :])))
            elif argument(before, after):
                stack.append((place + 1, marks))
        return ready, None

    def _match(self, text: str, marks: tuple[int, ...]) -> Match:
        spans = zip(marks[2::2], marks[3::2], strict=True)
        return Match(marks[0], marks[1], tuple(text[a:b] if b >= 0 else None for a, b in spans))


def _kind(character: str) -> int:
    if not character:
        return _EDGE
    return _WORD if character.isalnum() or character == "_" else _NEWLINE if character == "\n" else _OTHER
