"""The documentation says what the code does: methods, arguments, events, keys, values, commands, links."""

from __future__ import annotations

import ast
import functools
import json
import re
import shlex
import shutil
import struct
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import SimpleNamespace as Namespace
from typing import Any, cast

import pytest

from homeline import client, config, model, pdu_tool
from homeline.adapters.store import Conversation, Summary
from homeline.core.numbers import NumberKind
from homeline.core.recovery import LADDER, Failure
from homeline.core.regular import Progress
from homeline.model import (
    Alert,
    Call,
    CallDirection,
    CallState,
    Delivery,
    DeliveryState,
    Direction,
    DongleState,
    DongleStatus,
    Driver,
    Event,
    EventKind,
    Message,
    MessageState,
    Part,
    Priority,
    Problem,
    Reason,
    Registration,
)
from homeline.protocol import quirks
from homeline.protocol.blobmsg import Type
from homeline.protocol.ubus import Status
from homeline.protocol.ubus_arguments import Param, Params, check_arguments
from homeline.service import shapes
from homeline.service.api import Api
from homeline.service.channels.balance import Reader
from homeline.service.channels.schedule import Scheduled
from homeline.service.regular import Regular
from homeline.service.status import ADVICE, StatusReport
from homeline_lab.uci import COMMANDS, Uci

REPOSITORY = Path(__file__).parents[1]
DOCS = REPOSITORY / "docs"
UBUS = DOCS / "ubus.md"
PAGES = sorted([*DOCS.glob("*.md"), REPOSITORY / "README.md", REPOSITORY / "CHANGELOG.md"])
CODE = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


@functools.cache
def methods() -> Mapping[str, Params]:
    """The table of the API, of an object whose parts are never used."""

    class Nothing:
        def __getattr__(self, _name: str) -> Any:
            return self

    return {name: params for name, (params, _) in Api(cast(Any, Nothing())).methods.items()}


def sections(text: str, level: int) -> dict[str, str]:
    """Heading to what stands below it, down to the next heading of the same or a higher level."""
    heads = list(re.finditer(rf"^#{{1,{level}}} (.*)$", text, re.MULTILINE))
    ends = [head.start() for head in heads[1:]] + [len(text)]
    return {
        head[1]: text[head.end() : end]
        for head, end in zip(heads, ends, strict=True)
        if head[0].startswith("#" * level + " ")
    }


def under(page: Path, heading: str) -> dict[str, str]:
    """The subsections of one section."""
    return sections(sections(page.read_text(), 2)[heading], 3)


def rows(text: str, head: str) -> list[list[str]]:
    """The cells of the table whose first column is headed so."""
    lines = iter(text.splitlines())
    for line in lines:
        if line.startswith(f"| {head} |"):
            break
    next(lines, None)
    found = []
    for line in lines:
        if not line.startswith("|"):
            break
        found.append([cell.strip() for cell in line.strip("|").split(" | ")])
    return found


def described_methods() -> dict[str, str]:
    text = UBUS.read_text()
    before_events = text[: text.index("\n## Events\n")]
    return {name.strip("`"): body for name, body in sections(before_events, 3).items() if name.startswith("`")}


# -- methods -------------------------------------------------------------------------------------------------------


def words(param: Param) -> str:
    names = {Type.STRING: "String", Type.INT32: "Integer", Type.BOOL: "Boolean", Type.TABLE: "Table"}
    return f"Array of {names[param.items]}" if param.items else names[param.type]


def test_all_methods_and_no_others() -> None:
    assert sorted(described_methods()) == sorted(methods())


@pytest.mark.parametrize("name", sorted(methods()))
def test_arguments(name: str) -> None:
    found = [(row[0], row[1]) for row in rows(described_methods()[name], "argument")]
    expected = [
        (f"**`{argument}`**" if param.required else f"`{argument}`", words(param))
        for argument, param in methods()[name].items()
    ]
    assert found == expected
    if not expected:
        assert "No arguments." in described_methods()[name]


@pytest.mark.parametrize("name", sorted(methods()))
def test_examples(name: str) -> None:
    """Each method has a call that it would take, and a reply that is JSON; keys of a shape are those of the shape."""
    blocks = CODE.findall(described_methods()[name])
    calls = [text for kind, text in blocks if kind == "sh"]
    replies = [json.loads(text) for kind, text in blocks if kind == "json"]
    assert calls
    assert len(calls) == len(replies)
    for call in calls:
        *command, method = shlex.split(call)[:4]
        assert command == ["ubus", "call", "homeline"]
        assert method == name
        given = json.loads("".join(shlex.split(call)[4:]) or "{}")
        check_arguments(methods()[name], given)
    for reply in replies:
        check_shapes(reply)


