"""The kinds of values that options have: what UCI's text may be, and what it becomes.

A `Kind` is words for people (docs/uci.md shows them) and a function from text to value that raises ValueError with the
reason. The reason never repeats the value: only the caller knows whether it may be shown.
"""

from __future__ import annotations

import re
import socket
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from homeline import config_times

MAX_VALUE = 1024  # characters: no option needs more, and every value may end in a status reply

_TRUE = ("1", "on", "true", "yes", "enabled")  # as OpenWrt's config_get_bool takes them
_FALSE = ("0", "off", "false", "no", "disabled")

# ISO 3166-1 alpha-2, the officially assigned codes, in order. One string costs a tenth of a set's memory.
_COUNTRIES = (
    "ADAEAFAGAIALAMAOAQARASATAUAWAXAZBABBBDBEBFBGBHBIBJBLBMBNBOBQBRBSBTBVBWBYBZCACCCDCFCGCHCICKCLCMCNCOCRCUCVCWCX"
    "CYCZDEDJDKDMDODZECEEEGEHERESETFIFJFKFMFOFRGAGBGDGEGFGGGHGIGLGMGNGPGQGRGSGTGUGWGYHKHMHNHRHTHUIDIEILIMINIOIQIR"
    "ISITJEJMJOJPKEKGKHKIKMKNKPKRKWKYKZLALBLCLILKLRLSLTLULVLYMAMCMDMEMFMGMHMKMLMMMNMOMPMQMRMSMTMUMVMWMXMYMZNANCNE"
    "NFNGNINLNONPNRNUNZOMPAPEPFPGPHPKPLPMPNPRPSPTPWPYQARERORSRURWSASBSCSDSESGSHSISJSKSLSMSNSOSRSSSTSVSXSYSZTCTDTF"
    "TGTHTJTKTLTMTNTOTRTTTVTWTZUAUGUMUSUYUZVAVCVEVGVIVNVUWFWSYEYTZAZMZW"
)


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of value. `words` complete the sentence "must be …"."""

    words: str
    parse: Callable[[str], object]


def _boolean(text: str) -> bool:
    word = text.lower()
    if word in _TRUE:
        return True
    if word in _FALSE:
        return False
    raise ValueError("must be '0' or '1'")


BOOLEAN = Kind("`0` or `1`", _boolean)


def integer(low: int, high: int, unit: str = "") -> Kind:
    """A decimal number from `low` to `high`, both included."""
    words = f"{low} to {high}" + (f" {unit}" if unit else "")

    def parse(text: str) -> int:
        # isascii: int() would also take the digits of other scripts; the length keeps int() from long work.
        if not (text.isascii() and text.isdigit() and len(text) <= 10 and low <= int(text) <= high):
            raise ValueError(f"must be a number from {words}")
        return int(text)

    return Kind(words, parse)


def choice(*words: str) -> Kind:
    """One of some words."""

    def parse(text: str) -> str:
        if text not in words:
            raise ValueError("must be one of " + ", ".join(words))
        return text

    return Kind(", ".join(f"`{word}`" for word in words), parse)


def enum(*members: StrEnum) -> Kind:
    """One of some members of an enumeration, by its value."""
    by_value = {str(member): member for member in members}
    words = choice(*by_value)
    return Kind(words.words, lambda text: by_value[str(words.parse(text))])


def text(limit: int, words: str = "") -> Kind:
    """Any printable text of 1 to `limit` characters."""

    def parse(value: str) -> str:
        if not value.isprintable():
            raise ValueError("has characters that cannot be printed")
        if len(value) > limit:
            raise ValueError(f"is longer than {limit} characters")
        return value

    return Kind(words or f"text of up to {limit} characters", parse)


def matching(pattern: str, words: str, reason: str = "") -> Kind:
    """Text that the regular expression matches from end to end."""

    def parse(value: str) -> str:
        if not re.fullmatch(pattern, value):  # compiled where it is used: most options are not, and it takes memory
            raise ValueError(reason or f"must be {words}")
        return value

    return Kind(words, parse)


def _country(value: str) -> str:
    code = value.upper()
    at = _COUNTRIES.find(code)
    while at % 2 == 1 and at > 0:  # found across two codes: look further
        at = _COUNTRIES.find(code, at + 1)
    if len(value) != 2 or at < 0:
        raise ValueError("must be a country of ISO 3166 as two letters, such as CH")
    return code


def _path(value: str) -> str:
    if not value.isprintable() or not value.startswith("/") or {".", ".."} & set(value.split("/")):
        raise ValueError("must be an absolute path without . and ..")
    if value.endswith(" "):
        raise ValueError("ends with a blank")
    return value


def path_below(folders: tuple[str, ...], words: str) -> Kind:
    """A file's absolute path below one of some folders (`*` in a folder stands for one name)."""
    allowed = [re.escape(folder).replace(r"\*", "[^/]+") + "/[^/].*" for folder in folders]

    def parse(value: str) -> str:
        path = _path(value)
        if path.endswith("/") or "//" in path or not any(re.fullmatch(folder, path) for folder in allowed):
            raise ValueError(f"must be {words}")
        return path

    return Kind(words, parse)


