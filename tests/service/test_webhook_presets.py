"""What known services get, read as they would read it: a stranger's text is mere text in each of them."""

from __future__ import annotations

import json
import re
from typing import Any
from urllib.parse import parse_qsl

import pytest
from hypothesis import given
from hypothesis import strategies as st

from homeline import config_channels
from homeline.model import Priority
from homeline.service.channels import webhook_presets as presets
from homeline.service.channels.webhook_presets import ELLIPSIS, PRESETS, body, cut, mere
from hostile import HOSTILE, SENDERS

# The fields that each service documents, as far as they concern a message (see the sources in webhook_presets).
DOCUMENTED = {
    "ntfy": {
        *(
            "topic",
            "message",
            "title",
            "tags",
            "priority",
            "actions",
            "click",
            "attach",
            "markdown",
            "icon",
            "filename",
        ),
        *("delay", "email", "call"),
    },
    "gotify": {"message", "title", "priority", "extras"},
    "slack": {"text", "blocks", "attachments", "thread_ts", "mrkdwn", "unfurl_links", "unfurl_media"},
    "discord": {
        *("content", "username", "avatar_url", "tts", "embeds", "allowed_mentions", "components", "files", "flags"),
        *("payload_json", "attachments", "thread_name", "applied_tags", "poll"),
    },
    "matrix": {"msgtype", "body", "format", "formatted_body", "m.mentions", "m.relates_to"},
    "pushover": {
        *("token", "user", "message", "attachment", "device", "html", "priority", "sound", "timestamp", "title", "ttl"),
        *("url", "url_title", "monospace", "retry", "expire", "callback", "tags"),
    },
}
each = pytest.mark.parametrize("name", PRESETS)
hostile = pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE)


def read(name: str, octets: bytes) -> dict[str, Any]:
    """The body as the service decodes it."""
    if PRESETS[name].form:
        pairs = parse_qsl(octets.decode("ascii"), keep_blank_values=True, strict_parsing=True)
        assert len(dict(pairs)) == len(pairs)
        return dict(pairs)
    found = json.loads(octets)
    assert isinstance(found, dict)
    return found


def shown(name: str, text: str) -> str:
    """What people see: Slack's entities, Discord's backslashes."""
    if name == "slack":
        assert not re.search(r"[<>]|&(?!(amp|lt|gt);)", text)
        return text.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")
    if name == "discord":
        return undiscorded(text)
    return text


def undiscorded(text: str) -> str:
    """As Discord's parser goes: an address to its end, a sign after a backslash, no markup that is not escaped."""
    found, at = [], 0
    while at < len(text):
        if address := re.compile(r"https?://[^\s<]+[^\s<.,:;\"'\]]").match(text, at):
            found.append(address[0])
            at = address.end()
        elif text[at] == "\\":
            assert re.match(r"[^0-9A-Za-z\s]", text[at + 1])
            found.append(text[at + 1])
            at += 2
        else:
            assert text[at] not in "*_~`|<>[]@"
            line = text[text.rfind("\n", 0, at) + 1 : at]
            assert not (text[at] in "#-+" and not line.strip(" \t"))
            found.append(text[at])
            at += 1
    return "".join(found)


def made(name: str, text: str, subject: str = "SMS from +41791112233", **options: Any) -> dict[str, Any]:
    wanted = {"priority": Priority.NORMAL, "target": "!room:a.example", "token": "tk_secret", **options}
    return read(name, body(PRESETS[name], subject, text, **wanted))


@each
def test_only_documented_fields(name: str) -> None:
    for priority in Priority:
        assert set(made(name, "hello", priority=priority)) <= DOCUMENTED[name]


@each
@hostile
def test_a_hostile_text_comes_out_as_it_was(name: str, text: str) -> None:
    preset = PRESETS[name]
    values = made(name, text)
    whole = mere(text) if preset.title else f"SMS from +41791112233\n\n{mere(text)}"
    if not whole.strip():
        whole = "SMS from +41791112233"
    assert preset.size(values[preset.text]) <= preset.limit
    found = shown(name, values[preset.text])
    if found != whole:
        assert found.endswith(ELLIPSIS)
        assert whole.startswith(found[:-1])
        assert len(found) > 100
    if preset.title:
        assert values[preset.title] == "SMS from +41791112233"
    fields = {key: value for key, value in values.items() if key not in (preset.text, preset.title)}
    calm = {key: value for key, value in made(name, "calm").items() if key not in (preset.text, preset.title)}
    assert fields == calm  # nothing of it reached another field


@each
@pytest.mark.parametrize("sender", SENDERS)
def test_a_hostile_sender_is_text_too(name: str, sender: str) -> None:
    preset, subject = PRESETS[name], f"SMS from {sender}"
    values = made(name, "hello", subject)
    where = values[preset.title] if preset.title else shown(name, values[preset.text])
    assert where == (subject if preset.title else f"{subject}\n\nhello")


@given(st.text(), st.sampled_from(list(PRESETS)))
def test_any_text(text: str, name: str) -> None:
    preset = PRESETS[name]
    found = shown(name, made(name, text, "Subject")[preset.text])
    assert mere(text) in found or not text.strip()


@given(st.text(alphabet="*_~`|<>[]@#-+.1 \n\\a:/htps", max_size=60))
def test_markup_of_discord(text: str) -> None:
    assert undiscorded("".join(presets._discord(text))) == text


