"""pjsip.conf: all of SIP but the calls' ways, which are the dial plan's.

Objects are written out one by one, without Asterisk's wizard: the wizard asks DNS for the hosts of a trunk while it
loads, which holds up everything, and leaves out the identify of a host that does not answer.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from homeline.config_calls import Dtmf, TrunkMode
from homeline.config_options import Config
from homeline.core import texts
from homeline.errors import RenderError
from homeline.render import phones, trunks
from homeline.render.conf import Section
from homeline.render.fence import fence
from homeline.render.part import Part
from homeline.render.transports import transports
from homeline.telephony import MARK, MARKER, Facts

_SHOWN = ("endpoint", "aor", "auth", "identify", "registration", "transport")
_ONLY_A_RESTART = (
    *("protocol", "bind", "tos", "cert_file", "priv_key_file", "ca_list_file", "method", "verify_server"),
    "allow_wildcard_certs",
)
_ALWAYS = (
    *(
        "chan_pjsip",
        "res_pjsip",
        "res_pjsip_acl",
        "res_pjsip_session",
        "res_pjsip_sdp_rtp",
        "res_pjsip_nat",
        "res_pjsip_caller_id",
    ),
    *(
        "res_pjsip_rfc3326",
        "res_pjproject",
        "res_rtp_asterisk",
        "res_sorcery_config",
        "res_sorcery_memory",
        "res_sorcery_astdb",
    ),
    *("bridge_simple", "codec_alaw", "codec_ulaw"),
)


def pjsip(config: Config, facts: Facts) -> Part:
    """The sections of pjsip.conf. RenderError where two of them would be one object for Asterisk."""
    part = (
        Part(fence(config, facts))
        + transports(config, facts)
        + trunks.trunks(config, facts)
        + phones.phones(config, facts)
    )
    found = Counter((_type(section), section.name.lower()) for section in part.sections)
    double = next((name for (_, name), count in found.items() if count > 1), "")
    if double:
        raise RenderError(f"'{double}' would be two endpoints: a phone or trunk, and a trunk's inbound_username")
    return part


def objects(sections: Sequence[Section]) -> dict[str, tuple[str, ...]]:
    """What Asterisk has once it has read them: names by kind, and the marks."""
    shown: dict[str, tuple[str, ...]] = dict.fromkeys(_SHOWN, ())
    for section in sections:
        kind = _type(section)
        if kind in shown:
            shown[kind] = (*shown[kind], section.name)
    return {**shown, MARK: tuple(mark for section in sections for mark in _marks(section))}


def restart(sections: Sequence[Section]) -> list[tuple[str, ...]]:
    """The transports' settings that a reload leaves as they are."""
    return [
        (section.name, *(f"{option}={value}" for option, value in section.options if option in _ONLY_A_RESTART))
        for section in sections
        if _type(section) == "transport"
    ]


def needed(config: Config) -> set[str]:
    """The modules that these objects need."""
    found = set(_ALWAYS)
    here, away = phones.here(config), trunks.enabled(config)
    if here:
        found |= {"res_pjsip_registrar", "res_pjsip_endpoint_identifier_user"}
    if any(trunk.inbound_username for trunk in away):
        found.add("res_pjsip_endpoint_identifier_user")
    if texts.texters(config) or texts.by_message(config):
        found.add("res_pjsip_messaging")
    if here or any(trunk.inbound_username for trunk in away):
        found.add("res_pjsip_authenticator_digest")
    if away:
        found.add("res_pjsip_endpoint_identifier_ip")
    if any(trunk.username for trunk in away):
        found.add("res_pjsip_outbound_authenticator_digest")
    if any(trunk.mode is TrunkMode.REGISTERED for trunk in away):
        found.add("res_pjsip_outbound_registration")
    if any(trunk.is_secure for trunk in away) or any(phone.secure for phone in here):
        found.add("res_srtp")
    if {Dtmf.INFO, Dtmf.AUTO} & {*(trunk.dtmf for trunk in away), *(phone.dtmf for phone in here)}:
        found.add("res_pjsip_dtmf_info")
    return found


def _type(section: Section) -> str:
    return next((value for option, value in section.options if option == "type"), "")


def _marks(section: Section) -> list[str]:
    start = f"{MARKER}="
    found = [value for option, value in section.options if option == "set_var" and value.startswith(start)]
    return [f"{section.name}={value.removeprefix(start)}" for value in found]
