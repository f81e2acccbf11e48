"""Texts that a script has several times, as a variable that is declared once, where that is shorter.

The declaration stands behind the directives ('use strict', what LuCI's loader is to hand over), which stay as they are,
as do names of properties: `{ 'a': 'b' }`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence

import names

# As in spelling.py: a sign, and what stands for the blanks and comments before it.
Sign = tuple[str, str]


def shared(signs: Sequence[Sign]) -> list[Sign]:
    """The same script. Names are as short as names.py leaves them, the shortest where they save most."""
    texts = [sign for _, sign in signs]
    start = _behind_directives(texts)
    values = {place for place in range(start, len(texts)) if _is_value(texts, place)}
    short = dict(_named(texts, Counter(texts[place] for place in values)))
    declared = [sign for text, name in short.items() for sign in ((" ", name), ("", "="), ("", text), ("", ","))]
    out = [*signs[:start]]
    if declared:
        out += [("\n", "let"), *declared[:-1], ("", ";")]
    for place in range(start, len(signs)):
        blank, sign = signs[place]
        stands_beside = (place in values and sign in short) or (place - 1 in values and texts[place - 1] in short)
        out.append((blank or " " * stands_beside, short.get(sign, sign) if place in values else sign))
    return out


def _behind_directives(texts: Sequence[str]) -> int:
    place = 0
    while _is_text(texts[place : place + 1]) and texts[place + 1 : place + 2] == [";"]:
        place += 2
    return place


def _is_text(sign: Sequence[str]) -> bool:
    return bool(sign) and sign[0][0] in "'\"" and len(sign[0]) > 1


def _is_value(texts: Sequence[str], place: int) -> bool:
    before, after = texts[place - 1 : place], texts[place + 1 : place + 2]
    return _is_text(texts[place : place + 1]) and not (before in (["{"], [","]) and after in ([":"], ["("]))


def _named(texts: Sequence[str], counted: Counter[str]) -> Iterator[tuple[str, str]]:
    """Each text that becomes a variable, with its name."""
    free = names.unused(texts)
    name = next(free)
    for text in sorted(counted, key=lambda each: (-(counted[each] - 1) * len(each), each)):
        # Each place has the name instead; the declaration has both, and two signs.
        if counted[text] * (len(text) - len(name)) > len(text) + len(name) + 2:
            yield text, name
            name = next(free)
