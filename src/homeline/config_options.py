"""Every section and option of UCI: the dataclasses, and the table that says how each option is written.

A new option is a field and a row; a new kind of section is a dataclass and an entry of `SECTIONS`, or of
`CALL_SECTIONS` in `config_calls`. `docs/uci.md` shows
this table and a test compares them.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from homeline import config_types as t
from homeline.config_sip import Sip, Twilio
from homeline.config_types import Option, SectionType
from homeline.model import CallState, Driver, EventKind, Priority, Problem, Storage

if TYPE_CHECKING:
    from homeline.config_automatic import AutoReply, Balance, Mailbox, Schedule
    from homeline.config_calls import Line, Outbound, Phone, Trunk

ENDED = (CallState.MISSED, CallState.VOICEMAIL, CallState.ANSWERED, CallState.FAILED, CallState.REFUSED)


@dataclass(frozen=True, slots=True)
class Main:
    """`config homeline 'main'`: the service itself."""

    enabled: bool = False
    country: str = ""  # ISO 3166, upper case; "" if none is set: then only international numbers are understood
    log_level: str = "info"
    log_text: bool = False  # message texts, numbers and IMSI may appear in the log
    database: str = "/etc/homeline/homeline.db"  # below Paths.root
    retention_days: int = 0  # 0: for ever
    join_timeout: int = 600  # seconds
    version: int = 0  # the form of the configuration, which the package's upgrades bring up to date


@dataclass(frozen=True, slots=True)
class Dongle:
    """`config dongle NAME`: one modem with its SIM. Without imei, usb_path and port it takes the only one found."""

    name: str
    enabled: bool = True
    driver: Driver = Driver.SERIAL
    imei: str = ""
    usb_path: str = ""  # such as 1-1.2
    port: str = ""  # such as /dev/ttyUSB2, below Paths.root
    baudrate: int = 115200
    number: str = ""  # own number, E.164
    pin: str = field(default="", repr=False)
    storage: Storage = Storage.DELETE
    rate: int = 20  # SMS per minute that leave
    report: bool = True  # ask for status reports unless the sender of a message says otherwise
    retries: int = 3  # further tries after a submission that failed for now
    data: str = ""  # AT port for Asterisk's driver, below Paths.root; "" finds it by imei
    audio: str = ""  # voice port for Asterisk's driver
    driver_options: tuple[str, ...] = ()  # NAME=VALUE of Asterisk's driver, such as rxgain=-3

    @property
    def has_identity(self) -> bool:
        """Whether the configuration says which modem this is."""
        return bool(self.imei or self.usb_path or self.port)


@dataclass(frozen=True, slots=True)
class Rule:
    """`config rule NAME`: which events go to which channels. An empty tuple selects all (dongles, senders)."""

    name: str
    enabled: bool = True
    events: tuple[EventKind, ...] = (EventKind.MESSAGE,)
    dongles: tuple[str, ...] = ()
    senders: tuple[str, ...] = ()
    not_senders: tuple[str, ...] = ()
    channels: tuple[str, ...] = ()  # accounts by name; one that is left out for a mistake stays, its deliveries wait
    calls: tuple[CallState, ...] = (CallState.MISSED, CallState.VOICEMAIL)  # of those, where `events` has call
    alerts: tuple[str, ...] = ()  # patterns of their keys, where `events` has alert
    patterns: tuple[str, ...] = ()  # regular expressions, one of which the text must match
    not_patterns: tuple[str, ...] = ()
    times: tuple[str, ...] = ()  # when the rule counts
    quiet: tuple[str, ...] = ()  # when its deliveries wait
    digest: bool = False  # what waited goes out as one
    priority: Priority = Priority.NORMAL
    codes: str = "first"  # one-time codes: first, text, redact
    subject: str = ""  # templates; "" is the channel's own words
    template: str = ""


@dataclass(frozen=True, slots=True)
class Email:
    """`config email NAME`: a mail account to send with, or the owner's own sendmail-compatible command."""

    name: str
    to: tuple[str, ...] = ()
    sender: str = ""  # option `from`
    host: str = ""
    port: int = 0  # never 0 once read: 587 with starttls, 465 with tls, 25 with none
    tls: str = "starttls"  # starttls, tls, none
    tls_verify: bool = True
    ca_file: str = ""  # "" is the system's store
    user: str = ""
    password: str = field(default="", repr=False)
    command: str = ""  # base name in Paths.commands; "" is msmtp
    timeout: int = 60  # seconds for one mail, all in all
    replies: str = ""  # the mailbox section that takes answers


