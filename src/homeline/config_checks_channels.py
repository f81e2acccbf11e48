"""What the rows alone cannot say of channels: what their sections owe others. Loaded where there is such a section."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from homeline.config_channels import Mqtt, SipMessage
from homeline.config_checks import Tell
from homeline.config_options import Config
from homeline.errors import ConfigError


def channels(config: Config, declared: Mapping[str, str], tell: Tell) -> Config:
    """The configuration without what is wrong. `declared`: every section's name with its type; phones are checked."""
    good: list[Any] = []
    for account in config.accounts:
        try:
            if isinstance(account, Mqtt):
                _alone_at_its_broker(account, good)
            good.append(_sip_message(account, config, declared, tell) if isinstance(account, SipMessage) else account)
        except ConfigError as error:
            tell.out(error)
    _dongles(config, declared, tell)
    _replies(config, declared, tell)
    return replace(config, accounts=tuple(good))


def _dongles(config: Config, declared: Mapping[str, str], tell: Tell) -> None:
    """Says of each section which dongle it names that is not there."""
    for section in (*config.accounts, *config.mailboxes, *config.schedules, *config.balances, *config.auto_replies):
        one = getattr(section, "dongle", "")
        for option, name in (("dongle", one), *(("dongles", each) for each in getattr(section, "dongles", ()))):
            if name and declared.get(name) != "dongle":
                tell.odd(section.name, option, f"there is no dongle '{name}'", "nothing is sent without it")


def _replies(config: Config, declared: Mapping[str, str], tell: Tell) -> None:
    """Says where answers to mails would be taken and are not."""
    wanted = {email.replies for email in config.emails if email.replies}
    reading = {mailbox.name for mailbox in config.mailboxes if mailbox.enabled}
    for email in config.emails:
        if not email.replies or email.replies in reading:
            continue
        there = declared.get(email.replies) == "mailbox"
        reason = f"the mailbox '{email.replies}' is not read" if there else f"there is no mailbox '{email.replies}'"
        tell.odd(email.name, "replies", reason, "answers to its mails are not sent as SMS")
    for mailbox in config.mailboxes:
        if mailbox.enabled and mailbox.name not in wanted:
            tell.odd(mailbox.name, "", "no email section names it in `replies`", "nobody can answer")


def _alone_at_its_broker(account: Mqtt, others: Iterable[Any]) -> None:
    """Two of one name would throw each other out, and two at the same topics would carry out each command twice."""
    for other in others:
        if isinstance(other, Mqtt) and (other.host, other.remote_port) == (account.host, account.remote_port):
            name, prefix = account.client_id, account.prefix
            if name == other.client_id and (name or prefix == other.prefix):
                option = "client_id" if name else "prefix"
                raise ConfigError(
                    account.name, option, name or prefix, f"is also that of '{other.name}' at this broker"
                )


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
