"""A text to send: the smallest encoding that holds it, and where it is cut into parts.

Costs are counted in units: septets of the 7-bit alphabet, octets of everything else.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from homeline.errors import EncodeError
from homeline.model import Concat
from homeline.protocol import gsm7, udh
from homeline.protocol.pdu_coding import EIGHT_BIT, GSM7, UCS2, encode_ucs2
from homeline.protocol.udh import Element

USER_DATA_OCTETS = 140
MAX_PARTS = 255
_LONGEST = MAX_PARTS * 160  # characters, or octets, that no encoding gets into so many parts: not even tried
_JOINER = "\u200d"
_LONGEST_CLUSTER = 12  # characters looked back over for the start of a grapheme


@dataclass(frozen=True, slots=True)
class Content:
    """What a message says and how it is to be written.

    `encoding` is auto, gsm7, ucs2 or 8bit. `languages` are national languages (23.038 6.2.1.2.4) that may be used where
    that is smaller than UCS-2: receivers that do not know them show other letters, so there are none by default.
    """

    text: str = ""
    data: bytes | None = None  # 8-bit message, instead of a text
    encoding: str = "auto"
    languages: tuple[int, ...] = ()
    message_class: int | None = None  # 0 is a flash message
    ports: tuple[int, int] | None = None  # destination, source
    concat_reference: int = 0
    concat_bits: int = 8


@dataclass(frozen=True, slots=True)
class Segment:
    """The user data of one part."""

    encoding: str
    text: str
    body: bytes  # septets or octets
    elements: tuple[Element, ...] = ()


@dataclass(frozen=True, slots=True)
class Preview:
    """What sending a text would take. `left`: how many more of the encoding's characters fit into the last part."""

    encoding: str
    parts: int
    left: int


