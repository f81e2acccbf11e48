"""Every bus method of the real daemon: wrong, unknown and missing arguments, ids that are not there, pages."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio

from e2e.kit import Home, living
from homeline.errors import BusError
from homeline.protocol import blobmsg

SENDER = "+41791112233"
TEXT, NUMBER, FLAG, IDS, SECTIONS = "x", 1, True, [1], [{".type": "phone", ".name": "desk"}]
# What each method takes; an argument in capitals is required. Held against the code, so that no method goes untested.
METHODS: dict[str, dict[str, Any]] = {
    "status": {"dongle": TEXT},
    "signal_history": {"DONGLE": TEXT, "hours": NUMBER},
    "list_messages": {"direction": "in", "dongle": TEXT, "peer": TEXT, "text": TEXT, "unread": FLAG}
    | {"details": FLAG, "before": NUMBER, "limit": NUMBER},
    "list_conversations": {"text": TEXT, "before": NUMBER, "limit": NUMBER},
    "get_message": {"ID": NUMBER},
    "send_message": {"TO": TEXT, "TEXT": TEXT, "dongle": TEXT, "flash": FLAG, "report": FLAG, "wait": NUMBER},
    "resend_message": {"ID": NUMBER},
    "preview_message": {"TEXT": TEXT},
    "normalize_number": {"NUMBER": TEXT},
    "mark_read": {"IDS": IDS},
    "delete_messages": {"IDS": IDS},
    "delete_conversation": {"PEER": TEXT, "before": NUMBER},
    "release_archived": {"DONGLE": TEXT, "forward": FLAG},
    "list_deliveries": {"event": NUMBER, "rule": TEXT, "channel": TEXT, "state": "done"}
    | {"before": NUMBER, "limit": NUMBER},
    "retry_delivery": {"id": NUMBER, "event": NUMBER},
    "drop_delivery": {"id": NUMBER, "channel": TEXT},
    "send_ussd": {"CODE": TEXT, "dongle": TEXT},
    "cancel_ussd": {"dongle": TEXT},
    "list_ussd": {},
    "get_config": {},
    "check_value": {"SECTION": TEXT, "OPTION": TEXT, "VALUE": TEXT},
    "reload": {},
    "render_config": {"dry_run": FLAG, "restart": FLAG, "sections": SECTIONS},
    "test_rule": {"RULE": TEXT},
    "explain_rule": {"rule": TEXT, "event": NUMBER, "time": NUMBER, "from": TEXT, "text": TEXT, "dongle": TEXT}
    | {"kind": "ussd", "state": TEXT, "key": TEXT, "subject": TEXT, "template": TEXT, "codes": "first"},
    "list_fields": {},
    "list_alerts": {"all": FLAG, "before": NUMBER, "limit": NUMBER},
    "acknowledge_alert": {"ID": NUMBER},
    "list_ports": {},
    "list_log": {"level": "info", "before": NUMBER, "limit": NUMBER},
    "backup": {},
    "reset_dongle": {"DONGLE": TEXT},
    "enter_pin": {"DONGLE": TEXT, "PIN": "1234"},
    "get_job": {"JOB": NUMBER},
    "list_calls": {"direction": "in", "state": "missed", "dongle": TEXT, "peer": TEXT, "unread": FLAG}
    | {"before": NUMBER, "limit": NUMBER},
    "list_voicemail": {"unread": FLAG, "before": NUMBER, "limit": NUMBER},
    "originate": {"PHONE": TEXT, "TO": TEXT},
    "hangup": {"CHANNEL": TEXT},
    "new_phone_password": {"PHONE": TEXT, "provision": FLAG},
    "twilio_plan": {"account_wide": FLAG},
    "twilio_apply": {"account_wide": FLAG},
    "twilio_destroy": {"account_wide": FLAG},
    "twilio_status": {},
}
UNKNOWN_IDS = [
    ("check_value", {"section": "rule", "option": "nothing", "value": "1"}),
    ("get_message", {"id": 99}),
    ("get_message", {"id": 0}),
    ("get_message", {"id": -1}),
    ("get_message", {"id": 2**40}),
    ("resend_message", {"id": 99}),
    ("retry_delivery", {"id": 99}),
    ("retry_delivery", {"event": 99}),
    ("drop_delivery", {"id": 99}),
    ("acknowledge_alert", {"id": 99}),
    ("get_job", {"job": 99}),
    ("status", {"dongle": "none"}),
    ("signal_history", {"dongle": "none"}),
    ("send_message", {"to": SENDER, "text": "hi", "dongle": "none"}),
    ("send_ussd", {"code": "*100#", "dongle": "none"}),
    ("cancel_ussd", {"dongle": "none"}),
    ("release_archived", {"dongle": "none"}),
    ("reset_dongle", {"dongle": "none"}),
    ("enter_pin", {"dongle": "none", "pin": "1234"}),
    ("test_rule", {"rule": "none"}),
    ("explain_rule", {"rule": "none"}),
    ("explain_rule", {"event": 99}),
    ("new_phone_password", {"phone": "none"}),
]
WRONG_VALUES = [
    ("list_messages", {"direction": "sideways"}),
    ("list_log", {"level": "loud"}),
    ("list_log", {"limit": 0}),
    ("list_messages", {"limit": 0}),
    ("list_messages", {"limit": 501}),
    ("list_messages", {"limit": -1}),
    ("list_conversations", {"limit": 501}),
    ("list_deliveries", {"state": "lost"}),
    ("list_deliveries", {"limit": 1000}),
    ("signal_history", {"dongle": "stick", "hours": 0}),
    ("signal_history", {"dongle": "stick", "hours": 49}),
    ("send_message", {"to": SENDER, "text": ""}),
    ("send_message", {"to": SENDER, "text": "hi", "wait": 16}),
    ("send_message", {"to": SENDER, "text": "hi", "wait": -1}),
    ("send_message", {"to": SENDER, "text": "x" * 65_537}),
    ("send_message", {"to": SENDER, "text": "x" * 60_000}),
    ("preview_message", {"text": "x" * 65_537}),
    ("retry_delivery", {}),
    ("drop_delivery", {}),
    ("drop_delivery", {"id": 1, "channel": "owner"}),
    ("retry_delivery", {"id": 1, "event": 1}),
    ("explain_rule", {"event": 1, "text": "x"}),
    ("explain_rule", {"event": 1, "kind": "alert"}),
    ("explain_rule", {"kind": "letter"}),
    ("explain_rule", {"kind": "call", "state": "ringing"}),
    ("explain_rule", {"kind": "report", "state": "lost"}),
    ("explain_rule", {"codes": "last"}),
    ("enter_pin", {"dongle": "stick", "pin": "12"}),
    ("enter_pin", {"dongle": "stick", "pin": "12a4"}),
    ("enter_pin", {"dongle": "stick", "pin": "1234"}),  # none is wanted
    ("list_calls", {"direction": "sideways"}),
    ("list_calls", {"state": "lost"}),
    ("list_calls", {"limit": 501}),
    ("list_voicemail", {"limit": 0}),
    ("mark_read", {"ids": ["1"]}),
    ("delete_messages", {"ids": "1"}),
    ("delete_conversation", {"peer": ""}),
]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def home(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Home]:
    async with living(tmp_path_factory.mktemp("home")) as house:
        await house.warm_up()
        yield house


pytestmark = pytest.mark.asyncio(loop_scope="module")


async def status_of(home: Home, method: str, arguments: dict[str, Any]) -> int:
    with pytest.raises(BusError) as refused:
        await home.bus.call("homeline", method, arguments, 20)
    return refused.value.status


def given(method: str) -> dict[str, Any]:
    return {name.lower(): value for name, value in METHODS[method].items()}


async def test_the_table_above_has_every_method(home: Home) -> None:
    published = home.router.bus.objects.values()
    types = next(each.type for each in published if each.name == "homeline")
    assert types is not None
    methods = blobmsg.decode(types.signature)
    assert set(methods) == set(METHODS)
    for name, arguments in methods.items():
        assert set(arguments) - {"ubus_rpc_session"} == set(given(name)), name


@pytest.mark.parametrize("method", METHODS)
async def test_arguments_that_are_unknown_missing_or_of_another_type(home: Home, method: str) -> None:
    arguments = given(method)
    assert await status_of(home, method, {**arguments, "nonsense": 1}) == 2
    for name in arguments:
        wrong = {"a": 1} if arguments[name] != {"a": 1} else 1
        assert await status_of(home, method, {**arguments, name: wrong}) == 2, name
        if name.upper() in METHODS[method]:
            assert await status_of(home, method, {k: v for k, v in arguments.items() if k != name}) == 2, name


@pytest.mark.parametrize(("method", "arguments"), UNKNOWN_IDS)
async def test_what_is_not_there_is_not_found(home: Home, method: str, arguments: dict[str, Any]) -> None:
    assert await status_of(home, method, arguments) == 4


@pytest.mark.parametrize(("method", "arguments"), WRONG_VALUES)
async def test_values_that_cannot_be_are_refused(home: Home, method: str, arguments: dict[str, Any]) -> None:
    assert await status_of(home, method, arguments) == 2


async def test_a_method_that_is_not_there(home: Home) -> None:
    assert await status_of(home, "explode", {}) == 3


async def test_a_session_of_luci_is_accepted_everywhere(home: Home) -> None:
    for method in ("status", "list_messages", "get_config", "list_ussd", "list_alerts", "list_ports"):
        assert await home.call(method, ubus_rpc_session="0" * 32)


async def test_the_log_by_level_and_in_pages(home: Home) -> None:
    everything = (await home.call("list_log", limit=500))["lines"]
    numbers = [line["id"] for line in everything]
    assert numbers == sorted(numbers, reverse=True)
    assert {line["level"] for line in everything} <= {"debug", "info", "warning", "error"}
    page = await home.call("list_log", before=numbers[0], limit=1)
    assert [line["id"] for line in page["lines"]] == numbers[1:2]
    assert page["more"] is True
    loud = (await home.call("list_log", level="warning", limit=500))["lines"]
    assert {line["level"] for line in loud} <= {"warning", "error"}


async def test_ids_that_are_not_there_are_left_out_of_a_count(home: Home) -> None:
    assert await home.call("mark_read", ids=[99, -1, 2**40, 0]) == {"count": 0}
    assert await home.call("delete_messages", ids=[]) == {"count": 0}
    assert await home.call("mark_read", ids=list(range(5000, 8000))) == {"count": 0}


async def test_numbers_previews_and_explanations(home: Home) -> None:
    assert await home.call("normalize_number", number="079 111 22 33") == {
        "e164": SENDER,
        "region": "CH",
        "kind": "number",
    } | {key: value for key, value in (await home.call("normalize_number", number=SENDER)).items() if key == "kind"}
    assert await home.call("preview_message", text="hello") == {"encoding": "gsm7", "parts": 1, "left": 155}
    assert (await home.call("preview_message", text="你好"))["left"] == 68
    (explained,) = (await home.call("explain_rule", from_=SENDER, text="hello"))["rules"]
    assert explained["matches"] is True
    assert "hello" in explained["text"]
    assert all(criterion["words"] for criterion in explained["criteria"])
    (explained,) = (await home.call("explain_rule", rule="everything", from_=SENDER, text="x", time=1))["rules"]
    assert explained["rule"] == "everything"
    before = len(home.mail.mails)
    assert (await home.call("test_rule", rule="everything"))["results"] == [{"channel": "owner", "ok": True}]
    assert len(home.mail.mails) == before + 1


async def test_pages_of_messages_and_conversations(home: Home) -> None:
    before = len(home.events.of("message.received"))
    for number in range(25):
        home.dongle.deliver(f"page {number}", f"+4179111{number % 5:04}")
    received = (await home.events.wait_for("message.received", before + 25))[before:]
    ids = [message["id"] for message in received]
    assert ids == sorted(ids)
    shown: list[int] = []
    page: dict[str, Any] = {"more": True, "messages": []}
    while page["more"]:
        last = {"before": shown[-1]} if shown else {}
        page = await home.call("list_messages", limit=10, text="page ", **last)
        shown += [message["id"] for message in page["messages"]]
    assert shown == ids[::-1]
    assert (await home.call("list_messages", unread=True, limit=1))["unread"] == 25
    assert await home.call("mark_read", ids=ids[:5]) == {"count": 5}
    assert await home.call("mark_read", ids=ids[:5]) == {"count": 0}
    conversations = await home.call("list_conversations", limit=3)
    assert len(conversations["conversations"]) == 3
    assert conversations["more"] is True
    first = conversations["conversations"][0]
    assert (first["peer"], first["count"], first["last"]["text"]) == ("+41791110004", 5, "page 24")
    of_one = await home.call("list_messages", peer="079 111 00 04", direction="in")
    assert [message["text"] for message in of_one["messages"]] == [f"page {n}" for n in (24, 19, 14, 9, 4)]
    assert await home.call("delete_conversation", peer="079 111 00 04", before=of_one["messages"][1]["id"]) == {
        "count": 3
    }
    assert await home.call("delete_conversation", peer="079 111 00 04") == {"count": 2}
    assert await home.call("delete_conversation", peer="079 111 00 04") == {"count": 0}
    assert await home.call("delete_messages", ids=ids) == {"count": 20}
    assert (await home.call("list_messages", text="page "))["messages"] == []


async def test_a_reply_ends_at_256_kib_and_says_that_there_is_more(home: Home) -> None:
    home.dongle.unplug()
    await home.until_dongle("absent")
    sent = [await home.call("send_message", to=SENDER, text=f"{n} " + "x" * 30_000) for n in range(12)]
    page = await home.call("list_messages", direction="out", limit=500)
    assert page["more"] is True
    assert 5 <= len(page["messages"]) < 12
    assert len(blobmsg.encode(page)) < 300 * 1024
    rest = await home.call("list_messages", direction="out", before=page["messages"][-1]["id"], limit=500)
    assert rest["more"] is False
    assert len(page["messages"]) + len(rest["messages"]) == 12
    assert await home.call("delete_messages", ids=[message["id"] for message in sent]) == {"count": 12}
    home.dongle.plug()
    await home.until_dongle("ready")


async def test_alerts(home: Home) -> None:
    home.mail.replies["RCPT"] = "550 no such user"
    home.dongle.deliver("hello", SENDER)
    alert = await home.events.wait("alert.raised", lambda a: a["key"] == "delivery.owner")
    home.mail.replies.clear()
    listed = (await home.call("list_alerts"))["alerts"]
    assert [each["id"] for each in listed if each["key"] == "delivery.owner"] == [alert["id"]]
    assert await home.call("acknowledge_alert", id=alert["id"]) == {}
    shown = {each["id"]: each for each in (await home.call("list_alerts", all=True))["alerts"]}
    assert shown[alert["id"]]["acknowledged"] is True


async def test_ports(home: Home) -> None:
    (port,) = (await home.call("list_ports"))["ports"]
    assert port["port"].endswith("ttyUSB0")
    assert port["dongle"] == "stick"


async def test_the_signals_history(home: Home) -> None:
    history = await home.call("signal_history", dongle="stick")
    assert history["samples"][0]["dbm"] == -79