_NAME_OF_HOST = (
    r"(?=.{1,253}$)[A-Za-z0-9]([A-Za-z0-9_-]{0,62}[A-Za-z0-9])?(\.[A-Za-z0-9]([A-Za-z0-9_-]{0,62}[A-Za-z0-9])?)*\.?"
)
_ZONE = r"%[A-Za-z0-9._-]{1,15}"


def is_address(value: str) -> bool:
    """Whether this is an IPv4 or IPv6 address in its usual form, without a zone (RFC 4632, RFC 4291 2.2)."""
    for family in (socket.AF_INET, socket.AF_INET6):
        try:
            socket.inet_pton(family, value)
        except (OSError, ValueError):  # ValueError: a NUL
            continue
        return True
    return False


def _address(value: str) -> str:
    if not is_address(value):
        raise ValueError("must be an IPv4 or IPv6 address")
    return value


def _sip_host(value: str) -> str:
    numeric = ":" in value or not set(value) - set("0123456789.")
    if not (is_address(value) if numeric else re.fullmatch(_NAME_OF_HOST, value)):
        raise ValueError("must be a host name or an address")
    return value


def _host(value: str) -> str:
    """As `_sip_host`; a link-local address may have its zone."""
    address, percent, zone = value.partition("%")
    if percent and not (":" in address and re.fullmatch(_ZONE, "%" + zone)):
        raise ValueError("must be a host name or an address")
    _sip_host(address)
    return value


def prefix_length(network: str) -> int:
    """The prefix length of a `NETWORK`; of a single address all its bits."""
    address, slash, length = network.partition("/")
    return int(length) if slash else 128 if ":" in address else 32


def _network(value: str) -> str:
    address, slash, length = value.partition("/")
    bits = 128 if ":" in address else 32
    if not is_address(address) or (slash and not re.fullmatch("0|[1-9][0-9]{0,2}", length)):
        raise ValueError("must be a network, such as 192.168.1.0/24, or an address")
    if slash and int(length) > bits:
        raise ValueError(f"has a prefix length above {bits}")
    return value


def _narrow_network(value: str) -> str:
    if prefix_length(_network(value)) == 0:
        raise ValueError("would be the whole internet")
    return value


