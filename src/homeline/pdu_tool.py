"""`homeline decode-pdu` and `encode-pdu`: the SMS codec for people and scripts, without router, dongle or daemon.

A line that fails becomes `{"error": …}` in its place; the exit code is then 1.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

from homeline.errors import HomelineError, InvalidArgument
from homeline.model import Concat
from homeline.protocol import pdu

Fields = dict[str, Any]
LONGEST_LINE = 1 << 20  # characters of one input line


def add_arguments(subparsers: Any) -> None:
    """Adds both commands to an `argparse` set of subcommands; `work` of the parsed arguments carries one out."""
    words = "say what SMS PDUs mean"
    parser = subparsers.add_parser("decode-pdu", help=words, description=words)
    parser.add_argument("pdu", nargs="+", metavar="PDU", help="hex, service centre first; - reads one a line")
    parser.add_argument("--json", action="store_true", help="one JSON object a line instead of a table")
    parser.set_defaults(work=run, convert=decode, explain=explain, layout=table, inputs="pdu")
    words = 'make SMS-SUBMIT PDUs of wishes such as {"number": "+41791234567", "text": "hello"}'
    parser = subparsers.add_parser("encode-pdu", help=words, description=words)
    parser.add_argument("wish", nargs="+", metavar="WISH", help="a JSON object; - reads one a line")
    parser.add_argument("--json", action="store_true", help="one JSON object a line instead of what a modem wants")
    parser.set_defaults(work=run, convert=encode, explain=encode, layout=dialogue, inputs="wish")


def main(arguments: Sequence[str]) -> int:
    """Either command with as little imported as can be."""
    parser = argparse.ArgumentParser(prog="homeline")
    add_arguments(parser.add_subparsers(required=True))
    return run(parser.parse_args(arguments))


def run(args: argparse.Namespace) -> int:
    """Converts every input in its order; 0 when all of them went well."""
    failed = False
    convert = args.convert if args.json else args.explain
    for line in _lines(getattr(args, args.inputs)):
        result = _attempt(convert, line)
        failed = failed or "error" in result
        print(json.dumps(result) if args.json else args.layout(result), flush=True)
    return int(failed)


def decode(line: str) -> Fields:
    """The fields of a PDU; raises DecodeError."""
    decoded = pdu.decode(line)
    if isinstance(decoded, pdu.Deliver):
        return {"type": "deliver", **_deliver(decoded)}
    if isinstance(decoded, pdu.Submit):
        return {"type": "submit", **_submit(decoded)}
    return {"type": "status_report", **_status_report(decoded)}


def explain(line: str) -> Fields:
    """The same with what is special about the message, in words."""
    decoded = pdu.decode(line)
    return decode(line) | {"note": None if isinstance(decoded, pdu.StatusReport) else pdu.note(decoded) or None}


def encode(line: str) -> Fields:
    """The PDUs that a wish (a JSON object) asks for; raises InvalidArgument or EncodeError."""
    try:
        wish = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise InvalidArgument(f"not JSON: {error}") from None
    parts = pdu.encode_submit(**_options(wish))
    return {
        "parts": len(parts),
        "encoding": parts[0].encoding,
        "pdus": [{"pdu": part.pdu, "cmgs_length": part.length} for part in parts],
    }


def table(result: Fields) -> str:
    """Names and values in two columns, nested ones in one line, and an empty line after them."""
    width = max(map(len, result))
    rows = (f"{name:<{width}}  {_shown(value)}" for name, value in result.items() if value is not None)
    return "\n".join(rows) + "\n"


def dialogue(result: Fields) -> str:
    """The commands and payloads of 27.005 4.3, one below the other."""
    if "error" in result:
        return table(result)
    return "\n".join(f"AT+CMGS={part['cmgs_length']}\n{part['pdu']}" for part in result["pdus"]) + "\n"


def _lines(inputs: Iterable[str]) -> Iterator[str]:
    """The inputs, with the lines of standard input for a `-`. Empty lines are none."""
    for text in inputs:
        if text != "-":
            yield text
            continue
        while octets := sys.stdin.buffer.readline(LONGEST_LINE):
            line = octets.decode("utf-8", "replace").strip()
            if line:
                yield line


def _attempt(convert: Callable[[str], Fields], line: str) -> Fields:
    try:
        return convert(line)
    except HomelineError as error:
        return {"error": str(error)}


def _shown(value: object) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{name} {inner}" for name, inner in value.items())
    if isinstance(value, bool):
        return "yes" if value else "no"
    text = str(value)
    return text if text.isprintable() else json.dumps(text)  # control characters must not reach the terminal


def _deliver(decoded: pdu.Deliver) -> Fields:
    return {
        "smsc": decoded.smsc or None,
        "sender": decoded.sender.text,
        "sender_type": decoded.sender.type,
        "pid": decoded.pid,
        "dcs": decoded.dcs,
        "timestamp": _time(decoded.timestamp),
        **_content(decoded.user, decoded.coding),
    }


def _submit(decoded: pdu.Submit) -> Fields:
    return {
        "smsc": decoded.smsc or None,
        "recipient": decoded.recipient.text,
        "recipient_type": decoded.recipient.type,
        "reference": decoded.reference,
        "pid": decoded.pid,
        "dcs": decoded.dcs,
        "validity": _validity(decoded.validity),
        "request_status_report": decoded.report,
        "reject_duplicates": decoded.reject_duplicates,
        **_content(decoded.user, decoded.coding),
    }


def _status_report(decoded: pdu.StatusReport) -> Fields:
    return {
        "smsc": decoded.smsc or None,
        "reference": decoded.reference,
        "recipient": decoded.recipient.text,
        "recipient_type": decoded.recipient.type,
        "timestamp": _time(decoded.timestamp),
        "discharge": _time(decoded.discharge),
        "status": decoded.status,
        "delivered": decoded.delivered,
        "more_to_come": decoded.more_to_come,
        "failed": decoded.failed,
    }


def _content(user: pdu.UserData, coding: pdu.Coding) -> Fields:
    binary = user.encoding == "8bit"
    return {
        "encoding": user.encoding,
        "class": coding.message_class,
        "text": None if binary else user.text,
        "data": user.data.hex().upper() if binary else None,
        "concat": _concat(user.concat),
        "ports": user.ports and {"dst": user.ports[0], "src": user.ports[1]},
    }


def _concat(place: Concat | None) -> Fields | None:
    if place is None:
        return None
    return {"ref": place.reference, "ref_bits": place.bits, "total": place.total, "seq": place.number}


def _time(stamp: pdu.Timestamp | None) -> str | None:
    return stamp.isoformat() if stamp else None


def _validity(validity: pdu.Validity | None) -> Fields | None:
    if validity is None:
        return None
    if validity.until:
        return {"absolute": validity.until.isoformat()}
    minutes, rest = divmod(validity.seconds or 0, 60)
    return {"relative_minutes": minutes + rest / 60 if rest else minutes}


def _options(wish: object) -> Fields:
    """A wish as the arguments of `encode_submit`; raises InvalidArgument that names the field."""
    if not isinstance(wish, dict):
        raise InvalidArgument("a wish is a JSON object")
    if unknown := wish.keys() - _WISHES.keys():
        raise InvalidArgument(f"unknown: {', '.join(sorted(map(repr, unknown)))}")
    given = {name: _WISHES[name](name, value) for name, value in wish.items() if value is not None}
    if "number" not in given:
        raise InvalidArgument("number: is missing")
    if ("data" in given) == ("text" in given):
        raise InvalidArgument("text: either text or data is wanted")
    if given.get("encoding") == "8bit":
        if "text" in given:
            raise InvalidArgument("encoding: 8bit wants data")
        del given["encoding"]
    if given.get("concat_reference", 0) > 0xFF:
        given["concat_bits"] = 16
    content = pdu.Content(**{name: given.pop(wished) for wished, name in _CONTENT.items() if wished in given})
    return {"content": content, **{_OPTIONS.get(name, name): value for name, value in given.items()}}


def _string(name: str, value: object) -> str:
    if not isinstance(value, str):
        raise InvalidArgument(f"{name}: is not a string")
    return value


def _integer(name: str, value: object) -> int:
    if not isinstance(value, int) or isinstance(value, bool):
        raise InvalidArgument(f"{name}: is not an integer")
    return value


def _flag(name: str, value: object) -> bool:
    if not isinstance(value, bool):
        raise InvalidArgument(f"{name}: is neither true nor false")
    return value


def _octets(name: str, value: object) -> bytes:
    try:
        return bytes.fromhex(_string(name, value))
    except ValueError:
        raise InvalidArgument(f"{name}: is not hex") from None


def _period(name: str, value: object) -> pdu.Validity:
    if isinstance(value, dict) and value.keys() == {"relative_minutes"}:
        return pdu.Validity(_integer(name, value["relative_minutes"]) * 60)
    if isinstance(value, dict) and value.keys() == {"absolute"}:
        return pdu.Validity(until=_moment(name, value["absolute"]))
    raise InvalidArgument(f"{name}: wants relative_minutes or absolute")


def _moment(name: str, value: object) -> pdu.Timestamp:
    from datetime import UTC, datetime  # only absolute times of wishes need it

    try:
        moment = datetime.fromisoformat(_string(name, value))
        moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
        offset = moment.utcoffset()
        return pdu.Timestamp(int(moment.timestamp()), int(offset.total_seconds()) // 60 if offset else 0)
    except (ValueError, OverflowError) as error:
        raise InvalidArgument(f"{name}: {error}") from None


_WISHES: dict[str, Callable[[str, object], Any]] = {
    "number": _string,
    "text": _string,
    "data": _octets,
    "encoding": _string,
    "smsc": _string,
    "validity": _period,
    "class": _integer,
    "request_status_report": _flag,
    "reject_duplicates": _flag,
    "reference": _integer,
    "concat_reference": _integer,
    "protocol_id": _integer,
}
# The names that the codec has for them.
_CONTENT = {name: name for name in ("text", "data", "encoding", "concat_reference", "concat_bits")} | {
    "class": "message_class"
}
_OPTIONS = {"request_status_report": "report", "protocol_id": "pid"}
