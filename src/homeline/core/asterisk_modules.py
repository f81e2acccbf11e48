"""Which package of OpenWrt has a module of Asterisk, so that what is missing can be said with what to install. Pure.

OpenWrt names a module's package after the module, with few exceptions (its telephony feed, 23.05 to 25.12).
"""

from __future__ import annotations

from collections.abc import Iterable

BASE = frozenset(
    (
        *("app_dial", "app_echo", "app_macro", "app_playback", "pbx_config", "res_crypto", "res_timing_timerfd"),
        *("func_callerid", "func_logic", "func_strings", "func_timeout"),
    )
)  # in the package `asterisk` itself
_TOGETHER = (
    ("asterisk-pjsip", ("chan_pjsip", "res_pjsip", "func_pjsip")),
    ("asterisk-res-sorcery", ("res_sorcery_",)),
    ("asterisk-func-db", ("app_db",)),
    ("asterisk-cdr", ("app_cdr", "app_forkcdr", "func_cdr", "cdr_custom", "cdr_manager")),
)  # a package, and how the names of the modules begin that it has
_APART = (
    *("res_pjsip_aoc", "res_pjsip_geolocation", "res_pjsip_rfc3329", "res_pjsip_stir_shaken"),
    "res_sorcery_memory_cache",
)
NOWHERE = {
    "chan_quectel": "chan_quectel is in no feed of OpenWrt: build it for this Asterisk, "
    "or give the dongle another driver (serial; chan_dongle for Huawei's older sticks).",
    "codec_opus": "codec_opus is in no feed of OpenWrt: take opus out of the codecs, or let both ends speak it.",
}  # modules that no package has, and what to do


def package(module: str) -> str:
    """The package that has a module (such as res_srtp, without ".so"); "" where none has."""
    if module in NOWHERE:
        return ""
    if module in BASE:
        return "asterisk"
    if module not in _APART:
        for name, beginnings in _TOGETHER:
            if module.startswith(beginnings):
                return name
    return f"asterisk-{module.replace('_', '-')}"


def advice(modules: Iterable[str]) -> str:
    """What to do so that these modules are there; "" where none is missing."""
    missing = sorted(set(modules))
    packages = sorted({package(module) for module in missing} - {""})
    words = [NOWHERE[module] for module in missing if module in NOWHERE]
    if packages:
        words.insert(
            0, f"Install {' '.join(packages)} (opkg install, from OpenWrt 25.12 on apk add), restart Asterisk."
        )
    return " ".join(words)
