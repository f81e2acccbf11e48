"""The sections of UCI for channels other than e-mail.

Loaded only where there is such a section (`config_options.LAZY`), as all this costs memory. A secret may be needed by a
section: then it is `required`, and the section is left out without it.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from homeline import config_types as t
from homeline.config_types import Option, SectionType
from homeline.errors import ConfigError


@dataclass(frozen=True, slots=True)
class Mqtt:
    """`config mqtt NAME`: a broker that gets events and states, and may give commands."""

    name: str
    host: str = ""
    port: int = 0  # 0: 1883, with TLS 8883
    tls: bool = False
    tls_verify: bool = True
    ca_file: str = ""  # "" is the system's store
    cert_file: str = ""  # our certificate, for brokers that want one
    key_file: str = ""
    user: str = ""
    password: str = field(default="", repr=False)
    client_id: str = ""  # "" is made of the store's random id
    prefix: str = "homeline"  # of all topics
    discovery: bool = False
    discovery_prefix: str = "homeassistant"
    keepalive: int = 60  # seconds
    commands: tuple[str, ...] = ()  # send, ussd, mark_read, reset; none are taken unless named
    sms_to: tuple[str, ...] = ()  # patterns of numbers that `send` may text
    sms_rate: int = 10  # messages an hour
    ussd_codes: tuple[str, ...] = ()  # exact codes that `ussd` may send
    timeout: int = 30  # seconds for one delivery

    @property
    def remote_port(self) -> int:
        return self.port or (8883 if self.tls else 1883)


@dataclass(frozen=True, slots=True)
class Webhook:
    """`config webhook NAME`: an HTTP request for each event."""

    name: str
    url: str = ""
    secret_url: str = field(default="", repr=False)  # takes the place of `url` where the URL itself is a secret
    method: str = "POST"
    preset: str = "json"
    target: str = ""  # a preset's topic, room or user key
    token: str = field(default="", repr=False)
    signing_key: str = field(default="", repr=False)
    headers: tuple[str, ...] = ()  # `Name: value`
    secret_headers: tuple[str, ...] = field(default=(), repr=False)
    body: str = ""  # template, with preset `template`
    content_type: str = ""
    tls_verify: bool = True
    ca_file: str = ""
    allow_local: bool = False
    timeout: int = 20  # seconds, all in all


@dataclass(frozen=True, slots=True)
class Telegram:
    """`config telegram NAME`: a bot that writes to chats, and takes replies from them."""

    name: str
    token: str = field(default="", repr=False)
    chats: tuple[str, ...] = ()
    replies: bool = False
    silent: bool = False
    api: str = "https://api.telegram.org"
    ca_file: str = ""
    allow_local: bool = False
    dongle: str = ""  # that sends replies; "" is the one by which the message came
    rate: int = 30  # replies an hour
    timeout: int = 20  # seconds for one delivery


@dataclass(frozen=True, slots=True)
class Sms:
    """`config sms NAME`: other phones, by SMS."""

    name: str
    to: tuple[str, ...] = ()  # E.164
    dongle: str = ""  # "" is the first that is ready
    roaming: bool = False
    daily: int = 50  # messages a day to each number
    max_parts: int = 3  # a longer text is cut


@dataclass(frozen=True, slots=True)
class SipMessage:
    """`config sip_message NAME`: phones that are registered at the router, by SIP MESSAGE (RFC 3428)."""

    name: str
    phones: tuple[str, ...] = ()
    timeout: int = 40  # seconds; Asterisk itself gives up after 32 (RFC 3261 17.1.2.2)


@dataclass(frozen=True, slots=True)
class Command:
    """`config command NAME`: a program of the owner's, which gets the event as JSON on standard input."""

    name: str
    program: str = ""  # base name in Paths.commands
    timeout: int = 30  # seconds


TLS_VERIFY = Option("tls_verify", t.BOOLEAN, "Whether the server's certificate is checked.")
CA_FILE = Option("ca_file", t.CA_FILE, "Certificates to trust instead of the system's.")
_TOKEN = t.matching(r"[!-~]{1,512}", "up to 512 signs of ASCII without blanks")
_CONTENT_TYPE = t.matching(r"[A-Za-z0-9!#$&^_.+-]{1,63}/[A-Za-z0-9!#$&^_.+-]{1,63}(; ?[!-~]{1,64})?", "a media type")
_ALLOW_LOCAL = Option("allow_local", t.BOOLEAN, "Whether the server may be the router itself.")
REPLY_RATE = t.integer(1, 1000, "an hour")
ROAMING = Option("roaming", t.BOOLEAN, "Whether it is done while the SIM is abroad, where it costs more.")

