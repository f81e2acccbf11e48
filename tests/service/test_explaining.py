"""Why something was forwarded or not, and samples through a rule."""

from __future__ import annotations

import asyncio
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from homeline.adapters.store import Store
from homeline.config import Rule
from homeline.config_automatic import AutoReply
from homeline.config_options import ENDED
from homeline.errors import DeliveryError, InvalidArgument, NotFound
from homeline.model import Delivery, Event, ReceivedPart
from homeline.protocol.template import FIELDS, FILTERS
from homeline.service.deliveries import Dispatcher
from homeline.service.explaining import Explainer
from hostile import HOSTILE
from service.kit import ANN, BOB, CONFIG, NOW, RULE, SIM, Service, parts

ONLY_BOB = Rule("bob", senders=("079 444 55 66", BOB), channels=("mail", "broken"))


class Channel:
    """Takes what it gets, or raises."""

    concurrency, timeout = 1, 5.0

    def __init__(self, error: Exception | None = None) -> None:
        self.error = error
        self.taken: list[Event] = []

    async def deliver(self, delivery: Delivery, event: Event) -> None:
        if self.error is not None:
            raise self.error
        self.taken.append(event)


def explainer(service: Service, **channels: Channel) -> Explainer:
    service.context.config = replace(CONFIG, rules=(RULE, ONLY_BOB))

    def ignore(*_: Any) -> None: ...

    dispatcher = Dispatcher(service.database, channels, service.context.clock, lambda: 0.0, ignore, ignore, ignore)
    return Explainer(service.context, dispatcher)


async def test_a_made_up_event(tmp_path: Path) -> None:
    async with Service(tmp_path) as service:
        everything, bob = (await explainer(service).explain({"from": ANN, "text": "hello"}))["rules"]
        assert (everything["rule"], everything["matches"]) == ("all", True)
        assert "hello" in everything["text"]
        assert bob["matches"] is False
        assert "text" not in bob
        failed = [criterion for criterion in bob["criteria"] if not criterion["matched"]]
        assert [criterion["criterion"] for criterion in failed] == ["senders"]
        assert ANN in failed[0]["words"]
        (bob,) = (await explainer(service).explain({"from": "079 444 55 66", "rule": "bob"}))["rules"]
        assert bob["matches"] is True


async def test_a_stored_event(tmp_path: Path) -> None:
    async with Service(tmp_path) as service:
        receipts = await service.database(Store.receive, parts("stored"), NOW, service.context.plan)
        event = receipts[0].event
        assert event is not None
        everything, _ = (await explainer(service).explain({"event": event.id}))["rules"]
        assert "stored" in everything["text"]
        with pytest.raises(InvalidArgument):
            await explainer(service).explain({"event": event.id, "from": ANN})


async def test_a_stored_message_that_could_not_be_decoded(tmp_path: Path) -> None:
    async with Service(tmp_path) as service:
        part = ReceivedPart("stick", SIM, "0791ABCD", error="it ends too soon")
        receipts = await service.database(Store.receive, [part], NOW, service.context.plan)
        assert receipts[0].event is not None
        shown, _ = (await explainer(service).explain({"event": receipts[0].event.id}))["rules"]
        assert "it ends too soon" in shown["text"]
        assert "0791ABCD" in shown["text"]


async def test_what_is_not_there(tmp_path: Path) -> None:
    async with Service(tmp_path) as service:
        for question in ({"event": 99}, {"rule": "none"}):
            with pytest.raises(NotFound):
                await explainer(service).explain(question)
        with pytest.raises(NotFound):
            await explainer(service).test("none")


async def test_a_sample_goes_through_each_channel_and_leaves_no_trace(tmp_path: Path) -> None:
    async with Service(tmp_path) as service:
        mail, broken = Channel(), Channel(DeliveryError("refused"))
        made = explainer(service, mail=mail, broken=broken)
        first, second = (await made.test("bob"))["results"]
        assert first == {"channel": "mail", "ok": True}
        assert (second["ok"], second["error"]) == (False, "refused")
        assert "bob" in mail.taken[0].text
        assert await service.database(Store.list_deliveries) == []
        assert await service.database(Store.unread) == 0


async def test_a_channel_that_is_missing_is_said(tmp_path: Path) -> None:
    async with Service(tmp_path) as service, asyncio.timeout(5):
        results = (await explainer(service).test("bob"))["results"]
        assert [result["ok"] for result in results] == [False, False]
        assert "mail" in results[0]["error"]


# -- what would be said ---------------------------------------------------------------------------------------------

CODE = "Your code is 482-913, not 12 times"


async def asked(service: Service, **args: Any) -> dict[str, Any]:
    return await explainer(service).explain({"from" if name == "from_" else name: args[name] for name in args})


async def test_the_text_is_as_the_rule_wants_it(tmp_path: Path) -> None:
    async with Service(tmp_path) as service:
        made = explainer(service)
        changes = replace(RULE, codes="redact", template="{from}: {text}", subject="new")
        service.context.config = replace(CONFIG, rules=(changes,))
        (shown,) = (await made.explain({"from": ANN, "text": CODE}))["rules"]
        assert (shown["subject"], shown["text"]) == ("new", f"{ANN}: Your code is ***-***, not 12 times")
        assert "code" not in shown
        service.context.config = replace(CONFIG, rules=(RULE,))
        (shown,) = (await made.explain({"from": ANN, "text": CODE}))["rules"]
        assert shown["code"] == "482913"
        assert shown["text"].startswith("Code: 482913\n")


