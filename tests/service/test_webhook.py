"""The webhook channel against a server that answers as it is told."""

from __future__ import annotations

import hashlib
import hmac
import json
import logging
from collections.abc import AsyncIterator
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from homeline import config
from homeline.config import Rule
from homeline.config_channels import Webhook
from homeline.errors import ConfigError, DeliveryError
from homeline.model import Delivery, Event, EventKind, Priority
from homeline.service.channels.webhook import WebhookChannel, build
from homeline_lab.web import Heard, Reply, WebServer
from hostile import HOSTILE
from service.kit import ANN, NOW, Service
from wording_kit import wording

KEY = "7.all.hook.0-5f3a"
SECRETS = {"token": "tk_0123456789", "signing_key": "k3y-0123456789", "secret_headers": ("X-Key: h34der-secret",)}


def event(text: str = "hello") -> Event:
    return Event(7, EventKind.MESSAGE, NOW, "stick", ANN, text)


def delivery() -> Delivery:
    return Delivery(1, 7, "all", "hook")


@pytest.fixture
async def server() -> AsyncIterator[WebServer]:
    async with WebServer() as server:
        yield server


def channel(
    service: Service, server: WebServer, path: str = "/hook", rule: Rule | None = None, **options: Any
) -> WebhookChannel:
    given = {"url": server.url + path, "allow_local": True, "timeout": 10, **options}
    return build(Webhook("hook", **given), service.world(wording=wording("5f3a", rule or Rule("all"))))


async def sent(service: Service, server: WebServer, text: str = "hello", **options: Any) -> Heard:
    await channel(service, server, **options).deliver(delivery(), event(text))
    return server.heard[-1]


async def refused(made: WebhookChannel) -> DeliveryError:
    with pytest.raises(DeliveryError) as caught:
        await made.deliver(delivery(), event())
    return caught.value


# -- what goes out -----------------------------------------------------------------------------------------------------


async def test_the_event_as_json(service: Service, server: WebServer) -> None:
    heard = await sent(service, server)
    assert (heard.method, heard.path) == ("POST", "/hook")
    assert heard.headers["content-type"] == "application/json"
    assert heard.headers["idempotency-key"] == KEY
    assert heard.headers["x-homeline-event"] == "7"
    assert heard.headers["x-homeline-kind"] == "message"
    assert heard.headers["user-agent"] == "Homeline"
    assert "authorization" not in heard.headers
    assert "x-homeline-signature" not in heard.headers
    document = json.loads(heard.body)
    assert (document["version"], document["id"], document["text"]) == (1, KEY, "hello")


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE)
async def test_hostile_texts(service: Service, server: WebServer, text: str) -> None:
    heard = await sent(service, server, text)
    shown = json.loads(heard.body)["text"]
    assert shown in (text, text.encode("utf-8", "replace").decode()) or shown[:1000] == text[:1000]
    assert set(heard.headers) == set((await sent(service, server, "calm")).headers)


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE)
async def test_the_owners_template_as_the_body(service: Service, server: WebServer, text: str) -> None:
    body = '{{"who": {from|json}, "said": {text|first 5000|json}, "title": {subject|json}}'
    options = {"preset": "template", "body": body, "content_type": "application/json"}
    heard = await sent(service, server, text, rule=Rule("all", subject="new"), **options)
    assert heard.headers["content-type"] == "application/json"
    shown = text.encode("utf-8", "replace").decode()
    said = shown if len(shown) <= 5000 else shown[:4999] + "…"
    assert json.loads(heard.body) == {"who": ANN, "said": said, "title": "new"}


async def test_repeats_carry_the_same_key_and_body(service: Service, server: WebServer) -> None:
    made = channel(service, server)
    server.replies += [Reply(500), Reply(reset=True)]
    await refused(made)
    await refused(made)
    service.now += 5
    await made.deliver(delivery(), event())
    assert {heard.headers["idempotency-key"] for heard in server.heard} == {KEY}
    assert len({heard.body for heard in server.heard}) == 1


