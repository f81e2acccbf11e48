"""Bring-up without a port: each step gets answers from a table and is judged by what it asks and learns."""

from __future__ import annotations

from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from homeline.core import bringup
from homeline.core.bringup import DETAILS, SIM, STEPS, Modem, Script, SimError, Step
from homeline.errors import DecodeError, HomelineError, ModemError, TimedOut
from homeline.model import Reason, Registration
from homeline.protocol import quirks
from homeline.protocol.at_errors import modem_error
from homeline.protocol.commands_sms import parse_indications

Answers = Mapping[str, str | HomelineError]


def play(script: Script, answers: Answers) -> list[str]:
    """Run a script; answers are information lines by command line, or errors. What is not in the table is refused."""
    asked: list[str] = []
    try:
        command = next(script)
        while True:
            asked.append(command.line)
            answer = answers.get(command.line, modem_error(command.name, "ERROR"))
            if isinstance(answer, HomelineError):
                command = script.throw(answer)
                continue
            try:
                value = command.parse([line for line in answer.split("\n") if line])
            except DecodeError as error:
                command = script.throw(error)
            else:
                command = script.send(value)
    except StopIteration:
        return asked


def step(name: str) -> Step:
    return next(step for step in (*STEPS, *DETAILS) if step.name == name)


def test_every_step_has_a_name_of_its_own_and_messages_come_after_the_settings_for_them() -> None:
    names = [step.name for step in (*STEPS, *DETAILS)]
    assert len(set(names)) == len(names)
    order = ["echo off", "SIM", "PDU mode", "message storage", "indications", "registration"]
    assert [name for name in names if name in order] == order


def test_identity_chooses_the_quirks() -> None:
    modem = Modem()
    play(
        step("identity").script(modem),
        {"AT+CGMI": "huawei", "AT+CGMM": "E1750", "AT+CGMR": "11.126", "AT+CGSN": "354369047238739"},
    )
    assert (modem.model, modem.imei) == ("E1750", "354369047238739")
    assert modem.quirks is quirks.find("huawei", "E1750")


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        ("+CPIN: SIM PUK", Reason.SIM_PUK),
        ("+CPIN: PH-NET PIN", Reason.SIM_FAILURE),
        (modem_error("AT+CPIN?", "+CME ERROR: 10"), Reason.SIM_MISSING),
        (modem_error("AT+CPIN?", "+CME ERROR: SIM not inserted"), Reason.SIM_MISSING),
        (modem_error("AT+CPIN?", "+CME ERROR: 13"), Reason.SIM_FAILURE),
        (modem_error("AT+CPIN?", "+CME ERROR: 14"), Reason.SIM_BUSY),
        (modem_error("AT+CPIN?", "ERROR"), Reason.SIM_FAILURE),
        ("+CPIN: SIM PIN", Reason.SIM_PIN),
    ],
)
def test_what_is_wrong_with_a_sim(answer: str | HomelineError, reason: Reason) -> None:
    with pytest.raises(SimError) as caught:
        play(SIM.script(Modem()), {"AT+CPIN?": answer})
    assert caught.value.reason is reason


@pytest.mark.parametrize("answer", ["+CPIN: READY", '+CPIN: "READY"', "+CPIN: SIM PIN2", "+CPIN: SIM PUK2"])
def test_a_usable_sim(answer: str) -> None:
    modem = Modem(pin="4711")
    assert play(SIM.script(modem), {"AT+CPIN?": answer}) == ["AT+CPIN?"]


ASKS = {"AT+CPIN?": "+CPIN: SIM PIN"}
ENTER = 'AT+CPIN="4711"'


def test_a_pin_is_entered_when_enough_tries_are_left_or_their_number_is_not_known() -> None:
    for tries in ("", "+CPINR: SIM PIN,3", "+CPINR: SIM PIN,2"):
        modem = Modem(pin="4711")
        assert ENTER in play(SIM.script(modem), {**ASKS, "AT+CPINR": tries, ENTER: ""})
        assert not modem.pin_refused


