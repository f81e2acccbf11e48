"""Lines of the longest length whose shape would make a careless expression work for minutes: each is read at once."""

from __future__ import annotations

import contextlib
import time
from typing import Any

import pytest

from homeline.errors import DecodeError
from homeline.protocol import commands, commands_network, commands_sms, ussd
from homeline.protocol.at import Channel, Command
from homeline.protocol.at_framer import MAX_LINE
from homeline.protocol.notices import unsolicited

HEADS = ("", "0,", '0,"', "(", "(1,", '(1,"', '("SM",')
PIECES = (" ", "1", "1 ", '"', '" ', ",", " ,", "(", "( ", '",', '1,"', "()", "0A", "-")
TAILS = ("", 'a"', "x", ",x", ")")
# What has a parser of some size, one of each kind of reading.
QUERIES: tuple[Command[Any], ...] = (
    *(commands.identity(), commands.imei(), commands.own_numbers(), commands.supported_commands()),
    *(commands_network.networks(), commands_sms.memories()),
    *(commands_sms.indications_offered(), commands_sms.list_messages()),
)
LONGEST = 0.5  # seconds; what takes a few milliseconds here may take some more on a busy machine


def shapes(prefix: str) -> list[str]:
    room = MAX_LINE - len(prefix) - 12
    return [prefix + head + piece * (room // len(piece)) + tail for head in HEADS for piece in PIECES for tail in TAILS]


def quick(line: str, started: float) -> None:
    assert time.perf_counter() - started < LONGEST, f"{line[:24]!r}…{line[-6:]!r}"


def test_ussd() -> None:
    for line in shapes("+CUSD: 0,"):
        started = time.perf_counter()
        with contextlib.suppress(DecodeError):
            ussd.parse(line, "GSM")
        quick(line, started)


@pytest.mark.parametrize("prefix", ["+CMTI: ", "+CREG: ", "^HCSQ:", "+QIND: ", "+CLIP: ", "VOICE CALL: "])
def test_notices(prefix: str) -> None:
    for line in shapes(prefix):
        started = time.perf_counter()
        unsolicited(line)
        quick(line, started)


@pytest.mark.parametrize("command", QUERIES, ids=lambda command: command.name)
def test_answers(command: Command[Any]) -> None:
    for line in shapes((command.prefixes or ("",))[0]):
        started = time.perf_counter()
        with contextlib.suppress(DecodeError):
            command.parse([line])
        quick(line, started)


@pytest.mark.parametrize("prefix", ["+CUSD: 0,", "+CMT: ", "+CMGL: "])
def test_the_channel(prefix: str) -> None:
    for line in shapes(prefix):
        channel = Channel()
        channel.start(commands_sms.list_messages())
        started = time.perf_counter()
        channel.feed(f"\r\n{line}\r\n0A0B\r\n\r\nOK\r\n".encode("latin-1"))
        quick(line, started)