async def test_the_signature_is_over_time_and_body(service: Service, server: WebServer) -> None:
    heard = await sent(service, server, "grüezi", **SECRETS)
    when, _, proof = heard.headers["x-homeline-signature"].partition(",")
    assert when == f"t={NOW}"
    whole = f"{NOW}.".encode() + heard.body
    assert proof == "v1=" + hmac.new(b"k3y-0123456789", whole, hashlib.sha256).hexdigest()
    assert heard.headers["authorization"] == "Bearer tk_0123456789"
    assert heard.headers["x-key"] == "h34der-secret"


async def test_own_headers_take_the_place_of_ours(service: Service, server: WebServer) -> None:
    own = ("content-type: application/vnd.me+json", "X-Empty:  ", "X-One: 1: 2")
    heard = await sent(service, server, headers=own, token="t0ken", secret_headers=("AUTHORIZATION: Basic abc",))
    assert heard.headers["content-type"] == "application/vnd.me+json"
    assert heard.headers["x-one"] == "1: 2"
    assert heard.headers["authorization"] == "Basic abc"


@pytest.mark.parametrize("method", ["PUT", "PATCH"])
async def test_other_methods(service: Service, server: WebServer, method: str) -> None:
    heard = await sent(service, server, method=method)
    assert (heard.method, json.loads(heard.body)["text"]) == (method, "hello")


async def test_get_has_the_event_in_its_query(service: Service, server: WebServer) -> None:
    heard = await sent(service, server, "a&b=c #\u00e4\ud800\n", method="GET", path="/hook?key=1")
    assert (heard.method, heard.body) == ("GET", b"")
    assert "content-type" not in heard.headers
    query = parse_qs(urlsplit(heard.path).query, strict_parsing=True)
    assert query["key"] == ["1"]
    assert query["text"] == ["a&b=c #\u00e4?\n"]
    assert query["id"] == [KEY]


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE)
async def test_a_body_of_the_owners(service: Service, server: WebServer, text: str) -> None:
    template = '{{"sms": {text|json}, "from": {from|json}}'
    heard = await sent(service, server, text, preset="template", body=template, content_type="application/json")
    assert heard.headers["content-type"] == "application/json"
    assert heard.headers["idempotency-key"] == KEY
    found = heard.body.decode()
    if len(text) < 60_000:
        assert json.loads(found) == {"sms": text.encode("utf-8", "replace").decode(), "from": ANN}


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE)
async def test_a_query_of_the_owners(service: Service, server: WebServer, text: str) -> None:
    options = {
        "preset": "template",
        "method": "GET",
        "path": "/send?apikey=1",
        "body": "phone={from|url}&text={text|first 500|url}",
    }
    heard = await sent(service, server, text, **options)
    query = parse_qs(urlsplit(heard.path).query, strict_parsing=True, keep_blank_values=True)
    wanted = text if len(text) <= 500 else text[:499] + "…"
    assert query == {"apikey": ["1"], "phone": [ANN], "text": [wanted.encode("utf-8", "replace").decode()]}


async def test_a_query_that_is_none_ends_the_delivery(service: Service, server: WebServer) -> None:
    made = channel(service, server, preset="template", method="GET", body="text={text}")
    with pytest.raises(DeliveryError) as caught:
        await made.deliver(delivery(), event("two words"))
    assert caught.value.permanent
    assert server.heard == []


async def test_a_body_of_several_events_has_them_all(service: Service, server: WebServer) -> None:
    several = event("one")
    several.digest = (event("one"), event("two"))
    await channel(service, server, preset="template", body="{text}").deliver(delivery(), several)
    assert b"one" in server.heard[0].body
    assert b"two" in server.heard[0].body
    await channel(service, server).deliver(delivery(), several)
    assert server.heard[1].headers["x-homeline-kind"] == json.loads(server.heard[1].body)["kind"] == "digest"