@dataclass(frozen=True, slots=True)
class Config:
    """The whole configuration, mistakes left out and named in `problems`."""

    main: Main = field(default_factory=Main)
    dongles: tuple[Dongle, ...] = ()
    rules: tuple[Rule, ...] = ()
    emails: tuple[Email, ...] = ()
    accounts: tuple[Any, ...] = ()  # of the other channels: Mqtt, Webhook, … of `config_channels`
    mailboxes: tuple[Mailbox, ...] = ()
    schedules: tuple[Schedule, ...] = ()
    balances: tuple[Balance, ...] = ()
    auto_replies: tuple[AutoReply, ...] = ()
    sip: Sip = field(default_factory=Sip)
    trunks: tuple[Trunk, ...] = ()
    phones: tuple[Phone, ...] = ()
    lines: tuple[Line, ...] = ()
    outbounds: tuple[Outbound, ...] = ()
    twilio: Twilio = field(default_factory=Twilio)
    problems: tuple[Problem, ...] = ()

    @property
    def channels(self) -> tuple[str, ...]:
        """Names of all channel accounts that can be used."""
        return tuple(account.name for account in (*self.emails, *self.accounts))


_MAIN = (
    Option("enabled", t.BOOLEAN, "Whether the service runs."),
    Option("country", t.COUNTRY, "Where the SIM is at home. National numbers are read as this country's."),
    Option("log_level", t.choice("debug", "info", "warning", "error"), "What is written to the system log."),
    Option("log_text", t.BOOLEAN, "Message texts and whole numbers may appear in the log."),
    Option("database", t.DATABASE, "Where messages are kept. Use flash or a disk, never `/tmp` or `/var`."),
    Option("retention_days", t.integer(0, 36500, "days"), "Older messages are deleted; 0 keeps them for ever."),
    Option("join_timeout", t.integer(10, 604800, "seconds"), "How long missing parts of a message are awaited."),
    Option("version", t.integer(0, 9999), "The form of the configuration. Upgrades see to it: leave it as it is."),
)

_DONGLE = (
    Option("enabled", t.BOOLEAN, "Whether this dongle is used."),
    Option(
        "driver", t.enum(*Driver), "Who owns the modem's AT port: `serial` is Homeline itself, the others Asterisk."
    ),
    Option("imei", t.IMEI, "The modem, wherever it is plugged in."),
    Option("usb_path", t.USB_PATH, "The USB socket, whatever modem is in it."),
    Option("port", t.DEVICE, "The AT port itself. Names of ttyUSB ports change: prefer `imei` or `usb_path`."),
    Option("baudrate", t.integer(300, 4000000, "baud"), "Speed of a real serial line; USB modems ignore it."),
    Option("number", t.E164, "The SIM's own number, where the SIM does not tell it."),
    Option("pin", t.PIN, "The SIM's PIN. Entered once; never again after it was refused.", secret=True),
    Option("storage", t.enum(*Storage), "When messages are deleted from the SIM, after they were stored here."),
    Option("rate", t.integer(1, 600, "a minute"), "How many SMS may leave in a minute."),
    Option("report", t.BOOLEAN, "Whether delivery reports are asked for."),
    Option("retries", t.integer(0, 20), "How often a refused SMS is tried again, where trying again can help."),
    Option("data", t.DEVICE, "The AT port that Asterisk's driver opens. Without it the driver looks for `imei`."),
    Option("audio", t.DEVICE, "The voice port that Asterisk's driver opens."),
    Option("driver_options", t.DRIVER_OPTION, "Further options of Asterisk's driver, as `name=value`.", many=True),
)