async def test_a_template_that_is_not_saved_is_shown(tmp_path: Path) -> None:
    async with Service(tmp_path) as service:
        reply = await asked(service, from_=ANN, text=CODE, template="{code}!", subject="", codes="", rule="bob")
        assert reply["preview"] == {
            "subject": f"Code 482913: SMS from {ANN}, 2027-01-15 08:00:00 +00:00",
            "text": "482913!",
            "code": "482913",
        }
        assert [rule["matches"] for rule in reply["rules"]] == [False]
        reply = await asked(service, from_=ANN, text=CODE, codes="redact")
        assert "482" not in str(reply["preview"])
        assert "code" not in reply["preview"]
        assert "preview" not in await asked(service, from_=ANN)


async def test_a_template_that_is_none_is_said_with_its_column(tmp_path: Path) -> None:
    async with Service(tmp_path) as service:
        reply = await asked(service, text="x", template="abc {txt}")
        assert reply["preview"]["error"].startswith("column 5: there is no field 'txt'")
        with pytest.raises(InvalidArgument):
            await asked(service, text="x", codes="last")


@pytest.mark.parametrize(
    ("args", "subject", "text"),
    [
        ({"kind": "call", "from": "0791112233"}, f"Missed call from {ANN}", "It rang for 20 s; nobody answered."),
        ({"kind": "call", "state": "answered"}, "Call from a withheld number", "It was answered after 10 s"),
        ({"kind": "call", "state": "failed", "from": BOB}, f"Failed call to {BOB}", "It was not answered."),
        ({"kind": "voicemail", "from": ANN}, f"Voicemail from {ANN}", "A message was left."),
        ({"kind": "ussd", "from": "*100#", "text": "5.00"}, "USSD answer to *100#", "5.00"),
        ({"kind": "report", "from": ANN, "text": "hi"}, f"SMS to {ANN} delivered", "hi"),
        ({"kind": "report", "state": "failed", "from": ANN}, f"SMS to {ANN} failed", ""),
        ({"kind": "alert", "text": "It burns.", "key": "fire"}, "Alert: It burns.", "It burns."),
        ({"kind": "code", "text": "hello"}, "SMS from an unknown sender", "hello"),
    ],
)
async def test_every_kind_can_be_made_up(tmp_path: Path, args: dict[str, Any], subject: str, text: str) -> None:
    async with Service(tmp_path) as service:
        made = explainer(service)
        service.context.config = replace(CONFIG, rules=(replace(RULE, calls=tuple(ENDED)),))
        (shown,) = (await made.explain(args))["rules"]
        assert shown["matches"]
        assert shown["subject"].startswith(subject)
        assert shown["text"].startswith(text)


@pytest.mark.parametrize(
    "args", [{"kind": "letter"}, {"kind": "call", "state": "ringing"}, {"kind": "report", "state": "lost"}]
)
async def test_what_cannot_be_made_up(tmp_path: Path, args: dict[str, Any]) -> None:
    async with Service(tmp_path) as service:
        with pytest.raises(InvalidArgument):
            await asked(service, **args)


async def test_an_alert_is_asked_for_by_its_key(tmp_path: Path) -> None:
    async with Service(tmp_path) as service:
        made = explainer(service)
        service.context.config = replace(CONFIG, rules=(replace(RULE, alerts=("sim.*",)),))
        for key, matches in (("sim.changed", True), ("database.opened", False)):
            (shown,) = (await made.explain({"kind": "alert", "text": "x", "key": key}))["rules"]
            assert shown["matches"] is matches


async def test_automatic_answers_are_explained_too(tmp_path: Path) -> None:
    async with Service(tmp_path) as service:
        made = explainer(service)
        service.context.config = replace(CONFIG, auto_replies=(AutoReply("away", text="I am away, {from}"),))
        everything, away = (await made.explain({"from": ANN, "text": "hello"}))["rules"]
        assert (everything["rule"], away["rule"], away["text"]) == ("all", "away", f"I am away, {ANN}")
        (away,) = (await made.explain({"from": "MyBank", "text": "hello", "rule": "away"}))["rules"]
        assert not away["matches"]


async def test_a_long_text_is_cut(tmp_path: Path) -> None:
    async with Service(tmp_path) as service:
        (shown, _) = (await asked(service, text="x" * 39_000))["rules"]
        assert len(shown["text"]) == 4000


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE)
async def test_hostile_texts_are_shown(tmp_path: Path, text: str) -> None:
    async with Service(tmp_path) as service:
        reply = await asked(service, **{"from": text, "text": text}, template="<{text}>", subject="{from}")
        shown = text.encode("utf-8", "replace").decode()
        assert reply["preview"]["text"] == f"<{shown}>"[:3999] + "…" * (len(shown) > 3998)
        assert reply["preview"]["subject"].isprintable()


async def test_what_templates_may_have(tmp_path: Path) -> None:
    async with Service(tmp_path) as service:
        reply = explainer(service).fields()
        assert [field["name"] for field in reply["fields"]] == list(FIELDS)
        assert reply["filters"] == list(FILTERS)


@pytest.mark.parametrize(
    ("zone", "clock"), [("CET-1", "09:00:00+01:00"), ("NST3:30", "04:30:00-03:30"), ("UTC0", "08:00:00+00:00")]
)
async def test_what_is_made_up_has_the_owners_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, zone: str, clock: str
) -> None:
    monkeypatch.setenv("TZ", zone)
    time.tzset()
    try:
        async with Service(tmp_path) as service:
            reply = await explainer(service).explain({"from": ANN, "text": "hi", "template": "{iso}"})
    finally:
        monkeypatch.undo()
        time.tzset()
    assert reply["preview"]["text"] == f"2027-01-15T{clock}"
