"""One-time codes: found in messages as services send them in many languages, and not in what only looks like one."""

from __future__ import annotations

import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from homeline.core import onetime
from homeline.core.onetime import find, find_all, hide
from hostile import HOSTILE

# Written for this test in the manner of such messages; the code, or nothing.
ROWS = [
    ("G-482913 is your Google verification code.", "482913"),
    ("Your WhatsApp code: 482-913\nDon't share this code with others", "482913"),
    ("<#> 482-913 is your WhatsApp code. Don't share it. 4sgLq1p5sV6", "482913"),
    ("FB-48291 is your Facebook confirmation code", "48291"),
    ("Your Example code is 482913.\n\n@example.com #482913", "482913"),
    ("@example.com #482913", "482913"),
    ("https://example.com/l 123\n@shop.example.com #9B4K2 @pay.example", "9B4K2"),
    ("482913 is your one-time password. Valid for 10 minutes.", "482913"),
    ("Use 482913 to verify your account.", "482913"),
    ("Use 4829 to log in to Lyft", "4829"),
    ("Your Uber code is 4829. Never share this code.", "4829"),
    ("Your PIN is 2024. Do not tell it to anybody.", "2024"),
    ("Your code: 48 29 13", "482913"),
    ("Your code is 4 8 2 9 1 3", "482913"),
    ("Steam Guard code: 5X2K9", "5X2K9"),
    ("Your Apple ID Code is: 482913. Do not share it with anyone.", "482913"),
    ("123456: your OTP for the payment of Rs 4,500.00 at SHOP on card XX1234. Not you? Call 18001234567", "123456"),
    ("OTP is 482913 for txn of INR 15000.00 on HDFC Bank card ending 4321. Do not share OTP.", "482913"),
    ("Dear customer, 482913 is the OTP to login to your account 123456789012. Valid till 14:30.", "482913"),
    ("Your verification number is 482913", "482913"),
    ("Microsoft access code: 4829", "4829"),
    ("PayPal: 482913 is your security code. Don't share it.", "482913"),
    ("Amazon: 482913 is your OTP. Do not share it. Call 1-800-555-1234 if this was not you", "482913"),
    ("[TikTok] 482913 is your verification code, valid for 5 minutes.", "482913"),
    ("Your parcel is in locker 12. Pickup code 48291.", "48291"),
    ("Your code is ABC123, it expires in 15 minutes.", "ABC123"),
    ("Login code: 48291. Do not give this code to anyone, even if they say they are from Telegram!", "48291"),
    # German
    ("Ihr Bestätigungscode lautet 482913.", "482913"),
    ("482913 ist Ihr Einmalpasswort.", "482913"),
    (
        "Die mobileTAN für Ihre Überweisung über 1.250,00 EUR auf das Konto DE89370400440532013000 lautet: 482913",
        "482913",
    ),
    ("Ihre TAN zum Auftrag vom 12.05.2024: 482 913", "482913"),
    ("Dein Code für die Anmeldung: 4829. Gib ihn niemandem weiter.", "4829"),
    ("Post: Ihre Sendung liegt bereit. Abholcode 48291", "48291"),
    ("smsTAN 482913 fuer Ueberweisung 500,00 EUR an Max Muster", "482913"),
    # Spanish, Portuguese
    ("Tu código de verificación es 482913. No lo compartas.", "482913"),
    ("482913 es tu codigo de Instagram", "482913"),
    ("Clave dinámica: 482913. Compra de 45,90 EUR en TIENDA", "482913"),
    ("Seu código é 4829. Não compartilhe.", "4829"),
    ("Use a senha 482913 para entrar", "482913"),
    # French, Italian, Dutch
    ("Votre code de vérification est 482 913", "482913"),
    ("Votre code d'accès : 4829", "4829"),
    ("Ne communiquez ce code à personne : 48291337. Paiement de 25,00€", "48291337"),
    ("Il tuo codice di verifica è 482913", "482913"),
    ("Codice OTP 482913 per autorizzare il pagamento di 120,50 EUR", "482913"),
    ("Je verificatiecode is 482913", "482913"),
    # Polish, Czech, Hungarian, Swedish, Finnish, Romanian
    ("Twój kod to 482913", "482913"),
    ("Kod SMS: 482913. Przelew na kwotę 100,00 PLN", "482913"),
    ("Váš ověřovací kód je 482913", "482913"),
    ("Din kod är 4829", "4829"),
    ("Vahvistuskoodi: 482913", "482913"),
    ("Codul tău este 482913", "482913"),
    # Russian, Ukrainian
    ("Код подтверждения: 4829. Никому не сообщайте.", "4829"),
    ("482913 — ваш код для входа", "482913"),
    ("Пароль: 4829. Покупка 1500р в MAGAZIN, карта *1234", "4829"),
    ("Никому не говорите код 48291! Вход в Госуслуги", "48291"),
    # Turkish, Greek
    ("Doğrulama kodunuz: 482913", "482913"),
    ("Giriş şifreniz 482913. Kimseyle paylaşmayın.", "482913"),
    ("Ο κωδικός σας είναι 482913", "482913"),
    # Hindi, Bengali
    ("आपका ओटीपी 482913 है। इसे किसी के साथ साझा न करें।", "482913"),
    ("आपका सत्यापन कोड ४८२९१३ है", "482913"),
    # Arabic, Persian, Hebrew
    ("رمز التحقق الخاص بك هو 482913", "482913"),
    ("رمز التحقق: ٤٨٢٩١٣", "482913"),
    ("کد ورود شما: 48291", "48291"),
    ("קוד האימות שלך הוא 482913", "482913"),
    # Chinese, Japanese, Korean, Vietnamese, Thai
    ("【支付宝】您的验证码为482913，5分钟内有效，请勿泄露。", "482913"),
    ("验证码：482913。您正在登录，若非本人操作请忽略。", "482913"),
    ("【淘寶】您的驗證碼是 4829", "4829"),
    ("您尾号1234的卡消费动态密码482913", "482913"),
    ("認証コード：482913", "482913"),
    ("[카카오] 인증번호 482913 를 입력하세요", "482913"),
    ("Mã OTP của bạn là 482913", "482913"),
    ("รหัส OTP ของคุณคือ 482913", "482913"),
    ("Kode verifikasi Anda adalah 482913. JANGAN BERIKAN kode ini", "482913"),
    # none
    ("See you at 1830 in room 4829", ""),
    ("Happy new year 2025!", ""),
    ("Call me on +41 79 123 45 67", ""),
    ("Call 0800 123 456 to get your code", ""),
    ("Your order 482913 has shipped. Track it: https://ship.example/482913", ""),
    ("Use promo code SAVE20 for 20% off until 31.12.2024", ""),
    ("Gutscheincode SOMMER24: 10 Euro Rabatt bis 2024", ""),
    ("Your balance is 5000 points", ""),
    ("Paid 1500 EUR with card ending 4321", ""),
    ("Payment of Rs.4500 received in a/c XX4321 on 12-05-2024", ""),
    ("Invoice 48291337 over 1.250,00 is due on 12 May 2024", ""),
    ("Booking confirmed: flight LX1234 on 2024-05-01, code ABC123", ""),
    ("Text STOP to 48291 to end this. Conditions code of conduct apply", ""),
    ("Dial *100# for your PIN balance", ""),
    ("Запись подтверждена на 12 мая 2024, кабинет 4829", ""),
    ("Промокод 4829 на скидку", ""),
    ("您的订单482913已发货", ""),
    ("hello", ""),
    ("", ""),
    ("1234", ""),
    ("0123456789abcdef" * 200, ""),
    ("Dress code black tie, 2024 guests", ""),
    ("zip code 80331", ""),
    ("The meeting is at 14:30, building code follows. Phone 079 1234567", ""),
    # what looks like one
    ("Ihr Guthaben beträgt 12,50 EUR. Gültig bis 31.12.2025. Aufladecode unter *101#", ""),
    ("Ihr Paket 00340434161094012345 kommt heute zwischen 14:00 und 16:00 Uhr.", ""),
    ("Termin: Dr. Muster, 12.05.2025 um 1430 Uhr. Absagen unter 0441234567", ""),
    ("Swisscom: Sie haben 2048 MB verbraucht. Aktivieren Sie mit DATA an 444", ""),
    ("Parkschein: Kennzeichen ZH 123456, Zone 8001, bis 18:30", ""),
    ("Kontostand 12345,67 CHF am 12.05.2024", ""),
    ("Your OTP request was declined. Call 18002345678", ""),
    ("Dear user, 5000 reward points expire on 31/12/2024. Code of conduct applies", ""),
    ("You have used 1024 MB of your data. Reply YES to 8080 to renew", ""),
    ("Flight BA1234 to LHR departs 1430 from gate 2045", ""),
    ("Tu pedido 48291337 está en camino. Llegada 14-16h", ""),
    ("Compra de 4829 EUR con tarjeta *4321 el 12/05", ""),
    ("Ваш заказ 482913 готов к выдаче", ""),
    ("Баланс 1500.00р. Пополните до 31.12.2024", ""),
    ("Встреча в 1830, дом 15, код домофона позже", ""),
    ("您的快递已到，取件请联系13800138000", ""),
    ("【顺丰】快递单号SF1234567890已签收", ""),
    ("您的话费余额为4829.50元", ""),
    ("आपका बैलेंस रु 4829.00 है", ""),
    ("Your PIN was changed on 12 May 2024. If not you call 0800 123 456", ""),
    ("Your password was reset at 1430 on 2024-05-12", ""),
    ("Never share your PIN, OTP or password with anyone. Bank will never call from 044 123 45 67.", ""),
    ("New sign-in to your account from 192.168.1.100 on 12 May", ""),
    ("Welcome to Germany! Calls 0,00 EUR/min. Emergency 112. Info at 1010", ""),
    ("WIN 5000 EUR! Text CODE to 80123 now", ""),
    ("Your Netflix code of the week: enjoy 2024's best shows", ""),
    # and more of them
    ("Ihr Code: 4829", "4829"),
    ("Code 482913", "482913"),
    ("482913", ""),
    ("PIN: 4829", "4829"),
    ("OTP-482913", "482913"),
    ("OTP:482913", "482913"),
    ("(482913) is your Twitter confirmation code", "482913"),
    ("Your Discord verification code is: 482913", "482913"),
    ("[Binance] Verification code: 482913. Never share", "482913"),
    ("Revolut: your confirmation code is 482-913. Never share this code", "482913"),
    ("Enter 482913 to sign in to your Microsoft account", "482913"),
    ("482913 is your Tinder code Don't share @tinder.com #482913", "482913"),
    ("PostFinance: 482913. Code zur Freigabe von CHF 120.00 bei SHOP", "482913"),
    ("Sparkasse: Auftrag vom 12.05. Betrag 99,00 EUR IBAN ...5678 TAN 482913", "482913"),
    ("ING: Kartenzahlung 25.00 EUR bei AMAZON. Ihre mTAN: 482913", "482913"),
    ("BBVA: 482913 es su clave de firma para la transferencia de 250,00EUR a ES12****4567", "482913"),
    ("CaixaBank: codigo de seguridad 482913 para confirmar compra 35,00 EUR en ZARA", "482913"),
    ("Crédit Agricole: votre code pour valider l'achat de 45,90 EUR chez FNAC est 48291337", "48291337"),
    ("Poste Italiane: il codice per autorizzare l'operazione e' 482913", "482913"),
    ("Сбербанк: код 48291 для входа. Никому не сообщайте", "48291"),
    ("Tinkoff. Никому не говорите код: 4829! Вход в личный кабинет", "4829"),
    ("Госуслуги: 482913 - код подтверждения", "482913"),
    ("SBI: Dear Customer, OTP for txn of Rs.1500.00 at FLIPKART on card ending 1234 is 482913", "482913"),
    ("482913 is SECRET OTP for txn of INR 2499.00 on HDFC Bank card xx1234 at AMAZON", "482913"),
    ("Use OTP 482913 to login to DigiLocker. DigiLocker never calls to verify OTP.", "482913"),
    ("【微信】482913（微信验证码，请勿告知他人）", "482913"),
    ("【中国银行】您正在进行转账，金额5000.00元，动态口令：482913", "482913"),
    ("[Naver] 인증번호는 482913 입니다", "482913"),
    ("LINE認証番号：482913（30分有効）", "482913"),
    ("Garanti BBVA: 4321 ile biten kartınızla 150,00 TL işlem için şifreniz: 482913", "482913"),
    ("E-Devlet kodu 482913. Kimseyle paylaşmayın", "482913"),
    ("رمز التفعيل 4829", "4829"),
    ("SNB: OTP 4829 for purchase SAR 150.00 at NOON card *1234", "4829"),
    ("Vodafone: O código é 482913", "482913"),
    ("Nubank: 4829 é o seu código de segurança", "4829"),
    ("Din BankID-kode er 482913", "482913"),
    ("Uw DigiD sms-code is 482913", "482913"),
    ("Your code to collect parcel 12345678 is 4829", "4829"),
    ("Your Signal verification code: 482-913 Do not give this code to anyone.", "482913"),
    ("Steam: your code R7K2M", "R7K2M"),
    ("Proton verification code is 482913", "482913"),
    ("Kód pre prihlásenie: 482913", "482913"),
    ("Az ön belépési kódja: 482913", "482913"),
    ("Votre code de retrait Mondial Relay : 4829", "4829"),
]


