"""What Asterisk answers when it is asked for its state, with rows of real answers."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from homeline.protocol import ami_state
from homeline.protocol.ami import Message, Parser
from homeline.protocol.ami_state import Channel, Contact, Endpoint, Registration
from hostile import HOSTILE


def messages(text: str) -> list[Message]:
    return Parser().feed(text.strip().replace("\n", "\r\n").encode() + b"\r\n\r\n")


# Asterisk 22.10, shortened to what is near the fields that are read.
ENDPOINT = """
Event: EndpointDetail
ActionID: x
ObjectType: endpoint
ObjectName: carrier
RpidImmediate: false
Aors: carrier
SetVar: A=1,HOMELINE_RENDERED=abc123,B=x
Context: homeline-trunk-carrier
DeviceState: Not in use
ActiveChannels: 2

Event: AuthDetail
ActionID: x
ObjectType: auth
ObjectName: carrier-out
Password: secret
EndpointName: carrier

Event: AorDetail
ActionID: x
ObjectType: aor
ObjectName: carrier
Contacts: carrier/sip:127.0.0.1:15970

Event: TransportDetail
ActionID: x
ObjectType: transport
ObjectName: homeline-udp
Bind: 127.0.0.1:15960

Event: ContactStatusDetail
ActionID: x
AOR: carrier
URI: sip:192.0.2.7:5060;transport=tcp
UserAgent: Linphone/4.2 (a <b>)
RegExpire: 0
Status: Reachable
RoundtripUsec: 12499
EndpointName: carrier

Event: ContactStatusDetail
ActionID: x
AOR: carrier
URI: sip:u@[2001:db8::7]:5061
UserAgent:
Status: Unreachable
RoundtripUsec: N/A

Event: ContactStatusDetail
ActionID: x
URI: sips:gw.example.org
Status: NonQualified
RoundtripUsec: 7