LISTS = {
    "calls": "A call",
    "messages": "A message",
    "conversations": "A conversation",
    "deliveries": "A delivery",
    "dongles": "A dongle",
    "alerts": "An alert",
    "problems": "A problem",
}


def check_shapes(reply: dict[str, Any]) -> None:
    for key, value in reply.items():
        if key in LISTS:
            assert isinstance(value, list)
            for item in value:
                assert set(item) <= set(documented_keys(LISTS[key])), key
                assert set(item) >= required_keys(LISTS[key]), key


def test_statuses() -> None:
    found = {row[1].strip("`"): int(row[0]) for row in rows(sections(UBUS.read_text(), 3)["Statuses"], "status")}
    assert found == {name: Status[name].value for name in found}
    assert {2, 4, 5, 6, 7, 8, 9} <= set(found.values())  # those of `errors`


@pytest.mark.parametrize("name", sorted(methods()))
def test_statuses_of_a_method_are_in_the_table(name: str) -> None:
    known = {int(row[0]) for row in rows(sections(UBUS.read_text(), 3)["Statuses"], "status")}
    failing = re.search(r"^Fails with (.*?)\.$", described_methods()[name].replace("\n", " ").strip(), re.MULTILINE)
    told = {int(number) for number in re.findall(r"\b(\d+)(?= \(| and )", failing[1])} if failing else set()
    assert told <= known


# -- events --------------------------------------------------------------------------------------------------------


def emitted() -> set[str]:
    """Every event name in the source: a string of the form homeline.x.y."""
    found = set()
    for path in (REPOSITORY / "src/homeline").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                found |= set(re.findall(r"^homeline\.[a-z]+\.[a-z]+$", node.value))
    return found


def test_all_events_and_no_others() -> None:
    assert {name.strip("`") for name in under(UBUS, "Events")} == emitted()


EVENT_SHAPES = {
    "message": "A message",
    "delivery": "A delivery",
    "dongle": "A dongle",
    "alert": "An alert",
    "call": "A call",
    "voicemail": "A call",
}


@pytest.mark.parametrize("name", sorted(emitted()))
def test_payload_of_an_event(name: str) -> None:
    (payload,) = (json.loads(text) for kind, text in CODE.findall(under(UBUS, "Events")[f"`{name}`"]) if kind == "json")
    shape = EVENT_SHAPES.get(name.split(".")[1])
    if shape:
        assert required_keys(shape) <= set(payload) <= set(documented_keys(shape))
    else:
        check_shapes(payload)
    if name.startswith("homeline.message."):
        assert payload["state"] == name.rsplit(".", 1)[1]


# -- shapes --------------------------------------------------------------------------------------------------------


def documented_keys(shape: str) -> list[str]:
    return [row[0].removesuffix(" *").strip("`") for row in rows(under(UBUS, "Shapes")[shape], "key")]


def required_keys(shape: str) -> set[str]:
    return {row[0].split("`")[1] for row in rows(under(UBUS, "Shapes")[shape], "key") if row[0].endswith("*")}


FULL_MESSAGE = Message(
    *(1, Direction.IN, MessageState.FAILED, "d", "sim", "p", "raw", "name", "text"),
    *(1, 1, 60, 1, "gsm7", 0, 3, 2, b"x", (1, 2), "note", "error", True, True, True),
)
EMPTY_MESSAGE = Message(1, Direction.IN, MessageState.RECEIVED, "", "", "", "")


# The emptiest and the fullest of each; a time is there once it is known.
def regular_shapes(kind: type[Regular], least: set[str]) -> tuple[dict[str, Any], dict[str, Any]]:
    """What `status` shows of a schedule or a balance, from its fields alone."""
    made = kind.__new__(kind)
    account = Namespace(name="n", dongle="d", every=1, at="12:00", action="sms", unit="CHF")
    made.account, made._progress, made._waits, made._error = account, Progress(5, 5, 5), "w", "e"
    if isinstance(made, Reader):
        made._limit = 1
        made._show(0, 5)
    shown = made.status()
    return {key: shown[key] for key in least}, shown


