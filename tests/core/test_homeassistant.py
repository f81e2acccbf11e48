"""What Home Assistant is told, held against the fields that its documentation has for each platform.

The rows below are those of home-assistant.io, "MQTT" (device discovery payload) and the pages of each MQTT platform,
as of Home Assistant 2024.11 and after. Templates are rendered by Jinja2, which is what Home Assistant uses.
"""

from __future__ import annotations

import datetime
import json
import re
from typing import Any

import jinja2
import pytest

from homeline.core import homeassistant, mqtt
from homeline.core.mqtt import Topics
from homeline.model import DongleState, DongleStatus
from hostile import HOSTILE

TOPICS = Topics("homeline/cottage")
STATUS = DongleStatus("stick", state=DongleState.READY, manufacturer="huawei", model="E1750", firmware="11.126")
ALL = ("send", "ussd", "mark_read", "reset")

# What may stand at the top of a device's payload, and in its parts; those with * must.
TOP = {"device*", "origin*", "components*", "availability_topic", "qos"}
DEVICE = {"identifiers*", "name", "manufacturer", "model", "sw_version"}
ORIGIN = {"name*", "sw_version", "support_url"}
ENTITY = {"platform*", "unique_id*", "name", "icon", "qos", "entity_category"}
ATTRIBUTES = {"json_attributes_topic", "json_attributes_template"}
PLATFORMS = {
    "sensor": {"state_topic*", "value_template", "device_class", "state_class", "unit_of_measurement", *ATTRIBUTES},
    "binary_sensor": {"state_topic*", "value_template", "device_class", *ATTRIBUTES},
    "event": {"state_topic*", "event_types*"},
    "button": {"command_topic*", "command_template", "device_class"},
    "notify": {"command_topic*", "command_template"},
}
DEVICE_CLASSES = {
    "sensor": {"signal_strength", "timestamp"},
    "binary_sensor": {"connectivity", "problem"},
    "button": {"restart"},
}
STATE_CLASSES = {"measurement"}
CATEGORIES = {"diagnostic", "config"}
# Attributes that Home Assistant does not take from us (`MQTT_ATTRIBUTES_BLOCKED`), as far as we might use their names.
BLOCKED = {"available", "device_class", "icon", "name", "state", "unique_id", "unit_of_measurement"}


def fits(table: dict[str, Any], fields: set[str]) -> None:
    assert {name.rstrip("*") for name in fields} >= table.keys()
    assert {name[:-1] for name in fields if name.endswith("*")} <= table.keys()


def payload(**options: Any) -> dict[str, Any]:
    made = homeassistant.device(TOPICS, "cottage", options.pop("status", STATUS), **options)
    return dict(json.loads(mqtt.encode(made)))


FULL = {"commands": ALL, "sms_to": ("+41791112233", "+4179*", "Ann"), "named": True}


@pytest.mark.parametrize("options", [{}, FULL], ids=["nothing allowed", "everything allowed"])
def test_only_documented_fields_and_all_that_are_required(options: dict[str, Any]) -> None:
    made = payload(**options)
    fits(made, TOP)
    fits(made["device"], DEVICE)
    fits(made["origin"], ORIGIN)
    for key, component in made["components"].items():
        assert re.fullmatch(r"[a-zA-Z0-9_-]+", key)
        platform = component["platform"]
        fits(component, ENTITY | PLATFORMS[platform])
        assert component.get("device_class") in {None, *DEVICE_CLASSES.get(platform, ())}
        assert component.get("state_class") in {None, *STATE_CLASSES}
        assert component.get("entity_category") in {None, *CATEGORIES}
        assert re.fullmatch("mdi:[a-z0-9-]+", component.get("icon", "mdi:x"))
        for name in ("state_topic", "command_topic", "json_attributes_topic"):
            assert not set(component.get(name, "")) & set("+#\0")
    # A sensor of Home Assistant takes `entity_category` "config" not at all.
    assert not [
        c for c in made["components"].values() if "sensor" in c["platform"] and c.get("entity_category") == "config"
    ]


def test_the_device() -> None:
    made = payload(named=True)
    assert made["device"] == {
        "identifiers": ["homeline_cottage_stick"],
        "name": "cottage stick",
        "manufacturer": "huawei",
        "model": "E1750",
        "sw_version": "11.126",
    }
    assert made["availability_topic"] == "homeline/cottage/status"
    assert payload()["device"]["name"] == "Homeline stick"
    assert set(payload()["components"]) == {
        *("signal", "operator", "registration", "technology", "storage", "unread", "missed"),
        *("connectivity", "problem", "message", "call", "ussd", "report"),
    }


def test_unique_ids_are_unique_among_gateways_and_dongles_and_stay_the_same() -> None:
    ids = [
        component["unique_id"]
        for gateway in ("cottage", "hut.1")
        for dongle in ("stick", "other")
        for component in homeassistant.device(TOPICS, gateway, DongleStatus(dongle), **FULL)["components"].values()
    ]
    assert len(ids) == len(set(ids))
    changed = homeassistant.device(TOPICS, "cottage", DongleStatus("stick", model="other", operator="x"))
    assert changed["components"]["signal"]["unique_id"] == "homeline_cottage_stick_signal"


@pytest.mark.parametrize("gateway", ["cottage", "hut.1", "a_b-c", "ü/+#"])
def test_the_topic_is_one_that_home_assistant_takes(gateway: str) -> None:
    topic = homeassistant.topic("homeassistant", gateway, "stick")
    assert re.fullmatch(r"homeassistant/device/[a-zA-Z0-9_-]+/config", topic)


