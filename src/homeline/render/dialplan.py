"""Asterisk's dial plan (extensions.conf): templates/extensions.conf.j2 filled with what `core.dialling` decides.

Nothing that comes from the network is ever dialled, jumped to or made a file's name: those are names of our sections,
and digits that FILTER() lets through. docs/asterisk.md says how a call goes through it.
"""

from __future__ import annotations

import hashlib
import re
import string
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from homeline import telephony
from homeline.config_calls import Line, Strategy, Trunk, TrunkMode, TrunkType, Withheld
from homeline.config_options import Config
from homeline.core import dialling, texts
from homeline.core.dialling import Gate, Refusal, Tables
from homeline.core.dialling_countries import LONGEST
from homeline.errors import RenderError
from homeline.model import TECHNOLOGY
from homeline.paths import Paths
from homeline.render.template import fill
from homeline.telephony import Facts

SID_HEADER = "X-Twilio-AccountSid"
MAX_TEXT = 80  # octets of a caller's number or name that are kept; of other texts a piece
MAX_MESSAGE = 1023  # octets of a SIP MESSAGE that Asterisk takes
MAX_TEXTS = 100  # SIP MESSAGEs that wait for the daemon
PARENTHESES = 81  # as many as such a text can close, and a multiple of three, so that their base64 is whole
LONGEST_RING = 3000  # characters of addresses in one Dial: Asterisk cuts a part of a variable at 4095
# What a device's address (RFC 3261 19.1.1) may have to be an argument of Dial. Brackets, quotes, commas and backslashes
# there would put the end of the argument elsewhere. The last one, in Asterisk's code, is the ] of an IPv6 address.
HARMLESS = string.ascii_letters + string.digits + r"/:@._-+=;%~&*!\\x5D"
MAX_RECORDS = 1000  # of calls that wait for the daemon: beyond them those of dongles alone leave one
LONGEST_GRANT = 3600  # seconds: one that holds for longer was written by another clock
SHORTEST_CALL = 6  # seconds: with fewer left of the day's minutes no call begins
SILENCE = 10  # seconds that end a voicemail
CLICK_TIMEOUT = 30  # seconds that the owner's own phone rings when a call is made by a click

# An adaptive buffer leaves the channel mute in a third of all calls, whether it is made before or after the answer
# (Asterisk 22.10, with the settings that chan_dongle recommends too); a fixed one in none.
JITTER_BUFFER = "fixed)=120"  # milliseconds of delay

# What the dial plan uses beyond what every Asterisk has.
_NEEDED = (
    *("app_dial", "app_playback", "app_playtones", "app_softhangup", "app_stack", "app_userevent", "app_verbose"),
    *("bridge_simple", "chan_pjsip", "func_base64", "func_callerid", "func_channel", "func_db", "func_groupcount"),
    *("func_lock", "func_logic", "func_strings", "pbx_config", "res_pjsip_header_funcs", "res_timing_timerfd"),
)
_FORMATS = {"gsm": ("format_gsm", "gsm"), "wav49": ("format_wav_gsm", "WAV")}  # module, extension of the files