SHAPES: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "A message": (
        {key: value for key, value in shapes.message(EMPTY_MESSAGE).items() if key != "at"},
        shapes.message(FULL_MESSAGE),
    ),
    "A part": (shapes.part(Part(1, "00", "")), shapes.part(Part(1, "00", "t", "sent", 1, "e"))),
    "A conversation": (
        shapes.conversation(Conversation("p", "", EMPTY_MESSAGE, 0, 1)),
        shapes.conversation(Conversation("p", "name", EMPTY_MESSAGE, 0, 1)),
    ),
    "A delivery": (
        shapes.delivery(Delivery(1, 1, "r", "c", DeliveryState.DONE)),
        shapes.delivery(
            Delivery(1, 1, "r", "c", next_at=5, done_at=5, error="e", hold_until=5, priority=Priority.HIGH, digest=1),
            (Event(1, EventKind.USSD, 1, "d"),),
        )
        | shapes.delivery(Delivery(1, 1, "r", "c", DeliveryState.DONE, error="note")),
    ),
    "A dongle": (
        shapes.dongle(DongleStatus("d")),
        shapes.dongle(
            DongleStatus(
                *("d", Driver.SERIAL, DongleState.READY, Reason.MUTE, "detail", 1, "port", "1-1", "maker", "model"),
                *("fw", "imei", "iccid", "imsi", "number", "op", Registration.HOME, "lte", -70, True, 1, 2, 3),
            )
        ),
    ),
    "A call": (
        {
            key: value
            for key, value in shapes.call(Call(0, CallDirection.IN, CallState.MISSED, "u")).items()
            if key != "started_at"
        },
        shapes.call(
            Call(
                *(1, CallDirection.IN, CallState.VOICEMAIL, "u", "d", "l", "p", "raw", "name", "to", "phone", "rule"),
                *(1, 2, 3, 16, "reason", "file", 4, 5, True),
            )
        ),
    ),
    "An alert": (shapes.alert(Alert(1, "k", "t")), shapes.alert(Alert(1, "k", "t", "a", "info", "d", 1, 2, event=3))),
    "A rule": (
        StatusReport._rule("r", True, None),
        StatusReport._rule("r", True, Summary("r", 1, 2, 3, 4, "e")),
    ),
    "A channel": (
        StatusReport._channel("email", "c", None, None),
        StatusReport._channel("mqtt", "c", Namespace(connected=True), Summary("c", 1, 2, 3, 4, "e")) | {"gone": True},
    ),
    "A schedule": regular_shapes(Scheduled, {"name", "action", "dongle", "every"}),
    "A balance": regular_shapes(Reader, {"name", "dongle", "every"}),
    "A problem": ({}, shapes.problem(Problem("w", "t", "a"))),
}


def test_all_shapes_and_no_others() -> None:
    assert sorted(under(UBUS, "Shapes")) == sorted(SHAPES)


@pytest.mark.parametrize("shape", sorted(SHAPES))
def test_keys_of_a_shape(shape: str) -> None:
    least, most = SHAPES[shape]
    assert documented_keys(shape) == list(most)
    assert required_keys(shape) == set(least)


# -- values --------------------------------------------------------------------------------------------------------

VALUES = {
    "States of a message": MessageState,
    "States of a delivery": DeliveryState,
    "Directions of a call": CallDirection,
    "States of a call": CallState,
    "States of a dongle": DongleState,
    "Reasons": Reason,
    "Registrations": Registration,
    "Drivers": Driver,
    "Kinds of events": EventKind,
    "Kinds of numbers": NumberKind,
}


def test_all_kinds_of_values_and_no_others() -> None:
    assert sorted(under(UBUS, "Values")) == sorted(VALUES)


@pytest.mark.parametrize("heading", sorted(VALUES))
def test_values(heading: str) -> None:
    found = [row[0].strip('`"') for row in rows(under(UBUS, "Values")[heading], "value")]
    assert found == [member.value for member in VALUES[heading]]


def test_every_enumeration_of_the_bus_is_documented() -> None:
    internal = {"Disposition"}
    elsewhere = {"Storage", "Direction", "Priority"}  # docs/uci.md; in the table of a message
    enums = {name for name, value in vars(model).items() if isinstance(value, type) and hasattr(value, "__members__")}
    documented = {kind.__name__ for kind in VALUES.values()}
    assert enums - {"StrEnum"} == (documented | internal | elsewhere) - {"NumberKind"}


# -- the command ---------------------------------------------------------------------------------------------------


