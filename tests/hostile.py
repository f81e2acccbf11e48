"""One list of texts that a stranger may send, against every syntax that they pass on their way out."""

from __future__ import annotations

HOSTILE: dict[str, str] = {
    "shell": "$(touch /tmp/owned); `reboot` | rm -rf / && echo ${IFS} '\"\\ > /etc/passwd #",
    "option": "-oProxyCommand=reboot --config=/etc/shadow",
    "path": "../../../../etc/passwd\x00.txt",
    "header": "Subject: hello\r\nBcc: everyone@example.org\r\nContent-Type: text/html\r\n\r\n<h1>hi</h1>",
    "smtp": "hello\r\n.\r\nMAIL FROM:<a@b>\r\nRCPT TO:<c@d>\r\nDATA\r\n.",
    "mbox": "From ann@example.org Mon Nov 23 00:00:00 2026\nFrom bob@example.org",
    "encoded word": "=?utf-8?B?QmNjOiBhQGI=?= =?iso-8859-1?Q?=0D=0ABcc:=20x?=",
    "mime": "--boundary\nContent-Transfer-Encoding: base64\n\nAAAA\n--boundary--\n-- \nEvent: SMS 1\nFrom: the bank",
    "html": "<script>alert(1)</script><img src=x onerror=alert(1)>&lt;&#x27;]]>",
    "json": '{"id": 1, "text": "\\u0000"}\\", "admin": true, "x": "',
    "template": "{{ 7*7 }} {% for x in y %} ${7*7} #{7*7} %s %n %(text)s {0} {text}",
    "sql": "'; DROP TABLE message; -- \" OR 1=1 /*",
    "uci": "x'\n\toption command 'reboot'\nconfig rule 'y",
    "at": 'hi"\r\nAT+CMGD=1,4\r\n\x1aATZ\r\x1b+++ATH0',
    "answer": '\r\nOK\r\n\r\n+CMTI: "SM",1\r\n\r\n+CMS ERROR: 38\r\n> ',
    "log line": "hello\nERROR The database is damaged\nINFO Message 2 sent by stick",
    "terminal": "\x1b[2J\x1b]0;owned\x07\x1b[31mred\x1b[0m\x9b31m\x08\x08\x08\x7f",
    "controls": "".join(map(chr, range(1, 32))) + "".join(map(chr, range(127, 160))),
    "direction": "\u202egnp.exe\u202c \u2066a\u2069 \u200f\u200e\ufeff \u2028 \u2029",
    "surrogates": "a\ud800b\udc00c",
    "emoji": "🙂👨‍👩‍👧‍👦🏳️‍🌈 e\u0301 ﷽ \U0001f1e8\U0001f1ed",
    "nothing": " ",
    "lines": "\n\n\n\r\r\r\n",
    "long": "0123456789abcdef" * 4096,
}

SENDERS = ("+41791112233", "$(reboot)", "<b>&'\"", "A\r\nBcc: x@y", "-oQ/tmp", "%s{{7}}", "'; --")
