"""The sections of UCI that are about calls: SIP, trunks, phones, lines, what may be dialled.

Loaded only where there is such a section (`config_options.CALLS`), as all this costs memory.

Nothing here is written to Asterisk as it stands: `render` escapes it. A choice whose default depends on others is a
property that says what is in force.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum

from homeline import config_types as t
from homeline.config_sip import Sip as Sip
from homeline.config_sip import Twilio as Twilio
from homeline.config_twilio import REGIONS, TWILIO
from homeline.config_types import Option, SectionType

EDGES = (
    "ashburn",
    "umatilla",
    "dublin",
    "frankfurt",
    "singapore",
    "tokyo",
    "sao-paulo",
    "sydney",
)  # Twilio's public ones


class TrunkType(StrEnum):
    TWILIO = "twilio"
    SIP = "sip"  # any provider


class TrunkMode(StrEnum):
    """How a trunk and the router find each other."""

    BYOC = "byoc"  # Twilio sends calls to the router's public address; the router calls a SIP domain
    ELASTIC = "elastic"  # Twilio's Elastic SIP trunk, likewise at a public address
    REGISTERED = "registered"  # the router registers; no port is open
    PEER = "peer"  # any provider, by address, without registration


class Secure(StrEnum):
    """TLS for signalling together with SRTP (SDES) for media."""

    AUTO = "auto"  # on for a trunk that reaches us at a public address
    ON = "1"
    OFF = "0"


class Dtmf(StrEnum):
    RFC4733 = "rfc4733"
    INBAND = "inband"
    INFO = "info"
    AUTO = "auto"


class Strategy(StrEnum):
    ALL = "all"  # everything rings at once
    TURN = "turn"  # one after the other


class Withheld(StrEnum):
    """What happens to a call without a number."""

    RING = "ring"
    VOICEMAIL = "voicemail"
    REJECT = "reject"


class Where(StrEnum):
    """Where a softphone registers."""

    ROUTER = "router"
    TWILIO = "twilio"


@dataclass(frozen=True, slots=True)
class Trunk:
    """`config trunk NAME`: a SIP peer that carries calls over the internet."""

    name: str
    enabled: bool = True
    type: TrunkType = TrunkType.SIP
    mode: TrunkMode = TrunkMode.REGISTERED
    host: str = ""  # where calls are sent to, and where to register: a SIP domain, or a provider's server
    port: int = 0  # 0: 5060, with TLS 5061
    transport: str = ""  # udp, tcp, tls; "" is tls with `secure`, else udp
    edges: tuple[str, ...] = ()  # Twilio's edge locations, in order of preference
    region: str = ""  # Twilio's region, "" is us1
    username: str = ""  # digest: ours, when we call or register
    password: str = field(default="", repr=False)
    inbound_username: str = ""  # digest: theirs, when they call us
    inbound_password: str = field(default="", repr=False)
    realm: str = ""
    from_user: str = ""
    from_domain: str = ""
    caller_id: str = ""  # E.164 that we show; "" is the number of the line
    privacy: bool = False  # withhold the number on calls out
    send_pai: bool = True  # P-Asserted-Identity out
    trust_pai: bool = False  # P-Asserted-Identity in
    allowed: tuple[str, ...] = ()  # source addresses; "" for Twilio is its published ranges
    codecs: tuple[str, ...] = ("ulaw", "alaw")
    dtmf: Dtmf = Dtmf.RFC4733
    secure: Secure = Secure.AUTO
    session_timers: str = "yes"
    qualify: int = 60  # seconds; 0 not at all
    expiry: int = 300  # seconds of a registration
    max_calls: int = 2
    ring: tuple[str, ...] = ()  # phones, on calls that no outbound section lets through: those to its own number
    ring_timeout: int = 30  # seconds

    @property
    def is_secure(self) -> bool:
        """Whether TLS and SRTP are in force."""
        if self.secure is Secure.AUTO:
            return self.mode in (TrunkMode.BYOC, TrunkMode.ELASTIC) and self.transport in ("", "tls")
        return self.secure is Secure.ON

    @property
    def signalling(self) -> str:
        """The transport in force: udp, tcp or tls."""
        return self.transport or ("tls" if self.is_secure else "udp")

    @property
    def remote_port(self) -> int:
        return self.port or (5061 if self.signalling == "tls" else 5060)


@dataclass(frozen=True, slots=True)
class Phone:
    """`config phone NAME`: a softphone account. On the router its user name is its section's name."""

    name: str
    enabled: bool = True
    where: Where = Where.ROUTER
    password: str = field(default="", repr=False)
    number: str = ""  # short number by which other phones call it
    display: str = ""  # its name for other phones
    allow_from: tuple[str, ...] = ()  # networks; () is the local networks
    outbound: tuple[str, ...] = ()  # outbound sections that it may use; () is all
    codecs: tuple[str, ...] = ("opus", "g722", "alaw", "ulaw")
    dtmf: Dtmf = Dtmf.RFC4733
    secure: bool = False  # TLS and SRTP
    devices: int = 3  # that may be registered at once
    sms: bool = False  # a SIP MESSAGE of it to a number becomes an SMS
    sms_to: tuple[str, ...] = ()  # patterns of numbers; () is every international number
    sms_rate: int = 30  # an hour
    sms_dongle: str = ""  # "" is the one by which the number last wrote


