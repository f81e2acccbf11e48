"""UCI's file syntax: `parse` reads what libuci reads, `dump` writes what `uci export` and `uci commit` write.

The grammar is libuci's (openwrt/uci, file.c) in its strict mode, the only one that the `uci` command, rpcd and netifd
use: one mistake refuses the whole file. A file is a sequence of commands, one a line (or several, after a `;`):

    config TYPE [NAME]      a new section, or more options for the section of that name
    option NAME [VALUE]     a value; the last one counts, an empty one is ignored
    list NAME [VALUE]       one more value
    package NAME            tolerated, the file's name counts

Words are joined from bare, '...' and "..." pieces. A backslash takes the next character literally, but not within
single quotes; before a line's end it continues the line. `#` starts a comment, in the middle of a bare word as well.
Quoted pieces may span lines. The commands may be cut down to their first letter.

Files are bounded (`MAX_SIZE`). Bytes that are not UTF-8 survive as surrogate escapes: what was read can be written.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field

from homeline.errors import DecodeError, EncodeError

MAX_SIZE = 262144  # characters; a router's largest configuration files are a tenth of that

_BLANK = " \t\n\v\f\r"  # isspace() of the C locale, and no more
_NAME = re.compile(r"[A-Za-z0-9_]+")
_PACKAGE = re.compile(r"[A-Za-z0-9_-]+")
_TYPE = re.compile(r"[!-~]+")
_WORD = re.compile(r"[^ \t]+")
_CONTINUATION = re.compile(r"\r?\n|\Z")
_COMMANDS = {"package": "package", "config": "config", "option": "option", "list": "list"} | {
    word[0]: word for word in ("package", "config", "option", "list")
}


@dataclass(slots=True)
class Section:
    """One section. An option is a string, a list is a list of strings; both keep the order of the file."""

    type: str
    name: str  # libuci's cfgNNhhhh where the file names none
    anonymous: bool = False
    options: dict[str, str | list[str]] = field(default_factory=dict)
    repeated: set[str] = field(default_factory=set)  # options that were given more than once; the last one counted


def parse(data: bytes | str) -> list[Section]:
    """The sections of one file, in order.

    DecodeError names line and column, both from 1, and never repeats the file's text (it may be a secret).
    """
    text = data if isinstance(data, str) else data.decode("utf-8", "surrogateescape")
    if len(text) > MAX_SIZE:
        raise DecodeError(f"file is longer than {MAX_SIZE} characters")
    return _Parser(text).sections()


def anonymous_name(section_type: str, position: int) -> str:
    """libuci's name for an unnamed section that is the file's `position`-th section (from 1)."""
    code = 5381  # djb2 over the type alone: options come later than the name
    for character in section_type:
        code = (code * 33 + ord(character)) & 0xFFFFFFFF
    return f"cfg{position:02x}{code % 65536:04x}"


def dump(sections: Iterable[Section], package: str = "") -> str:
    """The text that `uci commit` writes, or with `package` that of `uci export`. EncodeError: it cannot be written."""
    lines = [f"package {package}"] if package else []
    for section in sections:
        if not _TYPE.fullmatch(section.type) or re.search(r"['\";#\\]", section.type):
            raise EncodeError(f"'{section.type}' cannot be a section's type")  # libuci writes types without quotes
        lines.append("")
        lines.append(f"config {section.type}" + ("" if section.anonymous else f" {_quote(_name(section.name))}"))
        for name, value in section.options.items():
            if isinstance(value, str):
                lines.append(f"\toption {_name(name)} {_quote(value)}")
            else:
                lines += (f"\tlist {_name(name)} {_quote(item)}" for item in value)
    return "\n".join([*lines, "", ""])


def _name(name: str) -> str:
    if not _NAME.fullmatch(name):
        raise EncodeError(f"'{name}' cannot be a name: letters, digits and _ only")
    return name


def _quote(value: str) -> str:
    if "\0" in value:
        raise EncodeError("a value cannot hold a NUL")
    return "'" + value.replace("'", "'\\''") + "'"


class _Parser:
    """Reads one text. `_end` is the end of the line at `_pos`, newline included, as in libuci's line buffer."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._pos = self._end = 0
        self._sections: list[Section] = []
        self._by_name: dict[str, Section] = {}
        self._section: Section | None = None

    def sections(self) -> list[Section]:
        nul = self._text.find("\0")
        if nul >= 0:
            raise self._error("a NUL character", nul)
        while self._end < len(self._text):
            self._next_line(self._end)
            self._skip_blank()
            while self._command():
                pass
        return self._sections

    def _error(self, reason: str, at: int | None = None) -> DecodeError:
        at = self._pos if at is None else at
        line_start = self._text.rfind("\n", 0, at) + 1
        line = self._text.count("\n", 0, at) + 1
        return DecodeError(f"line {line}, column {at - line_start + 1}: {reason}")

    def _next_line(self, start: int) -> None:
        newline = self._text.find("\n", start)
        self._pos, self._end = start, len(self._text) if newline < 0 else newline + 1

    def _skip_blank(self) -> None:
        while self._pos < self._end and self._text[self._pos] in _BLANK:
            self._pos += 1

    def _command(self) -> bool:
        """Carries out the next command of the line; False at its end."""
        while self._pos < self._end and self._text[self._pos] in " \t":
            self._pos += 1
        match = _WORD.match(self._text, self._pos, self._end)
        if not match or match[0].startswith("#"):
            return False
        command = _COMMANDS.get(match[0])
        if command is None:
            raise self._error("expected package, config, option or list")
        if match.end() == self._end:
            raise self._error(f"{command} without name", self._end)
        self._pos = match.end() + 1
        if command == "package":
            self._checked(_PACKAGE, "a package's name")
            self._expect_end()
        elif command == "config":
            self._config()
        elif self._section is None:
            raise self._error(f"{command} before the first section", match.start())
        else:
            self._option(self._section, command)
        return True

    def _config(self) -> None:
        section_type = self._checked(_TYPE, "a section's type")
        self._skip_blank()
        start = self._pos
        name = self._argument()
        if name and not _NAME.fullmatch(name):
            raise self._error("a section's name has letters, digits and _ only", start)
        self._expect_end()
        known = self._by_name.get(name)
        if known and known.type != section_type:
            raise self._error("a section of this name and another type came before", start)
        self._section = known or self._add(section_type, name)

    def _add(self, section_type: str, name: str) -> Section:
        unique = name or anonymous_name(section_type, len(self._sections) + 1)
        section = Section(section_type, unique, anonymous=not name)
        self._sections.append(section)
        self._by_name.setdefault(unique, section)
        return section

    def _option(self, section: Section, command: str) -> None:
        name = self._checked(_NAME, "an option's name")
        value = self._argument()
        self._expect_end()
        known = section.options.get(name)
        if command == "option":
            if value and known is not None:
                section.repeated.add(name)
            if value:
                section.options[name] = value
        elif isinstance(known, list):
            known.append(value)
        else:
            section.options[name] = [value] if known is None else [known, value]

    def _checked(self, pattern: re.Pattern[str], what: str) -> str:
        before = self._pos
        self._skip_blank()
        start = self._pos
        word = self._argument()
        if not word:
            raise self._error(f"{what} is missing", before)
        if not pattern.fullmatch(word):
            raise self._error(f"a character that {what} cannot have", start)
        return word

    def _expect_end(self) -> None:
        self._skip_blank()
        start = self._pos
        if self._argument():
            raise self._error("too many words", start)

    def _argument(self) -> str:
        """The next word, "" at the end of a line or command."""
        self._skip_blank()
        if self._pos < self._end and self._text[self._pos] == ";":
            self._pos += 1
            return ""
        start = self._pos
        pieces: list[str] = []
        while self._pos < self._end and (character := self._text[self._pos]) not in ";#":
            pieces.append(self._piece(character))
            if self._pos >= self._end or self._text[self._pos] in _BLANK:
                break
        word = "".join(pieces)
        self._end_word(bare=len(word) == self._pos - start)
        return word

    def _end_word(self, bare: bool) -> None:
        """Steps over what ended a word.

        libuci ends the word with a NUL in its line buffer. After a word without any quote or backslash that is the
        place of the `;` itself, so there a `;` ends the line like a `#`: odd, but what the router does.
        """
        if self._pos >= self._end:
            return
        character = self._text[self._pos]
        if character == "#" or (character == ";" and bare):
            self._pos = self._end
        elif character != ";":
            self._pos += 1

    def _piece(self, character: str) -> str:
        """One piece of a word: a quoted stretch, an escaped character, or a bare one."""
        if character == "'":
            return self._single_quoted()
        if character == '"':
            return self._double_quoted()
        if character == "\\":
            return self._escaped()
        self._pos += 1
        return character

    def _single_quoted(self) -> str:
        close = self._text.find("'", self._pos + 1)
        if close < 0:
            raise self._error("a ' that is never closed")
        value = self._text[self._pos + 1 : close]
        self._resume(close + 1)
        return value

    def _double_quoted(self) -> str:
        opening = self._pos
        self._pos += 1
        pieces: list[str] = []
        while (character := self._text[self._pos : self._pos + 1]) != '"':
            if not character:
                raise self._error('a " that is never closed', opening)
            if character == "\\":
                pieces.append(self._escaped())
            else:
                pieces.append(character)
                self._pos += 1
        self._resume(self._pos + 1)
        return "".join(pieces)

    def _resume(self, pos: int) -> None:
        """Goes on at `pos`, which may lie on a later line."""
        if pos > self._end:
            self._next_line(pos)
        self._pos = pos

    def _escaped(self) -> str:
        """What stands after a backslash: one character, or nothing where it joins the next line to this one."""
        continuation = _CONTINUATION.match(self._text, self._pos + 1)
        if continuation:
            self._next_line(continuation.end())
            return ""
        self._pos += 2
        return self._text[self._pos - 1]
