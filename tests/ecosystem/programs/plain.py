"""A program that knows nothing about tracing."""

import sys


def tax(amount, password):
    return amount * 0.2


def main():
    return sum(tax(amount, "hunter2") for amount in range(3))


print(f"total {main():.1f}")
sys.exit(3)
