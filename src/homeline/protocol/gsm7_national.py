"""National language shift tables of 3GPP TS 23.038 annex A, numbered as in 6.2.1.2.4.

They are written as what sets each apart from a common pattern. Turkish, Spanish and Portuguese are the default tables
with letters replaced. The Indic locking tables hold the letters of the script's Unicode block in the block's order,
around the same digits, signs and Latin letters; the Indic single shift tables hold Latin capitals and signs and the
script's digits and rarer letters. Urdu has the layout of the Indic ones.

Where the published tables err they are read as meant: Kannada 0x24 is printed as 0CAA, the letter of 0x3D, between 0CA0
and 0CA2; the euro of Telugu 0x65 was in the first edition, and phones in use have it.
"""

from __future__ import annotations

from functools import lru_cache

from homeline.protocol.gsm7_tables import DEFAULT, ESCAPE, EXTENSION, UNDEFINED, overlay

TURKISH, SPANISH, PORTUGUESE, BENGALI, GUJARATI, HINDI, KANNADA = range(1, 8)
MALAYALAM, ORIYA, PUNJABI, TAMIL, TELUGU, URDU = range(8, 14)

LATIN_LOCKING = {
    TURKISH: {0x04: "€", 0x07: "ı", 0x0B: "Ğ", 0x0C: "ğ", 0x1C: "Ş", 0x1D: "ş", 0x40: "İ", 0x60: "ç"},
    PORTUGUESE: {
        **{0x04: "ê", 0x06: "ú", 0x07: "í", 0x08: "ó", 0x09: "ç", 0x0B: "Ô", 0x0C: "ô", 0x0E: "Á", 0x0F: "á"},
        **{0x12: "ª", 0x13: "Ç", 0x14: "À", 0x15: "∞", 0x16: "^", 0x17: "\\", 0x18: "€", 0x19: "Ó", 0x1A: "|"},
        **{0x1C: "Â", 0x1D: "â", 0x1E: "Ê", 0x24: "º", 0x40: "Í", 0x5B: "Ã", 0x5C: "Õ", 0x5D: "Ú", 0x60: "~"},
        **{0x7B: "ã", 0x7C: "õ", 0x7D: "`"},
    },
}
LATIN_SINGLE = {
    TURKISH: {0x47: "Ğ", 0x49: "İ", 0x53: "Ş", 0x63: "ç", 0x67: "ğ", 0x69: "ı", 0x73: "ş"},
    SPANISH: {
        **{0x09: "ç", 0x41: "Á", 0x49: "Í", 0x4F: "Ó", 0x55: "Ú", 0x61: "á", 0x69: "í", 0x6F: "ó", 0x75: "ú"},
    },
    PORTUGUESE: {
        **{0x05: "ê", 0x09: "ç", 0x0B: "Ô", 0x0C: "ô", 0x0E: "Á", 0x0F: "á", 0x12: "Φ", 0x13: "Γ", 0x15: "Ω"},
        **{0x16: "Π", 0x17: "Ψ", 0x18: "Σ", 0x19: "Θ", 0x1F: "Ê", 0x41: "À", 0x49: "Í", 0x4F: "Ó", 0x55: "Ú"},
        **{0x5B: "Ã", 0x5C: "Õ", 0x61: "Â", 0x69: "í", 0x6F: "ó", 0x75: "ú", 0x7B: "ã", 0x7C: "õ", 0x7F: "â"},
    },
}

