"""The two files of UCI as they would be with sections that a page has not applied yet: to show what these would change.

A section is what LuCI's `uci.sections()` has: its options by name, `.type`, `.name`, `.anonymous`, and from our pages
`.secrets`, the names of secrets that were typed and are never told. For those anything stands: no file with them is
written, and no difference shows a secret.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from homeline.errors import EncodeError, InvalidArgument
from homeline.protocol import uci

PLACEHOLDER = "typed-and-not-told"  # as good as a phone's password has to be


def staged_texts(given: Sequence[Mapping[str, Any]], secrets: str) -> tuple[str, str]:
    """The texts of `homeline` and `homeline_secret`. Raises InvalidArgument where these are no sections."""
    sections = [_section(entry) for entry in given]
    typed = [
        uci.Section(section.type, section.name, options=dict.fromkeys(_names(entry), PLACEHOLDER))
        for section, entry in zip(sections, given, strict=True)
        if entry.get(".secrets")
    ]
    try:
        return uci.dump(sections), f"{secrets}\n{uci.dump(typed)}"
    except EncodeError as error:
        raise InvalidArgument(f"sections: {error}") from None


def _section(entry: Mapping[str, Any]) -> uci.Section:
    kind, name = entry.get(".type"), entry.get(".name")
    options = {key: value for key, value in entry.items() if not key.startswith(".")}
    if not isinstance(kind, str) or not isinstance(name, str) or not all(map(_is_value, options.values())):
        raise InvalidArgument("sections: each needs '.type', '.name', and options that are texts or lists of texts")
    return uci.Section(kind, name, anonymous=entry.get(".anonymous") in (True, 1), options=options)


def _is_value(value: object) -> bool:
    return isinstance(value, str) or (isinstance(value, list) and all(isinstance(item, str) for item in value))


def _names(entry: Mapping[str, Any]) -> list[str]:
    names = entry[".secrets"]
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        raise InvalidArgument("sections: '.secrets' must be names of options")
    return names