def commands() -> dict[str, Any]:
    parser = client._parser()
    (action,) = [action for action in parser._actions if hasattr(action, "choices") and action.choices]
    return dict(cast(Mapping[str, Any], action.choices))


def test_all_commands_and_no_others() -> None:
    described = [name.split("`")[1].split()[1] for name in sections((DOCS / "cli.md").read_text(), 3)]
    assert described == list(commands())


@pytest.mark.parametrize("name", sorted(commands()))
def test_options_of_a_command(name: str) -> None:
    body = next(
        heading + text
        for heading, text in sections((DOCS / "cli.md").read_text(), 3).items()
        if f"homeline {name}" in heading
    )
    offered = set(client._options(commands()[name])) - {"--help", "--json"}
    assert set(re.findall(r"--[a-z-]+[a-z]", body)) - {"--json"} == offered


def test_exit_codes() -> None:
    found = {int(row[0]) for row in rows(sections((DOCS / "cli.md").read_text(), 2)["Exit codes"], "code")}
    assert found == {0, client.FAILED, client.USAGE, client.ABSENT, client.TIMEOUT, 130}


@pytest.mark.parametrize("page", ["cli.md", "codec.md"])
def test_shown_runs_of_the_pdu_tools(page: str, capsys: pytest.CaptureFixture[str]) -> None:
    shown = [
        text for _, text in CODE.findall((DOCS / page).read_text()) if re.match(r"\$ homeline (de|en)code-pdu", text)
    ]
    assert shown
    for text in shown:
        call, output = text.split("\n", 1)
        assert pdu_tool.main(shlex.split(call)[2:]) == 0
        assert capsys.readouterr().out.strip() == output.strip()


DELIVER = "07911497949900F0040B911497112132F300006211322135014013D9775D0E1ABFC965507A0EA2E164B9D80C"
SUBMIT = "0021000B911497110100F0000006C8329BFDFE01"
STATUS_REPORT = "07911497949900F0062A0B911497214365F7621132213501406211322135114000"


def test_keys_of_decoded_pdus() -> None:
    text = (DOCS / "codec.md").read_text()
    told = set(re.findall(r"`(\w+)`", text[text.index("Keys of `--json`") :].split("\n\n")[0]))
    decoded = [pdu_tool.decode(pdu) for pdu in (DELIVER, SUBMIT, STATUS_REPORT)]
    assert [fields["type"] for fields in decoded] == ["deliver", "submit", "status_report"]
    values = {"deliver", "submit", "status_report", "gsm7", "ucs2", "8bit", "null"}
    inner = {"ref", "ref_bits", "total", "seq", "dst", "src"}
    assert told - values - inner == set().union(*decoded)


def test_keys_of_a_wish() -> None:
    found = [row[0] for row in rows((DOCS / "codec.md").read_text(), "key")]
    assert set(re.findall(r"`(\w+)`", " ".join(found))) == set(pdu_tool._WISHES)


# -- troubleshooting -----------------------------------------------------------------------------------------------


def test_each_reason_has_its_advice() -> None:
    found = {row[0].strip("`"): row[2] for row in rows((DOCS / "troubleshooting.md").read_text(), "reason")}
    assert set(found) == {reason.value for reason in Reason if reason}
    for reason, advice in ADVICE.items():
        assert found[reason.value].startswith(advice), reason


def alert_keys() -> Iterator[str]:
    """The constant beginning of each key under which an alert is raised or cleared."""
    for path in (REPOSITORY / "src/homeline").rglob("*.py"):
        text = path.read_text()
        yield from re.findall(r"\.raise_\(\s*f?\"([a-z]+)\.", text)
        yield from re.findall(r"\bkey = f\"([a-z]+)\.\{", text)
        yield from re.findall(r"return f\"(message)\.\{", text)


def test_each_alert_is_explained() -> None:
    found = {row[0].strip("`").split(".")[0] for row in rows((DOCS / "troubleshooting.md").read_text(), "key")}
    assert found == set(alert_keys())


# -- modems --------------------------------------------------------------------------------------------------------


def test_all_rows_of_modems_and_no_others() -> None:
    found = [row[0] for row in rows((DOCS / "modems.md").read_text(), "row")]
    assert found == [row.name for row in quirks.MODELS]