@dataclass(frozen=True, slots=True)
class Line:
    """`config line NAME`: a dongle's phone number and where its calls go."""

    name: str
    dongle: str = ""
    enabled: bool = True
    ring: tuple[str, ...] = ()  # phones by name, trunks as NAME/USER: the user or number that is called there
    strategy: Strategy = Strategy.ALL
    ring_timeout: int = 30  # seconds, for each turn
    voicemail: bool = False
    greeting: str = ""  # sound file of the owner, without extension, below Paths.greetings
    longest_voicemail: int = 180  # seconds
    withheld: Withheld = Withheld.RING
    jitter_buffer: bool = True  # for what comes from SIP
    agc: int = 0  # level towards the GSM network, 0 is off


@dataclass(frozen=True, slots=True)
class Outbound:
    """`config outbound NAME`: numbers that may be called, through what, and how much. Nothing else may be called."""

    name: str
    enabled: bool = True
    via: str = ""  # a line or a trunk
    countries: tuple[str, ...] = ()  # ISO 3166: their ordinary numbers
    prefixes: tuple[str, ...] = ()  # E.164, such as +4179
    numbers: tuple[str, ...] = ()  # dialled as they are: short and emergency numbers
    sources: tuple[str, ...] = ()  # trunks that may dial through this one as well; phones may anyway
    daily_minutes: int = 60  # 0 is no limit
    longest_call: int = 60  # minutes
    concurrent: int = 1


_SIP = (
    Option("enabled", t.BOOLEAN, "Whether Homeline writes Asterisk's configuration."),
    Option("transports", t.choice("udp", "tcp", "tls"), "How phones and trunks may reach the router.", many=True),
    Option("bind", t.ADDRESS, "The router's address to listen at; every one if none is set."),
    Option("port", t.integer(1, 65535), "The port for UDP and TCP."),
    Option("tls_port", t.integer(1, 65535), "The port for TLS."),
    Option("certificate", t.CA_FILE, "The router's certificate for TLS, a PEM file. Not needed to call out by TLS."),
    Option("key", t.CA_FILE, "Its private key, a PEM file."),
    Option("ca_file", t.CA_FILE, "Certificates to trust instead of the system's."),
    Option("external_address", t.SIP_HOST, "The address or host name by which the internet reaches the router."),
    Option("local_networks", t.NARROW_NETWORK, "Own networks and VPNs: phones may register from there.", many=True),
    Option("rtp_start", t.integer(1024, 65534), "The first port for media."),
    Option("rtp_end", t.integer(1025, 65535), "The last port for media."),
    Option("ami_port", t.integer(1, 65535), "The port on loopback by which Homeline talks to Asterisk."),
    Option("log_level", t.choice("error", "warning", "notice", "verbose", "debug"), "What Asterisk logs."),
    Option("language", t.LANGUAGE, "The language of Asterisk's announcements."),
    Option("restart", t.choice("idle", "manual"), "When a change that needs a restart of Asterisk takes effect."),
    Option("voicemail_folder", t.VOICEMAIL_FOLDER, "Where recordings are kept. Use flash or a disk."),
    Option("voicemail_quota", t.integer(1, 65536, "MiB"), "How much recordings may take; the oldest go first."),
    Option("voicemail_format", t.choice("gsm", "wav49"), "How recordings are coded."),
    Option("accepted", t.FINDING, "Findings in hand-written files that you accept, as `file:section`.", many=True),
)