@pytest.mark.parametrize(
    ("modem", "tries", "reason"),
    [
        (Modem(pin="4711"), "+CPINR: SIM PIN,1", Reason.SIM_PIN_FEW_TRIES),
        (Modem(pin="4711"), "+CPINR: SIM PIN,0", Reason.SIM_PIN_FEW_TRIES),
        (Modem(pin="4711", pin_refused=True), "+CPINR: SIM PIN,3", Reason.SIM_PIN_WRONG),
        (Modem(), "+CPINR: SIM PIN,3", Reason.SIM_PIN),
    ],
)
def test_a_pin_that_must_not_be_risked(modem: Modem, tries: str, reason: Reason) -> None:
    script = SIM.script(modem)
    asked: list[str] = []
    with pytest.raises(SimError) as caught:
        command = next(script)
        while True:
            asked.append(command.line)
            command = script.send(command.parse([{**ASKS, "AT+CPINR": tries}[command.line]]))
    assert caught.value.reason is reason
    assert not any("CPIN=" in line for line in asked)


@pytest.mark.parametrize("answer", [modem_error("PIN", "+CME ERROR: 16"), modem_error("PIN", "ERROR"), TimedOut("PIN")])
def test_a_pin_that_was_not_taken_is_marked(answer: HomelineError) -> None:
    modem = Modem(pin="4711")
    with pytest.raises(SimError) as caught:
        play(SIM.script(modem), {**ASKS, ENTER: answer})
    assert caught.value.reason is Reason.SIM_PIN_WRONG
    assert modem.pin_refused
    assert "4711" not in str(caught.value)
    assert "4711" not in repr(modem)


def test_a_busy_sim_has_not_looked_at_the_pin() -> None:
    modem = Modem(pin="4711")
    with pytest.raises(SimError) as caught:
        play(SIM.script(modem), {**ASKS, ENTER: modem_error("PIN", "+CME ERROR: 14")})
    assert caught.value.reason is Reason.SIM_BUSY
    assert not modem.pin_refused


@pytest.mark.parametrize(
    ("offered", "first"),
    [
        ("+CNMI: (0-2),(0-3),(0,2,3),(0-2),(0,1)", (2, 1, 0, 2, 0)),
        ("+CNMI: (0-2),(0,1),(0),(0,1),(0,1)", (2, 1, 0, 1, 0)),
        ("+CNMI: (0,1),(0,1),(0),(0),(1)", (1, 1, 0, 0, 1)),
        ("+CNMI: (2),(0,2),(0),(0,1),(0)", (2, 2, 0, 1, 0)),
        ("+CNMI: (0,1,2,3),(0,1,2,3),(0,2,3),(0,1,2),(0,1)", (2, 1, 0, 2, 0)),
    ],
)
def test_indications_are_chosen_from_what_is_offered(offered: str, first: tuple[int, ...]) -> None:
    assert bringup.indication_choices(parse_indications([offered]))[0] == first


def test_indications_without_an_offer_are_tried_one_after_the_other() -> None:
    modem = Modem()
    asked = play(step("indications").script(modem), {"AT+CNMI=2,1,0,0,0": ""})
    assert asked == ["AT+CNMI=?", "AT+CNMI=2,1,0,2,0", "AT+CNMI=2,1,0,1,0", "AT+CNMI=2,1,0,0,0", "AT+CNMI?"]
    assert modem.indications == (2, 1, 0, 0, 0)
    with pytest.raises(ModemError):
        play(step("indications").script(modem), {})


def test_messages_that_are_only_shown_are_acknowledged_where_that_can_be_set() -> None:
    offer = {"AT+CNMI=?": "+CNMI: (2),(0,2),(0),(0,1),(0)", "AT+CNMI=2,2,0,1,0": ""}
    modem = Modem()
    play(step("indications").script(modem), {**offer, "AT+CSMS=1": "+CSMS: 1,1,1", "AT+CSMS?": "+CSMS: 1,1,1,1"})
    assert modem.acknowledges
    modem = Modem()
    play(step("indications").script(modem), offer)
    assert not modem.acknowledges


