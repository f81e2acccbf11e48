"""Patterns of Asterisk's dial plan: what they match, and how a regular expression of digits becomes some.

A pattern stands here without the `_` that marks one in extensions.conf: digits and `+` stand for themselves, `X` for
any digit, `[2-46]` for some, and `!` at the end for anything at all. (Asterisk documentation, "Pattern Matching".)
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from itertools import product

ANYTHING = "!"
_ELEMENT = re.compile(r"\[[0-9-]+\]|[0-9X+*#]")
_LONGEST = 16  # elements: no number has more digits


def matches(pattern: str, text: str) -> bool:
    """Whether Asterisk takes this dialled text for the pattern."""
    return _compiled(pattern).fullmatch(text) is not None


@lru_cache(maxsize=4096)
def _compiled(pattern: str) -> re.Pattern[str]:
    body = "".join("[0-9]" if element == "X" else _literal(element) for element in _ELEMENT.findall(pattern))
    return re.compile(body + (".*" if pattern.endswith(ANYTHING) else ""), re.DOTALL)


def _literal(element: str) -> str:
    return element if element.startswith("[") else re.escape(element)


def example(pattern: str) -> str:
    """A text that the pattern matches: the lowest one, without what `!` stands for."""
    return "".join(
        "0" if element == "X" else element[1] if element[0] == "[" else element for element in _ELEMENT.findall(pattern)
    )


def length(pattern: str) -> int:
    """How many characters it stands for, without `!`."""
    return len(_ELEMENT.findall(pattern))


def beginning(pattern: str, count: int) -> str:
    """The first elements of a pattern, without those at their end that are any digit."""
    return "".join(_ELEMENT.findall(pattern)[:count]).rstrip("X")


@dataclass(frozen=True, slots=True)
class _Way:
    """One way through an expression: its elements, and whether nothing certain can be said of what follows."""

    elements: tuple[str, ...] = ()
    cut: bool = False

    def then(self, other: _Way) -> _Way:
        if self.cut:
            return self
        elements = (*self.elements, *other.elements)
        return _Way(elements[:_LONGEST], other.cut or len(elements) > _LONGEST)


def alternatives(expression: str) -> Iterator[str]:
    """The patterns that a regular expression of digits comes to, as the library `phonenumbers` writes them.

    It may have alternatives, groups, classes, `\\d` and counts. From a part whose length is not fixed on, a pattern
    says nothing more: it is the beginning of what the expression matches. ValueError for an expression that has more.
    """
    reader = _Reader(expression)
    ways = reader.ways()
    if reader.rest:
        raise ValueError(f"'{expression}' is no expression of digits alone: '{reader.rest}' is left")
    return ("".join(way.elements) for way in ways)


def beginnings(expression: str) -> tuple[str, ...]:
    """How the numbers of an expression begin: its patterns up to where any digit may follow. Never empty ones."""
    found = (pattern.rstrip("X") for pattern in alternatives(expression))
    return distinct(pattern for pattern in found if pattern)


def distinct(patterns: Iterable[str]) -> tuple[str, ...]:
    """Without what another one begins with: `9` makes `90` superfluous. In order."""
    ordered = sorted(set(patterns), key=lambda pattern: (length(pattern), pattern))
    kept: dict[str, None] = {}
    for pattern in ordered:
        elements = _ELEMENT.findall(pattern)
        if not any("".join(elements[:count]) in kept for count in range(len(elements))):
            kept[pattern] = None
    return tuple(sorted(kept))


class _Reader:
    """Reads an expression from left to right."""

    def __init__(self, expression: str) -> None:
        self.rest = expression

    def ways(self) -> list[_Way]:
        """Alternatives, up to the end or to a closing parenthesis."""
        found = self._sequence()
        while self.rest.startswith("|"):
            self.rest = self.rest[1:]
            found += self._sequence()
        return found

    def _sequence(self) -> list[_Way]:
        found = [_Way()]
        while self.rest and self.rest[0] not in "|)":
            found = [first.then(second) for first, second in product(found, self._counted())]
        return found

    def _counted(self) -> list[_Way]:
        atom = self._atom()
        count = re.match(r"\{(\d+)(,\d*)?\}|[?*+]", self.rest)
        if count is None:
            return atom
        self.rest = self.rest[count.end() :]
        least = int(count[1]) if count[1] else int(count[0] == "+")
        found = [_Way()]
        for _ in range(least):
            found = [first.then(second) for first, second in product(found, atom)]
        exact = count[1] is not None and count[2] is None
        return found if exact else [way.then(_Way(cut=True)) for way in found]

    def _atom(self) -> list[_Way]:
        if group := re.match(r"\((\?:)?", self.rest):
            self.rest = self.rest[group.end() :]
            found = self.ways()
            if not self.rest.startswith(")"):
                raise ValueError("a group does not end")
            self.rest = self.rest[1:]
            return found
        element = re.match(r"\\d|\[[0-9-]+\]|[0-9]", self.rest)
        if element is None:
            raise ValueError(f"'{self.rest}' is no expression of digits")
        self.rest = self.rest[element.end() :]
        return [_Way(("X" if element[0] == r"\d" else element[0],))]