@dataclass(frozen=True, slots=True)
class _Plan:
    """A text in one encoding, character by character, and the ends of its parts."""

    encoding: str
    pieces: Sequence[bytes]
    elements: tuple[Element, ...]
    ends: list[int]

    @property
    def octets(self) -> int:
        """Of a message in one part, header included; enough to compare those of equally many parts."""
        header = len(udh.encode(self.elements))
        units = sum(map(len, self.pieces))
        return (((header * 8 + 6) // 7 + units) * 7 + 7) // 8 if self.encoding == GSM7 else header + units


def preview(text: str, languages: tuple[int, ...] = ()) -> Preview:
    """Encoding, number of parts and room left; raises EncodeError where sending would."""
    plan = _plan(Content(text, languages=languages))
    extra = (udh.concat_element(Concat(0, 8, 1, 1)),) if len(plan.ends) > 1 else ()
    start = plan.ends[-2] if len(plan.ends) > 1 else 0
    left = _room(plan.encoding, plan.elements + extra) - sum(map(len, plan.pieces[start:]))
    return Preview(plan.encoding, len(plan.ends), left // 2 if plan.encoding == UCS2 else left)


def segments(content: Content) -> list[Segment]:
    """The parts of a message. Raises EncodeError for text that the wished encoding lacks, or over 255 parts."""
    if content.concat_reference not in range(1 << content.concat_bits):
        raise EncodeError(f"reference {content.concat_reference} does not fit into {content.concat_bits} bits")
    plan = _plan(content)
    out = []
    start = 0
    for number, end in enumerate(plan.ends, 1):
        elements = plan.elements
        if len(plan.ends) > 1:
            place = Concat(content.concat_reference, content.concat_bits, len(plan.ends), number)
            elements = (udh.concat_element(place), *elements)
        text = content.text[start:end] if content.data is None else ""
        out.append(Segment(plan.encoding, text, b"".join(plan.pieces[start:end]), elements))
        start = end
    return out


def _plan(content: Content) -> _Plan:
    """The candidate with the fewest parts, then the fewest octets; of equals the most widely readable one."""
    if (length := max(len(content.text), len(content.data or b""))) > _LONGEST:
        raise EncodeError(f"message of {length} characters, more than {MAX_PARTS} parts can hold")
    ports = (udh.ports_element(*content.ports),) if content.ports else ()
    if content.data is not None:
        pieces = [bytes((octet,)) for octet in content.data]
        return _cut_up("", EIGHT_BIT, pieces, ports, content.concat_bits)
    plans = [
        _cut_up(content.text, encoding, pieces, ports + elements, content.concat_bits)
        for encoding, pieces, elements in _candidates(content)
    ]
    return min(plans, key=lambda plan: (len(plan.ends), plan.octets))


_Candidate = tuple[str, list[bytes], tuple[Element, ...]]


def _candidates(content: Content) -> list[_Candidate]:
    """Each encoding worth trying that holds the text: its characters encoded, and the header elements it needs."""
    if content.encoding == UCS2:
        return [_ucs2(content.text)]
    if content.encoding not in ("auto", GSM7):
        raise EncodeError(f"encoding '{content.encoding}' is none of auto, gsm7, ucs2, or 8bit with data")
    default = _gsm7(content.text, 0, 0)
    if default:
        return [default]
    pairs = [pair for language in content.languages for pair in ((0, language), (language, 0), (language, language))]
    shifted = [found for locking, single in pairs if (found := _gsm7(content.text, locking, single))]
    if content.encoding == GSM7:
        return shifted or [(GSM7, [gsm7.encode(content.text)], ())]  # encode raises, and names the character
    return [*shifted, _ucs2(content.text)]


def _gsm7(text: str, locking: int, single: int) -> _Candidate | None:
    tables = gsm7.alphabet(locking, single)
    pieces = [gsm7.encode_char(char, tables) for char in text]
    if not all(pieces):
        return None
    shifts = ((udh.LOCKING_SHIFT, locking), (udh.SINGLE_SHIFT, single))
    return GSM7, pieces, tuple(Element(id_, bytes((language,))) for id_, language in shifts if language)


def _ucs2(text: str) -> _Candidate:
    encode_ucs2(text)  # once whole, so that an error names the position
    return UCS2, [char.encode("utf-16-be") for char in text], ()


def _cut_up(text: str, encoding: str, pieces: Sequence[bytes], elements: tuple[Element, ...], bits: int) -> _Plan:
    """The pieces as one part, or as several that leave room for the concatenation element."""
    if sum(map(len, pieces)) <= _room(encoding, elements):
        return _Plan(encoding, pieces, elements, [len(pieces)])
    room = _room(encoding, (*elements, udh.concat_element(Concat(0, bits, 1, 1))))
    ends = []
    start = used = 0
    for index, piece in enumerate(pieces):
        if used + len(piece) > room:
            start = _cluster_start(text, start, index)
            ends.append(start)
            used = sum(map(len, pieces[start:index]))
        used += len(piece)
    ends.append(len(pieces))
    if len(ends) > MAX_PARTS:
        raise EncodeError(f"message of {len(ends)} parts, at most {MAX_PARTS} can be joined")
    return _Plan(encoding, pieces, elements, ends)


def _room(encoding: str, elements: tuple[Element, ...]) -> int:
    """Units that a part has for text beside its header."""
    octets = USER_DATA_OCTETS - len(udh.encode(elements))
    if encoding == GSM7:
        return gsm7.capacity(octets)
    return octets // 2 * 2 if encoding == UCS2 else octets


def _cluster_start(text: str, start: int, cut: int) -> int:
    """`cut`, or a little before it where it would part a letter from its marks or a joined emoji."""
    for position in range(cut, max(start, cut - _LONGEST_CLUSTER), -1):
        if not (_extends(text[position : position + 1]) or text[position - 1 : position] == _JOINER):
            return position
    return cut


def _extends(char: str) -> bool:
    """Whether a character belongs to the one before it (Unicode's marks, joiners and emoji modifiers)."""
    if not char or char.isascii():
        return False
    import unicodedata  # its tables are large; only long texts beyond ASCII come here

    return char == _JOINER or "\U0001f3fb" <= char <= "\U0001f3ff" or unicodedata.category(char).startswith("M")
