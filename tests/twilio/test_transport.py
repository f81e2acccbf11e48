"""How requests go out: where to, how often, how long; and what of an answer is believed."""

from __future__ import annotations

import http.client
from dataclasses import dataclass, field
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from homeline.config_sip import Twilio
from homeline.twilio.account import Account
from homeline.twilio.kinds import BY_NAME
from homeline.twilio.transport import LARGEST, TRIES, Reply, Transport
from homeline.twilio.trouble import Lost, Trouble, shown
from homeline_lab.twilio_api import Request, Response
from homeline_lab.twilio_api_server import Fault
from hostile import HOSTILE
from twilio_kit import ACCOUNT, KEY, SECRET, Rig

URL = f"https://api.twilio.com/2010-04-01/Accounts/{ACCOUNT}.json"


@dataclass
class Recorded:
    """A transport that goes nowhere."""

    asked: list[str] = field(default_factory=list)
    auth: list[Any] = field(default_factory=list)

    def request(self, method: str, uri: str, *_rest: Any, auth: Any = None, **_more: Any) -> Reply:
        self.asked.append(uri)
        self.auth.append(auth)
        return Reply(404, '{"code": 20404, "message": "x"}', {})


@pytest.mark.parametrize(
    ("region", "edge", "api", "routes"),
    [
        ("", "", "api.twilio.com", "routes.twilio.com"),
        ("us1", "", "api.twilio.com", "routes.twilio.com"),
        ("", "frankfurt", "api.frankfurt.us1.twilio.com", "routes.twilio.com"),
        ("ie1", "", "api.dublin.ie1.twilio.com", "routes.twilio.com"),
        ("au1", "sydney", "api.sydney.au1.twilio.com", "routes.twilio.com"),
    ],
)
def test_regions_are_asked_at_their_own_hosts(region: str, edge: str, api: str, routes: str) -> None:
    recorded = Recorded()
    twilio = Twilio(ACCOUNT, KEY, SECRET, auth_token="t" * 32, region=region, edge=edge)
    account = Account(twilio, transport=recorded)  # type: ignore[arg-type]
    assert account.about() == {} and account.routed("a.sip.twilio.com") == ""
    with pytest.raises(Trouble):
        account.listed(BY_NAME["byoc_trunk"])
    assert [uri.split("/")[2] for uri in recorded.asked] == [api, routes, api.replace("api", "voice")]
    assert set(recorded.auth) == {(KEY, SECRET)}


@pytest.mark.parametrize("option", ["account_sid", "api_key", "api_secret"])
def test_what_is_needed_to_ask(option: str) -> None:
    given = {"account_sid": ACCOUNT, "api_key": KEY, "api_secret": SECRET, option: ""}
    with pytest.raises(Trouble, match=option):
        Account(Twilio(**given))


@pytest.mark.parametrize(
    "url",
    [
        "http://api.twilio.com/",
        "https://twilio.com/",
        "https://api.twilio.com.evil.example/",
        "https://api.twilio.com@evil.example/",
        "https://evil.example#.twilio.com",
        "https://evil.example/.twilio.com",
        "ftp://api.twilio.com/",
        "//api.twilio.com/",
        "",
    ],
)
def test_nobody_but_twilio_is_asked(url: str) -> None:
    with pytest.raises(Trouble, match="leads away"):
        Transport().request("GET", url)


def transport(rig: Rig, **more: Any) -> Transport:
    return Transport({"": rig.server.url}, sleep=rig.waits.append, **more)


AUTH = (KEY, SECRET)