async def test_a_preset_decides_method_place_and_form(service: Service, server: WebServer) -> None:
    options = {"preset": "matrix", "target": "!room:a.example", "token": "t0ken", "path": "/"}
    heard = await sent(service, server, **options)
    assert heard.method == "PUT"
    assert heard.path == f"/_matrix/client/v3/rooms/%21room%3Aa.example/send/m.room.message/{KEY}"
    assert heard.headers["authorization"] == "Bearer t0ken"
    assert json.loads(heard.body)["body"].endswith("\n\nhello")
    heard = await sent(service, server, preset="pushover", target="u", token="t0ken", path="/")
    assert heard.headers["content-type"] == "application/x-www-form-urlencoded"
    assert parse_qs(heard.body.decode())["message"] == ["hello"]


async def test_the_owners_words_stand_alone_in_a_chat(service: Service, server: WebServer) -> None:
    rule = Rule("all", template="{from} says: {text}", subject="News")
    heard = await sent(service, server, rule=rule, preset="slack")
    assert json.loads(heard.body)["text"] == f"{ANN} says: hello"
    heard = await sent(service, server, rule=rule, preset="ntfy", target="topic", path="/")
    pushed = json.loads(heard.body)
    assert (pushed["title"], pushed["message"]) == ("News", f"{ANN} says: hello")
    heard = await sent(service, server, rule=Rule("all", template="{name}"), preset="slack")
    assert json.loads(heard.body)["text"].startswith(f"SMS from {ANN}")  # rather than nothing, which Slack refuses


@pytest.mark.parametrize("preset", ["json", "slack", "template"])
async def test_what_a_rule_hides_is_hidden(service: Service, server: WebServer, preset: str) -> None:
    rule = Rule("all", codes="redact")
    heard = await sent(service, server, "Your code is 482913", rule=rule, preset=preset, body="{text} {code} {body}")
    assert b"482913" not in heard.body


async def test_the_rules_priority(service: Service, server: WebServer) -> None:
    rule = Rule("all", priority=Priority.HIGH)
    heard = await sent(service, server, rule=rule, preset="ntfy", target="topic", path="/")
    assert json.loads(heard.body)["priority"] == 4


async def test_the_secret_url_is_used_and_never_shown(service: Service, server: WebServer) -> None:
    made = channel(service, server, secret_url=f"{server.url}/services/T0/B0/s3cr3tpath")
    await made.deliver(delivery(), event())
    assert server.heard[0].path == "/services/T0/B0/s3cr3tpath"


# -- what comes back ---------------------------------------------------------------------------------------------------

ANSWERS = [
    *((status, False, None) for status in (408, 425, 500, 502, 504)),
    *((status, False, 7.0) for status in (429, 503)),
    *((status, False, 300.0) for status in (300, 304, 401, 402, 403, 404, 405, 407, 410)),
    *((status, True, None) for status in (400, 406, 409, 411, 413, 414, 415, 418, 422)),
]


@pytest.mark.parametrize(("status", "permanent", "pause"), ANSWERS)
async def test_statuses(service: Service, server: WebServer, status: int, permanent: bool, pause: float | None) -> None:
    server.replies.append(Reply(status, b"because\r\n of\x1b[2J", (("Retry-After", "7"),) if pause == 7 else ()))
    error = await refused(channel(service, server))
    assert (error.permanent, error.retry_after) == (permanent, pause)
    assert str(error) == f"127.0.0.1 answered with status {status}" + (": because of [2J" if status != 304 else ".")


@pytest.mark.parametrize("status", [200, 201, 202, 204])
async def test_taken(service: Service, server: WebServer, status: int) -> None:
    server.replies.append(Reply(status))
    await channel(service, server).deliver(delivery(), event())


async def test_a_services_own_way_to_ask_for_patience(service: Service, server: WebServer) -> None:
    made = channel(service, server, preset="discord")
    server.replies.append(Reply(429, b'{"retry_after": 1.5}'))
    assert (await refused(made)).retry_after == 1.5
    server.replies.append(Reply(429, b'{"retry_after": 1.5}', (("Retry-After", "2"),)))
    assert (await refused(made)).retry_after == 2


