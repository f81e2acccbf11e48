"""A fault at each single request: what one process does not get over, the next run does, and nothing is doubled."""

from __future__ import annotations

import json

import pytest

from homeline_lab.twilio_api import Request
from homeline_lab.twilio_api_server import Fault
from twilio_kit import Rig, doing

HEALED = set(Fault) - {Fault.GARBAGE}  # one of these is got over at once


def only(at: int, fault: Fault):  # type: ignore[no-untyped-def]
    return lambda number, _request: fault if number == at else None


def clean(rig: Rig, what: str) -> tuple[int, list[tuple[str, ...]]]:
    """How many requests `what` takes without a fault, and what is there then."""
    rig.server.asked.clear()
    assert rig.ask(what).error is None
    return len(rig.server.asked), rig.state()


@pytest.mark.timeout(300)
@pytest.mark.parametrize("house", ["registered", "byoc"])
@pytest.mark.parametrize("fault", Fault)
def test_apply_and_destroy_converge_whatever_fails(rig: Rig, fault: Fault, house: str) -> None:
    rig.twilio.check = None  # test_life has the documents
    if house == "byoc":
        rig.house.byoc(mode="byoc")
    requests, expected = clean(rig, "apply")
    empty, _ = clean(rig, "destroy")
    for at in range(1, requests + 1):
        rig.again().server.choose = only(at, fault)
        answer = rig.ask("apply")
        assert (answer.error is None) or fault not in HEALED, f"{at}: {answer.error}"
        assert rig.ask("apply").error is None and rig.state() == expected, at
        assert doing(rig.ask("plan")) == [], at
    for at in range(1, empty + 1):
        if not rig.state():
            rig.again().ask("apply")
        rig.server.asked.clear()
        rig.server.choose = only(at, fault)
        rig.ask("destroy")
        rig.server.choose = lambda _number, _request: None
        assert rig.ask("destroy").error is None and rig.state() == [], at
        assert rig.ask("destroy").results.made == []


@pytest.mark.timeout(300)
def test_an_end_at_each_request_is_gone_on_from(rig: Rig) -> None:
    """As when the process is killed: nothing works from some request on, and nothing is written back."""
    rig.twilio.check = None
    requests, _ = clean(rig, "apply")
    passwords = rig.house.secrets
    expected = rig.state()
    for at in range(1, requests + 1):
        rig.again().server.choose = lambda number, _request, at=at: Fault.LOST if number >= at else None  # type: ignore[misc]
        assert rig.ask("apply", write=False).error is not None
        rig.server.choose = lambda _number, _request: None
        assert rig.ask("apply").error is None and rig.state() == expected, at
        assert doing(rig.ask("plan")) == [] and rig.house.secrets == passwords


def test_too_many_requests_are_waited_for_as_long_as_twilio_says(rig: Rig) -> None:
    rig.server.choose = only(3, Fault.BUSY)
    assert rig.ask("apply").error is None
    assert 1.0 in rig.waits


@pytest.mark.parametrize(("fault", "words"), [(Fault.BUSY, "often"), (Fault.BROKEN, "HTTP 500"), (Fault.CUT, "broke")])
def test_what_does_not_end_is_given_up(rig: Rig, fault: Fault, words: str) -> None:
    rig.server.choose = lambda number, _request: fault if number > 12 else None
    answer = rig.ask("apply")
    assert answer.error and words in answer.error.text
    rig.server.choose = lambda _number, _request: None
    assert rig.ask("apply").error is None and doing(rig.ask("plan")) == []


def test_a_build_that_fails_and_one_that_never_ends(rig: Rig) -> None:
    def failing(_number: int, request: Request) -> None:
        for build in rig.twilio.of("build"):
            build.fields["status"] = "failed"

    rig.server.choose = failing
    answer = rig.ask("apply")
    assert answer.error and "console" in answer.error.text and answer.error.step.startswith("create deployment")
    rig.server.choose = lambda _number, _request: None
    assert rig.ask("apply").error is None and doing(rig.ask("plan")) == []


HOSTILE = [
    None,
    5,
    "x",
    [],
    {},
    {"\0": "\0"},
    [[[]]],
    "\ud800",
    {"sid": 5},
    {"meta": 1},
    {"domains": {}},
    {"domains": [5]},
]


@pytest.mark.parametrize("body", HOSTILE, ids=repr)
def test_answers_that_make_no_sense(rig: Rig, body: object) -> None:
    answer_of = rig.twilio.answer

    def nonsense(request: Request):  # type: ignore[no-untyped-def]
        from homeline_lab.twilio_api import Response

        return Response(200, body) if "SIP/Domains.json" in request.path else answer_of(request)

    rig.twilio.answer = nonsense  # type: ignore[method-assign]
    answer = rig.ask("apply")
    assert answer.error and "SIP domain" in answer.error.text
    json.dumps(answer.to_json()).encode()


def test_an_answer_that_leads_away_gets_no_key(rig: Rig) -> None:
    answer_of = rig.twilio.answer

    def leading(request: Request):  # type: ignore[no-untyped-def]
        from homeline_lab.twilio_api import Response

        meta = {"key": "byoc_trunks", "next_page_url": "https://voice.twilio.com.evil.example/v1/ByocTrunks"}
        page = Response(200, {"byoc_trunks": [], "meta": meta})
        return page if request.path == "/v1/ByocTrunks" else answer_of(request)

    rig.twilio.check, rig.twilio.answer = None, leading  # type: ignore[method-assign]
    answer = rig.ask("plan")
    assert answer.error and "away from Twilio" in answer.error.text


def test_an_account_with_more_than_a_page(rig: Rig) -> None:
    for number in range(250):
        rig.twilio.add("credential_list", friendly_name=f"list {number}")
        rig.twilio.add("policy", friendly_name=f"policy {number}")
    rig.house.byoc(mode="byoc")
    assert rig.ask("apply").error is None and doing(rig.ask("plan")) == []
    assert rig.ask("destroy").error is None and len(rig.twilio.resources) == 500
