"""What a person wrote in an answer, in the forms of the mail programs that people use."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from homeline.mailbox.html import text_of
from homeline.mailbox.quoting import LIMIT, new_text
from hostile import HOSTILE

OURS = "Are you coming?\n\n-- \nEvent: SMS 7\nFrom: +41791112233\nDongle: home\nTime: 2026-11-23 10:00:00 +01:00\n"
QUOTED = "".join(f"> {line}\n" for line in OURS.splitlines())

ABOVE = [
    "On Mon, Nov 23, 2026 at 10:00 AM <line@home.example> wrote:",
    "On Mon, Nov 23, 2026 at 10:00 AM The line at home <line+7-abcdefghijklmnop@home.example>\nwrote:",
    "On Monday, November 23rd, 2026 at 10:00, The line at home with a very long name\n"
    "<line+7-abcdefghijklmnop@home.example> wrote:",
    "On 23.11.26 10:00, line@home.example wrote:",
    "On 23 Nov 2026, at 10:00, line@home.example wrote:",
    "Am 23.11.26 um 10:00 schrieb line@home.example:",
    "Am Mo., 23. Nov. 2026 um 10:00 Uhr schrieb <line@home.example>:",
    "line@home.example schrieb am Mo., 23. Nov. 2026, 10:00:",
    "Le lun. 23 nov. 2026 à 10:00, <line@home.example> a écrit :",
    "El lun, 23 nov 2026 a las 10:00, <line@home.example> escribió:",
    "Il giorno lun 23 nov 2026 alle ore 10:00 <line@home.example> ha scritto:",
    "Em seg., 23 de nov. de 2026 às 10:00, <line@home.example> escreveu:",
    "Op ma 23 nov 2026 om 10:00 schreef <line@home.example>:",
    "Den mån 23 nov. 2026 kl 10:00 skrev <line@home.example>:",
    "пн, 23 нояб. 2026 г. в 10:00, <line@home.example> написал:",
    "Понедельник, 23 ноября 2026, 10:00 +01:00 от line@home.example:",
    "<line@home.example> 于2026年11月23日周一 10:00写道：",
    "2026年11月23日(月) 10:00 <line@home.example>:",
    "23 Kas 2026 Pzt 10:00 tarihinde <line@home.example> şunu yazdı:",
    "pon., 23 lis 2026 o 10:00 <line@home.example> napisał(a):",
    "--- line@home.example wrote (23.11.2026): ---",
]


@pytest.mark.parametrize("attribution", ABOVE)
def test_above_a_quote(attribution: str) -> None:
    assert new_text(f"Yes, at eight.\n\n{attribution}\n\n{QUOTED}") == "Yes, at eight."
    assert new_text(f"Yes, at eight.\n{attribution}\n{QUOTED}") == "Yes, at eight."


@pytest.mark.parametrize("attribution", ABOVE)
def test_below_a_quote(attribution: str) -> None:
    assert new_text(f"{attribution}\n{QUOTED}\nYes, at eight.\n\n-- \nAnn\n") == "Yes, at eight."


@pytest.mark.parametrize(
    "attribution", [line for line in ABOVE if "wrote:" in line or "schrieb" in line or "écrit" in line]
)
def test_a_quote_that_is_not_marked(attribution: str) -> None:
    assert new_text(f"Yes, at eight.\n\n{attribution}\n\n{OURS}") == "Yes, at eight."


@pytest.mark.parametrize(
    "head",
    [
        "-----Original Message-----\nFrom: line@home.example\nSent: Monday",
        "----- Original Message -----\nFrom: line",
        "-----Ursprüngliche Nachricht-----\nVon: line@home.example",
        "________________________________\nFrom: line@home.example",
        "From: line@home.example\nSent: Monday, November 23, 2026 10:00 AM\nTo: me@example.org\nSubject: SMS",
        "*From:* line@home.example\n*Sent:* Monday\n*To:* me@example.org\n*Subject:* SMS",
        "Von: line@home.example\nGesendet: Montag\nAn: me@example.org\nBetreff: SMS",
        "De : line@home.example\nEnvoyé : lundi\nÀ : me@example.org\nObjet : SMS",
        "От: line@home.example\nДата: 23.11.2026\nКому: me@example.org\nТема: SMS",
        "发件人: line@home.example\n发送时间: 2026\n收件人: me@example.org\n主题: SMS",
        "-- \nEvent: SMS 7",
        "--\nAnn",
    ],
)
def test_above_what_programs_put_between(head: str) -> None:
    assert new_text(f"Yes, at eight.\n\n{head}\n\n{OURS}") == "Yes, at eight."


@pytest.mark.parametrize(
    ("text", "new"),
    [
        ("Yes", "Yes"),
        ("Yes\r\nat eight\r\n", "Yes\nat eight"),
        ("\n\n  Yes\n\n\n\n\nat eight", "Yes\n\nat eight"),
        (f"> a question?\nYes.\n\n> another?\nNo.\n{QUOTED}", "Yes.\n\nNo."),
        ("Yes\n\nSent from my iPhone", "Yes"),
        ("Yes\n\nVon meinem iPhone gesendet\n\nAm 23.11.2026 um 10:00 schrieb line:\n\n> x", "Yes"),
        ("Yes\n\nGet Outlook for Android<https://aka.ms/x>", "Yes"),
        ("He wrote: yes", "He wrote: yes"),
        ("Meet at 10:00:\nthe station", "Meet at 10:00:\nthe station"),
        ("From: the station\nwe walk", "From: the station\nwe walk"),
        ("My number is:\n> 1", "My number is:"),
        ("Two things:\n\n> quoted\n\nthat is all", "Two things:\n\nthat is all"),
        ("a - b -- c --- d", "a - b -- c --- d"),
        ("", ""),
        (QUOTED, ""),
        (OURS, "Are you coming?"),
    ],
)
def test_nothing_else_is_taken_away(text: str, new: str) -> None:
    assert new_text(text) == new


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE)
def test_hostile_texts(text: str) -> None:
    new = new_text(f"Yes\n\n{ABOVE[0]}\n{text}")
    assert new.startswith("Yes")
    assert len(new_text(text)) <= LIMIT


@given(
    st.lists(
        st.sampled_from(["> q", "text", "", "-- ", "On 1.1.2026 a@b wrote:", "From: a", "a:", "a@b:", "--"]),
        max_size=30,
    )
)
def test_no_quoted_line_and_no_line_of_ours_gets_through(lines: list[str]) -> None:
    new = new_text("\n".join(lines))
    assert set(new.splitlines()) <= {*lines, ""} - {"> q", "-- ", "--"}


def test_long_lines_take_no_long_time() -> None:
    """Each pattern sees a bounded piece of a line: this would not end otherwise."""
    for piece in ("On 1 wrote", "a:", "@", "From: ", "-", "_", "> ", " "):
        new_text((piece * 40000)[:60000] + "\n" + QUOTED)


@pytest.mark.parametrize(
    ("html", "text"),
    [
        ("<div>Yes, at&nbsp;eight.</div>", "Yes, at eight."),
        ("<p>Yes</p><p>at <b>eight</b></p>", "Yes\nat eight"),
        ("Yes<br>at&#32;eight<br/>&lt;b&gt;", "Yes\nat eight\n<b>"),
        ("<style>p{}</style><script>alert(1)</script><p>Yes", "Yes"),
        (
            '<div dir="ltr">Yes</div><br><div class="gmail_quote"><div class="gmail_attr">On Mon wrote:</div>no</div>',
            "Yes",
        ),
        (
            "<p>Yes</p><blockquote type='cite'><p>no<blockquote>no</blockquote></p></blockquote><p>and more</p>",
            "Yes\nand more",
        ),
        ('<p>Yes</p><div id="appendonsend"></div><hr><p>From: no</p>', "Yes"),
        ('<p>Yes</p><div id="divRplyFwdMsg">From: no</div><p>no</p>', "Yes"),
        ("<ul><li>one<li>two</ul>", "one\ntwo"),
        ("<blockquote>no", ""),
        ("</blockquote>Yes", "Yes"),
    ],
)
def test_html(html: str, text: str) -> None:
    assert new_text(text_of(html)) == text


@given(st.text(alphabet="<>/!-&;=\"' abpdivbr\n", max_size=300))
def test_any_html(html: str) -> None:
    assert isinstance(text_of(html), str)
