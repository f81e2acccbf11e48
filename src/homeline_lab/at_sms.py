"""Commands of 3GPP TS 27.005: storages, indications, reading, deleting, sending."""

from __future__ import annotations

import itertools
from collections.abc import Callable

from homeline_lab import at_text
from homeline_lab.at_line import AtError, Op, Prompt, Request
from homeline_lab.modem import Handler, Modem
from homeline_lab.sim import Slots, Status, Stored


def number_setting(attribute: str, values: str) -> Handler:
    """A command that is one number, such as AT+CMGF."""

    def handler(modem: Modem, request: Request) -> list[str]:
        if request.op is Op.TEST:
            return [f"{request.name}: {values}"]
        if request.op is Op.SET:
            if request.text(0) not in values:
                raise AtError("CMS", 302)
            setattr(modem.settings, attribute, request.number(0))
            return []
        return [f"{request.name}: {getattr(modem.settings, attribute)}"]

    return handler


def service(modem: Modem, request: Request) -> list[str]:
    """AT+CSMS: 1 is phase 2+, in which direct messages want AT+CNMA."""
    if request.op is Op.TEST:
        return ["+CSMS: (0,1)"]
    if request.op is Op.SET:
        if request.number(0) > 1:
            raise AtError("CMS", 302)
        modem.settings.csms = request.number(0)
        return ["+CSMS: 1,1,1"]
    return [f"+CSMS: {modem.settings.csms},1,1,1"]


def memories(modem: Modem, request: Request) -> list[str]:
    """AT+CPMS: which storages, how full they are."""
    names = [n for n in ("SM", "ME", "MT") if n == "SM" or modem.device_slots.size]
    if request.op is Op.TEST:
        group = "(" + ",".join(f'"{n}"' for n in names) + ")"
        return [f"+CPMS: {group},{group},{group}"]
    if request.op is Op.SET:
        wanted = [request.text(i).upper() or modem.settings.memories[i] for i in range(3)]
        if len(request.args) > 3 or any(n not in names for n in wanted):
            raise AtError("CMS", 302)
        modem.settings.memories = (wanted[0], wanted[1], wanted[2])
        modem.later(modem.network.flush)
        return ["+CPMS: " + ",".join(_usage(modem.storage(n)) for n in wanted)]
    return ["+CPMS: " + ",".join(f'"{n}",{_usage(modem.storage(n))}' for n in modem.settings.memories)]


def _usage(slots: Slots) -> str:
    return f"{len(slots.used)},{slots.size}"


def indications(modem: Modem, request: Request) -> list[str]:
    """AT+CNMI. Values outside the model's range are refused."""
    if request.op is Op.TEST:
        return [f"+CNMI: {modem.model.cnmi_range}"]
    if request.op is Op.READ:
        return ["+CNMI: " + ",".join(map(str, modem.settings.cnmi))]
    allowed = at_text.ranges(modem.model.cnmi_range)
    values = [request.number(i, 0) for i in range(5)]
    if len(request.args) > 5 or any(v not in a for v, a in zip(values, allowed, strict=True)):
        raise AtError("CMS", 302)
    modem.settings.cnmi = (values[0], values[1], values[2], values[3], values[4])
    modem.later(modem.flush_indications)
    return []


def service_centre(modem: Modem, request: Request) -> list[str]:
    sim = modem.ready_sim("CMS")
    if request.op is Op.SET:
        sim.smsc = request.text(0)
        return []
    return [f'+CSCA: "{sim.smsc}",{145 if sim.smsc.startswith("+") else 129}'] if request.op is Op.READ else []


def text_parameters(modem: Modem, request: Request) -> list[str]:
    """AT+CSMP, for text mode."""
    if request.op is Op.SET:
        modem.settings.csmp = ",".join(request.args)
        return []
    return [f"+CSMP: {modem.settings.csmp}"] if request.op is Op.READ else []


def _entry(modem: Modem, head: str, stored: Stored) -> list[str]:
    if modem.settings.cmgf:
        return at_text.entry(head, stored, modem.settings.cscs)
    return [f"{head}{int(stored.status)},,{stored.length}", stored.pdu.hex().upper()]


def _mark_read(stored: Stored) -> None:
    if stored.status is Status.UNREAD:
        stored.status = Status.READ


def read(modem: Modem, request: Request) -> list[str]:
    """AT+CMGR."""
    slots = modem.storage(modem.settings.memories[0])
    index = request.number(0)
    stored = slots.used.get(index)
    if stored is None:
        if slots.valid(index) and not modem.model.empty_slot_error:
            return []
        raise AtError("CMS", 321)
    lines = _entry(modem, "+CMGR: ", stored)
    _mark_read(stored)
    return lines


