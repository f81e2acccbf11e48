"""What Home Assistant is told of a dongle, so that it makes a device with its entities by itself. Pure.

MQTT discovery with one payload for each device, which Home Assistant knows since 2024.11 ("Device discovery payload" of
its MQTT integration's documentation). A component that holds nothing but its platform removes an entity of before.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from homeline import __version__
from homeline.core.mqtt import ARGUMENTS, Topics, shown
from homeline.core.numbers import is_e164
from homeline.model import CallState, DongleStatus

Table = dict[str, Any]

BIRTH = b"online"  # what Home Assistant says on PREFIX/status when it is up
# The words of our state that mean that nothing is wrong with a dongle, or that somebody is at it.
_SOUND = ("ready", "disabled", "opening", "starting")
_CALLS = (CallState.MISSED, CallState.VOICEMAIL, CallState.ANSWERED, CallState.FAILED, CallState.REFUSED)
_NOTIFY = "notify_"  # begins the keys of notify entities; the number's digits follow


def topic(prefix: str, gateway: str, dongle: str) -> str:
    """Where a dongle's configuration is published, retained. An empty payload there removes the device."""
    return f"{prefix}/device/{_identifier(gateway, dongle)}/config"


def birth_topic(prefix: str) -> str:
    """Where Home Assistant says that it is there."""
    return f"{prefix}/status"


def device(
    topics: Topics,
    gateway: str,
    status: DongleStatus,
    *,
    named: bool = False,
    commands: Sequence[str] = (),
    sms_to: Sequence[str] = (),
    before: Mapping[str, str] | None = None,
) -> Table:
    """The payload for one dongle. `named` says that the owner chose the gateway's name, which people then see.

    `before` has the components that were published last, key and platform: what is not wanted any more is removed.
    """
    identifier = _identifier(gateway, status.name)
    components = _components(topics, status.name, commands, sms_to)
    for key, component in components.items():
        component |= {"unique_id": f"{identifier}_{key}", "qos": 1}
    gone = {key: {"platform": platform} for key, platform in (before or {}).items() if key not in components}
    about = {"manufacturer": status.manufacturer, "model": status.model, "sw_version": status.firmware}
    return {
        "device": {
            "identifiers": [identifier],
            "name": f"{gateway if named else 'Homeline'} {status.name}",
            **{name: text for name, value in about.items() if (text := shown(value))},
        },
        "origin": {"name": "Homeline", "sw_version": __version__},
        "availability_topic": topics.status,
        "components": components | gone,
    }


def platforms(payload: Table) -> dict[str, str]:
    """What `before` is next time: the components of a payload, those it removes included."""
    return {key: component["platform"] for key, component in payload["components"].items()}


def _identifier(gateway: str, dongle: str) -> str:
    """Unique and stable; of the characters that Home Assistant takes in a discovery topic."""
    return "homeline_" + re.sub(r"[^A-Za-z0-9_-]", "_", f"{gateway}_{dongle}")


