"""What the rows alone cannot say of channels: what their sections owe others. Loaded where there is such a section."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from homeline.config_channels import SipMessage
from homeline.config_checks import Tell
from homeline.config_options import Config
from homeline.errors import ConfigError


def channels(config: Config, declared: Mapping[str, str], tell: Tell) -> Config:
    """The configuration without what is wrong. `declared`: every section's name with its type; phones are checked."""
    good = []
    for account in config.accounts:
        try:
            good.append(_sip_message(account, config, declared, tell) if isinstance(account, SipMessage) else account)
        except ConfigError as error:
            tell.out(error)
    return replace(config, accounts=tuple(good))


def _sip_message(account: SipMessage, config: Config, declared: Mapping[str, str], tell: Tell) -> SipMessage:
    """With the phones that can get something."""
    reasons = {name: _away(name, config, declared) for name in account.phones}
    for name, reason in reasons.items():
        if reason:
            tell.odd(account.name, "phones", reason, f"'{name}' gets no messages")
    phones = tuple(name for name in account.phones if not reasons[name])
    if not phones:
        raise ConfigError(account.name, "phones", "", "names no phone that is registered at the router")
    if not config.sip.enabled:
        tell.odd("sip", "enabled", f"is off, and {account.name} cannot work without Asterisk", "set it to 1")
    return replace(account, phones=phones)


def _away(name: str, config: Config, declared: Mapping[str, str]) -> str:
    """Why no message can go to this phone; "" where one can."""
    phones: dict[str, Any] = {phone.name: phone for phone in config.phones}
    if declared.get(name) != "phone":
        return f"there is no phone '{name}'"
    if name not in phones:
        return f"the phone '{name}' is left out for a mistake"
    if not phones[name].enabled:
        return f"the phone '{name}' is switched off"
    return "" if phones[name].where == "router" else f"the phone '{name}' is not at the router"
