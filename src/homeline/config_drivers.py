"""The options of Asterisk's channel drivers: what `dongle.driver_options` may set, and what Homeline writes itself.

Source: `dc_config.c` of asterisk-chan-dongle (2bd3fc2) and of asterisk-chan-quectel (e8ea515). A driver takes what it
cannot read for 0 without a word, so values are checked here.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from homeline import config_types as t
from homeline.config_types import Kind
from homeline.errors import ConfigError
from homeline.model import Driver

MAX_NAME = 30  # the drivers cut the name of a device there
RESERVED_NAMES = ("general", "defaults")  # sections of the drivers' files
_GROUP_NAME = t.matching(r"(?i:[gr])[0-9].*", "")  # Dial() would take it for the number of a group

_PRESENTATIONS = (
    "allowed_not_screened",
    "allowed_passed_screen",
    "allowed_failed_screen",
    "allowed",
    "prohib_not_screened",
    "prohib_passed_screen",
    "prohib_failed_screen",
    "prohib",
    "unavailable",
)
_MILLISECONDS = t.integer(0, 10000, "milliseconds")
_GAIN = t.matching(r"-?[0-9]{1,3}", "a number from -999 to 999")
_BOTH = (Driver.CHAN_DONGLE, Driver.CHAN_QUECTEL)


@dataclass(frozen=True, slots=True)
class DriverOption:
    """One option: what it may be, which drivers have it, and whether it stands in `[general]`, for all devices."""

    kind: Kind
    drivers: tuple[Driver, ...] = _BOTH
    general: bool = False


OPTIONS: Mapping[str, DriverOption] = {
    "group": DriverOption(t.integer(0, 9999)),
    "rxgain": DriverOption(_GAIN),
    "txgain": DriverOption(_GAIN),
    "u2diag": DriverOption(t.matching("-1|[0-9]{1,5}", "-1 or a number up to 99999")),
    "callingpres": DriverOption(t.choice(*_PRESENTATIONS)),
    "usecallingpres": DriverOption(t.BOOLEAN),
    "resetdongle": DriverOption(t.BOOLEAN, (Driver.CHAN_DONGLE,)),
    "resetquectel": DriverOption(t.BOOLEAN, (Driver.CHAN_QUECTEL,)),
    "callwaiting": DriverOption(t.choice("auto", "yes", "no")),
    "dtmf": DriverOption(t.choice("off", "inband", "relax")),
    "mindtmfgap": DriverOption(_MILLISECONDS),
    "mindtmfduration": DriverOption(_MILLISECONDS),
    "mindtmfinterval": DriverOption(_MILLISECONDS),
    "imsi": DriverOption(t.matching("[0-9]{15}", "the 15 digits of the IMSI")),
    "quec_uac": DriverOption(t.matching("1", "1"), (Driver.CHAN_QUECTEL,)),  # its being there counts, even as 0
    "alsadev": DriverOption(
        t.matching("[a-z]{1,8}:[A-Za-z0-9_=,]{1,48}", "an ALSA device, such as hw:CARD=Android,DEV=0"),
        (Driver.CHAN_QUECTEL,),
    ),
    "interval": DriverOption(t.integer(1, 3600, "seconds"), general=True),
    "csmsttl": DriverOption(t.integer(1, 604800, "seconds"), general=True),
    "smsdb": DriverOption(t.path_below(("/var/lib/asterisk",), "a file below /var/lib/asterisk"), general=True),
    "jbenable": DriverOption(t.BOOLEAN, general=True),
    "jbforce": DriverOption(t.BOOLEAN, general=True),
    "jbmaxsize": DriverOption(_MILLISECONDS, general=True),
    "jbresyncthreshold": DriverOption(t.matching("-1|[0-9]{1,5}", "-1 or milliseconds"), general=True),
    "jbimpl": DriverOption(t.choice("fixed", "adaptive"), general=True),
    "jbtargetextra": DriverOption(_MILLISECONDS, general=True),
    "jblog": DriverOption(t.BOOLEAN, general=True),
}

OURS: Mapping[str, str] = {
    "context": "it is the line that takes the calls",
    "exten": "it is the line that takes the calls",
    "language": "set sip.language",
    "data": "set the dongle's option data",
    "audio": "set the dongle's option audio",
    "imei": "set the dongle's option imei",
    "initstate": "set the dongle's option enabled",
    "disable": "set the dongle's option enabled",
    "autodeletesms": "a message is deleted once it is stored: set the dongle's option storage",
    "disablesms": "messages are always received",
}  # why an option of the drivers cannot be set, or what to set instead


def parse(name: str, driver: Driver, options: tuple[str, ...]) -> tuple[dict[str, str], dict[str, str]]:
    """What `driver_options` say, for the device's own section and for `[general]`.

    ConfigError names dongle `name`, option and reason. A boolean becomes yes or no, as the drivers' own example has it.
    """
    own: dict[str, str] = {}
    general: dict[str, str] = {}
    for item in options:
        option, _, value = item.partition("=")
        row = OPTIONS.get(option)
        if option in OURS:
            raise ConfigError(name, "driver_options", item, f"Homeline writes {option} itself: {OURS[option]}")
        if row is None or driver not in row.drivers:
            raise ConfigError(name, "driver_options", item, f"{driver} has no option {option}")
        into = general if row.general else own
        if option in into:
            raise ConfigError(name, "driver_options", item, f"sets {option} a second time")
        try:
            parsed = row.kind.parse(value)
        except ValueError as error:
            raise ConfigError(name, "driver_options", item, f"{option} {error}") from None
        into[option] = ("yes" if parsed else "no") if isinstance(parsed, bool) else value
    return own, general


def check_name(name: str) -> None:
    """ConfigError where the drivers cannot have a device of this name."""
    if name in RESERVED_NAMES:
        raise ConfigError(
            name, "driver", "", f"'{name}' has a meaning of its own in the driver's file; rename the section"
        )
    if len(name) > MAX_NAME:
        raise ConfigError(name, "driver", "", f"its section's name is longer than the driver's {MAX_NAME} characters")
    if name.startswith("_"):
        raise ConfigError(
            name, "driver", "", "its section's name begins with _, which makes a pattern of it in Asterisk's dial plan"
        )
    try:
        _GROUP_NAME.parse(name)
    except ValueError:
        return
    raise ConfigError(name, "driver", "", "the driver would take its section's name for the number of a group")
