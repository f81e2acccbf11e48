"""What goes over MQTT: the topics, the payloads, and the commands that come in. Pure.

All of a router's topics begin with `PREFIX/GATEWAY`, so that several routers share a broker. Names of dongles are names
of sections, so no part of a topic comes from a stranger. Payloads are JSON in UTF-8 but for the two words of `status`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any, NamedTuple

from homeline.errors import InvalidArgument
from homeline.model import DongleState, DongleStatus, Event, EventKind

ONLINE, OFFLINE = b"online", b"offline"
COMMAND_SIZE = 8192  # octets of a command; the longest SMS needs less
TEXT_SIZE = 1530  # characters of an SMS that may be asked for: ten parts of GSM 7-bit
ID = re.compile(r"[A-Za-z0-9_.:-]{1,64}")  # of a command: it becomes part of a topic
UNKNOWN_ID = "invalid"  # where the answer goes to a command whose id cannot be read
SHOWN = 64  # characters of a text from modem or network in a state: Home Assistant takes 255

Table = dict[str, Any]


class Topics(NamedTuple):
    """The topics of one gateway. `base` is `PREFIX/GATEWAY`."""

    base: str

    @property
    def status(self) -> str:
        """Retained: `online`, or `offline`, which is also the will."""
        return f"{self.base}/status"

    @property
    def commands(self) -> str:
        """A filter for all commands."""
        return f"{self.base}/command/+"

    def command(self, name: str) -> str:
        return f"{self.base}/command/{name}"

    def result(self, request: str) -> str:
        return f"{self.base}/result/{request}"

    def dongle(self, name: str) -> str:
        """Retained: the state of a dongle."""
        return f"{self.base}/dongle/{name}"

    def events(self, kind: str, dongle: str) -> str:
        """Never retained: what a rule forwards. A voicemail is a call; what has no dongle ends with its kind."""
        kind = EventKind.CALL if kind == EventKind.VOICEMAIL else kind
        return f"{self.base}/{kind}/{dongle}" if dongle else f"{self.base}/{kind}"


def gateway(client_id: str, instance: str) -> str:
    """How a router is called in topics: as the owner says, else by its store's random id. One part of a topic."""
    return client_id.replace("/", "_") or instance[:8]


def encode(value: Mapping[str, Any]) -> bytes:
    """JSON in UTF-8. Half a surrogate pair, which UTF-8 cannot carry, becomes U+FFFD; two halves become one."""
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace").encode()


def event_type(event: Event, code: str) -> str:
    """What happened, in a word: what an automation asks for first."""
    if event.digest:
        return "digest"
    if event.kind is EventKind.VOICEMAIL:
        return "voicemail"
    if event.call is not None:
        return event.call.state.value
    return "code" if code and event.kind is EventKind.MESSAGE else event.kind.value


def shown(text: str) -> str:
    """A text from modem or network as a state may show it: one line of bounded length."""
    line = " ".join("".join(c if c.isprintable() else " " for c in text[: 4 * SHOWN]).split())
    return line if len(line) <= SHOWN else line[: SHOWN - 1] + "…"


def state(status: DongleStatus, unread: int, missed: tuple[int, str, str] | None) -> Table:
    """A dongle's retained state. Every key is always there, null where nothing is known: templates need no tests.

    `missed` is the last missed call: when (seconds since 1970), from whom, and the caller's name. No text of a message
    and nothing that identifies SIM or modem is in it: it stays on the broker.
    """
    at, peer, name = missed or (None, "", "")
    return {
        "state": status.state.value,
        "reason": status.reason.value,
        "detail": shown(status.detail) or None,
        "ready": status.state is DongleState.READY,
        "driver": status.driver.value,
        "registration": status.registration.value,
        "operator": shown(status.operator) or None,
        "technology": shown(status.technology) or None,
        "signal_dbm": status.signal_dbm,
        "storage_used": status.storage_used,
        "storage_size": status.storage_size,
        "unread": unread,
        "missed_at": at,
        "missed_from": shown(peer) or None,
        "missed_name": shown(name) or None,
    }


# -- commands -------------------------------------------------------------------------------------------------------

# The arguments of each command and whether they are needed. Lists are of integers, everything else is text.
ARGUMENTS: dict[str, dict[str, bool]] = {
    "send": {"to": True, "text": True, "dongle": False},
    "ussd": {"code": True, "dongle": False},
    "mark_read": {"ids": False, "dongle": False},
    "reset": {"dongle": True},
}
LISTS = {"ids": 500}  # how many items at most


def parse(payload: bytes) -> Table:
    """The JSON object of a command, whatever is in it. Raises InvalidArgument."""
    if len(payload) > COMMAND_SIZE:
        raise InvalidArgument(f"the command is longer than {COMMAND_SIZE} octets")
    try:
        found = json.loads(payload.decode())
    except (ValueError, RecursionError):  # RecursionError: thousands of brackets
        raise InvalidArgument("the command is not JSON in UTF-8") from None
    if not isinstance(found, dict):
        raise InvalidArgument("the command is not a JSON object")
    return found


def request_id(found: Table) -> str:
    """Its id; "" where it has none. Raises InvalidArgument."""
    given = found.get("id", "")
    if given != "" and not (isinstance(given, str) and ID.fullmatch(given)):
        raise InvalidArgument("id: must be up to 64 letters, digits and `_.:-`")
    return str(given)


def arguments(command: str, found: Table) -> Table:
    """The checked arguments of a known command, without its id. Raises InvalidArgument naming the first wrong one."""
    wanted = ARGUMENTS[command]
    for name in found:
        if name not in wanted and name != "id":
            raise InvalidArgument(f"{name[:40]!a}: {command} has no such argument")
    given = {name: value for name, value in found.items() if name != "id" and value is not None}
    for name, needed in wanted.items():
        if needed and name not in given:
            raise InvalidArgument(f"{name}: is missing")
    for name, value in given.items():
        if name in LISTS:
            _check_list(name, value)
        elif not isinstance(value, str) or not value:
            raise InvalidArgument(f"{name}: must be a text")
        elif len(value) > TEXT_SIZE:
            raise InvalidArgument(f"{name}: is longer than {TEXT_SIZE} characters")
    return given


def _check_list(name: str, value: object) -> None:
    if not isinstance(value, list) or not all(type(item) is int for item in value):
        raise InvalidArgument(f"{name}: must be a list of whole numbers")
    if len(value) > LISTS[name]:
        raise InvalidArgument(f"{name}: has more than {LISTS[name]} items")
