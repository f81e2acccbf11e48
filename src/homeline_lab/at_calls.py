"""Commands about USSD and calls."""

from __future__ import annotations

from homeline.errors import EncodeError
from homeline.protocol import gsm7
from homeline_lab.at_line import AtError, Op, Request
from homeline_lab.models import UssdDialect
from homeline_lab.modem import Handler, Modem
from homeline_lab.network import UssdMenu

GSM_DCS, UCS2_DCS = 15, 72


def ussd(modem: Modem, request: Request) -> list[str]:
    """AT+CUSD: presentation mode, a code or an answer, or the end of the session."""
    if request.op is Op.TEST:
        return ["+CUSD: (0-2)"]
    if request.op is not Op.SET:
        return [f"+CUSD: {modem.settings.cusd}"]
    mode = request.number(0)
    if mode > 2:
        raise AtError("CME", 4)
    if mode == 2:
        modem.session = None
        return []
    modem.settings.cusd = mode
    if not request.text(1):
        return []
    if not modem.registered:
        raise AtError("CME", 30)
    code = _read(modem, request.text(1), request.number(2, GSM_DCS))
    modem.later(lambda: _ask(modem, code))
    return []


def _ask(modem: Modem, code: str) -> None:
    if modem.network.ussd_delay:
        modem.call_later(modem.network.ussd_delay, lambda: _answer(modem, code))
    else:
        _answer(modem, code)


def _answer(modem: Modem, code: str) -> None:
    """The network's answer: m=0 done, 1 an answer is wanted, 2 ended by the network, 4 not supported."""
    reply = modem.network.service(modem.session, code)
    ended = modem.session is not None
    modem.session = reply if isinstance(reply, UssdMenu) else None
    if reply is None:
        modem.tell("+CUSD: 2" if ended else "+CUSD: 4")
    elif isinstance(reply, UssdMenu):
        present(modem, 1, reply.text)
    else:
        present(modem, 0, reply)


def present(modem: Modem, state: int, text: str) -> None:
    """A +CUSD line in the model's dialect. Also for what the network pushes unasked."""
    if modem.settings.cusd != 1:
        return
    packed = _pack(text)
    if modem.model.ussd is UssdDialect.PACKED:
        data = _ucs2(text) if packed is None else packed.hex().upper()
    elif modem.settings.cscs == "UCS2" or packed is None:
        data = _ucs2(text)
    else:
        data = text
    modem.tell(f'+CUSD: {state},"{data}",{UCS2_DCS if packed is None else GSM_DCS}')


def _ucs2(text: str) -> str:
    return text.encode("utf-16-be").hex().upper()


def _pack(text: str) -> bytes | None:
    """Packed 7-bit (3GPP TS 23.038 6.1.2.3, seven spare bits filled with CR), or None where UCS-2 is needed."""
    try:
        septets = gsm7.encode(text)
    except EncodeError:
        return None
    return gsm7.pack(septets + b"\r" if len(septets) % 8 == 7 else septets)


def _unpack(data: bytes) -> str:
    count = len(data) * 8 // 7
    septets = gsm7.unpack(data, count)
    return gsm7.decode(septets[:-1] if count % 8 == 0 and septets.endswith(b"\r") else septets)


def _read(modem: Modem, text: str, dcs: int) -> str:
    """The code that the terminal sent, in the dialect that this model wants."""
    try:
        if modem.model.ussd is UssdDialect.PACKED:
            return bytes.fromhex(text).decode("utf-16-be") if dcs == UCS2_DCS else _unpack(bytes.fromhex(text))
        return bytes.fromhex(text).decode("utf-16-be") if modem.settings.cscs == "UCS2" else text
    except ValueError:
        raise AtError("CME", 100) from None


def caller_identity(modem: Modem, request: Request) -> list[str]:
    if request.op is Op.TEST:
        return ["+CLIP: (0,1)"]
    if request.op is Op.SET:
        modem.settings.clip = request.number(0)
        return []
    return [f"+CLIP: {modem.settings.clip},1"]


def ring_type(modem: Modem, request: Request) -> list[str]:
    if request.op is Op.SET:
        modem.settings.crc = request.number(0)
        return []
    return [f"+CRC: {modem.settings.crc}"] if request.op is Op.READ else ["+CRC: (0,1)"]


def dial(modem: Modem, request: Request) -> list[str]:
    """ATD: voice calls only (a semicolon at the end)."""
    number = request.text(0)
    if not number.endswith(";"):
        raise AtError("CME", 4)
    modem.calls.dial(number[:-1].strip())
    return []


def answer(modem: Modem, _request: Request) -> list[str]:
    modem.calls.answer()
    return []


def hang_up(modem: Modem, _request: Request) -> list[str]:
    modem.calls.end(by_network=False)
    return []


def listing(modem: Modem, _request: Request) -> list[str]:
    return modem.calls.listing()


def accept(_modem: Modem, _request: Request) -> None:
    """Nothing that the lab has changes."""


COMMANDS: dict[str, Handler] = {
    "+CUSD": ussd,
    "+CLIP": caller_identity,
    "+CRC": ring_type,
    "D": dial,
    "A": answer,
    "H": hang_up,
    "+CHUP": hang_up,
    "+CLCC": listing,
    "+VTS": accept,
}


def voice_over_usb(_modem: Modem, request: Request) -> list[str]:
    """AT+QPCMV (Quectel): off, on its first port."""
    return ["+QPCMV: 0,0"] if request.op is Op.READ else []


FAMILIES: dict[str, dict[str, Handler]] = {
    "huawei": {"^DDSETEX": accept},
    "quectel": {"^DSCI": accept, "+QPCMV": voice_over_usb},
}
