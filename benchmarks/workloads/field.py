"""The two workloads that tools of the field are compared on."""

from __future__ import annotations


def fib(number):
    return number if number < 2 else fib(number - 1) + fib(number - 2)


def fib_20(_count):
    """21,891 calls."""
    fib(20)


def validate(user, amount):
    limit = 1000
    is_small = amount < limit
    return is_small and bool(user)


def handle(order_id, user, password, amount):
    ok = validate(user, amount)
    total = amount * 2
    text = "done" if ok and password else "refused"
    return text if total else ""


def handle_many(count):
    """Two calls each."""
    for number in range(count):
        handle(number, "ada", "correct horse", 12.5)
