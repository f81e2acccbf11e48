"""From an empty account to one that is set up, changed and emptied again, against the double of Twilio's REST API.

Where Twilio's OpenAPI documents are at hand, every request and every answer is held against them (twilio_kit).
"""

from __future__ import annotations

import json

import pytest

from homeline_lab.twilio_api import Request, Response
from twilio_kit import ACCOUNT, DOMAIN, PUBLIC, SECRET, House, Rig, doing

HOOK = "https://hook.example.org/tw"


def registered(house: House) -> House:
    return house


def byoc(house: House) -> House:
    house.set("twilio", routing="webhook", webhook="1", public_url=HOOK)
    return house.byoc().set("cloud", edges=["frankfurt", "dublin"])


def static(house: House) -> House:
    return house.byoc(mode="byoc").set("twilio", static_address="1", routing="none")


def elastic(house: House) -> House:
    return house.byoc(mode="elastic").drop("anna").drop("ben")


HOUSES = {"registered": registered, "byoc": byoc, "static": static, "elastic": elastic}


def change(rig: Rig) -> None:
    """What owners change: one phone goes, another comes, and all of Twilio's are without TLS."""
    rig.house.drop("ben") if "'ben'" in rig.house.main else None
    rig.house.set("clara", type_="phone", where="twilio", number="12")
    rig.house.set("twilio", secure="0")


@pytest.mark.parametrize("house", HOUSES)
def test_the_whole_life(rig: Rig, house: str) -> None:
    HOUSES[house](rig.house)
    planned = rig.ask("plan")
    assert planned.error is None and all(action == "create" for action, _ in doing(planned))
    assert all(request.method == "GET" for request in rig.server.asked)
    assert planned.results.secrets == {} and planned.results.made == []

    applied = rig.ask("apply")
    assert applied.error is None and doing(applied) == doing(planned)
    assert rig.ask("plan").error is None and doing(rig.ask("plan")) == []
    assert doing(rig.ask("status")) == []
    before = rig.state()

    change(rig)
    changed = rig.ask("apply")
    assert changed.error is None and {action for action, _ in doing(changed)} >= {"create"}
    assert doing(rig.ask("apply")) == [] and rig.state() != before

    destroyed = rig.ask("destroy")
    assert destroyed.error is None and {action for action, _ in doing(destroyed)} == {"remove"}
    assert rig.state() == [] and destroyed.results.made == []
    assert doing(rig.ask("destroy")) == []


def by_kind(rig: Rig, kind: str) -> list[dict[str, object]]:
    return [each.fields for each in rig.twilio.of(kind)]


def test_a_router_without_a_public_address_registers(rig: Rig) -> None:
    answer = rig.ask("apply")
    cloud = answer.results.options["cloud"]
    assert cloud == {"mode": "registered", "host": f"{DOMAIN}.sip.twilio.com", "username": "router"}
    assert set(answer.results.secrets) == {"anna", "ben", "cloud"}
    (domain,) = by_kind(rig, "sip_domain")
    (environment,) = by_kind(rig, "environment")
    assert domain["domain_name"] == f"{DOMAIN}.sip.twilio.com"
    assert domain["sip_registration"] is True and domain["secure"] is True
    assert domain["voice_url"] == f"https://{environment['domain_name']}/voice"
    sent = {str(each["username"]): each["password"] for each in by_kind(rig, "credential")}
    assert sent == {
        name if name != "cloud" else "router": kept["password"] for name, kept in answer.results.secrets.items()
    }
    (list_,) = rig.twilio.of("credential_list")
    assert [each.sid for kind in ("calls_list", "registrations_list") for each in rig.twilio.of(kind)] == [
        list_.sid
    ] * 2
    (version,) = by_kind(rig, "version")
    assert version["visibility"] == "protected" and "exports.handler" in str(version["content"])


