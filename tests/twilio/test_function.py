"""The function at Twilio under Node.js, without Twilio: it answers each request as `core.twilio_routing` does."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from homeline.core.twilio_routing import CallRequest, reply, route
from homeline.twilio.function_source import source
from hostile import HOSTILE
from twilio_routing_kit import CASES, TABLE, account_of

NODE = shutil.which("nodejs") or shutil.which("node")
TIMEOUT = 120  # seconds

# Twilio's runtime as far as the function uses it: accounts' functions and their requests in, the answers out.
RUNTIME = """
const vm = require('vm');
class Response {
  appendHeader(name, value) { this.header = `${name}: ${value}`; return this; }
  setBody(body) { this.body = body; return this; }
}
const { sources, events } = JSON.parse(require('fs').readFileSync(0, 'utf8'));
const handlers = {};
for (const name of Object.keys(sources)) {
  const exports = {};
  vm.runInNewContext(sources[name], { exports, module: { exports }, Twilio: { Response } });
  handlers[name] = exports.handler;
}
const answers = events.map(([name, event]) => {
  let answer = null;
  handlers[name]({}, event, (error, response) => { answer = [error, response.header, response.body]; });
  return answer;
});
process.stdout.write(JSON.stringify(answers));
"""

Event = tuple[str, dict[str, Any]]  # an account's name, and a request's parameters


@pytest.fixture(scope="module")
def node(tmp_path_factory: pytest.TempPathFactory) -> Path:
    if NODE is None:
        pytest.skip("no Node.js (Debian package nodejs)")
    path = tmp_path_factory.mktemp("function") / "runtime.js"
    path.write_text(RUNTIME)
    return path


def answers(runtime: Path, events: Sequence[Event]) -> list[list[str | None]]:
    """[error, header, body] of each."""
    assert NODE
    sources = {name: source(account_of(name)) for name, _ in events}
    question = json.dumps({"sources": sources, "events": events})
    done = subprocess.run([NODE, runtime], input=question, capture_output=True, text=True, timeout=TIMEOUT, check=False)
    assert done.returncode == 0, done.stderr
    found: list[list[str | None]] = json.loads(done.stdout)
    return found


def expected(event: Event) -> list[str | None]:
    name, parameters = event
    return [None, "Content-Type: text/xml", reply(route(CallRequest.of(parameters), account_of(name)))]


def test_the_table(node: Path) -> None:
    """Each case with its account, and with every other one."""
    assert len(CASES) >= 60
    events = [(name, case["request"]) for case in CASES for name in TABLE["accounts"]]
    for event, found in zip(events, answers(node, events), strict=True):
        assert found == expected(event), event


def test_hostile_texts(node: Path) -> None:
    request = {"From": "sip:alice@x", "To": "sip:bob@x", "SipUsername": "alice", "SipDomain": "x"}
    texts = [form for text in HOSTILE.values() for form in (text, f"sip:{text}@x", f"sip:+41{text}@x")]
    events: list[Event] = [("swiss", {**request, name: text}) for name in (*request, "caller") for text in texts]
    events.append(("swiss", {}))
    for event, found in zip(events, answers(node, events), strict=True):
        assert found == expected(event), event


@pytest.mark.parametrize("value", [None, 7, ["sip:bob@x", "sip:bob@x"], {"a": "b"}], ids=str)
def test_what_is_no_text_is_refused(node: Path, value: object) -> None:
    """A parameter that is given twice is a list."""
    event: Event = ("swiss", {"From": value, "To": value, "SipUsername": "alice", "SipDomain": "x"})
    assert answers(node, [event]) == [expected(("swiss", {"SipUsername": "alice", "SipDomain": "x"}))]


PARTS = st.from_regex(r"[A-Za-z0-9+*#%_.;:@?& ()-]{0,20}", fullmatch=True) | st.text(max_size=12)
URIS = st.builds("sip:{}@homeline-demo.sip.twilio.com".format, PARTS) | PARTS
REQUESTS = st.fixed_dictionaries(
    {"To": URIS},
    optional={
        "From": URIS,
        "SipUsername": st.sampled_from(["alice", "bob", "router", "15005550006", "mallory"]) | PARTS,
        "SipDomain": st.sampled_from(["homeline-demo.sip.twilio.com", "homeline-demo-trunk.sip.ie1.twilio.com"]),
        "caller": st.just("router"),
    },
)


@settings(max_examples=10, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.tuples(st.sampled_from(list(TABLE["accounts"])), REQUESTS), min_size=50, max_size=200))
def test_any_request(node: Path, events: list[Event]) -> None:
    for event, found in zip(events, answers(node, events), strict=True):
        assert found == expected(event), event


def test_the_source_is_plain_and_always_the_same() -> None:
    text = source(account_of("swiss"))
    assert text.isascii() and "@account@" not in text
    assert text == source(account_of("swiss")) != source(account_of("registered"))
    assert "require(" not in text  # no dependency that Twilio would have to install