@pytest.mark.parametrize(("text", "code"), ROWS)
def test_a_message_and_its_code(text: str, code: str) -> None:
    assert find(text) == code


@pytest.mark.parametrize("text", [text for text, code in ROWS if code])
def test_what_is_hidden_is_gone_and_the_rest_stays(text: str) -> None:
    found = find_all(text)
    shown = hide(text, [each.code for each in found])
    assert len(shown) == len(text)
    assert [(a, b) for a, b in zip(text, shown, strict=True) if a != b and b != onetime.HIDDEN] == []
    for each in found:
        assert not any(c.isalnum() for c in shown[each.start : each.end])
    assert find(shown) == ""


def test_a_code_is_hidden_wherever_it_stands() -> None:
    text = "482913, 482-913, 482 913, ٤٨٢٩١٣, x=482913&y, 9482913, 4829130"
    assert hide(text, ["482913"]) == "******, ***-***, *** ***, ******, x=******&y, 9482913, 4829130"
    assert hide("ab1-2c and AB12C", ["AB12C"]) == "***-** and *****"
    assert hide("(1+1)", []) == "(1+1)"


def test_two_codes_are_both_found() -> None:
    found = find_all("Your code is 482913. If that fails use code 7777.")
    assert [each.code for each in found] == ["482913", "7777"]


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE)
def test_hostile_texts_have_none(text: str) -> None:
    assert find(text) == ""
    assert hide(text, ["482913"]) == text


@given(st.text(max_size=300), st.text(max_size=30))
def test_any_text_gives_an_answer(text: str, end: str) -> None:
    for each in find_all(f"{text} code: {end}"):
        assert 0 <= each.start < each.end <= onetime.LOOKED_AT
        assert each.code.isprintable()


def steps(text: str) -> int:
    """Lines of Python that run, and the matches among them."""
    count = 0

    def trace(frame: object, what: str, arg: object) -> object:
        nonlocal count
        count += what == "line"
        return trace

    find_all.cache_clear()
    before = sys.gettrace()
    sys.settrace(trace)  # type: ignore[arg-type]
    try:
        find(text)
    finally:
        sys.settrace(before)
    return count


@pytest.mark.parametrize(
    "piece", ["code 1234 ", "12-34-", "1 2 3 4 ", "AB-1234 ", "@a #1", "1,2,3.", "a.b/", "no.1234 "]
)
def test_a_long_text_costs_no_more_than_a_short_one(piece: str) -> None:
    short, long = (piece * (size // len(piece)) for size in (onetime.LOOKED_AT, 40_000))
    assert steps(long) <= steps(short) * 1.1 + 20
    assert steps(short) < 60_000
