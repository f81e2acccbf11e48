"""Copies the LuCI application's scripts and style sheets without comments and blanks, which routers need not keep.

    python3 slim.py FROM TO          two folders

LuCI's own build has a program for that, which luci.mk runs; luci.mk cannot be used here (luci-app-homeline/Makefile).
Strings, templates and regular expressions stay as they are, and lines stay lines wherever one may end a statement
(ECMA-262 12.10, automatic semicolons). It needs nothing but Python.
"""

from __future__ import annotations

import re
import shutil
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import names
import repeats
import spelling

_COMMENT = r"/\*.*?\*/"
_STRINGS = r"'(?:\\.|[^'\\\n])*'|\"(?:\\.|[^\"\\\n])*\""
_GAP = rf"(?:\s|{_COMMENT})*"
_CSS = re.compile(
    rf"(?P<kept>{_STRINGS})|{_GAP}(?:;{_GAP})*(?P<end>}}){_GAP}|{_GAP}(?P<sign>[{{;,]){_GAP}|(?P<colon>:){_GAP}"
    rf"|(?P<blank>{_COMMENT}|\s+)",
    re.DOTALL,
)
# A slash begins a regular expression where no value can end before it.
_REGEX = r"/(?![*/])(?:\\.|\[(?:\\.|[^\]\\\n])*\]|[^/\\\[\n])+/[a-z]*"
_SCRIPT = re.compile(
    rf"(?P<comment>{_COMMENT}|//[^\n]*)|{_STRINGS}|(?P<template>`)|(?P<regex>{_REGEX})|(?P<space>\s+)|(?P<word>[\w$]+)|.",
    re.DOTALL,
)
_BEFORE_REGEX = frozenset("(,=:[!&|?{};+-*%~^<>") | {"", "return", "typeof", "case", "of", "in", "=>"}


_NO_LINE_AFTER, _NO_LINE_BEFORE = frozenset("{([,;:?=&|*<>!"), frozenset(")]},;.:?=&|*<>")
# What a statement follows, which may be empty: behind its semicolon.
_HEADS = ("if", "for", "while", "with")
_HEAD = "\0)"  # how the end of such a head is remembered
_NAME = re.compile(r"(['\"])[A-Za-z_$][\w$]*\1", re.ASCII)


def script(text: str) -> str:
    """A script without comments, without blanks and lines that say nothing, semicolons that end a block, quotes
    around names of properties, with short names (names.py), texts that repeat declared once (repeats.py) and shorter
    ways to say the same (spelling.py)."""
    found = _signs(text)
    signs = list(zip((blank for blank, _ in found), names.shortened([sign for _, sign in found]), strict=True))
    signs = spelling.shorter(
        repeats.shared(signs), lambda blank, last, sign: _needed(blank, last[-1:], sign[0]) == "\n"
    )
    out: list[str] = []
    last, heads = "", [False]
    for place, (blank, sign) in enumerate(signs):
        before = signs[place - 1][1] if place else ""
        after = signs[place + 1][1] if place + 1 < len(signs) else ""
        if sign == "(":
            heads.append(before in _HEADS)
        is_head = sign == ")" and len(heads) > 1 and heads.pop()
        if sign == ";" and after == "}" and last not in (_HEAD, "else", ":"):
            continue
        if before in ("{", ",") and after == ":" and _NAME.fullmatch(sign):
            sign = sign[1:-1]
        out += (_needed(blank, last[-1:], sign[0]), sign)
        last = _HEAD if is_head else sign
    return "".join(out) + "\n"


def _signs(text: str) -> list[tuple[str, str]]:
    """What is neither comment nor blank, each with what stands for those before it: "", a blank, a line's end."""
    found: list[tuple[str, str]] = []
    blank = ""
    for kind, token in tokens(text):
        if kind in ("comment", "space"):  # one with a line's end in it ends a line
            blank = "\n" if "\n" in blank + token else " "
        else:
            found.append((blank, token))
            blank = ""
    return found


def _needed(blank: str, last: str, following: str) -> str:
    if not blank or not last:
        return ""
    if blank == "\n":
        return "" if last in _NO_LINE_AFTER or following in _NO_LINE_BEFORE else blank
    return blank if _would_join(last, following) else ""


def _would_join(last: str, following: str) -> bool:
    """Whether two signs would be another one together: words, ++, comments, -->, and flags of a regular expression."""
    if _is_word(following):
        return _is_word(last) or last == "/"
    return last + following in ("++", "--", "//", "/*", "->") or (last.isdigit() and following == ".")


def _is_word(sign: str) -> bool:
    return sign.isalnum() or sign in "_$"


def tokens(text: str) -> Iterator[tuple[str | None, str]]:
    place, before = 0, ""
    while place < len(text):
        found = _SCRIPT.match(text, place)
        assert found is not None  # the last alternative takes anything
        token, kind = found[0], found.lastgroup
        if kind == "regex" and before not in _BEFORE_REGEX:
            token, kind = "/", None
        if kind == "template":
            token = text[place : _end_of_template(text, place)]
        place += len(token)
        yield kind, token
        if kind not in ("comment", "space"):
            before = token if kind == "word" and token in _BEFORE_REGEX else token[-1]


def _end_of_template(text: str, place: int) -> int:
    """Behind the ` that closes the one at `place`; ${…} may hold strings and templates of its own."""
    place += 1
    while text[place] != "`":
        if text[place] == "\\":
            place += 2
        elif text.startswith("${", place):
            place = _end_of_braces(text, place + 2)
        else:
            place += 1
    return place + 1


def _end_of_braces(text: str, place: int) -> int:
    while text[place] != "}":
        if text[place] == "`":
            place = _end_of_template(text, place)
        elif text[place] == "{":
            place = _end_of_braces(text, place + 1)
        else:
            found = re.compile(_STRINGS).match(text, place)
            place = found.end() if found else place + 1
    return place + 1


def style(text: str) -> str:
    """A style sheet without comments, and without blanks and semicolons that say nothing."""

    def shorter(found: re.Match[str]) -> str:
        kept = found["kept"] or found["end"] or found["sign"] or found["colon"]
        return kept or (" " if found["blank"].isspace() else "")

    return _CSS.sub(shorter, text).strip() + "\n"


KINDS: dict[str, Callable[[str], str]] = {".js": script, ".css": style}


def main(source: Path, target: Path) -> None:
    if not source.is_dir():
        raise FileNotFoundError(f"there is no folder {source}")
    for path in sorted(source.rglob("*")):
        copy = target / path.relative_to(source)
        if path.is_dir():
            copy.mkdir(parents=True, exist_ok=True)
        elif path.suffix in KINDS:
            copy.parent.mkdir(parents=True, exist_ok=True)
            copy.write_text(KINDS[path.suffix](path.read_text()))
        else:
            shutil.copyfile(path, copy)


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
