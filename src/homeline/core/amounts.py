"""Amounts of money as networks write them: `1.234,56`, `1,234.56`, `1 234,56`, `CHF 12.-` has `12`.

A value here is an integer, in ten-thousandths, so that nothing is rounded.
"""

from __future__ import annotations

SCALE = 10_000
_PLACES = 4
_LONGEST = 40  # characters
_MOST = 12  # digits before the decimal sign
_THOUSANDTHS = ("BHD", "IQD", "JOD", "KWD", "LYD", "OMR", "TND")  # currencies with three decimals (ISO 4217)
_ALIKE = str.maketrans("\u066b\u066c\u2019\u2212", ".,'-", " \u00a0\u2007\u2009\u202f")


def parse(text: str, unit: str = "") -> int | None:
    """The amount, None where the text is none. `unit` is its currency.

    With `.` and `,` the last of them begins the decimals. One of them alone, before three digits, groups thousands
    (`1.234`), unless a zero is before it or the currency has three decimals.
    """
    text = text.strip().translate(_ALIKE).replace("'", "")
    sign = -1 if text.startswith("-") else 1
    text = text.removeprefix("-").removeprefix("+").rstrip("-.,")
    if not text or len(text) > _LONGEST or any(not (c.isdecimal() or c in ".,") for c in text):
        return None
    text = "".join(str(int(c)) if c.isdecimal() else c for c in text)
    if min(text.count("."), text.count(",")) > 0 and text.count(text[max(text.rfind("."), text.rfind(","))]) > 1:
        return None  # two decimal signs
    at = _decimal_sign(text, unit.upper() in _THOUSANDTHS)
    whole = text[:at].replace(".", "").replace(",", "")
    part = text[at + 1 :]
    if len(whole) > _MOST or not (whole + part) or not (part + "0").isdigit():
        return None
    return sign * (int(whole or "0") * SCALE + int(part[:_PLACES].ljust(_PLACES, "0")))


def _decimal_sign(text: str, thousandths: bool) -> int:
    """Where the decimals begin; the length of the text where it has none."""
    at = max(text.rfind("."), text.rfind(","))
    if at < 0:
        return len(text)
    if text.count(text[at]) > 1:
        return len(text)  # 1.234.567
    alone = not ("." in text and "," in text)
    grouping = alone and len(text) - at == 4 and 1 <= at <= 3 and not text.startswith("0") and not thousandths
    return len(text) if grouping else at


def shown(value: int) -> str:
    """An amount with a decimal point and at least two decimals, such as `-3.50`."""
    whole, part = divmod(abs(value), SCALE)
    digits = f"{part:04}"
    while len(digits) > 2 and digits.endswith("0"):
        digits = digits[:-1]
    return f"{'-' if value < 0 else ''}{whole}.{digits}"
