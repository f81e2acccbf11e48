"""dongle.conf and quectel.conf: the dongles that Asterisk drives, each a device of its section's name."""

from __future__ import annotations

from homeline import config_drivers
from homeline.config_options import Config, Dongle
from homeline.model import Driver
from homeline.render.conf import Section
from homeline.render.part import Part, Problem, has
from homeline.render.transports import below
from homeline.telephony import Facts

SMS_DB = "/var/lib/asterisk/smsdb"  # the drivers' own default; without its folder they send nothing
FILES = {Driver.CHAN_DONGLE: "dongle.conf", Driver.CHAN_QUECTEL: "quectel.conf"}


def devices(driver: Driver, config: Config, facts: Facts) -> Part:
    """The file of one driver. Settings for all devices that two dongles want otherwise: the first one has its way."""
    found = [dongle for dongle in config.dongles if dongle.enabled and dongle.driver is driver]
    general: dict[str, str] = {}
    problems: list[Problem] = []
    sections = []
    for dongle in found:
        own, everywhere = config_drivers.parse(dongle.name, driver, dongle.driver_options)
        sections.append(_device(dongle, own, config, facts))
        for option, value in everywhere.items():
            if general.setdefault(option, value) != value:
                text = f"{option} is one for all dongles of {driver}, and another dongle says {general[option]}"
                problems.append((f"{dongle.name}.driver_options", text, "let them say the same"))
    general.setdefault("smsdb", below(facts, SMS_DB))
    head = Section("general", tuple(general.items()), extends=has(facts, FILES[driver], "general"))
    return Part([head, *sections], problems)


def _device(dongle: Dongle, own: dict[str, str], config: Config, facts: Facts) -> Section:
    """No message is deleted by the driver, and calls go to the context of this dongle."""
    ports = [(option, below(facts, path)) for option in ("audio", "data") if (path := getattr(dongle, option))]
    options = [
        *ports,
        *([("imei", dongle.imei)] if dongle.imei else []),
        ("context", f"homeline-dongle-{dongle.name}"),
        ("exten", "s"),
        ("language", config.sip.language),
        ("autodeletesms", "no"),
        ("disablesms", "no"),
        ("initstate", "start"),
        *own.items(),
    ]
    return Section(dongle.name, options)