_MQTT = (
    Option("host", t.HOST, "The broker.", required=True),
    Option("port", t.integer(1, 65535), "Its port. Without it 1883, with `tls` 8883."),
    Option("tls", t.BOOLEAN, "Whether the connection is secured."),
    TLS_VERIFY,
    CA_FILE,
    Option("cert_file", t.CA_FILE, "The certificate by which the router proves itself, a PEM file."),
    Option("key_file", t.CA_FILE, "Its private key, a PEM file."),
    Option("user", t.text(128), "The user name, if the broker wants one."),
    Option("password", t.text(256), "The password.", secret=True),
    Option("client_id", t.TOPIC, "The router's name at the broker and in topics. Without it one is made up."),
    Option("prefix", t.TOPIC, "The beginning of all topics."),
    Option("discovery", t.BOOLEAN, "Whether Home Assistant is told of the dongles."),
    Option("discovery_prefix", t.TOPIC, "Where Home Assistant listens for that."),
    Option("keepalive", t.integer(10, 3600, "seconds"), "How long the connection may be silent."),
    Option(
        "commands", t.choice("send", "ussd", "mark_read", "reset"), "What may be asked for over the broker.", many=True
    ),
    Option("sms_to", t.PATTERN, "Numbers to which the command `send` may write.", many=True),
    Option(
        "sms_rate",
        t.integer(1, 1000, "an hour"),
        "How many SMS may be sent for the command `send`. A long text is several.",
    ),
    Option("ussd_codes", t.USSD_CODE, "Codes that the command `ussd` may send, exactly as they stand.", many=True),
    Option("timeout", t.integer(5, 600, "seconds"), "How long the broker may take to confirm an event."),
)

_WEBHOOK = (
    Option("url", t.URL, "Where the request goes. Without it the service's own, with presets `ntfy` and `pushover`."),
    Option("secret_url", t.URL, "The same, where the URL itself is a secret, as with Slack and Discord.", secret=True),
    Option("method", t.choice("POST", "PUT", "PATCH", "GET"), "How it is sent."),
    Option(
        "preset",
        t.choice("json", "template", "ntfy", "gotify", "slack", "discord", "matrix", "pushover"),
        "What is sent: the event as JSON, `body`, or what a known service wants.",
    ),
    Option("target", t.text(255), "What the preset needs beside the URL: a topic, a room, a user key."),
    Option("token", _TOKEN, "The preset's access token; otherwise sent as a bearer token.", secret=True),
    Option(
        "signing_key", t.text(256), "Key of the signature (HMAC-SHA256) by which the receiver knows us.", secret=True
    ),
    Option("headers", t.HEADER, "Further headers.", many=True),
    Option("secret_headers", t.HEADER, "Further headers whose values are secrets.", many=True, secret=True),
    Option("body", t.TEMPLATE, "The request's body, with preset `template`."),
    Option("content_type", _CONTENT_TYPE, "Its type, with preset `template`. Without it plain text."),
    TLS_VERIFY,
    CA_FILE,
    _ALLOW_LOCAL,
    Option("timeout", t.integer(2, 300, "seconds"), "How long one request may take, all in all."),
)

_TELEGRAM = (
    Option("token", t.BOT_TOKEN, "The bot's token, from @BotFather.", secret=True, required=True),
    Option("chats", t.CHAT, "Who gets the messages, and whose replies are taken.", many=True, required=True),
    Option("replies", t.BOOLEAN, "Whether an answer to the bot's message is sent as an SMS to the first sender."),
    Option("silent", t.BOOLEAN, "Without a sound."),
    Option("api", t.URL, "The server, for owners of their own."),
    CA_FILE,
    _ALLOW_LOCAL,
    Option("dongle", t.NAME, "The dongle that sends replies. Without it that by which the message came."),
    Option("rate", REPLY_RATE, "How many replies are sent."),
    Option("timeout", t.integer(5, 300, "seconds"), "How long one request may take, all in all."),
)

