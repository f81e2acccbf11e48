"""Which message does a received part belong to, and what does the whole say? Pure decisions.

Parts of one message carry the same reference, width of reference and number of parts (3GPP TS 23.040 9.2.3.24.1, .8)
and the same originator. They come in any order, interleaved with others, repeated, or not at all, and a sender reuses
its references (all 256 of them, or always the same one). So a part joins the open message of its reference that still
lacks its number and whose time stamps are nearest, within `WINDOW`: the service centre stamps the parts of one
message when the sender submits them, within seconds or minutes, however late they are delivered.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from homeline.model import Concat, ReceivedPart

try:
    # hashlib would load OpenSSL's libcrypto, some 4 MB on a router, for the same function.
    from _blake2 import blake2b
except ImportError:  # pragma: no cover - a Python that builds it under another name
    from hashlib import blake2b

WINDOW = 600  # seconds between the time stamps of neighbouring parts of one message
MORE_MESSAGES = 0x04  # TP-MMS, 3GPP TS 23.040 9.2.3.2: differs between two transmissions of the same message
COMPARED_DIGITS = 9  # of two phone numbers, from the end: what remains the same in all ways to write one
FEWEST_DIGITS = 6  # shorter numbers (short codes) are compared as a whole


@dataclass(frozen=True, slots=True)
class OpenMessage:
    """A message that lacks parts: the numbers it has, and the earliest and latest of their stamps, if any."""

    id: int
    numbers: frozenset[int]
    first: int | None
    last: int | None


def concat_of(part: ReceivedPart) -> Concat | None:
    """The part's concatenation where there is something to join; None for a message of its own.

    Impossible numbers (part 0, part 4 of 3) are to be ignored by 3GPP TS 23.040 9.2.3.24.1; what cannot be read joins
    nothing.
    """
    concat = part.concat
    if part.error or concat is None or concat.total < 2 or not 1 <= concat.number <= concat.total:
        return None
    return concat


def choose(number: int, sent_at: int | None, candidates: Iterable[OpenMessage]) -> int | None:
    """The id of the open message that part `number`, stamped `sent_at`, belongs to; None if it begins a new one.

    All candidates have the part's SIM, originator, reference and total. Equally near ones: the first given.
    """
    best: tuple[int, int] | None = None
    for candidate in candidates:
        if number in candidate.numbers:
            continue
        distance = _distance(sent_at, candidate)
        if distance <= WINDOW and (best is None or distance < best[0]):
            best = distance, candidate.id
    return None if best is None else best[1]


def _distance(sent_at: int | None, message: OpenMessage) -> int:
    """Seconds from the stamp to the nearest of the message's own; 0 between them, or where nothing is known."""
    if sent_at is None or message.first is None or message.last is None:
        return 0
    return max(message.first - sent_at, sent_at - message.last, 0)


def join_text(texts: Mapping[int, str], total: int) -> str:
    """The text of all parts in order, with a mark for each gap, such as `[part 2 of 3 missing]`.

    A character outside the basic plane that was cut in two between parts is put together again; half a one becomes
    U+FFFD.
    """
    pieces = [texts.get(number, "") for number in range(1, total + 1)]
    for first, last in gaps(texts, total):
        which = f"part {first}" if first == last else f"parts {first}-{last}"
        pieces[first - 1] = f"[{which} of {total} missing]"
    return whole_characters("".join(pieces))


def gaps(have: Iterable[int], total: int) -> Sequence[tuple[int, int]]:
    """The runs of numbers from 1 to `total` that are not there, as (first, last)."""
    there = frozenset(have)
    runs: list[tuple[int, int]] = []
    for number in range(1, total + 1):
        if number in there:
            continue
        if runs and runs[-1][1] == number - 1:
            runs[-1] = runs[-1][0], number
        else:
            runs.append((number, number))
    return runs


def whole_characters(text: str) -> str:
    """`text` with surrogate pairs put together and halves of them replaced by U+FFFD: what UTF-8 can hold."""
    if text.isascii():
        return text
    return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")


def part_key(sim: str, pdu: str) -> bytes:
    """16 bytes that are the same whenever the same part is seen again, on the SIM or sent by the network once more.

    The TPDU holds originator, time stamp, reference and number, so its digest stands for all of them. The service
    centre's address before it and the more-messages bit are left out: they change with the way the part came.
    """
    return blake2b(sim.encode("utf-8", "replace") + b"\0" + _same_part(pdu), digest_size=16).digest()


def _same_part(pdu: str) -> bytes:
    try:
        octets = bytes.fromhex(pdu)
    except ValueError:
        return pdu.encode("utf-8", "replace")
    tpdu = octets[octets[0] + 1 :] if octets else b""
    if not tpdu:
        return octets
    return bytes((tpdu[0] & ~MORE_MESSAGES,)) + tpdu[1:]


def same_number(one: str, other: str) -> bool:
    """Are these two ways to write one phone number? Networks report a recipient in formats of their own."""
    a, b = (_digits(number) for number in (one, other))
    length = min(len(a), len(b), COMPARED_DIGITS)
    if length < FEWEST_DIGITS:
        return a == b and a != ""
    return a[-length:] == b[-length:]


def _digits(number: str) -> str:
    return "".join(c for c in number if c in "0123456789").lstrip("0")