def _components(topics: Topics, dongle: str, commands: Sequence[str], sms_to: Sequence[str]) -> dict[str, Table]:
    state = {"state_topic": topics.dongle(dongle)}
    attributes = {"json_attributes_topic": topics.dongle(dongle)}
    return {
        "signal": _sensor("Signal", "signal_dbm", "signal_strength", unit_of_measurement="dBm") | state,
        "operator": _sensor("Operator", "operator", icon="mdi:radio-tower") | state,
        "registration": _sensor("Registration", "registration", icon="mdi:network") | state,
        "technology": _sensor("Technology", "technology", icon="mdi:signal-4g") | state,
        "storage": _sensor("SIM storage used", "storage_used", icon="mdi:sim", state_class="measurement") | state,
        "unread": _sensor("Unread messages", "unread", icon="mdi:message-badge", state_class="measurement") | state,
        "missed": {
            "platform": "sensor",
            "name": "Last missed call",
            "device_class": "timestamp",
            "value_template": "{{ value_json.missed_at | timestamp_custom('%Y-%m-%dT%H:%M:%S+00:00', false)"
            " if value_json.missed_at is number else none }}",
            "json_attributes_template": "{{ {'from': value_json.missed_from,"
            " 'caller': value_json.missed_name} | to_json }}",
            **state,
            **attributes,
        },
        "connectivity": {
            "platform": "binary_sensor",
            "name": "Network",
            "device_class": "connectivity",
            "entity_category": "diagnostic",
            "value_template": "{{ 'ON' if value_json.ready else 'OFF' }}",
            **state,
        },
        "problem": {
            "platform": "binary_sensor",
            "name": "Problem",
            "device_class": "problem",
            "entity_category": "diagnostic",
            "value_template": f"{{{{ 'OFF' if value_json.state in {list(_SOUND)} else 'ON' }}}}",
            "json_attributes_template": "{{ {'dongle_state': value_json.state, 'reason': value_json.reason,"
            " 'detail': value_json.detail} | to_json }}",
            **state,
            **attributes,
        },
        **_events(topics, dongle),
        **_controls(topics, dongle, commands, sms_to),
    }


def _sensor(name: str, key: str, device_class: str = "", **more: str) -> Table:
    """A sensor that shows one key of the state; unknown where that is null."""
    diagnostic = {} if key == "unread" else {"entity_category": "diagnostic"}
    kind = {"device_class": device_class, "state_class": "measurement"} if device_class else {}
    template = {"value_template": f"{{{{ value_json.{key} }}}}"}
    return {"platform": "sensor", "name": name, **kind, **diagnostic, **template, **more}


def _events(topics: Topics, dongle: str) -> dict[str, Table]:
    """Entities for what rules forward. The text is an attribute: a state is cut at 255 characters and is kept."""
    rows: tuple[tuple[str, str, Sequence[str], str], ...] = (
        ("message", "Message", ("message", "code"), "mdi:message-text"),
        ("call", "Call", [state.value for state in _CALLS], "mdi:phone-incoming"),
        ("ussd", "USSD answer", ("ussd",), "mdi:pound"),
        ("report", "Delivery report", ("report",), "mdi:message-check"),
    )
    return {
        key: {
            "platform": "event",
            "name": name,
            "event_types": list(types),
            "icon": icon,
            "state_topic": topics.events(key, dongle),
        }
        for key, name, types, icon in rows
    }


def _controls(topics: Topics, dongle: str, commands: Sequence[str], sms_to: Sequence[str]) -> dict[str, Table]:
    """What the owner allowed to be asked for: buttons, and a notify entity for each whole number of `sms_to`."""
    found: dict[str, Table] = {}
    if "reset" in commands:
        found["reset"] = _button(topics, "reset", "Reset", dongle, device_class="restart")
    if "mark_read" in commands:
        found["mark_read"] = _button(topics, "mark_read", "Mark all as read", dongle, icon="mdi:email-open")
    for number in sms_to if "send" in commands else ():
        if is_e164(number):
            found[_NOTIFY + number[1:]] = {
                "platform": "notify",
                "name": f"SMS to {number}",
                "icon": "mdi:message-arrow-right",
                "command_topic": topics.command("send"),
                "command_template": _template({"to": number, "dongle": dongle}, "'text': value"),
            }
    return found


def _button(topics: Topics, command: str, name: str, dongle: str, **more: str) -> Table:
    assert "dongle" in ARGUMENTS[command]
    return {
        "platform": "button",
        "name": name,
        "entity_category": "config",
        "command_topic": topics.command(command),
        "command_template": _template({"dongle": dongle}),
        **more,
    }


def _template(fixed: Mapping[str, str], more: str = "") -> str:
    """A template that makes a command with an id of its own. The fixed values need no quoting: numbers, names."""
    items = ["'id': now().timestamp() | string", *(f"'{key}': '{value}'" for key, value in fixed.items())]
    return "{{ {" + ", ".join([*items, *([more] if more else [])]) + "} | to_json }}"