def list_messages(modem: Modem, request: Request) -> list[str]:
    """AT+CMGL; marks as read what it shows."""
    if request.op is Op.TEST:
        return ["+CMGL: " + (at_text.STATUS_NAMES if modem.settings.cmgf else "(0-4)")]
    slots = modem.storage(modem.settings.memories[0])
    wanted = at_text.status(request.text(0)) if modem.settings.cmgf else request.number(0, 4)
    if wanted > 4:
        raise AtError("CMS", 302)
    chosen = [(i, s) for i, s in sorted(slots.used.items()) if wanted in (4, s.status)]
    lines = list(itertools.chain.from_iterable(_entry(modem, f"+CMGL: {i},", s) for i, s in chosen))
    for _, stored in chosen:
        _mark_read(stored)
    return lines


# AT+CMGD <delflag>: which messages go besides the index (27.005 3.5.4)
DELETE_FLAGS: tuple[Callable[[Stored], bool], ...] = (
    lambda s: False,
    lambda s: s.status is Status.READ,
    lambda s: s.status in (Status.READ, Status.SENT),
    lambda s: s.status is not Status.UNREAD,
    lambda s: True,
)


def delete(modem: Modem, request: Request) -> list[str]:
    """AT+CMGD: one index, or all of some kind. Room made is told to the network."""
    slots = modem.storage(modem.settings.memories[0])
    if request.op is Op.TEST:
        return [f"+CMGD: ({','.join(map(str, sorted(slots.used)))}),(0-4)"]
    index, flag = request.number(0), request.number(1, 0)
    if flag >= len(DELETE_FLAGS):
        raise AtError("CMS", 302)
    if flag:
        for i in [i for i, s in slots.used.items() if DELETE_FLAGS[flag](s)]:
            del slots.used[i]
    elif not slots.valid(index):
        raise AtError("CMS", 321)
    else:
        slots.used.pop(index, None)
    modem.later(modem.network.flush)
    return []


def send(modem: Modem, request: Request) -> Prompt:
    """AT+CMGS: a length and then a PDU, or in text mode a number and then a text."""
    modem.ready_sim("CMS")
    if modem.settings.cmgf:
        number = request.text(0)
        return Prompt(lambda payload: _submit(modem, at_text.submit(modem.settings, number, payload)))
    length = request.number(0)
    return Prompt(lambda payload: _submit(modem, _pdu(payload, length)))


def _pdu(payload: bytes, length: int) -> bytes:
    """Octets from hex, checked against the length that the command named."""
    try:
        pdu = bytes.fromhex(payload.decode("ascii").strip())
    except ValueError:
        raise AtError("CMS", 304) from None
    if not pdu or len(pdu) - 1 - pdu[0] != length:
        raise AtError("CMS", 304)
    return pdu


def _submit(modem: Modem, pdu: bytes) -> list[str]:
    if not modem.registered:
        raise AtError("CMS", 331)
    reference = modem.reference
    try:
        refused = modem.network.submit(pdu, reference, modem.ready_sim("CMS").number)
    except ValueError:
        raise AtError("CMS", 304) from None
    if refused is not None:
        raise AtError("CMS", refused)
    modem.reference = (reference + 1) % 256
    return [f"+CMGS: {reference}"]


def write(modem: Modem, request: Request) -> Prompt:
    """AT+CMGW in PDU mode: <length>[,<stat>]."""
    if modem.settings.cmgf:
        raise AtError("CMS", 302)
    length, status = request.number(0), request.number(1, Status.UNSENT)
    if status > 3:
        raise AtError("CMS", 302)

    def accept(payload: bytes) -> list[str]:
        index = modem.storage(modem.settings.memories[1]).add(_pdu(payload, length), Status(status))
        if index is None:
            raise AtError("CMS", 322)
        return [f"+CMGW: {index}"]

    modem.storage(modem.settings.memories[1])
    return Prompt(accept)


def acknowledge(modem: Modem, request: Request) -> list[str]:
    """AT+CNMA: alone, or in PDU mode 0 and 1 for yes, 2 for no."""
    if request.op is Op.TEST:
        return ["+CNMA: (0-2)"]
    modem.acknowledge(request.number(0, 0) < 2)
    return []


COMMANDS: dict[str, Handler] = {
    "+CMGF": number_setting("cmgf", "(0,1)"),
    "+CSMS": service,
    "+CPMS": memories,
    "+CNMI": indications,
    "+CSCA": service_centre,
    "+CSMP": text_parameters,
    "+CMGR": read,
    "+CMGL": list_messages,
    "+CMGD": delete,
    "+CMGS": send,
    "+CMGW": write,
    "+CNMA": acknowledge,
}
