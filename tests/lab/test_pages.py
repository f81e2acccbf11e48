"""The page host as uhttpd, rpcd and LuCI's dispatcher would be, spoken to over HTTP."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from homeline.adapters.bus import Bus, Method, Request
from homeline.errors import NotFound
from homeline.protocol.blobmsg import Type
from homeline.protocol.ubus_arguments import SESSION, Param
from homeline_lab.pages.access import Access, Login
from homeline_lab.pages.host import PageHost
from homeline_lab.router import Router

ENTRY = "/cgi-bin/luci/"
OVERVIEW = "/cgi-bin/luci/admin/services/homeline/overview"


class Client:
    """A browser without a face."""

    def __init__(self, host: PageHost) -> None:
        self.host = host
        self.session, self.token = "", ""

    async def ask(self, method: str, path: str, body: str = "", kind: str = "application/json") -> tuple[int, str, str]:
        """Status, head and body of the reply."""
        reader, writer = await asyncio.open_connection("127.0.0.1", int(self.host.url.rpartition(":")[2]))
        head = f"{method} {path} HTTP/1.1\r\nHost: x\r\nCookie: sysauth_http={self.session}\r\nContent-Type: {kind}\r\n"
        writer.write(f"{head}Content-Length: {len(body.encode())}\r\n\r\n{body}".encode())
        top = (await reader.readuntil(b"\r\n\r\n")).decode()
        length = int(top.lower().partition("content-length: ")[2].partition("\r")[0])
        answer = (await reader.readexactly(length)).decode(errors="replace")
        writer.close()
        return int(top.split()[1]), top, answer

    async def log_in(self, user: str = "root", password: str = "homeline") -> int:
        self.session, form = "", f"luci_username={user}&luci_password={password}"
        status, head, _ = await self.ask("POST", ENTRY, form, "application/x-www-form-urlencoded")
        self.session = head.partition("sysauth_http=")[2].partition(";")[0]
        if status == 302:
            page = (await self.ask("GET", OVERVIEW))[2]
            self.token = json.loads(page.partition("new LuCI(")[2].partition(");</script>")[0])["token"]
        return status

    async def call(self, name: str, method: str, /, **arguments: Any) -> Any:
        """`result` of a call, or its error's code."""
        asked = {"jsonrpc": "2.0", "id": 1, "method": "call", "params": [self.session, name, method, arguments]}
        answer = json.loads((await self.ask("POST", "/ubus/", json.dumps(asked)))[2])
        return answer["result"] if "result" in answer else answer["error"]["code"]

    async def post(self, action: str, token: str | None = None) -> int:
        form = f"token={self.token if token is None else token}"
        return (await self.ask("POST", f"{ENTRY}admin/uci/{action}", form, "application/x-www-form-urlencoded"))[0]


async def _status(request: Request) -> dict[str, Any]:
    if request.args.get("dongle"):
        raise NotFound("there is none")
    return {"session": request.session}


@asynccontextmanager
async def hosted(root: Path) -> AsyncIterator[Client]:
    """A router with a small object `homeline` in place of the daemon."""
    async with Router(root) as router, PageHost(router) as host:
        methods = {name: Method(_status, {"dongle": Param(Type.STRING)}) for name in ("status", "mark_read", "reload")}
        router.bus.add_local("homeline", methods)
        yield Client(host)


async def test_who_is_not_logged_in_gets_the_login_page(tmp_path: Path) -> None:
    async with hosted(tmp_path) as client:
        status, head, page = await client.ask("GET", OVERVIEW)
        assert (status, "luci_password" in page) == (403, True)
        assert "X-LuCI-Login-Required: yes" in head
        assert await client.log_in(password="wrong") == 403
        assert await client.log_in("nobody") == 403
        assert await client.log_in() == 302
        assert (await client.ask("GET", OVERVIEW))[0] == 200
        assert (await client.ask("GET", f"{ENTRY}admin/logout"))[0] == 302
        assert (await client.ask("GET", OVERVIEW))[0] == 403


async def test_calls_go_to_the_bus_as_far_as_the_groups_let_them(tmp_path: Path) -> None:
    async with hosted(tmp_path) as client:
        assert await client.call("homeline", "status") == -32002
        await client.log_in("guest", "guest")
        assert await client.call("homeline", "status") == [0, {"session": client.session}]
        assert await client.call("homeline", "status", dongle="x") == [4]
        assert await client.call("homeline", "mark_read") == -32002
        assert await client.call("uci", "set", config="homeline", section="main", values={"country": "DE"}) == -32002
        await client.log_in()
        assert await client.call("homeline", "mark_read") == [0, {"session": client.session}]
        assert await client.call("homeline", "reload") == -32002  # no page needs it
        assert await client.call("service", "list") == -32002
        client.host.router.bus.remove_local("homeline")
        assert await client.call("homeline", "status") == -32000


