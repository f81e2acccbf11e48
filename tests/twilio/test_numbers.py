"""Numbers at Twilio that the owner handed over: taken, and given back as they were, against the double."""

from __future__ import annotations

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from homeline.twilio import numbers
from homeline.twilio.kinds import Found
from homeline_lab.twilio_api_server import Fault
from twilio_kit import DOMAIN, Rig, doing

NUMBER, HOOK = "+41445556677", "https://hook.example.org/tw"
OLD = {
    "voice_url": "https://old.example/answer?a=b&c=ü",
    "voice_method": "GET",
    "status_callback": None,
    "sms_url": "https://old.example/text",
    "sms_method": "GET",
}
VOICE = ("voice_url", "voice_method", "status_callback", "status_callback_method")


def office(rig: Rig, **fields: object) -> str:
    return rig.twilio.add("number", phone_number=NUMBER, friendly_name="office", **{**OLD, **fields})


def webhook(rig: Rig, **more: str) -> None:
    rig.house.set("twilio", routing="webhook", webhook="1", public_url=HOOK, adopt=[NUMBER], **more)


def number(rig: Rig) -> dict[str, object]:
    """The number's fields as the library shows them: null and "" are one."""
    (found,) = rig.twilio.of("number")
    return {name: value or "" for name, value in found.fields.items()}


def test_calls_to_a_number_reach_the_webhook(rig: Rig) -> None:
    sid = office(rig)
    before = number(rig)
    webhook(rig)
    planned = rig.ask("plan")
    (step,) = [step for step in planned.steps if step.kind == "number"]
    assert step.changes["voice_url"] == (OLD["voice_url"], f"{HOOK}/voice") and planned.results.made == []
    answer = rig.ask("apply")
    assert answer.error is None and f"number={sid}" in answer.results.made
    assert [number(rig)[name] for name in VOICE] == [f"{HOOK}/voice", "POST", f"{HOOK}/status", "POST"]
    assert number(rig)["sms_url"] == OLD["sms_url"]  # that is wanted by inbound_sms only
    assert doing(rig.ask("plan")) == []
    answer = rig.ask("destroy")
    assert number(rig) == before and answer.results.made == []


def test_calls_to_a_number_reach_the_function(rig: Rig) -> None:
    office(rig, voice_url=None)
    before = number(rig)
    rig.house.set("twilio", adopt=[NUMBER])
    assert rig.ask("apply").error is None
    assert number(rig)["voice_url"] == f"https://homeline-{DOMAIN}-1234.twil.io/voice"
    assert number(rig)["status_callback"] == "" and doing(rig.ask("plan")) == []
    removed = [step.kind for step in rig.ask("destroy").steps]
    assert number(rig) == before and removed[0] == "number"  # before the function goes


def test_each_of_them_goes_and_comes_with_its_option(rig: Rig) -> None:
    office(rig)
    before = number(rig)
    webhook(rig, inbound_sms="1")
    rig.ask("apply")
    rig.house.set("twilio", inbound_sms="0")
    assert rig.ask("apply").error is None
    assert number(rig)["sms_url"] == OLD["sms_url"] and number(rig)["voice_url"] == f"{HOOK}/voice"
    rig.house.set("twilio", routing="function")
    assert rig.ask("apply").error is None
    assert "twil.io" in str(number(rig)["voice_url"]) and number(rig)["status_callback"] == ""
    rig.house.set("twilio", routing="none", webhook=None, public_url=None)
    assert rig.ask("apply").error is None and number(rig) == before


def test_the_webhook_moves(rig: Rig) -> None:
    office(rig)
    before = number(rig)
    webhook(rig, inbound_sms="1")
    rig.ask("apply")
    rig.house.set("twilio", public_url="https://new.example.org")
    rig.ask("apply")
    assert number(rig)["voice_url"] == "https://new.example.org/voice"
    rig.house.set("twilio", public_url=None, webhook="0", inbound_sms="0", routing="none", adopt=None)
    rig.ask("apply")
    assert number(rig) == before


def test_what_its_owner_has_set_meanwhile_stays(rig: Rig) -> None:
    office(rig)
    webhook(rig)
    rig.ask("apply")
    rig.twilio.of("number")[0].fields["voice_url"] = "https://newer.example/answer"
    assert rig.ask("destroy").results.made == []
    assert number(rig)["voice_url"] == "https://newer.example/answer" and number(rig)["status_callback"] == ""


