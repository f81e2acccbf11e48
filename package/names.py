"""Short names for what a script of the pages calls by long ones inside itself.

A name is another one everywhere in its file, so whatever it meant where, it means there still. Names stay that anything
else could know: properties, globals, and those within templates.
"""

from __future__ import annotations

import itertools
import re
import string
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence

_NAME = re.compile(r"[A-Za-z_$][\w$]*", re.ASCII)
# What LuCI's loader is to hand over, under the name behind `as`, or its own with _ for each dot.
_REQUIRED = re.compile(r"(['\"])require ([\w.]+)(?: as (\w+))?\1")
_DECLARING = frozenset(("const", "let", "var", "function"))
# Behind which a name is a property's in an object's literal.
_ACCESSORS = frozenset(("get", "set", "static", "async"))
# Words of the language, and of the browser's what could be a name of ours: a test asks a browser whether it is all.
_WORDS = """
    arguments as async await break case catch class const continue debugger default delete do else enum eval export
    extends false finally for from function get if implements import in instanceof interface let new null of package
    private protected public return set static super switch this throw true try typeof undefined var void while with
    yield when alert blur caches close closed confirm crypto event external fetch find focus frames history length
    location locationbar menubar name navigation navigator opener open origin parent performance personalbar print
    prompt scheduler screen scroll scrollbars self status statusbar stop styleMedia toolbar top viewport window
    document
"""
# And what LuCI gives each script: the parameters of the function around it, and globals.
_TAKEN = frozenset((*_WORDS.split(), "L", "E", "_", "N_"))


def shortened(signs: list[str]) -> list[str]:
    """The same script with short names; `signs` are what it is made of, without blanks and comments."""
    free = _free(signs)
    short = dict(renamed(signs, free))
    return [short.get(sign, sign) if place in free else _required(sign, short) for place, sign in enumerate(signs)]


def _required(sign: str, short: Mapping[str, str]) -> str:
    """A demand to LuCI's loader with the short name; any other sign as it is."""
    found = _REQUIRED.fullmatch(sign)
    return f"'require {found[2]} as {short.get(found[3], found[3])}'" if found and found[3] else sign


def renamed(signs: list[str], free: set[int] | None = None) -> Iterator[tuple[str, str]]:
    """Each name that becomes another, with that; the shortest go to where they save most."""
    free = _free(signs) if free is None else free
    counted = Counter(signs[place] for place in free)
    wanted = _declared(signs) & counted.keys() - _TAKEN - _fixed(signs, free)
    names = unused(signs)
    for old in sorted(wanted, key=lambda name: (-counted[name] * len(name), name)):
        if len(old) > 2:
            yield old, next(names)


def unused(signs: Sequence[str]) -> Iterator[str]:
    """Names of one letter and of two that mean nothing in a script, nor to LuCI or the language."""
    known = {sign for sign in signs if _NAME.fullmatch(sign)} | _within_templates(signs) | _TAKEN
    for length in (1, 2):
        for letters in itertools.product(string.ascii_letters, repeat=length):
            if (name := "".join(letters)) not in known:
                yield name


def _free(signs: list[str]) -> set[int]:
    """Where names are that are not properties'."""
    return {place for place, sign in enumerate(signs) if _NAME.fullmatch(sign) and not _is_property(signs, place)}


def _is_property(signs: list[str], place: int) -> bool:
    before, after = _around(signs, place)
    if before == ".":
        return signs[place - 3 : place] != [".", ".", "."]
    return before in ("{", ",") and after == ":"


def _around(signs: list[str], place: int) -> tuple[str, str]:
    return (signs[place - 1] if place else "", signs[place + 1] if place + 1 < len(signs) else "")


def _fixed(signs: list[str], free: set[int]) -> set[str]:
    """Names that must stay: in templates, the loader's own, and such as may be a property's at the same time: `{ a }`,
    `{ a() {} }`."""
    found = _within_templates(signs)
    found |= {
        required[2].replace(".", "_") for required in map(_REQUIRED.fullmatch, signs) if required and not required[3]
    }
    opened: list[str] = []
    for place, sign in enumerate(signs):
        if sign in ("(", "[", "{"):
            opened.append(sign)
        elif sign in (")", "]", "}") and opened:
            opened.pop()
        elif place in free:
            before, after = _around(signs, place)
            inside = bool(opened) and opened[-1] == "{"
            if before in _ACCESSORS or (inside and before in ("{", ",") and after in ("}", ",", "=", "(")):
                found.add(sign)
    return found


def _within_templates(signs: Sequence[str]) -> set[str]:
    return {name for sign in signs if sign.startswith("`") for name in _NAME.findall(sign)}


def _declared(signs: list[str]) -> set[str]:
    """Names of variables, functions, parameters and demands, as far as they are easily seen."""
    found = {required[3] for required in map(_REQUIRED.fullmatch, signs) if required and required[3]}
    opened: list[int] = []
    for place, sign in enumerate(signs):
        before, after = _around(signs, place)
        if sign == "(":
            opened.append(place)
        elif sign == ")" and opened:
            start = opened.pop()
            is_function = "function" in signs[max(start - 2, 0) : start] or signs[start - 1] == "catch"
            if is_function or signs[place + 1 : place + 3] == ["=", ">"]:
                found.update(_parameters(signs[start:place]))
        elif before in _DECLARING or (after == "=" and signs[place + 2 : place + 3] == [">"]):
            found.add(sign)
    return {name for name in found if _NAME.fullmatch(name)}


def _parameters(signs: list[str]) -> Iterator[str]:
    """What stands behind the parenthesis and its commas."""
    depth = 0
    for before, sign in itertools.pairwise(signs):
        depth += (before in ("(", "[", "{")) - (before in (")", "]", "}"))
        if depth == 1 and before in ("(", ","):
            yield sign