async def test_secrets_may_be_written_and_not_read(tmp_path: Path) -> None:
    async with hosted(tmp_path) as client:
        await client.log_in()
        values = {"password": "geheim"}
        made = await client.call("uci", "add", config="homeline_secret", type="phone", name="desk", values=values)
        assert made == [0, {"section": "desk"}]
        assert await client.call("uci", "get", config="homeline_secret") == [6]
        assert await client.call("uci", "changes", config="homeline_secret") == [6]
        assert await client.call("uci", "changes") == [0, {"changes": {}}]
        assert await client.post("apply_unchecked") == 200
        assert "geheim" in (tmp_path / "etc/config/homeline_secret").read_text()


async def test_a_batch_is_answered_in_order(tmp_path: Path) -> None:
    async with hosted(tmp_path) as client:
        await client.log_in()
        one = {"jsonrpc": "2.0", "method": "call", "params": [client.session, "homeline", "status", {}]}
        batch = [{**one, "id": 7}, {"jsonrpc": "2.0", "id": 8, "method": "list"}, "x", {**one, "id": 9}]
        answer = json.loads((await client.ask("POST", "/ubus/", json.dumps(batch)))[2])
        assert [each.get("id") for each in answer] == [7, 8, None, 9]
        assert "homeline" in answer[1]["result"]
        assert answer[2]["error"]["code"] == -32600


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ("{", -32700),
        ("1", -32600),
        ('{"jsonrpc": "2.0", "id": 1, "method": "dance"}', -32601),
        ('{"jsonrpc": "2.0", "id": 1, "method": "call", "params": ["a", "b"]}', -32602),
        ('{"jsonrpc": "2.0", "id": 1, "method": "call", "params": ["a", "b", 1]}', -32602),
        ('{"jsonrpc": "2.0", "id": 1, "method": "call", "params": ["a", "b", "c", {"ubus_rpc_session": "d"}]}', -32602),
    ],
)
async def test_what_is_no_call_is_refused(tmp_path: Path, body: str, code: int) -> None:
    async with hosted(tmp_path) as client:
        assert json.loads((await client.ask("POST", "/ubus/", body))[2])["error"]["code"] == code


async def test_changes_go_back_unless_they_are_confirmed(tmp_path: Path) -> None:
    async with hosted(tmp_path) as client:
        await client.log_in()
        before = client.host.router.uci.text("homeline")

        async def change() -> None:
            changed = await client.call("uci", "set", config="homeline", section="main", values={"country": "DE"})
            assert changed == [0]

        await change()
        assert await client.post("apply_rollback", token="") == 403
        assert await client.post("apply_rollback") == 200
        assert client.host.router.uci.section("homeline", "main").options["country"] == "DE"
        assert await client.call("uci", "rollback") == -32002  # LuCI itself waits for rpcd to do it
        async with Bus(client.host.router.paths.bus) as bus:
            await bus.wait_ready(5)
            await bus.call("uci", "rollback", {SESSION: client.session})
        assert client.host.router.uci.text("homeline") == before
        assert (await client.call("uci", "changes", config="homeline"))[1]["changes"] == [
            ["set", "main", "country", "DE"]
        ]
        assert await client.post("apply_rollback") == 200
        assert await client.post("apply_rollback") == 403  # one waits
        assert await client.post("confirm") == 200
        assert await client.post("confirm") == 204  # none waits
        assert client.host.router.uci.section("homeline", "main").options["country"] == "DE"


async def test_nobody_reads_files_of_the_machine(tmp_path: Path) -> None:
    async with hosted(tmp_path) as client:
        await client.log_in()
        for path in ("/luci-static/../../pyproject.toml", "/luci-static/%2e%2e/%2e%2e/pyproject.toml", "/etc/passwd"):
            assert (await client.ask("GET", path))[0] == 404
        form = f"sessionid={client.session}&path=/etc/config/homeline_secret"
        kind = "application/x-www-form-urlencoded"
        assert (await client.ask("POST", "/cgi-bin/cgi-download", form, kind))[0] == 403


def test_access_is_by_group_and_half(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text(
        json.dumps(
            {
                "unauthenticated": {"read": {"ubus": {"luci": ["getFeatures"]}}},
                "one": {
                    "read": {"ubus": {"homeline": ["list_*"]}, "uci": ["homeline"], "file": {"/etc/x/*": ["read"]}},
                    "write": {"ubus": {"homeline": ["send"]}, "uci": ["secret"]},
                },
            }
        )
    )
    access = Access([tmp_path / "a.json"], {"root": Login("a"), "guest": Login("b", writes=False)})
    for user, rights in {"root": (1, 1, 1, 1, 1, 0, 0), "guest": (1, 0, 1, 0, 1, 0, 0), "": (0,) * 7}.items():
        asked = [
            ("ubus", "homeline", "list_messages"),
            ("ubus", "homeline", "send"),
            ("uci", "homeline", "read"),
            ("uci", "secret", "write"),
            ("file", "/etc/x/y", "read"),
            ("file", "/etc/y", "read"),
            ("uci", "secret", "read"),
        ]
        assert tuple(int(access.allows(user, *words)) for words in asked) == rights
    assert access.allows("", "ubus", "luci", "getFeatures")
