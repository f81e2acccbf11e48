"""The dialogue by which chan_dongle brought an E1750 up, recorded: the simulated one gives the same answers."""

from __future__ import annotations

import ast
import itertools
import re
from pathlib import Path

from homeline_lab.dongle import Dongle
from homeline_lab.network import Network, Operator
from homeline_lab.sim import Sim
from lab.terminal import Terminal

RECORDING = Path(__file__).parents[1] / "captures/asterisk/at-startup-full.txt"
ENTRY = re.compile(r"\s*[\d.]+ (>>|<<) ('.*')")


def dialogue() -> list[tuple[str, str]]:
    """Commands and the answers that they got."""
    entries = [m.groups() for line in RECORDING.read_text().splitlines() if (m := ENTRY.fullmatch(line))]
    spoken = [(direction, ast.literal_eval(text)) for direction, text in entries]
    return [
        (ask, answer)
        for (asks, ask), (answers, answer) in itertools.pairwise(spoken)
        if (asks, answers) == (">>", "<<")
    ]


async def test_the_recorded_answers() -> None:
    card = Sim(imsi="404450987654321", number="+919876543210", smsc="+919810051905")
    network = Network(Operator("airtel", "airtel", "40445"))
    pairs = dialogue()
    assert len(pairs) > 250
    async with Dongle("e1750", sim=card, network=network) as dongle:
        dongle.at_port.echo = False
        terminal = Terminal(dongle.port)
        for ask, answer in pairs:
            assert await terminal.ask(ask.removesuffix("\r")) == answer, ask
        terminal.close()