def test_connections_are_kept(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[object] = []
    connect = http.client.HTTPConnection.connect
    monkeypatch.setattr(http.client.HTTPConnection, "connect", lambda self: (made.append(self), connect(self))[1])
    kept = transport(rig)
    assert [kept.request("GET", URL, auth=AUTH).status_code for _ in range(5)] == [200] * 5
    assert len(made) == 1
    kept.close()


@pytest.mark.parametrize("fault", [Fault.CUT, Fault.LOST, Fault.BROKEN, Fault.BROKEN_LATE, Fault.HALF])
def test_what_makes_something_is_asked_once(rig: Rig, fault: Fault) -> None:
    rig.server.choose = lambda _number, _request: fault
    asking = transport(rig)
    with pytest.raises(Lost), asking.once():
        asking.request("POST", URL, data={"FriendlyName": "x"}, auth=AUTH)
    assert len(rig.server.asked) == 1


@pytest.mark.parametrize("method", ["GET", "POST", "DELETE"])
def test_all_else_is_tried_again_ever_later(rig: Rig, method: str) -> None:
    rig.server.choose = lambda _number, _request: Fault.CUT
    with pytest.raises(Trouble, match="broke"):
        transport(rig).request(method, URL, auth=AUTH)
    assert len(rig.server.asked) == TRIES and rig.waits == [1.0, 2.0, 4.0, 8.0]


def test_429_is_tried_again_whatever_it_is(rig: Rig) -> None:
    rig.server.choose = lambda number, _request: Fault.BUSY if number < 3 else None
    asking = transport(rig)
    form = {"Content-Type": "application/x-www-form-urlencoded"}
    with asking.once():
        reply = asking.request("POST", URL, data={"FriendlyName": "x"}, headers=form, auth=AUTH)
    assert reply.status_code == 200 and len(rig.server.asked) == 3 and rig.waits == [1.0, 1.0]


@pytest.mark.parametrize(
    ("said", "waited"),
    [("7", 7.0), ("3600", 60.0), ("-1", 1.0), ("soon", 1.0), ("", 1.0), ("9" * 30, 1.0), ("1.5", 1.0), ("\u0663", 1.0)],
)
def test_retry_after_is_believed_within_reason(rig: Rig, said: str, waited: float) -> None:
    answers = iter([Response(429, {}, {"Retry-After": said.encode().decode("latin-1")}), Response(200, {})])
    rig.twilio.answer = lambda _request: next(answers)  # type: ignore[method-assign]
    assert transport(rig).request("GET", URL, auth=AUTH).status_code == 200
    assert rig.waits == [waited]


def test_nobody_there() -> None:
    with pytest.raises(Trouble, match="cannot be reached"):
        Transport({"": "http://127.0.0.1:1"}, sleep=lambda _seconds: None).request("GET", URL)


def test_it_ends_in_time(rig: Rig) -> None:
    now = iter([0.0, 0.0, 0.0, 0.0, *[400.0] * 20])
    asking = transport(rig, clock=lambda: next(now))
    with pytest.raises(Trouble, match="300 s"):
        for _ in range(10):
            asking.request("GET", URL, auth=AUTH)
    with pytest.raises(Trouble, match="300 s"):
        asking.wait(1)


def test_an_answer_that_does_not_end(rig: Rig) -> None:
    def long(_request: Request) -> Response:
        return Response(200, {"friendly_name": "x" * (LARGEST + 1)})

    rig.twilio.answer = long  # type: ignore[method-assign]
    with pytest.raises(Trouble, match="longer"):
        transport(rig).request("GET", URL, auth=AUTH)


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE)
def test_what_others_say_is_shown_harmlessly(rig: Rig, text: str) -> None:
    def refused(_request: Request) -> Response:
        return Response(400, {"code": 1, "message": f"{SECRET} {text} Pa55word-of-anna"})

    rig.twilio.answer = refused  # type: ignore[method-assign]
    account = Account(Twilio(ACCOUNT, KEY, SECRET), transport=transport(rig))
    account.keep_secret("Pa55word-of-anna")
    with pytest.raises(Trouble) as caught:
        account.listed(BY_NAME["sip_domain"])
    words = str(caught.value)
    assert words.isprintable() and len(words) < 600 and SECRET not in words and "Pa55word" not in words
    assert caught.value.__cause__ is None and caught.value.__suppress_context__


@given(st.text(), st.text(min_size=4))
def test_shown(text: str, secret: str) -> None:
    words = shown(text + secret + text, (secret,))
    assert words.isprintable() and len(words) <= 300
