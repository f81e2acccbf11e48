"""The user data header of 3GPP TS 23.040 9.2.3.24: what its elements say. Unknown ones are kept as they came."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from homeline.errors import EncodeError
from homeline.model import Concat

CONCAT_8, SPECIAL_INDICATION, PORTS_8, PORTS_16, CONCAT_16 = 0x00, 0x01, 0x04, 0x05, 0x08
SINGLE_SHIFT, LOCKING_SHIFT = 0x24, 0x25
# Values of the lower bits of a special message indication, 9.2.3.24.2.
WAITING_KINDS = ("voicemail", "fax", "e-mail", "other message")
_VIDEO = 7


@dataclass(frozen=True, slots=True)
class Element:
    """One information element: its identifier and its data."""

    id: int
    data: bytes


@dataclass(frozen=True, slots=True)
class Waiting:
    """A message waiting indication: what waits, how many (None: not said), and whether the message itself may go."""

    kind: str
    active: bool
    count: int | None = None
    store: bool = True

    def __str__(self) -> str:
        if not self.active:
            return f"no {self.kind} waiting"
        return f"{self.kind} waiting" + (f" ({self.count})" if self.count else "")


@dataclass(frozen=True, slots=True)
class Header:
    """What a user data header says. Of a repeated element the last one counts (9.2.3.24)."""

    elements: tuple[Element, ...] = ()
    concat: Concat | None = None
    ports: tuple[int, int] | None = None  # destination, source
    locking: int = 0
    single: int = 0
    waiting: tuple[Waiting, ...] = ()
    broken: bool = False  # its last element does not end where it does: all of it was ignored


NONE = Header()


def decode(data: bytes) -> Header:
    """A header without its length octet. If its last element has too few octets, all are ignored (9.2.3.24)."""
    elements = []
    at = 0
    while at < len(data):
        if at + 2 > len(data) or at + 2 + data[at + 1] > len(data):
            return Header(broken=True)
        elements.append(Element(data[at], data[at + 2 : at + 2 + data[at + 1]]))
        at += 2 + data[at + 1]
    return _read(tuple(elements))


def encode(elements: Iterable[Element]) -> bytes:
    """A header with its length octet; empty for no elements."""
    body = b"".join(bytes((element.id, len(element.data))) + element.data for element in elements)
    return bytes((len(body),)) + body if body else b""


def concat_element(concat: Concat) -> Element:
    """9.2.3.24.1 or .8, by the width of the reference."""
    tail = bytes((concat.total, concat.number))
    if concat.bits == 8:
        return Element(CONCAT_8, bytes((concat.reference & 0xFF,)) + tail)
    return Element(CONCAT_16, (concat.reference & 0xFFFF).to_bytes(2, "big") + tail)


def ports_element(destination: int, source: int) -> Element:
    """9.2.3.24.4, 16-bit ports; raises EncodeError for one that is none."""
    if not (0 <= destination <= 0xFFFF and 0 <= source <= 0xFFFF):
        raise EncodeError(f"ports {destination} and {source}: they go from 0 to 65535")
    return Element(PORTS_16, destination.to_bytes(2, "big") + source.to_bytes(2, "big"))


def _read(elements: tuple[Element, ...]) -> Header:
    concat: Concat | None = None
    ports: tuple[int, int] | None = None
    languages = {LOCKING_SHIFT: 0, SINGLE_SHIFT: 0}
    waiting = []
    for element in elements:
        concat = _concat(element) or concat
        ports = _ports(element) or ports
        if element.id in languages and len(element.data) == 1:
            languages[element.id] = element.data[0]
        elif element.id == SPECIAL_INDICATION and len(element.data) == 2:
            waiting.append(_waiting(*element.data))
    return Header(elements, concat, ports, languages[LOCKING_SHIFT], languages[SINGLE_SHIFT], tuple(waiting))


def _concat(element: Element) -> Concat | None:
    """A part's place; none when it cannot be one (9.2.3.24.1: such an element is ignored)."""
    width = {CONCAT_8: 1, CONCAT_16: 2}.get(element.id)
    if width is None or len(element.data) != width + 2:
        return None
    total, number = element.data[width:]
    if not 1 <= number <= total:
        return None
    return Concat(int.from_bytes(element.data[:width], "big"), width * 8, total, number)


def _ports(element: Element) -> tuple[int, int] | None:
    width = {PORTS_8: 1, PORTS_16: 2}.get(element.id)
    if width is None or len(element.data) != width * 2:
        return None
    return int.from_bytes(element.data[:width], "big"), int.from_bytes(element.data[width:], "big")


def _waiting(kind: int, count: int) -> Waiting:
    """9.2.3.24.2: bit 7 says store, bits 6 and 5 the profile, the others what waits."""
    low = kind & 0x1F
    name = WAITING_KINDS[low] if low < len(WAITING_KINDS) else "video message" if low == _VIDEO else "message"
    return Waiting(name, active=count > 0, count=count, store=bool(kind & 0x80))