def test_nothing_is_changed_before_the_old_value_is_in_uci(rig: Rig) -> None:
    office(rig)
    webhook(rig)
    answer = rig._answer("apply", False)
    kept = base64.urlsafe_b64encode(str(OLD["voice_url"]).encode()).decode().rstrip("=")
    assert answer.again and any(line.endswith(f".voice_url={kept}") for line in answer.results.made)
    assert {request.method for request in rig.server.asked} == {"GET"}
    assert rig._answer("apply", False).again  # as long as it is not kept


@pytest.mark.timeout(300)
def test_an_end_at_each_request_loses_no_old_value(rig: Rig) -> None:
    """Killed: nothing works from some request on, and only what was kept before is in UCI."""
    rig.twilio.check = None

    def begin() -> None:
        rig.again()
        office(rig)

    webhook(rig, inbound_sms="1")
    begin()
    before = number(rig)
    rig.ask("apply")
    requests = len(rig.server.asked)
    for at in range(1, requests + 1):
        begin()
        rig.server.choose = lambda seen, _request, at=at: Fault.LOST if seen >= at else None  # type: ignore[misc]
        rig.ask("apply", write=False)
        rig.server.choose = lambda _seen, _request: None
        assert rig.ask("apply").error is None and number(rig)["voice_url"] == f"{HOOK}/voice", at
        rig.server.asked.clear()
        rig.server.choose = lambda seen, _request, at=at: Fault.LOST if seen >= at else None  # type: ignore[misc]
        rig.ask("destroy", write=False)
        rig.server.choose = lambda _seen, _request: None
        assert rig.ask("destroy").results.made == [] and number(rig) == before, at


def test_an_elastic_trunk_has_the_calls_alone(rig: Rig) -> None:
    office(rig)
    rig.house.byoc(mode="elastic").drop("anna").drop("ben")
    webhook(rig)
    assert rig.ask("apply").error is None
    assert number(rig)["voice_url"] == OLD["voice_url"] and len(rig.twilio.of("trunk_number")) == 1


@pytest.mark.parametrize("field", ["voice_application_sid", "trunk_sid", "sms_application_sid"])
def test_what_counts_instead_is_told(rig: Rig, field: str) -> None:
    sid = ("TK" if field == "trunk_sid" else "AP") + "3" * 32
    office(rig, **{field: sid})
    webhook(rig, inbound_sms="1")
    (report,) = [step for step in rig.ask("plan").steps if step.action == "report" and step.kind == "number"]
    assert sid in report.why and "console" in report.why


def test_an_address_that_cannot_be_kept_is_not_overwritten(rig: Rig) -> None:
    office(rig, voice_url="https://old.example/" + "a" * 2000)
    webhook(rig)
    before = rig.state()
    answer = rig.ask("apply")
    assert answer.error and "voice_url" in answer.error.text and rig.state() == before


def test_in_another_region_calls_must_be_routed_there(rig: Rig) -> None:
    office(rig)
    webhook(rig, region="ie1")
    assert any(NUMBER in advice and "ie1" in advice for advice in rig.ask("plan").advice)


ADDRESSES = st.sampled_from(["", "https://a.example/voice", "https://b.example", f"{HOOK}/voice", f"{HOOK}/x"])


@given(ADDRESSES, st.sampled_from(["GET", "POST"]))
def test_what_is_taken_is_given_back(address: str, method: str) -> None:
    fields = dict.fromkeys((name for names in numbers.GROUPS.values() for name in names), "")
    found = Found("number", "PN1", NUMBER, fields | {"voice_url": address, "voice_method": method})
    before: numbers.Values = {}
    wanted = {"voice_url": f"{HOOK}/voice", "voice_method": "POST"}
    numbers.taken(found, wanted, (f"{HOOK}/",), before)
    here = Found("number", "PN1", NUMBER, {**found.fields, **wanted})
    back = numbers.returned(here, (), (f"{HOOK}/",), before)
    if not address.startswith(HOOK):
        assert {name: back.get(name, ("", wanted[name]))[1] for name in wanted} == {
            "voice_url": address,
            "voice_method": method,
        }
    assert numbers.returned(here, wanted, (f"{HOOK}/",), before) == {}