@pytest.mark.parametrize(
    ("offered", "memories", "selects"),
    [
        ('+CPMS: ("SM","ME"),("SM","ME"),("SM","ME")', ("SM", "ME"), 'AT+CPMS="SM","SM","SM"'),
        ('+CPMS: ("ME","SM"),("ME","SM")', ("SM", "ME"), 'AT+CPMS="SM","SM"'),
        ('+CPMS: ("ME"),("ME"),("ME")', ("ME",), 'AT+CPMS="ME","ME","ME"'),
        ('+CPMS: ("SM","ME"),("SM","ME"),("ME")', ("ME", "SM"), 'AT+CPMS="ME","ME","ME"'),
        ('+CPMS: ("SM","BM","SR"),("SM"),("SM")', ("SM",), 'AT+CPMS="SM","SM","SM"'),
        ("", ("SM", "ME"), 'AT+CPMS="SM","SM","SM"'),
    ],
)
def test_the_memories_to_read(offered: str, memories: tuple[str, ...], selects: str) -> None:
    modem = Modem()
    asked = play(step("message storage").script(modem), {"AT+CPMS=?": offered, selects: "+CPMS: 3,20,3,20,3,20"})
    assert asked[-1] == selects
    assert modem.memories == memories
    assert modem.selected == memories[0]
    assert (modem.use[memories[0]].used, modem.use[memories[0]].total) == (3, 20)


def test_registration_of_any_domain_that_carries_sms_counts() -> None:
    modem = Modem(quirks=quirks.find("Quectel", "EC25"))
    answers = {"AT+CREG?": "+CREG: 2,3", "AT+CGREG?": "+CGREG: 2,1", "AT+CEREG?": '+CEREG: 2,5,"1","2",7'}
    play(bringup.ask_registration(modem), answers)
    assert modem.registration is Registration.ROAMING
    assert modem.technology == "lte"
    play(bringup.ask_registration(modem), {**answers, "AT+CEREG?": "+CEREG: 2,0"})
    assert modem.registration is Registration.DENIED  # packet service alone carries no SMS here


@given(st.lists(st.sampled_from(list(Registration))))
def test_overall_registration_is_one_of_the_reports_or_unknown(reports: list[Registration]) -> None:
    found = bringup.overall(reports)
    assert found in {*reports, Registration.UNKNOWN}
    assert found is not Registration.UNKNOWN or not set(reports) - {Registration.UNKNOWN}


def test_a_sim_that_is_busy_when_asked_who_it_is_is_not_taken_for_an_unknown_one() -> None:
    with pytest.raises(SimError) as caught:
        play(step("subscriber").script(Modem()), {"AT+CIMI": modem_error("AT+CIMI", "+CME ERROR: 14")})
    assert caught.value.reason is Reason.SIM_BUSY


def test_the_card_number_of_a_sim_is_remembered_by_its_subscriber() -> None:
    cards: dict[str, str] = {}
    seen = Modem(cards=cards, iccid="8941010000000000001")
    play(step("subscriber").script(seen), {"AT+CIMI": "228010000000001"})
    again = Modem(cards=cards)
    play(step("subscriber").script(again), {"AT+CIMI": "228010000000001"})
    assert again.sim == "8941010000000000001"


def test_the_digest_of_a_pin_changes_with_pin_and_sim() -> None:
    digests = {bringup.pin_digest(sim, pin) for sim in ("1", "2", "") for pin in ("0000", "0001")}
    assert len(digests) == 6


@given(
    st.sampled_from([*STEPS, *DETAILS]),
    st.lists(st.text(max_size=40) | st.sampled_from(["+CPMS: 1,2", "+CNMI: (2),(1)", "OK", ""]), max_size=30),
)
def test_no_answer_makes_a_step_raise_anything_but_its_own_errors(step: Step, lines: list[str]) -> None:
    script, answers = step.script(Modem(pin="4711")), iter(lines)
    try:
        command = next(script)
        for _ in range(100):
            try:
                value = command.parse([next(answers, "")])
            except DecodeError as error:
                command = script.throw(error)
            else:
                command = script.send(value)
        raise AssertionError(f"{step.name} never ends")
    except (StopIteration, SimError, ModemError, DecodeError):
        return
