"""SIPp, a SIP party that shares no code with Asterisk: it follows a scenario, and counts what went well.

done = await Sipp(folder).run(refused(403, headers=…), ("127.100.0.1", 5060), source="127.100.0.2", calls=100, rate=50)
assert done.good == 100, done.text
"""

from __future__ import annotations

import asyncio
import csv
import hashlib
import os
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from homeline_lab.asterisk_programs import HOW, Programs, find

TIMEOUT = 60.0  # seconds for a whole run
SPARE = 5  # seconds by which SIPp ends before that by itself

_INVITE = """INVITE {uri} SIP/2.0
Via: SIP/2.0/[transport] [local_ip]:[local_port];branch=[branch]
From: <sip:{who}@[local_ip]:[local_port]>;tag=[call_number]
To: <sip:{to}@[remote_ip]:[remote_port]>
Call-ID: [call_id]
CSeq: 1 INVITE
Contact: <sip:{who}@[local_ip]:[local_port]>
Max-Forwards: 70
{headers}Content-Type: application/sdp
Content-Length: [len]

v=0
o=- 1 1 IN IP[local_ip_type] [local_ip]
s=-
c=IN IP[media_ip_type] [media_ip]
t=0 0
m=audio [media_port] RTP/AVP 0
a=rtpmap:0 PCMU/8000
"""

_ACK = """ACK sip:{to}@[remote_ip]:[remote_port] SIP/2.0
[last_Via:]
[last_From:]
[last_To:]
[last_Call-ID:]
CSeq: 1 ACK
Max-Forwards: 70
Content-Length: 0

"""


@dataclass(frozen=True, slots=True)
class Noted:
    """A request that came with a proof."""

    uri: str
    from_: str
    contact: str
    proof: str  # value of Authorization or Proxy-Authorization

    def proves(self, method: str, username: str, password: str) -> bool:
        """Whether its digest is that of the name and the password (RFC 2617 3.2.2)."""
        found: dict[str, str] = dict(_PARAMETER.findall(self.proof))
        if found["username"] != username:
            return False
        secret = _md5(f"{username}:{found['realm']}:{password}")
        rest = (found[name] for name in ("nonce", "nc", "cnonce", "qop"))
        return found["response"] == _md5(":".join((secret, *rest, _md5(f"{method}:{found['uri']}"))))


_PARAMETER = re.compile(r'(\w+)="?([^",]*)"?')


def _md5(text: str) -> str:
    return hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()


@dataclass(frozen=True, slots=True)
class Done:
    """How many calls went as the scenario says, how many did not, and SIPp's own words."""

    good: int
    bad: int
    text: str
    noted: tuple[Noted, ...] = ()


_BYE = """BYE [next_url] SIP/2.0
Via: SIP/2.0/[transport] [local_ip]:[local_port];branch=[branch]
[last_From:]
[last_To:]
[last_Call-ID:]
CSeq: 2 BYE
Max-Forwards: 70
Content-Length: 0

"""

_ANSWER = """SIP/2.0 {status}
[last_Via:]
[last_From:]
[last_To:];tag=[call_number]
[last_Call-ID:]
[last_CSeq:]
Contact: <sip:[local_ip]:[local_port]>
{rest}"""

_SDP = """Content-Type: application/sdp
Content-Length: [len]

v=0
o=- 1 1 IN IP[local_ip_type] [local_ip]
s=-
c=IN IP[media_ip_type] [media_ip]
t=0 0
m=audio [media_port] RTP/AVP 0
a=rtpmap:0 PCMU/8000
"""

_NO_BODY = "Content-Length: 0\n\n"


def _scenario(*steps: str) -> str:
    head = '<?xml version="1.0" encoding="utf-8" ?>\n<!DOCTYPE scenario SYSTEM "sipp.dtd">\n<scenario name="lab">\n'
    return "\n".join([head, *steps, "</scenario>\n"])


def _send(message: str, *, again: bool = False) -> str:
    """`again`: until it is answered."""
    how = ' retrans="500"' if again else ""
    return f"<send{how}><![CDATA[\n{message}]]></send>"


def _invite(to: str, who: str, headers: Sequence[tuple[str, str]], uri: str = "") -> str:
    lines = "".join(f"{name}: {value}\n" for name, value in headers)
    uri = uri or f"sip:{to}@[remote_ip]:[remote_port]"
    return _send(_INVITE.format(uri=uri, to=to, who=who, headers=lines), again=True)


def call(*, to: str, who: str = "caller", headers: Sequence[tuple[str, str]] = (), uri: str = "") -> str:
    """A scenario: a call that rings, is answered, and is ended from this side a second later.

    `uri` is where the request goes, if that is not `to` at the target: such as what somebody has registered.
    """
    return _scenario(
        _invite(to, who, headers, uri),
        '<recv response="100" optional="true"/>',
        '<recv response="180"/>',
        '<recv response="183" optional="true"/>',
        '<recv response="200" rrs="true"/>',
        _send(_ACK.replace("sip:{to}@[remote_ip]:[remote_port]", "[next_url]")),
        '<pause milliseconds="1000"/>',
        _send(_BYE, again=True),
        '<recv response="200"/>',
    )


def answer(*, challenges: bool = False) -> str:
    """A scenario: whoever calls hears it ring, is answered, and ends the call.

    With `challenges` the caller is asked for a proof first, and what it then sends is noted (`Done.noted`): whether it
    proves anything is the test's to say.
    """
    return _scenario(
        *(_challenged("INVITE") if challenges else ['<recv request="INVITE"/>']),
        _send(_ANSWER.format(status="180 Ringing", rest=_NO_BODY)),
        _send(_ANSWER.format(status="200 OK", rest=_SDP), again=True),
        '<recv request="ACK"/>',
        '<recv request="BYE"/>',
        _send(_ANSWER.format(status="200 OK", rest=_NO_BODY).replace(";tag=[call_number]", "")),
    )


