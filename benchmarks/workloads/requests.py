"""A service in small: each request makes some calls, one in 200 fails, most are alike."""

from __future__ import annotations

ITEMS = 8
CALLS = 5 + ITEMS  # of one request
FAILS_EVERY = 200
CALLS_OF_FAILURE = 4
MEAN_CALLS = CALLS - (CALLS - CALLS_OF_FAILURE) / FAILS_EVERY  # of a request


def serve(number):
    user = load_user(number % 5000)
    try:
        order = place(user, [f"item-{number % 97}-{index}" for index in range(ITEMS)], number)
    except ValueError:
        return 400
    return render(user, order)


def load_user(number):
    return {"id": number, "name": f"user-{number}", "country": "DE" if number % 3 else "FR"}


def place(user, items, number):
    check(user, number)
    cents = 0
    for item in items:
        cents += price(item, user["country"])
    return cents


def check(user, number):
    if number % FAILS_EVERY == FAILS_EVERY - 1:
        raise ValueError("out of stock")
    return user["id"] >= 0


def price(item, country):
    return len(item) * (119 if country == "DE" else 120)


def render(user, cents):
    return f"{user['name']} pays {cents / 100:.2f}"
