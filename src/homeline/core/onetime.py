"""Finds the one-time code in a message: what a bank or a service sends to be typed somewhere, in the common languages.

There is no standard but one (the last line `@example.org #123456`, WICG's origin-bound one-time codes), so this weighs:
what could be a code (4 to 8 digits, or digits and letters), and what stands around it. Amounts, dates, years, telephone
numbers and numbers of orders are none. It takes linear time: every repetition in a pattern is bounded, and only the
beginning of a long text is looked at.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import lru_cache
from itertools import islice
from typing import NamedTuple

LOOKED_AT = 2000  # characters: a code stands in a short message
MOST = 30  # numbers, and words that name a code: a message of a service has a few
HIDDEN = "*"
ENOUGH = 3  # points
_NEAR, _FAR = 25, 80  # characters between a word and the code


class Found(NamedTuple):
    """A code as one types it (`123456`, for `G-123456` and `123 456` as well), and where its digits stand."""

    code: str
    start: int
    end: int


# What a code is called: the word alone makes a number near it likely to be one.
_NAMED = (
    r"(?<!bar)(?<!zip)(?<!zip )(?<!post)(?<!postal )(?<!promo)(?<!area )(?<!country )(?<!dress )(?<!qr)(?<!qr[ -])"
    r"codes?\b|\bpin\b|\botp\b"
    r"|\b(?:[mi]|sms|push|chip|mobile|photo)?-?(?-i:TANs?)\b"
    r"|passwor[dt]|kennwort|mot de passe|contraseña|\bclave\b|\bsenha\b|\bparola|wachtwoord|hasło"
    r"|\bc[oó]dig[oi]\b|\bcodi(?:ce|ci)?\b|\bcod(?:ul)?\b|\bkod(?:u|un|unuz|em|en|e|er|ę|a|i|ok)?\b|koodi|\bkód\w{0,8}|şifre"
    r"|(?<!промо)код(?:ом|а|у)?\b|парол[ья]|κωδικ|\bmã\b|รหัส|קוד|סיסמ|رمز|كود|کد\b|کوڈ"
    r"|कोड|ओटीपी|पासवर्ड|पिन|কোড|ওটিপি|குறியீடு|కోడ్"
    r"|[验驗][证證][码碼]|校[验驗][码碼]|[动動][态態]?[密口]?[码碼令]|[确確]?[认認][证證]?[码碼]|密[码碼]|口令"
    r"|コード|認証番号|確認番号|パスワード|暗証番号|인증 ?번호|코드|비밀번호"
)
# What one does with a code.
_DONE = (
    r"verif|vérif|\blog(?:ging)?[ -]?in\b|\bsign(?:ing)?[ -]?in\b|authenti|zu verifizieren|anmeld|einlogg|authentifi"
    r"|iniciar sesi|\bentrar\b|для входа|вход|giriş|登[录錄]|ログイン|로그인|सत्याप|लॉग ?इन|تسجيل الدخول|التحقق|تأكيد"
)
# Codes that buy something, or name a booking.
_OTHER = (
    r"promo|discount|voucher|coupon|gutschein|rabatt|gift ?card|скидк|descuento|sconto|\bremise\b|réduction|cup[oó][nm]"
    r"|优惠|折扣|\boff\b|indirim|छूट|خصم|korting|\bpnr\b|checkout|basket|booking|reservation|itinerary|buchung|reservier|réservation|reserva\b"
)
# Only for a code that must stay secret.
_GUARDED = (
    r"verif|vérif|\botp\b|one[- ]?time|einmal|log[ -]?in|sign[ -]?in|2fa|factor|authent|security|sicherheit|\bshare"
    r"|expire|valid for|gültig|никому|сообщайте|[勿别別]|partag|compart|condivid|paylaş|teilen|weitergeben"
)
# What a number is instead, where this stands right before it.
_INSTEAD = (
    r"(?:ending|endet|(?:end|termin|finaliz)\w{0,9} (?:in|with|mit|auf|con|par|en|em)"
    r"|card|karte|account|acct|a/c|konto|iban|order|ticket|flight|flug|room|zimmer|gate|zip|plz|tel|phone"
    r"|call|dial|fax|invoice|rechnung|ref|reference|booking|buchung|pedido|commande|ordine|tarjeta|cuenta|carte|compte|conto"
    r"|заказ[а-я]{0,3}|карт[а-я]{0,3}|сч[её]т[а-я]{0,2}|рейс|тел|订单|單號|单号|尾号|末尾|卡号|账户|电话|热线|致电|खाते|कार्ड|حساب|بطاقة"
    r"|txn|utr|policy|contract|vertrag|case|tracking|parcel|paket|sendung|bestell(?:ung)?)"
)
_NUMBER = r"(?:\w{0,16}(?:nummer|nr)|number|no|n[º°]|num|número|numéro|номер[а-я]{0,2})"  # of what, is said before
_UNTIL = r"(?:(?:stop|reply|text|sms|send) (?:\w{1,12} )?to|an|al|à|на|в|at|um|bis|until|by|before|до)"
_MONTH = (
    r"(?:jan|feb|m[aä]r|apr|ma[iy]|jun|jul|aug|sep|o[ck]t|nov|de[cz]"
    r"|янв|фев|мар|апр|мая|июн|июл|авг|сен|окт|ноя|дек)\w{0,9}"
)
_MONEY = (
    r"[$€£₹¥₽₺₴₩₪฿]|\b(?:rs|inr|usd|eur|chf|gbp|rub|try|tl|aed|sar|mxn|brl|cny|rmb|jpy|kr|sek|nok|dkk|pln|huf|ron|fr)\b"
)
_UNIT = (
    r"[%°元円원]|[mgk]b\b|k[mg]\b|kwh\b|mins?\b|minut|stunden|hours?\b|sec|days?\b|tage?\b|points?\b|punkte|puntos|баллов|мин"
    r"|руб|р\.|грн|тг\b|zł|kč|ft\b|lei\b|rupees?|uhr|o'clock"
)
_LETTER = "A-Za-zÀ-ɏ0-9_"


class _Patterns:
    """Compiled when the first message with a number comes."""

    def __init__(self) -> None:
        self.candidate = re.compile(
            rf"(?<![{_LETTER}])(?:[A-Z]{{1,3}}-(?P<tail>\d{{4,8}})|(?P<digits>\d{{3}}[- ]\d{{3}}|\d{{4}}[- ]\d{{4}}"
            rf"|\d{{2}}[- ]\d{{2}}[- ]\d{{2}}|\d(?: \d){{3,7}}|\d{{4,8}})|(?P<mixed>[A-Za-z0-9]{{5,8}}))(?![{_LETTER}])"
        )
        self.bound = re.compile(r"@[^\s@#]{1,253} #([^\s#]{1,32})(?: @\S{1,253})?\Z")
        self.address = re.compile(r"(?:https?://|www\.)\S{1,500}|[\w-]{1,40}(?:\.[\w-]{1,40}){1,4}/\S{0,500}", re.ASCII)
        self.named, self.done, self.other, self.secret = (
            re.compile(words, re.IGNORECASE) for words in (_NAMED, _DONE, _OTHER, _GUARDED)
        )
        self.not_after = re.compile(
            rf"(?:(?:{_MONEY})\.? ?|[*•]+ ?|\bx{{1,4}}|(?:\b|(?<=[^\x00-\u024f])){_INSTEAD}[\s.:#№-]{{0,3}}"
            rf"|\b{_UNTIL} |[#№] ?|[+/=&_@-]|\d(?:[.,:/' -]|\) ?)|{_MONTH}[ ,.]{{1,3}})\Z",
            re.IGNORECASE,
        )
        self.numbered = re.compile(rf"\b{_NUMBER}[\s.:#№-]{{0,3}}\Z", re.IGNORECASE)
        self.not_before = re.compile(
            rf"[.,:/'-]\d|[*#@=_]|[ -]?\(?\d{{3}}|\) ?\d| ?(?:{_UNIT}|{_MONEY})", re.IGNORECASE
        )
        self.cue = re.compile(
            r"(?:[:=：»“”\"'「【\[(]|\b(?:is|ist|lautet|lauten|es|est|è|é|adalah|use|enter|type|это|هو|है))\s{0,2}\Z"
            r"|[为為是は]\s?\Z",
            re.IGNORECASE,
        )


@lru_cache(maxsize=1)
def _patterns() -> _Patterns:
    return _Patterns()


def find(text: str) -> str:
    """The code of a message; "" if there is none."""
    found = find_all(text)
    return found[0].code if found else ""


@lru_cache(maxsize=4)  # the rules and the channels of one message all ask
def find_all(text: str) -> tuple[Found, ...]:
    """Everything in a message that is a code, the likeliest first."""
    text = text[:LOOKED_AT]
    if not any(map(str.isdecimal, text)):
        return ()
    bound = _patterns().bound.search(text.rstrip())
    first = (Found(bound[1], *bound.span(1)),) if bound and any(c.isdigit() for c in bound[1]) else ()
    if not (names := _near_words(text)).named and not names.done:
        return first
    weighed = sorted((-points, found.start, found) for found, points in _candidates(text, names) if points >= ENOUGH)
    codes = (*first, *(found for _, _, found in weighed))
    return tuple(
        {found.code: found for found in reversed(codes)}[code] for code in dict.fromkeys(f.code for f in codes)
    )


class _Words(NamedTuple):
    """Where words stand: spans."""

    named: list[tuple[int, int]]
    done: list[tuple[int, int]]


def _near_words(text: str) -> _Words:
    words = _patterns()
    if words.other.search(text) and not words.secret.search(text):
        return _Words([], [])
    return _Words(
        *([match.span() for match in islice(pattern.finditer(text), MOST)] for pattern in (words.named, words.done))
    )


def _candidates(text: str, words: _Words) -> Iterable[tuple[Found, int]]:
    text = _patterns().address.sub(lambda match: " " * len(match[0]), text)
    for match in islice(_patterns().candidate.finditer(text), MOST):
        group = match.lastgroup or ""
        start, end = match.span(group)
        code = "".join(str(int(c)) if c.isdecimal() else c for c in match[group] if c not in " -")
        if group == "mixed" and (code.isalpha() or code.isdecimal()):
            continue
        yield Found(code, start, end), _points(text, match.start(), end, group, words)


def _points(text: str, start: int, end: int, group: str, words: _Words) -> int:
    """How much speaks for what stands from `start` to `end`."""
    patterns = _patterns()
    before, after = text[max(start - _FAR, 0) : start], text[end : end + _FAR]
    named = _nearness(words.named, start, end)
    cue = bool(patterns.cue.search(before))
    if patterns.not_before.match(after) or patterns.not_after.search(before[-30:]):
        return 0
    if patterns.numbered.search(before[-30:]) and not _named_number(before):
        return 0
    digits = text[start:end]
    if not digits.isalnum() and re.match(r"[ -]\d", after):
        return 0  # a telephone number
    if group == "mixed":
        return ENOUGH if named == 4 or (named == 3 and cue) else 0
    points = named or min(_nearness(words.done, start, end), 2)
    if not named and words.named:
        points += 1
    if len(digits) == 4 and digits[:2] in ("19", "20") and not (named == 4 or cue):
        points -= 2
    return points + cue + (sum(c.isdecimal() for c in digits) == 6) + (group == "tail")


def _named_number(before: str) -> bool:
    """Whether what stands before, though it often names other numbers, is "code number" or "PIN no."."""
    return any(len(before) - match.end() <= 12 for match in _patterns().named.finditer(before))


def _nearness(spans: list[tuple[int, int]], start: int, end: int) -> int:
    """4 for a word right before, 3 near, 2 far, 0 farther."""
    best = 0
    for first, last in spans:
        gap = start - last if last <= start else first - end
        if gap < 0 or gap > _FAR:
            continue
        best = max(best, 4 if last <= start and gap <= 3 else 3 if gap <= _NEAR else 2)
    return best


def hide(text: str, codes: Iterable[str]) -> str:
    """The text with every digit and letter of these codes replaced, however they are set apart."""
    for code in codes:
        spread = r"[- ]?".join(_any_script(c) for c in code)
        text = re.sub(
            rf"(?<!\d){spread}(?!\d)",
            lambda match: "".join(c if c in " -" else HIDDEN for c in match[0]),
            text,
            flags=re.IGNORECASE,
        )
    return text


def _any_script(character: str) -> str:
    """A pattern for a digit in whatever script, or for a letter. Arabic, Persian, Devanagari, Bengali, full width."""
    if not character.isdecimal():
        return re.escape(character)
    return "[" + "".join(chr(base + int(character)) for base in (0x30, 0x660, 0x6F0, 0x966, 0x9E6, 0xFF10)) + "]"