# First code point of the script's block; offsets in it that the table leaves out (of 0x01..0x4D without 0x04, 0x3A and
# 0x3B, which no table has); the letters at 0x60 and 0x7B..0x7F.
_BLOCKS = {
    BENGALI: (0x0980, "0D 0E 11 12 29 31 33 34 35 45 46 49 4A", "\u09ce\u09d7\u09dc\u09dd\u09f0\u09f1"),
    GUJARATI: (0x0A80, "0E 12 29 31 34 46 4A", "\u0ad0\u0ae0\u0ae1\u0ae2\u0ae3\u0af1"),
    HINDI: (0x0900, "", "\u0950\u0972\u097b\u097c\u097e\u097f"),
    KANNADA: (0x0C80, "01 0D 11 29 34 45 49", "\u0cd5\u0cd6\u0ce0\u0ce1\u0ce2\u0ce3"),
    MALAYALAM: (0x0D00, "01 0D 11 29 3C 45 49", "\u0d57\u0d60\u0d61\u0d62\u0d63\u0d79"),
    ORIYA: (0x0B00, "0D 0E 11 12 29 31 34 45 46 49 4A", "\u0b56\u0b57\u0b60\u0b61\u0b62\u0b63"),
    PUNJABI: (0x0A00, "0B 0C 0D 0E 11 12 29 31 34 37 3D 43 44 45 46 49 4A", "\u0a51\u0a70\u0a71\u0a72\u0a73\u0a74"),
    TAMIL: (
        0x0B80,
        "01 0B 0C 0D 11 16 17 18 1B 1D 20 21 22 25 26 27 2B 2C 2D 3C 3D 43 44 45 49",
        "\u0bd0\u0bd7\u0bf0\u0bf1\u0bf2\u0bf9",
    ),
    TELUGU: (0x0C00, "0D 11 29 34 3C 45 49", "\u0c55\u0c56\u0c60\u0c61\u0c62\u0c63"),
}
# The 74 letters of Urdu in the order of the septets, then those at 0x60 and 0x7B..0x7F.
_URDU = (
    "\u0627\u0622\u0628\u067b\u0680\u067e\u06a6\u062a\u06c2\u067f\u0679\u067d\u067a\u067c\u062b\u062c\u0681\u0684"
    "\u0683\u0685\u0686\u0687\u062d\u062e\u062f\u068c\u0688\u0689\u068a\u068f\u068d\u0630\u0631\u0691\u0693\u0699"
    "\u0632\u0696\u0698\u069a\u0633\u0634\u0635\u0636\u0637\u0638\u0639\u0641\u0642\u06a9\u06aa\u06ab\u06af\u06b3"
    "\u06b1\u0644\u0645\u0646\u06ba\u06bb\u06bc\u0648\u06c4\u06d5\u06c1\u06be\u0621\u06cc\u06d0\u06d2\u064d\u0650"
    "\u064f\u0657" + "\u0654\u0655\u0651\u0653\u0656\u0670"
)
# What all Indic locking tables share; a tilde marks a septet that belongs to the script.
_LOCKING_PATTERN = (
    "~~~~~~~~~~\n~~\r~~"
    "~~~~~~~~~~~\x1b~~~~"
    " !~~~~~~)(~~,~.~"
    "0123456789:;~~~?"
    "~~~~~~~~~~~~~~~~"
    "~~~~~~~~~~~~~~~~"
    "~abcdefghijklmno"
    "pqrstuvwxyz~~~~~"
)
# And all Indic single shift tables. A no-break space marks an undefined septet, NUL one that belongs to the script.
_SINGLE_PATTERN = (
    "@£$¥¿\"¤%&'\f*+\xa0-/"
    "<=>¡^¡_#*\0\0\x1b\0\0\0\0"
    "\0\0\0\0\0\0\0\0{}\0\0\0\0\0\\"
    "\0\0\0\0\0\0\0\0\0\0\0\0[~]\0"
    "|ABCDEFGHIJKLMNO"
    "PQRSTUVWXYZ\xa0\xa0\xa0\xa0\xa0"
    "\xa0\xa0\xa0\xa0\xa0€\xa0\xa0\xa0\xa0\xa0\xa0\xa0\xa0\xa0\xa0"
    "\xa0\xa0\xa0\xa0\xa0\xa0\xa0\xa0\xa0\xa0\xa0\xa0\xa0\xa0\xa0\xa0"
)
_DANDA = "\u0964\u0965"
# The script's own characters of the single shift tables, in the order of the septets from 0x19 on.
_SINGLE_LETTERS = {
    BENGALI: "\u09e6\u09e7\u09e8\u09e9\u09ea\u09eb\u09ec\u09ed\u09ee\u09ef\u09df\u09e0\u09e1\u09e2\u09e3\u09f2\u09f3"
    "\u09f4\u09f5\u09f6\u09f7\u09f8\u09f9\u09fa",
    GUJARATI: _DANDA + "\u0ae6\u0ae7\u0ae8\u0ae9\u0aea\u0aeb\u0aec\u0aed\u0aee\u0aef",
    HINDI: _DANDA + "\u0966\u0967\u0968\u0969\u096a\u096b\u096c\u096d\u096e\u096f\u0951\u0952\u0953\u0954\u0958\u0959"
    "\u095a\u095b\u095c\u095d\u095e\u095f\u0960\u0961\u0962\u0963\u0970\u0971",
    KANNADA: _DANDA + "\u0ce6\u0ce7\u0ce8\u0ce9\u0cea\u0ceb\u0cec\u0ced\u0cee\u0cef\u0cde\u0cf1\u0cf2",
    MALAYALAM: _DANDA + "\u0d66\u0d67\u0d68\u0d69\u0d6a\u0d6b\u0d6c\u0d6d\u0d6e\u0d6f\u0d70\u0d71\u0d72\u0d73\u0d74"
    "\u0d75\u0d7a\u0d7b\u0d7c\u0d7d\u0d7e\u0d7f",
    ORIYA: _DANDA + "\u0b66\u0b67\u0b68\u0b69\u0b6a\u0b6b\u0b6c\u0b6d\u0b6e\u0b6f\u0b5c\u0b5d\u0b5f\u0b70\u0b71",
    PUNJABI: _DANDA + "\u0a66\u0a67\u0a68\u0a69\u0a6a\u0a6b\u0a6c\u0a6d\u0a6e\u0a6f\u0a59\u0a5a\u0a5b\u0a5c\u0a5e"
    "\u0a75",
    TAMIL: _DANDA + "\u0be6\u0be7\u0be8\u0be9\u0bea\u0beb\u0bec\u0bed\u0bee\u0bef\u0bf3\u0bf4\u0bf5\u0bf6\u0bf7\u0bf8"
    "\u0bfa",
    TELUGU: UNDEFINED * 2 + "\u0c66\u0c67\u0c68\u0c69\u0c6a\u0c6b\u0c6c\u0c6d\u0c6e\u0c6f\u0c58\u0c59\u0c78\u0c79\u0c7a"
    "\u0c7b\u0c7c\u0c7d\u0c7e\u0c7f",
    URDU: "\u0600\u0601\u06f0\u06f1\u06f2\u06f3\u06f4\u06f5\u06f6\u06f7\u06f8\u06f9\u060c\u060d\u060e\u060f\u0610\u0611"
    "\u0612\u0613\u0614\u061b\u061f\u0640\u0652\u0658\u066b\u066c\u0672\u0673\u06cd\u06d4",
}