def test_a_router_with_a_public_address_is_called(rig: Rig) -> None:
    byoc(rig.house)
    answer = rig.ask("apply")
    assert answer.results.options["cloud"]["mode"] == "byoc"
    assert answer.results.options["cloud"]["host"] == f"{DOMAIN}-trunk.sip.twilio.com"
    targets = sorted((each["priority"], each["target"], each["enabled"]) for each in by_kind(rig, "target"))
    uri = "sip:home.example.org:5061;transport=tls;edge="
    assert targets == [(10, f"{uri}frankfurt", True), (20, f"{uri}dublin", True)]
    (trunk,), (policy,) = rig.twilio.of("byoc_trunk"), rig.twilio.of("policy")
    assert trunk.fields["connection_policy_sid"] == policy.sid
    assert trunk.fields["voice_url"] == f"{HOOK}/voice?caller=router"
    assert trunk.fields["status_callback_url"] == f"{HOOK}/status"
    domains = {each["domain_name"]: each for each in by_kind(rig, "sip_domain")}
    assert domains[f"{DOMAIN}-trunk.sip.twilio.com"]["byoc_trunk_sid"] == trunk.sid
    assert domains[f"{DOMAIN}.sip.twilio.com"]["voice_url"] == f"{HOOK}/voice"
    assert f"byoc_trunk={trunk.sid}" in answer.results.made
    assert rig.twilio.of("service") == []


def test_an_address_that_never_changes_is_proof_enough(rig: Rig) -> None:
    static(rig.house)
    answer = rig.ask("apply")
    assert by_kind(rig, "address") == [{"ip_address": PUBLIC, "friendly_name": "router", "cidr_prefix_length": 32}]
    assert len(rig.twilio.of("calls_addresses")) == 1 and "cloud" not in answer.results.secrets
    rig.house.set("twilio", static_address="0")
    assert rig.ask("apply").error is None
    assert rig.twilio.of("address") == [] and "router" in {each["username"] for each in by_kind(rig, "credential")}


def test_an_elastic_trunk(rig: Rig) -> None:
    elastic(rig.house).set("twilio", adopt=["+41445556677"])
    rig.twilio.add("number", phone_number="+41445556677", friendly_name="office")
    answer = rig.ask("apply")
    (trunk,) = by_kind(rig, "trunk")
    assert trunk["domain_name"] == f"{DOMAIN}-trunk.pstn.twilio.com" == answer.results.options["cloud"]["host"]
    assert by_kind(rig, "origination")[0]["sip_url"] == "sip:home.example.org:5061;transport=tls"
    assert len(rig.twilio.of("trunk_list")) == len(rig.twilio.of("trunk_number")) == 1
    assert rig.ask("destroy").error is None
    assert [each.row.kind for each in rig.twilio.resources] == ["number"]


def test_from_one_way_to_the_other_and_back(rig: Rig) -> None:
    rig.ask("apply")
    first = rig.state()
    rig.house.byoc(mode="byoc")
    moved = rig.ask("apply")
    assert moved.error is None and ("remove", "credential") in doing(moved)
    (trunk,), code = rig.twilio.of("byoc_trunk"), [str(each["content"]) for each in by_kind(rig, "version")]
    assert trunk.sid in code[-1] and trunk.sid not in code[0]
    rig.house.set("cloud", mode="registered", secure="1")
    assert rig.ask("apply").error is None
    assert rig.state() == first and doing(rig.ask("plan")) == []


def test_what_was_not_written_back_is_found_by_its_name(rig: Rig) -> None:
    passwords = "\n".join(
        f"config {kind} '{name}'\n\toption password 'Pa55word-of-{name}'"
        for kind, name in (("phone", "anna"), ("phone", "ben"), ("trunk", "cloud"))
    )
    rig.house.secrets += "\n" + passwords
    rig.ask("apply", write=False)
    before = rig.state()
    again = rig.ask("apply", write=False)
    assert again.error is None and doing(again) == [("change", "credential")] * 3  # nobody knows what they were
    assert rig.state() == before and doing(rig.ask("destroy", write=False)) and rig.state() == []


