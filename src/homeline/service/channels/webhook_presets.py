"""What known services want of an HTTP request, as rows of data. A stranger's text stays mere text in each of them.

Sources: docs.ntfy.sh/publish; gotify.net/docs/pushmsg and /docs/msgextras; Slack's "Formatting message text" and
"Incoming webhooks"; Discord's "Execute Webhook" and its help page "Markdown Text 101"; Matrix Client-Server API v1.11
(10.7, "Sending events"; "Size limits"); pushover.net/api.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from homeline.model import Priority

ELLIPSIS = "…"

Escape = Callable[[str], Iterable[str]]


def _as_it_is(text: str) -> Iterable[str]:
    return text


def _slack(text: str) -> Iterator[str]:
    """Slack's three control characters as entities; with `mrkdwn` false nothing else means anything."""
    return ({"&": "&amp;", "<": "&lt;", ">": "&gt;"}.get(c, c) for c in text)


# What is marked up in Discord: emphasis, spoilers, code, links, mentions, time stamps; at a line's beginning headings,
# quotes and lists. A backslash before a sign takes its meaning. An address is left alone: a backslash would break it,
# and nothing within it is markup.
_DISCORD = re.compile(r"(https?://[^\s<]+[^\s<.,:;\"'\]])|([\\*_~`|<>\[\]@])|(?m:^([ \t]*)(#|-|\+|\d{1,9}(?=\.)))")


def _discord(text: str) -> Iterator[str]:
    at = 0
    for found in _DISCORD.finditer(text):
        yield from text[at : found.start()]
        at = found.end()
        address, sign, blank, mark = found.groups()
        if address:
            yield address
        elif sign:
            yield "\\" + sign
        else:
            yield from blank
            yield mark if mark.isdigit() else "\\" + mark
            if mark.isdigit():  # `1.` begins a list, `1\.` does not
                yield "\\."
                at += 1
    yield from text[at:]


def octets(text: str) -> int:
    """In UTF-8."""
    return len(text.encode("utf-8", "replace"))


def utf16(text: str) -> int:
    """Units of UTF-16, in which Telegram and Discord's programs count."""
    return len(text) + sum(character > "\uffff" for character in text)


def json_octets(text: str) -> int:
    """In JSON as Matrix signs it: UTF-8, with what must be escaped."""
    return octets(text) + sum(5 if c < " " else c in '"\\' for c in text)


def cut(pieces: Iterable[str], limit: int, size: Callable[[str], int] = len) -> str:
    """The pieces together, or as many as fit with an ellipsis; none is cut in the middle."""
    if isinstance(pieces, str) and size(pieces) <= limit:
        return pieces
    kept: list[str] = []
    used, room = 0, limit - size(ELLIPSIS)
    fits = 0  # so many pieces leave room for the ellipsis
    for piece in pieces:
        used += size(piece)
        if used > limit:
            return "".join((*kept[:fits], ELLIPSIS))
        kept.append(piece)
        if used <= room:
            fits = len(kept)
    return "".join(kept)


@dataclass(frozen=True, slots=True)
class Preset:
    """One service. Names are those of its fields; an empty one says that it has no such field."""

    text: str
    limit: int  # of the text
    size: Callable[[str], int] = len
    escape: Escape = _as_it_is
    title: str = ""  # without it the subject stands above the text
    title_limit: int = 250
    target: str = ""
    token: str = ""  # a field; "bearer", or a header's name with a colon, where the token goes there
    priority: str = ""
    levels: tuple[int, int, int] = (0, 0, 0)  # low, normal, high; 0 in a field of flags adds none
    constant: Mapping[str, Any] = field(default_factory=dict)
    form: bool = False  # application/x-www-form-urlencoded in place of JSON
    method: str = "POST"
    url: str = ""  # where its owner has one service for everybody
    path: str = ""  # added to the URL, unless that ends so; {target} and {key} are filled in
    pause: tuple[str, float] = ("", 1.0)  # field of an answer that says how long to wait, and its unit in seconds
    blame: tuple[str, ...] = ()  # fields of an answer 400 that say "invalid" of what only the owner can mend


