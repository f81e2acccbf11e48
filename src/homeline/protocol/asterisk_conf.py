"""Reads Asterisk's configuration files as Asterisk does: what an owner wrote by hand.

Source: `config_text_file_load` and `process_text_line` of Asterisk's main/config.c, and what Asterisk 22 makes of the
files in tests/captures/asterisk_conf. A file is lines of

    [NAME]                   a section; names may repeat, each time it is a new one
    [NAME](!)  [NAME](A,B)   a template; a section that begins with all that A and B have
    [NAME](+)  [NAME](+f=v)  goes on with the first section NAME (that has f=v)
    name = value             an option; `=>` means the same, `+=` appends to the value so far
    #include FILE            also #tryinclude, and #exec, which runs a program

`;` begins a comment, unless a backslash stands before it; `;--` begins one that ends with `--;`, over many lines, and
nests. One mistake that Asterisk minds makes it drop the whole file: that is a DecodeError here.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from homeline.errors import DecodeError

MAX_SIZE = 524288  # characters; the longest of Asterisk's own example files has a fifth of that
MAX_LINE = 8191  # octets without the newline; Asterisk skips a longer line with a warning
_MAX_DEPTH = 10  # of includes
_MAX_NESTED = 128  # of comments
_DIRECTIVES = ("include", "tryinclude", "exec")
_BLANKS = "".join(map(chr, range(1, 33)))  # what Asterisk takes off both ends
_WORD = re.compile(r"[^\x01-\x20]*")
_MAX_NAME = 79

Reader = Callable[[str], Iterable[tuple[str, str]]]  # what stands after #include: names and texts of the files


@dataclass(frozen=True, slots=True)
class Entry:
    """One option of a section, and where it stands (lines from 1)."""

    name: str
    value: str
    file: str
    line: int


@dataclass(frozen=True, slots=True)
class Include:
    """One directive with a file (or, for `exec`, a command)."""

    kind: str
    target: str
    file: str
    line: int


@dataclass(slots=True)
class Section:
    """One section with all its options, inherited ones first."""

    name: str
    file: str
    line: int
    template: bool = False
    parents: tuple[str, ...] = ()
    entries: list[Entry] = field(default_factory=list)

    def get(self, name: str, default: str = "") -> str:
        """The option's last value; names know no capital letters."""
        return next((entry.value for entry in reversed(self.entries) if entry.name.lower() == name.lower()), default)

    def all(self, name: str) -> list[str]:
        """The option's values, in order."""
        return [entry.value for entry in self.entries if entry.name.lower() == name.lower()]

    def find(self, name: str) -> Entry | None:
        """The option's last entry."""
        return next((entry for entry in reversed(self.entries) if entry.name.lower() == name.lower()), None)