def test_the_ladder() -> None:
    found = {}
    for failures, remedies in rows((DOCS / "modems.md").read_text(), "failure"):
        for failure in re.findall(r"`(\w+)`", failures):
            found[failure] = tuple(remedies.split("; "))
    assert set(found) == {failure.value for failure in Failure}
    shown = {"ask AT": "at", "end whatever": "resync", "radio": "radio", "restart": "reset", "reopen": "reopen"}
    for failure, remedies in found.items():
        rungs = [next(rung for words, rung in shown.items() if remedy.startswith(words)) for remedy in remedies]
        assert rungs == [rung.value for rung in LADDER[Failure(failure)]], failure


# -- the first steps -----------------------------------------------------------------------------------------------


def test_the_first_steps_of_the_readme_make_a_working_configuration(tmp_path: Path) -> None:
    folder = tmp_path / "etc/config"
    folder.mkdir(parents=True)
    for name in config.FILES:
        shutil.copy(REPOSITORY / "files/etc/config" / name, folder / name)
    steps = sections((REPOSITORY / "README.md").read_text(), 3)["First steps"]
    run = Uci(tmp_path)
    for line in re.findall(r"^uci .*$", steps, re.MULTILINE):
        command, *arguments = shlex.split(line, comments=True)[1:]
        COMMANDS[command][0](run, arguments)
    loaded = config.load(folder)
    assert loaded.problems == ()
    assert loaded.main.enabled
    assert [rule.channels for rule in loaded.rules] == [("me",)]
    assert [(account.name, account.password) for account in loaded.emails] == [("me", "correct horse battery staple")]
    assert [dongle.name for dongle in loaded.dongles] == ["stick"]


# -- pages ---------------------------------------------------------------------------------------------------------


def slug(heading: str) -> str:
    """A heading's anchor, as GitHub makes it."""
    return re.sub(r"[^\w\- ]", "", heading.strip().lower()).replace(" ", "-")


def anchors(page: Path) -> set[str]:
    text = CODE.sub("", page.read_text())
    return {slug(head) for head in re.findall(r"^#+ (.*)$", text, re.MULTILINE)}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere(page: Path) -> None:
    text = CODE.sub("", page.read_text())
    for link in re.findall(r"\]\(([^)]+)\)", text):
        if re.match(r"https?:", link):
            continue
        path, _, anchor = link.partition("#")
        target = (page.parent / path).resolve() if path else page
        assert target.exists(), link
        assert not anchor or anchor in anchors(target), link


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_no_page_is_alone(page: Path) -> None:
    """Each page can be reached from the README."""
    linked = re.findall(r"\]\((docs/[\w.-]+|CHANGELOG\.md)", (REPOSITORY / "README.md").read_text())
    assert page.name == "README.md" or str(page.relative_to(REPOSITORY)) in linked


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_files_that_are_named_are_there(page: Path) -> None:
    text = CODE.sub("", page.read_text())
    for name in re.findall(r"`((?:src|tests|docs|files|scripts)/[\w./-]+)`", text):
        assert (REPOSITORY / name).exists(), name


def test_the_readme_names_both_commands() -> None:
    targets = re.findall(r"^(\w+):.*## ", (REPOSITORY / "Makefile").read_text(), re.MULTILINE)
    shown = re.findall(r"^make (\w+)", (REPOSITORY / "README.md").read_text(), re.MULTILINE)
    assert {"demo", "test"} <= set(shown) <= set(targets)


PICTURES = sorted(DOCS.glob("*.png"))


@pytest.mark.parametrize("picture", PICTURES, ids=lambda picture: picture.name)
def test_each_picture_is_one_and_is_shown(picture: Path) -> None:
    data = picture.read_bytes()
    assert data.startswith(b"\x89PNG\r\n\x1a\n")
    width, height = struct.unpack(">II", data[16:24])
    assert min(width, height) > 380
    assert any(re.search(rf"!\[[^]]+\]\((docs/)?{re.escape(picture.name)}\)", page.read_text()) for page in PAGES)


def test_the_readme_has_pictures() -> None:
    shown = re.findall(r"!\[[^]]+\]\(docs/([\w-]+\.png)\)", (REPOSITORY / "README.md").read_text())
    assert {"demo.png", "luci-overview.png"} <= set(shown)


def test_the_changelog_begins_with_this_version() -> None:
    version = re.search(r'^version = "(.*)"$', (REPOSITORY / "pyproject.toml").read_text(), re.MULTILINE)
    assert version is not None
    first = re.search(r"^## \[(.*?)\]", (REPOSITORY / "CHANGELOG.md").read_text(), re.MULTILINE)
    assert first is not None
    assert first[1] in (version[1], "Unreleased")