PRESETS: dict[str, Preset] = {
    "ntfy": Preset(
        text="message",
        limit=4096,
        size=octets,
        title="title",
        target="topic",
        token="bearer",  # noqa: S106 - where it goes
        priority="priority",
        levels=(2, 3, 4),
        url="https://ntfy.sh/",
    ),
    "gotify": Preset(
        text="message",
        limit=32768,
        title="title",
        token="X-Gotify-Key:",  # noqa: S106 - where it goes
        priority="priority",
        levels=(2, 5, 8),
        constant={"extras": {"client::display": {"contentType": "text/plain"}}},
        path="/message",
    ),
    "slack": Preset(
        text="text",
        limit=40000,
        escape=_slack,
        constant={"mrkdwn": False, "unfurl_links": False, "unfurl_media": False},
    ),
    "discord": Preset(
        text="content",
        limit=2000,
        size=utf16,
        escape=_discord,
        priority="flags",
        levels=(4 | 4096, 4, 4),  # SUPPRESS_EMBEDS: no previews of links; SUPPRESS_NOTIFICATIONS
        constant={"allowed_mentions": {"parse": []}},
        pause=("retry_after", 1.0),
    ),
    "matrix": Preset(
        text="body",
        limit=60000,  # of 65,536 for the whole event, signatures included
        size=json_octets,
        token="bearer",  # noqa: S106 - where it goes
        constant={"msgtype": "m.text", "m.mentions": {}},
        method="PUT",
        path="/_matrix/client/v3/rooms/{target}/send/m.room.message/{key}",
        pause=("retry_after_ms", 0.001),
    ),
    "pushover": Preset(
        text="message",
        limit=1024,
        title="title",
        target="user",
        token="token",  # noqa: S106 - where it goes
        priority="priority",
        levels=(-1, 0, 1),
        form=True,
        url="https://api.pushover.net/",
        path="/1/messages.json",
        blame=("token", "user"),
    ),
}


def mere(text: str) -> str:
    """What every service takes: whole characters, and no NUL, which some cannot store."""
    return text.encode("utf-8", "replace").decode().replace("\0", "\ufffd")


def body(preset: Preset, subject: str, text: str, priority: Priority, target: str, token: str) -> bytes:
    """The request's body. `text` is without the subject, which is put above it where there is no title."""
    subject, text = mere(subject), mere(text)
    whole = text if preset.title else f"{subject}\n\n{text}" if subject and text else subject or text
    values: dict[str, Any] = dict(preset.constant)
    if preset.title:
        values[preset.title] = cut(subject, preset.title_limit)
        whole = whole if whole.strip() else subject
    values[preset.text] = cut(preset.escape(whole), preset.limit, preset.size)
    if preset.priority:
        values[preset.priority] = preset.levels[list(Priority).index(priority)]
    if preset.target:
        values[preset.target] = target
    if preset.token and preset.token != "bearer" and not preset.token.endswith(":"):  # noqa: S105 - where it goes
        values[preset.token] = token
    return form(values).encode() if preset.form else json.dumps(values).encode()


def form(values: Mapping[str, object]) -> str:
    """As application/x-www-form-urlencoded, which a query is too."""
    from urllib.parse import urlencode

    return urlencode(values, errors="replace")


def url(preset: Preset, base: str, target: str, key: str) -> str:
    """Where the request goes. `base` is the owner's URL, if there is one."""
    from urllib.parse import quote

    base = base or preset.url
    if not preset.path:
        return base
    path = preset.path.format(target=quote(target, safe=""), key=quote(key, safe=""))
    return base if base.endswith(path) else base.rstrip("/") + path


def token_header(preset: Preset | None, token: str) -> tuple[tuple[str, str], ...]:
    """The header that carries the token, where one does. Without a preset it is a bearer token (RFC 6750)."""
    if not token:
        return ()
    if preset is None or preset.token == "bearer":  # noqa: S105 - where it goes
        return (("Authorization", f"Bearer {token}"),)
    return ((preset.token[:-1], token),) if preset.token.endswith(":") else ()


def content_type(preset: Preset) -> str:
    """Of the body."""
    return "application/x-www-form-urlencoded" if preset.form else "application/json"


def pause(preset: Preset, answer: bytes) -> float | None:
    """The seconds that an answer's body asks us to wait."""
    name, unit = preset.pause
    value = _table(answer).get(name) if name else None
    if not isinstance(value, int | float) or isinstance(value, bool) or not 0 <= value < 1e9:
        return None
    return float(value) * unit


def is_owners(preset: Preset, answer: bytes) -> bool:
    """Whether an answer 400 is about what only the owner can mend."""
    found = _table(answer)
    return any(found.get(name) == "invalid" for name in preset.blame)


def _table(answer: bytes) -> dict[str, Any]:
    try:
        found = json.loads(answer)
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}
