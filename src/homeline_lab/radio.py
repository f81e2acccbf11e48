"""How a modem writes down what its radio knows. Pure functions of the modem and its network."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from homeline_lab.modem import Modem

# <AcT> of 3GPP TS 27.007 in the words and numbers of the vendors
ACCESS_NAMES = {0: "GSM", 2: "WCDMA", 3: "EDGE", 6: "HSPA+", 7: "FDD LTE"}
HUAWEI_MODE = {0: "3,2", 2: "5,4", 3: "3,3", 6: "5,7", 7: "7,0"}  # ^MODE and ^SYSINFO: system mode, submode
SIMCOM_MODE = {0: 1, 2: 4, 3: 3, 6: 7, 7: 8}  # +CNSMOD


def registration_fields(modem: Modem, name: str, mode: int) -> str:
    """What a +CREG, +CGREG or +CEREG notice carries in a reporting mode: <stat>[,<lac>,<ci>[,<AcT>]]."""
    status, network = modem.registration, modem.network
    on_lte = network.access == 7
    if (name == "+CEREG") != on_lte and status in (1, 5) and name != "+CREG":
        status = 0
    if mode < 2 or status not in (1, 5):
        return str(status)
    if not modem.model.quoted_cells:
        return f"{status}, {network.area:X}, {network.cell:X}"
    return f'{status},"{network.area:X}","{network.cell:X}",{network.access}'


def notice_fields(modem: Modem) -> dict[str, object]:
    """The values that a model's notices are filled in with."""
    access = modem.network.access
    return {
        "rssi": signal(modem),
        "mode": HUAWEI_MODE.get(access, "0,0"),
        "act_name": ACCESS_NAMES.get(access, "NONE"),
        "cnsmod": SIMCOM_MODE.get(access, 0),
    }


def signal(modem: Modem) -> int:
    """<rssi> of AT+CSQ: 99 without radio or network."""
    return modem.network.rssi if modem.registered else 99


def dbm(rssi: int) -> int:
    """3GPP TS 27.007 8.5."""
    return -113 + 2 * min(rssi, 31)