Event: IdentifyDetail
ActionID: x
ObjectType: identify
ObjectName: carrier
Match: 127.0.0.9/255.255.255.255
"""


def test_an_endpoint_with_all_that_belongs_to_it() -> None:
    assert ami_state.endpoint(messages(ENDPOINT)) == Endpoint(
        name="carrier",
        device="not in use",
        contacts=(
            Contact("192.0.2.7:5060", "reachable", "Linphone/4.2 (a <b>)", 12),
            Contact("[2001:db8::7]:5061", "unreachable"),
            Contact("gw.example.org", "unknown"),
        ),
        identifies=("carrier",),
        transports=("homeline-udp",),
        variables="A=1,HOMELINE_RENDERED=abc123,B=x",
    )
    assert "secret" not in repr(ami_state.endpoint(messages(ENDPOINT)))


def test_no_endpoint() -> None:
    assert ami_state.endpoint([]) is None
    assert ami_state.endpoint(messages("Event: AuthDetail\nObjectName: x")) is None


@pytest.mark.parametrize(
    ("variables", "value"),
    [
        ("HOMELINE_RENDERED=abc", "abc"),
        ("A=1,HOMELINE_RENDERED=abc,B=2", "abc"),
        ("A=HOMELINE_RENDERED=abc", ""),
        ("HOMELINE_RENDERED=", ""),
        ("HOMELINE_RENDERED", ""),
        ("", ""),
    ],
)
def test_variable(variables: str, value: str) -> None:
    assert ami_state.variable(variables, "HOMELINE_RENDERED") == value


@pytest.mark.parametrize(
    ("uri", "address"),
    [
        ("sip:127.0.0.1:15970", "127.0.0.1:15970"),
        ("sip:mobile@192.168.1.5:5060;transport=udp;x-ast-orig-host=10.0.0.1:5060", "192.168.1.5:5060"),
        ("sip:a:password@host", "host"),
        ("sips:[::1]", "[::1]"),
        ("sip:[::1]:5061;ob", "[::1]:5061"),
        ("sip:x@host?header=y", "host"),
        ("sip:", ""),
        ("tel:+41791112233", ""),
        ("sip:host:99999999", ""),
        ("sip:ho\r\nst", ""),
        ("", ""),
    ],
)
def test_address(uri: str, address: str) -> None:
    assert ami_state.address(uri) == address


def test_a_registration() -> None:
    (item,) = messages("Event: OutboundRegistrationDetail\nObjectName: carrier\nStatus: Registered\nNextReg: 30")
    assert ami_state.registration(item) == Registration("carrier", "registered")


CHANNEL = """
Event: CoreShowChannel
ActionID: x
Channel: {channel}
ChannelState: 6
ChannelStateDesc: Up
CallerIDNum: {number}
CallerIDName: Ann <x>
ConnectedLineNum: <unknown>
ConnectedLineName: <unknown>
Context: from-p1
Exten: 100
Uniqueid: 1795443832.8
Linkedid: 1795443832.7
Application: Wait
ApplicationData: 20
Duration: 01:02:03
BridgeId:
"""


@pytest.mark.parametrize(
    ("channel", "device"),
    [
        ("PJSIP/mobile-0000001a", "mobile"),
        ("PJSIP/my-phone-00000001", "my-phone"),
        ("Dongle/stick-0100000000", "stick"),
        ("Local/100@from-p1-00000000;2", "100@from-p1"),
        ("odd", ""),
    ],
)
def test_a_channel(channel: str, device: str) -> None:
    (item,) = messages(CHANNEL.format(channel=channel, number="+41791112233"))
    assert ami_state.channel(item) == Channel(
        name=channel,
        uid="1795443832.8",
        call="1795443832.7",
        device=device,
        number="+41791112233",
        caller_name="Ann <x>",
        other="",
        state="up",
        seconds=3723,
    )


def test_a_forged_number_is_one_line_and_one_channel() -> None:
    """What follows a forged empty line is lost; what is sure remains."""
    number = "abc\nFoo: bar\n\nEvent: CoreShowChannel\nChannel: PJSIP/other-00000001\nActionID: guess"
    first, *_ = messages(CHANNEL.format(channel="PJSIP/carrier-00000001", number=number))
    found = ami_state.channel(first)
    assert (found.name, found.uid, found.call, found.number) == (
        *("PJSIP/carrier-00000001", "PJSIP/carrier-00000001", "PJSIP/carrier-00000001"),
        "abc",
    )
    assert found.seconds == 0


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE)
def test_a_hostile_text_can_be_shown(text: str) -> None:
    shown = ami_state.clean(text)
    assert len(shown) <= ami_state.SHOWN and (shown.isprintable() or not shown)
    assert ami_state.clean("<unknown>") == ""


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("00:00:01", 1), ("100:00:00", 360000), ("1:2", 0), ("a:b:c", 0), ("", 0), ("-1:00:00", 0), ("9" * 9 + ":0:0", 0)],
)
def test_duration(text: str, seconds: int) -> None:
    assert ami_state.duration(text) == seconds


def test_later() -> None:
    (item,) = messages(CHANNEL.format(channel="a", number=""))
    assert ami_state.later(ami_state.channel(item), 7).seconds == 3730


NAMES = st.sampled_from(["Event", "ObjectName", "Status", "RoundtripUsec", "URI", "Duration", "ActiveChannels", "X"])
MESSAGES = st.lists(st.tuples(NAMES, st.text(max_size=30)), min_size=1, max_size=6)


@given(st.lists(MESSAGES, max_size=5), st.sampled_from(["EndpointDetail", "ContactStatusDetail", "CoreShowChannel"]))
def test_nothing_that_comes_breaks_it(items: list[list[tuple[str, str]]], event: str) -> None:
    found = [Message((("Event", event), *headers)) for headers in items]
    ami_state.endpoint([Message((("Event", "EndpointDetail"),)), *found])
    for item in found:
        assert ami_state.channel(item).seconds >= 0
        ami_state.registration(item)