def test_a_password_is_set_where_it_was_changed(rig: Rig) -> None:
    rig.ask("apply")
    rig.house.secrets = rig.house.secrets.replace(
        next(line for line in rig.house.secrets.splitlines() if "password" in line),
        "\toption password 'An0therPassword'",
    )
    answer = rig.ask("apply")
    assert doing(answer) == [("change", "credential")]
    assert "An0therPassword" in [each["password"] for each in by_kind(rig, "credential")]
    assert doing(rig.ask("plan")) == []


def test_what_somebody_changed_by_hand_is_put_right(rig: Rig) -> None:
    rig.ask("apply")
    (domain,), (list_,) = rig.twilio.of("sip_domain"), rig.twilio.of("credential_list")
    domain.fields["voice_url"] = "https://evil.example"
    rig.twilio.add("credential", (list_.sid,), username="mallory", password="Aa345678901234")
    answer = rig.ask("plan")
    assert doing(answer) == [("change", "sip_domain"), ("remove", "credential")]
    change = next(step for step in answer.steps if step.kind == "sip_domain").changes["voice_url"]
    assert change[0] == "https://evil.example"
    rig.ask("apply")
    assert doing(rig.ask("plan")) == []


def strangers(rig: Rig) -> list[tuple[str, ...]]:
    """An account with a life of its own: everything by other names, some of it like ours."""
    add = rig.twilio.add
    list_ = add("credential_list", friendly_name="homeline")
    add("credential", (list_,), username="anna", password="Aa345678901234")
    domain = add("sip_domain", domain_name="office.sip.twilio.com", friendly_name="homeline of the office")
    add("calls_list", (domain,), credential_list_sid=list_)
    policy = add("policy", friendly_name=f"homeline {DOMAIN}")
    add("byoc_trunk", friendly_name="\x1b[31m<script>", connection_policy_sid=policy)
    add("trunk", friendly_name=None, domain_name="office.pstn.twilio.com")
    add("service", unique_name="homeline", friendly_name="homeline")
    add("number", phone_number="+41445556677", friendly_name="office", sms_url="https://office.example")
    return rig.state()


@pytest.mark.parametrize("house", HOUSES)
def test_what_others_made_is_never_touched(rig: Rig, house: str) -> None:
    there = strangers(rig)
    HOUSES[house](rig.house)
    for what in ("apply", "plan", "destroy"):
        answer = rig.ask(what)
        assert answer.error is None
        assert not {"report", "keep"} & {step.action for step in answer.steps if "office" in step.name}
        assert set(there) <= set(rig.state())
    assert rig.state() == there


def test_a_name_that_is_anothers_is_refused_before_anything_is_made(rig: Rig) -> None:
    rig.twilio.add("sip_domain", domain_name=f"{DOMAIN}.sip.twilio.com", friendly_name="mine", voice_url="https://a.b")
    before = rig.state()
    for what in ("plan", "apply"):
        answer = rig.ask(what)
        assert answer.error and "twilio.adopt" in answer.error.text and rig.state() == before
    rig.house.set("twilio", adopt=[DOMAIN])
    assert rig.ask("apply").error is None
    (domain,) = rig.twilio.of("sip_domain")
    assert domain.fields["friendly_name"] == "mine" and "twil.io" in domain.fields["voice_url"]


def test_what_was_handed_over_stays_when_ours_goes(rig: Rig) -> None:
    strange = rig.twilio.add("credential_list", friendly_name="office")
    domain = rig.twilio.add("sip_domain", domain_name=f"{DOMAIN}.sip.twilio.com", friendly_name="mine")
    rig.twilio.add("calls_list", (domain,), credential_list_sid=strange)
    rig.house.set("twilio", adopt=[domain])
    assert rig.ask("apply").error is None and len(rig.twilio.of("calls_list")) == 2
    assert doing(rig.ask("plan")) == []
    assert rig.ask("destroy").error is None
    assert [each.sid for each in rig.twilio.resources] == [strange, domain, strange]


