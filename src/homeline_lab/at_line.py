"""Command lines as a modem reads them (ITU-T V.250 5.2): several commands in one line, basic and extended."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum


class Op(Enum):
    RUN = ""
    READ = "?"
    TEST = "=?"
    SET = "="


@dataclass(frozen=True, slots=True)
class Request:
    """One command of a line."""

    name: str  # upper case, with its +, ^ or &
    op: Op
    args: tuple[str, ...] = ()  # unquoted

    def number(self, index: int, default: int | None = None) -> int:
        """Argument as an integer. A missing one is `default`; AtError where there is none or it is no number."""
        text = self.args[index].strip() if index < len(self.args) else ""
        if not text and default is not None:
            return default
        if not text.isascii() or not text.isdigit():
            raise AtError()
        return int(text)

    def text(self, index: int, default: str = "") -> str:
        return self.args[index] if index < len(self.args) else default


class AtError(Exception):
    """A command fails. `family` is CME, CMS or empty for a bare ERROR."""

    def __init__(self, family: str = "", code: int = 0) -> None:
        super().__init__(f"{family} {code}")
        self.family, self.code = family, code


class UnknownCommandError(Exception):
    """The model does not have this command."""


@dataclass(frozen=True, slots=True)
class Prompt:
    """The command wants text: "> ", then octets to Ctrl-Z, which `accept` turns into the answer's lines."""

    accept: Callable[[bytes], list[str]]


_EXTENDED = re.compile(r"[+^$%*#!][A-Z0-9_]+")
_BASIC = re.compile(r"(&?[A-Z])(\d*)")
_REGISTER = re.compile(r"(S\d+)(\?|=\d*)?")


def parse(line: str) -> list[Request]:
    """The commands behind "AT". AtError where the line breaks the syntax."""
    requests, at = [], 0
    upper = line.upper()
    while at < len(line):
        if line[at] in " ;":
            at += 1
        elif match := _EXTENDED.match(upper, at):
            end = _end(line, match.end())
            requests.append(_extended(match[0], line[match.end() : end].strip()))
            at = end
        elif upper[at] == "D":
            requests.append(Request("D", Op.SET, (line[at + 1 :].strip(),)))
            at = len(line)
        elif match := _REGISTER.match(upper, at) or _BASIC.match(upper, at):
            requests.append(Request(match[1], Op.SET if match[2] else Op.RUN, (match[2] or "",)))
            at = match.end()
        else:
            raise AtError()
    return requests


def _end(line: str, start: int) -> int:
    """Where the command that began before `start` ends: at a semicolon outside quotes, or at the end."""
    quoted = False
    for i in range(start, len(line)):
        if line[i] == '"':
            quoted = not quoted
        elif line[i] == ";" and not quoted:
            return i
    return len(line)


def _extended(name: str, rest: str) -> Request:
    if rest in ("", "?", "=?"):
        return Request(name, Op(rest))
    if not rest.startswith("="):
        raise AtError()
    return Request(name, Op.SET, tuple(split(rest[1:])))


def split(text: str) -> list[str]:
    """Arguments between commas, quotes taken off."""
    args, current, quoted = [], "", False
    for ch in text:
        if ch == '"':
            quoted = not quoted
        elif ch == "," and not quoted:
            args.append(current.strip())
            current = ""
        else:
            current += ch
    return [*args, current.strip() if not quoted else current]


CME_TEXTS = {
    3: "operation not allowed",
    4: "operation not supported",
    10: "SIM not inserted",
    11: "SIM PIN required",
    12: "SIM PUK required",
    13: "SIM failure",
    14: "SIM busy",
    16: "incorrect password",
    30: "no network service",
    100: "unknown",
}
CMS_TEXTS = {
    302: "operation not allowed",
    304: "invalid PDU mode parameter",
    305: "invalid text mode parameter",
    310: "SIM not inserted",
    311: "SIM PIN required",
    313: "SIM failure",
    314: "SIM busy",
    316: "SIM PUK required",
    321: "invalid memory index",
    322: "memory full",
    331: "no network service",
    340: "no +CNMA acknowledgement expected",
    500: "unknown error",
}


def final_line(error: AtError, cmee: int, verbose_cms: bool) -> str:
    """The result line of a failure under AT+CMEE. +CMS ERROR is told at any setting (3GPP TS 27.005 3.2.5)."""
    if error.family == "CMS":
        words = CMS_TEXTS.get(error.code) if cmee == 2 and verbose_cms else None
    elif error.family == "CME" and cmee:
        words = CME_TEXTS.get(error.code) if cmee == 2 else None
    else:
        return "ERROR"
    return f"+{error.family} ERROR: {words or error.code}"