def _fill(pattern: str, slot: str, letters: str) -> str:
    """The pattern with its slots filled in order; slots that are left over, and the escape, are undefined."""
    supply = iter(letters)
    table = "".join(next(supply, UNDEFINED) if char == slot else char for char in pattern)
    return table.replace("\xa0", UNDEFINED).replace(chr(ESCAPE), UNDEFINED)


def _script(language: int) -> str:
    """The letters of an Indic locking table in the order of its septets."""
    block, absent, others = _BLOCKS[language]
    missing = bytes.fromhex(absent)
    letters = (*range(0x01, 0x04), *range(0x05, 0x3A), *range(0x3C, 0x4E))
    return "".join(UNDEFINED if offset in missing else chr(block + offset) for offset in letters) + others


@lru_cache(maxsize=4)
def locking(language: int) -> str:
    """The locking shift table of a language; empty when it has none."""
    if language in LATIN_LOCKING:
        return overlay(DEFAULT, LATIN_LOCKING[language])
    if language in _BLOCKS:
        return _fill(_LOCKING_PATTERN, "~", _script(language))
    return _fill(_LOCKING_PATTERN, "~", _URDU) if language == URDU else ""


@lru_cache(maxsize=4)
def single(language: int) -> str:
    """The single shift table of a language; empty when it has none."""
    if language in LATIN_SINGLE:
        return overlay(EXTENSION, LATIN_SINGLE[language])
    return _fill(_SINGLE_PATTERN, "\0", _SINGLE_LETTERS[language]) if language in _SINGLE_LETTERS else ""
