"""The calls that docs/ubus.md shows, made to a real service: the replies have the keys that it shows."""

from __future__ import annotations

import asyncio
import json
import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from homeline_lab.house import House

PAGE = Path(__file__).parents[2] / "docs/ubus.md"
# Those that need what another example has made (ids, a failure, a locked SIM), or Asterisk, are tried elsewhere.
ELSEWHERE = {
    *("acknowledge_alert", "enter_pin", "get_job", "get_message", "resend_message", "retry_delivery"),
    *("originate", "hangup", "render_config"),
    *("twilio_plan", "twilio_apply", "twilio_destroy", "twilio_status"),
}
# Items of a shape leave out what they do not have; tests/test_docs.py holds their keys.
SHAPES = {"messages", "calls", "asterisk", "deliveries", "conversations", "dongles", "alerts", "rules", "problems"}


def examples() -> Iterator[tuple[str, dict[str, Any], dict[str, Any]]]:
    """Method, arguments and reply of the first example of each method, in the order of the page."""
    pattern = re.compile(r"^### `(\w+)`\n.*?^```sh\n(.*?)^```\n\n```json\n(.*?)^```", re.MULTILINE | re.DOTALL)
    for method, call, reply in pattern.findall(PAGE.read_text()):
        yield method, json.loads("".join(shlex.split(call)[4:]) or "{}"), json.loads(reply)


def differences(shown: Any, got: Any, where: str) -> Iterator[str]:
    """Where two replies differ in their keys or types."""
    if isinstance(shown, dict) and isinstance(got, dict):
        if set(shown) ^ set(got):
            yield f"{where}: {sorted(set(shown) ^ set(got))}"
        for key in set(shown) & set(got):
            if key not in SHAPES or where == "explain_rule":
                yield from differences(shown[key], got[key], f"{where}.{key}")
    elif isinstance(shown, list) and isinstance(got, list):
        if shown and got:
            yield from differences(shown[0], got[0], where)
    elif not isinstance(got, type(shown)):  # a time is an int64
        yield f"{where}: {type(shown).__name__} and {type(got).__name__}"


async def test_the_replies_are_as_documented(tmp_path: Path) -> None:
    found = [example for example in examples() if example[0] not in ELSEWHERE]
    assert len(found) > 15
    async with House(tmp_path, level="warning", extra="\nconfig phone 'desk'\n") as house:
        await house.start()
        done = asyncio.Event()
        house.bus.listen("homeline.delivery.done", lambda _name, _data: done.set())
        await house.bus.wait_ready(5.0)
        house.dongle.deliver("Your code is 482913", "+41791112233")
        await asyncio.wait_for(done.wait(), 10.0)  # the mail is there before that
        await house.until_dongle("ready", knows="operator")
        wrong = []
        for method, arguments, shown in sorted(found, key=lambda example: example[0] == "reset_dongle"):
            got = await house.bus.call("homeline", method, arguments, 20.0)
            wrong += differences(shown, got, method)
        assert wrong == []
