"""pjsip.conf: what trunks and phones have in common."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from homeline.config_calls import Dtmf
from homeline.config_options import Config
from homeline.render.conf import Section
from homeline.render.part import Problem
from homeline.telephony import Facts

NOWHERE = "homeline-no-messages"  # a context that is not there: what is sent to it is refused
TRANSLATORS = {
    "alaw": "codec_alaw",
    "ulaw": "codec_ulaw",
    "g722": "codec_g722",
    "opus": "codec_opus",
    "gsm": "codec_gsm",
    "g726": "codec_g726",
    "g729": "codec_g729",
    "ilbc": "codec_ilbc",
    "speex": "codec_speex",
    "slin": "",
    "slin16": "codec_resample",
}  # the module without which a codec cannot be turned into what the GSM network speaks
_RARE = ("opus", "g729")  # codecs of which no usual package of Asterisk has the translator
_DTMF = {Dtmf.RFC4733: "rfc4733", Dtmf.INBAND: "inband", Dtmf.INFO: "info", Dtmf.AUTO: "auto"}


def codecs(section: str, wanted: Sequence[str], facts: Facts, *, default: bool) -> tuple[list[str], list[Problem]]:
    """The codecs that can be offered. One that Asterisk cannot translate would connect calls without sound.

    `default` says that the owner has not chosen them: then there is nothing to say unless none is left.
    """
    good = [codec for codec in wanted if _translated(codec, facts)]
    missing = [codec for codec in wanted if codec not in good]
    if not good:
        advice = f"install {', '.join(TRANSLATORS[codec] for codec in missing)}, or choose other codecs"
        return list(wanted), [(f"{section}.codecs", "Asterisk can translate none of them", advice)]
    if missing and not default:
        text = f"{', '.join(missing)} left out: Asterisk lacks {', '.join(TRANSLATORS[codec] for codec in missing)}"
        return good, [(f"{section}.codecs", text, "install it, or take the codec out of the list")]
    return good, []


def _translated(codec: str, facts: Facts) -> bool:
    if facts.modules is None:
        return codec not in _RARE
    module = TRANSLATORS[codec]
    return not module or any(found == module or found.startswith(f"{module}_") for found in facts.modules)


def only_from(networks: Iterable[str]) -> list[tuple[str, str]]:
    """An endpoint's access list. Without a network nobody is let in."""
    return [("deny", "0.0.0.0/0"), ("deny", "::/0"), *(("permit", network) for network in networks)]


def media(allow: Sequence[str], dtmf: Dtmf, *, secure: bool) -> list[tuple[str, str]]:
    """Sound goes through Asterisk, to where it comes from, and a call whose network has died ends."""
    return [
        ("disallow", "all"),
        ("allow", ",".join(allow)),
        ("dtmf_mode", _DTMF[dtmf]),
        ("media_encryption", "sdes" if secure else "no"),
        ("media_encryption_optimistic", "no"),
        ("direct_media", "no"),
        ("rtp_symmetric", "yes"),
        ("rtp_keepalive", "15"),
        ("rtp_timeout", "60"),
        ("rtp_timeout_hold", "600"),
        ("tos_audio", "ef"),
    ]


def closed(config: Config, messages: str = NOWHERE) -> list[tuple[str, str]]:
    """What no peer of ours needs: messages that run the dial plan (but for phones that may send SMS), subscriptions,
    tones of another language; calls that are transferred, as they would leave the limits and the record of the rule
    that let them out; and numbers digit by digit, as one that is not whole would be refused in silence."""
    closing = [("allow_subscribe", "no"), ("allow_transfer", "no"), ("allow_overlap", "no")]
    return [("message_context", messages), *closing, ("language", config.sip.language)]


def auth(name: str, username: str, password: str, realm: str = "") -> Section:
    """A password, of whichever direction."""
    options = [("type", "auth"), ("auth_type", "userpass"), ("username", username), ("password", password)]
    return Section(name, [*options, *([("realm", realm)] if realm else [])])