def test_controls_are_there_only_for_what_is_allowed() -> None:
    assert not [c for c in payload()["components"].values() if c["platform"] in ("button", "notify")]
    allowed = payload(**FULL)["components"]
    assert {key for key, c in allowed.items() if c["platform"] in ("button", "notify")} == {
        *("reset", "mark_read"),
        "notify_41791112233",  # patterns and names have no number to write to
    }
    assert "notify_41791112233" not in payload(sms_to=("+41791112233",))["components"]


def test_what_is_not_allowed_any_more_is_removed() -> None:
    before = homeassistant.platforms(payload(**FULL))
    after = payload(before=before)
    assert after["components"]["notify_41791112233"] == {"platform": "notify"}
    assert after["components"]["reset"] == {"platform": "button"}
    assert homeassistant.platforms(after) == before  # it stays said: Home Assistant may have been away
    assert payload(before=before, **FULL) == payload(**FULL)


def test_attributes_have_names_of_their_own() -> None:
    value = json.loads(mqtt.encode(mqtt.state(STATUS, 0, None)))
    templates = [
        c["json_attributes_template"] for c in payload()["components"].values() if "json_attributes_topic" in c
    ]
    assert len(templates) == 2
    for template in templates:
        assert not json.loads(render(template, value_json=value)).keys() & BLOCKED


# -- templates --------------------------------------------------------------------------------------------------------


def timestamp_custom(value: float, form: str, local: bool) -> str:
    assert local is False
    return datetime.datetime.fromtimestamp(value, datetime.UTC).strftime(form)


ENVIRONMENT = jinja2.Environment(undefined=jinja2.StrictUndefined)
ENVIRONMENT.filters |= {"to_json": json.dumps, "timestamp_custom": timestamp_custom}
ENVIRONMENT.globals["now"] = lambda: datetime.datetime(2026, 11, 23, tzinfo=datetime.UTC)


def render(template: str, **values: Any) -> str:
    return ENVIRONMENT.from_string(template).render(**values)


def states(status: DongleStatus, missed: tuple[int, str, str] | None = None) -> dict[str, str]:
    """What the sensors show."""
    value = json.loads(mqtt.encode(mqtt.state(status, 2, missed)))
    return {
        key: render(component["value_template"], value_json=value)
        for key, component in payload()["components"].items()
        if "value_template" in component
    }


def test_states_of_a_dongle_that_works() -> None:
    status = DongleStatus("stick", state=DongleState.READY, operator="Lab", signal_dbm=-79, technology="lte")
    assert states(status, (1_800_000_000, "+41791112233", "")) == {
        "signal": "-79",
        "operator": "Lab",
        "registration": "unknown",
        "technology": "lte",
        "storage": "None",  # Home Assistant shows this as unknown
        "unread": "2",
        "missed": "2027-01-15T08:00:00+00:00",
        "connectivity": "ON",
        "problem": "OFF",
    }


@pytest.mark.parametrize("state", list(DongleState))
def test_problems(state: DongleState) -> None:
    shown = states(DongleStatus("stick", state=state))
    assert shown["connectivity"] == ("ON" if state is DongleState.READY else "OFF")
    assert shown["problem"] == ("OFF" if state in ("ready", "disabled", "opening", "starting") else "ON")
    assert shown["missed"] == "None"


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE)
def test_a_hostile_operator_is_text_of_less_than_256_characters(text: str) -> None:
    status = DongleStatus("stick", operator=text, manufacturer=text, model=text, firmware=text)
    shown = states(status, (1, text, text))["operator"]
    assert shown == (mqtt.shown(text) or "None") and len(shown) < 256
    attributes = payload()["components"]["missed"]["json_attributes_template"]
    value = json.loads(mqtt.encode(mqtt.state(status, 0, (1, text, text))))
    assert json.loads(render(attributes, value_json=value)) == {
        "from": value["missed_from"],
        "caller": value["missed_name"],
    }
    assert payload(status=status)["device"]["identifiers"] == ["homeline_cottage_stick"]


@pytest.mark.parametrize("text", [text for text in HOSTILE.values() if len(text) < 1500])
def test_what_the_notify_entity_publishes_is_a_command(text: str) -> None:
    component = payload(**FULL)["components"]["notify_41791112233"]
    published = render(component["command_template"], value=text)
    found = mqtt.parse(mqtt.encode(json.loads(published)))
    assert mqtt.request_id(found)
    whole = text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    assert mqtt.arguments("send", found) == {"to": "+41791112233", "dongle": "stick", "text": whole}
    assert component["command_topic"] == TOPICS.command("send")


@pytest.mark.parametrize("command", ["reset", "mark_read"])
def test_what_a_button_publishes_is_a_command(command: str) -> None:
    component = payload(**FULL)["components"][command]
    found = mqtt.parse(render(component["command_template"], value="PRESS").encode())
    assert mqtt.request_id(found)
    assert mqtt.arguments(command, found) == {"dongle": "stick"}
    assert component["command_topic"] == TOPICS.command(command)


def test_events_name_every_type_that_is_published() -> None:
    components = payload()["components"]
    assert components["message"]["event_types"] == ["message", "code"]
    assert set(components["call"]["event_types"]) == {"missed", "voicemail", "answered", "failed", "refused"}
    assert components["call"]["state_topic"] == TOPICS.events("voicemail", "stick") == TOPICS.events("call", "stick")