def registrar(*, expires: int = 300) -> str:
    """A scenario: somebody registers, for so many seconds, and is asked for a proof, which is noted likewise."""
    binding = _ANSWER.format(status="200 OK", rest=_NO_BODY).replace(
        "<sip:[local_ip]:[local_port]>", f"<[$contact]>;expires={expires}"
    )
    return _scenario(*_challenged("REGISTER"), _send(binding))


_CHALLENGES = {
    "REGISTER": ("401 Unauthorized", "WWW-Authenticate", "Authorization"),
    "INVITE": ("407 Proxy Authentication Required", "Proxy-Authenticate", "Proxy-Authorization"),
}
_NOTE = """<action>
<ereg regexp="sips?:[^ ]*" search_in="msg" assign_to="uri"/>
<ereg regexp="sip:[^>;]*" search_in="hdr" header="From:" assign_to="from"/>
<ereg regexp="sip:[^>]*" search_in="hdr" header="Contact:" assign_to="contact"/>
<ereg regexp="Digest .*" search_in="hdr" header="{proof}:" assign_to="proof"/>
<log message="[$uri] [$from] [$contact] [$proof]"/>
</action>"""


def _challenged(method: str) -> list[str]:
    """The request, asked for a proof as Twilio asks (RFC 2617), and its repetition, noted."""
    status, header, proof = _CHALLENGES[method]
    challenge = (
        f'{header}: Digest realm="sip.twilio.com",qop="auth",nonce="[call_number]a7f3c1e9",opaque=""\n{_NO_BODY}'
    )
    return [
        f'<recv request="{method}"/>',
        _send(_ANSWER.format(status=status, rest=challenge)),
        *(['<recv request="ACK"/>'] if method == "INVITE" else []),
        f'<recv request="{method}">{_NOTE.format(proof=proof)}</recv>',
    ]


def refused(status: int, *, to: str = "1", who: str = "caller", headers: Sequence[tuple[str, str]] = ()) -> str:
    """A scenario: an INVITE that is answered with this final status, and nothing before it but 100."""
    return _scenario(
        _invite(to, who, headers),
        '<recv response="100" optional="true"/>',
        f'<recv response="{status}"/>',
        _send(_ACK.format(to=to)),
    )


_MESSAGE = """MESSAGE sip:{to}@[remote_ip]:[remote_port] SIP/2.0
Via: SIP/2.0/[transport] [local_ip]:[local_port];branch=[branch]
From: <sip:{who}@[remote_ip]>;tag=[call_number]
To: <sip:{to}@[remote_ip]:[remote_port]>
Call-ID: [call_id]
CSeq: {number} MESSAGE
Max-Forwards: 70
{proof}Content-Type: text/plain
Content-Length: [len]

{text} [call_number]"""


def message(*, to: str, who: str, password: str, text: str) -> str:
    """A scenario: a text (and the number of the call) of somebody who knows the password; it is taken."""
    proof = f"[authentication username={who} password={password}]\n"
    return _scenario(
        _send(_MESSAGE.format(to=to, who=who, text=text, number=1, proof=""), again=True),
        '<recv response="401" auth="true"/>',
        _send(_MESSAGE.format(to=to, who=who, text=text, number=2, proof=proof), again=True),
        '<recv response="202"/>',
    )


class Sipp:
    """Runs scenarios; its files lie in `folder`."""

    def __init__(self, folder: Path, programs: Programs | None = None) -> None:
        found = programs or find()
        if found is None:
            raise FileNotFoundError(f"no SIPp: {HOW}")
        self._folder, self._programs = folder, found

    async def run(
        self, scenario: str, target: tuple[str, int], *, source: str, port: int = 0, calls: int = 1, rate: int = 50
    ) -> Done:
        """So many calls, so many a second, from an address; with `port` it may be called there. TimeoutError."""
        self._folder.mkdir(parents=True, exist_ok=True)
        (self._folder / "scenario.xml").write_text(scenario)
        options = {"sf": "scenario.xml", "i": source, "m": calls, "r": rate, "timeout": int(TIMEOUT) - SPARE}
        options |= {"p": port} if port else {}
        options |= {"stf": "statistics.csv", "fd": 1, "recv_timeout": 30_000, "error_file": "errors.log"}
        options |= {"log_file": "notes.log"}
        process = await asyncio.create_subprocess_exec(
            *self._programs.sipp(),
            f"{target[0]}:{target[1]}",
            *(part for name, value in options.items() for part in (f"-{name}", str(value))),
            *("-trace_stat", "-trace_err", "-trace_logs", "-nostdin", "-timeout_error"),
            cwd=self._folder,
            env={**os.environ, "TERM": "dumb"},
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        try:
            output, _ = await asyncio.wait_for(process.communicate(), TIMEOUT)
        except BaseException:
            process.kill()
            await process.wait()
            raise
        return self._done(output.decode(errors="replace"))

    def _done(self, output: str) -> Done:
        with (self._folder / "statistics.csv").open(newline="") as file:
            last = list(csv.DictReader(file, delimiter=";"))[-1]
        errors = self._folder / "errors.log"
        text = (errors.read_text(errors="replace") if errors.exists() else "")[-2000:] + output[-500:]
        notes = self._folder / "notes.log"
        lines = notes.read_text(errors="replace").splitlines() if notes.exists() else []
        noted = tuple(Noted(*line.split(maxsplit=3)) for line in lines)
        return Done(int(last["SuccessfulCall(C)"]), int(last["FailedCall(C)"]), text, noted)
