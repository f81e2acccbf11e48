"""What a SIP MESSAGE to a phone says: the text in pieces that Asterisk takes, and who it is from. Pure."""

from __future__ import annotations

import re

# Octets of a text. The manager takes lines of 1020, and the text is base64 there. RFC 3428 8 allows 1300 in a packet.
LONGEST = 700
MOST = 8  # pieces; what is longer is cut
OURS = "homeline"  # who says what is not a message
CUT = "…"

_CONTROLS = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029]")
_ODD = re.compile(r"[^A-Za-z0-9._+-]")


def cleaned(text: str) -> str:
    """The text without what is no text: controls but for tabs and ends of lines, halves of surrogate pairs."""
    lines = text.replace("\r\n", "\n").replace("\r", "\n")
    return _CONTROLS.sub("", lines).encode("utf-8", "replace").decode().strip() or "-"


def pieces(text: str) -> list[str]:
    """The text in at most `MOST` pieces of at most `LONGEST` octets, none empty; where it is cut it ends with `CUT`."""
    rest, found = cleaned(text), list[str]()
    while rest and len(found) < MOST:
        piece = _beginning(rest, LONGEST)
        found.append(piece)
        rest = rest[len(piece) :]
    if rest:
        found[-1] = _beginning(found[-1], LONGEST - len(CUT.encode())) + CUT
    return found


def _beginning(text: str, octets: int) -> str:
    """As much as fits, up to a blank or an end of a line where there is one in its second half."""
    encoded = text.encode()
    if len(encoded) <= octets:
        return text
    fits = encoded[:octets].decode("utf-8", "ignore")
    at = max(fits.rfind("\n"), fits.rfind(" ")) + 1
    return fits[:at] if at > len(fits) // 2 else fits


def user(peer: str) -> str:
    """The user part of From, to which an answer goes: a number as it is, of a name what may stand there."""
    return _ODD.sub("", peer)[:40] or OURS
