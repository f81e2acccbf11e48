"""Reading and writing the values of AT lines (ITU-T V.250 5.4.2, 3GPP TS 27.007 4): strings, numbers, ranges.

Writers refuse what would end or split a command: callers never quote. Readers are as tolerant as real modems are
careless (blanks, missing quotes, missing fields) and raise DecodeError, naming the line, when no value can be had.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from homeline.errors import DecodeError, EncodeError

# Modems do not escape the quotes within a string: one that nothing but a comma or the end follows closes it.
_FIELD = re.compile(r'\s*((?:"(?:[^"]|"(?!\s*(?:,|\Z)))*"?|\([^()]*\)?|[^,"(])*)(,|\Z)')
_OCTETS = re.compile(r"(?:[0-9A-Fa-f]{2})+")
_RANGE = re.compile(r"^(\d+)-(\d+)$")
_LONGEST_RANGE = 1024  # slots of a memory, at the most; a modem's slip must not make a list of millions
_LOGGED = 120  # characters of a bad line that an error text shows


def quoted(value: str, what: str) -> str:
    """`value` as an AT string. Raises EncodeError for quotes, control characters and all that is not ASCII."""
    if not value.isascii() or not value.isprintable() or '"' in value:
        raise EncodeError(f"{what}: an AT string takes printable ASCII without quotes only")
    return f'"{value}"'


def digits(value: str, what: str, least: int = 0, most: int = 64) -> str:
    """`value` if it is `least` to `most` digits. Raises EncodeError, without showing it: it may be a PIN."""
    if not (value.isascii() and value.isdigit() and least <= len(value) <= most):
        raise EncodeError(f"{what}: {least} to {most} digits are allowed")
    return value


def within(value: int, low: int, high: int, what: str) -> int:
    """`value` if it lies in low..high. Raises EncodeError."""
    if not low <= value <= high:
        raise EncodeError(f"{what}: {value} is not in {low}..{high}")
    return value


def shown(line: str) -> str:
    """A line as it may stand in an error text or log: printable ASCII, cut."""
    text = ascii(line)[1:-1]
    return text if len(text) <= _LOGGED else text[:_LOGGED] + "…"


def split(text: str) -> list[str]:
    """The fields of a comma-separated list, trimmed, quotes and brackets kept. An open quote takes the rest."""
    text = text.replace("\0", "")
    found: list[str] = []
    at = 0
    while match := _FIELD.match(text, at):
        found.append(match[1].strip())
        if match[2] == "":
            break
        at = match.end()
    return found


def unquote(field: str) -> str:
    """A field without the quotes around it, where it has any."""
    return field[1:].removesuffix('"') if field.startswith('"') else field


def is_hex(text: str) -> bool:
    """Whether a text is octets in hexadecimal, one at least."""
    return _OCTETS.fullmatch(text) is not None


def after(line: str, prefix: str) -> str:
    """What follows `prefix`, its colon included in `prefix`. Raises DecodeError when the line has another one."""
    if not line.startswith(prefix):
        raise DecodeError(f"expected {prefix} in '{shown(line)}'")
    return line[len(prefix) :].strip()


def pick(lines: Sequence[str], *prefixes: str) -> str:
    """The rest of the first line that has one of the prefixes. Raises DecodeError when there is none."""
    for line in lines:
        for prefix in prefixes:
            if line.startswith(prefix):
                return line[len(prefix) :].strip()
    raise DecodeError(f"no {prefixes[0].rstrip(':')} line in the answer '{shown(' | '.join(lines))}'")


def integer(fields: Sequence[str], index: int, what: str) -> int:
    """Field `index` as a number, quoted or not. Raises DecodeError when it is absent, empty or no number."""
    value = optional(fields, index, what)
    if value is None:
        raise DecodeError(f"{what}: field {index + 1} is missing")
    return value


def optional(fields: Sequence[str], index: int, what: str) -> int | None:
    """Field `index` as a number; None when it is absent or empty. Raises DecodeError when it is no number."""
    if index >= len(fields):
        return None
    text = unquote(fields[index]).strip()
    if not text:
        return None
    if re.fullmatch(r"[+-]?\d{1,18}", text, re.ASCII) is None:
        raise DecodeError(f"{what}: field {index + 1} is '{shown(text)}', not a number")
    return int(text)


def hexadecimal(fields: Sequence[str], index: int, what: str) -> int | None:
    """Field `index` as a hexadecimal number; None when absent or empty. Raises DecodeError when it is none."""
    if index >= len(fields):
        return None
    text = unquote(fields[index]).strip()
    if not text:
        return None
    if re.fullmatch(r"[0-9A-Fa-f]{1,16}", text) is None:
        raise DecodeError(f"{what}: field {index + 1} is '{shown(text)}', not hexadecimal")
    return int(text, 16)


def text(fields: Sequence[str], index: int) -> str:
    """Field `index` without quotes; empty when it is absent."""
    return unquote(fields[index]) if index < len(fields) else ""


def numbers(field: str, what: str) -> tuple[int, ...]:
    """A test command's list of numbers and ranges, `(0-2,5)`, spelt out. Raises DecodeError."""
    found: list[int] = []
    for item in field.strip().strip("()").split(","):
        item = item.strip().strip('"')
        if not item:
            continue
        match = _RANGE.match(item)
        first, last = (match[1], match[2]) if match else (item, item)
        if not (first.isascii() and first.isdigit() and len(first) < 10 and len(last) < 10):
            raise DecodeError(f"{what}: '{shown(item)}' is no number or range")
        low, high = int(first), int(last)
        if high - low >= _LONGEST_RANGE or len(found) + high - low >= _LONGEST_RANGE:
            raise DecodeError(f"{what}: '{shown(item)}' is too long a range")
        found.extend(range(low, high + 1))
    return tuple(found)


def octets_as_text(value: str) -> str:
    """A line's octets (one character each) read as UTF-8, or as Latin-1 where they are none."""
    try:
        return value.encode("latin-1").decode("utf-8")
    except UnicodeError:
        return value


def ucs2_or_text(value: str) -> str:
    """A string that a modem set to UCS2 prints as hexadecimal code units; any other is text, in UTF-8 if it can be.

    Only printable code units below U+3000 count, and each of a string of mere digits must begin with 00, so that a
    plain number is not taken for one.
    """
    if not value.isascii():
        return octets_as_text(value)
    if len(value) < 4 or len(value) % 4 or re.fullmatch(r"(?:[0-2][0-9A-Fa-f]{3})+", value) is None:
        return value
    if value.isdigit() and any(value[place : place + 2] != "00" for place in range(0, len(value), 4)):
        return value
    decoded = bytes.fromhex(value).decode("utf-16-be", "replace")
    return decoded if decoded.isprintable() else value