@dataclass(frozen=True, slots=True)
class Dialplan:
    """extensions.conf, the contexts that Asterisk must show once it has read it, and what it needs."""

    text: str
    digest: str  # value of the global variable `MARKER`
    contexts: tuple[str, ...]
    needed: tuple[str, ...]
    problems: tuple[tuple[str, str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class _Refusal:
    """How a refusal is told: words for the log, a stock announcement, a tone where it is missing, a cause (Q.850)."""

    reason: Refusal
    words: str
    cause: int
    sound: str
    tone: str
    is_refused: bool = True


_NUMBER_UNKNOWN = "950/330,1400/330,1800/330,0/1000"  # special information tone (ITU-T E.180)
_BARRED = "425/200,0/200,425/200,0/600"
_CONGESTION = "425/250,0/250"
_REFUSALS = (
    _Refusal(Refusal.NOT_A_NUMBER, "it is not one telephone number", 28, "cannot-complete-as-dialed", _NUMBER_UNKNOWN),
    _Refusal(Refusal.NOT_ALLOWED, "no outbound section allows it", 21, "feature-not-avail-line", _BARRED),
    _Refusal(Refusal.CLOSED, "calls out are closed until a problem is solved", 21, "ss-noservice", _BARRED),
    _Refusal(Refusal.NO_GRANT, "nobody counts the minutes of today", 34, "please-try-call-later", _CONGESTION),
    _Refusal(Refusal.NO_MINUTES, "the minutes of today are used up", 34, "please-try-call-later", _CONGESTION),
    _Refusal(Refusal.BUSY, "as many calls as allowed are up", 34, "all-circuits-busy-now", _CONGESTION),
    _Refusal(Refusal.NOT_PROVED, "it is not a call of our account", 21, "ss-noservice", _BARRED),
    _Refusal(Refusal.NO_LINE, "the dongle has no line", 17, "ss-noservice", _BARRED, is_refused=False),
    _Refusal(Refusal.WITHHELD, "the caller has no number", 21, "ss-noservice", _BARRED),
)


@dataclass(frozen=True, slots=True)
class _Target:
    """What rings: a phone, or a user at a trunk."""

    index: int
    phone: str = ""
    user: str = ""
    trunk: str = ""
    max_calls: int = 0


@dataclass(frozen=True, slots=True)
class _Line:
    """A line as the template has it. `withheld` is where callers without a number go, "" is where all go."""

    name: str
    withheld: str
    turns: tuple[tuple[_Target, ...], ...]
    ring_timeout: int
    voicemail: bool
    greeting: str
    longest_voicemail: int
    smoothing: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Dongle:
    name: str
    technology: str
    next: str  # where its calls go


@dataclass(frozen=True, slots=True)
class _Source:
    """A phone or trunk that may dial."""

    kind: str
    name: str
    gates: tuple[Gate, ...]
    proof: bool = False
    max_calls: int = 0
    came_by: str = ""  # of a trunk with TLS: expression for the address of ours that its calls come to
    ring: tuple[str, ...] = ()  # phones, on calls that no gate is for
    ring_timeout: int = 0
    own_number: str = ""  # of a trunk with `ring`: it rings whatever the gates say
    number_header: str = ""  # of a trunk whose calls come to our name there: who is to be called stands in it

    @property
    def else_(self) -> str:
        """Where calls go that no gate is for; "" refuses them."""
        return f"homeline-did-{self.name},s,1" if self.ring else ""


def extensions(config: Config, facts: Facts) -> Dialplan:
    """The dial plan of a configuration. Equal arguments give equal octets. RenderError names section and option."""
    tables = dialling.tables(config)
    lines = tuple(_line(line, config, facts, tables) for line in config.lines if _in_use(line, config))
    text = fill(
        "extensions.conf",
        extends="globals" in facts.sections.get("extensions.conf", ()),
        marker=telephony.MARKER,
        **_constants(config, facts),
        forms=tables.forms,
        phones=tables.phones,
        extensions=sorted(tables.extensions().items()),
        lines=lines,
        dongles=tuple(_dongles(config, lines)),
        gates=tables.gates,
        smoothing={line.name: _smoothing(line) for line in config.lines},
        shown={trunk.name: _shown(trunk, config) for trunk in tables.trunks},
        sources=tuple(_sources(config, tables)),
        closed=bool(facts.closed),
        texters=() if facts.closed else texts.texters(config),
    )
    digest = hashlib.sha256(text.encode()).hexdigest()[:16]
    return Dialplan(
        text.replace("@digest@", digest, 1),
        digest,
        tuple(re.findall(r"^\[(homeline-[^]]+)\]", text, re.MULTILINE)),
        _needed(config, lines),
        tables.problems,
    )


def _constants(config: Config, facts: Facts) -> dict[str, object]:
    _, extension = _FORMATS[config.sip.voicemail_format]
    return {
        "language": config.sip.language,
        "parentheses": PARENTHESES,
        "longest_text": MAX_TEXT,
        "message_pieces": range(0, MAX_MESSAGE, MAX_TEXT),
        "texts_family": telephony.TEXTS_FAMILY,
        "texted_event": telephony.TEXTED,
        "most_texts": MAX_TEXTS,
        "calls_family": telephony.CALLS_FAMILY,
        "grant_family": telephony.GRANT_FAMILY,
        "used_family": telephony.USED_FAMILY,
        "started_event": telephony.CALL_STARTED,
        "ended_event": telephony.CALL_ENDED,
        "most_records": MAX_RECORDS,
        "longest_grant": LONGEST_GRANT,
        "shortest_call": SHORTEST_CALL,
        "harmless": HARMLESS,
        "longest_ring": LONGEST_RING,
        "max_dialled": dialling.MAX_DIALLED,
        "max_digits": LONGEST,
        "ring_timeout": dialling.RING_TIMEOUT,
        "click_timeout": CLICK_TIMEOUT,
        "refusals": _REFUSALS,
        "port": config.sip.port,
        "sid_header": SID_HEADER,
        "account_sid": config.twilio.account_sid,
        "recordings": _path(Paths(Path(facts.root)).recordings),
        "extension": extension,
        "format": config.sip.voicemail_format,
        "silence": SILENCE,
    }


def _path(path: Path) -> str:
    """A folder as text that the dial plan may have in it."""
    if not re.fullmatch(r"[A-Za-z0-9/._+@=-]+", str(path)):
        raise RenderError(f"root: the path {str(path)!a} has characters that a dial plan cannot hold")
    return str(path)


def _in_use(line: Line, config: Config) -> bool:
    return line.enabled and dialling.dongle_of(config, line) is not None


def _smoothing(line: Line) -> tuple[str, ...]:
    """What is done to sound that comes from SIP and goes to the GSM network. Runs on the channel of SIP."""
    steps = (f"Set(JITTERBUFFER({JITTER_BUFFER})",) if line.jitter_buffer else ()
    return (*steps, f"Set(AGC(rx)={line.agc})") if line.agc else steps


def _line(line: Line, config: Config, facts: Facts, tables: Tables) -> _Line:
    targets = tuple(_targets(line, tables))
    together = ((targets,) if targets else ()) if line.strategy is Strategy.ALL else tuple((one,) for one in targets)
    withheld = {Withheld.REJECT: "homeline-refused,withheld,1", Withheld.VOICEMAIL: "voicemail"}
    return _Line(
        line.name,
        withheld.get(line.withheld, ""),
        together,
        line.ring_timeout,
        line.voicemail,
        f"{_path(Paths(Path(facts.root)).greetings)}/{line.greeting}" if line.greeting else "vm-intro",
        line.longest_voicemail,
        _smoothing(line),
    )


def _targets(line: Line, tables: Tables) -> Iterable[_Target]:
    phones = {phone.name for phone in tables.phones}
    trunks = {trunk.name: trunk for trunk in tables.trunks}
    for index, entry in enumerate(line.ring):
        name, _, user = entry.partition("/")
        if name in trunks and user:
            yield _Target(index, user=user, trunk=name, max_calls=trunks[name].max_calls)
        elif name in phones and not user:
            yield _Target(index, phone=name)


def _dongles(config: Config, lines: Sequence[_Line]) -> Iterable[_Dongle]:
    """The dongles that Asterisk has; those of no line refuse their calls."""
    names = {line.name for line in lines}
    line_of = {line.dongle: line.name for line in reversed(config.lines) if line.name in names}
    for dongle in config.dongles:
        if dongle.enabled and dongle.driver in TECHNOLOGY:
            line = line_of.get(dongle.name)
            next_ = f"homeline-line-{line},s,1" if line else "homeline-refused,no_line,1"
            yield _Dongle(dongle.name, TECHNOLOGY[dongle.driver], next_)


def _sources(config: Config, tables: Tables) -> Iterable[_Source]:
    for phone in tables.phones:
        yield _Source("phone", phone.name, tables.gates_of(phone.name))
    for trunk in tables.trunks:
        proof = trunk.type is TrunkType.TWILIO
        if proof and not config.twilio.account_sid:  # the configuration leaves such a trunk out
            raise RenderError(f"{trunk.name}.type: calls of Twilio are known by twilio.account_sid, which is not set")
        yield _Source(
            "trunk",
            trunk.name,
            tables.gates_of(trunk.name),
            proof,
            trunk.max_calls,
            _came_by(trunk, config),
            tables.rung_by(trunk.name),
            trunk.ring_timeout,
            trunk.caller_id,
            telephony.NUMBER_HEADER if proof and trunk.mode is TrunkMode.REGISTERED else "",
        )


def _came_by(trunk: Trunk, config: Config) -> str:
    """Calls of a trunk at which the router registers come by a connection of the router's own, from any port."""
    if trunk.signalling != "tls":
        return ""
    return ":[0-9]+$" if trunk.mode is TrunkMode.REGISTERED else f":{config.sip.tls_port}$"


def _shown(trunk: Trunk, config: Config) -> str:
    """The number of calls through a trunk: its own, else that of the first line whose number is known."""
    numbers = (dongle.number for line in config.lines if (dongle := dialling.dongle_of(config, line)))
    return trunk.caller_id or next((number for number in numbers if number), "")


def _needed(config: Config, lines: Sequence[_Line]) -> tuple[str, ...]:
    """The modules without which the dial plan does not do all that it should."""
    used = {line.name for line in lines}
    found = set(_NEEDED)
    if any(line.jitter_buffer for line in config.lines if line.name in used):
        found.add("func_jitterbuffer")
    if any(line.agc for line in config.lines if line.name in used):
        found.add("func_speex")
    if any(line.voicemail for line in lines):
        found |= {"app_record", "codec_gsm", _FORMATS[config.sip.voicemail_format][0]}
    return tuple(sorted(found))
