"""Price three orders: what examples/filters/dev.toml is written for."""

from __future__ import annotations

from dataclasses import dataclass

RATES = {"books": 7, "tools": 19}


@dataclass
class Customer:
    name: str
    email: str
    number: str


@dataclass
class Order:
    customer: Customer
    kind: str
    cents: int


def main() -> None:
    ada = Customer("Ada", "ada@shop.example", "CUST-100200")
    sign_in(ada, "correct horse")
    for order in (Order(ada, "books", 2000), Order(ada, "tools", 500), Order(ada, "books", 100)):
        print(total(order))
    print(is_healthy())


def sign_in(customer: Customer, password: str) -> str:
    """Return an access token; neither it nor the password is for a trace."""
    return f"{customer.name}-{len(password)}"


def total(order: Order) -> int:
    discount = 10 if order.cents >= 1000 else 0
    note = f"{order.customer.number} saves {discount} %"
    net = order.cents * (100 - discount) // 100
    return with_tax(net, order.kind) if note else net


def with_tax(cents: int, kind: str) -> int:
    return cents + cents * rate(kind) // 100


def rate(kind: str) -> int:
    """Called everywhere, worth seeing twice."""
    return RATES[kind]


def is_healthy() -> bool:
    return True


if __name__ == "__main__":
    main()
