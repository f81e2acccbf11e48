"""What a person wrote in an answer: the text without quote, signature and what mail programs put between.

Quotes are written in many ways and by no standard; what is known here is in the tests. Where nothing is known, the
whole text counts as written.
"""

from __future__ import annotations

import re

LIMIT = 65536  # characters of a text that are looked at
_LONG = 400  # characters of a line of such
_ATTRIBUTION_LINES = 4  # "On …, somebody wrote:" is wrapped by some programs

_WROTE = (
    r"wrote|writes|schrieb|a écrit|ecrit|escribió|escribio|ha scritto|escreveu|schreef|skrev|kirjoitti|napisał\(a\)|"
    r"napisał|napsal|написал|пише|пишет|yazdı|írta|a scris|έγραψε|写道|寫道|のメッセージ|님이 작성|كتب|लिखा"
)
# A line, or some joined, with a date or an address, one of these words, and a colon at the end.
_ATTRIBUTION = re.compile(rf"(?=.*[0-9@]).*(?:{_WROTE}).{{0,60}}[:：][ -]*", re.IGNORECASE)
_WEAK = re.compile(r"(?=.*(?:@|[0-9]{4}|[0-9]{1,2}[:.][0-9]{2})).*[:：][ -]*")  # enough where a quote follows
_OPENING = re.compile(r"(?:on|am|le|el|il|em|op|den|dne|dnia|w dniu|в|a)\b.*[0-9].*", re.IGNORECASE)
_ORIGINAL = re.compile(
    r"\s*(?:-{2,} ?(?:original message|forwarded message|ursprüngliche nachricht|originalnachricht|"
    r"weitergeleitete nachricht|message d'origine|message original|mensaje original|messaggio originale|"
    r"mensagem original|oorspronkelijk bericht|исходное сообщение|原始邮件|原始郵件) ?-{2,}|_{20,})\s*",
    re.IGNORECASE,
)
_FROM = re.compile(r"\*?(?:from|von|de|da|van|från|от|发件人|寄件者|差出人)\s?[:：]\*? .+", re.IGNORECASE)
_ALSO = re.compile(
    r"\*?(?:sent|date|to|subject|gesendet|datum|an|betreff|envoyé|à|objet|enviado|para|asunto|inviato|a|oggetto|"
    r"verzonden|aan|onderwerp|skickat|till|ämne|отправлено|дата|кому|тема|发送时间|收件人|主题|日期)\s?[:：]\*? .+",
    re.IGNORECASE,
)
_SENT_FROM = re.compile(
    r"(?:sent from|sent with|sent via|get outlook for|gesendet (?:von|mit)|von meinem .{1,40} gesendet|envoyé (?:de|à)|"
    r"enviado desde|enviado do|inviato da|verzonden (?:vanaf|met)|skickat från|отправлено (?:с|из)).{0,60}",
    re.IGNORECASE,
)


def new_text(text: str) -> str:
    """What was written anew; "" if that is nothing."""
    lines = [line.rstrip() if line != "-- " else line for line in re.split(r"\r\n|\r|\n", text[:LIMIT])]
    kept: list[str] = []
    for at, line in enumerate(lines):
        if line.startswith(">"):
            if not (at and lines[at - 1].startswith(">")):
                _drop_attribution(kept, _WEAK)
                kept.append("")
        elif _ends_here(lines, at):
            break
        else:
            kept.append(line)
    _drop_attribution(kept, _ATTRIBUTION)
    _strip(kept)
    if kept and _SENT_FROM.fullmatch(kept[-1]):
        kept.pop()
    return re.sub(r"\n{3,}", "\n\n", "\n".join(kept)).strip()


def _ends_here(lines: list[str], at: int) -> bool:
    """Whether nothing of what follows is new: a signature, or a quote that is not marked line by line."""
    line = lines[at]
    if line in ("-- ", "--") or _ORIGINAL.fullmatch(line[:_LONG]):
        return True
    if _FROM.fullmatch(line[:_LONG]):
        return sum(bool(_ALSO.fullmatch(each[:_LONG])) for each in lines[at + 1 : at + 6]) >= 2
    for count in range(1, _ATTRIBUTION_LINES + 1):
        joined = " ".join(lines[at : at + count])[:_LONG]
        if _ATTRIBUTION.fullmatch(joined) and (count == 1 or _OPENING.fullmatch(line[:_LONG])):
            following = next((each for each in lines[at + count : at + count + 4] if each), ">")
            return not following.startswith(">")
    return False


def _strip(lines: list[str]) -> None:
    while lines and not lines[-1].strip():
        lines.pop()


def _drop_attribution(lines: list[str], pattern: re.Pattern[str]) -> None:
    """Take the lines that say who wrote what is quoted off the end."""
    _strip(lines)
    fitting = []
    for count in range(1, min(_ATTRIBUTION_LINES, len(lines)) + 1):
        first = lines[-count]
        if not first.strip():
            break  # it does not go on across an empty line
        if pattern.fullmatch(" ".join(lines[-count:])[:_LONG]):
            fitting.append(count)
            if _OPENING.fullmatch(first[:_LONG]):
                fitting = [count]
                break
    if fitting:
        del lines[-fitting[0] :]
