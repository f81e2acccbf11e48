"""The packages that have Asterisk's modules, held against what OpenWrt's feeds really carry."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from homeline.core import asterisk_modules

FEEDS = Path(__file__).parents[3] / "shared/data/openwrt/asterisk-packages.json"
BRANCHES = ("openwrt-23.05", "openwrt-24.10", "openwrt-25.12")
# What no configuration of ours can need: databases, and what is for others' provisioning or speech engines.
FOREIGN = ("odbc", "pgsql", "curl", "sqlite3", "speech_utils", "phoneprov")


def feed(branch: str) -> dict[str, str]:
    """Module: its package."""
    if not FEEDS.exists():
        pytest.skip(f"{FEEDS} is not here: the list of what OpenWrt's feeds carry")
    packages = json.loads(FEEDS.read_text())[branch]["packages"]
    return {module.removesuffix(".so"): name for name, item in packages.items() for module in item["modules"]}


@pytest.mark.parametrize("branch", BRANCHES)
def test_every_module_of_the_feed_has_its_package(branch: str) -> None:
    found = {module: name for module, name in feed(branch).items() if not any(word in module for word in FOREIGN)}
    assert len(found) > 300
    assert {module: asterisk_modules.package(module) for module in found} == {
        # 25.12 has one module of the base package in a package of its own as well
        module: "asterisk" if module in asterisk_modules.BASE else name
        for module, name in found.items()
    }


@pytest.mark.parametrize("branch", BRANCHES)
def test_what_is_said_to_be_nowhere_is_nowhere(branch: str) -> None:
    assert not set(asterisk_modules.NOWHERE) & set(feed(branch))


@pytest.mark.parametrize(
    ("module", "package"),
    [
        ("res_pjsip", "asterisk-pjsip"),
        ("chan_pjsip", "asterisk-pjsip"),
        ("func_pjsip_endpoint", "asterisk-pjsip"),
        ("res_srtp", "asterisk-res-srtp"),
        ("res_sorcery_config", "asterisk-res-sorcery"),
        ("res_sorcery_memory_cache", "asterisk-res-sorcery-memory-cache"),
        ("pbx_config", "asterisk"),
        ("func_db", "asterisk-func-db"),
        ("app_db", "asterisk-func-db"),
        ("chan_dongle", "asterisk-chan-dongle"),
        ("chan_quectel", ""),
    ],
)
def test_package(module: str, package: str) -> None:
    assert asterisk_modules.package(module) == package


def test_advice_names_each_package_once() -> None:
    assert asterisk_modules.advice([]) == ""
    words = asterisk_modules.advice(["res_srtp", "chan_pjsip", "res_pjsip", "res_srtp"])
    assert words.startswith("Install asterisk-pjsip asterisk-res-srtp (")
    assert asterisk_modules.advice(["chan_quectel"]).startswith("chan_quectel is in no feed")
    both = asterisk_modules.advice(["chan_quectel", "func_db"])
    assert both.startswith("Install asterisk-func-db") and "chan_quectel is in no feed" in both