_SMS = (
    Option("to", t.E164, "Who gets the SMS.", many=True, required=True),
    Option("dongle", t.NAME, "The dongle that sends. Without it the first that is ready."),
    ROAMING,
    Option("daily", t.integer(1, 1000, "a day"), "How many SMS each number gets at most; what is more waits."),
    Option("max_parts", t.integer(1, 10, "parts"), "How long an SMS may be; a longer text is cut."),
)

_SIP_MESSAGE = (
    Option("phones", t.NAME, "Which phones get the message. One that takes it is enough.", many=True, required=True),
    Option("timeout", t.integer(5, 120, "seconds"), "How long a phone may take to confirm each part of 700 octets."),
)

_COMMAND = (
    Option("program", t.COMMAND, "The program.", required=True),
    Option("timeout", t.integer(1, 600, "seconds"), "How long it may take before it is killed."),
)

_COMMANDS_NEED = {"send": "sms_to", "ussd": "ussd_codes"}


def _complete_mqtt(mqtt: Mqtt) -> Mqtt:
    if mqtt.key_file and not mqtt.cert_file:
        raise ConfigError(mqtt.name, "cert_file", "", "is required with key_file")
    if mqtt.cert_file and not mqtt.tls:
        raise ConfigError(mqtt.name, "tls", "0", "must be on for cert_file to be used")
    if mqtt.password and not mqtt.user:
        raise ConfigError(mqtt.name, "user", "", "is required with a password")
    for command, option in _COMMANDS_NEED.items():
        if command in mqtt.commands and not getattr(mqtt, option):
            raise ConfigError(mqtt.name, option, "", f"is required with the command '{command}'")
    return mqtt


# What a service needs beside the URL; and those that have one URL for everybody.
_PRESET_NEEDS = {
    "ntfy": ("target",),
    "gotify": ("token",),
    "matrix": ("target", "token"),
    "pushover": ("target", "token"),
}
_PRESETS_WITH_URL = ("ntfy", "pushover")
_OUR_HEADERS = ("host", "content-length", "transfer-encoding", "connection")


def _complete_webhook(webhook: Webhook) -> Webhook:
    name, preset = webhook.name, webhook.preset
    if not (webhook.url or webhook.secret_url or preset in _PRESETS_WITH_URL):
        raise ConfigError(name, "url", "", "is required, unless secret_url is set")
    for option in (*_PRESET_NEEDS.get(preset, ()), *(("body",) if preset == "template" else ())):
        if not getattr(webhook, option):
            raise ConfigError(name, option, "", f"is required with preset '{preset}'")
    if preset == "matrix" and not webhook.target.startswith("!"):
        raise ConfigError(name, "target", webhook.target, "must be a room's id, which begins with !")
    if preset not in ("json", "template") and webhook.method != "POST":
        raise ConfigError(name, "method", webhook.method, f"is decided by preset '{preset}'")
    for option in ("headers", "secret_headers"):
        for line in getattr(webhook, option):
            if line.partition(":")[0].lower() in _OUR_HEADERS:
                raise ConfigError(name, option, line.partition(":")[0], "is set by Homeline itself")
    return webhook


def _complete_telegram(telegram: Telegram) -> Telegram:
    if telegram.replies and all(chat.startswith("@") for chat in telegram.chats):
        raise ConfigError(
            telegram.name, "chats", "", "needs a chat's number for replies: in a channel nobody can reply"
        )
    return telegram


def _complete_sms(sms: Sms) -> Sms:
    if sms.daily < sms.max_parts:
        raise ConfigError(sms.name, "daily", str(sms.daily), "is fewer than one message may have (max_parts)")
    return sms


CHANNEL_SECTIONS = (
    SectionType("mqtt", Mqtt, "accounts", "A channel: an MQTT broker.", _MQTT, channel=True, complete=_complete_mqtt),
    SectionType(
        *("webhook", Webhook, "accounts", "A channel: an HTTP request.", _WEBHOOK),
        channel=True,
        complete=_complete_webhook,
    ),
    SectionType(
        *("telegram", Telegram, "accounts", "A channel: a Telegram bot.", _TELEGRAM),
        channel=True,
        complete=_complete_telegram,
    ),
    SectionType("sms", Sms, "accounts", "A channel: other phones, by SMS.", _SMS, channel=True, complete=_complete_sms),
    SectionType("sip_message", SipMessage, "accounts", "A channel: our phones, by SIP.", _SIP_MESSAGE, channel=True),
    SectionType("command", Command, "accounts", "A channel: a program of the owner's.", _COMMAND, channel=True),
)
