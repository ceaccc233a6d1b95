"""Payments, over a bank that answers from memory."""

from __future__ import annotations

from typing import Any

DECLINED = "0002"
BANK_USER = "shop"
BANK_KEY = "kx9-merchant-7Qp"


class PaymentDeclinedError(Exception):
    """The bank does not pay."""


def charge(card_number: str, amount_cents: int, reference: str) -> str:
    """Return the bank's receipt; raise `PaymentDeclinedError` when it does not pay."""
    payment = {"card_number": card_number, "amount_cents": amount_cents, "reference": reference}
    answer = post(charges_url(BANK_USER, BANK_KEY), payment)
    return answer["receipt"]


def charges_url(user: str, secret: str) -> str:
    return f"https://{user}:{secret}@bank.example/charges"


def post(url: str, payload: dict[str, Any]) -> dict[str, Any]:
    """Answer as the bank would."""
    if payload["card_number"].endswith(DECLINED):
        raise PaymentDeclinedError(f"card {payload['card_number']} was declined")
    return {"receipt": f"R-{payload['reference']}", "authorization": url.partition("@")[0]}
