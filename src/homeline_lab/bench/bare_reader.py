"""A program of its own: `bare_reader.py PORT HANDLER`. Lines `LENGTH PDU` on standard input are sent.

It has no deadline, no error handling and no memory: it shows what the dongle and the handler cost by themselves.
"""

from __future__ import annotations

import os
import re
import select
import subprocess
import sys
import tty


class Reader:
    """The port, and the indexes that were told while something else was waited for."""

    def __init__(self, path: str) -> None:
        self.fd = os.open(path, os.O_RDWR | os.O_NOCTTY)
        tty.setraw(self.fd)
        self.buffer = b""
        self.told: list[bytes] = []

    def read(self) -> None:
        self.buffer += os.read(self.fd, 65536)
        while match := re.search(rb'\r\n\+CMTI: "\w+",(\d+)\r\n', self.buffer):
            self.told.append(match[1])
            self.buffer = self.buffer[: match.start()] + self.buffer[match.end() :]

    def ask(self, data: bytes) -> bytes:
        os.write(self.fd, data)
        while not (match := re.search(rb"\r\n(OK|[^\r\n]*ERROR[^\r\n]*)\r\n|\r\n> ", self.buffer)):
            self.read()
        answer, self.buffer = self.buffer[: match.end()], self.buffer[match.end() :]
        return answer

    def take(self, index: bytes, handler: str) -> None:
        """One message: the handler gets its PDU."""
        answer = self.ask(b"AT+CMGR=" + index + b"\r")
        if found := re.search(rb"\r\n([0-9A-F]{20,})\r\n", answer):
            subprocess.run([handler, found[1].decode()], stdin=subprocess.DEVNULL, check=False)
            self.ask(b"AT+CMGD=" + index + b"\r")


def main() -> None:
    port, handler = sys.argv[1:]
    reader = Reader(port)
    for line in (b"ATE0", b"AT+CMGF=0", b"AT+CNMI=2,1,0,0,0"):
        reader.ask(line + b"\r")
    reader.told += re.findall(rb"\+CMGL: (\d+)", reader.ask(b"AT+CMGL=4\r"))
    sources = [reader.fd, 0]
    while True:
        while reader.told:
            reader.take(reader.told.pop(0), handler)
        ready, _, _ = select.select(sources, [], [])
        if 0 in ready:
            line = sys.stdin.buffer.readline()
            if not line:
                return
            length, pdu = line.split()
            reader.ask(b"AT+CMGS=" + length + b"\r")
            reader.ask(pdu + b"\x1a")
        if reader.fd in ready:
            reader.read()


main()
