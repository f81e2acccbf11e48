"""The pages on MQTT and Home Assistant against what is published and taken."""

from __future__ import annotations

import re
from pathlib import Path

import jinja2
import pytest

from homeline import config
from homeline.adapters import mqtt as adapter
from homeline.core import homeassistant, mqtt
from homeline.core.mqtt import Topics
from homeline.model import CallState, DongleStatus

DOCS = Path(__file__).parents[1] / "docs"
MQTT, HOME_ASSISTANT = ((DOCS / f"{name}.md").read_text() for name in ("mqtt", "home-assistant"))


def section(page: str, heading: str) -> str:
    return re.split(r"\n#+ ", page.partition(f"# {heading}\n")[2])[0]


def rows(text: str) -> list[list[str]]:
    found = [line.strip("|").split(" | ") for line in text.splitlines() if line.startswith("| ") and "---" not in line]
    return [[cell.strip() for cell in row] for row in found[1:]]


def test_all_keys_of_a_state_and_no_others() -> None:
    documented = [name for row in rows(section(MQTT, "States")) for name in re.findall("`([a-z_]+)`", row[0])]
    assert sorted(documented) == sorted(mqtt.state(DongleStatus("stick"), 0, None))


def test_all_commands_with_their_arguments() -> None:
    documented = {
        row[0].strip("`"): {name: bool(bold) for bold, name in re.findall(r"(\*\*)?`([a-z_]+)`", row[1])}
        for row in rows(section(MQTT, "Commands"))
    }
    assert documented == mqtt.ARGUMENTS


def test_types_of_events() -> None:
    (types,) = [row[1] for row in rows(section(MQTT, "Events")) if row[0] == "`event_type`"]
    calls = set(CallState) - {CallState.RINGING, CallState.ACTIVE}
    wanted = {"message", "code", "ussd", "report", "alert", "digest", "voicemail", *(str(state) for state in calls)}
    assert set(re.findall("`([a-z]+)`", types)) == wanted


def test_limits_are_those_of_the_code() -> None:
    text = section(MQTT, "Commands")
    assert f"{mqtt.TEXT_SIZE} characters" in text and f"{mqtt.COMMAND_SIZE} octets" in text


@pytest.mark.parametrize("words", sorted(set(adapter._REFUSALS.values())))
def test_refusals_are_explained_or_explain_themselves(words: str) -> None:
    if "password" in words or "let us in" in words:
        assert words in section(MQTT, "When it does not work")


def test_all_entities_are_listed() -> None:
    device = homeassistant.device(
        Topics("a/b"), "b", DongleStatus("stick"), commands=tuple(mqtt.ARGUMENTS), sms_to=("+41791234567",)
    )
    table = section(HOME_ASSISTANT, "The device")
    for component in device["components"].values():
        name = component["name"].partition(" +")[0]
        assert name in table, name
        for each in component.get("event_types", ()):
            assert f"`{each}`" in table


@pytest.mark.parametrize("page", [MQTT, HOME_ASSISTANT], ids=["mqtt", "home assistant"])
def test_the_first_example_is_a_valid_configuration(page: str) -> None:
    example = page.partition("```\nconfig")[2].partition("```")[0]
    read = config.read("config homeline 'main'\n\toption enabled '1'\n\nconfig" + example)
    assert read.problems == () and len(read.accounts) == 1


def test_templates_in_the_examples_can_be_read() -> None:
    environment = jinja2.Environment()
    environment.filters["to_json"] = str
    templates = re.findall(r"\{\{.*?\}\}", HOME_ASSISTANT)
    assert len(templates) >= 5
    for template in templates:
        environment.from_string(template)
