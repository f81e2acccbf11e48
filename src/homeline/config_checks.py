"""What the rows alone cannot say of dongles, channels and rules: what their options and sections owe each other.

Each check takes whole sections and gives back those that count. What is wrong goes to `Tell`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from homeline import config_times
from homeline.config_options import Config, Dongle, Email, Rule
from homeline.errors import ConfigError
from homeline.model import Driver, EventKind

_MAIL_PORTS = {"starttls": 587, "tls": 465, "none": 25}


@dataclass(frozen=True, slots=True)
class Tell:
    """Where mistakes are said: `out` leaves the section out, `odd` (section, option, reason, advice) does not."""

    out: Callable[[ConfigError], None]
    odd: Callable[[str, str, str, str], None]


def complete_email(email: Email) -> Email:
    """The account with its port. ConfigError where something is missing."""
    if not email.host and not email.command:
        raise ConfigError(email.name, "host", "", "is required, unless a command is set")
    if email.user and not email.password and not email.command:
        raise ConfigError(email.name, "password", "", "is not set; it belongs in /etc/config/homeline_secret")
    return email if email.port else replace(email, port=_MAIL_PORTS[email.tls])


def kept(sections: Iterable[Any], check: Callable[[Any], None], tell: Tell) -> tuple[Any, ...]:
    """The sections without a mistake. What is switched off owes nothing yet."""
    good = []
    for section in sections:
        try:
            if section.enabled:
                check(section)
        except ConfigError as error:
            tell.out(error)
        else:
            good.append(section)
    return tuple(good)


def dongles(config: Config, tell: Tell) -> tuple[Dongle, ...]:
    """The dongles that can be, each with a modem of its own."""
    return _distinct(kept(config.dongles, lambda dongle: _dongle(dongle, tell), tell), tell)


def _dongle(dongle: Dongle, tell: Tell) -> None:
    if dongle.driver is Driver.SERIAL:
        for option in ("data", "audio", "driver_options"):
            if getattr(dongle, option):
                tell.odd(dongle.name, option, "is for Asterisk's drivers and does nothing with driver 'serial'", "")
        return
    try:
        from homeline import config_drivers  # loaded only where there is such a dongle
    except ImportError:
        return  # the service says that a package is needed

    config_drivers.check_name(dongle.name)
    own, _ = config_drivers.parse(dongle.name, dongle.driver, dongle.driver_options)
    _identity(dongle, own)
    if dongle.pin:
        tell.odd(dongle.name, "pin", f"{dongle.driver} cannot enter it", "switch the SIM's PIN off")


def _identity(dongle: Dongle, own: Mapping[str, str]) -> None:
    """How Asterisk's driver finds the modem: by imei or imsi, or by its ports (`own`: options of the driver)."""
    for option in ("usb_path", "port"):
        if value := str(getattr(dongle, option)):
            reason = f"{dongle.driver} cannot use it: set imei, or data and audio"
            raise ConfigError(dongle.name, option, value, reason)
    if dongle.imei and len(dongle.imei) != 15:
        raise ConfigError(dongle.name, "imei", dongle.imei, f"{dongle.driver} wants exactly 15 digits")
    if ("quec_uac" in own) != ("alsadev" in own):
        raise ConfigError(dongle.name, "driver_options", "", "quec_uac and alsadev go together")
    if not (dongle.imei or "imsi" in own or (dongle.data and (dongle.audio or "quec_uac" in own))):
        raise ConfigError(dongle.name, "imei", "", f"{dongle.driver} needs imei, or data and audio")
    if bool(dongle.data) != bool(dongle.audio) and "quec_uac" not in own:
        raise ConfigError(dongle.name, "data" if dongle.audio else "audio", "", "data and audio go together")
    if dongle.data and dongle.data == dongle.audio:
        raise ConfigError(dongle.name, "audio", dongle.audio, "is the port of data as well")


def _claims(dongle: Dongle) -> list[tuple[str, str]]:
    """Which modem a dongle wants: (option, value). Device files are one space, whatever option names them."""
    return [
        (option, value)
        for option in ("imei", "usb_path", "port", "data", "audio")
        if (value := str(getattr(dongle, option)))
        and (dongle.driver is not Driver.SERIAL or option not in ("data", "audio"))
    ]


def _distinct(found: tuple[Dongle, ...], tell: Tell) -> tuple[Dongle, ...]:
    """Leaves out a dongle that claims the modem of an earlier one, or any modem where one is somebody else's."""
    taken: dict[str, str] = {}
    asterisks = next((dongle.name for dongle in found if dongle.enabled and dongle.driver is not Driver.SERIAL), "")
    anything = ""
    good = []
    for dongle in found:
        claims = _claims(dongle) if dongle.enabled else []
        wants_any = dongle.enabled and dongle.driver is Driver.SERIAL and not claims
        clash = next((claim for claim in claims if claim[1] in taken), None)
        if clash:
            tell.out(ConfigError(dongle.name, *clash, f"is that of dongle '{taken[clash[1]]}' as well"))
        elif wants_any and asterisks:
            reason = f"is required, or the modem of dongle '{asterisks}', which is Asterisk's, might be taken"
            tell.out(ConfigError(dongle.name, "imei", "", reason))
        elif wants_any and anything:
            reason = f"is required, as dongle '{anything}' already takes whatever modem there is"
            tell.out(ConfigError(dongle.name, "imei", "", reason))
        else:
            anything = dongle.name if wants_any else anything
            taken.update((value, dongle.name) for _, value in claims)
            good.append(dongle)
    return tuple(good)


def rules(config: Config, declared: Mapping[str, str], broken: Iterable[str], tell: Tell) -> tuple[Rule, ...]:
    """The rules that have a channel to send to; says every name that is not there.

    `declared` is every section's name with its type, left out or not; `broken` are the channels that were left out.
    """
    known_channels = {*config.channels, *broken}
    good = []
    for rule in config.rules:
        for dongle in rule.dongles:
            if declared.get(dongle) != "dongle":
                tell.odd(rule.name, "dongles", f"there is no dongle '{dongle}'", "nothing matches this name")
        for channel in rule.channels:
            if channel not in known_channels:
                tell.odd(rule.name, "channels", f"there is no channel '{channel}'", "it is left out of the rule")
        if rule.alerts and EventKind.ALERT not in rule.events:
            tell.odd(rule.name, "alerts", "does nothing, as events has no alert", "")
        if rule.digest and not rule.quiet:
            tell.odd(rule.name, "digest", "does nothing without quiet", "")
        if rule.quiet and config_times.whole_week(rule.quiet):
            tell.odd(rule.name, "quiet", "has no end: it covers the whole week", "nothing waits for it")
        channels = tuple(channel for channel in rule.channels if channel in known_channels)
        if channels or not rule.enabled:
            good.append(replace(rule, channels=channels))
        else:
            tell.out(ConfigError(rule.name, "channels", "", "names no channel that is there"))
    return tuple(good)
