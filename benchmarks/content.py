"""Content redaction by the builtin shapes: cost per new, known, and long string.

Run with ``python -m benchmarks.content``.
"""

import random
import statistics
import time

from codetracer_otel.filters.secrets.content_rules import ContentPattern
from codetracer_otel.filters.secrets.redactor import compile_content
from codetracer_otel.filters.types import Action, RuleSource

SOURCE = RuleSource("<builtin:default>", 1)
ROUNDS = 15
BATCHES = 100
BATCH_SIZE = 64
WORDS = (
    "alpha",
    "beta",
    "gamma",
    "order",
    "item",
    "user",
    "name",
    "price",
    "status",
    "open",
    "closed",
    "paid",
    "city",
    "road",
)


def plain_text(pick):
    return " ".join(pick.choices(WORDS, k=pick.randrange(1, 6))) + str(pick.randrange(10**5))


def mixed_text(pick):
    number = pick.randrange(10**6)
    return pick.choice(
        [
            f"order-{number}",
            f"GET {number}",
            f"user{number}@example.com",
            f"/api/v1/items/{number}",
            f"2024-01-17T10:{number % 60:02d}:{number % 99999:05d}Z",
            f"{number:08x}-{number % 9999:04x}-4000-8000-{pick.randrange(2**48):012x}",
            f"some words about {number}",
            f"customer_name_{number}",
            f"https://example.com/{number}",
        ]
    )


def long_text(pick):
    return " ".join(pick.choices(WORDS, k=180)) + str(pick.randrange(10**6))


def seconds_per_text(texts):
    """Return the median over rounds of CPU seconds per text, none of them seen before."""
    figures = []
    for _ in range(ROUNDS):
        rules = compile_content([ContentPattern("shapes", "all", Action.REDACT, SOURCE)])
        began = time.process_time()
        for begin in range(0, len(texts), BATCH_SIZE):
            rules.redact_texts(texts[begin : begin + BATCH_SIZE])
        figures.append((time.process_time() - began) / len(texts))
    return statistics.median(figures), min(figures), max(figures)


def seconds_per_known_text(texts):
    rules = compile_content([ContentPattern("shapes", "all", Action.REDACT, SOURCE)])
    batch = texts[:BATCH_SIZE]
    rules.redact_texts(batch)
    figures = []
    for _ in range(ROUNDS):
        began = time.process_time()
        for _ in range(BATCHES):
            rules.redact_texts(batch)
        figures.append((time.process_time() - began) / BATCHES / len(batch))
    return statistics.median(figures), min(figures), max(figures)


def main():
    pick = random.Random(7)
    count = BATCHES * BATCH_SIZE
    plain = [plain_text(pick) for _ in range(count)]
    rows = {
        "new short string, plain words": seconds_per_text(plain),
        "new short string, mixed with ids": seconds_per_text(
            [mixed_text(pick) for _ in range(count)]
        ),
        "known short string": seconds_per_known_text(plain),
        "new string of 1 KB": seconds_per_text([long_text(pick) for _ in range(count // 16)]),
        "password=hunter2": seconds_per_text([f"password=hunter{i}" for i in range(count // 16)]),
    }
    for label, (median, fastest, slowest) in rows.items():
        print(f"{label:36} {median * 1e6:8.3f} us   ({fastest * 1e6:.3f} .. {slowest * 1e6:.3f})")


if __name__ == "__main__":
    main()