def test_a_name_taken_by_somebody_elsewhere(rig: Rig) -> None:
    rig.twilio.taken.add(f"{DOMAIN}.sip.twilio.com")
    answer = rig.ask("apply")
    assert answer.error and "30 days" in answer.error.text and answer.error.step.startswith("create sip_domain")
    assert any(line.startswith("credential_list=") for line in answer.results.made)
    rig.house.set("twilio", domain="elsewhere").set("cloud", host=None)
    assert rig.ask("apply").error is None and doing(rig.ask("plan")) == []
    assert len(rig.twilio.of("credential_list")) == 1


def test_a_domain_in_force_in_another_region(rig: Rig) -> None:
    rig.twilio.routes[f"{DOMAIN}.sip.twilio.com"] = "ie1"
    answer = rig.ask("apply")
    assert answer.error and "ie1" in answer.error.text and rig.state() == []


def test_another_region_is_put_in_force(rig: Rig) -> None:
    rig.house.set("twilio", region="ie1", routing="none")
    assert ("change", "region") in doing(rig.ask("apply"))
    assert rig.twilio.routes == {f"{DOMAIN}.sip.twilio.com": "ie1"} and doing(rig.ask("plan")) == []
    assert not any(request.path.startswith("/v1/Services") for request in rig.server.asked)  # no key there


def test_functions_are_in_one_region_only(rig: Rig) -> None:
    rig.house.set("twilio", region="ie1")
    answer = rig.ask("apply")
    assert answer.error and "twilio.routing" in answer.error.text and rig.server.asked == []


def test_a_key_that_may_not_say_which_region_is_in_force(rig: Rig) -> None:
    answer_of = rig.twilio.answer

    def refusing(request: Request) -> Response:
        return Response(401, {"code": 20003}) if request.path.startswith("/v2/") else answer_of(request)

    rig.twilio.answer = refusing  # type: ignore[method-assign]
    assert rig.ask("apply").error is None
    rig.house.set("twilio", region="ie1", routing="none")
    (report,) = [step for step in rig.ask("apply").steps if step.action == "report"]
    assert report.kind == "region" and "Re-route" in report.why


def test_a_key_that_may_see_little(rig: Rig) -> None:
    answer_of = rig.twilio.answer

    def refusing(request: Request) -> Response:
        secret = request.path.startswith("/v1/Trunks") or request.path.endswith(f"/{ACCOUNT}.json")
        return Response(403, {"code": 20403}) if secret else answer_of(request)

    rig.twilio.answer = refusing  # type: ignore[method-assign]
    assert rig.ask("apply").error is None
    elastic(rig.house)
    assert "may not" in str(rig.ask("apply").error)


def test_countries_are_the_accounts_and_changed_only_when_told(rig: Rig) -> None:
    rig.twilio.dialing = {"CH": "001", "DE": "100"}
    rig.house.set("twilio", caller_id="+41445556677").set("swiss", countries=["CH", "DE", "AT"])
    (report, unknown) = [step for step in rig.ask("apply").steps if step.kind == "dialing" and step.action == "report"]
    assert (report.name, dict(report.changes)) == ("CH", {"flags": ("001", "101")}) and unknown.name == "AT"
    assert rig.twilio.dialing["CH"] == "001"

    assert ("change", "dialing") in doing(rig.ask("apply", account_wide=True))
    assert rig.twilio.dialing == {"CH": "101", "DE": "100"}
    assert doing(rig.ask("plan", account_wide=True)) == []
    assert ("change", "dialing") not in doing(rig.ask("destroy"))
    assert rig.twilio.dialing["CH"] == "101" and rig.house.main.count("dialing:CH=001") == 1
    answer = rig.ask("destroy", account_wide=True)
    assert rig.twilio.dialing == {"CH": "001", "DE": "100"} and answer.results.made == []


