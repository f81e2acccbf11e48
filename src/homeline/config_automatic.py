"""The sections of UCI for what acts by itself: takes answers to mails, keeps a SIM alive, reads a balance, answers.

Loaded only where there is such a section or a channel, as `config_channels` is.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from homeline import config_types as t
from homeline.config_channels import CA_FILE, REPLY_RATE, ROAMING, TLS_VERIFY
from homeline.config_types import Option, SectionType
from homeline.errors import ConfigError


@dataclass(frozen=True, slots=True)
class Mailbox:
    """`config mailbox NAME`: where answers to forwarded mails arrive."""

    name: str
    enabled: bool = True
    type: str = "imap"  # imap, maildir
    host: str = ""
    port: int = 0  # 0: 993 with tls, else 143
    tls: str = "tls"  # tls, starttls, none
    tls_verify: bool = True
    ca_file: str = ""
    user: str = ""
    password: str = field(default="", repr=False)
    folder: str = "INBOX"
    path: str = ""  # of a maildir
    address: str = ""  # where answers go; the token is added as `+token`, or stands in the subject
    plus: bool = True  # the mail server delivers user+anything to user
    senders: tuple[str, ...] = ()  # whose answers are taken
    every: int = 5  # minutes
    dongle: str = ""  # that sends; "" is the one by which the message came
    rate: int = 30  # answers an hour


@dataclass(frozen=True, slots=True)
class Schedule:
    """`config schedule NAME`: something that is done every so many days, to keep a SIM alive."""

    name: str
    enabled: bool = True
    action: str = "sms"  # sms, ussd, call
    dongle: str = ""
    to: str = ""  # number for sms and call
    text: str = ""
    code: str = ""  # for ussd
    every: int = 30  # days
    at: str = "12:00"  # local time
    roaming: bool = False
    seconds: int = 20  # how long a call may ring or last


@dataclass(frozen=True, slots=True)
class Balance:
    """`config balance NAME`: what is left on a prepaid SIM, read by USSD."""

    name: str
    enabled: bool = True
    dongle: str = ""
    code: str = ""
    pattern: str = ""  # regular expression; its first group is the amount
    limit: str = ""  # an alert is raised below; "" never
    unit: str = ""  # such as EUR
    every: int = 7  # days
    at: str = "12:00"  # local time
    roaming: bool = False


@dataclass(frozen=True, slots=True)
class AutoReply:
    """`config auto_reply NAME`: an answer to whoever writes."""

    name: str
    enabled: bool = True
    dongles: tuple[str, ...] = ()
    senders: tuple[str, ...] = ()
    not_senders: tuple[str, ...] = ()
    patterns: tuple[str, ...] = ()
    not_patterns: tuple[str, ...] = ()
    times: tuple[str, ...] = ()
    text: str = ""  # template
    hours: int = 24  # one answer to a sender in so many hours
    daily: int = 20  # answers a day, all in all
    roaming: bool = False


_DONGLES = Option("dongles", t.NAME, "Only what came through these dongles; all if none is named.", many=True)
_EVERY = Option("every", t.integer(1, 366, "days"), "How often. What was missed for want of power is caught up.")
_AT = Option("at", t.CLOCK, "When, by the router's time zone.")
_ENABLED = Option("enabled", t.BOOLEAN, "Whether this section is used.")

_MAILBOX = (
    _ENABLED,
    Option("type", t.choice("imap", "maildir"), "Where answers lie."),
    Option("host", t.HOST, "The IMAP server."),
    Option("port", t.integer(1, 65535), "Its port. Without it 993 with `tls`, else 143."),
    Option("tls", t.choice("tls", "starttls", "none"), "How the connection is secured."),
    TLS_VERIFY,
    CA_FILE,
    Option("user", t.text(254), "The account's user name."),
    Option("password", t.text(256), "The account's password.", secret=True),
    Option("folder", t.text(128), "The IMAP folder."),
    Option("path", t.MAILDIR, "The maildir."),
    Option("address", t.MAIL_ADDRESS, "The address that answers go to.", required=True),
    Option("plus", t.BOOLEAN, "Whether the server delivers `user+anything` to `user`. Else the subject has the token."),
    Option("senders", t.MAIL_ADDRESS, "Whose answers are taken.", many=True, required=True),
    Option("every", t.integer(1, 1440, "minutes"), "How often it is looked into."),
    Option("dongle", t.NAME, "The dongle that sends. Without it that by which the message came."),
    Option("rate", REPLY_RATE, "How many answers are sent."),
)

_SCHEDULE = (
    _ENABLED,
    Option("action", t.choice("sms", "ussd", "call"), "What is done."),
    Option("dongle", t.NAME, "With which dongle.", required=True),
    Option("to", t.E164, "The number for `sms` and `call`."),
    Option("text", t.text(160), "The text for `sms`."),
    Option("code", t.USSD_CODE, "The code for `ussd`."),
    _EVERY,
    _AT,
    ROAMING,
    Option("seconds", t.integer(5, 120, "seconds"), "How long a call rings or lasts at most."),
)

_BALANCE = (
    _ENABLED,
    Option("dongle", t.NAME, "With which dongle.", required=True),
    Option("code", t.USSD_CODE, "The code by which the network tells what is left.", required=True),
    Option("pattern", t.REGEX, "Where the amount stands in the answer: the first group.", required=True),
    Option("limit", t.AMOUNT, "Below it an alert is raised."),
    Option("unit", t.text(8), "The currency, for people."),
    _EVERY,
    _AT,
    ROAMING,
)

_AUTO_REPLY = (
    _ENABLED,
    _DONGLES,
    Option("senders", t.PATTERN, "Only to these senders; to all if none is named.", many=True),
    Option("not_senders", t.PATTERN, "Not to these senders.", many=True),
    Option("patterns", t.REGEX, "Only where the text matches one of these.", many=True),
    Option("not_patterns", t.REGEX, "Not where the text matches one of these.", many=True),
    Option("times", t.TIMES, "Only at these times.", many=True),
    Option("text", t.TEMPLATE, "The answer.", required=True),
    Option("hours", t.integer(1, 8760, "hours"), "A sender gets one answer in so many hours."),
    Option("daily", t.integer(1, 1000, "a day"), "How many answers are sent at most, all in all."),
    ROAMING,
)


def _complete_mailbox(mailbox: Mailbox) -> Mailbox:
    """The mailbox with its port. ConfigError where something is missing."""
    if mailbox.type == "maildir":
        if not mailbox.path:
            raise ConfigError(mailbox.name, "path", "", "is required for a maildir")
        return mailbox
    for option in ("host", "user"):
        if not getattr(mailbox, option):
            raise ConfigError(mailbox.name, option, "", "is required for IMAP")
    if not mailbox.password:
        raise ConfigError(mailbox.name, "password", "", "is not set; it belongs in /etc/config/homeline_secret")
    return mailbox if mailbox.port else replace(mailbox, port=993 if mailbox.tls == "tls" else 143)


_ACTION_NEEDS = {"sms": ("to", "text"), "ussd": ("code",), "call": ("to",)}


def _complete_schedule(schedule: Schedule) -> Schedule:
    for option in _ACTION_NEEDS[schedule.action]:
        if not getattr(schedule, option):
            raise ConfigError(schedule.name, option, "", f"is required with the action '{schedule.action}'")
    return schedule


def _complete_balance(balance: Balance) -> Balance:
    from homeline.protocol import regex  # only where there is a balance

    if regex.compile_(balance.pattern).groups < 1:
        raise ConfigError(balance.name, "pattern", balance.pattern, "has no group: put the amount in (…)")
    return balance


AUTOMATIC_SECTIONS = (
    SectionType(
        "mailbox", Mailbox, "mailboxes", "Where answers to mails arrive.", _MAILBOX, complete=_complete_mailbox
    ),
    SectionType(
        *("schedule", Schedule, "schedules", "What is done regularly to keep a SIM alive.", _SCHEDULE),
        complete=_complete_schedule,
    ),
    SectionType(
        *("balance", Balance, "balances", "What is left on a prepaid SIM.", _BALANCE), complete=_complete_balance
    ),
    SectionType("auto_reply", AutoReply, "auto_replies", "An answer to whoever writes.", _AUTO_REPLY),
)
