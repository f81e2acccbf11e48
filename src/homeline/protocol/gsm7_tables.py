"""The default alphabet of 3GPP TS 23.038 6.2.1 and its extension table; `gsm7_national` has those of other languages.

A table is a string of 128 characters; `UNDEFINED` stands where it has none.
"""

from __future__ import annotations

ESCAPE = 0x1B
UNDEFINED = "\ufffd"

# 6.2.1. Greek letters that look like Latin ones are not in it, and 0x09 is the capital C with cedilla.
DEFAULT = (
    "@£$¥èéùìòÇ\nØø\rÅå"
    "Δ_ΦΓΛΩΠΨΣΘΞ\ufffdÆæßÉ"
    " !\"#¤%&'()*+,-./"
    "0123456789:;<=>?"
    "¡ABCDEFGHIJKLMNO"
    "PQRSTUVWXYZÄÖÑÜ§"
    "¿abcdefghijklmno"
    "pqrstuvwxyzäöñüà"
)


def overlay(table: str, changes: dict[int, str]) -> str:
    """`table` with some septets' characters replaced."""
    cells = list(table)
    for septet, char in changes.items():
        cells[septet] = char
    return "".join(cells)


# 6.2.1.1. 0x0A is the page break.
EXTENSION = overlay(
    UNDEFINED * 128,
    {0x0A: "\f", 0x14: "^", 0x28: "{", 0x29: "}", 0x2F: "\\", 0x3C: "[", 0x3D: "~", 0x3E: "]", 0x40: "|", 0x65: "€"},
)
