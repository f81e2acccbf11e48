"""What one modem needs differently from another, as data: rows, found by what AT+CGMI and AT+CGMM say.

The flow asks a row's fields and never for a vendor. A new model is a new row in front of the more general ones.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

from homeline.protocol import commands, vendors
from homeline.protocol.at import Command
from homeline.protocol.commands import PinTries
from homeline.protocol.commands_network import Signal, signal


@dataclass(frozen=True, slots=True)
class Quirks:
    """One kind of modem. Builders in a tuple are tried in order until one is not refused."""

    name: str
    manufacturer: str = ""  # regular expressions, searched without regard to case; "" fits all
    model: str = ""
    iccid: tuple[Callable[[], Command[str]], ...] = (
        vendors.ccid,
        vendors.ccid_query,
        commands.iccid_from_file,
    )
    technology: tuple[Callable[[], Command[str]], ...] = ()  # () leaves it to <AcT> of +COPS and +CREG
    signal: tuple[Callable[[], Command[Signal]], ...] = (signal,)
    pin_tries: tuple[Callable[[], Command[PinTries]], ...] = (commands.pin_tries,)
    voice: tuple[Callable[[], Command[bool]], ...] = ()  # () means that it cannot be asked for
    setup: tuple[Callable[[], Command[None]], ...] = ()  # unsolicited lines on; a refusal does not matter
    ussd_packed: bool = False  # +CUSD carries packed 7-bit as hexadecimal, whatever AT+CSCS says
    ussd_charset: str = "GSM"  # for AT+CSCS, where +CUSD obeys it
    domains: tuple[str, ...] = ("CREG", "CGREG")  # registration to ask and listen to
    acknowledges: bool = True  # AT+CSMS=1 and AT+CNMA work as 27.005 says
    needs_gap: float = 0.0  # seconds between an answer and the next command

    def fits(self, manufacturer: str, model: str) -> bool:
        """Whether a modem that says so is of this kind."""
        return all(
            re.search(pattern, said, re.IGNORECASE) is not None
            for pattern, said in ((self.manufacturer, manufacturer), (self.model, model))
        )


_LTE = ("CREG", "CGREG", "CEREG")


def _quectel_signal_reports() -> Command[None]:
    return vendors.quectel_reports("csq")


def _quectel_full_reports() -> Command[None]:
    return vendors.quectel_reports("smsfull")


def _quectel_technology_reports() -> Command[None]:
    return vendors.quectel_reports("act")


GENERIC = Quirks("generic")

_HUAWEI_STICK = Quirks(
    "Huawei LTE stick",
    "huawei",
    r"^E3[0-9]{3}|^E8[0-9]{3}|^ME909|^MS2[0-9]{3}",
    iccid=(vendors.huawei_iccid, vendors.ccid, commands.iccid_from_file),
    technology=(vendors.huawei_technology_extended_query,),
    signal=(vendors.huawei_signal, signal),
    pin_tries=(vendors.huawei_pin_tries, commands.pin_tries),
    voice=(vendors.huawei_voice,),
    setup=(vendors.huawei_reports,),
    ussd_packed=True,
    domains=_LTE,
)
_HUAWEI = Quirks(
    "Huawei E1xx",
    "huawei",
    iccid=(vendors.huawei_iccid, vendors.ccid_query, commands.iccid_from_file),
    technology=(vendors.huawei_technology_query,),
    pin_tries=(vendors.huawei_pin_tries, commands.pin_tries),
    voice=(vendors.huawei_voice,),
    setup=(vendors.huawei_reports,),
    ussd_packed=True,
)
_QUECTEL = Quirks(
    "Quectel EC2x, EG2x",
    "quectel",
    iccid=(vendors.quectel_iccid, vendors.ccid, commands.iccid_from_file),
    technology=(vendors.quectel_technology,),
    signal=(vendors.quectel_signal, signal),
    pin_tries=(vendors.quectel_pin_tries, commands.pin_tries),
    voice=(vendors.quectel_voice,),
    setup=(
        vendors.quectel_report_port,
        _quectel_signal_reports,
        _quectel_full_reports,
        _quectel_technology_reports,
    ),
    domains=_LTE,
)
_SIM7X = Quirks(
    "SIMCom SIM7xxx",
    "simcom",
    "SIM7",
    iccid=(vendors.simcom_iccid, vendors.ccid, commands.iccid_from_file),
    technology=(vendors.simcom_technology,),
    pin_tries=(vendors.simcom_pin_tries, commands.pin_tries),
    voice=(vendors.simcom_voice,),
    domains=_LTE,
)
_SIM800 = Quirks(
    "SIMCom SIM800, SIM900",
    "simcom",
    "SIM[89]00",
    iccid=(vendors.ccid, commands.iccid_from_file),
    pin_tries=(vendors.simcom_pin_tries, commands.pin_tries),
)
_ZTE = Quirks("ZTE", "zte", iccid=(vendors.zte_iccid, vendors.ccid, commands.iccid_from_file))

MODELS = (_HUAWEI_STICK, _HUAWEI, _QUECTEL, _SIM7X, _SIM800, _ZTE, GENERIC)


def find(manufacturer: str, model: str) -> Quirks:
    """The first row that fits; GENERIC fits all."""
    return next(row for row in MODELS if row.fits(manufacturer, model))


# USB interfaces in the order to try them, by vendor id: the AT port that also tells things unasked comes first.
# Huawei puts it behind the modem port, Quectel and SIMCom on the third interface, with the PPP port after it.
_PORTS: dict[str, tuple[int, ...]] = {
    "12d1": (4, 3, 2, 1, 0),
    "2c7c": (2, 3),
    "1e0e": (2, 3),
    "05c6": (2, 3),  # older Quectel modules under Qualcomm's own id
}


def port_hints(vendor_id: str) -> tuple[int, ...]:
    """Numbers of the USB interfaces likeliest to be the AT port, best first; none for an unknown vendor.

    `vendor_id` is four hexadecimal digits, as sysfs writes them.
    """
    return _PORTS.get(vendor_id.lower(), ())
