"""The language of templates: text with fields in braces, such as `{from}: {text|first 100}` (docs/rules.md).

    {field}                  the field's value
    {field|filter|filter}    changed by filters, from left to right
    {?field}...{/}           what stands between, where the field has a value; {!field}...{/} where it has none
    {{  \\n  \\\\               a brace, a new line, a backslash; everything else stands for itself

A value is put in and never looked at again, so nothing that a stranger wrote can be a field or a filter. What comes out
is bounded, and so is the work: a template has no loops.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache

LONGEST = 65536  # octets of UTF-8 that come out
DEEPEST = 8  # conditions within each other

# What an event has to say. `docs/rules.md` shows this table and a test compares them.
FIELDS: dict[str, str] = {
    "text": "The message's text, the network's answer to a USSD code, an alert's words.",
    "code": "The one-time code; empty where there is none, or where the rule hides it.",
    "from": "The other end's number, in international form where it can be, or its name. Of USSD, the code.",
    "name": "The other end's name, where the network tells one.",
    "who": "Name and number.",
    "to": "Our own number: the dongle's, or what a caller dialled.",
    "dongle": "The dongle's name.",
    "kind": "`message`, `report`, `ussd`, `alert`, `call`, `voicemail`.",
    "what": "The same in words, such as `SMS`, `Missed call`.",
    "state": "What became of it: of a call `missed`, `answered` and so on, of a report `delivered` or `failed`.",
    "time": "When, by the sender's clock, such as `2024-05-01 14:03:00 +02:00`.",
    "date": "The day of that, such as `2024-05-01`.",
    "clock": "The time of day of that, such as `14:03`.",
    "iso": "The same as RFC 3339 writes it, for programs.",
    "at": "The same as seconds since 1970.",
    "seconds": "How long a voicemail is, or how long a call lasted.",
    "key": "An alert's key, such as `database.opened`.",
    "severity": "An alert's: `info`, `warning`, `critical`.",
    "advice": "What to do about an alert.",
    "subject": "Homeline's own heading.",
    "body": "Homeline's own text, with all details.",
    "rule": "The rule's name.",
    "priority": "The rule's: `low`, `normal`, `high`.",
    "id": "The event's number.",
}


def _json(value: str) -> str:
    return json.dumps(value, ensure_ascii=False)


def _html(value: str) -> str:
    for character, entity in (("&", "&amp;"), ("<", "&lt;"), (">", "&gt;"), ('"', "&quot;"), ("'", "&#39;")):
        value = value.replace(character, entity)
    return value


def _url(value: str) -> str:
    """Percent-encoded but for what RFC 3986 2.3 never reserves."""
    octets = value.encode("utf-8", "replace")
    return "".join(
        chr(o) if chr(o).isascii() and (chr(o).isalnum() or chr(o) in "-._~") else f"%{o:02X}" for o in octets
    )


def _line(value: str) -> str:
    return "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in " ".join(value.split()))


# Filters without an argument, and with a number.
_PLAIN: dict[str, Callable[[str], str]] = {
    "line": _line,
    "json": _json,
    "html": _html,
    "url": _url,
    "upper": str.upper,
    "lower": str.lower,
}
_COUNTED: dict[str, Callable[[str, int], str]] = {
    "first": lambda value, count: value if len(value) <= count else value[: max(count - 1, 0)] + "…",
    "last": lambda value, count: value if len(value) <= count else "…" + value[len(value) - max(count - 1, 0) :],
}
FILTERS = (*_PLAIN, *_COUNTED, "or")

Values = Mapping[str, str]
Piece = Callable[[Values], Iterator[str]]
Step = Callable[[str, Values], str]
_TAG = re.compile(r"\{\{|\\[n\\]|\{(?P<inside>[^{}]{0,200})\}|(?P<open>\{)")


@dataclass(frozen=True, slots=True)
class Template:
    """A template that was understood. `fields` are those that it uses."""

    fields: frozenset[str]
    _piece: Piece

    def fill(self, values: Values) -> str:
        """The text with these values; a field that is not among them is empty. Half surrogates become "?"."""
        octets = b""
        for text in self._piece(values):
            octets += text.encode("utf-8", "replace")
            if len(octets) > LONGEST:
                return octets[:LONGEST].decode("utf-8", "ignore")
        return octets.decode()


@lru_cache(maxsize=64)
def compile_(source: str) -> Template:
    """Understand a template. ValueError with the reason and the column, from 1, where it is none."""
    return _Reader(source).template()


class _Reader:
    """Reads from left to right. What is open stands on a stack: its condition, its column, its pieces so far."""

    def __init__(self, source: str) -> None:
        self._source = source
        self._fields: set[str] = set()
        self._stack: list[tuple[str, int, list[Piece]]] = [("", 0, [])]

    def template(self) -> Template:
        at = 0
        for match in _TAG.finditer(self._source):
            self._literal(self._source[at : match.start()])
            self._tag(match, match.start() + 1)
            at = match.end()
        self._literal(self._source[at:])
        condition, column, pieces = self._stack[-1]
        if condition:
            raise ValueError(f"column {column}: {{{condition}}} is not closed by {{/}}")
        return Template(frozenset(self._fields), _joined(pieces))

    def _literal(self, text: str) -> None:
        if text:
            self._stack[-1][2].append(lambda values: iter((text,)))

    def _tag(self, match: re.Match[str], column: int) -> None:
        if match["open"]:
            raise ValueError(f"column {column}: this brace is not closed; {{{{ is a brace in the text")
        inside = match["inside"]
        if inside is None:
            self._literal({"{{": "{", "\\n": "\n", "\\\\": "\\"}[match[0]])
        elif inside == "/":
            self._close(column)
        elif inside[:1] in ("?", "!"):
            self._field(inside[1:], column)
            if len(self._stack) > DEEPEST:
                raise ValueError(f"column {column}: more than {DEEPEST} conditions within each other")
            self._stack.append((inside, column, []))
        else:
            self._stack[-1][2].append(self._value(inside, column))

    def _close(self, column: int) -> None:
        if len(self._stack) == 1:
            raise ValueError(f"column {column}: there is nothing for {{/}} to close")
        condition, _, pieces = self._stack.pop()
        wanted, name, inner = condition[0] == "?", condition[1:], _joined(pieces)
        self._stack[-1][2].append(lambda values: inner(values) if bool(values.get(name)) is wanted else iter(()))

    def _field(self, name: str, column: int) -> str:
        if name not in FIELDS:
            there = ", ".join(FIELDS)
            raise ValueError(f"column {column}: there is no field '{name[:40]}' ({{{{ is a brace); there are {there}")
        self._fields.add(name)
        return name

    def _value(self, inside: str, column: int) -> Piece:
        first, *filters = inside.split("|")
        name = self._field(first.strip(), column)
        steps = [self._filter(words, column) for words in filters]

        def value(values: Values) -> Iterator[str]:
            result = values.get(name, "")
            for step in steps:
                result = step(result, values)
            yield result

        return value

    def _filter(self, words: str, column: int) -> Step:
        name, _, argument = words.strip().partition(" ")
        argument = argument.strip()
        if name in _PLAIN and not argument:
            return lambda value, values: _PLAIN[name](value)
        if name in _COUNTED and argument.isascii() and argument.isdigit() and len(argument) <= 5:
            count = int(argument)
            return lambda value, values: _COUNTED[name](value, count)
        if name == "or" and len(argument) >= 2 and argument[0] == argument[-1] == '"':
            return lambda value, values: value or argument[1:-1]
        if name == "or" and argument:
            other = self._field(argument, column)
            return lambda value, values: value or values.get(other, "")
        raise ValueError(f"column {column}: {_wrong_filter(name)}")


def _wrong_filter(name: str) -> str:
    if name in _PLAIN:
        return f"'{name}' takes nothing after it"
    if name in _COUNTED:
        return f"'{name}' needs a number, such as {{text|{name} 100}}"
    if name == "or":
        return "'or' needs a field or words, such as {code|or \"none\"}"
    return f"there is no filter '{name[:40]}'; there are {', '.join(FILTERS)}"


def _joined(pieces: list[Piece]) -> Piece:
    return lambda values: (text for piece in pieces for text in piece(values))
