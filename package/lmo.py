"""Compiles translations to the files that LuCI reads, as its own po2lmo does (which only LuCI's build has).

    python3 lmo.py FROM TO           FROM/*/homeline.po to TO/homeline.CODE.lmo

Such a file holds the texts, each filled up to four octets; an index of four numbers for each, sorted by the first: hash
of the key, how many forms the text has, place and length of this one; and where the index begins. Numbers have
32 bits, the highest octet first. The key is the English text, with its context before \\1 and its plural form behind
\\2. What is the same as in English is left out. An entry of hash 0 says how to choose plural forms. It needs nothing
but Python.
"""

from __future__ import annotations

import struct
import sys
from pathlib import Path

import po

# Under which code LuCI knows a language, where that is not the name of its folder.
CODES = {"zh_Hans": "zh-cn"}
_ALL = 0xFFFFFFFF


def code(folder: str) -> str:
    return CODES.get(folder, folder)


def hashed(data: bytes) -> int:
    """Paul Hsieh's SuperFastHash, which begins with the length."""
    value = len(data)
    if not data:
        return 0
    for at in range(0, len(data) & ~3, 4):
        low, high = struct.unpack_from("<HH", data, at)
        value = value + low & _ALL
        value = value << 16 & _ALL ^ (high << 11 ^ value)
        value = value + (value >> 11) & _ALL
    value = _ended(value, data[len(data) & ~3 :])
    for left, right in ((3, 5), (4, 17), (25, 6)):
        value ^= value << left & _ALL
        value = value + (value >> right) & _ALL
    return value


def _ended(value: int, rest: bytes) -> int:
    """With the one to three octets that are left over; the odd one is signed."""
    if len(rest) >= 2:
        value = value + struct.unpack_from("<H", rest)[0] & _ALL
    if len(rest) == 3:
        value ^= value << 16 & _ALL
        value ^= _signed(rest[2]) << 18 & _ALL
        return value + (value >> 11) & _ALL
    if len(rest) == 2:
        value ^= value << 11 & _ALL
        return value + (value >> 17) & _ALL
    if rest:
        value = value + _signed(rest[0]) & _ALL
        value ^= value << 10 & _ALL
        return value + (value >> 1) & _ALL
    return value


def _signed(octet: int) -> int:
    return octet - 256 if octet > 127 else octet


def compiled(text: str) -> bytes:
    """The file for the text of a .po. PoError."""
    header, entries = po.read(text)
    forms = header["Plural-Forms"].encode()
    content, index = bytearray(), []

    def add(key: int, form: int, octets: bytes) -> None:
        index.append((key, form, len(content), len(octets)))
        content.extend(octets + bytes(-len(octets) % 4))

    add(0, 0, forms)
    for entry in entries:
        for form, translation in enumerate(entry.translations):
            key, octets = hashed(_key(entry.key, form)), translation.encode()
            if octets and key != hashed(octets):
                add(key, len(entry.translations), octets)
    table = b"".join(struct.pack(">4I", *each) for each in sorted(index))
    return bytes(content) + table + struct.pack(">I", len(content))


def _key(key: po.Key, form: int) -> bytes:
    context, text, plural = key
    before = "" if context is None else f"{context}\1"
    after = "" if plural is None else f"\2{form}"
    return f"{before}{text}{after}".encode()


def decoded(content: bytes) -> dict[int, str]:
    """The texts of a file by the hashes of their keys."""
    (start,) = struct.unpack(">I", content[-4:])
    found = {}
    for key, _form, place, length in struct.iter_unpack(">4I", content[start:-4]):
        found[key] = content[place : place + length].decode()
    return found


def main(source: Path, target: Path) -> None:
    found = sorted(source.glob(f"*/{po.DOMAIN}.po"))
    if not found:
        raise FileNotFoundError(f"there are no translations below {source}")
    target.mkdir(parents=True, exist_ok=True)
    for path in found:
        (target / f"{po.DOMAIN}.{code(path.parent.name)}.lmo").write_bytes(compiled(path.read_text()))


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
