"""What the audit of hand-written files works on: the files as Asterisk reads them, and findings with a place."""

from __future__ import annotations

import fnmatch
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from homeline.errors import DecodeError
from homeline.model import Problem
from homeline.protocol import asterisk_conf
from homeline.protocol.asterisk_conf import Entry, Include, Parsed, Section

FOLDER = "/etc/asterisk/"
SUFFIXES = (".conf", ".ael", ".lua")  # of the files that are looked at
TRUE = ("yes", "true", "y", "t", "1", "on")  # as Asterisk's ast_true() takes them
_SHOWN = 60  # characters of something that the owner wrote
_LOOPBACK = re.compile(r"127\.[0-9.]+|::1|\[::1\]|localhost")


@dataclass(frozen=True, slots=True)
class Finding:
    """Something in a file that the owner wrote: what could happen, and what to do.

    `closes` says that no call may go out through Homeline until it is put right or accepted; `fences`, that SIP may
    not be taken from everywhere until then.
    """

    file: str
    line: int
    section: str
    text: str
    advice: str
    severity: str = "warning"  # info, warning, critical
    closes: bool = False
    fences: bool = False

    @property
    def key(self) -> str:
        """What `sip.accepted` names it by."""
        return f"{self.file}:{re.sub('[^!-~]', '_', self.section)}"

    @property
    def where(self) -> str:
        """Its place, for people: file, line and section."""
        line = f" line {self.line}" if self.line else ""
        section = f" [{shown(self.section)}]" if self.section != self.file else ""
        return f"{FOLDER}{shown(self.file)}{line}{section}"

    @property
    def problem(self) -> Problem:
        """As `status` shows it."""
        accept = f", or accept it: list accepted '{self.key}' in config sip 'sip'" if self.closes else ""
        until = "; until then SIP is refused from networks that no trunk and no phone names" if self.fences else ""
        return Problem(self.where, self.text, self.advice + accept + until)


@dataclass(slots=True)
class Files:
    """The owner's files by their names below /etc/asterisk, read when they are asked for."""

    texts: Mapping[str, str]
    broken: dict[str, str] = field(default_factory=dict)  # file: why Asterisk drops it
    _read: dict[str, Parsed] = field(default_factory=dict)

    def parsed(self, name: str) -> Parsed:
        """The file with what it includes; empty where it is not there or Asterisk drops it."""
        if name not in self._read:
            try:
                self._read[name] = asterisk_conf.parse(self.texts.get(name, ""), name, self._included)
            except DecodeError as error:
                self.broken[name] = str(error)
                self._read[name] = Parsed()
        return self._read[name]

    def sections(self, name: str) -> list[Section]:
        """The file's sections that are no templates."""
        return [section for section in self.parsed(name).sections if not section.template]

    def unseen(self, name: str) -> Iterable[Include]:
        """What the file includes and nobody looked at. What is missing where all is looked at is just missing."""
        for include in self.parsed(name).includes:
            target = include.target.removeprefix(FOLDER)
            ours = target.startswith("homeline/") and ".." not in target
            if include.kind == "exec" or not (_is_looked_at(target) or ours or target in self.texts):
                yield include

    def missing(self, name: str) -> Iterable[Include]:
        """What the file has to include and is not there: then Asterisk drops the file whole."""
        for include in self.parsed(name).includes:
            target = include.target.removeprefix(FOLDER)
            ours = target.startswith("homeline/")
            if include.kind == "include" and _is_looked_at(target) and not ours and not self._known(target):
                yield include

    def _known(self, name: str) -> list[str]:
        return [known for known in sorted(self.texts) if fnmatch.fnmatchcase(known, name)]

    def _included(self, target: str) -> Iterable[tuple[str, str]]:
        """What is not below /etc/asterisk, or ours, counts as empty: not as the mistake that a missing file is."""
        name = target.removeprefix(FOLDER)
        return [(known, self.texts[known]) for known in self._known(name)] or [(name, "")]


def _is_looked_at(target: str) -> bool:
    """Whether a file of that name, if it is there, is among those that the audit is given."""
    near = target.count("/") < 2 and not target.startswith("/") and ".." not in target
    return near and target.endswith(SUFFIXES)


def shown(text: str) -> str:
    """Something that the owner wrote, fit for a line of text."""
    clean = "".join(character if character.isprintable() else "?" for character in text)
    return clean if len(clean) <= _SHOWN else clean[:_SHOWN] + "…"


def is_on(section: Section, name: str, default: bool = False) -> bool:
    """An option that is yes or no."""
    value = section.get(name)
    return value.lower() in TRUE if value else default


def is_loopback(address: str) -> bool:
    """Whether an address to listen at is this router's own."""
    return bool(_LOOPBACK.fullmatch(address.strip()))


def place(section: Section, *names: str) -> tuple[str, int]:
    """File and line of the first of these options that the section has, else of its head."""
    entry: Entry | None = next((found for name in names if (found := section.find(name))), None)
    return (entry.file, entry.line) if entry else (section.file, section.line)