_RULE = (
    Option("enabled", t.BOOLEAN, "Whether the rule is used."),
    Option("events", t.enum(*EventKind), "What is forwarded.", many=True),
    Option("dongles", t.NAME, "Only what came through these dongles; all if none is named.", many=True),
    Option("senders", t.PATTERN, "Only from these senders; from all if none is named.", many=True),
    Option("not_senders", t.PATTERN, "Not from these senders.", many=True),
    Option("calls", t.enum(*ENDED), "Which calls are forwarded, where `events` has `call`.", many=True),
    Option("alerts", t.ALERT_KEY, "Which alerts are forwarded, by their keys, where `events` has `alert`.", many=True),
    Option("patterns", t.REGEX, "Only where the text matches one of these.", many=True),
    Option("not_patterns", t.REGEX, "Not where the text matches one of these.", many=True),
    Option("times", t.TIMES, "Only at these times, by the router's time zone; always if none is named.", many=True),
    Option("quiet", t.TIMES, "What comes at these times waits until they are over.", many=True),
    Option("digest", t.BOOLEAN, "What has waited goes out as one, not one by one."),
    Option("priority", t.enum(*Priority), "What goes first, and how loud the receiver's phone is."),
    Option("codes", t.choice("first", "text", "redact"), "One-time codes: shown first, left in the text, or hidden."),
    Option("subject", t.TEMPLATE, "The heading, where a channel has one, in the owner's words."),
    Option("template", t.TEMPLATE, "The text in the owner's words."),
    Option("channels", t.NAME, "Where it goes: names of channel sections.", many=True, required=True),
)

_EMAIL = (
    Option("to", t.MAIL_ADDRESS, "Who gets the mail.", many=True, required=True),
    Option("from", t.MAIL_ADDRESS, "The mail's sender.", required=True, field="sender"),
    Option("host", t.HOST, "The mail server. Required unless `command` is set."),
    Option("port", t.integer(1, 65535), "Its port. Without it 587 with `starttls`, 465 with `tls`, 25 with `none`."),
    Option("tls", t.choice("starttls", "tls", "none"), "How the connection is secured."),
    Option("tls_verify", t.BOOLEAN, "Whether the server's certificate is checked."),
    Option("ca_file", t.CA_FILE, "Certificates to trust instead of the system's."),
    Option("user", t.text(254), "The account's user name, if the server wants one."),
    Option("password", t.text(256), "The account's password.", secret=True),
    Option("command", t.COMMAND, "A sendmail-compatible program that takes the mail instead of msmtp."),
    Option("timeout", t.integer(5, 600, "seconds"), "How long sending one mail may take."),
    Option("replies", t.NAME, "The mailbox section by which an answer to a mail is sent as an SMS."),
)

SECTIONS = (
    SectionType("homeline", Main, "main", "The service itself.", _MAIN, singleton="main"),
    SectionType("dongle", Dongle, "dongles", "One modem with its SIM.", _DONGLE),
    SectionType("rule", Rule, "rules", "Which events go to which channels.", _RULE),
    SectionType("email", Email, "emails", "A channel: an e-mail account.", _EMAIL, channel=True),
)
# Sections whose types are loaded only where there is one, and the module that has them.
CALLS = ("sip", "trunk", "phone", "line", "outbound", "twilio")
CHANNELS = (
    *("mqtt", "webhook", "telegram", "sms", "sip_message", "command"),
    *("mailbox", "schedule", "balance", "auto_reply"),
)