_TRUNK = (
    Option("enabled", t.BOOLEAN, "Whether this trunk is used."),
    Option("type", t.enum(*TrunkType), "Twilio, or any other provider."),
    Option("mode", t.enum(*TrunkMode), "How calls come in: to our address, or by registration."),
    Option("host", t.SIP_HOST, "The SIP domain or server. Required; for Twilio `homeline twilio apply` fills it in."),
    Option("port", t.integer(1, 65535), "Its port. Without it 5060, with TLS 5061."),
    Option("transport", t.choice("udp", "tcp", "tls"), "Without it `tls` where `secure` is on, else `udp`."),
    Option("edges", t.EDGE, "Twilio's edge locations, the best first.", many=True),
    Option("region", t.choice(*REGIONS), "Twilio's region. Without `edges` its own edge location is used."),
    Option("username", t.SIP_USER, "Our name at the provider."),
    Option("password", t.SIP_PASSWORD, "Our password at the provider.", secret=True),
    Option("inbound_username", t.SIP_NAME, "The name with which the provider proves itself to us."),
    Option("inbound_password", t.SIP_PASSWORD, "The password with which it does.", secret=True),
    Option("realm", t.SIP_HOST, "The realm of our password, where the provider does not say it."),
    Option("from_user", t.SIP_USER, "The user in From, where the provider wants a certain one."),
    Option("from_domain", t.SIP_HOST, "The domain in From."),
    Option("caller_id", t.E164, "The number that is shown on calls through this trunk."),
    Option("privacy", t.BOOLEAN, "Whether our number is withheld."),
    Option("send_pai", t.BOOLEAN, "Whether P-Asserted-Identity is sent."),
    Option("trust_pai", t.BOOLEAN, "Whether P-Asserted-Identity of the provider is believed."),
    Option(
        "allowed",
        t.NARROW_NETWORK,
        "Addresses from which the provider calls. Without it those that Twilio publishes, or those of `host`.",
        many=True,
    ),
    Option("codecs", t.CODEC, "Codecs, the best first.", many=True),
    Option("dtmf", t.enum(*Dtmf), "How key presses are sent."),
    Option("secure", t.enum(*Secure), "TLS with SRTP. `auto`: on where the trunk reaches us at a public address."),
    Option("session_timers", t.choice("yes", "no", "required", "always"), "SIP session timers (RFC 4028)."),
    Option("qualify", t.integer(0, 3600, "seconds"), "How often the trunk is asked whether it is there; 0 is never."),
    Option("expiry", t.integer(60, 7200, "seconds"), "How long a registration holds."),
    Option("max_calls", t.integer(1, 100), "Calls at once."),
    Option("ring", t.NAME, "Phones that ring on calls to the trunk's own number.", many=True),
    Option("ring_timeout", t.integer(5, 300, "seconds"), "How long they ring."),
)

_NUMBERS = t.matching(r"\+?[0-9*]{1,24}", "a number, such as `+41791234567`, with `*` for any digits")

