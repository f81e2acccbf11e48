"""Our recordings of ubusd (tests/captures/ubus) for tests of the protocol, the client and the test bus."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

from homeline.protocol import ubus
from homeline.protocol.ubus import Frame

FOLDER = Path(__file__).parent / "captures/ubus"
NAMES = sorted(path.stem for path in FOLDER.glob("*.jsonl"))


@dataclass(frozen=True)
class Piece:
    """Bytes as one side read them."""

    connection: int
    from_client: bool
    data: bytes


def pieces(name: str) -> list[Piece]:
    lines = [json.loads(line) for line in (FOLDER / f"{name}.jsonl").read_text().splitlines()]
    return [
        Piece(line["conn"], line["dir"] == "client->ubusd", bytes.fromhex(line["hex"]))
        for line in lines
        if "hex" in line
    ]


def turns(name: str) -> list[Piece]:
    """As `pieces`, with what came in several reads in a row put together."""
    joined: list[Piece] = []
    for piece in pieces(name):
        if joined and (joined[-1].connection, joined[-1].from_client) == (piece.connection, piece.from_client):
            joined[-1] = Piece(piece.connection, piece.from_client, joined[-1].data + piece.data)
        else:
            joined.append(piece)
    return joined


def frames(name: str, *, from_client: bool) -> list[Frame]:
    """Every message of one direction."""
    framers: dict[int, ubus.Framer] = {}
    return [
        frame
        for piece in pieces(name)
        if piece.from_client == from_client
        for frame in framers.setdefault(piece.connection, ubus.Framer()).feed(piece.data)
    ]
