"""Files of translations (gettext's .po and .pot), as far as LuCI's scripts need them: read, written, merged.

    python3 po.py extract            po/templates/homeline.pot anew from the pages, and each po/*/homeline.po by it

What is translated are the literals of `_('…')`, `_('…', 'context')` and `N_(n, '…', '…')` in htdocs/, and the titles
and descriptions of the JSON files in root/usr/share/luci and rpcd. It needs nothing but Python.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import slim

ROOT = Path(__file__).resolve().parents[1]
DOMAIN = "homeline"
HEADER = 'msgid ""\nmsgstr ""\n'

# (context, singular, plural): what a translation is found by.
Key = tuple[str | None, str, str | None]


class PoError(ValueError):
    """What is wrong with a file, and in which line."""


@dataclass(slots=True)
class Entry:
    """A text with its translations: one, or one for each plural form."""

    key: Key
    translations: list[str] = field(default_factory=list)
    places: list[str] = field(default_factory=list)


# --- what there is to translate ---


def extracted(root: Path = ROOT) -> list[Entry]:
    """All texts of the pages with the files where they are, in the order of gettext: by text."""
    found: dict[Key, Entry] = {}
    for path in [*sorted((root / "htdocs").rglob("*.js")), *sorted((root / "root/usr/share").rglob("*.json"))]:
        place = path.relative_to(root).as_posix()
        for key in script_keys(path.read_text()) if path.suffix == ".js" else json_keys(path.read_text()):
            entry = found.setdefault(_known(key, found), Entry(_known(key, found)))
            if place not in entry.places:
                entry.places.append(place)
    return sorted(found.values(), key=lambda entry: (entry.key[1].casefold(), entry.key[1], entry.key[0] or ""))


def _known(key: Key, found: Mapping[Key, Entry]) -> Key:
    """A text may be there alone and with a plural; gettext has one entry for both."""
    context, text, plural = key
    others = [each for each in found if each[:2] == (context, text)]
    if others and plural is not None and others[0][2] not in (None, plural):
        raise PoError(f"{text!r} has two plurals")
    if others and others[0][2] is None and plural is not None:
        raise PoError(f"{text!r} is there with and without a plural")
    return others[0] if others else key


def script_keys(text: str) -> Iterator[Key]:
    """The texts of a script. PoError where a call has anything but literals."""
    tokens = [sign for kind, sign in slim.tokens(text) if kind not in ("comment", "space")]
    for place, sign in enumerate(tokens[:-1]):
        if sign not in ("_", "N_") or tokens[place + 1] != "(" or tokens[place - 1] in (".", "function"):
            continue
        arguments = _arguments(tokens, place + 2)
        texts = [_literal(each) for each in (arguments if sign == "_" else arguments[1:])]
        if sign == "_" and len(texts) in (1, 2):
            yield (texts[1] if len(texts) == 2 else None, texts[0], None)
        elif sign == "N_" and len(texts) in (2, 3):
            yield (texts[2] if len(texts) == 3 else None, texts[0], texts[1])
        else:
            raise PoError(f"{sign}() with {len(arguments)} arguments")


def _arguments(tokens: list[str], place: int) -> list[list[str]]:
    """The arguments of a call, as tokens, from behind its parenthesis on."""
    found: list[list[str]] = [[]]
    depth = 0
    for sign in tokens[place:]:
        if sign in "([{":
            depth += 1
        elif sign in ")]}":
            if not depth:
                return found
            depth -= 1
        if sign == "," and not depth:
            found.append([])
        else:
            found[-1].append(sign)
    raise PoError("a call does not end")


_ESCAPES = {"n": "\n", "t": "\t"}


def _literal(tokens: list[str]) -> str:
    if len(tokens) != 1 or tokens[0][0] not in "'\"":
        raise PoError(f"{' '.join(tokens)} is not a literal")
    return re.sub(r"\\(.)", lambda found: _ESCAPES.get(found[1], found[1]), tokens[0][1:-1])


def json_keys(text: str) -> Iterator[Key]:
    """The titles of a menu, and the descriptions of groups."""
    for entry in json.loads(text).values():
        for name in ("title", "description"):
            if name in entry:
                yield (None, entry[name], None)


# --- files ---


def read(text: str) -> tuple[dict[str, str], list[Entry]]:
    """The header's fields, and the entries in order. PoError."""
    entries, header = [], ""
    for block in re.split(r"\n\s*\n", text):
        if re.search("^#,.* fuzzy", block, re.MULTILINE) or not re.search(r"^msgid", block, re.MULTILINE):
            continue
        fields = _fields(block)
        texts = [fields[name] for name in sorted(fields) if name.startswith("msgstr")]
        if fields["msgid"]:
            entries.append(
                Entry(
                    (fields.get("msgctxt"), fields["msgid"], fields.get("msgid_plural")),
                    texts,
                    re.findall(r"^#: (.+)$", block, re.MULTILINE),
                )
            )
        else:
            header = texts[0]
    return dict(line.split(": ", 1) for line in header.splitlines() if ": " in line), entries