@dataclass(slots=True)
class Parsed:
    """What a file says, with what it includes."""

    sections: list[Section] = field(default_factory=list)
    includes: list[Include] = field(default_factory=list)
    mistakes: list[tuple[str, int, str]] = field(default_factory=list)  # file, line, what: Asterisk minds, and goes on

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the sections, templates too, each once, in order."""
        return tuple(dict.fromkeys(section.name for section in self.sections))

    def named(self, name: str) -> list[Section]:
        """The sections of this name that are no templates."""
        return [section for section in self.sections if not section.template and section.name.lower() == name.lower()]

    def has_include(self, target: str) -> bool:
        """Whether `target` is included or tried."""
        return any(include.target == target and include.kind != "exec" for include in self.includes)


def parse(text: str, name: str = "", reader: Reader | None = None) -> Parsed:
    """Reads one file; `name` is its name for people. With `reader` also what it includes, else includes are only named.

    DecodeError says file and line, never the text of the file (it may be a secret). Line ends are newlines alone.
    """
    parser = _Parser(reader)
    parser.file(text, name, 1)
    return parser.parsed


class _Comments:
    """Cuts comments off line by line; knows in how many block comments the next line begins.

    What Asterisk does with marks in odd places (a `--;` without its `;--` hides all that follows) is kept as it is.
    """

    def __init__(self) -> None:
        self._depth = 0

    def strip(self, line: str) -> str:
        """What is left of a line, an escaped `;` without its backslash."""
        start = None if self._depth else 0  # of what is kept, which ends at a NUL
        seen = 0
        while (at := line.find(";", seen)) >= 0:
            if at > seen and line[at - 1] == "\\":
                line = line[: at - 1] + line[at:]
                seen = at
            elif line.startswith("--", at + 1) and line[at + 3 : at + 4] != "-" and self._depth < _MAX_NESTED:
                line = line[:at] + "\0" + line[at + 1 :]
                self._depth += 1
                seen = at + 3
            elif line[seen:at].endswith("--"):
                self._depth -= 1
                seen = at + 1
                if not self._depth and start is None:
                    start = seen
                elif not self._depth:
                    kept = line.partition("\0")[0]
                    line, seen = kept + line[seen:], len(kept)
            elif self._depth:
                seen = at + 1
            else:
                line = line[:at]
        return "" if start is None else line[start:].partition("\0")[0]


class _Parser:
    def __init__(self, reader: Reader | None) -> None:
        self._reader = reader
        self.parsed = Parsed()
        self._current: Section | None = None  # where an included file begins
        self._read = 0  # characters, of all files

    def file(self, text: str, name: str, depth: int) -> None:
        self._read += len(text)
        if self._read > MAX_SIZE:
            raise DecodeError(f"{name or 'file'}: longer than {MAX_SIZE} characters, with what it includes")
        comments = _Comments()
        section = self._current
        for number, raw in enumerate(text.removeprefix("\ufeff").split("\n"), 1):
            if len(raw.encode("utf-8", "surrogateescape")) >= MAX_LINE:
                self._mistake(name, number, f"is longer than {MAX_LINE - 1} octets, so Asterisk skips it")
                continue
            line = comments.strip(raw.partition("\0")[0]).strip(_BLANKS)
            if line.startswith("["):
                section = self._current = self._head(line, name, number)
            elif line.startswith("#"):
                self._directive(line, name, number, depth)
            elif line:
                self._option(section, line, name, number)

    def _mistake(self, file: str, number: int, reason: str) -> None:
        self.parsed.mistakes.append((file, number, reason))

    def _head(self, line: str, file: str, number: int) -> Section:
        """The section that this line begins, or goes on with."""
        close = line.find("]")
        if close < 0:
            raise _Broken(file, number, "a section's name without ]")
        name, rest = line[1:close], line[close + 1 :]
        section = new = Section(name[:_MAX_NAME], file, number)
        if rest.startswith("("):
            if ")" not in rest:
                raise _Broken(file, number, "a ( that is never closed")
            for mark in rest[1 : rest.index(")")].split(","):
                if mark == "!":
                    section.template = True
                elif mark.startswith("+"):
                    section = self._extended(name, section, mark[1:], file, number)
                else:
                    self._inherit(section, mark, file, number)
        if section is new:
            self.parsed.sections.append(section)
        return section

    def _extended(self, name: str, new: Section, condition: str, file: str, number: int) -> Section:
        """The section that a `(+)` goes on with; it gets what the head said before."""
        known = next((known for known in self.parsed.sections if _meets(known, name, condition)), None)
        if known is None:
            raise _Broken(file, number, "adds to a section that is not there")
        if known is not new:
            known.template |= new.template
            known.parents += new.parents
            known.entries += new.entries
        return known

    def _inherit(self, section: Section, parent: str, file: str, number: int) -> None:
        """Without a name it is the file's first section."""
        sections = self.parsed.sections
        known = next((known for known in sections if not parent or known.name.lower() == parent.lower()), None)
        if known is None:
            raise _Broken(file, number, "inherits from a section that is not there")
        section.parents += (known.name,)
        section.entries += known.entries

    def _directive(self, line: str, file: str, number: int, depth: int) -> None:
        word = _WORD.match(line, 1)
        kind = word[0].lower() if word else ""
        target = _unquoted(line[1 + len(kind) :].strip(_BLANKS))
        if kind not in _DIRECTIVES or not target:
            return self._mistake(file, number, "is no directive that Asterisk knows")
        self.parsed.includes.append(Include(kind, target, file, number))
        if kind == "exec" or self._reader is None:
            return None
        found = list(self._reader(target)) if depth <= _MAX_DEPTH else []
        if not found and kind == "include":
            raise _Broken(file, number, f"includes a file that is not there, or more than {_MAX_DEPTH} deep")
        for name, text in found:
            try:
                self.file(text, name, depth + 1)
            except _Broken as error:  # what the file said before its mistake counts
                self._mistake(error.file, error.line, error.reason)
        return None

    def _option(self, section: Section | None, line: str, file: str, number: int) -> None:
        if section is None:
            raise _Broken(file, number, "an option before the first section")
        escaped = line.startswith("\\")
        line = line[escaped:]
        if escaped and (not line or line[0] in _BLANKS):
            raise _Broken(file, number, "a backslash before nothing")
        at = line.find("=", escaped)
        if at < 0:
            return self._mistake(file, number, "has no =")
        appends = at > escaped and line[at - 1] == "+"
        name, value = line[: at - appends].strip(_BLANKS), line[at + 1 :]
        if appends:
            self._append(section, name, value, file, number)
        elif name:
            section.entries.append(Entry(name, value.removeprefix(">").strip(_BLANKS), file, number))
        return None

    def _append(self, section: Section, name: str, value: str, file: str, number: int) -> None:
        """`name += value`: a longer value in the place of the last one."""
        last = next((entry.value for entry in reversed(section.entries) if entry.name == name), None)
        if last is None:
            if name:
                section.entries.append(Entry(name, value.strip(_BLANKS), file, number))
            return
        for at, entry in enumerate(section.entries):
            if entry.name.lower() == name.lower() and (not last or entry.value.lower() == last.lower()):
                section.entries[at] = Entry(name, (last + value).strip(_BLANKS), file, number)
                return


class _Broken(DecodeError):
    """A mistake for which Asterisk drops the file."""

    def __init__(self, file: str, line: int, reason: str) -> None:
        super().__init__(f"{file}, line {line}: {reason}" if file else f"line {line}: {reason}")
        self.file, self.line, self.reason = file, line, reason


def _meets(section: Section, name: str, condition: str) -> bool:
    """Whether `(+condition)` means this section. Asterisk takes names and values for patterns; here they are parts."""
    if section.name.lower() != name.lower():
        return False
    templates = False
    for part in condition.split("&") if condition else ():
        option, equals, value = (piece.strip(_BLANKS) for piece in part.partition("="))
        if option == "TEMPLATES":
            templates = section.template
        elif not equals or not any(option in entry.name and value in entry.value for entry in section.entries):
            return False
    return templates or not section.template


def _unquoted(target: str) -> str:
    for opening, closing in ('""', "<>"):
        if target.startswith(opening) and target.endswith(closing) and len(target) > 1:
            return target[1:-1]
    return target
