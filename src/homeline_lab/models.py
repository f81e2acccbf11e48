"""The dongles that the lab can be: what one model does differently from another, as data.

Values are those of real devices where they are known from recordings and manuals. A new model is one row in MODELS.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class PortKind(StrEnum):
    """What a USB interface of a dongle is for."""

    AT = "at"  # answers AT and carries the unsolicited lines: the one an SMS program wants
    MODEM = "modem"  # answers AT, never tells anything unasked (the PPP port)
    MUTE = "mute"  # diagnostics, NMEA, audio: takes bytes and stays silent


@dataclass(frozen=True, slots=True)
class Interface:
    """One USB interface that the kernel shows as a tty."""

    number: int
    kind: PortKind


class UssdDialect(StrEnum):
    """How the text between the quotes of +CUSD is written."""

    PACKED = "packed"  # hex of packed 7-bit, hex of UCS-2 for data coding scheme 72: old Huawei firmware
    CHARSET = "charset"  # in the character set of AT+CSCS


@dataclass(frozen=True, slots=True)
class DongleModel:
    """One model. Lines are given without CR and LF; `{…}` in them is filled in by the modem."""

    key: str
    manufacturer: str  # AT+CGMI
    model: str  # AT+CGMM
    firmware: str  # AT+CGMR
    imei: str
    vendor_id: str
    product_id: str
    usb_manufacturer: str
    usb_product: str
    interfaces: tuple[Interface, ...]
    storages: tuple[tuple[str, int], ...]  # name and number of slots
    families: frozenset[str] = frozenset()  # vendor command sets it knows: huawei, quectel, simcom
    first_index: int = 0  # of the slots in a storage
    echo: bool = True
    unknown: str = "ERROR"  # final result for a command it does not have
    empty_slot_error: bool = True  # AT+CMGR of an empty slot: +CMS ERROR: 321, else OK alone
    verbose_cms: bool = False  # AT+CMEE=2 turns +CMS ERROR into words too
    quoted_cells: bool = True  # "4F2A" or 4F2A in +CREG
    ussd: UssdDialect = UssdDialect.CHARSET
    cnmi_range: str = "(0-3),(0-3),(0,2),(0-2),(0,1)"
    cnmi_default: tuple[int, ...] = (0, 0, 0, 0, 0)
    charsets: tuple[str, ...] = ("GSM", "IRA", "UCS2")
    boot: tuple[str, ...] = ()  # unsolicited at power-up, before the SIM is looked at
    sim_ready: tuple[str, ...] = ()  # unsolicited once the SIM is usable
    signal_notice: str = ""  # unsolicited when the signal changes
    mode_notice: str = ""  # unsolicited when the access technology changes
    full_notice: str = ""  # unsolicited when the receiving storage is full

    @property
    def app_port(self) -> Interface:
        """The interface that an SMS program should use."""
        return next(i for i in self.interfaces if i.kind is PortKind.AT)


E1750 = DongleModel(
    key="e1750",
    manufacturer="huawei",
    model="E1750",
    firmware="11.126.03.00.00",
    imei="354369047238739",
    vendor_id="12d1",
    product_id="1436",
    usb_manufacturer="HUAWEI Technology",
    usb_product="HUAWEI Mobile",
    interfaces=(Interface(0, PortKind.MODEM), Interface(3, PortKind.MUTE), Interface(4, PortKind.AT)),
    storages=(("SM", 20), ("ME", 100)),
    families=frozenset({"huawei"}),
    unknown="COMMAND NOT SUPPORT",
    quoted_cells=False,
    ussd=UssdDialect.PACKED,
    cnmi_range="(0-2),(0-3),(0,2,3),(0-2),(0,1)",
    boot=("^BOOT:27710117,0,0,0,6",),
    sim_ready=("^SIMST:1", "^SRVST:2"),
    signal_notice="^RSSI:{rssi}",
    mode_notice="^MODE:{mode}",
    full_notice='^SMMEMFULL:"{storage}"',
)

EC25 = DongleModel(
    key="ec25",
    manufacturer="Quectel",
    model="EC25",
    firmware="EC25EFAR06A03M4G",
    imei="867808037213564",
    vendor_id="2c7c",
    product_id="0125",
    usb_manufacturer="Quectel",
    usb_product="EC25-E",
    interfaces=(
        Interface(0, PortKind.MUTE),
        Interface(1, PortKind.MUTE),
        Interface(2, PortKind.AT),
        Interface(3, PortKind.MODEM),
    ),
    storages=(("SM", 50), ("ME", 255)),
    families=frozenset({"quectel"}),
    empty_slot_error=False,
    verbose_cms=True,
    cnmi_range="(0-2),(0-3),(0,2),(0-2),(0,1)",
    cnmi_default=(2, 1, 0, 0, 0),
    boot=("RDY", "+CFUN: 1"),
    sim_ready=("+CPIN: READY", "+QUSIM: 1", "+QIND: SMS DONE", "+QIND: PB DONE"),
    signal_notice='+QIND: "csq",{rssi},99',
    mode_notice='+QIND: "act","{act_name}"',
    full_notice='+QIND: "smsfull","{storage}"',
)

SIM7600 = DongleModel(
    key="sim7600",
    manufacturer="SIMCOM INCORPORATED",
    model="SIMCOM_SIM7600E-H",
    firmware="LE20B04SIM7600M22",
    imei="862636057021431",
    vendor_id="1e0e",
    product_id="9001",
    usb_manufacturer="SimTech, Incorporated",
    usb_product="SimTech, Incorporated",
    interfaces=(
        Interface(0, PortKind.MUTE),
        Interface(1, PortKind.MUTE),
        Interface(2, PortKind.AT),
        Interface(3, PortKind.MODEM),
        Interface(4, PortKind.MUTE),
    ),
    storages=(("SM", 50), ("ME", 23)),
    families=frozenset({"simcom"}),
    verbose_cms=True,
    cnmi_range="(0,1,2),(0,1,2,3),(0,2),(0,1,2),(0,1)",
    cnmi_default=(2, 1, 0, 0, 0),
    boot=("RDY",),
    sim_ready=("+CPIN: READY", "SMS DONE", "PB DONE"),
    mode_notice="+CNSMOD: {cnsmod}",
    full_notice="+SMS FULL",
)

GENERIC = DongleModel(
    key="generic",
    manufacturer="Generic",
    model="GSM Modem",
    firmware="1.0",
    imei="490154203237518",
    vendor_id="0403",
    product_id="6001",
    usb_manufacturer="Homeline lab",
    usb_product="GSM modem",
    interfaces=(Interface(0, PortKind.AT),),
    storages=(("SM", 30),),
    first_index=1,
)

MODELS: dict[str, DongleModel] = {m.key: m for m in (E1750, EC25, SIM7600, GENERIC)}