def test_sms_to_a_number_that_was_handed_over(rig: Rig) -> None:
    sid = rig.twilio.add("number", phone_number="+41445556677", friendly_name="office", sms_url="https://old.example")
    rig.house.set("twilio", routing="webhook", webhook="1", public_url=HOOK, inbound_sms="1", adopt=["+41445556677"])
    answer = rig.ask("apply")
    assert by_kind(rig, "number")[0]["sms_url"] == f"{HOOK}/sms" and f"number={sid}" in answer.results.made
    assert doing(rig.ask("plan")) == []
    rig.ask("destroy")
    assert by_kind(rig, "number")[0]["sms_url"] == "https://old.example" and len(rig.twilio.resources) == 1


def test_a_number_that_the_account_has_not(rig: Rig) -> None:
    rig.house.set("twilio", adopt=["+41445556677"])
    answer = rig.ask("apply")
    assert answer.error and "+41445556677" in answer.error.text and rig.state() == []


def test_what_is_said_of_the_account(rig: Rig) -> None:
    assert any("subaccount" in advice for advice in rig.ask("plan").advice)
    rig.twilio.about |= {"type": "Trial", "status": "suspended", "owner_account_sid": "AC" + "9" * 32}
    advice = " ".join(rig.ask("status").advice)
    assert "trial" in advice and "suspended" in advice and "subaccount" not in advice


def test_a_wrong_key_leaks_nothing(rig: Rig) -> None:
    rig.house.secrets = rig.house.secrets.replace(SECRET, "w" * 30)
    answer = rig.ask("apply")
    assert answer.error and answer.error.code == 20003 and "api_key" in answer.error.text
    assert rig.state() == [] and "w" * 30 not in json.dumps(answer.to_json())


def test_no_secret_is_in_any_answer_but_for_those_that_were_made(rig: Rig) -> None:
    rig.house.secrets += "\nconfig phone 'anna'\n\toption password 'correctH0rse-battery'\n"
    asked = [rig.ask(what).to_json() for what in ("plan", "apply", "status", "destroy")]
    for answer in asked:
        text = json.dumps(answer | {"results": {**answer["results"], "secrets": {}}})
        assert SECRET not in text and "correctH0rse" not in text and "a7a7" not in text
    assert "Authorization" not in rig.server.asked[0].path and ACCOUNT in rig.server.asked[0].path


def test_a_mistake_in_the_configuration_takes_nothing_away(rig: Rig) -> None:
    rig.ask("apply")
    before = rig.state()
    for change_ in (
        {"section": "anna", "number": "112"},
        {"section": "cloud", "transport": "tcp"},
        {"section": "twilio", "region": "mars"},
    ):
        section = str(change_["section"])
        kept = rig.house.main
        rig.house.set(section, **{name: value for name, value in change_.items() if name != "section"})
        answer = rig.ask("apply")
        assert answer.error and section in answer.error.text
        assert rig.state() == before and answer.results.made
        rig.house.main = kept


def test_progress_is_told(rig: Rig) -> None:
    answer = rig.ask("apply")
    count = len(doing(answer))
    assert [(done, of) for _, done, of in rig.told] == [(done, count) for done in range(count)]


@pytest.mark.timeout(180)
@pytest.mark.parametrize("house", HOUSES)
def test_whatever_somebody_deletes_comes_back(rig: Rig, house: str) -> None:
    HOUSES[house](rig.house)
    rig.twilio.check = None
    rig.ask("apply")
    expected = rig.state()
    for index in range(len(rig.twilio.resources)):
        gone = rig.twilio.resources[index % len(rig.twilio.resources)]
        rig.twilio.resources = [
            each for each in rig.twilio.resources if each.sid != gone.sid and gone.sid not in each.parents
        ]
        for each in rig.twilio.resources:  # Twilio forgets what is gone elsewhere too
            each.fields.update({name: None for name, value in each.fields.items() if value == gone.sid})
        assert rig.ask("apply").error is None, gone.row.kind
        assert rig.state() == expected and doing(rig.ask("plan")) == [], gone.row.kind
