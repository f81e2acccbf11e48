"""The syntax of Asterisk's configuration files: the only place that writes and escapes it.

Source: Asterisk's `main/config.c`. A line is a section's head, `name = value`, or a directive that begins with `#`; `;`
begins a comment unless a backslash stands before it; blanks around a value are cut off. A backslash before anything
else is itself. There is no way to write a line break, so a value that has one is refused.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from homeline.errors import RenderError

MAX_LINE = 4096  # octets of a value; Asterisk reads lines of 8191 and takes what is longer for two
_HEAD = re.compile(r"[A-Za-z0-9_.-]{1,79}")  # Asterisk keeps 79 octets of a section's name
_OPTION = re.compile(r"[A-Za-z0-9_.-]{1,64}")


def value(text: str) -> str:
    """A value as it stands in a file. RenderError where Asterisk would not read it back as the same text."""
    if not text.isprintable():
        raise RenderError("has characters that a configuration file of Asterisk cannot hold")
    if text != text.strip():
        raise RenderError("begins or ends with a blank, which Asterisk would cut off")
    if len(text.encode()) > MAX_LINE:
        raise RenderError(f"is longer than {MAX_LINE} octets")
    return text.replace(";", r"\;")


@dataclass(frozen=True, slots=True)
class Section:
    """One section: its options in order, an option as often as it is wanted. RenderError names section and option.

    `extends` adds to a section that is already there (`(+)`), `template` makes one that is only a parent (`(!)`).
    """

    name: str
    options: Sequence[tuple[str, str]]
    template: bool = False
    extends: bool = False
    parents: Sequence[str] = ()
    comment: str = ""  # one line above the section

    def __post_init__(self) -> None:
        for name in (self.name, *self.parents):
            if not _HEAD.fullmatch(name):
                raise RenderError(f"{name[:80]!a} cannot be a section of Asterisk's")
        for option, text in (("comment", self.comment), *self.options):
            if not _OPTION.fullmatch(option):
                raise RenderError(f"[{self.name}]: {option[:80]!a} cannot be an option of Asterisk's")
            try:
                value(text)
            except RenderError as error:
                raise RenderError(f"[{self.name}] {option}: {error}") from None

    @property
    def flags(self) -> str:
        """What follows the section's name: nothing, or (!), (+) and the templates in parentheses."""
        marks = ["!"] * self.template + ["+"] * self.extends + list(self.parents)
        return f"({','.join(marks)})" if marks else ""