async def test_a_services_own_way_to_say_that_the_token_is_wrong(service: Service, server: WebServer) -> None:
    made = channel(service, server, preset="pushover", target="u", token="t0ken", path="/")
    server.replies += [Reply(400, b'{"token":"invalid"}'), Reply(400, b'{"message":"cannot be blank"}')]
    error = await refused(made)
    assert (error.permanent, error.retry_after) == (False, 300)
    assert (await refused(made)).permanent


async def test_a_server_that_repeats_our_secrets_is_not_repeated(
    service: Service, server: WebServer, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    server.answer = lambda heard: Reply(400, f"{heard.path} {heard.headers} {heard.body!r}".encode())
    path = "/services/T00000000/s3cr3tpath"
    made = channel(service, server, secret_url=server.url + path, **SECRETS)
    shown = f"{await refused(made)} {made!r} {caplog.text}"
    for secret in ("tk_0123456789", "k3y-0123456789", "h34der-secret", "s3cr3tpath"):
        assert secret not in shown


async def test_an_error_of_the_connection_comes_through(service: Service, server: WebServer) -> None:
    server.replies.append(Reply(silent=True))
    error = await refused(channel(service, server, timeout=0.3))
    assert str(error) == "127.0.0.1 did not answer within 0.3 s."
    error = await refused(channel(service, server, allow_local=False))
    assert "allow_local" in str(error)
    assert error.retry_after == 300


# -- the configuration -------------------------------------------------------------------------------------------------


async def test_equal_sections_are_equal_channels(service: Service, server: WebServer) -> None:
    assert channel(service, server) == channel(service, server)
    assert channel(service, server) != channel(service, server, timeout=11)


@pytest.mark.parametrize(
    ("options", "option"),
    [
        ({"url": "https://a.example:99999/"}, "url"),
        ({"secret_url": "https://::s3cret/"}, "secret_url"),
        ({"url": "https://a.example/?q=1", "preset": "gotify"}, "url"),
    ],
)
async def test_what_cannot_be(service: Service, options: dict[str, Any], option: str) -> None:
    with pytest.raises(ConfigError) as caught:
        build(Webhook("hook", **options), service.world())
    assert caught.value.option == option
    assert "s3cret" not in str(caught.value)


SECTION = """
config homeline 'main'
	option enabled '1'

config webhook 'hook'
{options}
"""


def read(**options: str) -> config.Config:
    lines = "".join(f"\toption {name} '{value}'\n" for name, value in options.items() if name != "headers")
    lines += f"\tlist headers '{options['headers']}'\n" if "headers" in options else ""
    return config.read(SECTION.format(options=lines), "")


WRONG = [
    ({}, "hook.url"),
    ({"preset": "gotify", "url": "https://a.example"}, "hook.token"),
    ({"preset": "ntfy"}, "hook.target"),
    ({"preset": "matrix", "url": "https://a.example"}, "hook.target"),
    ({"preset": "template", "url": "https://a.example"}, "hook.body"),
    ({"preset": "slack", "url": "https://a.example", "method": "GET"}, "hook.method"),
    ({"url": "https://a.example", "headers": "Host: b.example"}, "hook.headers"),
    ({"url": "https://a.example", "headers": "Content-Length: 5"}, "hook.headers"),
    ({"url": "file:///etc/passwd"}, "hook.url"),
    (
        {"preset": "template", "body": "x", "url": "https://a.example", "content_type": "text/plain\u00e4"},
        "hook.content_type",
    ),
]


@pytest.mark.parametrize(("options", "where"), WRONG)
def test_a_mistake_is_said_with_its_option(options: dict[str, str], where: str) -> None:
    found = read(**options)
    assert [problem.where for problem in found.problems][:1] == [where]


@pytest.mark.parametrize("options", [{"url": "https://a.example"}, {"preset": "ntfy", "target": "mine"}])
def test_what_is_enough(options: dict[str, str]) -> None:
    found = read(**options)
    assert found.problems == ()
    assert [account.name for account in found.accounts] == ["hook"]
