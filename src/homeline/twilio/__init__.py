"""What the owner's account at Twilio should have, compared with what it has, and carried out.

Like `render` it runs in a process that ends again (`__main__`), and it alone imports Twilio's library, which the idle
daemon must not load. Decisions are pure (`wanted`, `plan`); `account` is the only door to the network.
"""
