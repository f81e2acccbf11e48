"""Shorter ways to write the same script: arrow functions of one parameter, methods, declarations, truth values.

ECMA-262 has `(a) => b` as `a => b` (15.3), `{ a: function() {} }` as `{ a() {} }` (15.4: such a function cannot be
called with `new`, and LuCI calls none of them so), `true` as `!0`. `let` does what `const` does where nothing is
assigned to again, which no script could do with a constant either, and one declares what several in a row do.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

# A sign, and what stands for the blanks and comments before it: "", a blank, a line's end.
Sign = tuple[str, str]

_NAME = re.compile(r"[A-Za-z_$][\w$]*|(['\"])[A-Za-z_$][\w$]*\1", re.ASCII)
_VALUES = {"true": "!0", "false": "!1"}


def shorter(signs: Sequence[Sign], ends_line: Callable[[str, str, str], bool]) -> list[Sign]:
    """The same script. `ends_line` says of a blank, with the signs around it, whether a statement may end there."""
    return _declarations([*_words(signs)], ends_line)


def _words(signs: Sequence[Sign]) -> list[Sign]:
    """With short arrow functions, methods and truth values, and `let` for `const`."""
    out: list[Sign] = []
    place = 0
    while place < len(signs):
        blank, sign = signs[place]
        before = signs[place - 1][1] if place else ""
        following = [each for _, each in signs[place + 1 : place + 5]]
        is_property = before == "." or (before in ("{", ",") and following[:1] == [":"])
        if sign == "(" and following[1:] == [")", "=", ">"] and _NAME.fullmatch(following[0]):
            out.append((blank or " ", following[0]))
            place += 3
        elif is_property and before != "." and following[1:3] == ["function", "("] and _NAME.fullmatch(sign):
            out.append((blank, sign.strip("'\"")))
            place += 3
        else:
            out.append((blank, sign if is_property else "let" if sign == "const" else _VALUES.get(sign, sign)))
            place += 1
    return out


def _declarations(signs: list[Sign], ends_line: Callable[[str, str, str], bool]) -> list[Sign]:
    """With one `let` for all that follow each other."""
    out: list[Sign] = []
    declares = [False]  # for each bracket that is open: whether the statement in it is a declaration
    for blank, sign in signs:
        last = out[-1][1] if out else ""
        if last != ";" and ends_line(blank, last, sign):
            declares[-1] = False
        if sign == "let" and last == ";" and declares[-1]:
            out[-1] = (out[-1][0], ",")
            continue
        if last == ";":
            declares[-1] = False
        if sign == "let":
            declares[-1] = True
        elif sign in ("(", "[", "{"):
            declares.append(False)
        elif sign in (")", "]", "}") and len(declares) > 1:
            declares.pop()
        out.append((blank, sign))
    return out
