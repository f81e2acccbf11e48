"""Which texts go over SIP: from phones, and to them. Pure."""

from __future__ import annotations

from homeline.config_calls import Phone, Where
from homeline.config_options import Config


def by_message(config: Config) -> bool:
    """Whether messages are forwarded to phones by SIP MESSAGE."""
    return any(type(account).__name__ == "SipMessage" for account in config.accounts)  # its module may not be loaded


def texters(config: Config) -> tuple[Phone, ...]:
    """The phones that may send SMS."""
    return tuple(phone for phone in config.phones if phone.enabled and phone.sms and phone.where is Where.ROUTER)
