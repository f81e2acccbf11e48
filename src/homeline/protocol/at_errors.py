"""Final results that are errors: +CME ERROR (3GPP TS 27.007 9.2) and +CMS ERROR (3GPP TS 27.005 3.2.5), in words.

`submit_failure` sorts the refusals of a submission for the outbox.
"""

from __future__ import annotations

from enum import StrEnum

from homeline.errors import ModemError


class Outcome(StrEnum):
    """What a refusal of a submission means for the message."""

    TRANSIENT = "transient"  # not sent; a later attempt can succeed
    PERMANENT = "permanent"  # not sent; no attempt will succeed
    UNKNOWN = "unknown"  # the code does not tell whether the network took it


# One line a code, "number words": a string costs a router far less than a dict that is rarely read.
_CME = """\
0 phone failure
1 no connection to phone
2 phone adaptor link reserved
3 operation not allowed
4 operation not supported
5 PH-SIM PIN required
6 PH-FSIM PIN required
7 PH-FSIM PUK required
10 SIM not inserted
11 SIM PIN required
12 SIM PUK required
13 SIM failure
14 SIM busy
15 SIM wrong
16 incorrect password
17 SIM PIN2 required
18 SIM PUK2 required
20 memory full
21 invalid index
22 not found
23 memory failure
24 text string too long
25 invalid characters in text string
26 dial string too long
27 invalid characters in dial string
30 no network service
31 network timeout
32 network not allowed, emergency calls only
40 network personalization PIN required
41 network personalization PUK required
42 network subset personalization PIN required
43 network subset personalization PUK required
44 service provider personalization PIN required
45 service provider personalization PUK required
46 corporate personalization PIN required
47 corporate personalization PUK required
48 hidden key required
50 incorrect parameters
51 command implemented but currently disabled
52 command aborted by user
53 not attached to network due to MT functionality restrictions
54 modem not allowed, MT restricted to emergency calls only
55 operation not allowed because of MT functionality restrictions
56 fixed dial number only allowed
57 temporarily out of service due to other MT usage
58 language or alphabet not supported
59 unexpected data value
60 system failure
61 data missing
62 call barred
63 message waiting indication subscription failure
100 unknown
103 illegal MS
106 illegal ME
107 GPRS services not allowed
111 PLMN not allowed
112 location area not allowed
113 roaming not allowed in this location area
132 service option not supported
133 requested service option not subscribed
134 service option temporarily out of order
148 unspecified GPRS error
149 PDP authentication failure
150 invalid mobile class
515 modem busy, starting or processing a command
"""

# 0..127: RP causes (3GPP TS 24.011 E.2); 128..255: TP failure causes (3GPP TS 23.040 9.2.3.22). Letters: Outcome.
_CMS = """\
1p unassigned number
8p operator determined barring
10p call barred
17t network failure
21p short message transfer rejected
22t congestion or memory capacity exceeded
27t destination out of service
28p unidentified subscriber
29p facility rejected
30p unknown subscriber
38t network out of order
41t temporary failure
42t congestion
47t resources unavailable
50p requested facility not subscribed
69p requested facility not implemented
81p invalid short message transfer reference
95p semantically incorrect message
96p invalid mandatory information
97p message type non-existent or not implemented
98t message not compatible with protocol state
99p information element non-existent or not implemented
111p protocol error
127u interworking error
128p telematic interworking not supported
129p short message type 0 not supported
130p cannot replace short message
143p unspecified TP-PID error
144p data coding scheme (alphabet) not supported
145p message class not supported
159p unspecified TP-DCS error
160p command cannot be actioned
161p command unsupported
175p unspecified TP-command error
176p TPDU not supported
192t service centre busy
193p no subscription with the service centre
194t service centre failure
195p invalid SME address
196p destination SME barred
197p short message rejected as a duplicate
198p TP-VPF not supported
199p TP-VP not supported
208t SIM SMS storage full
209p no SMS storage capability in SIM
210t error in MS
211t memory capacity exceeded
212t SIM application toolkit busy
213t SIM data download error
255u unspecified error cause
300t ME failure
301t SMS service of ME reserved
302t operation not allowed
303p operation not supported
304p invalid PDU mode parameter
305p invalid text mode parameter
310t SIM not inserted
311t SIM PIN required
312t PH-SIM PIN required
313t SIM failure
314t SIM busy
315t SIM wrong
316t SIM PUK required
317t SIM PIN2 required
318t SIM PUK2 required
320t memory failure
321p invalid memory index
322t memory full
330p SMSC address unknown
331t no network service
332u network timeout
340p no +CNMA acknowledgement expected
500u unknown error
"""
_CME_PERMANENT = frozenset({4, 24, 25, 26, 27, 50, 56, 62})
_CME_UNKNOWN = frozenset({31, 100})


def _row(table: str, code: int) -> tuple[str, str]:
    """(outcome's letter, words) of a code; words are empty when the table has none."""
    for row in table.splitlines():
        head, _, words = row.partition(" ")
        if head.rstrip("ptu") == str(code):
            return head[-1], words
    return "u", ""


def _code(table: str, words: str) -> int:
    """The code of `words` (AT+CMEE=2 prints words for numbers), or -1."""
    wanted = words.strip().casefold()
    for row in table.splitlines():
        head, _, text = row.partition(" ")
        if text.casefold() == wanted:
            return int(head.rstrip("ptu"))
    return -1


def modem_error(command: str, final: str) -> ModemError:
    """The error that a final line such as `+CMS ERROR: 330` or `ERROR` stands for. `command` is its masked name."""
    for family, table in (("CME", _CME), ("CMS", _CMS)):
        head = f"+{family} ERROR:"
        if final.startswith(head):
            rest = final[len(head) :].strip()
            code = int(rest) if rest.isascii() and rest.isdigit() and len(rest) < 6 else _code(table, rest)
            words = _row(table, code)[1] or (f"error {code}" if code >= 0 else ascii(rest[:80])[1:-1])
            number = f" ({family} {code})" if code >= 0 else f" ({family})"
            return ModemError(f"{command}: {words}{number}", family, code)
    return ModemError(f"{command}: the modem says {final}")


def submit_failure(error: ModemError) -> Outcome:
    """What this refusal of AT+CMGS or AT+CMSS means for the message.

    A bare ERROR counts as transient, since the outbox bounds its retries; vendors' own codes (512 and up) say nothing
    that could be relied on.
    """
    if error.family == "CMS":
        letter = _row(_CMS, error.code)[0]
        return {"t": Outcome.TRANSIENT, "p": Outcome.PERMANENT}.get(letter, Outcome.UNKNOWN)
    if error.code in _CME_PERMANENT:
        return Outcome.PERMANENT
    return Outcome.UNKNOWN if error.code in _CME_UNKNOWN else Outcome.TRANSIENT