def test_a_numbered_list_is_none_in_discord() -> None:
    assert "".join(presets._discord("1. one\n 23. two, 4. three")) == "1\\. one\n 23\\. two, 4. three"


def test_an_address_stays_whole_in_discord() -> None:
    text = "*see* https://a.example/a_b_c?d=*e* _now_."
    assert "".join(presets._discord(text)) == r"\*see\* https://a.example/a_b_c?d=*e* \_now\_."


@given(
    st.text(max_size=50), st.integers(4, 60), st.sampled_from([len, presets.octets, presets.utf16, presets.json_octets])
)
def test_cutting(text: str, limit: int, size: Any) -> None:
    found = cut(text, limit, size)
    assert size(found) <= limit
    if size(text) <= limit:
        assert found == text
    else:
        kept = found.removesuffix(ELLIPSIS)
        assert found.endswith(ELLIPSIS)
        assert text.startswith(kept)
        assert size(kept + text[len(kept)] + ELLIPSIS) > limit  # no more would have fitted


@given(st.text())
def test_sizes(text: str) -> None:
    text = mere(text)
    assert presets.octets(text) == len(text.encode())
    assert presets.utf16(text) == len(text.encode("utf-16-le")) // 2
    assert presets.json_octets(text) >= len(json.dumps(text, ensure_ascii=False).encode()) - 2


def test_priorities() -> None:
    found = {
        name: [made(name, "x", priority=each).get(PRESETS[name].priority) for each in Priority] for name in PRESETS
    }
    assert found == {
        "ntfy": [2, 3, 4],
        "gotify": [2, 5, 8],
        "slack": [None] * 3,
        "discord": [4100, 4, 4],
        "matrix": [None] * 3,
        "pushover": ["-1", "0", "1"],
    }


def test_where_target_and_token_go() -> None:
    assert made("ntfy", "x")["topic"] == "!room:a.example"
    pushed = made("pushover", "x")
    assert (pushed["user"], pushed["token"]) == ("!room:a.example", "tk_secret")
    headers = {name: presets.token_header(PRESETS[name], "t") for name in PRESETS}
    bearer = (("Authorization", "Bearer t"),)
    assert headers == {
        "ntfy": bearer,
        "gotify": (("X-Gotify-Key", "t"),),
        "slack": (),
        "discord": (),
        "matrix": bearer,
        "pushover": (),
    }
    assert presets.token_header(None, "t") == bearer
    assert presets.token_header(None, "") == ()


URLS = [
    ("ntfy", "", "https://ntfy.sh/"),
    ("ntfy", "https://push.example/base/", "https://push.example/base/"),
    ("gotify", "https://push.example/", "https://push.example/message"),
    ("gotify", "https://push.example/message", "https://push.example/message"),
    ("slack", "https://hooks.slack.example/services/a", "https://hooks.slack.example/services/a"),
    ("pushover", "", "https://api.pushover.net/1/messages.json"),
    (
        "matrix",
        "https://m.example",
        "https://m.example/_matrix/client/v3/rooms/%21room%2F%3A%C3%A4/send/m.room.message/7.all.hook.0-5f3a",
    ),
]


@pytest.mark.parametrize(("name", "base", "whole"), URLS)
def test_urls(name: str, base: str, whole: str) -> None:
    assert presets.url(PRESETS[name], base, "!room/:ä", "7.all.hook.0-5f3a") == whole


@pytest.mark.parametrize(
    ("name", "answer", "seconds"),
    [
        ("discord", b'{"message": "slow down", "retry_after": 0.65, "global": false}', 0.65),
        ("matrix", b'{"errcode": "M_LIMIT_EXCEEDED", "retry_after_ms": 2000}', 2.0),
        ("matrix", b'{"retry_after_ms": true}', None),
        ("matrix", b'{"retry_after_ms": -5}', None),
        ("matrix", b'{"retry_after_ms": 1e400}', None),
        ("matrix", b'{"retry_after_ms": NaN}', None),
        ("matrix", b'["retry_after_ms"]', None),
        ("matrix", b"[" * 100_000, None),
        ("matrix", b"rubbish", None),
        ("ntfy", b'{"": 5}', None),
    ],
)
def test_how_long_an_answer_asks_us_to_wait(name: str, answer: bytes, seconds: float | None) -> None:
    assert presets.pause(PRESETS[name], answer) == seconds


def test_what_only_the_owner_can_mend() -> None:
    pushover = PRESETS["pushover"]
    assert presets.is_owners(pushover, b'{"token":"invalid","errors":["application token is invalid"],"status":0}')
    assert presets.is_owners(pushover, b'{"user":"invalid","status":0}')
    assert not presets.is_owners(pushover, b'{"message":"cannot be blank","status":0}')
    assert not presets.is_owners(PRESETS["ntfy"], b'{"token":"invalid"}')


def test_the_configuration_asks_for_what_a_preset_needs() -> None:
    for name, preset in PRESETS.items():
        needed = set(config_channels._PRESET_NEEDS.get(name, ()))
        assert ("target" in needed) == bool(preset.target or "{target}" in preset.path)
        assert (name in config_channels._PRESETS_WITH_URL) == bool(preset.url)
        if preset.token and name != "ntfy":  # public topics of ntfy need none
            assert "token" in needed