_PHONE = (
    Option("enabled", t.BOOLEAN, "Whether this phone may register."),
    Option("where", t.enum(*Where), "Whether it registers at the router or at Twilio."),
    Option("password", t.SIP_PASSWORD, "Its password.", secret=True),
    Option("number", t.EXTENSION, "Its short number for other phones."),
    Option("display", t.DISPLAY, "Its name for other phones."),
    Option("allow_from", t.NETWORK, "Networks from which it may register; the local ones if none is set.", many=True),
    Option("outbound", t.NAME, "The `outbound` sections that it may use; all if none is set.", many=True),
    Option("codecs", t.CODEC, "Codecs, the best first.", many=True),
    Option("dtmf", t.enum(*Dtmf), "How key presses are sent."),
    Option("secure", t.BOOLEAN, "TLS with SRTP."),
    Option("devices", t.integer(1, 10), "How many devices may be registered with this account at once."),
    Option("sms", t.BOOLEAN, "Whether a text (SIP MESSAGE) that it sends to a number becomes an SMS."),
    Option("sms_to", _NUMBERS, "Numbers to which it may write. Without it all but short ones.", many=True),
    Option("sms_rate", t.integer(1, 1000, "an hour"), "How many SMS it may send."),
    Option("sms_dongle", t.NAME, "The dongle that sends them. Without it that by which the number last wrote."),
)

_LINE = (
    Option("enabled", t.BOOLEAN, "Whether this line is used."),
    Option("dongle", t.NAME, "The dongle whose calls these are.", required=True),
    Option("ring", t.RING, "What rings: a phone's name, or `trunk/user`.", many=True),
    Option("strategy", t.enum(*Strategy), "Everything at once, or in turn."),
    Option("ring_timeout", t.integer(5, 300, "seconds"), "How long it rings; in turn, how long each."),
    Option("voicemail", t.BOOLEAN, "Whether a caller whom nobody answers may leave a message."),
    Option("greeting", t.SOUND, "A sound file in `/etc/homeline/greetings`, without its extension."),
    Option("longest_voicemail", t.integer(5, 600, "seconds"), "How long a message may be."),
    Option("withheld", t.enum(*Withheld), "What happens to calls without a number."),
    Option("jitter_buffer", t.BOOLEAN, "A jitter buffer for what comes over the internet."),
    Option("agc", t.integer(0, 32768), "Automatic gain control towards the caller: its level, 0 is off."),
)

_OUTBOUND = (
    Option("enabled", t.BOOLEAN, "Whether calls of this kind are allowed."),
    Option("via", t.NAME, "The line or trunk that carries the call.", required=True),
    Option("countries", t.COUNTRY, "Ordinary numbers of these countries: none at premium or shared rates.", many=True),
    Option("prefixes", t.PREFIX, "Numbers that begin so, such as `+4179`.", many=True),
    Option("numbers", t.SHORT_NUMBER, "Short and emergency numbers, dialled as they are.", many=True),
    Option("sources", t.NAME, "Trunks whose calls may go out here as well; phones may anyway.", many=True),
    Option(
        "daily_minutes", t.integer(0, 1440, "minutes"), "How long these calls may be in a day, together; 0: no limit."
    ),
    Option("longest_call", t.integer(1, 1440, "minutes"), "How long one call may be."),
    Option("concurrent", t.integer(1, 20), "Calls at once."),
)

CALL_SECTIONS = (
    SectionType("sip", Sip, "sip", "Asterisk as a whole.", _SIP, singleton="sip"),
    SectionType("trunk", Trunk, "trunks", "A SIP peer that carries calls over the internet.", _TRUNK),
    SectionType("phone", Phone, "phones", "A softphone account.", _PHONE),
    SectionType("line", Line, "lines", "A dongle's phone number and where its calls go.", _LINE),
    SectionType("outbound", Outbound, "outbounds", "Numbers that may be called.", _OUTBOUND),
    SectionType("twilio", Twilio, "twilio", "The owner's account at Twilio.", TWILIO, singleton="twilio"),
)