def _fields(block: str) -> dict[str, str]:
    found: dict[str, str] = {}
    name = ""
    for line in block.split("\n"):
        if not line or line.startswith("#"):
            continue
        match = re.fullmatch(r'(?:(msg\w+(?:\[\d\])?) )?"(.*)"', line)
        if match is None:
            raise PoError(f"not understood: {line}")
        name = match[1] or name
        found[name] = found.get(name, "") + _unescaped(match[2])
    return found


def _unescaped(text: str) -> str:
    return re.sub(r"\\(.)", lambda found: _ESCAPES.get(found[1], found[1]), text)


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n").replace("\t", "\\t")


def write(header: Mapping[str, str], entries: list[Entry], forms: int) -> str:
    """The text of a file; `forms` is how many plural forms the language has."""
    blocks = [HEADER + "".join(f'"{name}: {value}\\n"\n' for name, value in header.items())]
    for entry in entries:
        context, text, plural = entry.key
        lines = [f"#: {place}" for place in entry.places]
        lines += [f'msgctxt "{_escaped(context)}"'] if context is not None else []
        lines.append(f'msgid "{_escaped(text)}"')
        given = [*entry.translations, *[""] * forms]
        if plural is None:
            lines.append(f'msgstr "{_escaped(given[0])}"')
        else:
            lines.append(f'msgid_plural "{_escaped(plural)}"')
            lines += [f'msgstr[{place}] "{_escaped(given[place])}"' for place in range(forms)]
        blocks.append("\n".join(lines) + "\n")
    return "\n".join(blocks)


def merged(template: list[Entry], old: list[Entry]) -> list[Entry]:
    """The template's entries with the translations that there are; what is not in it goes."""
    known = {entry.key: entry.translations for entry in old}
    return [Entry(entry.key, known.get(entry.key, []), entry.places) for entry in template]


def forms_of(header: Mapping[str, str]) -> int:
    """How many plural forms a language has. PoError."""
    found = re.match(r"nplurals=(\d); plural=", header.get("Plural-Forms", ""))
    if found is None:
        raise PoError("there are no Plural-Forms in the header")
    return int(found[1])


def template(root: Path = ROOT) -> str:
    """What po/templates/homeline.pot is to be."""
    return write({"Content-Type": "text/plain; charset=UTF-8"}, extracted(root), 2)


def extract(root: Path = ROOT) -> None:
    texts = extracted(root)
    (root / "po/templates").mkdir(parents=True, exist_ok=True)
    (root / f"po/templates/{DOMAIN}.pot").write_text(template(root))
    for path in sorted((root / "po").glob(f"*/{DOMAIN}.po")):
        header, old = read(path.read_text())
        path.write_text(write(header, merged(texts, old), forms_of(header)))


if __name__ == "__main__":
    if sys.argv[1:] != ["extract"]:
        sys.exit(__doc__)
    extract()