COUNTRY = Kind("a country of ISO 3166 as two letters, such as `CH`", _country)
E164 = matching(r"\+[1-9][0-9]{6,14}", "a number in international form, such as `+41791234567`")
IMEI = matching(r"[0-9]{14,16}", "the 15 digits of the IMEI")
USB_PATH = matching(r"[0-9]+-[0-9]+(\.[0-9]+){0,6}", "the device's path in sysfs, such as `1-1.2`")
PIN = matching(r"[0-9]{4,8}", "4 to 8 digits")
NAME = matching(r"[A-Za-z0-9_]{1,64}", "a section's name")
DEVICE = path_below(("/dev",), "a device below `/dev`, such as `/dev/ttyUSB2`")
DATABASE = path_below(
    ("/etc/homeline", "/mnt/*/homeline"), "a file below `/etc/homeline`, or below `/mnt/DISK/homeline` on a disk"
)
CA_FILE = path_below(("/etc/ssl", "/etc/homeline"), "a file below `/etc/ssl` or `/etc/homeline`")
COMMAND = matching(
    r"[A-Za-z0-9_][A-Za-z0-9._-]{0,63}", "the name of a program in `/etc/homeline/commands.d`, without a folder"
)
HOST = Kind("a host name or an address", _host)
SIP_HOST = Kind("a host name or an address", _sip_host)
MAIL_ADDRESS = matching(
    # Dot-atoms only (RFC 5322 3.2.3), as no mail provider hands out more; so nothing ever needs quoting.
    r"(?=.{3,254}$)[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+(\.[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+)*"
    r"@[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)*",
    "one address, such as `me@example.org`",
)
PATTERN = text(64, "a number (E.164) or the network's own text, `*` for any characters, upper and lower case alike")
ALERT_KEY = text(64, "an alert's key, such as `database.opened`, `*` for any characters")
ADDRESS = Kind("an IPv4 or IPv6 address", _address)
NETWORK = Kind("a network, such as `192.168.1.0/24`, or an address", _network)
NARROW_NETWORK = Kind("a network, such as `192.168.1.0/24`, or an address", _narrow_network)
LANGUAGE = matching(r"[a-z]{2}(_[A-Z]{2})?", "a language of Asterisk's sounds, such as `en`")
VOICEMAIL_FOLDER = path_below(
    ("/etc/homeline", "/mnt/*/homeline"), "a folder below `/etc/homeline` or `/mnt/DISK/homeline`"
)
FINDING = matching(r"[A-Za-z0-9_.-]{1,64}:[!-~]{1,80}", "a file and a section, such as `pjsip.conf:6001`")
EDGE = matching(r"[a-z]{2,32}(-[a-z0-9]{1,16})?", "an edge location, such as `frankfurt`")
SIP_USER = matching(r"[A-Za-z0-9_.+-]{1,64}", "letters, digits and `_.+-`")
SIP_NAME = matching(r"[A-Za-z0-9_.-]{1,64}", "letters, digits and `_.-`")
SIP_PASSWORD = matching(r"[!-~]([ -~]{0,126}[!-~])?", "up to 128 letters, digits and signs of ASCII")
DISPLAY = matching(r"(?=.{1,64}$)[\w.'+-]+( [\w.'+-]+)*", "up to 64 letters, digits, blanks and `.'+-_`")
CODEC = choice("alaw", "ulaw", "g722", "opus", "gsm", "g726", "g729", "ilbc", "speex", "slin", "slin16")
EXTENSION = matching(r"[0-9]{2,5}", "2 to 5 digits")
RING = matching(r"[A-Za-z0-9_]{1,64}(/[A-Za-z0-9_.+-]{1,64})?", "a phone's name, or `trunk/user`")
SOUND = matching(r"[A-Za-z0-9_][A-Za-z0-9_-]{0,63}", "a file name without folder and extension")
PREFIX = matching(r"\+[1-9][0-9]{0,13}", "the beginning of an international number, such as `+4179`")
# Without * and #: to a mobile network those are orders, such as forwarding all calls (3GPP TS 22.030 6.5.2).
SHORT_NUMBER = matching(r"[0-9]{2,8}", "2 to 8 digits")
ACCOUNT_SID = matching(r"AC[0-9a-f]{32}", "`AC` and 32 hexadecimal digits")
CLOCK = matching(r"([01][0-9]|2[0-3]):[0-5][0-9]", "a time of day, such as `08:30`")
TOPIC = matching(
    r"[A-Za-z0-9_.-]{1,64}(/[A-Za-z0-9_.-]{1,64}){0,3}", "letters, digits and `_.-`, in parts set off by `/`"
)
USSD_CODE = matching(r"[*#][0-9*#]{1,40}", "a code, such as `*100#`")
URL = matching(
    r"https?://[A-Za-z0-9.\[\]:_-]{1,260}(/[!-~]{0,900})?(\?[!-~]{0,900})?",
    "an address that begins with `https://` or `http://`",
)
HEADER = matching(r"[A-Za-z0-9!#$%&'*+.^_`|~-]{1,64}: ?[ -~]{1,512}", "`Name: value`, in ASCII")
BOT_TOKEN = matching(r"[0-9]{3,20}:[A-Za-z0-9_-]{20,64}", "a bot's token, such as `123456:ABC-DEF…`")
CHAT = matching(r"-?[0-9]{1,20}|@[A-Za-z0-9_]{3,64}", "a chat's number, or a channel's `@name`")
MAILDIR = path_below(("/etc/homeline", "/mnt/*/homeline"), "a folder below `/etc/homeline` or `/mnt/DISK/homeline`")
AMOUNT = matching(r"-?[0-9]{1,9}([.][0-9]{1,4})?", "an amount, such as `5.50`")
DRIVER_OPTION = matching(r"[a-z][a-z0-9_]{0,31}=[A-Za-z0-9_.:/+=,-]{1,64}", "`name=value`")


def _template(value: str) -> str:
    from homeline.protocol import template  # loaded only where there is one

    shown = str(text(MAX_VALUE).parse(value))
    template.compile_(shown)
    return shown


def _regex(value: str) -> str:
    from homeline.protocol import regex  # loaded only where there is one

    shown = str(text(MAX_VALUE).parse(value))
    regex.compile_(shown)
    return shown


def _times(value: str) -> str:
    shown = str(text(64).parse(value))
    config_times.parse(shown)
    return shown


TEMPLATE = Kind("a text with fields in braces, such as `{text}`", _template)
REGEX = Kind("a regular expression", _regex)
TIMES = Kind("days, times or both, such as `mon-fri 08:00-18:00`", _times)


@dataclass(frozen=True, slots=True)
class Option:
    """One row: an option's name in UCI, its kind, and what people should know. Its default is the dataclass's."""

    name: str
    kind: Kind
    doc: str
    many: bool = False  # `list` in UCI, a tuple here
    secret: bool = False  # lives in homeline_secret
    required: bool = False
    field: str = ""  # the dataclass's name for it, where that differs

    @property
    def attribute(self) -> str:
        return self.field or self.name


@dataclass(frozen=True, slots=True)
class SectionType:
    """One type of section. `attribute` is the field of Config; a `singleton` is the only section, with that name."""

    name: str
    build: type[Any]  # a dataclass; all but a singleton's have `name`
    attribute: str
    doc: str
    options: tuple[Option, ...]
    singleton: str = ""
    channel: bool = False  # rules may name it in `channels`
    complete: Callable[[Any], Any] | None = None  # adds what depends on other options; raises ConfigError

    def option(self, name: str) -> Option | None:
        return next((option for option in self.options if option.name == name), None)
